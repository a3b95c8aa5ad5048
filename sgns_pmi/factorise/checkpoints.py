"""Long fits that go on where they were killed: a solver's state in a file, every so often.

Which file is said around a fit, by `kept_in`, and not to estimators: a checkpoint is no parameter of an estimate. A solver's loop
takes `current()`, restores what it `load`s, and saves its state where one is `due`: all that its next step depends on, the
state of its random numbers included, so that the fit ends as if it had not been disturbed. A fit of many loops, such as a path
over λ, takes a `part()` for each.
"""

from __future__ import annotations

import json
import logging
import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.files import atomic_path

log = logging.getLogger("sgns_pmi")

State = Mapping[str, NDArray[Any]]
"""Arrays by name, as they stand in the file: never anything that could run code."""


class Checkpoint:
    """Where a fit keeps its state.

    Parameters
    ----------
    file : Path or None, default None
        An .npz file; with None nothing is kept.
    job : str, default ""
        What the fit belongs to: a file of another job is no state of this one.
    every : float, default 180
        Seconds between states.
    """

    def __init__(self, file: Path | None = None, job: str = "", every: float = 180.0) -> None:
        self._file, self._job, self._every = file, job, every
        self._last = time.monotonic()
        self._parts: dict[str, Any] | None = None
        self._begun = 0

    def load(self) -> State | None:
        """The state that the same fit has kept; None where there is none."""
        if self._file is None or not self._file.is_file():
            return None
        try:
            with np.load(self._file, allow_pickle=False) as arrays:
                state = dict(arrays)
        except (ValueError, OSError, EOFError, zipfile.BadZipFile):  # not ours, or of a disk that failed
            return None
        if str(state.pop("job", "")) != self._job:
            return None
        log.info("goes on from %s", os.path.relpath(self._file))
        return state

    @property
    def due(self) -> bool:
        """Whether the last state is older than `every` seconds."""
        return self._file is not None and time.monotonic() - self._last >= self._every

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep a state: arrays and numbers by name, tensors too."""
        assert self._file is not None
        with atomic_path(self._file) as beside:
            np.savez(beside, allow_pickle=False, job=np.array(self._job, dtype=np.str_), **_on_cpu(state))
        self._last = time.monotonic()

    def part(self) -> Part:
        """The checkpoint of the next loop of a fit of many, which begin in the same order whenever the fit is made."""
        if self._parts is None:
            self._parts = dict(self.load() or {})
        self._begun += 1
        return Part(self, self._parts, f"{self._begun}.")


class Part(Checkpoint):
    """Where one of many loops keeps its state: in the file of the whole fit, beside what the others have come to.

    Parameters
    ----------
    whole : Checkpoint
    parts : dict
        The state of the whole fit.
    name : str
        What the names of this loop's own arrays begin with there.
    """

    def __init__(self, whole: Checkpoint, parts: dict[str, Any], name: str) -> None:
        super().__init__()
        self._whole, self._all, self._name = whole, parts, name

    def load(self) -> State | None:
        """The state that the same loop has kept, be it its last; None where there is none."""
        return {name.removeprefix(self._name): own for name, own in self._all.items() if name.startswith(self._name)} or None

    @property
    def due(self) -> bool:
        """Whether the last state of any loop is older than wanted."""
        return self._whole.due

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep a state on the way."""
        self._note(state)
        self._whole.save(self._all)

    def end(self, state: Mapping[str, Any]) -> None:
        """Keep what the loop has come to, from now or the next state of another on."""
        self._note(state)
        if self.due:
            self._whole.save(self._all)

    def _note(self, state: Mapping[str, Any]) -> None:
        for name in [name for name in self._all if name.startswith(self._name)]:
            del self._all[name]
        self._all.update({self._name + name: own for name, own in _on_cpu(state).items()})


def _on_cpu(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state whose tensors, wherever they are, are arrays."""
    return {name: own.detach().cpu().numpy() if hasattr(own, "detach") else own for name, own in state.items()}


def state_of(rng: np.random.Generator) -> NDArray[np.str_]:
    """The state of random numbers, for a checkpoint."""
    return np.array(json.dumps(rng.bit_generator.state))


def set_state(rng: np.random.Generator, state: NDArray[Any]) -> None:
    """Go on with the random numbers of a checkpoint."""
    rng.bit_generator.state = json.loads(str(state))


_CURRENT: ContextVar[Checkpoint | None] = ContextVar("checkpoint", default=None)


def current() -> Checkpoint:
    """That of the fit that runs; one that keeps nothing where none was asked for."""
    return _CURRENT.get() or Checkpoint()


@contextmanager
def kept_in(checkpoint: Checkpoint) -> Iterator[None]:
    """Inside the block a fit keeps its state there."""
    before = _CURRENT.set(checkpoint)
    try:
        yield
    finally:
        _CURRENT.reset(before)


__all__ = ["Checkpoint", "Part", "State", "current", "kept_in", "set_state", "state_of"]
