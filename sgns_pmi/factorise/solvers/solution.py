"""What a solver returns, and how it records its way there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.factorise.checkpoints import State
from sgns_pmi.lazily import pd

HISTORY_COLUMNS = ("step", "epoch", "seconds", "objective")

Status = Literal["optimum", "local optima", "no finite optimum", "step limit", "diverged", "interrupted"]
"""How a fit ended: at an optimum; at the best of several; on a way without end; out of steps; where ℓ rose; by Ctrl-C."""


class History:
    """Objective against step, epoch and seconds.

    `seconds` counts the solver's own work since `begin` (on `time.perf_counter`'s clock; by default now); `skip` leaves
    work out.
    """

    def __init__(self, begin: float | None = None) -> None:
        self.rows: list[tuple[int, float, float, float]] = []
        self._start = time.perf_counter() if begin is None else begin

    def skip(self, seconds: float) -> None:
        """Leave `seconds` of work, such as an evaluation for the record alone, out of the clock."""
        self._start += seconds

    def add(self, step: int, epoch: float, objective: float) -> None:
        """Record ℓ after `step` steps and `epoch` passes over the counts."""
        self.rows.append((step, epoch, time.perf_counter() - self._start, objective))

    @property
    def objective(self) -> float:
        """The ℓ recorded last."""
        return self.rows[-1][3]

    def saved(self) -> dict[str, Any]:
        """The record and its clock, for a checkpoint."""
        return {"history": np.array(self.rows, dtype=np.float64), "clock": np.array(time.perf_counter() - self._start)}

    def restore(self, state: State) -> None:
        """Go on with the record of a checkpoint."""
        self.rows = [(int(step), epoch, seconds, objective) for step, epoch, seconds, objective in state["history"].tolist()]
        self._start = time.perf_counter() - float(state["clock"])

    def frame(self) -> pd.DataFrame:
        """The record as a frame of step, epoch, seconds, objective."""
        return pd.DataFrame(self.rows, columns=list(HISTORY_COLUMNS))


@dataclass(frozen=True)
class Ends:
    """Where the starts of a fit led.

    Parameters
    ----------
    tried, followed : int
        Starts that were brought near an optimum, and those of them that were followed: to their end, or to where the end of
        another is known to be theirs (`starts.Bowl`).
    reached : int
        Followed starts whose ℓ is within 1e-7 of the lowest there.
    spread : float
        The highest ℓ of a followed start above the lowest, relative.
    score_spread : float
        The largest difference of a score V·Uᵀ + b + c between the best end and any other.
    """

    tried: int
    followed: int
    reached: int
    spread: float
    score_spread: float

    @property
    def agree(self) -> bool:
        """Whether all reached the lowest ℓ."""
        return self.reached == self.followed


@dataclass(frozen=True)
class Solution:
    """Factors that a solver found.

    Parameters
    ----------
    V, U : ndarray, (words, dim) and (contexts, dim)
    row_bias, col_bias : ndarray, (words,) and (contexts,), or None
        b and c of the scores V·Uᵀ + b + c.
    history : DataFrame
        step, epoch, seconds, objective.
    objective : float
        The exact ℓ at the factors.
    status : str
        How the search ended; training, which has no tolerance, ends at its step limit.
    certificate : float, optional
        σ_max/λ of a penalised stationary point: 1 at the global minimum.
    ends : Ends, optional
        Where the starts led, if there were several.
    diverged : str, default ""
        What to change where training diverged; the factors are then the last before.
    """

    V: NDArray[Any]
    U: NDArray[Any]
    row_bias: NDArray[Any] | None
    col_bias: NDArray[Any] | None
    history: pd.DataFrame
    objective: float
    status: Status
    certificate: float | None = None
    ends: Ends | None = None
    diverged: str = ""
