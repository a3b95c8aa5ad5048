"""Negative sampling as one value: how many negatives, drawn from what, and whether one may be the positive itself.

Notation: counts n_ij, row sums r_i, column sums c_j, total N, K negatives drawn from the noise distribution P_n.
L&G is Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization" (NIPS 2014).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.counts import CooccurrenceCounts, as_counts
from sgns_pmi.errors import check_real
from sgns_pmi.pmi import ALL, Indices, given_noise, noise_distribution

Float = NDArray[np.float64]
MOST = 2**63
"""Whole numbers from which on NumPy has no integer for them."""


@dataclass(frozen=True, eq=False)
class Negatives:
    """The negatives of SGNS, from which its optimum, and the PMI that scores stand for, follow.

    Parameters
    ----------
    k : number ≥ 1
        K negatives for each pair. What draws them needs a whole number; a shift of log K does not.
    noise : ndarray, (contexts,)
        P_n, as `noise_distribution` returns it.
    drops : bool, default False
        Whether a negative equal to the positive is dropped (word2vec.c, gensim): cell (i, j) then meets K (r_i − n_ij) P_n(j)
        negatives in place of K r_i P_n(j).

    Raises
    ------
    InputError
        For k below 1.
    """

    k: float
    noise: Float
    drops: bool = False

    def __post_init__(self) -> None:
        check_real("k", self.k, 1.0)
        if self.k >= MOST:  # of longer whole numbers NumPy 1 makes arrays of objects
            object.__setattr__(self, "k", float(self.k))
        object.__setattr__(self, "noise", np.asarray(self.noise, dtype=np.float64))

    @classmethod
    def of(
        cls, counts: CooccurrenceCounts, k: float, noise: str | ArrayLike = "unigram", exponent: float = 1.0, drops: bool = False
    ) -> Self:
        """The negatives for some counts, with a noise by name or weight; see `noise_distribution`."""
        return cls(k, noise_distribution(counts, noise, exponent), drops)

    @classmethod
    def at_scores(cls, counts: CooccurrenceCounts, k: float, noise: str | ArrayLike, drops: bool) -> Self:
        """The negatives of ℓ at given scores: a noise by name, or P_n as it is, which may be 0 where a context occurs."""
        return cls(k, noise_distribution(counts, noise) if isinstance(noise, str) else given_noise(noise, counts.shape[1]), drops)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Negatives):
            return NotImplemented
        alike = (self.k, self.drops) == (other.k, other.drops)
        return alike and np.array_equal(self.noise, other.noise)

    @property
    def shift(self) -> float:
        """log K, by which scores lie below PMI."""
        return math.log(self.k)

    @property
    def undropped(self) -> Negatives:
        """The same, but with a negative that equals the positive kept."""
        return replace(self, drops=False)

    @property
    def net(self) -> Float:
        """What a count in each context (contexts,) adds to the weight of softplus(x): 1, or 1 − K P_n(j) if dropped."""
        return 1 - self.k * self.noise if self.drops else np.ones_like(self.noise)

    def weights(self, counts: CooccurrenceCounts) -> Float:
        """The negatives that each seen cell meets, in CSR order: K r_i P_n(j), or K (r_i − n_ij) P_n(j)."""
        n = counts.matrix
        # One array, as there may not be room for many.
        drawn: Float = np.repeat(counts.row_sums, np.diff(n.indptr))
        if self.drops:
            # n and r may differ by rounding where a row has a single context: never a negative number of negatives.
            drawn = np.maximum(drawn - n.data, 0.0)
        drawn *= self.k
        drawn *= self.noise[n.indices]
        return drawn

    def optimum(self, counts: CooccurrenceCounts) -> Float:
        """x*_ij of the seen cells, in CSR order: log n_ij − log(K r_i P_n(j)) (L&G, eq. 7); elsewhere x* is −∞.

        Where all negatives are dropped, in a row of a single context, x* is +∞.
        """
        with np.errstate(divide="ignore"):
            return np.log(counts.matrix.data) - np.log(self.weights(counts))

    def offset(self, counts: Any) -> Float:
        """The column term (contexts,) that separates x + log K from PMI: log P_n(j) − log(c_j/N).

        Zero for the unigram noise with exponent 1, and where a context never occurs (no PMI is defined there).
        """
        counts = as_counts(counts)
        occurs = counts.col_sums > 0
        offset = np.zeros(counts.shape[1])
        offset[occurs] = np.log(self.noise[occurs]) - np.log(counts.col_sums[occurs] / counts.total)
        return offset

    def inverse(self, raw: Float, offset: Float, contexts: slice | Indices = ALL) -> Float:
        """The PMI whose x* are the scores x, of raw = x + log K: raw + log P_n(j) − log(c_j/N) [− log(1 + K P_n(j) eˣ)].

        The last term is there where positives are dropped. At full rank this is exact: x* turns into the PMI.

        Parameters
        ----------
        raw : ndarray, (..., contexts) or (cells,)
            x + log K.
        offset : ndarray, (contexts,)
            As `offset` returns it.
        contexts : slice or index array, default all
            The contexts of the last axis.
        """
        pmi: Float = raw + offset[contexts]
        if self.drops:
            with np.errstate(divide="ignore"):  # a context that never occurs has no noise either
                pmi -= np.logaddexp(0.0, raw + np.log(self.noise[contexts]))
        return pmi
