"""Progress of a long step: a bar with remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn, Self

from tqdm import tqdm

log = logging.getLogger("sgns_pmi")
FIRST, EVERY = 2.0, 10.0
"""Seconds after which a step that says nothing is said to run, and between lines."""


class Progress:
    """Shows how far a step has come; a context manager.

    Parameters
    ----------
    name : str
        What is running.
    total : int
        Number of steps; 0 where it is not known.
    shown : bool, default True
        False keeps silent.
    every : float, default 10
        Seconds between log lines where standard error is not a terminal.
    """

    heard = 0.0
    """When anything last showed how far it has come."""

    def __init__(self, name: str, total: int, shown: bool = True, every: float = EVERY) -> None:
        self._name, self._total, self._shown, self._every = name, total, shown, every
        self._terminal = shown and sys.stderr.isatty()
        self._bar: tqdm[NoReturn] | None = None
        self._done = 0

    def __enter__(self) -> Self:
        self._start = self._last = time.monotonic()
        if self._terminal:
            self._bar = tqdm(total=self._total or None, desc=self._name, leave=False, dynamic_ncols=True, smoothing=0.05)
        return self

    def update(self, steps: int = 1, objective: float | None = None) -> None:
        """Say that `steps` more are done and, where known, what the objective is now."""
        self._done += steps
        if self._total and self._done > self._total:  # more than was foreseen
            self._total = self._done
            if self._bar is not None:
                self._bar.total = self._total
        if self._bar is not None:
            if objective is not None:
                self._bar.set_postfix_str(f"objective {objective:.6g}", refresh=False)
            self._bar.update(steps)
            Progress.heard = time.monotonic()
        elif self._shown and (now := time.monotonic()) - self._last >= self._every:
            self._last = now
            left = (now - self._start) * (self._total - self._done) / max(self._done, 1)
            value = "" if objective is None else f", objective {objective:.6g}"
            ending = f", {left:.0f} s left at most" if self._total else ""
            Progress.heard = now
            _say(f"{self._name}: {self._so_far()}{value}{ending}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._shown and not _logged() and (taken := time.monotonic() - self._start) >= FIRST:  # a program has a last line
            _say(f"{self._name}: {self._so_far()} in {taken:.1f} s")

    def _so_far(self) -> str:
        return f"{self._done} of {self._total} steps" if self._total else f"{self._done}"


@contextmanager
def beating(name: str, shown: bool = True, first: float = FIRST, every: float = EVERY) -> Iterator[None]:
    """Inside the block a line now and then says that it runs, where nothing tells how far it has come (LAPACK)."""
    ended, start = threading.Event(), time.monotonic()

    def beat() -> None:
        wait = first
        while not ended.wait(wait):
            if time.monotonic() - max(Progress.heard, start) >= wait:
                _say(f"{name}: {time.monotonic() - start:.0f} s so far")
                Progress.heard = time.monotonic()  # by whatever runs around this
            wait = every

    beats = threading.Thread(target=beat, name="sgns-pmi beat", daemon=True)
    if shown:
        beats.start()
    try:
        yield
    finally:
        ended.set()
        if shown:
            beats.join()  # a line on its way belongs to this step, not to what comes after it


def _say(line: str) -> None:
    """To the log; or, where a notebook or a script has none that would show it, to standard error."""
    if _logged():
        log.info(line)
    else:
        print(line, file=sys.stderr)


def _logged() -> bool:
    return log.hasHandlers() and log.isEnabledFor(logging.INFO)
