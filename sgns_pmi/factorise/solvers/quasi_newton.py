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
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sgns_pmi.factorise.devices import by_rows
from sgns_pmi.factorise.losses.cells import SeparableObjective
from sgns_pmi.factorise.losses.penalty import Penalty
from sgns_pmi.factorise.solvers.descent import Descent
from sgns_pmi.factorise.solvers.pair_sums import above, column_pairs, multiply_halves, whole
from sgns_pmi.factorise.solvers.search import ROUNDING, Trial, backtrack
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.progress import Progress

RECENT = 20  # steps whose fall of ℓ tells what further ones would bring
NOTHING = 1e-3  # of the tolerance
SHARED_RIDGE = 1e-2  # added to the matrices that rows share, relative to their mean diagonal
ROW_RIDGE = 1e-3  # added to each row's Hessian, relative to its mean diagonal
AT_ONCE = 1024  # Hessians that are whole at a time
NEAR = 1e-3  # relative decrease of ℓ in one step below which a start has come near
MOST_APPROACH = 50
HALVINGS = 10

Pair = tuple[Tensor, Tensor, float]  # a step s, the change y of the gradient, and 1 / s·y
Metric = Callable[[Tensor], Tensor]


class QuasiNewton(Descent):
    """L-BFGS in the metric diag(α h) ⊗ A for V, diag(β g) ⊗ B for U."""

    tolerance = 5e-9
    memory: ClassVar[int] = 10
    """Pairs of steps and changes of gradient."""
    renewed: ClassVar[int] = 20
    """Steps after which the metric is computed anew, at two thirds of a gradient's cost."""

    def approach(self) -> None:
        """From one start after the other, steps until one brings less than `NEAR` of ℓ."""
        self.near = []
        for number, start in enumerate(self.starts):
            if number:
                self.keep(start, self.exact.value(*start))
            self._descend(MOST_APPROACH, lambda slope, fall: fall < NEAR * self.objective)
            self.near.append((self.objective, self.factors))
        objective, factors = min(self.near, key=lambda near: near[0])
        self.keep(factors, objective)

    def converge(self, tolerance: float, max_steps: int, progress: Progress) -> None:
        """Steps until one promises less than `tolerance` of ℓ and the last 20 brought no more each, or until ℓ does not fall.

        A single step may promise little far from the end, on the long way along a valley. One that promises next to nothing is
        believed.
        """

        def done(slope: float, fall: float) -> bool:
            progress.update(objective=self.objective)
            self.steps += 1
            promise, least = slope / 2, tolerance * self.objective
            earlier = self.history.rows[-1 - RECENT :][0][3]
            self.converged = promise <= NOTHING * least or (promise <= least and earlier - self.objective <= RECENT * least)
            return self.converged

        self._descend(max_steps, done)

    def _descend(self, max_steps: int, done: Callable[[float, float], bool]) -> None:
        """Until `done`, which is told the slope of ℓ along the last step and how far ℓ fell."""
        pairs: deque[Pair] = deque(maxlen=self.memory)
        state, self.resumed, first = self.resumed, None, 0
        if state is None:
            gradient = self._gradient(self.factors)[1]
        else:
            gradient, first = self.tensor(state["gradient"]), int(state["step"])
            both = zip(self.tensor(state["moved"]), self.tensor(state["changed"]), state["inverses"].tolist(), strict=True)
            pairs.extend(both)
        for step in range(first, first + max_steps):
            if step % self.renewed == 0:
                if step > first and pairs and self.checkpoint.due:  # the metric is made anew from what is kept
                    self.checkpoint.save(self.saved() | {"step": step, "gradient": gradient} | _stacked(pairs))
                metric = self._metric(gradient)
            direction = _two_loops(gradient, pairs, metric, self._dot)
            slope = self._dot(gradient, direction)
            before = self.objective
            found = self._search(direction, slope)
            if found is None:
                break
            length, objective, (factors, new) = found
            self.keep(factors, objective)
            moved, changed, gradient = -length * direction, new - gradient, new
            if (product := self._dot(moved, changed)) > 0:
                pairs.append((moved, changed, 1 / product))
            if done(slope, before - self.objective):
                break

    def _search(self, direction: Tensor, slope: float) -> tuple[float, float, tuple[list[Tensor], Tensor]] | None:
        """The step against the direction that lets ℓ fall enough, and the factors and the gradient at its end."""

        def trial(length: float) -> tuple[Trial, tuple[list[Tensor], Tensor]]:
            steps = self.widened([-length * part for part in self._parts(direction)])
            factors = [factor + step for factor, step in zip(self.factors, steps, strict=True)]
            objective, gradient = self._gradient(factors)
            return Trial(objective, length * slope), (factors, gradient)

        return backtrack(trial, self.objective, halvings=HALVINGS, rounding=ROUNDING[self.exact.dtype])

    def _metric(self, gradient: Tensor) -> Metric:
        """Inverse of the separable Hessian: for V diag(α h) ⊗ A, A = Σ_j β_j (g_j / m) u_j u_jᵀ, and alike for U.

        h_i = Σ_j β_j S_ij and g_j = Σ_i α_i S_ij / Σ α are the mean curvatures of rows and columns, m their common mean. The
        gradient, where the metric is made, bounds the steps of biases.
        """
        exact = self.exact
        alpha, beta = exact.side_weights
        h, g = exact.mean_curvatures(*self.factors)
        g /= exact.together(g @ beta)
        weights = alpha * h, beta * g
        V, U = (factor[:, free] for factor, free in zip(self.factors, self.free, strict=True))
        shared = exact.together(U.T @ (weights[1][:, None] * U)), exact.together(V.T @ (weights[0][:, None] * V))
        solves = [
            _shared_inverse(*side, exact.penalty) for side in zip(weights, shared, self._parts(gradient), (0, 1), strict=True)
        ]
        return lambda packed: _packed([solve(part) for solve, part in zip(solves, self._parts(packed), strict=True)])

    def _dot(self, first: Tensor, second: Tensor) -> float:
        return float(self.exact.together(first @ second))

    def _gradient(self, factors: list[Tensor]) -> tuple[float, Tensor]:
        loss, *gradients = self.exact.value_and_gradient(*factors)
        return loss, _packed([gradient[:, free] for gradient, free in zip(gradients, self.free, strict=True)])

    def _parts(self, packed: Tensor) -> list[Tensor]:
        shapes = [(len(factor), len(free)) for factor, free in zip(self.factors, self.free, strict=True)]
        parts = torch.split(packed, [rows * columns for rows, columns in shapes])
        return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def promised(exact: SeparableObjective, V: Tensor, U: Tensor) -> float:
    """The fall of ℓ, as a share of it, that a step in the metric of `QuasiNewton` promises at V (words, dim), U (contexts, dim).

    It tells an optimum from a place where steps of another kind have become short.
    """
    descent = QuasiNewton(exact, [(V.cpu().numpy(), U.cpu().numpy())], False, History())
    objective, gradient = descent._gradient(descent.factors)
    return descent._dot(gradient, descent._metric(gradient)(gradient)) / (2 * objective)


