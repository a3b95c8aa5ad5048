"""The `expected` solver: minimises the exact objective ℓ, by the engine that suits the problem's size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import check_choice, check_integer, check_real
from sgns_pmi.factorise import losses, solvers
from sgns_pmi.factorise.devices import threads_for
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.solvers.solution import History, Solution
from sgns_pmi.lazily import torch
from sgns_pmi.negatives import Negatives
from sgns_pmi.progress import Progress
from sgns_pmi.streams import stream

PRECISION_NAMES = ("auto", "float32", "float64")
NEWTON_WORK = 5e8  # words x contexts x dim² up to which second order is used
CHEAP_WORK, FEWEST, MOST = 5e6, 12, 34  # words x contexts x dim² of all starts together, if not with the fewest
STARTS_WORK = 5e7  # words x contexts x dim² above which there is one start


@dataclass(frozen=True)
class Expected:
    """Exact minimisation of ℓ: the reference that the other methods are measured against.

    Parameters
    ----------
    starts : int, optional
        Most starts. The first is `spectral_start`, which is followed to its end. Others, random ones, are brought near an end,
        eleven at a time, and the lowest six of these are followed: where all agree, to 1e-7 of ℓ, that is the optimum. Where
        they do not, more are tried, and the fit ends in `local optima` with the best. By default 34 where a start takes
        some milliseconds, 12 where it takes some tenths of a second, else 1.
    tolerance : float, optional
        Ends, converged, when a step promises a decrease of ℓ below this share of ℓ; by default 1e-15 where second order is
        used, 5e-9 elsewhere, where the last 20 steps must have brought no more each; ℓ is then some 3e-7 above its optimum.
        There one start is followed: that others end lower is not excluded. Where unseen cells have gone so far that ℓ may have no
        minimum, second order goes on from there, with a fifth of `max_steps` more, up to 1,000 words x 1,000 contexts at dim
        50, and tells; beyond, such a fit ends in `step limit`. With precision="float32" it is not tested.
    max_steps : int, default 500
        Most steps on V and U together.
    precision : {"auto", "float32", "float64"}, default "auto"
        What large problems are computed in; "auto" goes as far as float32 can and ends in float64. Small ones use float64
        unless float32 is asked for.
    """

    name: ClassVar = "expected"
    tells: ClassVar[bool] = True
    """Whether second order goes on where first order cannot tell an optimum from a way without end."""
    unfinished: ClassVar[str] = "ℓ still falls, or may do so for ever as unseen cells go to −∞"
    starts: int | None = None
    tolerance: float | None = None
    max_steps: int = 500
    precision: str = "auto"

    def check(self) -> None:
        """Raise `InputError` for a value out of range."""
        if self.starts is not None:
            check_integer("starts", self.starts)
        if self.tolerance is not None:
            check_real("tolerance", self.tolerance, above=True)
        check_integer("max_steps", self.max_steps)
        check_choice("precision", self.precision, PRECISION_NAMES)

    def solve(
        self,
        counts: CooccurrenceCounts,
        dim: int,
        negatives: Negatives,
        *,
        seed: int = 0,
        device: str = "cpu",
        bias: bool = False,
        ridge: Ridge | None = None,
        start: solvers.Parts | None = None,
        verbose: bool = False,
    ) -> Solution:
        """Minimise ℓ, with the penalty if any, over V (words, dim) and U (contexts, dim), and biases b and c when asked.

        A penalised search may begin at a `start` of its own; another comes near its optimum from there too, and goes on from
        the lower.
        """
        if ridge is not None:
            return self._solve_ridge(counts, dim, negatives, ridge, start, device=device, bias=bias, verbose=verbose)
        work = math.prod(counts.shape) * dim**2
        newton = self.engine(counts, dim) is solvers.Newton
        several = int(min(max(CHEAP_WORK / work, FEWEST), MOST)) if work <= STARTS_WORK else 1
        starts = self.starts or several
        history = History()
        rngs = (stream(seed, "start", "sgns_expected", str(number)) for number in range(1, starts))
        return solvers.descend(
            "SGNS (expected)",
            lambda dtype: losses.ExactObjective(counts, negatives, dtype=dtype, device=device),
            solvers.spectral_start(counts, dim, negatives, seed),
            history,
            engine=solvers.Newton if newton else solvers.QuasiNewton,
            precisions=(torch.float64,) if newton else solvers.PRECISIONS[self.precision],
            others=(solvers.random_start(counts, dim, negatives, rng) for rng in rngs),
            most=starts - 1,
            also=[] if start is None else [solvers.given(start)],
            near=newton,
            tolerance=self.tolerance,
            max_steps=self.max_steps,
            last=solvers.Newton if self.tells and not newton and self.precision != "float32" else None,
            bias=bias,
            verbose=verbose,
        )

    def engine(self, counts: CooccurrenceCounts, dim: int) -> type[solvers.Newton] | type[solvers.QuasiNewton]:
        """Second order where the size, and the precision asked for, admit it."""
        newton = math.prod(counts.shape) * dim**2 <= NEWTON_WORK and self.precision != "float32"
        return solvers.Newton if newton else solvers.QuasiNewton

    def _solve_ridge(
        self,
        counts: CooccurrenceCounts,
        dim: int,
        negatives: Negatives,
        ridge: Ridge,
        start: solvers.Parts | None,
        *,
        device: str,
        bias: bool,
        verbose: bool,
    ) -> Solution:
        engine, history = self.engine(counts, dim), History()
        if start is None and engine is solvers.QuasiNewton:  # to add columns a few at a time would take too many rounds
            V, U = solvers.spectral_start(counts, dim, negatives)
            zeros = (np.zeros(len(V)), np.zeros(len(U))) if bias else (None, None)
            start = solvers.Parts(V, U, *zeros)
        with threads_for(counts.shape), Progress("SGNS (expected)", self.max_steps, verbose) as progress:
            fit = solvers.solve_ridge(
                counts,
                dim,
                negatives,
                ridge,
                engine=engine,
                bias=bias,
                start=start,
                history=history,
                tolerance=self.tolerance,
                max_steps=self.max_steps,
                device=device,
                progress=progress,
            )
        V, U = (np.pad(factor, ((0, 0), (0, dim - factor.shape[1]))) for factor in fit.factors[:2])
        objective = fit.objective - ridge.value(V, U)
        certificate = None if math.isnan(fit.certificate) else fit.certificate
        return Solution(V, U, *fit.factors[2:], history.frame(), objective, fit.status, certificate)
