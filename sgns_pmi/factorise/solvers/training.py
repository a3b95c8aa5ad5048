"""Training by many small steps: what takes them, records ℓ on the way and notices that it rises without bound."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from sgns_pmi.errors import InputError
from sgns_pmi.factorise.solvers.solution import History, Status
from sgns_pmi.progress import Progress

RECORDS = 50  # points of the history, fewer where evaluating ℓ there would visit more cells than the next line says
RECORDED_CELLS = 10**9
DIVERGED = 10.0  # training has failed where ℓ is this many times what it started from


class Training(Protocol):
    """Factors in training; iterating takes the steps of all epochs."""

    V: Tensor
    U: Tensor
    step: int
    epoch_steps: int
    every: int

    @property
    def steps(self) -> int:
        """How many steps there are in all."""

    def __iter__(self) -> Iterator[None]: ...

    def objective(self, exact: bool) -> float:
        """ℓ at the factors, which may be an estimate unless it is to be exact."""

    def state(self) -> Sequence[Tensor]:
        """All that training learns."""

    def diverged(self) -> InputError:
        """The error for an ℓ that rose without bound."""


def train(training: Training, history: History, progress: Progress) -> Status:
    """Take all steps and record ℓ every so often, at last exactly; Ctrl-C ends it.

    Training that diverges ends too, in the state that was recorded last.

    Raises
    ------
    InputError
        Where training begins with an ℓ that is not finite.
    """
    kept: list[Tensor] = []

    def record(exact: bool = False) -> None:
        begin = time.perf_counter()
        objective = training.objective(exact)
        if not objective < DIVERGED * (history.rows[0][3] if history.rows else math.inf):  # also true of NaN
            raise training.diverged()
        history.skip(time.perf_counter() - begin)
        history.add(training.step, training.step / training.epoch_steps, objective)
        kept[:] = [learned.detach().clone() for learned in training.state()]

    status: Status = "step limit"
    with progress:
        try:
            record()
            for _ in training:
                if training.step % training.every == 0 and training.step < training.steps:
                    record()
                progress.update(objective=history.objective)
        except KeyboardInterrupt:
            status = "interrupted"
        except InputError:
            status = "diverged"
        try:
            if status != "diverged":
                record(exact=True)
        except InputError:
            status = "diverged"
        if status == "diverged":
            if not kept:
                raise training.diverged()
            with torch.no_grad():
                for learned, before in zip(training.state(), kept, strict=True):
                    learned.copy_(before)
            history.rows[-1] = (*history.rows[-1][:3], training.objective(exact=True))
    return status


def recorded_every(steps: int, shape: tuple[int, int]) -> int:
    """Steps between records of the exact ℓ."""
    return math.ceil(steps / max(1, min(RECORDS, RECORDED_CELLS // (shape[0] * shape[1]))))
