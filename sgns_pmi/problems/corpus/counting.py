"""From numbered text to counts: windows are counted segment by segment, each one a run of sorted rows; runs are then merged.

A segment is counted by rows: for each centre all its places are visited and their contexts added up in one dense row, so that
pairs need neither be written down nor sorted. A run is kept in pieces, and merging holds one piece of each, so that neither all
pairs nor all cells are ever in memory. Weights are whole numbers until the end: sums are the same in any order, whatever the
segments, threads and memory.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

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
MERGED_BYTES = 64
"""Of a cell while runs are merged: where it is held, beside the other runs' cells, summed and copied, and given away."""

PARTS, LEAST_ADDED = 8, 1 << 17
"""Into how many parts the threads share what is held of runs to be added, and cells that are worth a part."""


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


class Rows(NamedTuple):
    """Counts of consecutive rows: CSR arrays with sorted columns, the values whole multiples of 1 / `Settings.unit`."""

    first: int
    indptr: Int64
    columns: Int32
    values: NDArray[Any]

    @property
    def stop(self) -> int:
        """The row after the last."""
        return self.first + len(self.indptr) - 1

    @property
    def centers(self) -> Int32:
        """The row of each cell, (cells,)."""
        return np.repeat(np.arange(self.first, self.stop, dtype=np.int32), np.diff(self.indptr))

    def between(self, first: int, stop: int) -> Rows:
        """Some of these rows."""
        indptr = self.indptr[first - self.first : stop - self.first + 1]
        cells = slice(indptr[0], indptr[-1])
        return Rows(first, indptr - indptr[0], self.columns[cells], self.values[cells])


class Run(NamedTuple):
    """All rows in their order, in pieces that a `Spool` keeps under consecutive numbers."""

    pieces: range
    cells: int
    largest: int
    """Cells of the largest piece."""


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
        index = encoded.take_index()
        check_words(index, sources)
        vocabulary = choose_vocabulary(index, encoded.counts, settings)
        del index  # its memory is now for the windows
        keep = settings.keep_probability(vocabulary.counts)
        own = chain.from_iterable(
            segments(encoded, texts, vocabulary.number, keep, settings, limits.segment, workers, epoch)
            for epoch in settings.epochs
        )
        found, kept = count_segments(own, vocabulary.counts * keep, settings, limits, runs, workers, shown)
        check_pairs(found, settings)
        matrix = as_matrix(
            merged(found, runs, limits, len(keep), workers, shown), cells_of(found), settings.unit, len(keep), workers
        )
        if texts.spilled or runs.spilled:
            log.info("counting: %s MB on disk", f"{(texts.spilled + runs.spilled) / 1e6:,.0f}")
    counts = CooccurrenceCounts(matrix, vocabulary.words, vocabulary.words)
    return Counted(counts, encoded.tokens, int(vocabulary.counts.sum()), kept)


def check_words(index: Mapping[bytes, int], sources: Sequence[Source]) -> None:
    """Refuse a text of fewer than two distinct words."""
    if len(index) < 2:
        names = ", ".join(source.name for source in sources)
        found = f"the word {next(iter(index)).decode()} alone" if index else "no word"
        raise InputError("path", names, f"holds {found}, and co-occurrence needs two")


def cells_of(runs: Sequence[Run]) -> int:
    """How many cells some runs have, those that they share counted for each."""
    return sum(run.cells for run in runs)


def check_pairs(runs: Sequence[Run], settings: Settings) -> None:
    """Refuse a text in which nothing co-occurs."""
    if cells_of(runs) == 0:
        raise InputError("window", settings.window, "no two words of the vocabulary stand together in one window")


def count_segments(
    own: Iterable[Segment],
    expected: NDArray[np.float64],
    settings: Settings,
    limits: Limits,
    runs: Spool,
    workers: Workers,
    shown: bool,
) -> tuple[list[Run], int]:
    """The counts of consecutive segments, a run each, and how many centres they rest on.

    `expected` is how many of each word there are about in one of the `epochs`, (words,).
    """
    found, kept = [], 0
    with Progress("counting (tokens)", int(expected.sum()) * len(settings.epochs), shown) as progress:
        for segment in own:
            first, order = kernels.places(segment.stream, segment.start, segment.stop, len(expected))
            found.append(put_run(count_segment(segment, first, order, settings, limits.piece, workers), limits.held, runs))
            kept += int(first[-1])
            progress.update(int(first[-1]))
    return found, kept


