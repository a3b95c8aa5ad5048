"""What is to be counted, and with how much memory."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_choice, check_integer, check_real, check_seed
from sgns_pmi.memory import parse_size
from sgns_pmi.problems.corpus.tokens import Tokenizer

BOUNDARIES = {"line": 1, "paragraph": 2, "file": 0, "none": 0}
"""Where windows end, and the line ends between two tokens that make such a place (0: lines do not matter)."""
FORMULAS = ("mikolov", "word2vec_c")
WINDOW_TYPES = ("fixed", "expected", "drawn")
DIRECTIONS = ("both", "left", "right")
REMOVALS = ("dirty", "clean")
LARGEST_WINDOW = 10_000
LEAST_MEMORY = 32 * 10**6


@dataclass(frozen=True)
class Settings:
    """What decides the counts of a text; `text_problem` says what each field means."""

    tokenizer: Tokenizer = field(default_factory=Tokenizer)
    boundary: str = "line"
    min_count: int = 5
    max_size: int | None = None
    subsample: float = 0.0
    subsample_formula: str = "mikolov"
    removal: str = "dirty"
    window: int = 5
    window_type: str = "expected"
    direction: str = "both"
    readings: int = 1
    seed: int = 0

    def checked(self) -> Settings:
        """These settings with whole numbers as int; an InputError for the first field that cannot be used."""
        self.tokenizer.check()
        check_choice("boundary", self.boundary, BOUNDARIES)
        check_choice("subsample_formula", self.subsample_formula, FORMULAS)
        check_choice("removal", self.removal, REMOVALS)
        check_choice("window_type", self.window_type, WINDOW_TYPES)
        check_choice("direction", self.direction, DIRECTIONS)
        if check_integer("window", self.window) > LARGEST_WINDOW:
            raise InputError("window", self.window, f"must be at most {LARGEST_WINDOW:,}")
        return replace(
            self,
            min_count=check_integer("min_count", self.min_count),
            max_size=None if self.max_size is None else check_integer("max_size", self.max_size, minimum=2),
            subsample=check_real("subsample", self.subsample),
            window=check_integer("window", self.window),
            readings=check_integer("readings", self.readings),
            seed=check_seed(self.seed),
        )

    def key(self) -> dict[str, object]:
        """The fields that make a difference to the counts."""
        fields = asdict(self)
        if not self.subsample:
            del fields["subsample_formula"]
        if len(self.epochs) == 1:
            del fields["readings"]
        if not self._drawn:
            del fields["seed"]
        return fields

    def keep_probability(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of each word's tokens that subsampling keeps, (words,), from the counts of the vocabulary.

        With f the word's share of the vocabulary's tokens and t the threshold, √(t/f) (Mikolov et al. 2013, eq. 5), or
        √(t/f) + t/f as in word2vec.c; at most 1.
        """
        if not self.subsample:
            return np.ones(len(counts))
        ratio = self.subsample / (counts / counts.sum())
        keep = np.sqrt(ratio) if self.subsample_formula == "mikolov" else np.sqrt(ratio) + ratio
        return np.minimum(keep, 1.0)

    @property
    def weight(self) -> NDArray[np.int64]:
        """What a context at distance 1, 2, ... counts in one of the `epochs`, in units of 1 / `unit`, (window,)."""
        if self.window_type == "expected":
            return np.arange(self.window, 0, -1)
        return np.ones(self.window, np.int64)

    @property
    def _drawn(self) -> bool:
        """Whether anything is drawn, so that readings differ."""
        return self.subsample > 0 or self.window_type == "drawn"

    @property
    def epochs(self) -> range:
        """The passes over the text that counts are the mean of: all readings, where they differ."""
        return range(self.readings if self._drawn else 1)

    @property
    def unit(self) -> int:
        """Divides the sums of weights over all `epochs`.

        The expected share of windows that reach distance d is (window − d + 1) / window.
        """
        return len(self.epochs) * (int(self.window) if self.window_type == "expected" else 1)

    @property
    def pairs(self) -> int:
        """How many contexts a token has at most."""
        return int(self.window) * (2 if self.direction == "both" else 1)

    def random_key(self, purpose: str, epoch: int = 0) -> np.uint64:
        """Start of the sequence of draws for `purpose`, in a pass over the text; the counts are those of the first `epochs`."""
        name = f"{purpose} {self.seed} {epoch}" if epoch else f"{purpose} {self.seed}"
        digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
        return np.uint64(int.from_bytes(digest, "little"))


@dataclass(frozen=True)
class Limits:
    """How much is held in memory at a time.

    Parameters
    ----------
    block : int
        Bytes of text tokenised at once by each thread.
    words : int
        Bytes for the distinct words.
    ids : int
        Bytes of numbered text kept in memory; beyond, on disk.
    segment : int
        Tokens whose windows are counted together; each segment makes one sorted run.
    piece : int
        Pairs that one thread counts at a time.
    runs : int
        Bytes of sorted runs kept in memory; beyond, on disk.
    held : int
        Cells of a run that are read at a time, and up to a row more.
    merge : int
        Bytes for merging runs.
    """

    block: int
    words: int
    ids: int
    segment: int
    piece: int
    runs: int
    held: int
    merge: int

    @classmethod
    def within(cls, memory: int, threads: int) -> Limits:
        """Limits that share out `memory` bytes.

        In eighths, what stands side by side: distinct words 4, their names 1.5, numbered text 1 and blocks 1 while text is
        numbered; names 1.5, text 1, runs 1, a segment 2, pieces 1 and what threads have numbered ahead 0.3 while windows are
        counted; names 1.5, runs 1 and merging 4 at the end.
        """
        eighth = memory // 8
        merge = 4 * eighth
        return cls(
            # A block takes 6 to 9 times its size while it is numbered.
            block=min(4 << 20, eighth // (8 * (threads + 2))),
            words=4 * eighth,
            ids=eighth,
            # Stream, reach and order are 12 bytes a token; the places of int32 end at 2³¹.
            segment=min(2 * eighth // 12, 1 << 30),
            # A piece is 12 bytes a pair, twice while it is copied.
            piece=min(1 << 20, eighth // (24 * (threads + 2))),
            runs=eighth,
            # So that some 64 runs are merged at once.
            held=merge // (64 * 64),
            merge=merge,
        )


def parse_memory(memory: object) -> int:
    """Bytes from a text as ``500MB`` or ``2GB`` (powers of ten).

    Raises
    ------
    InputError
        For another form, or less than `LEAST_MEMORY`.
    """
    return parse_size("memory", memory, LEAST_MEMORY)
