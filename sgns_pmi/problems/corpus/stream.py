"""A text read again and again, window by window: what is trained on where counts are not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus import kernels
from sgns_pmi.problems.corpus.counting import Int32, Int64, Segment, segments
from sgns_pmi.problems.corpus.settings import Limits, Settings
from sgns_pmi.problems.corpus.sources import Source
from sgns_pmi.problems.corpus.spool import Spool
from sgns_pmi.problems.corpus.vocabulary import Encoded, Vocabulary, choose_vocabulary, encode
from sgns_pmi.problems.corpus.workers import THREADS, Workers

SAME = 1e-9
"""Relative difference of totals up to which a text is that which was counted."""
SEGMENT = 1 << 18
"""Tokens whose windows are laid at once: some tens of megabytes, and enough for shuffling pairs."""


UnitCells = tuple[Int32, Int64, Int64]
"""Unit, cell and value of some counts, units ascending."""


class Windows(NamedTuple):
    """Consecutive windows of a text.

    Parameters
    ----------
    center : ndarray of int32, (windows,)
    indptr : ndarray of int64, (windows + 1,)
    context : ndarray of int32, (pairs,)
        The contexts of window w, from left to right, are ``context[indptr[w]:indptr[w + 1]]``.
    """

    center: NDArray[np.int32]
    indptr: NDArray[np.int64]
    context: NDArray[np.int32]

    def pairs(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Centre and context of every pair, (pairs,) each."""
        return np.repeat(self.center, np.diff(self.indptr)), self.context


class Corpus:
    """A text and its counts; it is read when windows are first asked for, and kept as numbers, 4 bytes a token.

    Parameters
    ----------
    counts : CooccurrenceCounts
        Of this text with these settings; its vocabulary numbers the words.
    sources : sequence of Source
    settings : Settings
    limits : Limits
        `ids` bytes of numbered text are kept in memory; the rest on disk.
    folder : Path, optional
        Where that lies which is too large for the memory; the system's temporary folder by default.
    threads : int
    shown : bool
        Whether to show progress when reading.

    Examples
    --------
    >>> from sgns_pmi.problems import PROBLEMS
    >>> corpus = PROBLEMS["toy"](sentences=["a b a"], window=1).corpus
    >>> for center, indptr, context in corpus.windows():
    ...     print(center, indptr, context)
    [0 1 0] [0 1 3 4] [1 0 0 1]
    """

    def __init__(
        self,
        counts: CooccurrenceCounts,
        sources: Sequence[Source],
        settings: Settings,
        limits: Limits,
        folder: Path | None = None,
        threads: int = THREADS,
        shown: bool = False,
    ) -> None:
        self.counts = counts
        self._sources, self._limits, self._folder, self._threads, self._shown = sources, limits, folder, threads, shown
        self._counted = settings
        # Whole windows are laid here: what has weight (w − d + 1) / w in the counts is a drawn window, in expectation.
        drawn = settings.window_type == "expected"
        self._settings = replace(settings, window_type="drawn") if drawn else settings

    @cached_property
    def _numbered(self) -> tuple[Encoded, Spool, Vocabulary]:
        texts = Spool(self._folder, self._limits.ids, once=False)  # its file goes when this object goes
        with Workers(self._threads) as workers:
            encoded = encode(self._sources, self._settings, self._limits, texts, workers, self._shown)
        vocabulary = choose_vocabulary(encoded.take_index(), encoded.counts, self._settings)
        if vocabulary.words != self.counts.vocab:
            raise self._changed()
        return encoded, texts, vocabulary

    def _changed(self) -> InputError:
        return InputError("path", ", ".join(source.name for source in self._sources), "has changed since it was counted")

    @property
    def frequencies(self) -> NDArray[np.int64]:
        """How often each word of the vocabulary occurs in the text, (words,), before subsampling."""
        return self._numbered[2].counts

    @cached_property
    def tokens(self) -> int:
        """Tokens that one pass has on average: those of the vocabulary that subsampling keeps."""
        return int(self.frequencies @ self._settings.keep_probability(self.frequencies))

    def windows(self, epoch: int = 0) -> Iterator[Windows]:
        """One pass over the text, in its order; each epoch draws anew which words subsampling drops, and the windows' sizes.

        With fixed or drawn windows the pairs of epoch 0 are those of counts of one reading.
        """
        settings = self._settings
        left, right = settings.direction != "right", settings.direction != "left"
        for segment in self._segments(settings, epoch):
            yield Windows(
                *kernels.windows(segment.stream, segment.reach, segment.start, segment.stop, settings.window, left, right)
            )

    def counts_by_unit(self, unit_of: Callable[[Int64], Int32]) -> Iterator[sp.csr_array]:
        """The counts of one unit after another, some units at a time, (units, seen cells of `counts` in CSR order).

        Parameters
        ----------
        unit_of : callable
            The number of the unit that each token stands in, ascending, from its place in the text. A pair is of its centre's.

        Raises
        ------
        InputError
            For a text that has changed since it was counted.
        """
        settings, cells, found = self._counted, self.counts.nnz, 0.0
        for unit, cell, value in _in_order([self._unit_cells(unit_of, epoch) for epoch in settings.epochs]):
            found += float(value.sum())
            yield _by_unit(unit, cell, value / settings.unit, cells)
        if not math.isclose(found, self.counts.total * settings.unit, rel_tol=SAME):
            raise self._changed()

    def _unit_cells(self, unit_of: Callable[[Int64], Int32], epoch: int) -> Iterator[UnitCells]:
        """What one reading counts in each unit, units ascending, some text at a time."""
        settings, n = self._counted, self.counts.matrix
        left, right = settings.direction != "right", settings.direction != "left"
        total, starts = np.zeros(n.nnz, np.int64), n.indptr.astype(np.int64)
        columns = n.indices.astype(np.int32, copy=False)
        for segment in self._segments(settings, epoch, unit_of):
            yield kernels.count_units(
                segment.stream, segment.reach, segment.unit, segment.start, segment.stop, settings.weight, left, right,
                starts, columns, total,
            )  # fmt: skip

    def ends(self, boundary: str) -> Int64:
        """How many tokens stand before the end of each line, paragraph or file but the last, (ends,)."""
        with Spool(self._folder, self._limits.ids, once=False) as texts, Workers(self._threads) as workers:
            settings = replace(self._counted, boundary=boundary)
            encoded = encode(self._sources, settings, self._limits, texts, workers, self._shown)
            ends = [np.empty(0, np.int64)]
            for block, before in encoded.blocks:
                at = np.flatnonzero(texts.take(block)[0] == kernels.BREAK)
                ends.append(before + at - np.arange(len(at)))
        return np.concatenate(ends)

    def _segments(self, settings: Settings, epoch: int, unit_of: Callable[[Int64], Int32] | None = None) -> Iterator[Segment]:
        encoded, texts, vocabulary = self._numbered
        keep = settings.keep_probability(vocabulary.counts)
        with Workers(self._threads) as workers:
            yield from segments(encoded, texts, vocabulary.number, keep, settings, SEGMENT, workers, epoch, unit_of=unit_of)


