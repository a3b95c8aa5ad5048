"""Shifted positive PMI itself: its rows as sparse word vectors, with no factorisation."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from sgns_pmi.errors import check_real
from sgns_pmi.factorise.base import Factorisation, Float
from sgns_pmi.factorise.linalg import sparse_cells
from sgns_pmi.factorise.registry import method
from sgns_pmi.lazily import sp
from sgns_pmi.negatives import Negatives
from sgns_pmi.pmi import ALL, Indices, Rows, sppmi_matrix


@method("sppmi", "shifted positive PMI itself, sparse, no factorisation")
class SPPMI(Factorisation):
    """Shifted positive PMI, max(PMI − log k, 0), whose rows are sparse word vectors (Levy & Goldberg 2014, section 4).

    Parameters
    ----------
    k : number ≥ 1, default 5
        The shift is log k.
    exponent : float, default 1.0
        Context-distribution smoothing α: PMI with P(j) ∝ c_j^α. The corrected estimate takes it back.

    Attributes
    ----------
    V_ : scipy.sparse.csr_array, (words, contexts)
        The matrix. U would be the identity, and there is none.

    References
    ----------
    Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NIPS 2014, section 4 (eq. 11).
    Levy, Goldberg & Dagan, "Improving Distributional Similarity with Lessons Learned from Word Embeddings", TACL 2015,
    sections 3.1 (context distribution smoothing) and 3.2 (shifted PMI).

    Examples
    --------
    >>> import numpy as np
    >>> from sgns_pmi.factorise.methods.sppmi import SPPMI
    >>> SPPMI(k=1).fit(np.array([[8, 1, 1], [1, 8, 1], [1, 1, 8]])).V_.toarray().round(4)[0]
    array([0.8755, 0.    , 0.    ])
    """

    def __init__(self, k: float = 5, exponent: float = 1.0) -> None:
        self.k = k
        self.exponent = exponent

    def check(self) -> None:
        check_real("k", self.k, 1.0)
        check_real("exponent", self.exponent)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Take the SPPMI of counts: a CooccurrenceCounts, a dense array or a scipy sparse matrix; returns self.

        Raises
        ------
        InputError
            For a parameter out of range.
        """
        self.check()
        counts = self._remember(X)
        self.V_: sp.csr_array = sppmi_matrix(counts, self.k, self.exponent)
        self._offset = Negatives.of(counts, self.k, exponent=self.exponent).offset(counts)
        return self

    def _estimate(self, corrected: bool, rows: Rows = ALL) -> Float:
        estimate: Float = self.V_[rows].toarray() + math.log(self.k)
        return estimate + self._offset if corrected else estimate

    def _estimate_cells(self, corrected: bool, rows: Indices, cols: Indices) -> Float:
        return sparse_cells(self.V_, rows, cols) + self.unseen(corrected)[cols]

    def unseen(self, corrected: bool = True) -> Float:
        return np.full(self.V_.shape[1], math.log(self.k)) + self._offset * corrected
