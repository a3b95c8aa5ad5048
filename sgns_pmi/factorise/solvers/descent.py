"""Factors on their way to an optimum of ℓ: what both engines of the exact solver have in common."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sgns_pmi.factorise.losses.sgns import SeparableObjective
from sgns_pmi.factorise.solvers.solution import History, Solution
from sgns_pmi.progress import Progress


class Descent:
    """The best V and U so far, the ℓ that they have, and its record.

    Biases are two more columns, [V, b, 1] and [U, 1, c]; the columns of ones are not `free` to move.

    Parameters
    ----------
    exact : SeparableObjective
    starts : sequence of (V, U), (words, dim) and (contexts, dim)
    bias : bool
        Whether there are biases; they start from 0.
    history : History
        The record to write.
    """

    def __init__(
        self, exact: SeparableObjective, starts: Sequence[tuple[ArrayLike, ArrayLike]], bias: bool, history: History
    ) -> None:
        self.exact, self.history, self.bias = exact, history, bias
        self.starts = [[self._augmented(factor, side) for side, factor in enumerate(start)] for start in starts]
        self.dim = self.starts[0][0].shape[1] - 2 * bias
        own = [torch.tensor([self.dim + side] if bias else [], dtype=torch.int64) for side in (0, 1)]
        self.free = [torch.cat([torch.arange(self.dim), column]).to(exact.device) for column in own]
        self.converged = False
        self.keep(self.starts[0], exact.value(*self.starts[0]))

    def _augmented(self, factor: ArrayLike, side: int) -> Tensor:
        columns = torch.as_tensor(factor, dtype=self.exact.dtype, device=self.exact.device)
        if not self.bias:
            return columns
        own, other = columns.new_zeros(len(columns), 1), columns.new_ones(len(columns), 1)
        return torch.cat([columns, own, other] if side == 0 else [columns, other, own], dim=1)

    def keep(self, factors: list[Tensor], objective: float) -> None:
        """Go to `factors`, where ℓ is `objective`; the record holds the lowest ℓ so far, of any start."""
        self.factors, self.objective = factors, objective
        step = len(self.history.rows)
        self.history.add(step, step, min(objective, self.history.objective) if step else objective)

    def continue_in(self, exact: SeparableObjective) -> None:
        """Go on with the same objective in another precision."""
        self.exact = exact
        self.factors = [factor.to(exact.dtype) for factor in self.factors]
        self.objective = exact.value(*self.factors)

    def approach(self) -> None:
        """Come near an optimum from every start, and keep the best."""
        raise NotImplementedError

    def converge(self, tolerance: float, max_steps: int, progress: Progress) -> None:
        """Go to the optimum: `converged` once the next step promises less than `tolerance` of ℓ."""
        raise NotImplementedError

    def widened(self, parts: list[Tensor]) -> list[Tensor]:
        """Free columns (size, free) among zeros, shaped as the factors."""
        wide = [torch.zeros_like(factor) for factor in self.factors]
        for target, part, columns in zip(wide, parts, self.free, strict=True):
            target[:, columns] = part
        return wide

    def solution(self, interrupted: bool) -> Solution:
        """The factors and biases as NumPy arrays."""
        left, right = (factor.cpu().numpy() for factor in self.factors)
        d = self.dim
        row_bias, col_bias = (left[:, d].copy(), right[:, d + 1].copy()) if self.bias else (None, None)
        V, U, history = left[:, :d].copy(), right[:, :d].copy(), self.history.frame()
        return Solution(V, U, row_bias, col_bias, history, self.objective, interrupted, self.converged)
