"""How many decimals the numbers of a column have, so that they stand below each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

MOST_DECIMALS = 5
ROUNDING = 1e-6


def decimals(values: Sequence[float | None], digits: int) -> int:
    """How many decimals a column's numbers have: so many that the middle one of those beyond rounding has `digits` digits."""
    sizes = sorted(abs(value) for value in values if value is not None and math.isfinite(value) and abs(value) > ROUNDING)
    if not sizes or all(size == int(size) for size in sizes):
        return 0
    return max(0, min(MOST_DECIMALS, digits - 1 - math.floor(math.log10(sizes[(len(sizes) - 1) // 2]))))


__all__ = ["decimals"]
