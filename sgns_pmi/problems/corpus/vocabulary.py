"""From text to numbers: every token becomes the number of its word, in one reading; then the vocabulary is chosen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus.kernels import HOLE, in_eights, join, slots_of, tokenise
from sgns_pmi.problems.corpus.settings import BOUNDARIES, Limits, Settings
from sgns_pmi.problems.corpus.sources import Block, Piece, Source, read_blocks
from sgns_pmi.problems.corpus.spool import Spool
from sgns_pmi.problems.corpus.workers import Workers
from sgns_pmi.progress import Progress

WORD_BYTES = 170
"""What a distinct word takes beside its letters: in a dict; less in the table before, which is let go first."""
MEGABYTE = 10**6


class Numbered(NamedTuple):
    """What `tokenise` says of a prepared block."""

    eights: NDArray[np.uint64]
    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    counts: NDArray[np.int64]
    leading: int
    trailing: int


class Types:
    """Distinct words, numbered in order of first appearance: a hash table for compiled code.

    Parameters
    ----------
    words : sequence of bytes
        Those that have the first numbers.
    """

    def __init__(self, words: Sequence[bytes] = ()) -> None:
        self.clear()
        if words:
            lengths = np.fromiter(map(len, words), np.int64, len(words))
            self.join(in_eights(np.frombuffer(b"".join(words), np.uint8)), np.cumsum(lengths) - lengths, lengths)

    def clear(self) -> None:
        """Forget all of them."""
        self._letters = np.zeros(1 << 13, np.uint64)
        self._codes = np.zeros(1 << 12, np.uint64)
        self._ends = np.zeros(1 << 13, np.int64)
        self._slots = slots_of(self._codes, 0)
        self._types = 0

    def __len__(self) -> int:
        return self._types

    @property
    def size(self) -> int:
        """Bytes that they take."""
        return int(self._ends[self._types]) + WORD_BYTES * self._types

    def words(self) -> list[bytes]:
        """All of them."""
        letters, ends = self._letters.tobytes(), self._ends[: self._types + 1].tolist()
        return [letters[start:stop] for start, stop in pairwise(ends)]

    def join(self, eights: NDArray[np.uint64], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int32]:
        """The numbers of a block's words, new ones among them; after them BREAK, which finds itself there."""
        if self._types + len(starts) > len(self._codes):
            self._codes = _with_room(self._codes, self._types + len(starts))
            self._slots = slots_of(self._codes, self._types)
        self._ends = _with_room(self._ends, self._types + len(starts) + 1)
        self._letters = _with_room(self._letters, int(self._ends[self._types] + lengths.sum()) // 8 + 2)
        own = self._letters, self._ends, self._codes, self._slots
        table, self._types = join(eights, starts, lengths, *own, self._types)
        return table


def _with_room(array: NDArray[Any], size: int) -> NDArray[Any]:
    """The array, or one twice as long as often as needed that begins with it and goes on with zeros."""
    room = len(array)
    while room < size:
        room *= 2
    return array if room == len(array) else np.concatenate([array, np.zeros(room - len(array), array.dtype)])


class Encoded:
    """A text as numbers of its distinct words, which grows block by block.

    Parameters
    ----------
    settings : Settings
    limit : int
        Bytes that the distinct words may take.
    spool : Spool
        Where the numbered blocks go.
    inside : Source, optional
        The text within which this one begins; by default at the beginning of the first.
    types : Types, optional
        Words that are numbered already; others follow. By default none.

    Attributes
    ----------
    types : Types
        The distinct words.
    counts : ndarray, (distinct words or more,)
    blocks : list of (int, int)
        Of each block its number in the spool, and how many tokens stand before it.
    tokens : int
        Number of tokens.
    elements : int
        Tokens and breaks.
    """

    def __init__(
        self, settings: Settings, limit: int, spool: Spool, inside: Source | None = None, types: Types | None = None
    ) -> None:
        self.types = Types() if types is None else types
        self.counts = _with_room(np.zeros(1 << 16, np.int64), len(self.types))
        self.blocks: list[tuple[int, int]] = []
        self.tokens = 0
        self.elements = 0
        self._tokenizer = settings.tokenizer
        self._breaks = BOUNDARIES[settings.boundary]
        self._break_at_files = settings.boundary != "none"
        self._limit, self._spool = limit, spool
        self._source = inside
        self._newlines = 0  # since the last token
        self._broken = False  # whether the next token begins a sentence, whatever stands before it

    def follow(self, before: Encoded) -> Self:
        """Go on where another ends: its last sentence may."""
        self._source, self._newlines, self._broken = before._source, before._newlines, before._broken
        return self

    def take_index(self) -> dict[bytes, int]:
        """The distinct words with their numbers, in order of these; they are known here no longer, and take no memory."""
        words = self.types.words()
        self.types.clear()
        return {word: number for number, word in enumerate(words)}

    def prepared(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, bytes]]:
        """The blocks, each with its text as `number` takes it."""
        for block in blocks:
            yield block, self._tokenizer.prepare(block)

    def number(self, prepared: tuple[Block, bytes]) -> Numbered:
        """The block's tokens, numbered within the block; several threads may call this at a time."""
        text = np.frombuffer(prepared[1], np.uint8)
        return Numbered(*tokenise(text, self._tokenizer.kind, self._breaks))

    def add(self, source: Source, block: Numbered) -> None:
        """Append a block of `source`."""
        eights, ids, starts, lengths, counts, leading, trailing = block
        if source is not self._source:
            self._source, self._newlines, self._broken = source, 0, self._broken or self._break_at_files
        self._broken |= 0 < self._breaks <= self._newlines + leading
        if len(ids) == 0:
            self._newlines += leading
            return
        table = self.types.join(eights, starts, lengths)
        self.counts = _with_room(self.counts, len(self.types))
        self.counts[table[:-1]] += counts
        ids = np.concatenate([table[-1:], table[ids]]) if self._broken else table[ids]
        self.blocks.append((self._spool.put(ids), self.tokens))
        self.tokens += int(counts.sum())
        self.elements += len(ids)
        self._newlines, self._broken = trailing, False

        if self.types.size > self._limit:
            raise InputError(
                "memory",
                f"{2 * self._limit / MEGABYTE:,.0f}MB",
                f"is too little: {len(self.types):,} distinct words, and more to come, take over half of it",
            )


