"""Second order: alternating Newton, then truncated Newton on both sides; the exact solver's engine for small problems.

First-order methods stall on ℓ, because its optimum is ill-conditioned in rare cells (docs/math.md, "Limits"). Two facts help:
for fixed U every row of V is a small weighted logistic regression, whose Newton step is one dim x dim system; and the
same systems, taken for both sides, precondition conjugate gradients on V and U jointly so well that a few truncated
Newton steps (Nocedal & Wright 2006, section 7.1) reach machine precision. Alternation comes near an optimum from any
start; joint steps then converge where alternation would crawl along the valley.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.factorise.linalg import balanced
from sgns_pmi.factorise.losses.cells import SeparableObjective
from sgns_pmi.factorise.losses.penalty import Penalty
from sgns_pmi.factorise.solvers.descent import Descent, Start
from sgns_pmi.factorise.solvers.existence import FAR, GROWTH, NARROW, Look, pushed, recession, without_end
from sgns_pmi.factorise.solvers.pair_sums import column_pairs, whole
from sgns_pmi.factorise.solvers.search import ROUNDING, Trial, backtrack
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.progress import Progress

Array = NDArray[np.float64]
JITTER = 1e-12  # relative to a block's mean diagonal: keeps the factorisation of a singular block finite
STILL = 20  # steps in a row that move ℓ by its rounding alone: far from the others unseen cells may curve it either way
NEAR = 1e-3  # relative decrease of ℓ in one alternation below which joint steps take over
MOST_ALTERNATIONS = 30
MOST_CG_STEPS = 100
LEAST_DAMPING = 1e-6  # of a row step, relative to its mean diagonal: bounds steps along directions that ℓ does not see
MOST_MOVE = 5.0  # most that a joint step moves a score: σ flattens within a few units, and its model with it
_TINY = 1e-300
LOOKED = 5  # joint steps from the first to the last of the looks that tell whether ℓ has a minimum
HELD = 0.5  # sine above which seen cells hold the unseen ones so fast that no push is needed to know it
PUSHED_STEPS, SAME = 15, 1e-9  # steps from a push to the same ℓ
HALVINGS = 40
AT_THE_END = 1e-10  # of ℓ: falls promised below which what is measured is rounding


class Newton(Descent):
    """Alternation with damping for each row, then joint steps; float64, with D and S of all cells in memory."""

    tolerance = 1e-15
    second_order = True

    def __init__(self, exact: SeparableObjective, starts: Sequence[Start], bias: bool, history: History) -> None:
        super().__init__(exact, starts, bias, history)
        self.sides = (exact, exact.transposed())
        self.levenberg = 1e-3
        self._undamped(self.factors)

    def continue_in(self, exact: SeparableObjective) -> None:
        """Go on with another objective of the same shape."""
        super().continue_in(exact)
        self.sides = (exact, exact.transposed())
        self._undamped(self.factors)

    def _undamped(self, factors: list[Tensor]) -> None:
        self.damping = [np.ones(factor.shape[:-1]) for factor in factors]

    def approach(self) -> None:
        """Alternating Newton rounds on all starts at once, until a round brings less than `NEAR` of ℓ in each."""
        factors = [torch.stack(side) for side in zip(*self.starts, strict=True)]
        self._undamped(factors)
        objective = np.full(len(factors[0]), np.inf)
        for _ in range(MOST_ALTERNATIONS):
            before = objective
            factors, objective = self.alternated(factors)
            best = int(objective.argmin())
            self.keep([factor[best] for factor in factors], float(objective[best]))
            if np.all(objective > (1 - NEAR) * before):
                break
        self.damping = [damping[best] for damping in self.damping]
        self.near = [(float(own), [side[at] for side in factors]) for at, own in enumerate(objective)]

    def alternated(self, factors: list[Tensor]) -> tuple[list[Tensor], Array]:
        """A damped Newton step on every row of V, then on every row of U; no row's loss rises. Also ℓ there."""
        factors = list(factors)
        for side, exact in enumerate(self.sides):
            factors[side], losses, self.damping[side] = row_step(
                exact, factors[side], factors[1 - side], self.free[side], self.damping[side]
            )
            objective = losses.sum(-1) / exact.total
        if self.exact.penalty is not None:  # the losses are those of the rows of U, which carry their own penalty alone
            objective = objective + _array(self.exact.penalty.of_rows(factors[0]).sum(-1))
        return factors, objective

    def converge(self, tolerance: float, max_steps: int, progress: Progress) -> None:
        """Truncated Newton steps on both sides, an alternation after each.

        Ends, `endless`, where ℓ is seen to have no minimum: on the way, or at its end by a push (`existence`).
        """
        self.levenberg, self.converged, self.endless = 1e-3, False, False
        may_recede = self.exact.penalty is None  # a penalised loss has an optimum, however slowly it is reached
        looks: list[Look] = []
        state, self.resumed, first, still = self.resumed, None, 0, 0
        if state is not None:
            first, still, self.levenberg = int(state["number"]), int(state["still"]), float(state["levenberg"])
            looks = [Look(*look) for look in state["looks"].tolist()]
            self.damping = [state[side] for side in ("damping_left", "damping_right")]
        for number in range(first + 1, first + max_steps + 1):
            before_step = self.objective
            last = self._advance(tolerance)
            still = still + 1 if self.objective >= before_step * (1 - ROUNDING[torch.float64]) else 0
            if last or still == STILL:
                self.endless = may_recede and self._yields()
                self.converged = not self.endless
            elif may_recede:
                looks = [*looks[-LOOKED:], Look(*recession(self.exact, self.factors, self.free), self.objective)]
                self.endless = len(looks) > LOOKED and without_end(looks)
            progress.update(objective=self.objective)
            if self.converged or self.endless or (self.arrived is not None and self.arrived(self)):
                break
            if self.checkpoint.due:
                own = {"number": number, "still": still, "levenberg": self.levenberg, "looks": np.array(looks)}
                damping = dict(zip(("damping_left", "damping_right"), self.damping, strict=True))
                self.checkpoint.save(self.saved() | own | damping)

    def _advance(self, tolerance: float) -> bool:
        """One joint step, with a penalty from balanced factors; whether it was the last, promising less than `tolerance` of ℓ."""
        penalty = self.exact.penalty
        if penalty is not None and 0 < penalty.dim <= min(self.exact.shape):
            self._balance(penalty)
        newton = newton_direction(self, self.levenberg)
        last = newton.slope <= 2 * tolerance * self.objective and not newton.curved
        length = self._step(newton, last)
        self.steps += 1
        if length == 1 and not newton.curved:
            self.levenberg = max(self.levenberg / 8, 1e-12)
        elif length < 0.3:
            self.levenberg = max(self.levenberg, 1e-6) * 4
        return last

    def _balance(self, penalty: Penalty) -> None:
        """Go to the factors of the same product that cost least, if it has their full rank: a column of zeros would stay one.

        Else steps would find them along directions that λ alone curves, thousands of times less than ℓ curves others, which
        conjugate gradients resolve last.
        """
        V, U = (_array(factor[:, : penalty.dim]) for factor in self.factors)
        best = balanced(V, U, _array(penalty.rows), _array(penalty.columns))
        if best[0].any(0).all():
            factors = [factor.clone() for factor in self.factors]
            for factor, own in zip(factors, best, strict=True):
                factor[:, : penalty.dim] = torch.from_numpy(own)
            fall = penalty.value(*self.factors) - penalty.value(*factors)
            self.factors, self.objective = factors, self.objective - fall

    def _yields(self) -> bool:
        """Whether the unseen cells that cost nothing, pushed twice as far, stay there at no higher ℓ: then ℓ has no minimum."""
        look = recession(self.exact, self.factors, self.free)
        if look.size == 0 or look.sine > HELD:
            return False
        held, objective, damping, found = self.factors, self.objective, self.damping, False
        try:
            self.factors = pushed(self.exact, self.factors, self.dim)
            self.objective = self.exact.value(*self.factors)
            for _ in range(PUSHED_STEPS):
                if self._advance(SAME) or self.objective <= objective:
                    break
            if self.objective <= objective * (1 + SAME):
                further = recession(self.exact, self.factors, self.free)
                found = further.size > GROWTH * look.size and further.sine <= max(look.sine, NARROW)
        finally:  # at Ctrl-C too
            if not found:
                self.factors, self.objective, self.damping = held, objective, damping
        return found

    def _step(self, newton: _Newton, last: bool) -> float:
        """Go along the direction until ℓ falls enough, near the end until it does not rise; the length, 0 where it never does."""
        (p_V, p_U), (V, U) = newton.steps, self.factors

        def trial(length: float) -> tuple[Trial, list[Tensor]]:
            factors = [own + length * step for own, step in zip(self.factors, newton.steps, strict=True)]
            return Trial(self.exact.value(*factors), length * newton.slope), factors

        most = MOST_MOVE / _largest_move(V @ U.T, p_V @ U.T + V @ p_U.T)
        found = backtrack(
            trial,
            self.objective,
            length=min(1.0, most),
            halvings=HALVINGS,
            rounding=ROUNDING[torch.float64] if newton.slope < AT_THE_END * self.objective else 0.0,
        )
        length, objective, factors = found or (0.0, self.objective, self.factors)
        while found and newton.curved and length < most:  # a step away from a saddle is short as long as it is near
            (further, _), place = trial(2 * length)
            if not further < objective:
                break
            length, objective, factors = 2 * length, further, place
        if not (last and found):
            # One alternation lets every row settle, which keeps the next joint model from pointing astray.
            factors, settled = self.alternated(factors)
            objective = float(settled)
        self.keep(factors, objective)
        return length


