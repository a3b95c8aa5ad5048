"""Words and their parts: fastText's hashed character n-grams, and vectors made of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError
from sgns_pmi.lazily import sp

FNV_OFFSET, FNV_PRIME = 2166136261, 16777619
MASK = 0xFFFFFFFF


def fnv1a(text: bytes) -> int:
    """FNV-1a, 32 bits, as fastText computes it: its bytes are signed, so that those from 128 on bring 24 ones more."""
    value = FNV_OFFSET
    for byte in text:
        value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * FNV_PRIME) & MASK
    return value


def ngrams(word: str, minn: int, maxn: int) -> list[str]:
    """The n-grams of <word> with n from minn to maxn, repeats included, in fastText's order; < and > alone are none."""
    marked = f"<{word}>"
    size = len(marked)
    return [
        marked[start : start + n]
        for start in range(size)
        for n in range(minn, min(maxn, size - start) + 1)
        if n > 1 or 0 < start < size - 1
    ]


@dataclass(frozen=True)
class Hashing:
    """Which n-grams words have, and in how many buckets they fall.

    Parameters
    ----------
    minn, maxn : int
        Shortest and longest n-grams, in characters.
    buckets : int
    """

    minn: int = 3
    maxn: int = 6
    buckets: int = 2_000_000

    def __call__(self, word: str) -> list[int]:
        """The buckets of a word's n-grams."""
        return [fnv1a(ngram.encode()) % self.buckets for ngram in ngrams(word, self.minn, self.maxn)]


@dataclass(frozen=True, eq=False)
class Subwords:
    """Vectors of n-grams, of which those of unknown words are made (Bojanowski et al. 2017, section 3.2).

    Parameters
    ----------
    hashing : Hashing
    used : ndarray of int, (n,)
        The buckets that have a vector, ascending.
    vectors : ndarray, (n, dim)
    """

    hashing: Hashing
    used: NDArray[np.int64]
    vectors: NDArray[np.floating[Any]]

    def compose(self, word: str) -> NDArray[np.floating[Any]]:
        """The mean of the vectors of the word's n-grams that have one, (dim,).

        Raises
        ------
        InputError
            Where none has.
        """
        rows = self._rows(word)
        if not len(rows):
            raise InputError("word", word, "is not in the vocabulary, and shares no n-gram with a word that is")
        return self.vectors[rows].mean(axis=0)

    def __contains__(self, word: str) -> bool:
        return len(self._rows(word)) > 0

    def _rows(self, word: str) -> NDArray[np.intp]:
        asked = np.array(self.hashing(word), dtype=np.int64)
        rows = np.searchsorted(self.used, asked)
        inside = rows < len(self.used)
        return rows[inside][self.used[rows[inside]] == asked[inside]]


def averaging(words: Sequence[str], hashing: Hashing) -> tuple[sp.csr_array, NDArray[np.int64]]:
    """The matrix A of V = A Z, and the buckets that the words use, ascending.

    Z has the words' own vectors above those of the used buckets; row i of A is 1/m at each of the m of word i.
    """
    parts = [hashing(word) for word in words]
    used, places = np.unique(np.array([bucket for own in parts for bucket in own], dtype=np.int64), return_inverse=True)
    size = np.array([1 + len(own) for own in parts])
    indptr = np.concatenate([[0], np.cumsum(size)])
    columns = np.empty(indptr[-1], dtype=np.int64)
    first = np.zeros(len(columns), dtype=bool)
    first[indptr[:-1]] = True
    columns[first], columns[~first] = np.arange(len(words)), len(words) + places
    matrix = sp.csr_array((np.repeat(1 / size, size), columns, indptr), shape=(len(words), len(words) + len(used)))
    matrix.sum_duplicates()
    return matrix, used
