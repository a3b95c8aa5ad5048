"""What every factorisation has in common: fitted factors, and a PMI estimate."""

from __future__ import annotations

import warnings
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.factorise.estimator import Estimator
from sgns_pmi.factorise.subwords import Subwords
from sgns_pmi.pmi import ALL, Indices, Rows

Float = NDArray[np.float64]
CELL_ROWS = 4096  # whose cells are computed together


class Factorisation(Estimator):
    """Base of the estimators: counts in, factors V (words, dim) and U (contexts, dim) out.

    A subclass stores its parameters in the constructor and nothing else, checks them in `check`, and in `fit` sets
    `V_`, `U_` and what its estimates need.
    """

    V_: NDArray[np.floating[Any]]
    U_: NDArray[np.floating[Any]]
    note_: str = ""
    """What a reader of the estimate has to know: that training has not converged, or that there was nothing to learn."""
    subwords_: Subwords | None = None
    """Vectors of parts of words, of which a method composes those of unknown words."""

    def check(self) -> None:
        """Raise `InputError` for a parameter that no counts could make valid; `fit` calls it first."""

    def fit(self, counts: Any) -> Self:
        """Learn the factors from counts: a CooccurrenceCounts, a dense array or a scipy sparse matrix."""
        raise NotImplementedError

    def estimate_pmi(self, corrected: bool = True, rows: Rows = ALL) -> Float:
        """The PMI that the fitted factors stand for, dense (rows, contexts), natural log.

        Parameters
        ----------
        corrected : bool, default True
            Whether to undo what is known to separate the factorised matrix from PMI: for SGNS and smoothed SPPMI
            the column term log P_n(j) − log(c_j/N); without it the estimate is V·Uᵀ + log K.
        rows : slice or index array, default all
            The centres wanted.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        self._check_fitted()
        return self._estimate(corrected, rows)

    def estimate_cells(self, rows: Indices, cols: Indices, corrected: bool = True) -> Float:
        """The same estimate of single cells, (cells,): no dense matrix is made.

        Parameters
        ----------
        rows, cols : ndarray of int, (cells,)
            Their centres, in ascending order, and their contexts.
        corrected : bool, default True
            As in `estimate_pmi`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        self._check_fitted()
        return self._estimate_cells(corrected, rows, cols)

    def product(self, corrected: bool = True) -> tuple[Float, Float] | None:
        """left (words, m) and right (contexts, m) with left·rightᵀ the estimate, if it is a product; else None."""
        return None

    def unseen(self, corrected: bool = True) -> Float | None:
        """The estimate (contexts,) of every cell that was not seen, if it depends on the context alone; else None."""
        return None

    def _estimate(self, corrected: bool, rows: Rows) -> Float:
        left, right = self._factors(corrected)
        return left[rows] @ right.T

    def _estimate_cells(self, corrected: bool, rows: Indices, cols: Indices) -> Float:
        return product_cells(*self._factors(corrected), rows, cols)

    def _factors(self, corrected: bool) -> tuple[Float, Float]:
        factors = self.product(corrected)
        assert factors is not None, "an estimate that is no product has its own _estimate and _estimate_cells"
        return factors


@runtime_checkable
class Composes(Protocol):
    """A method that makes vectors of words that are not among the counts."""

    def compose(self, word: str) -> NDArray[np.floating[Any]]:
        """The vector (dim,) of a word."""


def plus_terms(V: ArrayLike, U: ArrayLike, column: Float, row: Float | None = None) -> tuple[Float, Float]:
    """Factors of V·Uᵀ + a term for each context + a term for each centre: [V, 1, row] and [U, column, 1]."""
    V, U = np.asarray(V, dtype=np.float64), np.asarray(U, dtype=np.float64)
    left, right = [V, np.ones((len(V), 1))], [U, column[:, None]]
    if row is not None:
        left, right = [*left, row[:, None]], [*right, np.ones((len(U), 1))]
    return np.hstack(left), np.hstack(right)


def product_cells(left: Float, right: Float, rows: Indices, cols: Indices) -> Float:
    """left_i·right_j of single cells, (cells,); `rows` ascend. A third of the time of gathering vectors in NumPy."""
    starts = np.searchsorted(rows, np.arange(len(left) + 1, dtype=rows.dtype))
    u = torch.from_numpy(right).T
    found = np.empty(len(cols))
    # Some rows at a time: PyTorch holds the cells of a call several times over.
    for low in range(0, len(left), CELL_ROWS):
        v = torch.from_numpy(left[low : low + CELL_ROWS])
        start = starts[low : low + CELL_ROWS + 1]
        own = slice(start[0], start[-1])
        if own.start == own.stop:
            continue
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR", UserWarning)  # PyTorch calls its API unsettled
            cells = torch.sparse_csr_tensor(
                # Both index arrays need one type, and counts have the smaller one where it will do.
                torch.tensor((start - start[0]).astype(cols.dtype)),
                torch.tensor(cols[own]),
                torch.zeros(len(cols[own]), dtype=torch.float64),
                (len(v), len(right)),
                check_invariants=False,
            )
        found[own] = torch.sparse.sampled_addmm(cells, v, u).values().numpy()
    return found


def sparse_cells(matrix: sp.csr_array, rows: Indices, cols: Indices, absent: float = 0.0) -> Float:
    """Single cells of a sparse matrix, (cells,), `absent` where none is stored."""
    if len(rows) == 0:
        return np.empty(0)
    numbers = np.arange(1, matrix.nnz + 1)
    # What single cells of a sparse array are differs between SciPy versions; of a sparse matrix, not.
    numbered = sp.csr_matrix((numbers, matrix.indices, matrix.indptr), shape=matrix.shape)
    return np.append(matrix.data, absent)[np.asarray(numbered[rows, cols]).ravel() - 1]
