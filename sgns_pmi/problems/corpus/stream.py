"""A text read again and again, window by window: what is trained on where counts are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.problems.corpus import kernels
from sgns_pmi.problems.corpus.counting import segments
from sgns_pmi.problems.corpus.settings import Limits, Settings
from sgns_pmi.problems.corpus.sources import Source
from sgns_pmi.problems.corpus.spool import Spool
from sgns_pmi.problems.corpus.vocabulary import Encoded, Vocabulary, choose_vocabulary, encode
from sgns_pmi.problems.corpus.workers import THREADS, Workers

SEGMENT = 1 << 18
"""Tokens whose windows are laid at once: some tens of megabytes, and enough for shuffling pairs."""


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
        # Whole windows are laid here: what has weight (w − d + 1) / w in the counts is a drawn window, in expectation.
        drawn = settings.window_type == "expected"
        self._settings = replace(settings, window_type="drawn") if drawn else settings

    @cached_property
    def _numbered(self) -> tuple[Encoded, Spool, Vocabulary]:
        texts = Spool(self._folder, self._limits.ids, once=False)  # its file goes when this object goes
        with Workers(self._threads) as workers:
            encoded = encode(self._sources, self._settings, self._limits, texts, workers, self._shown)
        vocabulary = choose_vocabulary(encoded.index, encoded.counts, self._settings)
        encoded.index.clear()
        return encoded, texts, vocabulary

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

        With fixed or drawn windows the pairs of epoch 0 are those of the counts.
        """
        encoded, texts, vocabulary = self._numbered
        settings = self._settings
        keep = settings.keep_probability(vocabulary.counts)
        left, right = settings.direction != "right", settings.direction != "left"
        with Workers(self._threads) as workers:
            for segment in segments(encoded, texts, vocabulary.number, keep, settings, SEGMENT, workers, epoch):
                yield Windows(
                    *kernels.windows(segment.stream, segment.reach, segment.start, segment.stop, settings.window, left, right)
                )


__all__ = ["Corpus", "Windows"]
