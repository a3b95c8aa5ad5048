"""The budget adds up, and each of its terms vanishes where its cause is taken away, and only there."""

from __future__ import annotations

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.budget import budget_terms, error_budget

TERMS = ("optimisation", "sampling", "rank", "noise_offset")
DRAWN = {"words": 12, "rank": 1, "pairs": 20_000, "seed": 2}
UNDER_WAY = sp.Sampled(epochs=5, negatives="pair")

CAUSES = {
    "none": ({}, {"dim": 2, "solver": UNDER_WAY, "exponent": 0.75}, set()),
    "full convergence": ({}, {"dim": 2, "solver": "expected", "exponent": 0.75}, {"optimisation"}),
    "population counts": ({"sampling": "population"}, {"dim": 2, "solver": UNDER_WAY, "exponent": 0.75}, {"sampling"}),
    "dim = rank": ({}, {"dim": 3, "solver": UNDER_WAY, "exponent": 0.75}, {"rank"}),
    "unigram noise": ({}, {"dim": 2, "solver": UNDER_WAY, "exponent": 1.0}, {"noise_offset"}),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_each_term_vanishes_alone(cause):
    data, parameters, gone = CAUSES[cause]
    problem = sp.softmax_problem(**DRAWN | data)
    estimator = sp.SGNS(k=5, **parameters).fit(problem.counts)
    terms, optimum = budget_terms(problem, estimator, corrected=False)
    size = {name: np.sqrt(np.mean(terms[name] ** 2)) for name in TERMS}
    assert {name for name in TERMS if size[name] < 1e-4} == gone
    assert min(size[name] for name in TERMS if name not in gone) > 1e-2
    assert optimum == "own"


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize(
    "estimator",
    [
        sp.SGNS(dim=2, k=5, exponent=0.75),
        sp.SGNS(dim=1, k=2, bias=True, solver=sp.Sampled(epochs=3)),
        sp.PMISVD(dim=2, k=1, exponent=0.75),
        sp.QWEM(dim=2),
        sp.SoftmaxMLE(dim=2),
        sp.GloVe(dim=2, epochs=3),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_terms_add_up(estimator, corrected):
    problem = sp.softmax_problem(**DRAWN)
    estimator.fit(problem.counts)
    terms, optimum = budget_terms(problem, estimator, corrected=corrected)
    np.testing.assert_allclose(sum(terms.values()), estimator.estimate_pmi(corrected) - problem.pmi, atol=1e-10)
    assert optimum == ("sgns" if isinstance(estimator, sp.GloVe) else "own")
    budget = error_budget(problem, estimator, corrected=corrected)
    values = budget.set_index(["cells", "metric", "term"])["value"].sort_index()
    for cells in budget["cells"].unique():
        assert values[cells, "share"].drop("total").sum() == pytest.approx(1, abs=1e-9)
        assert values[cells, "bias"].drop("total").sum() == pytest.approx(values[cells, "bias", "total"], abs=1e-10)
    whole = sp.recovery(estimator.estimate_pmi(corrected), problem.pmi).set_index("metric")["value"]
    assert values["all", "rmse", "total"] == pytest.approx(whole["rmse"])


def test_closed_forms_have_no_optimisation_error():
    problem = sp.softmax_problem(**DRAWN)
    for estimator in (sp.PMISVD(dim=2), sp.SPPMISVD(dim=2, k=1), sp.QWEM(dim=2), sp.SoftmaxMLE(dim=2)):
        terms, _ = budget_terms(problem, estimator.fit(problem.counts))
        assert not terms["optimisation"].any()
        assert terms["sampling"].any()


def test_the_oracle_has_rank_alone():
    problem = sp.softmax_problem(**DRAWN)
    terms, _ = budget_terms(problem, sp.Oracle(dim=1).fit(problem.pmi))
    assert not terms["optimisation"].any()
    assert not terms["sampling"].any()
    assert terms["rank"].any()


def test_deciles_are_of_true_frequency():
    problem = sp.softmax_problem(words=20, rank=1, pairs=5000)
    estimator = sp.SGNS(dim=3).fit(problem.counts)
    budget = error_budget(problem, estimator)
    value = budget.set_index(["term", "cells", "metric"])["value"]
    rarest = np.argsort(problem.joint.sum(1))[:2]
    error = (estimator.estimate_pmi() - problem.pmi)[rarest]
    assert value["total", "row_decile_1", "rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))
    commonest = np.argsort(problem.joint.sum(0))[-2:]
    error = (estimator.estimate_pmi() - problem.pmi)[:, commonest]
    assert value["total", "col_decile_10", "rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))


def test_a_problem_without_truth_is_refused():
    counts = sp.softmax_problem(**DRAWN).counts
    with pytest.raises(sp.InputError, match="known truth"):
        error_budget(sp.Problem(counts, "counts of a text"), sp.SGNS(dim=2).fit(counts))
