"""A text counted in shards, each on its own, whose sum is what the whole text counts, bit by bit.

A shard is some consecutive bytes of the text, cut between two words. Its own tokens are its centres; their contexts are read
beyond both cuts, as far as windows may reach. What is drawn is a function of the seed and of a token's place in the whole
text, which a first pass over the words tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus.counting import (
    Edges,
    Rows,
    check_pairs,
    check_words,
    count_segments,
    merged,
    segments,
    thin,
    thresholds,
)
from sgns_pmi.problems.corpus.kernels import BREAK, HOLE
from sgns_pmi.problems.corpus.settings import Limits, Settings
from sgns_pmi.problems.corpus.sources import LONG_LINE, Piece, Source, cut, read_blocks
from sgns_pmi.problems.corpus.spool import Spool
from sgns_pmi.problems.corpus.vocabulary import Encoded, Types, choose_vocabulary, extend
from sgns_pmi.problems.corpus.workers import THREADS, Workers

Int32 = NDArray[np.int32]
EDGE = LONG_LINE
"""Bytes beyond a cut that are read at first; more where these hold too few contexts."""


@dataclass(frozen=True)
class Shard:
    """Number `number`, from 1, of `of` shards."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True)
class FirstPass:
    """What one shard needs to know of the whole text.

    Parameters
    ----------
    text : str
        What the text is known by: its `fingerprint`.
    tokens : int
        Of the text.
    position, own : int
        Of these, those that stand before the shard, and its own.
    words : tuple of str
        The vocabulary, as `choose_vocabulary` orders it.
    counts : ndarray of int64, (words,)
        How often each occurs in the text.
    """

    text: str
    tokens: int
    position: int
    own: int
    words: tuple[str, ...]
    counts: NDArray[np.int64]


def fingerprint(index: Mapping[bytes, int], counts: NDArray[np.int64]) -> str:
    """What a text is known by, however it is cut: a hash of its words and of how often each occurs."""
    hashed = hashlib.sha256()
    for word in sorted(index):
        hashed.update(b"%b\n%d\n" % (word, counts[index[word]]))
    return hashed.hexdigest()


class Forgetful(Spool):
    """Keeps nothing: of the first pass, whose words alone are wanted."""

    def __init__(self) -> None:
        super().__init__(None, 0)

    def put(self, *arrays: NDArray[np.generic]) -> int:
        """Forget."""
        return 0


@dataclass(frozen=True)
class ShardCounts:
    """What one shard counts.

    Parameters
    ----------
    words : tuple of str
        The vocabulary of the whole text, as `choose_vocabulary` orders it.
    frequencies : ndarray of int64, (words,)
        How often each occurs in the shard.
    cells : iterator of Rows
        The counts of all rows in their order; to be used up while `count_shard` is open.
    read, kept : int
        Tokens of the shard; of those in the vocabulary, how many are left by subsampling, in all readings together.
    """

    words: tuple[str, ...]
    frequencies: NDArray[np.int64]
    cells: Iterator[Rows]
    read: int
    kept: int


