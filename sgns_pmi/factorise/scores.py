"""Factorisations whose V·Uᵀ (+ b + c) are scores of SGNS, and the PMI that such scores stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import check_flag, check_integer, check_real
from sgns_pmi.factorise import solvers
from sgns_pmi.factorise.base import Factorisation, Float
from sgns_pmi.factorise.linalg import plus_terms
from sgns_pmi.negatives import Negatives
from sgns_pmi.pmi import ALL, Indices, Rows

if TYPE_CHECKING:
    from sgns_pmi.factorise.solvers.new_rows import NewRows


class NegativeSampling(Factorisation):
    """Estimators with parameters `k`, `noise`, `exponent` and `drop_positive`."""

    k: int
    noise: str | ArrayLike
    exponent: float
    drop_positive: bool

    def check(self) -> None:
        check_integer("k", self.k)
        check_real("exponent", self.exponent)
        check_flag("drop_positive", self.drop_positive)

    def negatives_of(self, counts: CooccurrenceCounts) -> Negatives:
        """The negatives that the parameters stand for on some counts."""
        return Negatives.of(counts, check_integer("k", self.k), self.noise, self.exponent, self.drop_positive)


class ScoreFactorisation(NegativeSampling):
    """X = V·Uᵀ, and biases where there are some, near the optimum x* of ℓ under `negatives_`.

    The raw estimate of PMI is X + log K; the corrected one adds log P_n(j) − log(c_j/N) and, where positives are dropped,
    −log(1 + K P_n(j) eˣ). With that last term the estimate is no product of factors.
    """

    row_bias_: NDArray[Any] | None = None
    col_bias_: NDArray[Any] | None = None

    @property
    def noise_(self) -> Float:
        """P_n, (contexts,)."""
        assert self.negatives_ is not None
        return self.negatives_.noise

    def _scores_of(self, counts: CooccurrenceCounts, negatives: Negatives) -> None:
        """Take note of what the scores were fitted to."""
        self.negatives_, self._offset = negatives, negatives.offset(counts)

    def _new_rows(self, counts: CooccurrenceCounts) -> NewRows:
        assert self.negatives_ is not None
        return solvers.fold_in(counts, self.negatives_, self.U_, self.col_bias_)

    def _vectors(self, counts: CooccurrenceCounts) -> Float:
        return self._new_rows(counts).V

    def score(self, X: Any, y: Any = None) -> float:
        self.check_fitted()
        counts = self._checked(self._read(X))
        return -(self.objective_ if counts.digest == self._fitted_to else self._new_rows(counts).objective)

    def product(self, corrected: bool = True) -> tuple[Float, Float] | None:
        assert self.negatives_ is not None
        if corrected and self.negatives_.drops:
            return None
        column = self.negatives_.shift + self._offset * corrected
        return plus_terms(self.V_, self.U_, column if self.col_bias_ is None else column + self.col_bias_, self.row_bias_)

    def _estimate(self, corrected: bool, rows: Rows = ALL) -> Float:
        if corrected and self.product() is None:
            return self._inverse(self._estimate(False, rows))
        return super()._estimate(corrected, rows)

    def _estimate_cells(self, corrected: bool, rows: Indices, cols: Indices) -> Float:
        if corrected and self.product() is None:
            return self._inverse(self._estimate_cells(False, rows, cols), cols)
        return super()._estimate_cells(corrected, rows, cols)

    def _inverse(self, raw: Float, contexts: slice | Indices = ALL) -> Float:
        assert self.negatives_ is not None
        return self.negatives_.inverse(raw, self._offset, contexts)