def _stacked(pairs: Iterable[Pair]) -> dict[str, Any]:
    """The pairs as arrays, for a checkpoint."""
    moved, changed, inverses = zip(*pairs, strict=True)
    return {"moved": torch.stack(moved), "changed": torch.stack(changed), "inverses": np.array(inverses, dtype=np.float64)}


def _packed(parts: list[Tensor]) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def _shared_inverse(
    weight: Tensor, shared: Tensor, gradient: Tensor, side: int, penalty: Penalty | None
) -> Callable[[Tensor], Tensor]:
    """(w_i A + ρ_i I)⁻¹ of every row at once, in A's eigenvectors; ρ_i, the row's penalty, stands at all columns but biases.

    A bias, which no penalty holds, is held by the size of its gradient: it moves by less than one at a time, as σ is nearly
    flat, and its curvature next to nothing, a few units from zero.
    """
    ridge, penalised = torch.zeros_like(weight), len(shared)
    if penalty is not None:
        ridge, penalised = (penalty.rows, penalty.columns)[side], penalty.dim
        shared[:penalised, penalised:] = shared[penalised:, :penalised] = 0.0
    shared.diagonal().add_(SHARED_RIDGE * shared.diagonal().mean())
    values, vectors = torch.linalg.eigh(shared)
    held = vectors[:penalised].square().sum(0)
    scale = weight[:, None] * values + ridge[:, None] * held + (gradient @ vectors).abs() * (1 - held).clamp_(min=0.0)
    # A word that never occurs has no gradient either.
    return lambda part: torch.where(scale > 0, part @ vectors / scale, 0.0) @ vectors.T


