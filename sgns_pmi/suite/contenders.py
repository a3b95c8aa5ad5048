"""What takes part: the methods of this package, and classes of a user's own."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sgns_pmi.errors import InputError, check_choice
from sgns_pmi.factorise import METHODS, Parameters
from sgns_pmi.problems import Problem

Model = Literal["free", "effects"]
MOST_WORDS = {"infonce": 2000}
"""Up to how many words a method takes part unasked; a fit of 5,000 takes InfoNCE over a quarter of an hour."""
EFFECT_COLUMNS = {"glove": 0, "softmax_mle": 2}
"""Methods whose estimates have effects of rows and columns whatever is asked, and how many of `dim` columns these take."""


@dataclass(frozen=True)
class Contender:
    """A way to estimate PMI.

    Parameters
    ----------
    name : str
        That of a method, or ``module:Class``.
    own : type, optional
        The user's class.
    most_words : int, optional
        Of the tasks that it takes part in.
    """

    name: str
    own: type[Any] | None = None
    most_words: int | None = None

    @property
    def source(self) -> str | None:
        """The file of a user's class, whose content its results depend on."""
        return None if self.own is None else inspect.getsourcefile(self.own)

    @property
    def told(self) -> bool:
        """Whether it is told the truth, and so no competitor."""
        return self.own is None and METHODS[self.name].needs == "truth"

    def sits_out(self, words: int) -> bool:
        """Whether a task of so many words is larger than it takes part in."""
        return self.most_words is not None and words > self.most_words

    def skip(self, offers: Collection[str], words: int) -> tuple[bool, str]:
        """Whether it leaves out a problem that offers these and has so many words, and why."""
        if self.sits_out(words):
            why = f"takes part up to {self.most_words:,} words, as a fit of more takes long; method=[{self.name}] asks for it"
            return True, why
        return (False, "") if self.own else METHODS[self.name].skip(offers)

    def given(self, problem: Problem) -> Any:
        """What it fits."""
        return problem.counts if self.own else problem.give(METHODS[self.name].needs)

    def build(self, rank: int, interaction: int, seed: int) -> tuple[Any, Model | None]:
        """The unfitted estimator, at the least dim at which its estimates can have a PMI; and the model that these make.

        Parameters
        ----------
        rank, interaction : int
            Of the PMI, and of the PMI but for a term for each row and each column: the dim of methods that have such terms
            beside V·Uᵀ ("effects").
        seed : int

        Returns
        -------
        estimator : object
        model : {"free", "effects"} or None
            Of `cramer_rao_rmse`; None for what is told the truth, or has no dim.
        """
        parameters = Parameters(dim=rank, seed=seed)
        if self.own is not None:
            taken = inspect.signature(self.own).parameters
            estimator = self.own(**{name: value for name, value in asdict(parameters).items() if name in taken})
            return estimator, "free" if "dim" in taken else None
        estimator = METHODS[self.name].build(parameters)
        own = estimator.get_params(deep=False)
        if "dim" not in own or self.told:
            return estimator, None
        if own.get("bias") or self.name in EFFECT_COLUMNS:
            return estimator.set_params(dim=interaction + EFFECT_COLUMNS.get(self.name, 0)), "effects"
        return estimator, "free"


def everyone() -> list[Contender]:
    """Every method of this package."""
    return [Contender(name, most_words=MOST_WORDS.get(name)) for name in METHODS]


def contenders(names: Sequence[str]) -> list[Contender]:
    """Contenders by name.

    Raises
    ------
    InputError
        For an unknown method, one named twice, a class that is not there or does not have `fit` and `estimate_pmi`.
    """
    for name in names:
        if names.count(name) > 1:
            raise InputError("method", name, "must be named once")
    return [Contender(name, _own(name)) if ":" in name else Contender(check_choice("method", name, METHODS)) for name in names]


def _own(name: str) -> type[Any]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:  # whatever the user's module raises
        raise InputError("method", name, f"its module cannot be imported: {type(error).__name__}: {error}") from None
    if not isinstance(found, type):
        raise InputError("method", name, f"the module {module} has no such class")
    for wanted in ("fit", "estimate_pmi"):
        if not callable(getattr(found, wanted, None)):
            raise InputError("method", name, f"has no {wanted}; a method has fit(counts) and estimate_pmi()")
    return found


__all__ = ["Contender", "Model", "contenders", "everyone"]
