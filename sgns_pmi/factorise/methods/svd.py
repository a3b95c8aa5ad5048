"""Singular value decompositions of shifted PMI matrices, the closed-form peers of SGNS."""

from __future__ import annotations

import logging
import math
from typing import Any, Self

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, aslinearoperator, svds
from sklearn.utils.extmath import svd_flip

from sgns_pmi.counts import CooccurrenceCounts, as_counts
from sgns_pmi.errors import InputError, check_dim, check_integer, check_real, check_seed
from sgns_pmi.factorise.base import Factorisation, Float, plus_terms
from sgns_pmi.factorise.registry import method
from sgns_pmi.pmi import ALL, Rows, noise_distribution, noise_offset, pmi_cells, sppmi_matrix

log = logging.getLogger("sgns_pmi")

POWERS = (0, 0.5, 1)
OVERSAMPLES = 10
DENSE_SIDE = 500  # smaller side up to which LAPACK's full decomposition takes well under a second
DENSE_CELLS = 25_000_000  # and the most cells it may have (0.2 GB); above, only products with the matrix are formed


def truncated_svd(matrix: Any, dim: int, seed: int = 0) -> tuple[Float, Float, Float]:
    """The `dim` largest singular triplets of a matrix, with signs that do not depend on the algorithm.

    Small matrices are decomposed whole (LAPACK); of others only products with vectors are formed (ARPACK, to machine
    precision), so that they may be sparse or implicit.

    Parameters
    ----------
    matrix : ndarray, scipy sparse or LinearOperator, (m, n)
    dim : int
        At most min(m, n).
    seed : int, default 0
        Of ARPACK's starting vector.

    Returns
    -------
    left : ndarray, (m, dim)
    singular_values : ndarray, (dim,)
        Descending.
    right : ndarray, (n, dim)
        In each column of `left` the entry of largest magnitude is positive.
    """
    smaller = min(matrix.shape)
    # ARPACK finds fewer triplets than the smaller side has (where `left` or `right` is as large as the matrix anyway),
    # and is no faster where most of them are wanted.
    wanted_whole = smaller <= DENSE_SIDE or 2 * dim >= smaller
    if dim == smaller or (wanted_whole and math.prod(matrix.shape) <= DENSE_CELLS):
        left, values, right = scipy.linalg.svd(_dense(matrix), full_matrices=False)
    else:
        # Drawn here, because the interpretation of svds' own seed differs between SciPy versions.
        start = np.random.default_rng(seed).normal(size=smaller)
        left, values, right = svds(matrix, k=dim, v0=start)
        order = np.argsort(-values)
        left, values, right = left[:, order], values[order], right[order]
    left, right = svd_flip(left[:, :dim], right[:dim])
    return left, values[:dim], right.T


def randomized_svd(matrix: Any, dim: int, seed: int = 0, passes: int = 2) -> tuple[Float, Float, Float]:
    """About the `dim` largest singular triplets, from products with blocks of vectors, some ten times cheaper than exact ones.

    Randomised subspace iteration (Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1), for a matrix that may be implicit;
    parameters and results as of `truncated_svd`, with `passes` the number of power iterations.
    """
    width = min(dim + OVERSAMPLES, *matrix.shape)
    projected = np.random.default_rng(seed).normal(size=(matrix.shape[1], width))
    for _ in range(passes + 1):
        basis = np.linalg.qr(matrix @ np.linalg.qr(projected)[0])[0]
        projected = matrix.T @ basis
    right, values, left = scipy.linalg.svd(projected, full_matrices=False)
    return basis @ left[:dim].T, values[:dim], right[:, :dim]


def _dense(matrix: Any) -> Float:
    if isinstance(matrix, LinearOperator):
        return np.asarray(matrix @ np.eye(matrix.shape[1]))
    return np.asarray(matrix.todense() if sp.issparse(matrix) else matrix, dtype=np.float64)


def plus_outer(matrix: sp.csr_array, left: Float, right: Float) -> LinearOperator:
    """The operator `matrix` + left·rightᵀ, never formed."""
    return aslinearoperator(matrix) + aslinearoperator(left[:, None]) @ aslinearoperator(right[None, :])