def encode(sources: Sequence[Source], settings: Settings, limits: Limits, spool: Spool, workers: Workers, shown: bool) -> Encoded:
    """Number the tokens of all `sources`, with BREAK where windows end; the blocks go to `spool`.

    Raises
    ------
    InputError
        For a text that cannot be read, and for more distinct words than the memory holds.
    """
    encoded = Encoded(settings, limits.words, spool)
    extend(encoded, [Piece(source) for source in sources], limits, workers, shown)
    return encoded


def extend(encoded: Encoded, pieces: Sequence[Piece], limits: Limits, workers: Workers, shown: bool) -> None:
    """Append consecutive `pieces` to what is numbered."""
    size = sum((piece.source.size if piece.stop is None else piece.stop) - piece.start for piece in pieces)
    blocks = (block for piece in pieces for block in read_blocks(piece.source, limits.block, piece.start, piece.stop))
    with Progress("reading the text (MB)", math.ceil(size / MEGABYTE), shown) as progress:
        read = 0
        # Python's regular expressions hold the interpreter's lock, and heed Ctrl-C in the main thread alone.
        for (block, _), numbered in workers.in_order(encoded.number, encoded.prepared(blocks)):
            encoded.add(block.source, numbered)
            progress.update(math.ceil((read + block.stored) / MEGABYTE) - math.ceil(read / MEGABYTE))
            read += block.stored


@dataclass(frozen=True)
class Vocabulary:
    """The words that are counted.

    Parameters
    ----------
    words : tuple of str
        By descending count, equal ones in the order of their code points.
    counts : ndarray, (words,)
        How often each occurs.
    number : ndarray, (distinct words,)
        The index in `words` of every distinct word of the text, HOLE for those that were dropped.
    """

    words: tuple[str, ...]
    counts: NDArray[np.int64]
    number: NDArray[np.int32]


def choose_vocabulary(index: Mapping[bytes, int], counts: NDArray[np.int64], settings: Settings) -> Vocabulary:
    """Of a text's distinct words those that occur `min_count` times or more, of these the `max_size` most frequent.

    Parameters
    ----------
    index : mapping of bytes to int
        The distinct words, numbered in its order.
    counts : ndarray, (distinct words or more,)

    Raises
    ------
    InputError
        If fewer than two words are left, of a text that has two.
    """
    counts = counts[: len(index)]
    texts = list(index)
    eligible = np.array(sorted(np.flatnonzero(counts >= settings.min_count).tolist(), key=texts.__getitem__), np.int64)
    chosen = eligible[np.argsort(-counts[eligible], kind="stable")][: settings.max_size]
    if len(chosen) < 2:
        most = np.sort(counts)[::-1]
        raise InputError(
            "min_count",
            settings.min_count,
            f"leaves {len(chosen)} of {len(texts):,} distinct words, and co-occurrence needs"
            f" two; the two most frequent occur {most[0]:,} and {most[1]:,} times: set data.min_count={most[1]} or less",
        )
    number = np.full(len(texts), HOLE, np.int32)
    number[chosen] = np.arange(len(chosen))
    return Vocabulary(tuple(texts[i].decode() for i in chosen.tolist()), counts[chosen], number)