def _largest_move(scores: Tensor, move: Tensor) -> float:
    """Of the scores that a step moves, but for those that leave further where ℓ has long been flat."""
    leaving = (scores < FAR) & (move < 0) | (scores > -FAR) & (move > 0)
    return float(torch.where(leaving, 0.0, move.abs()).max().clamp_min(_TINY))


def row_step(exact: SeparableObjective, V: Tensor, U: Tensor, free: Tensor, damping: Array) -> tuple[Tensor, Array, Array]:
    """A damped Newton step on every row of V, U fixed: the rows, none of whose losses rose, these (Nℓ_i), and their damping."""
    system = row_systems(exact, V, U, free)
    diagonal = np.einsum("...ff->...f", system.hessian)
    diagonal += ((damping + JITTER) * diagonal.mean(-1) + _TINY)[..., None]
    step = np.linalg.solve(system.hessian, system.gradient[..., None])[..., 0]
    step[..., _array(exact.row_weight) == 0, :] = 0.0
    before = _array(V)
    moved = before.copy()
    moved[..., _array(free)] -= step
    losses = _array(exact.losses(torch.from_numpy(moved).to(exact.device), U))
    better = losses <= system.losses * (1 + ROUNDING[torch.float64])  # else rows would end √rounding away from their minimum
    damping = np.clip(np.where(better, damping / 4, damping * 8), LEAST_DAMPING, 1e6)
    kept = np.where(better[..., None], moved, before)
    return torch.from_numpy(kept).to(exact.device), np.where(better, losses, system.losses), damping


