"""QWEM, quadratic word embedding models: the quartic surrogate of SGNS, solved in closed form."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import check_dim, check_integer, check_seed
from sgns_pmi.factorise.base import Factorisation, Float
from sgns_pmi.factorise.linalg import plus_outer, product_cells, truncated_svd
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.solvers.start import UNSEEN
from sgns_pmi.pmi import ALL, Indices, Rows, pmi_cells
from sgns_pmi.progress import beating


@method("qwem", "closed form of the quartic surrogate of SGNS")
class QWEM(Factorisation):
    """Rank-dim truncation of M*_ij = (P_ij − p_i q_j) / (½ (P_ij + p_i q_j)), the optimum of a quartic surrogate of SGNS.

    M* lies in [−2, 2), and M* = 2 tanh(PMI / 2): PMI itself to first order near independence, the raw estimate; the
    corrected estimate 2 artanh(M / 2) is its exact inverse, clipped to the range that the PMI
    has on seen cells (a truncation may leave (−2, 2), and unseen cells lie at −2, where the PMI is −∞).

    Parameters
    ----------
    dim : int, default 4
        Rank d.
    seed : int, default 0
        Of the iterative SVD's starting vector, used where the smaller side is above 500.
    verbose : bool, default False
        Say now and then that it runs.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
        U_d Σ^½ and V_d Σ^½ of the SVD of M*.
    singular_values_ : ndarray, (dim,)
        Descending.
    range_ : (float, float)
        Smallest and largest M* of a seen cell.

    References
    ----------
    Karkada, Simon, Bahri & DeWeese, "Closed-Form Training Dynamics Reveal Learned Features and Linear Structure in
    Word2Vec-like Models", NeurIPS 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from sgns_pmi.factorise.methods.qwem import QWEM
    >>> QWEM(dim=2).fit(np.array([[8, 2], [2, 8]])).estimate_pmi().round(4)
    array([[ 0.47  , -0.9163],
           [-0.9163,  0.47  ]])
    """

    def __init__(self, dim: int = 4, seed: int = 0, verbose: bool = False) -> None:
        self.dim = dim
        self.seed = seed
        self.verbose = verbose

    def check(self) -> None:
        check_integer("dim", self.dim)
        check_seed(self.seed)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Decompose M* of counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Raises
        ------
        InputError
            For a parameter out of range or dim above the smaller side.
        """
        self.check()
        counts = self._remember(X)
        dim = check_dim(self.dim, counts.shape)
        cells = qwem_cells(counts)
        matrix = plus_outer(counts.with_values(cells - UNSEEN), np.full(counts.shape[0], UNSEEN), np.ones(counts.shape[1]))
        with beating("QWEM", self.verbose):
            left, values, right = truncated_svd(matrix, dim, check_seed(self.seed))
        self.V_: NDArray[np.float64] = left * np.sqrt(values)
        self.U_: NDArray[np.float64] = right * np.sqrt(values)
        self.singular_values_ = values
        self.range_ = float(cells.min()), float(cells.max())
        # M* of ±2 is a PMI beyond float64's digits there, not ±∞.
        pmi = pmi_cells(counts)
        self._pmi_range = float(pmi.min()), float(pmi.max())
        return self

    def _estimate(self, corrected: bool, rows: Rows = ALL) -> Float:
        return self._estimate_of(self.V_[rows] @ self.U_.T, corrected)

    def _estimate_cells(self, corrected: bool, rows: Indices, cols: Indices) -> Float:
        return self._estimate_of(product_cells(self.V_, self.U_, rows, cols), corrected)

    def _estimate_of(self, truncated: Float, corrected: bool) -> Float:
        if not corrected:
            return truncated
        with np.errstate(divide="ignore"):
            return np.clip(2 * np.arctanh(np.clip(truncated, -2, 2) / 2), *self._pmi_range)


def qwem_cells(counts: CooccurrenceCounts) -> Float:
    """M* of the seen cells, in CSR order; elsewhere it is −2. With n = N P and e = r c / N: (n − e) / (½ (n + e))."""
    n = counts.matrix
    independent = counts.row_sums[counts.centers] * counts.col_sums[n.indices] / counts.total
    return (n.data - independent) / (0.5 * (n.data + independent))
