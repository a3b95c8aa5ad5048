"""Methods by name: a class says what it is called, what it needs, and by its constructor what it takes from a configuration."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar

from numpy.typing import ArrayLike

from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.problems.problem import Problem

Need = Literal["counts", "words", "draws", "truth", "text"]
LACKS: dict[Need, str] = {
    "counts": "needs counts",
    "words": "needs words, and this data has numbers only",
    "draws": "needs counts that are known to be independent draws, some of which it holds out; for others give ridge a number,"
    " as method=[sgns_expected] bias=true ridge=1e-4, or ridge=auto, which holds out whole units of a text",
    "truth": "needs the true PMI, which is not known for this data",
    "text": "needs a text that can be read more than once, which this data is not",
}
Class = TypeVar("Class", bound=type[Factorisation])


@dataclass(frozen=True)
class Parameters:
    """The keys at the top of a configuration: each goes to every method whose constructor has a parameter of that name."""

    dim: int = 4
    k: int = 5
    noise: str | ArrayLike = "unigram"
    exponent: float = 1.0
    bias: bool = False
    drop_positive: bool = False
    ridge: float | str = 0.0
    ridge_weights: str = "uniform"
    seed: int = 0
    device: str = "cpu"
    verbose: bool = False


SHARED = tuple(parameter.name for parameter in fields(Parameters))


@dataclass(frozen=True)
class Method:
    """A named way to estimate PMI.

    Parameters
    ----------
    name, summary : str
        The name in configuration and tables; one line for listings.
    estimator : type of Factorisation
    needs : {"counts", "words", "draws", "truth", "text"}
        What `fit` is given: counts, counts whose words have names, counts that are independent draws, the true PMI (the
        oracle), or the text that was counted.
    loss : str
        What `objective_` and `history_` measure where that is not ℓ of SGNS; a label for figures.
    solver : type, optional
        Of the estimator's parameter `solver`; its own options stand under ``solver.`` and its name.
    presets : mapping
        Parameters that the method has in place of the estimator's defaults; a key at the top that differs from its default wins.
    """

    name: str
    summary: str
    estimator: type[Factorisation]
    needs: Need = "counts"
    loss: str = ""
    solver: Any = None
    presets: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> list[str]:
        """The keys of the method's own group. With a solver there are none: all stand there and at the top."""
        return [] if self.solver else list(self.estimator.parameters())

    def build(
        self,
        parameters: Parameters = Parameters(),
        options: Mapping[str, Any] | None = None,
        solvers: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Factorisation:
        """The unfitted estimator, with the shared parameters that it has, its own options, and those of its solver."""
        shared = {name: getattr(parameters, name) for name in self.estimator.parameters() if name in SHARED}
        shared |= {name: preset for name, preset in self.presets.items() if shared.get(name) == getattr(Parameters, name)}
        if self.solver:
            shared["solver"] = self.solver(**(solvers or {}).get(self.solver.name, {}))
        return self.estimator(**shared | dict(options or {}))

    def fit(self, estimator: Factorisation, problem: Problem) -> Factorisation:
        """The estimator, fitted to what the method needs of a problem; where counts are held out, by its units, if it has any."""
        given = problem.give(self.needs)
        if getattr(estimator, "ridge", None) == "auto" and problem.units is not None:
            return estimator.fit(given, units=problem.units)  # type: ignore[call-arg]  # those with a ridge have it
        return estimator.fit(given)

    def skip(self, offers: Collection[str]) -> tuple[bool, str]:
        """Whether a problem that offers these has nothing for the method, and why."""
        return (False, "") if self.needs in offers else (True, LACKS[self.needs])


METHODS: dict[str, Method] = {}
"""Every method by its name, sorted by it; tables and figures follow `methods` of the configuration instead."""


def method(
    name: str, summary: str, *, needs: Need = "counts", loss: str = "", solver: Any = None, **presets: Any
) -> Callable[[Class], Class]:
    """Make an estimator's class available under a method name, one more for each decorator; see `Method`."""

    def declare(estimator: Class) -> Class:
        METHODS[name] = Method(name, summary, estimator, needs, loss, solver, presets)
        # By name, not in the order in which modules happen to import each other: help and errors list them so.
        for other in sorted(METHODS):
            METHODS[other] = METHODS.pop(other)
        return estimator

    return declare