@dataclass(frozen=True)
class RowSystems:
    """For every row the loss Nℓ_i, and gradient (..., rows, f) and Hessian (..., rows, f, f) of Nℓ_i / α_i, f free columns.

    All three with the row's penalty, where there is one.
    """

    losses: Array
    gradient: Array
    hessian: Array


def row_systems(exact: SeparableObjective, V: Tensor, U: Tensor, free: Tensor) -> RowSystems:
    """The logistic regressions of the rows of V for fixed U: gradient (D_i ∘ β) U, Hessian Uᵀ diag(S_i ∘ β) U."""
    features = _array(U)[..., _array(free)]
    weighted = features * _array(exact.col_weight)[:, None]
    of_pairs = column_pairs(weighted, features)
    rows = tuple(V.shape[:-1])
    losses, gradient, packed = np.empty(rows), np.empty((*rows, features.shape[-1])), np.empty((*rows, of_pairs.shape[-1]))
    for block in exact.blocks(V, U):
        losses[..., block.rows] = _array(block.losses)
        np.matmul(_array(exact.curvature(block)), of_pairs, out=packed[..., block.rows, :])
        np.matmul(_array(exact.residual(block)), weighted, out=gradient[..., block.rows, :])
    hessian = whole(packed, features.shape[-1])
    if exact.penalty is not None:
        losses += exact.total * _array(exact.penalty.of_rows(V))
        # A word that never occurs has no weight, and a zero vector.
        weight, dim = _array(exact.row_weight), exact.penalty.dim
        ridge = np.zeros_like(weight)
        np.divide(exact.total * _array(exact.penalty.rows), weight, out=ridge, where=weight > 0)
        gradient[..., :dim] += ridge[:, None] * _array(V)[..., :dim]
        np.einsum("...ff->...f", hessian)[..., :dim] += ridge[:, None]
    return RowSystems(losses, gradient, hessian)


def cholesky(matrices: Tensor) -> Tensor:
    """Lower factors of symmetric matrices (..., dim, dim), kept finite where they are singular."""
    definite = matrices.clone()
    diagonal = definite.diagonal(dim1=-2, dim2=-1)
    diagonal += (JITTER * diagonal.mean(-1) + _TINY)[..., None]
    return torch.linalg.cholesky_ex(definite)[0]


def _array(tensor: Tensor) -> Array:
    """A tensor, wherever it is, as NumPy's."""
    array: Array = tensor.cpu().numpy()
    return array


def _apply(matrices: Array, vectors: Array) -> Array:
    """A dim x dim matrix for each column of vectors (dim, size)."""
    product: Array = np.matmul(matrices, vectors.T[:, :, None])[:, :, 0].T
    return product


@dataclass(frozen=True)
class _Newton:
    """A descent direction for both sides, its slope −⟨∇ℓ, p⟩ > 0, and whether negative curvature cut it short."""

    steps: list[Tensor]
    slope: float
    curved: bool


