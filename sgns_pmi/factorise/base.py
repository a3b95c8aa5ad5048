"""What every factorisation has in common: fitted factors, and a PMI estimate."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts, fit_counts
from sgns_pmi.errors import InputError, check_choice
from sgns_pmi.factorise.estimator import Estimator
from sgns_pmi.factorise.linalg import product_cells
from sgns_pmi.factorise.solvers.solution import Ends, Status
from sgns_pmi.factorise.subwords import Subwords
from sgns_pmi.lazily import pd, sklearn, sp
from sgns_pmi.memory import check_memory
from sgns_pmi.negatives import Negatives
from sgns_pmi.pmi import ALL, Indices, Rows, pmi_cells

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
    _sklearn_output_config: Mapping[str, str] = {}
    """Where `sklearn.base.clone` looks for what `set_output` chose."""
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
            warnings.warn(self.note_, sklearn.exceptions.ConvergenceWarning, stacklevel=3)  # at the call of `fit`

    @property
    def finite(self) -> bool:
        """Whether all that was learned is: a factor that is not makes no estimate."""
        learned = [value.data if sp.issparse(value) else value for name, value in vars(self).items() if name.endswith("_")]
        return all(np.isfinite(value).all() for value in learned if isinstance(value, float | np.ndarray))

    def check(self) -> None:
        """Raise `InputError` for a parameter that no counts could make valid; `fit` calls it first."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the factors from counts: a CooccurrenceCounts, a dense array, a scipy sparse matrix or a DataFrame.

        Parameters
        ----------
        X : CooccurrenceCounts, array-like, sparse matrix or DataFrame, (words, contexts)
            Rows are centres.
        y : ignored
            scikit-learn's pipelines pass it.
        """
        raise NotImplementedError

    def _read(self, X: Any) -> CooccurrenceCounts:
        """The counts that X is."""
        return fit_counts(X)

    def _remember(self, X: Any) -> CooccurrenceCounts:
        """The counts that X is, to be known again by `transform` and `score`."""
        counts = self._read(X)
        self._fitted_to, (self._words, self._contexts) = counts.digest, counts.shape
        return counts

    @property
    def n_features_in_(self) -> int:
        """The number of contexts, after `fit`."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError("n_features_in_ is known after fit")
        return self._contexts

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Fit, and return V_ (words, dim): the vectors of the rows of X."""
        return self.fit(X).transform(X)

    def transform(self, X: Any) -> Any:
        """The vectors (rows, dim) of the rows of X.

        For the counts that were fitted this is `V_`. Other rows, over the same contexts in the same order, have vectors where
        the method is SGNS by whatever solver: those for which ℓ is least with `U_` as it is, K and P_n as they were fitted.

        Raises
        ------
        InputError
            For rows of which the method has no vectors, and for other contexts.
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        self.check_fitted()
        counts = self._read(X)
        vectors = self.V_ if counts.digest == self._fitted_to else self._vectors(self._checked(counts))
        if self._sklearn_output_config.get("transform") != "pandas":
            return vectors
        return pd.DataFrame(vectors, index=counts.vocab, columns=self.get_feature_names_out())

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose what `transform` returns: "default", an array, or "pandas", a frame whose index are the words; returns self.

        Raises
        ------
        InputError
            For another kind of output.
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": check_choice("transform", transform, ("default", "pandas"))}
        return self

    def _vectors(self, counts: CooccurrenceCounts) -> NDArray[np.floating[Any]]:
        raise InputError("X", counts, f"{type(self).__name__} has vectors only of the rows that it was fitted to")

    def _checked(self, counts: CooccurrenceCounts) -> CooccurrenceCounts:
        if counts.shape[1] != self._contexts:
            raise InputError("X", counts, f"must have the {self._contexts} contexts that {type(self).__name__} was fitted to")
        return counts

    def score(self, X: Any, y: Any = None) -> float:
        """How well the estimate fits counts; higher is better.

        For SGNS, by whatever solver, −ℓ: of the fitted counts at the fitted factors, of other rows at the vectors that
        `transform` gives them. These are fitted to the very counts that they are judged by, so that on rows held out a larger
        dim scores higher too. For other methods minus the RMSE between the corrected estimate and the empirical PMI of the
        seen cells of X, whose rows and columns must be those that were fitted.

        Raises
        ------
        InputError
            For counts of another shape.
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        self.check_fitted()
        counts = self._checked(self._read(X))
        if counts.shape[0] != self._words:
            raise InputError("X", counts, f"must have the {self._words} words that {type(self).__name__} was fitted to")
        error = self.estimate_cells(counts.centers, counts.matrix.indices) - pmi_cells(counts)
        return -float(np.sqrt(np.mean(np.square(error))))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the columns of V, as scikit-learn makes them: sgns0, sgns1, ..."""
        self.check_fitted()
        return np.array([f"{type(self).__name__.lower()}{column}" for column in range(self.V_.shape[1])], dtype=object)

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
        self.check_fitted()
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
        self.check_fitted()
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