def row_parts(sizes: Int64, size: int) -> list[Part]:
    """Consecutive ranges of rows whose `sizes` are about `size` together, and at most so much more than their largest row."""
    part = np.cumsum(sizes) // size
    edges = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(sizes)]
    return list(pairwise(edges))


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
    segment: Segment, first: Int64, order: Int32, settings: Settings, piece: int, workers: Workers
) -> Iterator[Rows]:
    """The counts of all rows, about `piece` pairs at a time; `first` and `order` are as `kernels.places` makes them."""
    left, right = settings.direction != "right", settings.direction != "left"
    words = len(first) - 1

    def count(part: Part) -> Rows:
        start, stop = part
        # More than all contexts of its word a cell cannot count.
        most = np.diff(first[start : stop + 1]).max() * int(settings.weight.sum()) * (int(left) + int(right))
        weight = settings.weight.astype(np.uint32 if most < 2**32 else np.uint64)
        indptr, columns, values = kernels.count_rows(
            segment.stream, segment.reach, first, order, start, stop, weight, left, right, words
        )
        return Rows(start, indptr, columns, _small(values))

    bounds = np.minimum(np.diff(first) * settings.pairs, words)
    for _, rows in workers.in_order(count, row_parts(bounds, piece)):
        yield rows


def _small(values: NDArray[Any]) -> NDArray[Any]:
    """The same in the smallest type of whole numbers that holds them."""
    return values.astype(np.min_scalar_type(values.max(initial=0)))


def put_run(rows: Iterable[Rows], held: int, runs: Spool) -> Run:
    """Keep all rows in pieces of about `held` cells."""
    begin, cells, largest = len(runs), 0, 0
    for some in rows:
        for part in row_parts(np.diff(some.indptr), held):
            piece = some.between(some.first + part[0], some.first + part[1])
            runs.put(np.array([piece.first]), piece.indptr, piece.columns, _small(piece.values))
            cells, largest = cells + len(piece.columns), max(largest, len(piece.columns))
    return Run(range(begin, len(runs)), cells, largest)


def merged(found: Sequence[Run], runs: Spool, limits: Limits, words: int, workers: Workers, shown: bool) -> Iterator[Rows]:
    """The sum of all runs, some rows at a time; the runs are used up.

    Of as many runs as the memory allows one piece each is held; where there are more, some of them are merged to one first.
    """
    found = list(found)
    while len(found) > (most := max(2, limits.merge // (1 + MERGED_BYTES * max(run.largest for run in found)))):
        some = found[: min(most, len(found) - most + 1)]
        found = [*found[len(some) :], put_run(summed(some, runs, words, workers), limits.held, runs)]
    with Progress("merging (words)", words, shown and len(found) > 1) as progress:
        for rows in summed(found, runs, words, workers):
            yield rows
            progress.update(rows.stop - rows.first)


def summed(found: Sequence[Run], runs: Spool, words: int, workers: Workers) -> Iterator[Rows]:
    """The sum of some runs, as far as the pieces that are held go together, some of their rows to each thread."""

    def take(number: int) -> Rows:
        (first,), *arrays = runs.take(number)
        return Rows(int(first), *arrays)

    rest = [iter(run.pieces) for run in found]
    held = [take(next(pieces)) for pieces in rest]
    row = 0
    while True:
        stop = min(piece.stop for piece in held)
        some = [piece.between(row, stop) for piece in held]
        sizes = np.sum([np.diff(piece.indptr) for piece in some], axis=0)
        parts = row_parts(sizes, max(int(sizes.sum()) // PARTS, LEAST_ADDED))
        for _, rows in workers.in_order(partial(_added, some, words), parts):
            yield rows
        if (row := stop) == words:
            return
        held = [piece if piece.stop > row else take(next(pieces)) for piece, pieces in zip(held, rest, strict=True)]


def _added(some: Sequence[Rows], words: int, part: Part) -> Rows:
    """The sum of counts of the same rows, of a part of them."""
    some = [rows.between(rows.first + part[0], rows.first + part[1]) for rows in some]
    if len(some) == 1:
        return some[0]
    offsets = np.cumsum([0, *(len(rows.columns) for rows in some[:-1])])
    indptrs = np.stack([rows.indptr for rows in some]) + offsets[:, None]
    columns = np.concatenate([rows.columns for rows in some])
    values = np.concatenate([rows.values for rows in some], dtype=np.int64)
    return Rows(some[0].first, *kernels.add_rows(indptrs, columns, values, words))


def as_matrix(rows: Iterable[Rows], bound: int, unit: int, words: int, workers: Workers) -> sp.csr_array:
    """All rows divided by `unit`, (words, words), of at most `bound` cells; the memory that they do not need is never touched."""
    indptr = np.zeros(words + 1, np.int64)
    columns, values = np.empty(bound, np.int32), np.empty(bound, np.float64)

    def placed() -> Iterator[tuple[Rows, slice]]:
        n = 0
        for some in rows:
            indptr[some.first + 1 : some.stop + 1] = n + some.indptr[1:]
            yield some, slice(n, n := n + len(some.columns))

    def fill(part: tuple[Rows, slice]) -> None:
        some, own = part
        columns[own] = some.columns
        np.divide(some.values, unit, out=values[own])

    for _ in workers.in_order(fill, placed()):  # side by side, as memory that is touched first costs more than the numbers
        pass
    n = int(indptr[-1])
    # SciPy wants both kinds of index in one type, and looks through them all to choose it unless they agree.
    index = np.int32 if n < 2**31 else np.int64
    return sp.csr_array((values[:n], columns[:n].astype(index, copy=False), indptr.astype(index)), shape=(words, words))
