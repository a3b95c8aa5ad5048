"""Threads that work ahead, with results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

import numba

Item = TypeVar("Item")
Result = TypeVar("Result")


THREADS: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
"""All cores, or NUMBA_NUM_THREADS, which launchers of parallel jobs set."""


class Workers:
    """A pool of threads; a context manager.

    Parameters
    ----------
    threads : int
    """

    def __init__(self, threads: int = THREADS) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)

    def in_order(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        """Each item with what `work` makes of it, in order; no more items are begun than keep the threads busy."""
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        for item in items:
            waiting.append((item, self._pool.submit(work, item)))
            if len(waiting) > self.threads + 1:
                first, result = waiting.popleft()
                yield first, result.result()
        while waiting:
            first, result = waiting.popleft()
            yield first, result.result()
