"""What every factorisation has in common: fitted factors, a PMI estimate, and the registry of methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

Float = NDArray[np.float64]
Rows = slice | NDArray[np.intp]
ALL = slice(None)


class Factorisation(BaseEstimator):
    """Base of the estimators: counts in, factors V (words, dim) and U (contexts, dim) out.

    A subclass stores its parameters in the constructor and nothing else, checks them in `check`, and in `fit` sets
    `V_`, `U_` and what `_estimate` needs.
    """

    V_: NDArray[np.floating[Any]]
    U_: NDArray[np.floating[Any]]

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
        check_is_fitted(self)
        return self._estimate(corrected, rows)

    def _estimate(self, corrected: bool, rows: Rows) -> Float:
        raise NotImplementedError


@dataclass(frozen=True)
class Settings:
    """What a configuration says to a method: the top-level keys, and the options of its own group."""

    k: int = 5
    dim: int = 4
    seed: int = 0
    device: str = "cpu"
    noise: str | ArrayLike = "unigram"
    exponent: float = 1.0
    bias: bool = False
    drop_positive: bool = False
    solver: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    verbose: bool = False


@dataclass(frozen=True)
class Method:
    """A named way to estimate PMI.

    Parameters
    ----------
    name, summary : str
        The name in configuration and tables; one line for listings.
    build : callable
        Settings in, unfitted estimator out.
    fits : {"counts", "pmi"}
        What `fit` is given: the counts, or (for the oracle) the true PMI.
    """

    name: str
    summary: str
    build: Callable[[Settings], Factorisation]
    fits: Literal["counts", "pmi"] = "counts"


METHODS: dict[str, Method] = {}
"""Every method by its name, sorted by it; tables and figures follow `methods` of the configuration instead."""


def register_method(
    name: str, summary: str, fits: Literal["counts", "pmi"] = "counts"
) -> Callable[[Callable[[Settings], Factorisation]], Callable[[Settings], Factorisation]]:
    """Make a function from Settings to an estimator available under a method name."""

    def register(build: Callable[[Settings], Factorisation]) -> Callable[[Settings], Factorisation]:
        METHODS[name] = Method(name, summary, build, fits)
        return build

    return register
