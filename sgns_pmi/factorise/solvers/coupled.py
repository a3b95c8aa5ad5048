"""A trust region on V and U for a loss whose cells are coupled by normalisers; all cells in memory.

The second derivative H along (dV, dU) is that of the scores, dX = dV Uᵀ + V dUᵀ, plus the slope's G dU and Gᵀ dV. As with sums of
losses of cells (`newton`), rare words make it ill-conditioned: conjugate gradients need the preconditioner B, the row blocks
Uᵀ diag(S_i) U of a diagonal S that is no less than the loss's own curvature. The region is a ball in B's norm, by which steps are
as long as the scores of frequent pairs move. Where the curvature is negative, as on the many saddles between V and U, a step goes
to its edge (Steihaug, SIAM J. Numer. Anal. 20, 1983; Nocedal & Wright 2006, algorithms 4.1 and 7.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sgns_pmi.factorise.losses.infonce import InfoNCELoss, ScorePoint
from sgns_pmi.factorise.solvers.existence import FAR, bases
from sgns_pmi.factorise.solvers.newton import cholesky
from sgns_pmi.factorise.solvers.search import ROUNDING
from sgns_pmi.factorise.solvers.solution import History, Status
from sgns_pmi.progress import Progress

OPEN = 0.1  # the sine below which what has gone far lies in the tangent space
TOLERANCE = 1e-15  # share of the loss below which the fall that a step promises ends the descent
MOST_CG_STEPS = 200
TINY = 1e-300
FLAT = 1e-9  # curvature, relative to B's, that is none
FIRST_RADIUS, LEAST_RADIUS = 0.5, 1e-9  # nats
FAIR_RADIUS = 1e-2  # so far around there is nothing to gain, where a step to the edge promises nothing
Sides = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Place:
    """Factors, the scores' loss there, and the gradient on both sides."""

    V: Tensor
    U: Tensor
    point: ScorePoint

    @classmethod
    def of(cls, loss: InfoNCELoss, V: Tensor, U: Tensor) -> Place:
        """The place of factors (words, dim) and (contexts, dim)."""
        return cls(V, U, loss.at(V @ U.T))

    @property
    def gradient(self) -> Sides:
        """∂L/∂V and ∂L/∂U."""
        return self.point.slope @ self.U, self.point.slope.T @ self.V

    def move(self, step: Sides) -> Tensor:
        """What a step adds to the scores, to first order."""
        return step[0] @ self.U.T + self.V @ step[1].T

    def curved(self, loss: InfoNCELoss, step: Sides) -> Sides:
        """H applied to a step."""
        product, slope = loss.curved(self.point, self.move(step)), self.point.slope
        return product @ self.U + slope @ step[1], product.T @ self.V + slope.T @ step[0]

    def blocks(self, loss: InfoNCELoss) -> Sides:
        """B: a matrix (dim, dim) for each row of V, and for each of U."""
        S = loss.weight(self.point)
        return _blocks(S, self.U), _blocks(S.T, self.V)


def minimise_coupled(
    loss: InfoNCELoss, V: Tensor, U: Tensor, history: History, max_steps: int, progress: Progress
) -> tuple[Place, Status]:
    """From a start to a minimum over V and U, float64; Ctrl-C keeps what was found so far."""
    place, radius = Place.of(loss, V, U), FIRST_RADIUS
    history.add(0, 0, place.point.loss)
    with progress:
        try:
            for number in range(1, max_steps + 1):
                step = steihaug(loss, place, radius)
                there = Place.of(loss, place.V + step.move[0], place.U + step.move[1])
                value = place.point.loss
                fall, rounding = value - there.point.loss, ROUNDING[torch.float64] * value
                if fall > 1e-4 * step.promise - rounding:
                    place = there
                    history.add(number, number, place.point.loss)
                if step.promise <= TOLERANCE * value and not (step.at_edge and radius < FAIR_RADIUS):
                    return place, "optimum"
                if fall < 0.25 * step.promise - rounding:
                    radius = step.length / 4
                elif fall > 0.75 * step.promise and step.at_edge:
                    radius *= 2
                if radius < LEAST_RADIUS:
                    break
                progress.update(objective=place.point.loss)
        except KeyboardInterrupt:
            return place, "interrupted"
    return place, "step limit"