class _ShiftedPMISVD(Factorisation):
    """A rank-dim SVD of a sparse matrix made of PMI − log k, and the PMI that it stands for."""

    def __init__(self, dim: int = 4, k: float = 5, power: float = 0.5, exponent: float = 1.0, seed: int = 0) -> None:
        self.dim = dim
        self.k = k
        self.power = power
        self.exponent = exponent
        self.seed = seed

    def check(self) -> None:
        check_integer("dim", self.dim)
        check_real("k", self.k, 1.0)
        if isinstance(self.power, bool) or self.power not in POWERS:
            raise InputError("power", self.power, "must be 0, 0.5 or 1, the share of the singular values given to V")
        check_real("exponent", self.exponent)
        check_seed(self.seed)

    def _matrix(self, counts: CooccurrenceCounts) -> sp.csr_array:
        raise NotImplementedError

    def fit(self, counts: Any) -> Self:
        """Decompose the matrix of the counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Raises
        ------
        InputError
            For a parameter out of range or dim above the smaller side.
        """
        self.check()
        counts = as_counts(counts)
        dim = check_dim(self.dim, counts.shape)
        matrix = self._matrix(counts)
        if matrix.nnz == 0:
            left, values, right = np.zeros((counts.shape[0], dim)), np.zeros(dim), np.zeros((counts.shape[1], dim))
        else:
            left, values, right = truncated_svd(matrix, dim, check_seed(self.seed))
        self.V_: NDArray[np.float64] = left * values**self.power
        self.U_: NDArray[np.float64] = right * values ** (1 - self.power)
        self.singular_values_ = values
        self._offset = noise_offset(counts, noise_distribution(counts, "unigram", self.exponent))
        return self

    def _estimate(self, corrected: bool, rows: Rows = ALL) -> Float:
        estimate = self.V_[rows] @ self.U_.T + np.log(self.k)
        return estimate + self._offset if corrected else estimate

    def product(self, corrected: bool = True) -> tuple[Float, Float]:
        return plus_terms(self.V_, self.U_, np.log(self.k) + self._offset * corrected)


@method("sppmi_svd", "truncated SVD of shifted positive PMI")
class SPPMISVD(_ShiftedPMISVD):
    """Truncated SVD of shifted positive PMI, max(PMI − log k, 0) (Levy & Goldberg 2014, section 4.1).

    The matrix is U_d Σ_d V_dᵀ in the SVD's own names; here V_ = U_d Σ^p holds the centre vectors, U_ = V_d Σ^(1−p) the
    context vectors. V_·U_ᵀ estimates max(PMI − log k, 0), so that V_·U_ᵀ + log k is compared with PMI.

    Parameters
    ----------
    dim : int, default 4
        Rank d.
    k : number ≥ 1, default 5
        The shift is log k; the number of negatives of the SGNS that it stands beside.
    power : {0, 0.5, 1}, default 0.5
        p, the share of the singular values given to the centre vectors.
    exponent : float, default 1.0
        Context-distribution smoothing α: PMI with P(j) ∝ c_j^α. The corrected estimate takes it back.
    seed : int, default 0
        Of the iterative SVD's starting vector, used where the smaller side is above 500.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
    singular_values_ : ndarray, (dim,)
        Descending.
    note_ : str
        Empty, or that no cell is positive, so that all factors are zero: a result, not an error.

    References
    ----------
    Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NIPS 2014, section 4.
    Levy, Goldberg & Dagan, "Improving Distributional Similarity with Lessons Learned from Word Embeddings", TACL 2015,
    sections 3.1 (context distribution smoothing) and 3.3 (eigenvalue weighting p).

    Examples
    --------
    >>> import numpy as np
    >>> from sgns_pmi.factorise.methods.svd import SPPMISVD
    >>> svd = SPPMISVD(dim=2, k=1).fit(np.array([[8, 1, 1], [1, 8, 1], [1, 1, 8]]))
    >>> svd.singular_values_.round(4)  # of log(2.4) · I
    array([0.8755, 0.8755])
    """

    def _matrix(self, counts: CooccurrenceCounts) -> sp.csr_array:
        matrix = sppmi_matrix(counts, self.k, self.exponent)
        self.note_ = ""
        if matrix.nnz == 0:
            largest = float(pmi_cells(counts, self.exponent).max())
            self.note_ = (
                f"SPPMI has no positive cell at k = {self.k:g}: the largest PMI is {largest:.4g}, log k is {math.log(self.k):.4g}"
            )
            log.warning(self.note_)
        return matrix


@method("pmi_svd", "truncated SVD of shifted PMI, unclipped, unseen cells 0")
class PMISVD(_ShiftedPMISVD):
    """Truncated SVD of shifted PMI, unclipped: PMI − log k where a cell was seen, 0 elsewhere.

    Negative PMI of seen cells is kept; unseen cells, whose PMI is −∞, count as PMI = log k.

    Parameters
    ----------
    dim : int, default 4
        Rank d.
    k : number ≥ 1, default 5
        The shift is log k.
    power : {0, 0.5, 1}, default 0.5
        Share p of the singular values given to the centre vectors: V_ = U_d Σ^p, U_ = V_d Σ^(1−p).
    exponent : float, default 1.0
        Context-distribution smoothing α: PMI with P(j) ∝ c_j^α. The corrected estimate takes it back.
    seed : int, default 0
        Of the iterative SVD's starting vector, used where the smaller side is above 500.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
    singular_values_ : ndarray, (dim,)
        Descending.

    References
    ----------
    Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NIPS 2014, section 3.2 (M₀).

    Examples
    --------
    >>> import numpy as np
    >>> from sgns_pmi.factorise.methods.svd import PMISVD
    >>> PMISVD(dim=2, k=1).fit(np.array([[8, 2], [2, 8]])).estimate_pmi().round(4)
    array([[ 0.47  , -0.9163],
           [-0.9163,  0.47  ]])
    """

    def _matrix(self, counts: CooccurrenceCounts) -> sp.csr_array:
        n = counts.matrix
        shifted = pmi_cells(counts, self.exponent) - np.log(self.k)
        return sp.csr_array((shifted, n.indices, n.indptr), shape=counts.shape)
