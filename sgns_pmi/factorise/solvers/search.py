"""The line search of every descent, apart from the descents."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch

ENOUGH = 1e-4
"""Share of the fall that a step promises which it must bring (Armijo; Nocedal & Wright 2006, eq. 3.4)."""
ROUNDING = {torch.float64: 1e-14, torch.float32: 1e-8}
"""Relative changes of ℓ below this are rounding."""

Place = TypeVar("Place")


class Trial(NamedTuple):
    """Where a step leads: ℓ there, and how far ℓ would fall if it were linear."""

    objective: float
    promise: float


def backtrack(
    trial: Callable[[float], tuple[Trial, Place]], objective: float, *, length: float = 1.0, halvings: int, rounding: float = 0.0
) -> tuple[float, float, Place] | None:
    """The first of length, length/2, … that brings `ENOUGH` of what it promises: length, ℓ and place; None if none does.

    Parameters
    ----------
    trial : callable
        The step of a length, and whatever is known at its end.
    objective : float
        ℓ where the step begins.
    length : float, default 1
        The longest step.
    halvings : int
        Steps that are tried.
    rounding : float, default 0
        Rise of ℓ, relative, that is taken for rounding.
    """
    for _ in range(halvings):
        (found, promise), place = trial(length)
        if promise > 0 and found <= objective - ENOUGH * promise + rounding * objective:
            return length, found, place
        length /= 2
    return None
