"""Every method of a job against every target: the rows of metrics.csv."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sgns_pmi.compare.deviation import estimator_objective, optimal_objective
from sgns_pmi.compare.recovery import recovery
from sgns_pmi.factorise import Factorisation
from sgns_pmi.pmi import pmi_cells, pmi_matrix
from sgns_pmi.problems import Problem

COLUMNS = ["method", "estimate", "target", "cells", "metric", "value"]
REFERENCE = "sgns_expected"


def compare(
    problem: Problem, fitted: Mapping[str, Factorisation], k: int, noise: NDArray[np.float64], drop_positive: bool = False
) -> pd.DataFrame:
    """Recovery of each method, raw and corrected, against the true, nominal and empirical PMI; and its objective.

    Parameters
    ----------
    problem : Problem
    fitted : mapping of method name to fitted estimator
    k : int
    noise : ndarray, (contexts,)
        K and P_n of the objective that all methods are measured by.
    drop_positive : bool, default False

    Returns
    -------
    DataFrame
        Columns method, estimate (raw, corrected), target (true, nominal, empirical, objective), cells, metric, value.
        Objective rows have metric "value": ℓ at the method's scores, the corrected estimate less log K and the column
        term; "deviation_percent": percent above ℓ* (docs/math.md, "Deviation"); "gap": relative distance to the ℓ of
        sgns_expected, the best known optimum at this dim (negative for a method that is not bound to that dim; no row
        where sgns_expected is not in the job).
    """
    counts = problem.counts
    whole = problem.truth is not None
    rows, cols = np.repeat(np.arange(counts.shape[0], dtype=np.int32), np.diff(counts.matrix.indptr)), counts.matrix.indices
    if whole:
        targets = {"true": problem.pmi, "nominal": problem.nominal, "empirical": pmi_matrix(counts)}
        joint, seen = problem.joint, counts.seen
    else:  # only seen cells have an empirical PMI, and there may be no room for the others
        targets, joint, seen = {"empirical": pmi_cells(counts)}, None, np.ones(counts.nnz, dtype=bool)
    best = optimal_objective(counts, k, noise, drop_positive=drop_positive)
    frames, values = [], {}
    for method, estimator in fitted.items():
        for kind in ("raw", "corrected"):
            corrected = kind == "corrected"
            estimate = estimator.estimate_pmi(corrected) if whole else estimator.estimate_cells(rows, cols, corrected)
            for target, pmi in targets.items():
                if pmi is not None:
                    frames.append(recovery(estimate, pmi, joint, seen).assign(method=method, estimate=kind, target=target))
            del estimate  # there may be no room for two
        values[method] = estimator_objective(estimator, counts, k, noise, drop_positive=drop_positive)
    for method, value in values.items():
        metrics = {"value": value, "deviation_percent": 100.0 * (value - best) / best}
        if REFERENCE in values:
            metrics["gap"] = (value - values[REFERENCE]) / values[REFERENCE]
        objective = pd.DataFrame(list(metrics.items()), columns=["metric", "value"])
        frames.append(objective.assign(method=method, estimate="corrected", target="objective", cells="all"))
    return pd.concat(frames, ignore_index=True)[COLUMNS]
