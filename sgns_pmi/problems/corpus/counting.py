"""From numbered text to counts: windows are counted segment by segment, each one a run of sorted rows; runs are then merged.

A segment is counted by rows: for each centre all its places are visited and their contexts added up in one dense row, so that
pairs need neither be written down nor sorted. Weights are whole numbers until the end: sums are the same in any order, whatever
the segments, threads and memory.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus import kernels
from sgns_pmi.problems.corpus.settings import Limits, Settings
from sgns_pmi.problems.corpus.sources import Source
from sgns_pmi.problems.corpus.spool import Spool
from sgns_pmi.problems.corpus.vocabulary import Encoded, choose_vocabulary, encode
from sgns_pmi.problems.corpus.workers import THREADS, Workers
from sgns_pmi.progress import Progress

log = logging.getLogger("sgns_pmi")
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Part = tuple[int, int]
"""A range of rows, its end excluded."""
CSR = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]
"""indptr, columns and values of some rows; the values in the smallest type of whole numbers that holds them."""


@dataclass(frozen=True)
class Counted:
    """The counts of a text, and how many of its tokens they rest on.

    Parameters
    ----------
    counts : CooccurrenceCounts
    read, known, kept : int
        Tokens of the text; of these, those in the vocabulary; of these, those left by subsampling, in all readings together.
    """

    counts: CooccurrenceCounts
    read: int
    known: int
    kept: int


@dataclass(frozen=True)
class Segment:
    """Some consecutive text, to be counted at once.

    Parameters
    ----------
    stream, reach : ndarray
        As `kernels.thin` makes them.
    start, stop : int
        Where its centres stand in the stream; before and after are contexts alone.
    unit : ndarray of int32
        Number of the unit that each element stands in; empty where units are not asked for.
    """

    stream: NDArray[np.int32]
    reach: NDArray[np.int32]
    start: int
    stop: int
    unit: NDArray[np.int32]


@dataclass(frozen=True)
class Edges:
    """Where a shard stands in its text.

    Parameters
    ----------
    position : int
        Tokens of the text before it.
    before, after : ndarray of int32
        The words next to it, as `kernels.thin` leaves them: contexts of its centres.
    """

    position: int
    before: NDArray[np.int32]
    after: NDArray[np.int32]


NO_EDGES = Edges(0, np.empty(0, np.int32), np.empty(0, np.int32))


def count_text(
    sources: Sequence[Source],
    settings: Settings,
    limits: Limits,
    folder: Path | None = None,
    threads: int = THREADS,
    shown: bool = False,
) -> Counted:
    """Count the co-occurrences in a text.

    Parameters
    ----------
    sources : sequence of Source
    settings : Settings
        What to count.
    limits : Limits
        What is held in memory; the counts do not depend on it.
    folder : Path, optional
        Where that lies which is too large for the memory; the system's temporary folder by default.
    threads : int
        The counts do not depend on it.
    shown : bool
        Whether to show progress.

    Raises
    ------
    InputError
        For a text that cannot be read, holds no word, or too few for a vocabulary; and if no two words stand together.
    """
    once = len(settings.epochs) == 1
    with Workers(threads) as workers, Spool(folder, limits.ids, once) as texts, Spool(folder, limits.runs) as runs:
        encoded = encode(sources, settings, limits, texts, workers, shown)
        index = encoded.index
        check_words(index, sources)
        vocabulary = choose_vocabulary(index, encoded.counts, settings)
        del index
        encoded.forget()  # its memory is now for the windows
        keep = settings.keep_probability(vocabulary.counts)
        own = all_segments(encoded, texts, vocabulary.number, keep, settings, limits.segment, workers)
        matrix, kept = count_segments(own, vocabulary.counts * keep, settings, limits.piece, runs, workers, shown)
        if texts.spilled or runs.spilled:
            log.info("counting: %s MB on disk", f"{(texts.spilled + runs.spilled) / 1e6:,.0f}")
    check_pairs(matrix, settings)
    counts = CooccurrenceCounts(matrix, vocabulary.words, vocabulary.words)
    return Counted(counts, encoded.tokens, int(vocabulary.counts.sum()), kept)


def check_words(index: Mapping[bytes, int], sources: Sequence[Source]) -> None:
    """Refuse a text of fewer than two distinct words."""
    if len(index) < 2:
        names = ", ".join(source.name for source in sources)
        found = f"the word {next(iter(index)).decode()} alone" if index else "no word"
        raise InputError("path", names, f"holds {found}, and co-occurrence needs two")


def check_pairs(matrix: sp.csr_array, settings: Settings) -> None:
    """Refuse a text in which nothing co-occurs."""
    if matrix.nnz == 0:
        raise InputError("window", settings.window, "no two words of the vocabulary stand together in one window")


def count_segments(
    own: Iterable[Segment],
    expected: NDArray[np.float64],
    settings: Settings,
    piece: int,
    runs: Spool,
    workers: Workers,
    shown: bool,
) -> tuple[sp.csr_array, int]:
    """The counts of consecutive segments, (words, words), and how many centres they rest on.

    `expected` is how many of each word there are about in one of the `epochs`, (words,).
    """
    expected = expected * len(settings.epochs)
    parts = row_parts(expected * settings.pairs, piece)
    pieces: list[list[int]] = [[] for _ in parts]  # of each part of the rows, what the runs hold
    kept = 0
    with Progress("counting (tokens)", int(expected.sum()), shown) as progress:
        for segment in own:
            for part, csr, centers in count_segment(segment, parts, settings, len(expected), workers):
                pieces[part].append(runs.put(*csr))
                kept += centers
                progress.update(centers)
    return merge(pieces, parts, runs, settings.unit, len(expected), workers, shown), kept


def row_parts(pairs: NDArray[np.float64], size: int) -> list[Part]:
    """Consecutive ranges of rows with about `size` of the expected `pairs` each, or one row."""
    part = (np.cumsum(pairs) // size).astype(np.int64)
    edges = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(pairs)]
    return list(pairwise(edges))


def all_segments(
    encoded: Encoded,
    texts: Spool,
    number: NDArray[np.int32],
    keep: NDArray[np.float64],
    settings: Settings,
    size: int,
    workers: Workers,
    edges: Sequence[Edges] = (),
) -> Iterator[Segment]:
    """The segments of all `epochs`, each of which has edges of its own."""
    for epoch in settings.epochs:
        own = edges[epoch] if edges else NO_EDGES
        yield from segments(encoded, texts, number, keep, settings, size, workers, epoch, own)


def segments(
    encoded: Encoded,
    texts: Spool,
    number: NDArray[np.int32],
    keep: NDArray[np.float64],
    settings: Settings,
    size: int,
    workers: Workers,
    epoch: int = 0,
    edges: Edges = NO_EDGES,
    unit_of: Callable[[Int64], Int32] | None = None,
) -> Iterator[Segment]:
    """The text without dropped words, in segments of about `size` elements that overlap by the window.

    Each `epoch` has its own draws, of words to drop and of windows. `unit_of` tells the units of tokens from their places.
    """
    drawn = settings.window_type == "drawn"
    threshold = thresholds(keep)

    def thinned(block: tuple[int, int]) -> tuple[Int32, Int32, Int32]:
        ids, position = texts.take(block[0])[0], edges.position + block[1]
        if unit_of is None:
            return *thin(ids, number, threshold, position, settings, epoch), np.empty(0, np.int32)
        # With a hole for each dropped word, elements stay where they were.
        words, windows = thin(ids, number, threshold, position, replace(settings, removal="clean"), epoch)
        units = unit_of(position + np.cumsum(ids != kernels.BREAK) - 1)
        left = words != kernels.HOLE if settings.removal == "dirty" else slice(None)
        return words[left], windows[left] if drawn else windows, units[left]

    start = end = len(edges.before)
    stream = np.empty(end + min(size, encoded.elements), np.int32)
    stream[:end] = edges.before
    reach, unit = (np.zeros(len(stream) if wanted else 0, np.int32) for wanted in (drawn, unit_of is not None))
    for _, columns in workers.in_order(thinned, encoded.blocks):
        new = len(columns[0])
        if end + new > len(stream):
            stop = end - settings.window  # what follows is still without its right contexts
            if stop > start:
                yield Segment(stream[:end], reach[:end], start, stop, unit[:end])
                left = max(stop - settings.window, 0)
                for held in (stream, reach, unit):
                    held[: end - left] = held[left:end].copy()
                start, end = stop - left, end - left
            missing = end + new - len(stream)
            if missing > 0:
                stream, reach, unit = (
                    np.concatenate([held, np.empty(missing if len(held) else 0, np.int32)]) for held in (stream, reach, unit)
                )
        for held, column in zip((stream, reach, unit), columns, strict=True):
            held[end : end + len(column)] = column
        end += new
    if len(edges.after):
        stream = np.concatenate([stream[:end], edges.after])
        reach = np.concatenate([reach[:end], np.zeros(len(edges.after) if drawn else 0, np.int32)])
    stop = end + len(edges.after)
    yield Segment(stream[:stop], reach[:stop], start, end, unit[:stop])


def thresholds(keep: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Probabilities as `kernels.thin` takes them."""
    return (keep * 2.0**53).astype(np.uint64)


