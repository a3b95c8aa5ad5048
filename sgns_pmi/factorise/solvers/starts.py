"""Several starts: followed until they agree, or until there were enough to say that they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from sgns_pmi.factorise.solvers.existence import bases
from sgns_pmi.factorise.solvers.solution import Ends
from sgns_pmi.progress import Progress

if TYPE_CHECKING:
    from sgns_pmi.factorise.solvers.descent import Descent, Start

BATCH = 11  # random starts that are brought near an optimum together
FOLLOWED = 6  # the lowest of them, which are followed to their ends
AGREE = 1e-7  # of ℓ: ends that differ by less are one optimum
SHALLOW, NEARBY = 0.1, 10.0  # of what second order may leave unsaid in a bowl; and most that a score differs there
NEARLY = 1e-9  # of ℓ: how exactly a start is followed that may turn out to be no better


def follow(
    first: Descent, others: Iterator[Start], most: int, make: Callable[[list[Start]], Descent], max_steps: int, progress: Progress
) -> tuple[Descent, Ends]:
    """The best of `first`, which is at its end, and of at most `most` other starts.

    Of each batch the lowest few are followed, to their end or into the bowl of the best: then its end is theirs. Where all agree
    with the first no more are tried.
    """
    best, bowl, ends, tried = first, Bowl.around(first), [_End.of(first)], 1
    while batch := list(islice(others, min(BATCH, most + 1 - tried))):
        tried += len(batch)
        whole = make(batch)
        whole.approach()
        for objective, factors in sorted(whole.near, key=lambda near: near[0])[:FOLLOWED]:
            other = make(batch[:1])
            other.begin_at(factors, objective)
            if bowl is not None:
                other.arrived = bowl.has
            if bowl is None or not bowl.has(other):
                other.converge(NEARLY, max_steps, progress)
            ends.append(bowl.end if bowl is not None and bowl.has(other) else _End.of(other))
            if other.objective < best.objective * (1 - AGREE):
                best, bowl = other, Bowl.around(other)
        if _summary(ends, tried).agree:
            break
    return best, _summary(ends, tried)


class _End(NamedTuple):
    objective: float
    scores: Tensor

    @classmethod
    def of(cls, descent: Descent) -> _End:
        V, U = descent.factors
        return cls(descent.objective, V @ U.T)


class Bowl:
    """The surroundings of an optimum where ℓ is what its second order says, and the scores of rank dim are nearly their tangents.

    With Δ the scores X − X* of a point, ℓ is separable in them, so that ℓ − ℓ* ≈ ⟨G, Δ⟩ + ½⟨Δ, S ∘ Δ⟩, G the gradient and S the
    curvature at X*; and Δ, of two matrices of one rank, lies in the tangent space at X* but for its second order. Where both
    hold to `SHALLOW`, and no score has gone where all is flat, descents end in X*: of 233 such starts on 100 of the problems of
    benchmarks/optima all did, while some ended elsewhere at 0.2.
    """

    def __init__(self, descent: Descent) -> None:
        self.end = _End.of(descent)
        exact, (V, U) = descent.exact, descent.factors
        self._gradient, self._curvature = exact.scores_gradient(V, U), torch.empty_like(self.end.scores)
        for block in exact.blocks(V, U):
            self._curvature[block.rows] = exact.curvature(block)
        self._curvature *= exact.side_weights[0][:, None] * exact.side_weights[1]
        self._bases = bases(V[:, descent.free[1]], U[:, descent.free[0]])

    @classmethod
    def around(cls, descent: Descent) -> Bowl | None:
        """Around the end of a descent, if it is an optimum, and steps cost more than to look whether they have come here."""
        return cls(descent) if descent.converged and descent.second_order else None

    def has(self, other: Descent) -> bool:
        """Whether another descent has come into it."""
        delta, (left, right) = other.factors[0] @ other.factors[1].T - self.end.scores, self._bases
        if float(delta.abs().max()) > NEARBY:
            return False
        gap = other.objective - self.end.objective
        told = float((self._gradient * delta).sum() + (self._curvature * delta).mul_(delta).sum() / 2)
        outside = delta - left @ (left.T @ delta)
        outside -= (outside @ right) @ right.T
        return abs(gap - told) <= SHALLOW * gap and float(outside.norm()) <= SHALLOW * float(delta.norm())


def _summary(ends: list[_End], tried: int) -> Ends:
    objectives = torch.tensor([end.objective for end in ends], dtype=torch.float64)
    above = objectives / objectives.min() - 1
    best = ends[int(above.argmin())].scores
    spread = max(float((end.scores - best).abs().max()) for end in ends)
    return Ends(tried, len(ends), int((above <= AGREE).sum()), float(above.max()), spread)
