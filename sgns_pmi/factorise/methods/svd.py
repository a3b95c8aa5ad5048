"""Singular value decompositions of shifted PMI matrices, the closed-form peers of SGNS."""

from __future__ import annotations

import logging
import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_dim, check_integer, check_real, check_seed
from sgns_pmi.factorise.base import Factorisation, Float
from sgns_pmi.factorise.linalg import plus_terms, truncated_svd
from sgns_pmi.factorise.registry import method
from sgns_pmi.lazily import sp
from sgns_pmi.negatives import Negatives
from sgns_pmi.pmi import ALL, Rows, pmi_cells, sppmi_matrix
from sgns_pmi.progress import beating

log = logging.getLogger("sgns_pmi")

POWERS = (0, 0.5, 1)


class _ShiftedPMISVD(Factorisation):
    """A rank-dim SVD of a sparse matrix made of PMI − log k, and the PMI that it stands for."""

    def __init__(
        self, dim: int = 4, k: float = 5, power: float = 0.5, exponent: float = 1.0, seed: int = 0, verbose: bool = False
    ) -> None:
        self.dim = dim
        self.k = k
        self.power = power
        self.exponent = exponent
        self.seed = seed
        self.verbose = verbose

    def check(self) -> None:
        check_integer("dim", self.dim)
        check_real("k", self.k, 1.0)
        if isinstance(self.power, bool) or self.power not in POWERS:
            raise InputError("power", self.power, "must be 0, 0.5 or 1, the share of the singular values given to V")
        check_real("exponent", self.exponent)
        check_seed(self.seed)

    def _matrix(self, counts: CooccurrenceCounts) -> sp.csr_array:
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None) -> Self:
        """Decompose the matrix of the counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Raises
        ------
        InputError
            For a parameter out of range or dim above the smaller side.
        """
        self.check()
        counts = self._remember(X)
        dim = check_dim(self.dim, counts.shape)
        matrix = self._matrix(counts)
        if matrix.nnz == 0:
            left, values, right = np.zeros((counts.shape[0], dim)), np.zeros(dim), np.zeros((counts.shape[1], dim))
        else:
            with beating(type(self).__name__, self.verbose):
                left, values, right = truncated_svd(matrix, dim, check_seed(self.seed))
        self.V_: NDArray[np.float64] = left * values**self.power
        self.U_: NDArray[np.float64] = right * values ** (1 - self.power)
        self.singular_values_ = values
        self._offset = Negatives.of(counts, self.k, exponent=self.exponent).offset(counts)
        return self

    def _estimate(self, corrected: bool, rows: Rows = ALL) -> Float:
        estimate = self.V_[rows] @ self.U_.T + math.log(self.k)
        return estimate + self._offset if corrected else estimate

    def product(self, corrected: bool = True) -> tuple[Float, Float]:
        return plus_terms(self.V_, self.U_, math.log(self.k) + self._offset * corrected)


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
    verbose : bool, default False
        Say now and then that it runs.

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
    verbose : bool, default False
        Say now and then that it runs.

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
        return counts.with_values(pmi_cells(counts, self.exponent) - math.log(self.k))