def thin(
    ids: NDArray[np.int32],
    number: NDArray[np.int32],
    threshold: NDArray[np.uint64],
    position: int,
    settings: Settings,
    epoch: int = 0,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """`kernels.thin` with what `settings` say; `position` tokens of the text stand before these."""
    return kernels.thin(
        ids,
        number,
        threshold,
        settings.random_key("subsample", epoch),
        position,
        settings.removal == "clean",
        settings.window,
        settings.random_key("window", epoch),
        settings.window_type == "drawn",
    )


def count_segment(
    segment: Segment, parts: list[Part], settings: Settings, words: int, workers: Workers
) -> Iterator[tuple[int, CSR, int]]:
    """A sorted run: for each part of the rows its number, its counts, and how many centres they rest on."""
    first, order = kernels.places(segment.stream, segment.start, segment.stop, words)
    left, right = settings.direction != "right", settings.direction != "left"

    def count(part: int) -> CSR:
        start, stop = parts[part]
        # More than all contexts of its word a cell cannot count.
        most = np.diff(first[start : stop + 1]).max() * int(settings.weight.sum()) * (int(left) + int(right))
        weight = settings.weight.astype(np.uint32 if most < 2**32 else np.uint64)
        indptr, columns, values = kernels.count_rows(
            segment.stream, segment.reach, first, order, start, stop, weight, left, right, words
        )
        return indptr, columns, values.astype(np.min_scalar_type(values.max(initial=0)))

    for part, csr in workers.in_order(count, range(len(parts))):
        start, stop = parts[part]
        yield part, csr, int(first[stop] - first[start])


def merge(
    pieces: list[list[int]], parts: list[Part], runs: Spool, unit: int, words: int, workers: Workers, shown: bool
) -> sp.csr_array:
    """The sum of all runs divided by `unit`, (words, words); the runs are used up."""

    def summed(part: int) -> CSR:
        run = [cast(CSR, runs.take(piece)) for piece in pieces[part]]
        if len(run) == 1:
            return run[0]
        offsets = np.cumsum([0, *(len(columns) for _, columns, _ in run[:-1])])
        indptrs = np.stack([indptr for indptr, _, _ in run]) + offsets[:, None]
        columns = np.concatenate([columns for _, columns, _ in run])
        values = np.concatenate([values for _, _, values in run], dtype=np.int64)
        return kernels.add_rows(indptrs, columns, values, words)

    # As long as the runs together; the memory that the sum does not need is never touched.
    bound = sum(runs.length(piece, 1) for part in pieces for piece in part)
    indptr = np.zeros(words + 1, np.int64)
    columns, values = np.empty(bound, np.int32), np.empty(bound, np.float64)
    n = 0
    with Progress("merging", len(parts), shown and len(pieces[0]) > 1) as progress:
        for part, (part_indptr, part_columns, part_values) in workers.in_order(summed, range(len(parts))):
            start, stop = parts[part]
            indptr[start + 1 : stop + 1] = n + part_indptr[1:]
            columns[n : n + len(part_columns)] = part_columns
            np.divide(part_values, unit, out=values[n : n + len(part_values)])
            n += len(part_columns)
            progress.update()
    # SciPy wants both kinds of index in one type, and looks through them all to choose it unless they agree.
    index = np.int32 if n < 2**31 else np.int64
    return sp.csr_array((values[:n], columns[:n].astype(index, copy=False), indptr.astype(index)), shape=(words, words))
