"""Factors on their way to an optimum: what the engines of exact solvers have in common, and the loop that drives them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.factorise.checkpoints import Checkpoint, Part, State, current
from sgns_pmi.factorise.devices import threads_for
from sgns_pmi.factorise.losses.cells import SeparableObjective
from sgns_pmi.factorise.solvers.biases import Parts, free_columns, given, parts, with_biases
from sgns_pmi.factorise.solvers.existence import recession
from sgns_pmi.factorise.solvers.solution import Ends, History, Solution, Status
from sgns_pmi.factorise.solvers.starts import follow
from sgns_pmi.progress import Progress

Start = tuple[NDArray[Any], ...]
"""V (words, dim) and U (contexts, dim), and the biases b (words,) and c (contexts,) where they do not start from 0."""
LAST_SHARE, LAST_WORK = 5, 2.5e9
"""The engine that tells an optimum from a way without end has a fifth of the steps more, and does so, in a minute or two, up to
that many words x contexts x dim²."""
PRECISIONS = {"auto": (torch.float32, torch.float64), "float32": (torch.float32,), "float64": (torch.float64,)}


class Descent:
    """The best V and U so far, the ℓ that they have, and its record.

    Biases are two more columns, [V, b, 1] and [U, 1, c]; the columns of ones are not `free` to move.

    Parameters
    ----------
    exact : SeparableObjective
    starts : sequence of (V, U), (words, dim) and (contexts, dim)
    bias : bool
        Whether there are biases; they start from 0.
    history : History
        The record to write.
    """

    tolerance: ClassVar[float]
    """Share of ℓ below which the fall that a step promises ends the descent, by default."""
    second_order: ClassVar[bool] = False
    """Whether a step costs much more than to look where it has led."""
    near: list[tuple[float, list[Tensor]]]
    """ℓ and factors that `approach` brought each start to."""
    checkpoint = Checkpoint()
    """Where `converge` keeps its state; by default nowhere."""
    stage = 0
    """Which of several precisions it is in."""
    arrived: Callable[[Descent], bool] | None = None
    """Tells whether it has come where its end is known, and need go no further; second order asks."""
    resumed: State | None = None
    """What `converge` goes on from."""

    def __init__(self, exact: SeparableObjective, starts: Sequence[Start], bias: bool, history: History) -> None:
        self.exact, self.history, self.bias = exact, history, bias
        self.starts = [self._factors(*start) for start in starts]
        columns = free_columns(self.starts[0][0].shape[1], bias)
        self.free = [torch.tensor(side, device=exact.device) for side in columns]
        self.dim = len(columns[0]) - bias
        self.converged = self.endless = False
        self.steps = 0
        self.keep(self.starts[0], exact.value(*self.starts[0]))

    def _factors(self, *start: NDArray[Any]) -> list[Tensor]:
        own = [torch.as_tensor(side, dtype=self.exact.dtype, device=self.exact.device) for side in start]
        return list(with_biases(*own)) if self.bias else own

    def keep(self, factors: list[Tensor], objective: float) -> None:
        """Go to `factors`, where ℓ is `objective`; the record holds the lowest ℓ so far, of any start."""
        self.factors, self.objective = factors, objective
        step = len(self.history.rows)
        self.history.add(step, step, min(objective, self.history.objective) if step else objective)

    def continue_in(self, exact: SeparableObjective) -> None:
        """Go on with the same objective in another precision."""
        self.exact = exact
        self.factors = [factor.to(exact.dtype) for factor in self.factors]
        self.objective = exact.value(*self.factors)

    def saved(self) -> dict[str, Any]:
        """What a checkpoint holds of any descent."""
        factors = dict(zip(("left", "right"), self.factors, strict=True))
        return {"stage": self.stage, "steps": self.steps, "objective": self.objective, **factors, **self.history.saved()}

    def restore(self, state: State) -> None:
        """Go on from a checkpoint; `converge` takes what else is in it."""
        self.stage, self.steps, self.objective = int(state["stage"]), int(state["steps"]), float(state["objective"])
        self.factors = [self.tensor(state[side]) for side in ("left", "right")]
        self.history.restore(state)
        self.resumed = state

    def tensor(self, array: NDArray[Any]) -> Tensor:
        """An array of a checkpoint, where the descent computes."""
        return torch.as_tensor(array, dtype=self.exact.dtype, device=self.exact.device)

    def approach(self) -> None:
        """Come near an optimum from every start, and keep the best."""
        raise NotImplementedError

    def begin_at(self, factors: list[Tensor], objective: float) -> None:
        """Go on from factors that another descent has come to."""
        self.factors, self.objective = factors, objective

    def converge(self, tolerance: float, max_steps: int, progress: Progress) -> None:
        """Go to the optimum: `converged` once the next step promises less than `tolerance` of ℓ, `endless` if there is none."""
        raise NotImplementedError

    def converge_in(self, part: Part, tolerance: float, max_steps: int, progress: Progress) -> None:
        """`converge`, from where that part of a fit has kept a state; where it has kept its end, be there at once."""
        self.checkpoint, state = part, part.load()
        if state is not None:
            self.restore(state)
            if "converged" in state:
                self.converged = bool(state["converged"])
                return
        self.converge(tolerance, max_steps - self.steps, progress)
        part.end(self.saved() | {"converged": self.converged})

    def widened(self, columns: list[Tensor]) -> list[Tensor]:
        """Free columns (size, free) among zeros, shaped as the factors."""
        wide = [torch.zeros_like(factor) for factor in self.factors]
        for target, part, free in zip(wide, columns, self.free, strict=True):
            target[:, free] = part
        return wide

    def parts(self) -> Parts:
        """The factors and biases as NumPy arrays."""
        V, U = (factor.cpu().numpy() for factor in self.factors)
        return parts(V, U, self.bias)

    def solution(self, status: Status, ends: Ends | None = None) -> Solution:
        """The factors and biases as NumPy arrays."""
        return Solution(*self.parts(), self.history.frame(), self.objective, status, ends=ends)


def descend(
    title: str,
    objective: Callable[[torch.dtype], SeparableObjective],
    start: Start,
    history: History,
    *,
    engine: type[Descent],
    precisions: Sequence[torch.dtype] = (torch.float64,),
    others: Iterable[Start] = (),
    most: int = 0,
    also: Sequence[Start] = (),
    near: bool = True,
    tolerance: float | None = None,
    max_steps: int,
    last: type[Descent] | None = None,
    bias: bool = False,
    verbose: bool = False,
) -> Solution:
    """From a start to a minimum over V and U, and over biases when asked; Ctrl-C keeps what was found so far.

    The first start is followed to its end, from where a checkpoint has left it. Others follow, where ℓ has a minimum there, as
    `starts.follow` says.

    Parameters
    ----------
    title : str
        For the progress bar.
    objective : callable
        The sum of cell losses, in a precision.
    start : (V, U), ndarrays (words, dim) and (contexts, dim)
    history : History
        The record to write; its clock may have begun before the start was found.
    engine : type of Descent
    precisions : sequence of dtype, default float64
        One after the other; each goes on from where the last could go no further.
    others : iterable of (V, U), default none
    most : int, default 0
        How many of them there may be in all.
    also : sequence of (V, U) or (V, U, b, c), default none
        Starts from which the engine comes near an optimum beside the first, to go on from the lowest.
    near : bool, default True
        Whether the engine first comes near an optimum.
    tolerance : float, optional
        By default the engine's own.
    max_steps : int
        Most steps on V and U together, from one start.
    last : type of Descent, default none
        The engine that goes on, with a fifth of the steps more, where unseen cells have gone so far that there may be no minimum
        (see `existence`). On problems too large for it such an end is not called one.
    bias : bool, default False
        Whether scores are V·Uᵀ + b + c; biases start from 0.
    verbose : bool, default False
    """
    own_tolerance, tolerance = tolerance, engine.tolerance if tolerance is None else tolerance
    checkpoint = current()
    state = checkpoint.load()
    stage = 0 if state is None else int(state["stage"])
    exact = objective(precisions[stage])
    interrupted, ends = False, None
    with threads_for(exact.shape), Progress(title, max_steps, verbose) as progress:
        descent = engine(exact, [start, *also], bias, history)
        try:
            descent.checkpoint = checkpoint
            if state is not None:
                descent.restore(state)
            elif near:
                descent.approach()
            descent.converge(tolerance, max_steps - descent.steps, progress)
            if most and stage == 0 and not descent.endless:
                best, ends = follow(
                    descent, iter(others), most, lambda batch: engine(exact, batch, bias, history), max_steps, progress
                )
                if best is not descent:
                    descent = best
                    if not descent.endless:
                        descent.converge(tolerance, max_steps, progress)
            for precision in precisions[stage + 1 :]:
                descent.continue_in(objective(precision))
                descent.stage += 1
                descent.checkpoint = Checkpoint() if most else checkpoint  # which does not hold where other starts led
                descent.converge(tolerance, max_steps - descent.steps, progress)
            if last is not None and recession(descent.exact, descent.factors, descent.free).size > 0:
                if math.prod(descent.exact.shape) * descent.dim**2 <= LAST_WORK:
                    before, descent = descent, last(descent.exact, [given(descent.parts())], bias, history)
                    descent.begin_at(before.factors, before.objective)
                    descent.converge(own_tolerance or last.tolerance, max_steps // LAST_SHARE, progress)
                else:
                    descent.converged = False
        except KeyboardInterrupt:
            interrupted = True
    return descent.solution("interrupted" if interrupted else _status(descent, ends), ends)


def _status(descent: Descent, ends: Ends | None) -> Status:
    if descent.endless:
        return "no finite optimum"
    if not descent.converged:
        return "step limit"
    return "optimum" if ends is None or ends.agree else "local optima"
