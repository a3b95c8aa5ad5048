"""Training by many small steps: what takes them, records ℓ on the way and notices that it rises without bound."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from sgns_pmi.errors import InputError
from sgns_pmi.factorise import watching
from sgns_pmi.factorise.checkpoints import State, current
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

    def saved(self) -> dict[str, Tensor]:
        """What the next step depends on beside `state` and `step`, for a checkpoint."""

    def restore(self, saved: dict[str, Tensor]) -> None:
        """Go on from what was `saved`; `state` and `step` are restored already."""


def too_fast(lr: float, training: Training) -> InputError:
    """The error for an ℓ that rose without bound at a learning rate."""
    return InputError("lr", lr, f"training diverged by step {training.step} of {training.steps}; choose a smaller learning rate")


def train(training: Training, history: History, progress: Progress) -> Status:
    """Take all steps and record ℓ every so often, at last exactly; Ctrl-C ends it.

    Training that diverges ends too, in the state that was recorded last. What a checkpoint has kept is not trained again.
    Whoever looks on is shown the factors.

    Raises
    ------
    InputError
        Where training begins with an ℓ that is not finite.
    """
    kept: list[Tensor] = []
    checkpoint, watch = current(), watching.current()

    def save() -> None:
        learned = {f"learned{place}": own for place, own in enumerate(training.state())}
        before = {f"before{place}": own for place, own in enumerate(kept)}
        own = {f"own_{name}": value for name, value in training.saved().items()}
        checkpoint.save({"step": training.step, **learned, **before, **own, **history.saved()})

    def restore(state: State) -> None:
        for place, own in enumerate(training.state()):
            own.copy_(torch.from_numpy(state[f"learned{place}"]))
            kept.append(torch.from_numpy(state[f"before{place}"]).to(own.device))
        training.step = int(state["step"])
        training.restore({name[4:]: torch.from_numpy(value) for name, value in state.items() if name.startswith("own_")})
        history.restore(state)

    def record(exact: bool = False) -> None:
        begin = time.perf_counter()
        objective = training.objective(exact)
        if not objective < DIVERGED * (history.rows[0][3] if history.rows else math.inf):  # also true of NaN
            raise training.diverged()
        history.skip(time.perf_counter() - begin)
        history.add(training.step, training.step / training.epoch_steps, objective)
        kept[:] = [learned.detach().clone() for learned in training.state()]

    def show(last: bool = False) -> None:
        if watch.due(training.step, last):
            factors = (factor.detach().cpu().numpy() for factor in (training.V, training.U))
            watch.show(training.step, training.step / training.epoch_steps, *factors)

    status: Status = "step limit"
    with progress:
        try:
            if (state := checkpoint.load()) is not None:
                restore(state)
                progress.update(training.step, history.objective)
            else:
                record()
            show()
            for _ in training:
                show()
                if training.step % training.every == 0 and training.step < training.steps:
                    record()
                progress.update(objective=history.objective)
                if checkpoint.due:
                    save()
        except KeyboardInterrupt:
            status = "interrupted"
        except InputError:
            status = "diverged"
        try:
            if status != "diverged":
                record(exact=True)
                show(last=True)
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
