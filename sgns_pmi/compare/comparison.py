"""Every method of a run against every target: the rows of metrics.csv, and the cells that figures show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sgns_pmi.compare.deviation import estimator_objective, optimal_objective, scored_raw
from sgns_pmi.compare.recovery import recovery
from sgns_pmi.compare.shown import ShownCells, is_dense, shown_cells, shown_pair
from sgns_pmi.compare.table import METRIC_COLUMNS
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


def compare(problem: Problem, fitted: Mapping[str, Factorisation], negatives: Negatives) -> Comparison:
    """Recovery of each method, raw and corrected, against the true, nominal and empirical PMI; and its objective.

    Each estimate is made once: of all cells where a truth is known or the counts are small, else of the seen ones.

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
    counts = problem.counts
    rows, cols = counts.centers, counts.matrix.indices
    dense = is_dense(problem)
    if problem.truth is not None:
        targets = {"true": problem.pmi, "nominal": problem.nominal, "empirical": pmi_matrix(counts)}
        joint, seen = problem.joint, counts.seen
    else:  # only seen cells have an empirical PMI
        targets, joint, seen = {"empirical": pmi_cells(counts)}, None, np.ones(counts.nnz, dtype=bool)
    best = optimal_objective(counts, negatives)
    shown = shown_cells(problem)
    frames, values = [], {}
    shown_raw, shown_corrected = {}, {}
    for method, estimator in fitted.items():
        pair = {}
        for kind in ("raw", "corrected"):
            corrected = kind == "corrected"
            estimate = estimator.estimate_pmi(corrected) if dense else estimator.estimate_cells(rows, cols, corrected)
            pair[kind] = estimate[shown.at]
            compared = estimate[rows, cols] if dense and problem.truth is None else estimate
            for target, pmi in targets.items():
                if pmi is not None:
                    frames.append(recovery(compared, pmi, joint, seen).assign(method=method, estimate=kind, target=target))
            if corrected != scored_raw(estimator, negatives):
                values[method] = estimator_objective(estimator, counts, negatives, estimate if dense else None)
            del estimate, compared  # there may be no room for two
        raw, shown_corrected[method] = shown_pair(**pair)
        if raw is not None:
            shown_raw[method] = raw
    for method, value in values.items():
        metrics = {"value": value, "deviation_percent": 100.0 * (value - best) / best}
        if REFERENCE in values:
            metrics["gap"] = (value - values[REFERENCE]) / values[REFERENCE]
        if (certificate := getattr(fitted[method], "certificate_", None)) is not None:
            metrics["certificate"] = certificate
        objective = pd.DataFrame(list(metrics.items()), columns=["metric", "value"])
        frames.append(objective.assign(method=method, estimate="corrected", target="objective", cells="all"))
    rows_of_all = pd.concat(frames, ignore_index=True)[list(METRIC_COLUMNS)]
    return Comparison(rows_of_all, replace(shown, corrected=shown_corrected, raw=shown_raw))


__all__ = ["Comparison", "compare"]