def pieces(sources: Sequence[Source], first: int, last: int, of: int) -> list[Piece]:
    """What shards `first` ... `last` of `of` consist of.

    A plain file belongs to shards by its bytes, cut as `cut` cuts; a packed one to the shard in which it begins.
    """
    ends = list(accumulate(source.size for source in sources))
    low, high = (ends[-1] * number // of for number in (first - 1, last))
    return within(sources, low, high)


def within(sources: Sequence[Source], low: int, high: int) -> list[Piece]:
    """The pieces of the bytes ``low ... high - 1`` of the texts in a row, moved on to where they may be cut."""
    found, begin = [], 0
    for source in sources:
        end = begin + source.size
        if source.compression and low <= begin < high:
            found.append(Piece(source))
        elif not source.compression and low < end and begin < high:
            start, stop = cut(source, low - begin), cut(source, high - begin)
            if start < stop:
                found.append(Piece(source, start, stop))
        begin = end
    return found


def first_pass(
    sources: Sequence[Source], settings: Settings, limits: Limits, shard: Shard, workers: Workers, shown: bool
) -> FirstPass:
    """Read the words of the whole text, in this process."""
    encoded = Encoded(settings, limits.words, Forgetful())
    extend(encoded, pieces(sources, 1, shard.number - 1, shard.of), limits, workers, shown)
    position = encoded.tokens
    extend(encoded, pieces(sources, shard.number, shard.number, shard.of), limits, workers, shown)
    own = encoded.tokens - position
    extend(encoded, pieces(sources, shard.number + 1, shard.of, shard.of), limits, workers, shown)
    index = encoded.take_index()
    check_words(index, sources)
    vocabulary = choose_vocabulary(index, encoded.counts, settings)
    text = fingerprint(index, encoded.counts)
    return FirstPass(text, encoded.tokens, position, own, vocabulary.words, vocabulary.counts)


def words_of(
    sources: Sequence[Source], settings: Settings, limits: Limits, shard: Shard, workers: Workers, shown: bool
) -> tuple[dict[bytes, int], NDArray[np.int64], int]:
    """The distinct words of one shard, numbered, how often each occurs there, and how many tokens it has."""
    encoded = Encoded(settings, limits.words, Forgetful())
    extend(encoded, pieces(sources, shard.number, shard.number, shard.of), limits, workers, shown)
    index = encoded.take_index()
    return index, encoded.counts[: len(index)], encoded.tokens


@contextmanager
def count_shard(
    sources: Sequence[Source],
    settings: Settings,
    limits: Limits,
    shard: Shard,
    words: FirstPass,
    folder: Path | None = None,
    threads: int = THREADS,
    shown: bool = False,
) -> Iterator[ShardCounts]:
    """Count one shard of a text; what is on disk of its counts is there within the block.

    Parameters
    ----------
    sources, settings, limits, folder, threads, shown
        As in `count_text`.
    shard : Shard
    words : FirstPass
        Of the whole text, as `first_pass` or the first passes of all shards make it.

    Raises
    ------
    InputError
        As `count_text`, and for a text that has changed since the first pass.
    """
    keep = settings.keep_probability(words.counts)
    types = Types([word.encode() for word in words.words])
    text = _Text(settings, limits, types, thresholds(keep))
    once = len(settings.epochs) == 1
    with Workers(threads) as workers, Spool(folder, limits.ids, once) as texts, Spool(folder, limits.runs) as runs:
        before, left = text.before(pieces(sources, 1, shard.number - 1, shard.of), words.position, workers)
        encoded = Encoded(settings, limits.words, texts, types=types).follow(before)
        extend(encoded, pieces(sources, shard.number, shard.number, shard.of), limits, workers, shown)
        if encoded.tokens != words.own:
            remedy = f"has {encoded.tokens:,} tokens in shard {shard}, and had {words.own:,} when its words were read"
            raise InputError("path", sources[0].name, remedy)
        right = text.after(encoded, pieces(sources, shard.number + 1, shard.of, shard.of), words.position + encoded.tokens)
        number = text.number
        types.clear()  # its memory is now for the windows
        frequencies = encoded.counts[: len(keep)].copy()
        own = chain.from_iterable(
            segments(encoded, texts, number, keep, settings, limits.segment, workers, epoch, Edges(words.position, *beyond))
            for epoch, beyond in zip(settings.epochs, zip(left, right, strict=True), strict=True)
        )
        found, kept = count_segments(own, frequencies * keep, settings, limits, runs, workers, shown)
        if shard.of == 1:
            check_pairs(found, settings)
        yield ShardCounts(words.words, frequencies, merged(found, runs, limits, len(keep), workers, shown), encoded.tokens, kept)


@dataclass(frozen=True)
class _Text:
    """What stands beyond the cuts of a shard, without dropped words."""

    settings: Settings
    limits: Limits
    types: Types
    """Those of the vocabulary, in its order, come first."""
    threshold: NDArray[np.uint64]

    @property
    def number(self) -> Int32:
        """The vocabulary's number of each word that was met, HOLE for all that are not in it."""
        numbers = np.full(len(self.types), HOLE, np.int32)
        numbers[: len(self.threshold)] = np.arange(len(self.threshold))
        return numbers

    def before(self, preceding: Sequence[Piece], position: int, workers: Workers) -> tuple[Encoded, list[Int32]]:
        """The end of the text before the shard, and its last words in each epoch, as many as a window may have."""
        size = EDGE
        while True:
            tail = last_bytes(preceding, size)
            inside = tail[0].source if tail and tail[0].start else None
            with Spool(None, self.limits.ids, once=False) as texts:
                encoded = Encoded(self.settings, self.limits.words, texts, inside, self.types)
                extend(encoded, tail, self.limits, workers, shown=False)
                streams = self._thin(encoded, texts, position - encoded.tokens)
            if self._enough(streams) or tail == list(preceding):
                return encoded, [stream[-self.settings.window :] for stream in streams]
            size *= 8

    def after(self, encoded: Encoded, following: Sequence[Piece], position: int) -> list[Int32]:
        """The first words after the shard in each epoch, as many as a window may have."""
        with Spool(None, self.limits.ids, once=False) as texts:
            next = Encoded(self.settings, self.limits.words, texts, types=self.types).follow(encoded)
            for piece in following:
                for prepared in next.prepared(read_blocks(piece.source, EDGE, piece.start, piece.stop)):
                    next.add(piece.source, next.number(prepared))
                    if self._enough(streams := self._thin(next, texts, position)):
                        return [stream[: self.settings.window] for stream in streams]
            return self._thin(next, texts, position)

    def _thin(self, encoded: Encoded, texts: Spool, position: int) -> list[Int32]:
        number = self.number

        def stream(epoch: int) -> Int32:
            blocks = [
                thin(texts.take(block)[0], number, self.threshold, position + before, self.settings, epoch)[0]
                for block, before in encoded.blocks
            ]
            return np.concatenate([np.empty(0, np.int32), *blocks])

        return [stream(epoch) for epoch in self.settings.epochs]

    def _enough(self, streams: Sequence[Int32]) -> bool:
        return all(len(stream) >= self.settings.window or BREAK in stream for stream in streams)


def last_bytes(preceding: Sequence[Piece], size: int) -> list[Piece]:
    """The end of consecutive pieces: at most `size` bytes, but packed pieces whole."""
    found: list[Piece] = []
    for piece in reversed(preceding):
        if size <= 0:
            break
        stop = piece.source.size if piece.stop is None else piece.stop
        start = piece.start if piece.source.compression or stop - size <= piece.start else cut(piece.source, stop - size)
        if start < stop:
            found.append(Piece(piece.source, start, piece.stop))
        size -= stop - piece.start
    return found[::-1]
