"""The penalty (λ/2)(Σ_i ω_i |v_i|² + Σ_j η_j |u_j|²) on the factors of X = V Uᵀ (+ b + c); biases are free.

Over all factors of a product it is λ times the weighted trace norm of the product (Srebro, Rennie & Jaakkola, "Maximum-Margin
Matrix Factorization", NIPS 2004; Salakhutdinov & Srebro, "Collaborative Filtering in a Non-Uniform World", NIPS 2010): where
dim is at least the rank of the solution, minimising over V and U solves a convex problem in X. See docs/math.md, "Penalty".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import RIDGE_WEIGHTS, check_choice

if TYPE_CHECKING:
    from torch import Tensor

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ridge:
    """λ and the weights of the rows of V and of U.

    Parameters
    ----------
    strength : float
        λ > 0.
    row_weights, col_weights : ndarray, (words,) and (contexts,)
        ω and η.
    """

    strength: float
    row_weights: Float
    col_weights: Float

    @classmethod
    def of(cls, counts: CooccurrenceCounts, strength: float, weights: str = "uniform") -> Self:
        """λ with ω = η = 1 ("uniform"), or with the shares r_i/N and c_j/N as weights ("margins").

        Raises
        ------
        InputError
            For other weights.
        """
        if check_choice("ridge_weights", weights, RIDGE_WEIGHTS) == "uniform":
            return cls(strength, *map(np.ones, counts.shape))
        return cls(strength, counts.row_sums / counts.total, counts.col_sums / counts.total)

    def scaled(self, strength: float) -> Self:
        """The same weights with another λ."""
        return replace(self, strength=strength)

    @property
    def rows(self) -> Float:
        """λω, (words,)."""
        return self.strength * self.row_weights

    @property
    def columns(self) -> Float:
        """λη, (contexts,)."""
        return self.strength * self.col_weights

    def value(self, V: Float, U: Float) -> float:
        """The penalty of V (words, dim) and U (contexts, dim)."""
        squares = (np.square(factor, dtype=np.float64).sum(1) for factor in (V, U))
        return float(sum(weight @ square for weight, square in zip((self.rows, self.columns), squares, strict=True)) / 2)


class Penalty(NamedTuple):
    """λω (words,) and λη (contexts,) on a device, and how many columns of the factors they weigh."""

    rows: Tensor
    columns: Tensor
    dim: int

    def transposed(self) -> Penalty:
        """The same with the sides exchanged."""
        return Penalty(self.columns, self.rows, self.dim)

    def of_rows(self, V: Tensor) -> Tensor:
        """λ/2 ω_i |v_i|² of each row of V (..., words), float64."""
        return self.rows.double() * V[..., : self.dim].double().square().sum(-1) / 2

    def value(self, V: Tensor, U: Tensor) -> float:
        """The whole penalty."""
        return float(self.of_rows(V).sum() + self.transposed().of_rows(U).sum())

    def add_gradient(self, dV: Tensor, dU: Tensor, V: Tensor, U: Tensor) -> None:
        """Add the penalty's gradient to that of the loss."""
        for gradient, factor, weight in ((dV, V, self.rows), (dU, U, self.columns)):
            gradient[:, : self.dim] += weight[:, None] * factor[:, : self.dim]
