"""X° of the counts and of the population's, by which estimates are told apart from the truth: each is found once for a run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.estimates import Estimates
from sgns_pmi.compare.inference import trained
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import solvers
from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.factorise.linalg import truncated_svd
from sgns_pmi.factorise.methods.empirical import Empirical
from sgns_pmi.factorise.methods.oracle import Oracle
from sgns_pmi.factorise.methods.qwem import QWEM
from sgns_pmi.factorise.methods.sgns import SGNS
from sgns_pmi.factorise.methods.softmax_mle import SoftmaxMLE
from sgns_pmi.factorise.methods.sppmi import SPPMI
from sgns_pmi.factorise.methods.svd import PMISVD, SPPMISVD
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.solution import Solution
from sgns_pmi.problems import Problem

log = logging.getLogger("sgns_pmi")

Float = NDArray[np.float64]

CLOSED_FORM = (Empirical, SPPMI, SPPMISVD, PMISVD, QWEM)
NO_OPTIMUM = "no finite optimum"
FOUND = ("optimum", "local optima", NO_OPTIMUM)
"""Ends of a search that no further steps would change."""
INCIDENTAL = ("solver", "seed", "device", "verbose")
"""Parameters that decide how an optimum is searched, and not what it is."""
SHAPED = ("k", "noise", "exponent", "bias", "drop_positive", "ridge_weights", "seed")
"""Parameters of methods that mean for them what they mean for SGNS."""
HELD = 1e-9
"""Relative distance of the population's x* to the nearest of rank dim up to which it is of that rank."""
FOLLOWS_COUNTS = "zero_share"
"""The noise that the population's counts, none of which is zero, do not have."""


def reference(estimator: Factorisation) -> tuple[Factorisation | None, str]:
    """An unfitted estimator of X°, None for a method that is told the truth; and whether it is the method's "own".

    A method without an optimum, or with one that no solver here finds, has that of "sgns": the expected SGNS of the same dim,
    of the same k and biases where it has these.

    Raises
    ------
    InputError
        For a method without factors, whose dim is not known.
    """
    if isinstance(estimator, Oracle):
        return None, "own"
    if isinstance(estimator, (*CLOSED_FORM, SoftmaxMLE)):
        return estimator.fresh(), "own"
    if not hasattr(estimator, "V_"):
        raise InputError("method", type(estimator).__name__, "has no factors, and no optimum that is known")
    # Subwords bind the vectors to each other, and bind the optimum.
    own = estimator.negatives_ is not None and estimator.subwords_ is None
    alike = {name: value for name, value in estimator.get_params().items() if name in SHAPED}
    if own and isinstance(noise := alike.get("noise"), str) and noise == FOLLOWS_COUNTS:
        alike["noise"] = estimator.negatives_.noise  # type: ignore[union-attr]
    ridge = getattr(estimator, "ridge_", 0.0)
    return SGNS(dim=estimator.V_.shape[1], **alike, ridge=ridge), "own" if own else "sgns"


def at_optimum(estimator: Factorisation) -> bool:
    """Whether a fitted method is where its own search ends, X° of its counts."""
    if isinstance(estimator, CLOSED_FORM):
        return True
    if isinstance(estimator, SGNS) and not trained(estimator):
        # To search again as far as the solver goes by itself would find the same.
        return estimator.status_ in FOUND or estimator.solver in ("expected", Expected())
    return isinstance(estimator, SoftmaxMLE)


