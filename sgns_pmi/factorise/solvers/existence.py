"""Whether ℓ has a minimum where a descent is, or falls for ever as unseen cells go to −∞ (docs/math.md, "Existence").

Let F be the unseen cells whose scores are so low that they cost nothing, and x_F the scores there, 0 elsewhere. On a way without
end the scores are X(t) = X + t·R + o(t), with R = 0 at every seen cell and R ≤ 0 at the others, and t·R lies in the tangent
space of the scores: it is some A Uᵀ + V Bᵀ. So x_F / |x_F| comes as near to the tangent space as 1/t. At a finite optimum with
very low scores it seldom does: there seen cells hold the unseen ones, and no tangent moves the ones without the others.

Whether such a way leads down to its end the last steps tell. With s = 1/|x_F| the least ℓ at s is ℓ_∞ + ℓ₁ s + ℓ₂ s² + …: where
ℓ₁ < 0 it is lower before the end, near s = −ℓ₁/2ℓ₂, than there, and the search goes on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from sgns_pmi.factorise.losses.cells import SeparableObjective

FAR = -15.0  # a score at which an unseen cell costs less than a millionth of what it costs at 0
NARROW = 0.02  # the sine below which x_F lies in the tangent space; most finite optima have 0.05 and more
GROWTH = 1.5  # of |x_F| from the first look to the last on a way without end


class Recession(NamedTuple):
    """How far the unseen cells that cost nothing have gone, |x_F|, and the sine of x_F's angle with the tangent space."""

    size: float
    sine: float


NONE = Recession(0.0, 1.0)


class Look(NamedTuple):
    """What a step has come to: |x_F|, its sine, and ℓ."""

    size: float
    sine: float
    objective: float


def without_end(looks: Sequence[Look]) -> bool:
    """Whether these cells go on and on, by a direction that moves no others, and ℓ falls to the end: by looks at every step."""
    first, last = looks[0], looks[-1]
    return first.size > 0 and last.sine < NARROW and last.size > GROWTH * first.size and _falls_to_the_end(looks[-3:])


def _falls_to_the_end(looks: Sequence[Look]) -> bool:
    """Whether ℓ₁ ≥ 0 in the parabola ℓ_∞ + ℓ₁ s + ℓ₂ s², s = 1/|x_F|, through three looks (Newton's divided differences)."""
    if not 0 < looks[0].size < looks[1].size < looks[2].size:
        return False  # they do not go on
    s = [1 / look.size for look in looks]
    slopes = [(looks[k].objective - looks[k + 1].objective) / (s[k] - s[k + 1]) for k in (0, 1)]
    bend = (slopes[0] - slopes[1]) / (s[0] - s[2])
    return slopes[1] - bend * (s[1] + s[2]) >= 0


class Far(NamedTuple):
    """x_F as the tangent space A Uᵀ + V Bᵀ sees it, f columns free on each side."""

    square: float  # |x_F|²
    left: Tensor  # orthonormal, spans the columns of V: (words, f), or fewer where there are fewer words
    right: Tensor  # alike of U
    on_left: Tensor  # x_Fᵀ left
    on_right: Tensor  # x_F right


def recession(exact: SeparableObjective, factors: list[Tensor], free: list[Tensor]) -> Recession:
    """Look at the scores of factors (words, f) and (contexts, f), whose columns `free` may move."""
    far = _far(exact, factors, factors[0][:, free[1]], factors[1][:, free[0]])
    if far.square == 0:
        return NONE
    # |(I − P_V) x_F (I − P_U)|², which is what no tangent A Uᵀ + V Bᵀ has.
    inside = float(far.on_left.square().sum() + far.on_right.square().sum() - (far.left.T @ far.on_right).square().sum())
    return Recession(math.sqrt(far.square), math.sqrt(max(1 - inside / far.square, 0.0)))


def pushed(exact: SeparableObjective, factors: list[Tensor], dim: int) -> list[Tensor]:
    """The factors of the matrix of rank `dim` nearest to X + P x_F, P the projection on the tangent space; biases stay."""
    V, U = (factor[:, :dim] for factor in factors)
    _, left, right, on_left, on_right = _far(exact, factors, V, U)
    # X + P x_F = P_V (X + x_F) + (I − P_V) x_F P_U, of rank 2 dim.
    Q, R = torch.linalg.qr(torch.cat([left, on_right - left @ (left.T @ on_right)], dim=1))
    P, S = torch.linalg.qr(torch.cat([U @ (V.T @ left) + on_left, right], dim=1))
    a, values, b = torch.linalg.svd(R @ S.T)
    root = values[:dim].sqrt()
    moved = [Q @ a[:, :dim] * root, P @ b[:dim].T * root]
    return [torch.cat([own, factor[:, dim:]], dim=1) for own, factor in zip(moved, factors, strict=True)]


def _far(exact: SeparableObjective, factors: list[Tensor], V: Tensor, U: Tensor) -> Far:
    """x_F at the factors, beside the tangent space at V (words, f) and U (contexts, f); a block of rows at a time."""
    left, right = bases(V, U)
    square, on_left, on_right = 0.0, V.new_zeros(len(U), left.shape[1]), V.new_zeros(len(V), right.shape[1])
    for rows, scores in exact.unseen_scores(*factors):
        if scores.min() >= FAR:
            continue
        x_F = torch.where(scores < FAR, scores, 0.0)
        square += float(x_F.square().sum())
        on_left.addmm_(x_F.T, left[rows])
        on_right[rows] = x_F @ right
    return Far(square, left, right, on_left, on_right)


def bases(V: Tensor, U: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal bases of the columns of each: the tangent space of V Uᵀ is what P_V and P_U leave nothing of on both sides."""
    return torch.linalg.qr(V)[0], torch.linalg.qr(U)[0]
