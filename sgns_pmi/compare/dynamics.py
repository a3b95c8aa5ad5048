"""Training, step by step: when each component of the PMI is learned, and where stopping would have left the error.

With the margins p and q of the counts as weights, the components of scores X are the singular values of

    √p_i x̃_ij √q_j,        x̃ = X less its effects of rows and columns (its means by p and by q),

those that `efficient_errors` counts dims by. The effects take log K, the noise's column term and biases with them, so that what
is left is of the PMI, whatever K, noise and biases are. (−log K is learned first, and by itself is no PMI.)

Trained from a small start, a factorisation learns its components one after the other, the largest first (Saxe, McClelland &
Ganguli, ICLR 2014). For the quartic surrogate of SGNS, QWEM, gradient flow V' = (M* − V Uᵀ) U, U' = (M* − V Uᵀ)ᵀ V from
V = A √s₀, U = B √s₀, with A Λ Bᵀ the singular value decomposition of M*, keeps these directions, and each value grows by itself:

    s' = 2 s (λ − s),        s(t) = λ / (1 + (λ/s₀ − 1) e^(−2λt)),

past half of λ at t = log(λ/s₀ − 1) / 2λ (Karkada, Simon, Bahri & DeWeese, NeurIPS 2025). To stop is to shrink: components whose
time has not come, the small ones, are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.compare.found import MOST_CELLS, Found, RunTable, makes
from sgns_pmi.compare.inference import trained
from sgns_pmi.compare.optima import NO_OPTIMUM, Optima, reference
from sgns_pmi.compare.table import DYNAMICS_COLUMNS
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.factorise.methods.qwem import QWEM
from sgns_pmi.factorise.methods.sgns import SGNS
from sgns_pmi.factorise.watching import watched
from sgns_pmi.lazily import pd
from sgns_pmi.problems import Problem

Float = NDArray[np.float64]
Row = tuple[float, float, str, str, float]

START = 5e-3
"""Of each component of QWEM, times dim: what factors of N(0, 0.1²), the small start of sampled SGNS, have of each direction."""
TIMES, SPAN = 80, 50
LAST = 0.99
"""Of its value: where the smallest component has it, the flow has ended. Times before are shown, down to a part of that one."""
LEAST = 1e-6
"""Of the largest component: smaller ones are not there."""


def components(left: ArrayLike, right: ArrayLike, p: Float, q: Float) -> Float:
    """Singular values of √p_i x̃_ij √q_j, X = left·rightᵀ (words, m) x (m, contexts), descending, at most m."""
    sides = []
    for side, weight in ((left, p), (right, q)):
        centred = np.asarray(side, dtype=np.float64)
        centred = centred - weight @ centred / weight.sum()
        sides.append(np.linalg.qr(centred * np.sqrt(weight)[:, None])[1])
    return np.asarray(np.linalg.svd(sides[0] @ sides[1].T, compute_uv=False), dtype=np.float64)


def flow(value: ArrayLike, start: float, time: ArrayLike) -> Float:
    """s(t) of components (k,) at times (t,) under gradient flow from `start`, (t, k)."""
    values, times = np.asarray(value, dtype=np.float64), np.asarray(time, dtype=np.float64)[:, None]
    return values / (1 + (values / start - 1) * np.exp(-2 * values * times))


def passing(value: ArrayLike, start: float, share: float = 0.5) -> Float:
    """When gradient flow from `start` has brought components (k,) to that share of their value."""
    values = np.asarray(value, dtype=np.float64)
    return np.log((values / start - 1) * share / (1 - share)) / (2 * values)


def training_dynamics(problem: Problem, estimator: Factorisation, optima: Optima | None = None) -> pd.DataFrame:
    """What a method has learned after each step, and how far it is from the truth there.

    Sampled SGNS (also that by hand in NumPy) is trained once more, from the same seed. Of QWEM, which is not trained, it is the
    closed form of gradient flow from a small start; its steps are times.

    Parameters
    ----------
    problem : Problem
    estimator : SGNS, trained on samples, or QWEM
        Fitted to the problem's counts.
    optima : Optima, optional
        Optima on this problem that have been found already, and where those found now are kept.

    Returns
    -------
    DataFrame
        Columns step, epoch, metric, component, value. After each step: "singular_value", component 1, 2, … as `components` has
        them (of QWEM those of M); and where a truth is known "rmse" over all cells, of the corrected estimate against it
        (component "total") and against the optimum X° of the same counts ("optimisation").
        Rows without a step are levels: "population", the singular values of X° of the population's counts; "noise", what the
        largest is of independent draws of so many pairs, (√words + √contexts) / √N; and "rmse" of what stopping cannot mend,
        "sampling" and "rank" as in `error_budget`, and of X°, both together ("optimum"). Where the counts have no finite optimum,
        these are missing but for "rank".
        "half" is the step at which a component passes half of its value at the population, linear between those shown.

    Raises
    ------
    InputError
        For a method of another kind, and where the population too has no finite optimum.

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> from sgns_pmi.compare.dynamics import training_dynamics
    >>> problem = sp.softmax_problem(words=20, rank=1, sampling="population")
    >>> rows = training_dynamics(problem, sp.QWEM(dim=1).fit(problem.counts))
    >>> error = rows[(rows.metric == "rmse") & (rows.component == "total")]["value"]
    >>> bool(error.iloc[-1] < error.iloc[0])
    True
    """
    estimator.check_fitted()
    if not _has_dynamics(estimator):
        raise InputError("estimator", type(estimator).__name__, "must be SGNS trained on samples, or QWEM")
    errors = None
    if problem.truth is not None and math.prod(problem.counts.shape) <= MOST_CELLS:
        errors = _Errors.of(problem, estimator, optima or Optima(problem))
    rows = [] if errors is None else list(errors.levels())
    if isinstance(estimator, QWEM):
        rows += _of_flow(problem, estimator, errors)
    else:
        assert isinstance(estimator, SGNS)
        rows += _of_training(problem, estimator, errors)
    return pd.DataFrame([*rows, *_halves(rows)], columns=list(DYNAMICS_COLUMNS[1:]))


def _has_dynamics(estimator: Factorisation) -> bool:
    return isinstance(estimator, QWEM) or (isinstance(estimator, SGNS) and trained(estimator))


class _Errors(NamedTuple):
    """What estimates are held against: the true PMI, X° of the population, and of the counts where there is one."""

    pmi: Float
    of_population: Float
    of_counts: Float | None

    @classmethod
    def of(cls, problem: Problem, estimator: Factorisation, optima: Optima) -> _Errors:
        assert problem.pmi is not None
        wanted, _ = reference(estimator)
        assert wanted is not None
        counted = optima.of_counts(wanted)
        of_population = optima.of_population(wanted, near=counted)
        return cls(problem.pmi, of_population, None if counted.status_ == NO_OPTIMUM else optima.estimates[counted])

    def levels(self) -> Iterator[Row]:
        """Rows of what no step changes."""
        found = {"rank": _rmse(self.of_population, self.pmi)}
        if self.of_counts is not None:
            found |= {"sampling": _rmse(self.of_counts, self.of_population), "optimum": _rmse(self.of_counts, self.pmi)}
        yield from ((np.nan, np.nan, "rmse", name, value) for name, value in found.items())

    def at(self, step: float, epoch: float, estimate: Float) -> Iterator[Row]:
        """Rows of an estimate after some step."""
        yield step, epoch, "rmse", "total", _rmse(estimate, self.pmi)
        if self.of_counts is not None:
            yield step, epoch, "rmse", "optimisation", _rmse(estimate, self.of_counts)


def _of_training(problem: Problem, estimator: SGNS, errors: _Errors | None) -> list[Row]:
    counts, dim, rows = problem.counts, estimator.V_.shape[1], list[Row]()
    p, q = counts.row_sums / counts.total, counts.col_sums / counts.total
    if errors is not None:
        values = components(errors.of_population, np.eye(len(q)), p, q)[:dim]
        rows += _levels("population", values[values > LEAST * values[0]])
    rows.append((np.nan, np.nan, "noise", "", (np.sqrt(len(p)) + np.sqrt(len(q))) / np.sqrt(counts.total)))

    def look(step: int, epoch: float, left: NDArray[Any], right: NDArray[Any]) -> None:
        rows.extend(
            (step, epoch, "singular_value", str(k), value) for k, value in enumerate(components(left, right, p, q)[:dim], 1)
        )
        if errors is not None:
            at = copy(estimator)
            at.V_, at.U_, at.row_bias_, at.col_bias_ = left, right, None, None  # biases are columns of both
            rows.extend(errors.at(step, epoch, at.estimate_pmi()))

    with watched(look):
        estimator.fresh().fit(counts)
    return rows


def _of_flow(problem: Problem, estimator: QWEM, errors: _Errors | None) -> list[Row]:
    """The closed form for each component of M*, of the counts."""
    values, start, rows = estimator.singular_values_, START * estimator.V_.shape[1], list[Row]()
    if errors is not None:
        assert problem.joint is not None
        population = estimator.fresh().fit(CooccurrenceCounts.from_matrix(problem.joint))
        rows += _levels("population", population.singular_values_)
    grows = values[values > 2 * start]
    if not len(grows):  # than what training starts from there is no more to learn
        return rows
    left, right = (side[:, : len(grows)] / np.sqrt(grows) for side in (estimator.V_, estimator.U_))
    last = passing(grows, start, LAST)[-1]
    times = np.geomspace(last / SPAN, last, TIMES)
    for time, own in zip(times, flow(grows, start, times), strict=True):
        rows.extend((time, np.nan, "singular_value", str(k), value) for k, value in enumerate(own, 1))
        if errors is not None:
            at = copy(estimator)
            at.V_, at.U_ = left * own, right
            rows.extend(errors.at(time, np.nan, at.estimate_pmi()))
    return rows


def _levels(metric: str, values: Float) -> Iterator[Row]:
    yield from ((np.nan, np.nan, metric, str(k), value) for k, value in enumerate(values, 1))


def _halves(rows: list[Row]) -> Iterator[Row]:
    """When each component of the population passed half its value."""
    for _, _, _, component, value in [row for row in rows if row[2] == "population"]:
        own = [(row[0], row[4]) for row in rows if row[2] == "singular_value" and row[3] == component]
        steps, values = np.array(own).T if own else (np.empty(0), np.empty(0))
        above = values >= value / 2
        if not above.any() or above[0]:
            continue
        at = int(np.argmax(above))
        step = np.interp(value / 2, values[at - 1 : at + 1], steps[at - 1 : at + 1])
        yield float(step), np.nan, "half", component, value / 2


def _rmse(estimate: Float, target: Float) -> float:
    """Over the cells where the target is finite."""
    known = np.isfinite(target)
    return float(np.sqrt(np.mean((estimate[known] - target[known]) ** 2)))


@makes("dynamics", when=lambda found: found.dynamics)
def dynamics_table(found: Found) -> RunTable:
    """`training_dynamics` of each method of a run that is trained on samples, and of QWEM.

    Returns
    -------
    RunTable
        Columns method, step, epoch, metric, component, value; as the fact "dynamics" the step, its epoch and the error where
        this is least, and at the end; the same as sentences.
    """
    frames, said = [pd.DataFrame(columns=list(DYNAMICS_COLUMNS))], list[str]()
    facts: dict[str, dict[str, float | None]] = {}
    for name, estimator in found.fitted.items():
        if not _has_dynamics(estimator):
            continue
        try:
            rows = training_dynamics(found.problem, estimator, found.optima if found.problem.truth is not None else None)
        except InputError as error:
            said.append(f"{name} has no dynamics: it {error.remedy}")
            continue
        frames.append(rows.assign(method=name)[list(DYNAMICS_COLUMNS)])
        errors = rows[(rows["metric"] == "rmse") & (rows["component"] == "total")]
        if len(errors):
            least, end = errors.iloc[int(errors["value"].to_numpy().argmin())], errors.iloc[-1]
            facts[name] = {f"least_{key}": None if np.isnan(least[key]) else float(least[key]) for key in ("step", "epoch")}
            facts[name] |= {
                "least_rmse": float(least["value"]),
                "last_step": float(end["step"]),
                "last_rmse": float(end["value"]),
            }
            unit = "time" if isinstance(estimator, QWEM) else "step"
            where = f"at {unit} {least['step']:,.4g} of {end['step']:,.4g}"
            said.append(f"{name}: its error is least {where}, RMSE {least['value']:.3g}; at the end {end['value']:.3g}")
    rows = pd.concat([own for own in frames if len(own)] or frames, ignore_index=True)
    return RunTable(rows, {"dynamics": facts}, tuple(said))


__all__ = ["components", "dynamics_table", "flow", "passing", "training_dynamics"]
