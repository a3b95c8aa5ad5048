"""The error budget: what separates an estimate of PMI from the truth, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from sgns_pmi.compare.inference import trained
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.factorise.methods.oracle import Oracle
from sgns_pmi.factorise.methods.qwem import QWEM
from sgns_pmi.factorise.methods.sgns import SGNS
from sgns_pmi.factorise.methods.softmax_mle import SoftmaxMLE
from sgns_pmi.factorise.methods.svd import PMISVD, SPPMISVD
from sgns_pmi.lazily import pd
from sgns_pmi.problems import Problem

Float = NDArray[np.float64]

OPTIMISATION, SAMPLING, RANK, OFFSET, TOTAL = "optimisation", "sampling", "rank", "noise_offset", "total"
OWN_OPTIMUM = (SPPMISVD, PMISVD, QWEM, SoftmaxMLE)
"""Methods that find their optimum for any counts, without training."""
DECILES = 10


def error_budget(problem: Problem, estimator: Factorisation, *, corrected: bool = True) -> pd.DataFrame:
    """What an estimate's error is made of: RMSE, bias and share of each term, over several sets of cells.

    With X°(n) the optimum on the counts at the same dim, X°(N·P) that on the population's counts and T the true PMI,

        X̂ − T = [X̂ − X°(n)] + [X°(n) − X°(N·P)] + [X°(N·P) − T]  (+ [raw − corrected]),

    the terms "optimisation", "sampling", "rank" (rank and weighting) and, for a raw estimate, "noise_offset".

    Parameters
    ----------
    problem : Problem
        With its truth.
    estimator : Factorisation
        Fitted to the problem's counts.
    corrected : bool, default True
        Whether the estimate is the corrected or the raw one.

    Returns
    -------
    DataFrame
        Columns term (the terms above and "total", their sum), cells (all, seen, unseen, and row_decile_1 … 10 and col_decile_1
        … 10 by true frequency, 1 the rarest words), metric (rmse, bias, and share, the term's part Σ e_t e / Σ e² of the
        squared error, which sums to 1 over terms and is negative for a term that makes good another's error), value, and
        optimum: whose X° it is, "own" or, for a method that has none, "sgns" (the expected SGNS of the same dim, of the same k
        and biases where the method has these).

    Raises
    ------
    InputError
        For a problem without a known truth.

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
    terms, optimum = budget_terms(problem, estimator, corrected=corrected)
    total = sum(terms.values(), np.zeros(problem.counts.shape))
    rows = [
        (name, cells, metric, value)
        for cells, mask in cell_sets(problem)
        for name, error in [*terms.items(), (TOTAL, total)]
        for metric, value in _metrics(error[mask], total[mask])
    ]
    return pd.DataFrame(rows, columns=["term", "cells", "metric", "value"]).assign(optimum=optimum)


def budget_terms(problem: Problem, estimator: Factorisation, *, corrected: bool = True) -> tuple[dict[str, Float], str]:
    """The terms of `error_budget`, dense (words, contexts), which sum to X̂ − T; and whose optimum they are told by."""
    check_is_fitted(estimator)
    pmi, joint = problem.pmi, problem.joint
    if pmi is None or joint is None:
        raise InputError("problem", problem.title, "has no known truth; a budget needs a problem that has")
    estimate = estimator.estimate_pmi(corrected=True)
    reference, optimum = _optimum(estimator)
    if reference is None:  # told the truth, it needs no counts
        of_counts = of_population = estimate
    else:
        population = CooccurrenceCounts.from_matrix(problem.counts.total * joint)
        # The optimum that was found already is taken as it is.
        found = isinstance(estimator, OWN_OPTIMUM) or (isinstance(estimator, SGNS) and not trained(estimator))
        of_counts = estimate if found else clone(reference).fit(problem.counts).estimate_pmi()
        of_population = clone(reference).fit(population).estimate_pmi()
    terms = {OPTIMISATION: estimate - of_counts, SAMPLING: of_counts - of_population, RANK: of_population - pmi}
    if not corrected:
        terms[OFFSET] = estimator.estimate_pmi(corrected=False) - estimate
    return terms, optimum


def _optimum(estimator: Factorisation) -> tuple[Factorisation | None, str]:
    """An estimator of X°, and whether it is the method's own."""
    if isinstance(estimator, Oracle):
        return None, "own"
    if isinstance(estimator, OWN_OPTIMUM):
        return clone(estimator), "own"
    if isinstance(estimator, SGNS):
        expected = clone(estimator)
        return (expected.set_params(solver="expected") if trained(estimator) else expected), "own"
    alike = {name: value for name, value in estimator.get_params().items() if name in ("k", "noise", "exponent", "bias", "seed")}
    return SGNS(dim=estimator.V_.shape[1], **alike), "sgns"


def cell_sets(problem: Problem) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Sets of cells by name, each a mask (words, contexts); those without cells are left out."""
    truth, shape = problem.truth, problem.counts.shape
    assert truth is not None
    seen = problem.counts.seen
    sets = [("all", np.ones(shape, dtype=bool)), ("seen", seen), ("unseen", ~seen)]
    for side, margin, axis in (("row", truth.row_marginal, 1), ("col", truth.col_marginal, 0)):
        decile = np.argsort(np.argsort(margin, kind="stable")) * DECILES // len(margin)
        for number in range(DECILES):
            sets.append((f"{side}_decile_{number + 1}", np.broadcast_to(np.expand_dims(decile == number, axis), shape)))
    return ((name, mask) for name, mask in sets if mask.any())


def _metrics(error: Float, total: Float) -> list[tuple[str, float]]:
    squares = float(total @ total)
    metrics = [("rmse", float(np.sqrt(np.mean(error**2)))), ("bias", float(np.mean(error)))]
    return [*metrics, ("share", float(error @ total) / squares)] if squares > 0 else metrics
