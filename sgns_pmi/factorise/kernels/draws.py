"""Draws from a noise distribution, one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compiled import compiled

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]


@compiled(nogil=True)
def random(state: NDArray[np.uint64]) -> np.uint64:
    """The next output of SplitMix64 (Steele, Lea & Flood 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled(nogil=True)
def draw_one(share: Float32, alias: Int32, state: NDArray[np.uint64]) -> np.int64:
    """One draw by an alias table (`draws.alias_table`), whose `state` (1,) is changed."""
    draw = random(state)
    slot = np.int64(((draw >> np.uint64(32)) * np.uint64(len(share))) >> np.uint64(32))
    below = np.float32(draw & np.uint64(0xFFFFFF)) * np.float32(2.0**-24)
    return slot if below < share[slot] else np.int64(alias[slot])


__all__ = ["draw_one"]
