"""The error budget: what separates an estimate of PMI from the truth, cell by cell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.found import MOST_CELLS, Found, RunTable, makes
from sgns_pmi.compare.optima import NO_OPTIMUM, Optima, at_optimum, reference
from sgns_pmi.compare.table import BUDGET_COLUMNS
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.factorise.methods.sgns import SGNS
from sgns_pmi.lazily import pd
from sgns_pmi.problems import Problem

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

OPTIMISATION, SAMPLING, RANK, OFFSET, TOTAL = "optimisation", "sampling", "rank", "noise_offset", "total"
OVERFIT, SHRINKAGE = "overfit", "shrinkage"
DECILES = 10
MOST_WORK = 2e7
"""Words x contexts x dim² up to which the optima that a run's budgets need take some seconds."""


@makes("budget")
def budgets(found: Found) -> RunTable:
    """The budget of each method's corrected estimate, from optima that are found once for all; see `error_budget`.

    Nothing where no truth is known. Problems beyond a million words x contexts, and dims for which words x contexts x dim² is
    beyond 20 million, have none: their optima would take longer than the methods.

    Returns
    -------
    RunTable
        Rows of budget.csv; as the fact "budget" whose optimum each method is told by, "own" or "sgns", and why one is left out.
    """
    problem, fitted = found.problem, found.fitted if found.problem.truth is not None else {}
    (words, contexts), left_out = problem.counts.shape, dict[str, str]()
    for name, dim in ((name, _dim(estimator)) for name, estimator in fitted.items()):
        if words * contexts > MOST_CELLS or words * contexts * dim**2 > MOST_WORK:
            left_out[name] = f"the optima at {words:,} x {contexts:,} words and dim = {dim} would take too long"
    chosen = {name: estimator for name, estimator in fitted.items() if name not in left_out}
    frames = [pd.DataFrame(columns=list(BUDGET_COLUMNS))]
    optimum: dict[str, str] = {}
    for name, estimator in chosen.items():
        try:
            budget = error_budget(problem, estimator, optima=found.optima)
        except InputError as error:
            left_out[name] = f"it {error.remedy}"
            continue
        optimum[name] = budget["optimum"].iloc[0]
        frames.append(budget.assign(method=name)[list(BUDGET_COLUMNS)])
    rows = pd.concat([own for own in frames if len(own)] or frames, ignore_index=True)
    alike: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        alike.setdefault(reason, []).append(name)
    reasons = "; ".join(f"of {', '.join(names)}: {reason}" for reason, names in alike.items())
    said = (f"no error budget {reasons}",) if reasons else ()
    return RunTable(rows, {"budget": {"optimum": optimum, "left_out": left_out}}, said)


def _dim(estimator: Factorisation) -> int:
    V, U = getattr(estimator, "V_", None), getattr(estimator, "U_", None)
    return 1 if V is None or U is None else int(V.shape[1])


def error_budget(
    problem: Problem, estimator: Factorisation, *, corrected: bool = True, optima: Optima | None = None
) -> pd.DataFrame:
    """What an estimate's error is made of: RMSE, bias and share of each term, over several sets of cells.

    With X°(n) the optimum on the counts at the same dim, X°(N·P) that on the population's counts and T the true PMI,

        X̂ − T = [X̂ − X°(n)] + [X°(n) − X°(N·P)] + [X°(N·P) − T]  (+ [raw − corrected]),

    the terms "optimisation", "sampling", "rank" (rank and weighting) and, for a raw estimate, "noise_offset". Two cases differ:

    - of an estimate with a penalty X° has it too, and [X°(N·P) with it − X°(N·P) without it] is a term, "shrinkage";
    - where the counts have no finite optimum (docs/math.md, "Existence") X̂ − X°(N·P) cannot be taken apart: "overfit".

    Parameters
    ----------
    problem : Problem
        With its truth.
    estimator : Factorisation
        Fitted to the problem's counts.
    corrected : bool, default True
        Whether the estimate is the corrected or the raw one.
    optima : Optima, optional
        Optima on this problem that have been found already, and where those found now are kept.

    Returns
    -------
    DataFrame
        Columns term (the terms above and "total", their sum), cells (all, seen, unseen, and row_decile_1 … 10 and col_decile_1
        … 10 by true frequency, 1 the rarest words; cells where the true PMI is infinite are in none), metric (rmse, bias, and
        share, the term's part Σ e_t e / Σ e² of the squared error, which sums to 1 over terms and is negative for a term that
        makes good another's error), value, and optimum: whose X° it is, "own" or, for a method that has none, "sgns" (the
        expected SGNS of the same dim, of the same k and biases where the method has these). Infinite errors have no share.

    Raises
    ------
    InputError
        For a problem without a known truth, or whose population has no finite optimum at that dim.

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> from sgns_pmi.compare.budget import error_budget
    >>> problem = sp.softmax_problem(words=20, rank=1, sampling="population")
    >>> budget = error_budget(problem, sp.SGNS(dim=2).fit(problem.counts))
    >>> rmse = budget[(budget.cells == "all") & (budget.metric == "rmse")].set_index("term")["value"]
    >>> bool(rmse["sampling"] < 1e-6 < rmse["rank"])
    True
    """
    terms, optimum = budget_terms(problem, estimator, corrected=corrected, optima=optima)
    terms |= {TOTAL: sum(terms.values(), np.zeros(problem.counts.shape))}
    sums = {name: _Sums.of(error, terms[TOTAL], problem) for name, error in terms.items()}
    rows = [
        (name, cells, metric, value)
        for at, cells in enumerate(cell_sets())
        for name, own in sums.items()
        for metric, value in own.metrics(at)
        if not np.isnan(value)
    ]
    return pd.DataFrame(rows, columns=["term", "cells", "metric", "value"]).assign(optimum=optimum)


