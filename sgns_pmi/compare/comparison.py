"""Every method of a run against every target: the rows of metrics.csv, and the cells that figures show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sgns_pmi.compare.deviation import estimator_objective, optimal_objective, scored_raw
from sgns_pmi.compare.estimates import Estimates
from sgns_pmi.compare.found import MOST_CELLS
from sgns_pmi.compare.recovery import recovery_rows
from sgns_pmi.compare.room import check_room
from sgns_pmi.compare.shown import Array, ShownCells, is_dense, shown_cells, shown_pair
from sgns_pmi.compare.table import METRIC_COLUMNS
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import Factorisation
from sgns_pmi.lazily import pd
from sgns_pmi.negatives import Negatives
from sgns_pmi.pmi import pmi_cells, pmi_matrix
from sgns_pmi.problems import Problem

REFERENCE = "sgns_expected"


class Comparison(NamedTuple):
    """What `compare` found."""

    metrics: pd.DataFrame
    shown: ShownCells


class _Compared(NamedTuple):
    """What is known of one method."""

    recovery: list[tuple[str, str, str, str, float]]
    """What `METRIC_COLUMNS` has beside the method."""
    objective: float
    certificate: float | None
    raw: Array | None
    corrected: Array


class Comparing:
    """Compares one method after the other with what is known of a problem: a run keeps what it has learned so far.

    Each estimate is made once: of all cells where a truth is known or the counts are small, else of the seen ones.

    Parameters
    ----------
    problem : Problem
    negatives : Negatives
        Those of the objective that all methods are measured by.
    """

    def __init__(self, problem: Problem, negatives: Negatives) -> None:
        counts = problem.counts
        if problem.truth is not None:
            check_room(counts.shape)
        self._problem, self._negatives, self._dense = problem, negatives, is_dense(problem)
        self._cells = counts.centers, counts.matrix.indices
        if problem.truth is not None:
            self._targets = {"true": problem.pmi, "nominal": problem.nominal, "empirical": pmi_matrix(counts)}
            self._joint, self._seen = problem.joint, counts.seen
        else:  # only seen cells have an empirical PMI
            self._targets = {"empirical": pmi_cells(counts)}
            self._joint, self._seen = None, np.ones(counts.nnz, dtype=bool)
        self._best = optimal_objective(counts, negatives)
        self._shown = shown_cells(problem)
        self._methods: dict[str, _Compared] = {}
        self.estimates = Estimates()
        """Corrected estimates of all cells, where these are few enough to be kept for a budget."""

    def add(self, method: str, estimator: Factorisation) -> None:
        """Compare one more method.

        Raises
        ------
        InputError
            For an estimate with cells at +∞, or that are no numbers; −∞ is the PMI of a pair never seen.
        """
        counts, negatives, (rows, cols) = self._problem.counts, self._negatives, self._cells
        pair, recovered = {}, []
        for kind in ("raw", "corrected"):
            corrected = kind == "corrected"
            estimate = estimator.estimate_pmi(corrected) if self._dense else estimator.estimate_cells(rows, cols, corrected)
            if not (estimate < np.inf).all():
                raise InputError("method", method, f"its {kind} estimate has cells that are infinite, or no numbers")
            pair[kind] = estimate[self._shown.at]
            compared = estimate[rows, cols] if self._dense and self._problem.truth is None else estimate
            for target, pmi in self._targets.items():
                if pmi is not None:
                    found = recovery_rows(compared, pmi, self._joint, self._seen)
                    recovered += [(kind, target, *row) for row in found]
            if corrected != scored_raw(estimator, negatives):
                objective = estimator_objective(estimator, counts, negatives, estimate if self._dense else None)
            if corrected and self._dense and estimate.size <= MOST_CELLS:
                self.estimates[estimator] = estimate
            del estimate, compared  # there may be no room for two
        # At once, so that Ctrl-C leaves no half.
        self._methods[method] = _Compared(recovered, objective, getattr(estimator, "certificate_", None), *shown_pair(**pair))

    @property
    def found(self) -> Comparison:
        """What is known of the methods so far."""
        rows = [(method, *row) for method, own in self._methods.items() for row in own.recovery]
        reference = self._methods.get(REFERENCE)
        for method, own in self._methods.items():
            metrics = {"value": own.objective, "deviation_percent": 100.0 * (own.objective - self._best) / self._best}
            if reference is not None:
                metrics["gap"] = (own.objective - reference.objective) / reference.objective
            if own.certificate is not None:
                metrics["certificate"] = own.certificate
            rows += [(method, "corrected", "objective", "all", metric, value) for metric, value in metrics.items()]
        corrected = {method: own.corrected for method, own in self._methods.items()}
        raw = {method: own.raw for method, own in self._methods.items() if own.raw is not None}
        return Comparison(pd.DataFrame(rows, columns=list(METRIC_COLUMNS)), replace(self._shown, corrected=corrected, raw=raw))


def compare(problem: Problem, fitted: Mapping[str, Factorisation], negatives: Negatives) -> Comparison:
    """Recovery of each method, raw and corrected, against the true, nominal and empirical PMI; and its objective.

    Parameters
    ----------
    problem : Problem
    fitted : mapping of method name to fitted estimator
    negatives : Negatives
        Those of the objective that all methods are measured by.

    Returns
    -------
    metrics : DataFrame
        Columns method, estimate (raw, corrected), target (true, nominal, empirical, objective), cells, metric, value.
        Objective rows have metric "value": ℓ at the method's scores (see `estimator_objective`); "deviation_percent": percent
        above ℓ* (docs/math.md, "Deviation"); "gap": relative distance to the ℓ of sgns_expected, the best known optimum at
        this dim (negative for a method that is not bound to that dim; no row where sgns_expected is not in the run).
    shown : ShownCells
        What figures need of the estimates.
    """
    comparing = Comparing(problem, negatives)
    for method, estimator in fitted.items():
        comparing.add(method, estimator)
    return comparing.found


__all__ = ["Comparing", "Comparison", "compare"]
