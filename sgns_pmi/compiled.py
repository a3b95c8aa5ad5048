"""Loops compiled by Numba, kept between processes where there is a folder that can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Loop], Loop]:
    """Numba's `njit` with these options and its cache; a process that finds no folder for the cache compiles for itself."""

    def compile_loop(loop: Loop) -> Loop:
        try:
            return njit(cache=True, **options)(loop)
        except RuntimeError:  # neither beside the package, nor in NUMBA_CACHE_DIR, nor in a home
            return njit(**options)(loop)

    return compile_loop


__all__ = ["compiled"]