def newton_direction(search: Newton, levenberg: float) -> _Newton:
    """Conjugate gradients on (H + λB) p = −∇ℓ, preconditioned by (1 + λ)B, B the row blocks of the Hessian H.

    The rows of V meet each other only through U, and those of U only through V: with M = (1 + λ)B for one side,

        H + λB = [ M_V  C ; Cᵀ  M_U ],    Cᵀp_V = (S ∘ p_V Uᵀ)ᵀ V + Dᵀ p_V,    C p_U = (S ∘ V p_Uᵀ) U + D p_U,

    where S and D of all cells are kept, times α_i β_j / N. So p_U = −M_U⁻¹ (∇_U + Cᵀ p_V), and what remains for p_V takes
    half as many iterations as both sides together would, for the same work in each (Reid 1972, SIAM J. Numer. Anal. 9).
    Vectors p are held as their transposes, (free, size): products of a few long rows are three times as fast as of columns. All
    is small, and NumPy's: of a hundred words PyTorch takes longer to be called than to compute.
    """
    exact = search.exact
    V, U = (_array(factor) for factor in search.factors)
    alpha, beta = _array(exact.row_weight)[:, None] / exact.total, _array(exact.col_weight)
    D, S, scores = _array(exact.workspace("cells", 3, *exact.shape))
    for block in exact.blocks(*search.factors):
        for matrix, own in ((S, exact.curvature(block)), (D, exact.residual(block))):
            np.multiply(_array(own), alpha[block.rows], out=matrix[block.rows])
            matrix[block.rows] *= beta
    # What multiplies a free column of one side: the other side's same column. Opposite a bias stands a one, which does not move.
    free_V, free_U = (_array(free) for free in search.free)
    features_V, features_U, both = U.T[free_V], V.T[free_U], slice(search.dim)
    g_V, g_U = features_V @ D.T, features_U @ D
    sides = (S, np.ascontiguousarray(features_V.T)), (S.T, np.ascontiguousarray(features_U.T))
    M_V, M_U = (whole(s @ column_pairs(side, side), side.shape[1]) for s, side in sides)
    if exact.penalty is not None:
        weights = map(_array, (exact.penalty.rows, exact.penalty.columns))
        for gradient, blocks, weight, factor in zip((g_V, g_U), (M_V, M_U), weights, (V, U), strict=True):
            gradient[both] += weight * factor[:, both].T
            diagonal = np.einsum("iff->if", blocks)
            diagonal[:, both] += weight[:, None]
    M_V *= 1 + levenberg
    M_U *= 1 + levenberg
    # Explicit inverses: a preconditioner needs no more accuracy, and they apply ten times faster than two solves.
    inverse_V, inverse_U = (torch.cholesky_inverse(cholesky(torch.from_numpy(blocks))).numpy() for blocks in (M_V, M_U))

    def to_U(p_V: Array) -> Array:
        """M_U⁻¹ Cᵀ p_V."""
        np.multiply(np.matmul(p_V.T, features_V, out=scores), S, out=scores)
        product = features_U @ scores
        product[both] += p_V[both] @ D
        return _apply(inverse_U, product)

    def to_V(p_U: Array) -> Array:
        """C p_U."""
        np.multiply(np.matmul(features_U.T, p_U, out=scores), S, out=scores)
        product: Array = features_V @ scores.T
        product[both] += p_U[both] @ D.T
        return product

    own_U = _apply(inverse_U, g_U)
    norm = _dot(g_V, _apply(inverse_V, g_V)) + _dot(g_U, own_U)
    # Inexact at first, ever more exact as the norm shrinks: superlinear convergence (Nocedal & Wright, eq. 7.3).
    enough = norm * max(min(0.3, math.sqrt(norm / max(search.objective, _TINY))), 1e-10) ** 2
    p, residual = np.zeros_like(g_V), to_V(own_U) - g_V
    towards = z = _apply(inverse_V, residual)
    weighted = residual.copy()  # M_V towards
    norm = _dot(residual, z)
    curved = False
    for step in range(MOST_CG_STEPS):
        if norm <= enough:
            break
        along = weighted - to_V(to_U(towards))
        curvature = _dot(towards, along)
        if curvature <= 1e-8 * norm:
            curved = True
            if step == 0:
                p = towards
            break
        length = norm / curvature
        p = p + length * towards
        residual -= length * along
        z = _apply(inverse_V, residual)
        previous, norm = norm, _dot(residual, z)
        towards, weighted = z + norm / previous * towards, residual + norm / previous * weighted
    p_U = -(to_U(p) + own_U)
    steps = search.widened([torch.from_numpy(own.T).to(exact.device) for own in (p, p_U)])
    return _Newton(steps, -_dot(g_V, p) - _dot(g_U, p_U), curved)


def _dot(a: Array, b: Array) -> float:
    return float(np.vdot(a, b))
