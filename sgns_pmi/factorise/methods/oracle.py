"""The oracle: the best that any factorisation can do at a given rank, told the truth."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_dim, check_integer, check_seed
from sgns_pmi.factorise.base import Factorisation, Float
from sgns_pmi.factorise.linalg import truncated_svd
from sgns_pmi.factorise.registry import method


@method("oracle", "best rank-dim approximation of the true PMI: the floor at that dim", needs="truth")
class Oracle(Factorisation):
    """Best rank-dim approximation of the true PMI, the floor of RMSE over all cells for any method at that dim.

    Parameters
    ----------
    dim : int, default 4
        Rank d.
    seed : int, default 0
        Of the iterative SVD's starting vector, used where the smaller side is above 500.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
        U_d Σ^½ and V_d Σ^½ of the PMI's SVD.
    singular_values_ : ndarray, (dim,)
        Descending.

    References
    ----------
    Eckart & Young, "The approximation of one matrix by another of lower rank", Psychometrika 1 (1936).

    Examples
    --------
    >>> import numpy as np
    >>> from sgns_pmi.factorise.methods.oracle import Oracle
    >>> pmi = np.diag([3.0, 2.0, 1.0])
    >>> float(abs(Oracle(dim=2).fit(pmi).estimate_pmi() - pmi).max().round(4))
    1.0
    """

    def __init__(self, dim: int = 4, seed: int = 0) -> None:
        self.dim = dim
        self.seed = seed

    def check(self) -> None:
        check_integer("dim", self.dim)
        check_seed(self.seed)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Decompose the true PMI, dense (words, contexts); returns self.

        Raises
        ------
        InputError
            For a parameter out of range, dim above the smaller side, or a PMI with infinite cells.
        """
        self.check()
        pmi = _finite(X)
        self._contexts = pmi.shape[1]
        left, values, right = truncated_svd(pmi, check_dim(self.dim, pmi.shape), check_seed(self.seed))
        self.V_: NDArray[np.float64] = left * np.sqrt(values)
        self.U_: NDArray[np.float64] = right * np.sqrt(values)
        self.singular_values_ = values
        return self

    def transform(self, X: Any) -> Float:
        """The vectors (rows, dim) of rows of a PMI, for which V·Uᵀ comes nearest to them; of the fitted ones `V_`."""
        self.check_fitted()
        right = self.U_ * np.divide(1.0, self.singular_values_, where=self.singular_values_ > 0, out=np.zeros(self.U_.shape[1]))
        return _finite(X) @ right

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the RMSE between a PMI and its approximation by V·Uᵀ."""
        pmi = _finite(X)
        return -float(np.sqrt(np.mean(np.square(self.transform(pmi) @ self.U_.T - pmi))))

    def product(self, corrected: bool = True) -> tuple[Float, Float]:
        return self.V_, self.U_


def _finite(X: Any) -> Float:
    pmi = np.asarray(X, dtype=np.float64)
    if pmi.ndim != 2 or not np.isfinite(pmi).all():
        raise InputError("pmi", f"array of shape {pmi.shape}", "must be two-dimensional and finite, the true PMI")
    return pmi