def budget_terms(
    problem: Problem, estimator: Factorisation, *, corrected: bool = True, optima: Optima | None = None
) -> tuple[dict[str, Float], str]:
    """The terms of `error_budget`, dense (words, contexts), which sum to X̂ − T; and whose optimum they are told by."""
    estimator.check_fitted()
    pmi = problem.pmi
    if pmi is None:
        raise InputError("problem", problem.title, "has no known truth; a budget needs a problem that has")
    optima = optima or Optima(problem)
    estimate = optima.estimates[estimator]
    wanted, optimum = reference(estimator)
    terms: dict[str, Float] = {}
    if wanted is None:  # told the truth, it needs no counts
        of_population = estimate
        terms |= {OPTIMISATION: np.zeros_like(estimate), SAMPLING: np.zeros_like(estimate)}
    else:
        counted = estimator if at_optimum(estimator) else optima.of_counts(wanted)
        of_population = optima.of_population(wanted, near=counted)
        if counted.status_ == NO_OPTIMUM:
            terms[OVERFIT] = estimate - of_population
        else:
            of_counts = optima.estimates[counted]
            terms |= {OPTIMISATION: _difference(estimate, of_counts), SAMPLING: _difference(of_counts, of_population)}
        if isinstance(wanted, SGNS) and wanted.ridge:
            free = optima.of_population(SGNS(**wanted.get_params() | {"ridge": 0.0}), near=counted)
            terms[SHRINKAGE], of_population = of_population - free, free
    terms[RANK] = _difference(of_population, pmi)
    if not corrected:
        terms[OFFSET] = _difference(estimator.estimate_pmi(corrected=False), estimate)
    return terms, optimum


def _difference(a: Float, b: Float) -> Float:
    """a − b, 0 where both are −∞."""
    return np.subtract(a, b, out=np.zeros_like(a), where=a != b)


def cell_sets() -> Iterator[str]:
    """Names of the sets of cells, in the order of the sums over them."""
    yield from ("all", "seen", "unseen")
    for side in ("row", "col"):
        yield from (f"{side}_decile_{number}" for number in range(1, DECILES + 1))


class _Sums(NamedTuple):
    """Sums over each of `cell_sets`: of cells, of a term's error e and its square, of e times the total, of its square."""

    cells: Float
    error: Float
    squares: Float
    product: Float
    total: Float

    @classmethod
    def of(cls, error: Float, total: Float, problem: Problem) -> _Sums:
        with np.errstate(invalid="ignore"):  # 0 · ∞: no share of an infinite error
            parts = (np.ones_like(error), error, error**2, error * total, total**2)
            return cls(*(_over_sets(part, problem) for part in parts))

    def metrics(self, at: int) -> list[tuple[str, float]]:
        """rmse, bias and share of a set; none for one without cells, nor a share of no error."""
        if not self.cells[at]:
            return []
        metrics = [("rmse", math.sqrt(self.squares[at] / self.cells[at])), ("bias", float(self.error[at] / self.cells[at]))]
        total = self.total[at]
        return [*metrics, ("share", float(self.product[at] / total) if np.isfinite(total) else np.nan)] if total > 0 else metrics


def _over_sets(values: Float, problem: Problem) -> Float:
    """Sums of values (words, contexts) over each of `cell_sets`, without the cells where the true PMI is infinite."""
    truth = problem.truth
    assert truth is not None
    assert problem.pmi is not None
    values = np.where(np.isfinite(problem.pmi), values, 0.0)
    seen = problem.counts.seen
    deciles = [
        np.bincount(np.argsort(np.argsort(margin, kind="stable")) * DECILES // len(margin), values.sum(axis), DECILES)
        for margin, axis in ((truth.row_marginal, 1), (truth.col_marginal, 0))
    ]
    return np.concatenate([[values.sum(), values.sum(where=seen), values.sum(where=~seen)], *deciles])