class Optima:
    """X° of several methods, on a problem's counts and on those of its population.

    Parameters
    ----------
    problem : Problem
        With its truth.
    fitted : iterable of fitted estimators
        Those of them that are at their optimum are taken as they are.
    estimates : Estimates, optional
        What has been made of them already, and where more are kept.
    """

    def __init__(self, problem: Problem, fitted: Iterable[Factorisation] = (), estimates: Estimates | None = None) -> None:
        assert problem.joint is not None
        assert problem.pmi is not None
        self.pmi = problem.pmi
        self.counts = problem.counts
        drawn, population = self.counts.matrix, CooccurrenceCounts.from_matrix(self.counts.total * problem.joint)
        same = drawn.nnz == population.nnz and np.allclose(drawn.data, population.matrix.data, rtol=1e-9, atol=0)
        self.population = self.counts if same else population
        self.estimates = Estimates() if estimates is None else estimates
        self._of_counts: dict[Hashable, Factorisation] = {}
        self._of_population: dict[Hashable, Float] = {}
        for estimator in fitted:
            if at_optimum(estimator):
                self._of_counts.setdefault(_key(estimator), estimator)

    def of_counts(self, wanted: Factorisation) -> Factorisation:
        """The estimator fitted to the counts."""
        key = _key(wanted)
        if key not in self._of_counts:
            self._of_counts[key] = fitted_quietly(wanted.fresh(), self.counts)
        return self._of_counts[key]

    def of_population(self, wanted: Factorisation, near: Factorisation) -> Float:
        """The corrected estimate of the estimator fitted to N·P, dense.

        Of SGNS it is the true PMI itself where dim and biases hold it; else the better of what is found from `near`, an optimum
        close by, and from the solver's own start.

        Raises
        ------
        InputError
            Where the population too has no finite optimum.
        """
        key = _key(wanted)
        if key not in self._of_population:
            if self.population is self.counts and _key(near) == key:
                found = near
            elif isinstance(wanted, SGNS) and not wanted.ridge and self._holds_truth(wanted):
                return self.pmi
            else:
                begun = wanted.fresh()
                if isinstance(begun, SGNS) and isinstance(near, SGNS):
                    parts = solvers.Parts(near.V_, near.U_, near.row_bias_, near.col_bias_)
                    begun.set_params(solver=_From(starts=1, begin=parts))
                found = fitted_quietly(begun, self.population)
            if found.status_ == NO_OPTIMUM:
                raise InputError("dim", getattr(found, "dim", None), "has no finite optimum even for the population's counts")
            self._of_population[key] = self.estimates[found]
        return self._of_population[key]

    def _holds_truth(self, wanted: SGNS) -> bool:
        """Whether x* of the population, the optimum over matrices of any rank, is one of the model's."""
        negatives = wanted.negatives_of(self.population)
        if self.population.nnz < self.pmi.size:  # −∞ where P is 0
            return False
        best: Float = negatives.optimum(self.population).reshape(self.pmi.shape)
        if wanted.bias:
            best = best - best.mean(0) - best.mean(1, keepdims=True) + best.mean()
        left, values, right = truncated_svd(best, min(wanted.dim, *self.counts.shape))
        return float(np.linalg.norm(best - (left * values) @ right.T)) <= HELD * float(np.linalg.norm(best))


def fitted_quietly(estimator: Factorisation, counts: CooccurrenceCounts) -> Factorisation:
    """The estimator, fitted without a word: how its search ended is for the caller to ask. Ctrl-C ends more than the search."""
    said_before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # as ConvergenceWarning is, for which scikit-learn would be loaded
            estimator.fit(counts)
    finally:
        log.disabled = said_before
    if estimator.status_ == "interrupted":
        raise KeyboardInterrupt
    return estimator


@dataclass(frozen=True)
class _From(Expected):
    """The exact solver, begun near known factors."""

    begin: solvers.Parts | None = None

    def solve(self, *given: Any, **named: Any) -> Solution:
        return super().solve(*given, **named | {"start": self.begin})


def _key(estimator: Factorisation) -> Hashable:
    """What the optimum depends on."""
    own, _ = reference(estimator) if estimator.__sklearn_is_fitted__() else (estimator, "")
    assert own is not None
    parameters = {name: value for name, value in own.get_params().items() if name not in INCIDENTAL}
    return type(own), tuple(
        (name, value.tobytes() if isinstance(value, np.ndarray) else value) for name, value in parameters.items()
    )
