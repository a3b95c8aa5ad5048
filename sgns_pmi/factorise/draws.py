"""Draws from a noise distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_integer
from sgns_pmi.lazily import torch
from sgns_pmi.memory import check_memory
from sgns_pmi.negatives import Negatives

if TYPE_CHECKING:
    from torch import Tensor


MOST = 1e14
"""Draws that a machine makes in about a week."""


def check_draws(k: float, pairs: int, dim: int) -> None:
    """Refuse more negatives than there is memory for their vectors: K of each of so many pairs at once.

    Raises
    ------
    InputError
        Names ``k``.
    """
    remedy = "choose a smaller k, or smaller batches; the expected solver draws none"
    check_memory("k", k, 8.0 * pairs * k * (dim + 2), remedy)


def check_time(k: float, windows: int) -> None:
    """Refuse more negatives than there is time to draw, one after the other: K for each of so many windows.

    Raises
    ------
    InputError
        Names ``k``.
    """
    if k * windows > MOST:
        raise InputError("k", k, f"means {k * windows:.2g} draws, one after the other, which take weeks; choose a smaller k")


class NoiseSampler:
    """Draws contexts from P_n in constant time each: Walker's alias method (Vose 1991).

    Parameters
    ----------
    negatives : Negatives
    generator : torch.Generator
        Source of the draws; they are made on its device.
    """

    def __init__(self, negatives: Negatives, generator: torch.Generator) -> None:
        share, alias = alias_table(negatives.noise)
        self._k = check_integer("k", negatives.k)
        self._generator = generator
        self._contexts = len(share)
        self._share = torch.tensor(share, dtype=torch.float32, device=generator.device)
        # Entry 2s is the alias of slot s, entry 2s + 1 the slot itself.
        self._context = torch.tensor(np.stack([alias, np.arange(len(alias))], axis=1).ravel(), device=generator.device)

    def draw(self, pairs: int) -> Tensor:
        """K independent draws for each of some pairs, int64 (pairs, K)."""
        generator, device = self._generator, self._generator.device
        slot = torch.randint(self._contexts, (pairs * self._k,), generator=generator, device=device)
        # `index_select` takes less than half the time of brackets.
        keep = torch.rand(slot.shape, generator=generator, device=device) < self._share.index_select(0, slot)
        return self._context.index_select(0, slot.mul_(2).add_(keep)).view(pairs, self._k)


def alias_table(probabilities: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Walker's alias table: slot s, chosen uniformly, means s with probability share[s], else alias[s] (Vose 1991)."""
    share = probabilities / probabilities.sum() * len(probabilities)
    alias = np.arange(len(share))
    small, large = list(np.flatnonzero(share < 1)), list(np.flatnonzero(share >= 1))
    while small and large:
        low, high = small.pop(), large[-1]
        alias[low] = high
        share[high] -= 1 - share[low]
        if share[high] < 1:
            small.append(large.pop())
    # What is left is 1 but for rounding.
    share[small + large] = 1.0
    return share, alias