def _two_loops(gradient: Tensor, pairs: Iterable[Pair], metric: Metric, dot: Callable[[Tensor, Tensor], float]) -> Tensor:
    """L-BFGS's product of the inverse Hessian and the gradient (Nocedal & Wright 2006, algorithm 7.4)."""
    pairs = list(pairs)
    q, weights = gradient.clone(), []
    for step, change, inverse in reversed(pairs):
        weights.append(inverse * dot(step, q))
        q -= weights[-1] * change
    direction = metric(q)
    if pairs:
        # The scale of the metric along the last step (eq. 7.20).
        _, change, inverse = pairs[-1]
        direction /= inverse * dot(change, metric(change))
    for (step, change, inverse), weight in zip(pairs, reversed(weights), strict=True):
        direction += (weight - inverse * dot(change, direction)) * step
    return direction


class RowQuasiNewton(QuasiNewton):
    """L-BFGS in the metric of the rows' own Hessians.

    Where the curvature of a cell grows with its count, rows differ in more than scale, and the separable metric of ℓ does not
    serve; each row's own dim x dim Hessian does. With `majorant` curvatures it also keeps a first step from overshooting.
    Renewing it costs some dim/6 gradients, and it holds (words + contexts) x dim² / 2 numbers. So it is renewed seldom, and more
    pairs than else say what has changed: on 3,000 words of text at dim 100 each step is as good, for a third of the time.
    """

    memory = 30
    renewed = 100

    _halves: tuple[Tensor, Tensor] | None = None  # reused: the old metric has served when the new one is made

    def _metric(self, gradient: Tensor) -> Metric:
        exact = self.exact
        # What multiplies a free column of one side: the other side's same column.
        U, V = self.factors[1][:, self.free[0]], self.factors[0][:, self.free[1]]
        pairs_U = column_pairs(U * exact.col_weight[:, None], U)
        if self._halves is None or self._halves[0].dtype != exact.dtype:
            self._halves = pairs_U.new_empty(len(V), pairs_U.shape[1]), pairs_U.new_empty(len(U), pairs_U.shape[1])
        rows, columns = self._halves
        columns.zero_()
        for block in exact.blocks(*self.factors):
            S = exact.majorant(block)
            torch.mm(S, pairs_U, out=rows[block.rows])
            own = V[block.rows]
            columns.addmm_(S.T, column_pairs(own * exact.row_weight[block.rows, None], own))
        del pairs_U
        dim = U.shape[1]
        _invert(rows, exact.row_weight / exact.total, dim, exact.penalty)
        _invert(columns, exact.col_weight / exact.total, dim, exact.penalty and exact.penalty.transposed())

        def apply(gradient: Tensor) -> Tensor:
            parts = zip((rows, columns), self._parts(gradient), strict=True)
            return torch.cat([_multiplied(half, part).view(-1) for half, part in parts])

        return apply


def _invert(halves: Tensor, weight: Tensor, dim: int, penalty: Penalty | None) -> None:
    """Put the inverse of weight · Hessian + penalty in place of each Hessian; of a word that never occurs, the identity."""
    unit = torch.eye(dim, dtype=halves.dtype, device=halves.device)
    for low in range(0, len(halves), AT_ONCE):
        rows = slice(low, low + AT_ONCE)
        hessians = whole(halves[rows], dim) * weight[rows, None, None]
        if penalty is not None:
            hessians.diagonal(dim1=-2, dim2=-1)[:, : penalty.dim] += penalty.rows[rows, None]
        scale = hessians.diagonal(dim1=-2, dim2=-1).mean(-1)
        scale = torch.where(scale > 0, scale, 1.0)[:, None, None]
        # Scaled to one, as weights of rare words are tiny in float32.
        factors = torch.linalg.cholesky_ex(hessians / scale + ROW_RIDGE * unit)[0]
        inverses = torch.where((weight[rows] > 0)[:, None, None], torch.cholesky_inverse(factors) / scale, unit)
        halves[rows] = above(inverses)


def _multiplied(halves: Tensor, vectors: Tensor) -> Tensor:
    """Each symmetric matrix, given as its upper half, times its vector (size, dim)."""
    if halves.device.type == "cpu":
        products = torch.zeros_like(vectors)
        own, others, found = halves.numpy(), vectors.numpy(), products.numpy()
        by_rows(lambda first, last: multiply_halves(own, others, found, first, last), *halves.shape)
        return products
    parts = zip(torch.split(halves, AT_ONCE), torch.split(vectors, AT_ONCE), strict=True)
    return torch.cat([(whole(half, part.shape[1]) @ part[:, :, None])[:, :, 0] for half, part in parts])
