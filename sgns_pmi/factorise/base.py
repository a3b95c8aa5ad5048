"""What every factorisation has in common: fitted factors, and a PMI estimate."""

from __future__ import annotations

import logging
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sgns_pmi.factorise.estimator import Estimator
from sgns_pmi.factorise.linalg import product_cells
from sgns_pmi.factorise.solvers.solution import Ends, Status
from sgns_pmi.factorise.subwords import Subwords
from sgns_pmi.memory import check_memory
from sgns_pmi.negatives import Negatives
from sgns_pmi.pmi import ALL, Indices, Rows

log = logging.getLogger("sgns_pmi")

Float = NDArray[np.float64]


class Factorisation(Estimator):
    """Base of the estimators: counts in, factors V (words, dim) and U (contexts, dim) out.

    A subclass stores its parameters in the constructor and nothing else, checks them in `check`, and in `fit` sets
    `V_`, `U_` and what its estimates need.
    """

    V_: NDArray[np.floating[Any]]
    U_: NDArray[np.floating[Any]]
    objective_: float
    status_: Status | None = None
    """How the solver ended; None for a method without one."""
    note_: str = ""
    """What a reader of the estimate has to know: that training has not converged, or that there was nothing to learn."""
    negatives_: Negatives | None = None
    """What the factors were fitted to, for a method whose `objective_` is ℓ at its scores; None for one with another loss."""
    subwords_: Subwords | None = None
    """Vectors of parts of words, of which a method composes those of unknown words."""

    def _ended(self, status: Status, unfinished: str = "", ends: Ends | None = None, diverged: object = "") -> None:
        """Note how the fit ended, and say what that means: `unfinished` at the step limit, `diverged` where training diverged."""
        name, dim = type(self).__name__, getattr(self, "dim", None)
        self.status_ = status
        if status == "no finite optimum":
            self.note_ = (
                f"{name} has no finite optimum at dim = {dim}: its loss falls for ever as unseen cells go to −∞, and only seen"
                " cells can be judged"
            )
        elif status == "local optima" and ends is not None:
            self.note_ = (
                f"{name} has local optima at dim = {dim}: {ends.reached} of {ends.followed} starts reached the lowest, which is"
                f" kept; the others end up to {100 * ends.spread:.2g} % above, with scores up to {ends.score_spread:.2g} apart"
            )
        elif status == "diverged":
            self.note_ = f"{diverged}; kept is what was learned before"
        else:
            self.note_ = unfinished if status == "step limit" else ""
        if self.note_:
            log.warning(self.note_)

    @property
    def finite(self) -> bool:
        """Whether all that was learned is: a factor that is not makes no estimate."""
        learned = [value.data if sp.issparse(value) else value for name, value in vars(self).items() if name.endswith("_")]
        return all(np.isfinite(value).all() for value in learned if isinstance(value, float | np.ndarray))

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
        InputError
            Where there is no room for so many cells.
        """
        self._check_fitted()
        if (shape := self._shape()) is not None:
            words = len(range(*rows.indices(shape[0]))) if isinstance(rows, slice) else len(rows)
            remedy = "ask for some rows=, or for single cells with estimate_cells"
            check_memory("rows", f"{words} x {shape[1]} contexts", 8.0 * words * shape[1], remedy)
        return self._estimate(corrected, rows)

    def _shape(self) -> tuple[int, int] | None:
        """(words, contexts), where the factors tell."""
        left, right = getattr(self, "V_", None), getattr(self, "U_", None)
        return None if left is None else (left.shape[0], left.shape[1] if right is None else right.shape[0])

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
