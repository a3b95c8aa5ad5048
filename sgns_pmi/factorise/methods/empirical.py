"""The empirical PMI itself, with no factorisation: what the counts say cell by cell."""

from __future__ import annotations

from typing import Any, NoReturn, Self

import numpy as np

from sgns_pmi.errors import InputError
from sgns_pmi.factorise.base import Factorisation, Float
from sgns_pmi.factorise.linalg import sparse_cells
from sgns_pmi.factorise.registry import method
from sgns_pmi.pmi import ALL, Indices, Rows, pmi_cells


@method("empirical", "the empirical PMI itself, no factorisation")
class Empirical(Factorisation):
    """Empirical PMI, log n_ij N / (r_i c_j), as an estimate of the PMI behind the counts; it has no factors.

    Unseen cells are estimated as −∞, so that comparisons over all cells are infinite: look at seen cells.

    Attributes
    ----------
    pmi_ : scipy.sparse.csr_array, (words, contexts)
        PMI of the seen cells; every seen cell is stored, those with PMI = 0 too.

    References
    ----------
    Church & Hanks, "Word association norms, mutual information, and lexicography", Computational Linguistics 16 (1990).

    Examples
    --------
    >>> import numpy as np
    >>> from sgns_pmi.factorise.methods.empirical import Empirical
    >>> Empirical().fit(np.array([[2, 0], [0, 2]])).estimate_pmi().round(4)
    array([[0.6931,   -inf],
           [  -inf, 0.6931]])
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Take the PMI of counts: a CooccurrenceCounts, a dense array or a scipy sparse matrix; returns self."""
        counts = self._remember(X)
        self.pmi_ = counts.with_values(pmi_cells(counts))
        return self

    def transform(self, X: Any) -> NoReturn:
        """Refused: a table of PMI has no vectors."""
        self.check_fitted()
        raise InputError("X", type(X).__name__, "Empirical has no vectors; SPPMI's are the rows of its matrix")

    def _estimate(self, corrected: bool, rows: Rows = ALL) -> Float:
        wanted = self.pmi_[rows].tocoo()
        estimate = np.full(wanted.shape, -np.inf)
        estimate[wanted.coords[0], wanted.coords[1]] = wanted.data
        return estimate

    def _estimate_cells(self, corrected: bool, rows: Indices, cols: Indices) -> Float:
        return sparse_cells(self.pmi_, rows, cols, absent=-np.inf)

    def unseen(self, corrected: bool = True) -> Float:
        return np.full(self.pmi_.shape[1], -np.inf)