def _joined(parts: Iterable[UnitCells]) -> UnitCells:
    units, cells, values = zip(*parts, strict=True)
    return np.concatenate(units), np.concatenate(cells), np.concatenate(values)


def _taken(some: UnitCells, which: slice | NDArray[np.intp]) -> UnitCells:
    unit, cell, value = some
    return unit[which], cell[which], value[which]


def _in_order(readings: Sequence[Iterator[UnitCells]]) -> Iterator[UnitCells]:
    """What all readings have counted in each unit, units ascending and whole."""
    nothing = np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64)
    waiting: list[UnitCells] = [nothing] * len(readings)
    unfinished = dict(enumerate(readings))
    while unfinished:
        for number, reading in list(unfinished.items()):
            if (new := next(reading, None)) is None:
                del unfinished[number]
            else:
                waiting[number] = _joined([waiting[number], new])
        # What follows may go on with the last unit that a reading has seen.
        seen = [waiting[number][0] for number in unfinished]
        end = min((units[-1] if len(units) else -1 for units in seen), default=np.inf)
        stops = [int(np.searchsorted(units, end)) for units, _, _ in waiting]
        whole = _joined(_taken(own, slice(stop)) for own, stop in zip(waiting, stops, strict=True))
        waiting = [_taken(own, slice(stop, None)) for own, stop in zip(waiting, stops, strict=True)]
        if len(whole[0]):
            yield _taken(whole, np.argsort(whole[0], kind="stable")) if len(readings) > 1 else whole


def _by_unit(unit: Int32, cell: Int64, value: NDArray[np.float64], cells: int) -> sp.csr_array:
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    matrix = sp.csr_array((value, cell, np.append(starts, len(unit))), shape=(len(starts), cells))
    matrix.sum_duplicates()  # of a unit that a segment's end cuts, and of several readings
    return matrix


__all__ = ["Corpus", "Windows"]