@dataclass(frozen=True)
class Step:
    """A move on both sides, its length in B's norm, the fall that it promises, and whether the region's edge ended it."""

    move: Sides
    length: float
    promise: float
    at_edge: bool


def steihaug(loss: InfoNCELoss, place: Place, radius: float) -> Step:
    """About the least of ⟨∇L, p⟩ + ½⟨p, Hp⟩ within the region, by conjugate gradients preconditioned with B."""
    blocks, gradient = place.blocks(loss), place.gradient
    inverses = tuple(torch.cholesky_inverse(cholesky(own)) for own in blocks)
    p = torch.zeros_like(gradient[0]), torch.zeros_like(gradient[1])
    residual = -gradient[0], -gradient[1]
    towards = z = _apply(inverses, residual)
    norm = _dot(residual, z)
    # Inexact at first, ever more exact as the norm shrinks: superlinear convergence (Nocedal & Wright, eq. 7.3).
    enough = norm * max(min(0.3, math.sqrt(norm / max(place.point.loss, TINY))), 1e-10) ** 2
    at_edge = False
    for _ in range(MOST_CG_STEPS):
        if norm <= enough:
            break
        along = place.curved(loss, towards)
        curvature = _dot(towards, along)
        weighted = _apply(blocks, towards)
        # |p + t towards|² = a t² + 2 b t + c in B's norm.
        a, b, c = _dot(towards, weighted), _dot(p, weighted), _dot(p, _apply(blocks, p))
        if abs(curvature) <= FLAT * a:  # a direction that the loss does not see, as V → VR, U → UR⁻ᵀ
            break
        edge = (math.sqrt(b * b + a * max(radius**2 - c, 0.0)) - b) / a
        length = norm / curvature if curvature > 0 else math.inf
        at_edge = length >= edge
        length = min(length, edge)
        p = p[0] + length * towards[0], p[1] + length * towards[1]
        residual = residual[0] - length * along[0], residual[1] - length * along[1]
        if at_edge:
            break
        z = _apply(inverses, residual)
        before, norm = norm, _dot(residual, z)
        towards = z[0] + norm / before * towards[0], z[1] + norm / before * towards[1]
    # With r = −∇L − Hp the model's fall is ½⟨p, r − ∇L⟩.
    promise = (_dot(p, residual) - _dot(p, gradient)) / 2
    return Step(p, math.sqrt(max(_dot(p, _apply(blocks, p)), 0.0)), promise, at_edge)


def _blocks(S: Tensor, features: Tensor) -> Tensor:
    """Σ_j S_ij u_j u_jᵀ of each row i."""
    dim = features.shape[1]
    return (S @ (features[:, :, None] * features[:, None, :]).flatten(1)).view(-1, dim, dim)


def _apply(matrices: tuple[Tensor, ...], sides: Sides) -> Sides:
    """A matrix (dim, dim) for each row of each side."""
    first, second = (torch.bmm(own, side[:, :, None])[:, :, 0] for own, side in zip(matrices, sides, strict=True))
    return first, second


def _dot(a: Sides, b: Sides) -> float:
    return float((a[0] * b[0]).sum() + (a[1] * b[1]).sum())


def runs_off(place: Place, loss: InfoNCELoss) -> bool:
    """Whether unseen cells go to −∞ at no cost, by a direction that moves no others: then the loss has no minimum.

    As in `existence`: their scores, 0 elsewhere, then lie nearly in the tangent space of V Uᵀ and of what the loss leaves open.
    """
    shift = loss.to_pmi(place.V @ place.U.T)[:, None]
    pmi = loss.unseen(place.V @ place.U.T + shift)
    far = torch.where(pmi < FAR, pmi, 0.0)
    size = float(far.norm())
    left, right = bases(place.V, torch.cat([place.U, torch.ones_like(place.U[:, :1])], 1))
    outside = far - left @ (left.T @ far)
    return size > 0 and float((outside - (outside @ right) @ right.T).norm()) < OPEN * size
