"""Several starts: followed until they agree, or until there were enough to say that they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from sgns_pmi.factorise.solvers.solution import Ends
from sgns_pmi.progress import Progress

if TYPE_CHECKING:
    from sgns_pmi.factorise.solvers.descent import Descent, Start

BATCH = 11  # random starts that are brought near an optimum together
FOLLOWED = 6  # the lowest of them, which are followed to their ends
AGREE = 1e-7  # of ℓ: ends that differ by less are one optimum
NEARLY = 1e-9  # of ℓ: how exactly a start is followed that may turn out to be no better


def follow(
    first: Descent, others: Iterator[Start], most: int, make: Callable[[list[Start]], Descent], max_steps: int, progress: Progress
) -> tuple[Descent, Ends]:
    """The best of `first`, which is at its end, and of at most `most` other starts.

    Of each batch the lowest few are followed. Where all agree with the first no more are tried.
    """
    best, ends, tried = first, [_End.of(first)], 1
    while batch := list(islice(others, min(BATCH, most + 1 - tried))):
        tried += len(batch)
        whole = make(batch)
        whole.approach()
        for objective, factors in sorted(whole.near, key=lambda near: near[0])[:FOLLOWED]:
            other = make(batch[:1])
            other.begin_at(factors, objective)
            other.converge(NEARLY, max_steps, progress)
            ends.append(_End.of(other))
            if other.objective < best.objective * (1 - AGREE):
                best = other
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


def _summary(ends: list[_End], tried: int) -> Ends:
    objectives = torch.tensor([end.objective for end in ends], dtype=torch.float64)
    above = objectives / objectives.min() - 1
    best = ends[int(above.argmin())].scores
    spread = max(float((end.scores - best).abs().max()) for end in ends)
    return Ends(tried, len(ends), int((above <= AGREE).sum()), float(above.max()), spread)
