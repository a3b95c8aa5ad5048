"""What a solver of SGNS offers."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.solvers.solution import Solution
from sgns_pmi.negatives import Negatives


@runtime_checkable
class Solver(Protocol):
    """A way to minimise ℓ, with options of its own."""

    unfinished: ClassVar[str]
    """Why a fit may end at its step limit, to be said where it does; empty for training, which always ends there."""

    def check(self) -> None:
        """Raise `InputError` for an option out of range."""

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
        verbose: bool = False,
    ) -> Solution:
        """Minimise ℓ, with the penalty if any, over V (words, dim) and U (contexts, dim), and biases b and c when asked."""
