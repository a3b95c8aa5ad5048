"""First order with a metric: L-BFGS preconditioned on rows and columns; the exact solver's engine for large problems.

Where one row's Hessian costs more than it tells (words x contexts x dim² for all of them), one gradient a step must do. The
Hessian of ℓ is nearly separable: with S_ij ≈ h_i g_j the block of row i is α_i h_i times one dim x dim matrix that all rows
share, and alike for columns. L-BFGS (Nocedal & Wright 2006, algorithm 7.4) with that as its initial metric, renewed on the
way, and started from the spectral optimum, takes some 30 gradients to a relative gap of 1e-4 where plain L-BFGS takes
more than a thousand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from sgns_pmi.factorise.solvers.descent import Descent
from sgns_pmi.progress import Progress

MEMORY = 10  # pairs of steps and changes of gradient
RENEWED = 20  # steps after which the metric is computed anew, at two thirds of a gradient's cost
RIDGE = 1e-2  # added to the shared matrices, relative to their mean diagonal
NEAR = 1e-3  # relative decrease of ℓ in one step below which a start has come near
MOST_APPROACH = 50
ROUNDING = {torch.float64: 1e-14, torch.float32: 1e-8}  # relative: changes of ℓ below this are rounding

Pair = tuple[Tensor, Tensor, float]  # a step s, the change y of the gradient, and 1 / s·y
Metric = Callable[[Tensor], Tensor]


class QuasiNewton(Descent):
    """L-BFGS in the metric diag(α h) ⊗ A for V, diag(β g) ⊗ B for U."""

    def approach(self) -> None:
        """From one start after the other, steps until one brings less than `NEAR` of ℓ."""
        found = []
        for number, start in enumerate(self.starts):
            if number:
                self.keep(start, self.exact.value(*start))
            self._descend(MOST_APPROACH, lambda slope, fall: fall < NEAR * self.objective)
            found.append((self.objective, self.factors))
        objective, factors = min(found, key=lambda near: near[0])
        self.keep(factors, objective)

    def converge(self, tolerance: float, max_steps: int, progress: Progress) -> None:
        """Steps until one promises less than `tolerance` of ℓ, or ℓ does not fall any more in this precision."""

        def done(slope: float, fall: float) -> bool:
            progress.update(objective=self.objective)
            self.converged = slope <= 2 * tolerance * self.objective
            return self.converged

        self._descend(max_steps, done)

    def _descend(self, max_steps: int, done: Callable[[float, float], bool]) -> None:
        """Until `done`, which is told the slope of ℓ along the last step and how far ℓ fell."""
        pairs: deque[Pair] = deque(maxlen=MEMORY)
        gradient = self._gradient(self.factors)[1]
        for step in range(max_steps):
            if step % RENEWED == 0:
                metric = self._metric()
            direction = _two_loops(gradient, pairs, metric)
            slope = float(gradient @ direction)
            before = self.objective
            found = self._line_search(direction, slope)
            if found is None:
                break
            moved, changed, gradient = found[0], found[1] - gradient, found[1]
            if (product := float(moved @ changed)) > 0:
                pairs.append((moved, changed, 1 / product))
            if done(slope, before - self.objective):
                break

    def _line_search(self, direction: Tensor, slope: float) -> tuple[Tensor, Tensor] | None:
        """Halve the step until ℓ falls enough (Armijo): the step taken and the gradient there; None if it never does."""
        length = 1.0
        while length > 1e-3:
            steps = self.widened([-length * part for part in self._parts(direction)])
            factors = [factor + step for factor, step in zip(self.factors, steps, strict=True)]
            objective, gradient = self._gradient(factors)
            if objective <= self.objective - 1e-4 * length * slope + ROUNDING[self.exact.dtype] * self.objective:
                self.keep(factors, objective)
                return -length * direction, gradient
            length /= 2
        return None

    def _metric(self) -> Metric:
        """Inverse of the separable Hessian: for V diag(α h) ⊗ A, A = Σ_j β_j (g_j / m) u_j u_jᵀ, and alike for U.

        h_i = Σ_j β_j S_ij and g_j = Σ_i α_i S_ij / Σ α are the mean curvatures of rows and columns, m their common mean.
        """
        exact, alpha, beta = self.exact, self.exact.row_weight / self.exact.total, self.exact.col_weight
        h, g = torch.empty_like(alpha), torch.zeros_like(beta)
        for block in exact.blocks(*self.factors):
            S = exact.curvature(block)
            h[block.rows] = S @ beta
            g += alpha[block.rows] @ S
        g /= g @ beta
        weights = alpha * h, beta * g
        V, U = (factor[:, free] for factor, free in zip(self.factors, self.free, strict=True))
        shared = [_inverse(U.T @ (weights[1][:, None] * U)), _inverse(V.T @ (weights[0][:, None] * V))]

        def apply(packed: Tensor) -> Tensor:
            # A word that never occurs has no gradient either.
            return _packed(
                [
                    torch.where(weight[:, None] > 0, part / weight[:, None], 0.0) @ inverse
                    for part, weight, inverse in zip(self._parts(packed), weights, shared, strict=True)
                ]
            )

        return apply

    def _gradient(self, factors: list[Tensor]) -> tuple[float, Tensor]:
        loss, *gradients = self.exact.value_and_gradient(*factors)
        return loss, _packed([gradient[:, free] for gradient, free in zip(gradients, self.free, strict=True)])

    def _parts(self, packed: Tensor) -> list[Tensor]:
        shapes = [(len(factor), len(free)) for factor, free in zip(self.factors, self.free, strict=True)]
        parts = torch.split(packed, [rows * columns for rows, columns in shapes])
        return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def _packed(parts: list[Tensor]) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def _inverse(matrix: Tensor) -> Tensor:
    ridge = RIDGE * matrix.diagonal().mean() * torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    return torch.linalg.inv(matrix + ridge)


def _two_loops(gradient: Tensor, pairs: Iterable[Pair], metric: Metric) -> Tensor:
    """L-BFGS's product of the inverse Hessian and the gradient (Nocedal & Wright 2006, algorithm 7.4)."""
    pairs = list(pairs)
    q, weights = gradient.clone(), []
    for step, change, inverse in reversed(pairs):
        weights.append(inverse * float(step @ q))
        q -= weights[-1] * change
    direction = metric(q)
    if pairs:
        # The scale of the metric along the last step (eq. 7.20).
        _, change, inverse = pairs[-1]
        direction /= inverse * float(change @ metric(change))
    for (step, change, inverse), weight in zip(pairs, reversed(weights), strict=True):
        direction += (weight - inverse * float(change @ direction)) * step
    return direction
