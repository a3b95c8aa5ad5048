"""Intervals of every method of a run that has a formula for them: the rows of intervals.csv."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.found import Found, RunTable, makes, more_metrics
from sgns_pmi.compare.inference import BY_FORMULA, assumed, faint, inferred
from sgns_pmi.compare.optima import NO_OPTIMUM
from sgns_pmi.compare.sandwich import DENSE_PARAMETERS
from sgns_pmi.compare.table import INTERVAL_COLUMNS, METRIC_COLUMNS, main_target
from sgns_pmi.lazily import pd
from sgns_pmi.problems import Problem

SAMPLE = 200
"""Cells of a problem whose parameters are too many for intervals of all."""


@more_metrics
def interval_metrics(found: Found) -> pd.DataFrame:
    """Rows of metrics.csv that say what intervals know of a method, where they are wanted.

    Returns
    -------
    DataFrame
        Columns of metrics.csv, with estimate corrected, cells all. Metrics: "signal", how far the method's weakest component
        stands above its noise (`Sandwich.signal`); and where all cells have intervals "predicted", the P-weighted RMSE that
        their standard errors stand for, √(Σ P se²), and "predicted_draws" what of it the draws of training are.
    """
    rows = [] if found.level is None else _made(found).metrics
    frame = pd.DataFrame(rows, columns=["method", "metric", "value"])
    target = main_target(found.metrics)
    return frame.assign(estimate="corrected", target=target, cells="all")[list(METRIC_COLUMNS)]


@makes("intervals", when=lambda found: found.level is not None)
def interval_table(found: Found) -> RunTable:
    """`inference` of each method whose variance has a formula (SGNS and softmax_mle) and whose fit has an optimum.

    Of all cells where the parameters are at most 2,000; of others 200 seen cells, evenly spaced in order of count. By the units
    of the problem, where it has some.

    Returns
    -------
    RunTable
        Columns method, center, context, estimate, se, lower, upper, z, p_value, q_value; and truth, the true PMI, where that is
        known. The fact "intervals" says what is taken as independent, and "signal" how far each method's weakest component is
        above its noise.
    """
    made, said = _made(found), assumed(found.problem)
    signal = {method: value for method, metric, value in made.metrics if metric == "signal"}
    facts = {"intervals": f"take {said}", "signal": signal}
    lines = [f"intervals take {said}"] if len(made.table) else []
    lines += [f"{method}: {line}" for method, value in signal.items() if (line := faint(value))]
    return RunTable(made.table, facts, tuple(lines))


class _Made(NamedTuple):
    """Intervals of all methods, and what they know of each: method, metric, value."""

    table: pd.DataFrame
    metrics: list[tuple[str, str, float]]


def _made(found: Found) -> _Made:
    """The intervals of a run, made once."""
    if "intervals" not in found.kept:
        found.kept["intervals"] = _make(found)
    made = found.kept["intervals"]
    assert isinstance(made, _Made)
    return made


def _make(found: Found) -> _Made:
    assert found.level is not None
    problem, frames, metrics = found.problem, [], list[tuple[str, str, float]]()
    words, contexts = problem.counts.shape
    for name, estimator in found.fitted.items():
        if not isinstance(estimator, BY_FORMULA) or estimator.status_ == NO_OPTIMUM:
            continue
        small = (words + contexts) * (estimator.V_.shape[1] + 2) <= DENSE_PARAMETERS
        cells = np.argwhere(np.ones((words, contexts), dtype=bool)) if small else _sample(problem)
        rows, sandwich = inferred(estimator, problem.counts, problem.units, cells, found.level)
        frames.append(rows.assign(method=name, **({} if problem.pmi is None else {"truth": problem.pmi[tuple(cells.T)]})))
        assert sandwich is not None
        metrics.append((name, "signal", sandwich.signal))
        if small:
            P = problem.counts.matrix.toarray() / problem.counts.total if problem.joint is None else problem.joint
            metrics.append((name, "predicted", _weighted(rows["se"].to_numpy() ** 2, P)))
            if sandwich.fit.training is not None:
                metrics.append((name, "predicted_draws", _weighted(sandwich.trained_variances(*cells.T), P)))
    known = [*INTERVAL_COLUMNS, *([] if problem.pmi is None else ["truth"])]
    return _Made(pd.concat(frames, ignore_index=True)[known] if frames else pd.DataFrame(columns=known), metrics)


def _weighted(variances: NDArray[np.float64], P: NDArray[np.float64]) -> float:
    """√(Σ P variance / Σ P) over the cells that have one."""
    weight, known = P.ravel(), np.isfinite(variances)
    return float(np.sqrt(weight[known] @ variances[known] / weight[known].sum()))


def _sample(problem: Problem) -> NDArray[np.intp]:
    """Seen cells (n, 2), evenly spaced in order of count."""
    counts = problem.counts
    order = np.argsort(counts.matrix.data, kind="stable")
    at = order[np.linspace(0, len(order) - 1, min(SAMPLE, len(order))).astype(int)]
    return np.column_stack([counts.centers[at], counts.matrix.indices[at]])


__all__ = ["interval_table"]
