"""Looking at factors while they are trained.

As where checkpoints are kept, who looks on is known to the fit from its context, and is no parameter of an estimate. A solver's
loop takes `current()` and shows its factors to it where a look is `due`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from numpy.typing import NDArray

Look = Callable[[int, float, NDArray[Any], NDArray[Any]], None]
"""Is shown the step, the epoch, and left (words, m) and right (contexts, m) with left·rightᵀ the scores V·Uᵀ (+ b + c)."""
SPACING = 1.1
"""Of the steps that are shown, which follow each other faster where more is learned: 0, 1, 2, …, 10, 11, 13, 15, …"""


class Watch:
    """Who looks on at a fit, and when.

    Parameters
    ----------
    look : callable, optional
        What is done with the factors; without one no look is due.
    """

    def __init__(self, look: Look | None = None) -> None:
        self._look, self._next, self._last = look, 0.0, -1

    def due(self, step: int, last: bool = False) -> bool:
        """Whether factors are wanted after `step` steps; those after the last always are, if they were not shown yet."""
        return self._look is not None and (step >= self._next or (last and step > self._last))

    def show(self, step: int, epoch: float, left: NDArray[Any], right: NDArray[Any]) -> None:
        """Show the factors, which may change afterwards."""
        assert self._look is not None
        self._look(step, epoch, left, right)
        self._next, self._last = max(step + 1, SPACING * step), step


_CURRENT: ContextVar[Watch | None] = ContextVar("watch", default=None)


def current() -> Watch:
    """That of the fit that runs; one that wants nothing where nobody looks on."""
    return _CURRENT.get() or Watch()


@contextmanager
def watched(look: Look) -> Iterator[None]:
    """Inside the block a fit shows its factors to `look`."""
    before = _CURRENT.set(Watch(look))
    try:
        yield
    finally:
        _CURRENT.reset(before)


__all__ = ["Watch", "current", "watched"]
