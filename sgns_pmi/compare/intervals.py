"""Intervals of every method of a run that has a formula for them: the rows of intervals.csv."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.found import Found, RunTable, makes
from sgns_pmi.compare.inference import BY_FORMULA, assumed, inference
from sgns_pmi.compare.optima import NO_OPTIMUM
from sgns_pmi.compare.sandwich import DENSE_PARAMETERS
from sgns_pmi.compare.table import INTERVAL_COLUMNS
from sgns_pmi.lazily import pd
from sgns_pmi.problems import Problem

SAMPLE = 200
"""Cells of a problem whose parameters are too many for intervals of all."""


@makes("intervals", when=lambda found: found.level is not None)
def interval_table(found: Found) -> RunTable:
    """`inference` of each method whose variance has a formula (SGNS and softmax_mle) and whose fit has an optimum.

    Of all cells where the parameters are at most 2,000; of others 200 seen cells, evenly spaced in order of count. By the units
    of the problem, where it has some.

    Returns
    -------
    RunTable
        Columns method, center, context, estimate, se, lower, upper, z, p_value, q_value; and truth, the true PMI, where that is
        known. The fact "intervals" says what is taken as independent.
    """
    assert found.level is not None
    problem, level, frames = found.problem, found.level, []
    words, contexts = problem.counts.shape
    for name, estimator in found.fitted.items():
        if isinstance(estimator, BY_FORMULA) and estimator.status_ != NO_OPTIMUM:
            small = (words + contexts) * (estimator.V_.shape[1] + 2) <= DENSE_PARAMETERS
            cells = np.argwhere(np.ones((words, contexts), dtype=bool)) if small else _sample(problem)
            rows = inference(estimator, problem.counts, problem.units, cells, level).assign(method=name)
            frames.append(rows if problem.pmi is None else rows.assign(truth=problem.pmi[tuple(cells.T)]))
    known = [*INTERVAL_COLUMNS, *([] if problem.pmi is None else ["truth"])]
    rows = pd.concat(frames, ignore_index=True)[known] if frames else pd.DataFrame(columns=known)
    said = assumed(problem)
    return RunTable(rows, {"intervals": f"take {said}"}, (f"intervals take {said}",) if frames else ())


def _sample(problem: Problem) -> NDArray[np.intp]:
    """Seen cells (n, 2), evenly spaced in order of count."""
    counts = problem.counts
    order = np.argsort(counts.matrix.data, kind="stable")
    at = order[np.linspace(0, len(order) - 1, min(SAMPLE, len(order))).astype(int)]
    return np.column_stack([counts.centers[at], counts.matrix.indices[at]])


__all__ = ["interval_table"]
