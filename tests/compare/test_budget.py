"""The budget adds up, and each of its terms vanishes where its cause is taken away, and only there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.budget import budget_terms, budgets, error_budget
from sgns_pmi.compare.found import Found
from sgns_pmi.compare.optima import Optima, reference

TERMS = ("optimisation", "sampling", "rank", "noise_offset", "shrinkage")
DRAWN = {"words": 12, "rank": 1, "pairs": 20_000, "seed": 2}
UNDER_WAY = sp.Sampled(epochs=5, negatives="pair")

RIDGE = 1e-4
CAUSES = {
    "none": ({}, {"dim": 2, "solver": UNDER_WAY, "exponent": 0.75}, set()),
    "full convergence": ({}, {"dim": 2, "solver": "expected", "exponent": 0.75}, {"optimisation"}),
    "population counts": ({"sampling": "population"}, {"dim": 2, "solver": UNDER_WAY, "exponent": 0.75}, {"sampling"}),
    "dim = rank": ({}, {"dim": 3, "solver": UNDER_WAY, "exponent": 0.75}, {"rank"}),
    "unigram noise": ({}, {"dim": 2, "solver": UNDER_WAY, "exponent": 1.0}, {"noise_offset"}),
    "no penalty": ({}, {"dim": 2, "solver": UNDER_WAY, "exponent": 0.75, "ridge": 0.0}, {"shrinkage"}),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_each_term_vanishes_alone(cause):
    data, parameters, gone = CAUSES[cause]
    problem = sp.softmax_problem(**DRAWN | data)
    estimator = sp.SGNS(k=5, **{"ridge": RIDGE} | parameters).fit(problem.counts)
    terms, optimum = budget_terms(problem, estimator, corrected=False)
    size = {name: np.sqrt(np.mean(terms[name] ** 2)) if name in terms else 0.0 for name in TERMS}
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
        sp.SPPMI(k=2),
        sp.NumpySGNS(dim=2, epochs=2, noise="uniform"),
        sp.SGNS(dim=2, bias=True, ridge=1e-3, drop_positive=True, exponent=0.5),
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


def test_a_noise_that_the_population_does_not_have_is_that_of_the_counts():
    problem = sp.softmax_problem(words=20, rank=1, pairs=2000)
    estimator = sp.SGNS(dim=3, k=5, noise="zero_share").fit(problem.counts)
    terms, _ = budget_terms(problem, estimator)
    assert np.abs(terms["rank"]).max() < 1e-6


def test_what_no_optimum_tells_apart_is_overfit():
    problem = sp.softmax_problem(**DRAWN | {"pairs": 400})
    estimator = sp.SGNS(dim=4, k=2).fit(problem.counts)
    assert estimator.status_ == "no finite optimum"
    exact, trained = (
        budget_terms(problem, own)[0] for own in (estimator, sp.SGNS(dim=4, k=2, solver=UNDER_WAY).fit(problem.counts))
    )
    assert set(exact) == set(trained) == {"overfit", "rank"}
    # The dim is above the rank.
    np.testing.assert_allclose(exact["overfit"], estimator.estimate_pmi() - problem.pmi, rtol=1e-12, atol=1e-10)
    assert not exact["rank"].any()


def test_shrinkage_is_what_the_penalty_does_to_the_population():
    problem = sp.softmax_problem(**DRAWN | {"sampling": "population"})
    estimator = sp.SGNS(dim=3, bias=True, ridge=1e-3).fit(problem.counts)
    terms, _ = budget_terms(problem, estimator)
    np.testing.assert_allclose(terms["shrinkage"], estimator.estimate_pmi() - problem.pmi, atol=1e-9)
    assert terms["shrinkage"].std() > 1e-2


def test_the_population_optimum_of_a_small_dim_is_the_least_of_many_starts():
    problem = sp.softmax_problem(**DRAWN)
    estimator = sp.SGNS(dim=1).fit(problem.counts)
    optima = Optima(problem)
    found = optima.of_population(*(own for own in [reference(estimator)[0], estimator]))
    best = sp.SGNS(dim=1, solver=sp.Expected(starts=30)).fit(optima.population).estimate_pmi()
    np.testing.assert_allclose(found, best, atol=1e-5)


def found_budgets(problem, fitted):
    rows, facts, said = budgets(Found(problem, fitted))
    optimum, left_out = facts["budget"]["optimum"], facts["budget"]["left_out"]
    assert len(said) == bool(left_out)  # one line for all, as a sweep has many jobs
    assert all(method in said[0] and reason in said[0] for method, reason in left_out.items())
    return rows, optimum, left_out


def test_budgets_of_a_run_are_those_of_each_method():
    problem = sp.softmax_problem(**DRAWN | {"pairs": 3000})  # not all cells are seen
    fitted = {
        "sgns_expected": sp.SGNS(dim=2).fit(problem.counts),
        "sgns_sampled": sp.SGNS(dim=2, solver=UNDER_WAY).fit(problem.counts),
        "empirical": sp.Empirical().fit(problem.counts),
        "glove": sp.GloVe(dim=2, epochs=3).fit(problem.counts),
        "oracle": sp.Oracle(dim=2).fit(problem.pmi),
    }
    rows, optimum, left_out = found_budgets(problem, fitted)
    assert not left_out
    assert optimum == {name: "sgns" if name == "glove" else "own" for name in fitted}
    for name, estimator in fitted.items():
        alone = error_budget(problem, estimator)
        shared = rows[rows["method"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(shared.drop(columns="method"), alone.drop(columns="optimum"), rtol=1e-5, atol=1e-6)
    value = rows.set_index(["method", "cells", "term", "metric"])["value"]
    assert value["empirical", "all", "total", "rmse"] == np.inf
    assert ("empirical", "all", "total", "share") not in value.index
    assert value["empirical", "seen", "sampling", "share"] == pytest.approx(1)


def test_budgets_that_would_take_too_long_are_left_out_with_a_sentence():
    problem = sp.softmax_problem(words=1200, rank=1, pairs=10_000)
    estimator = sp.QWEM(dim=1).fit(problem.counts)
    rows, optimum, left_out = found_budgets(problem, {"qwem": estimator})
    assert len(rows) == len(optimum) == 0
    reason = "the optima at 1,200 x 1,200 words and dim = 1 would take too long"
    assert left_out == {"qwem": reason}
    said = budgets(Found(problem, {"qwem": estimator, "again": estimator})).said
    assert said == (f"no error budget of qwem, again: {reason}",)


def test_no_truth_no_budgets():
    counts = sp.softmax_problem(**DRAWN).counts
    rows, optimum, left_out = found_budgets(sp.Problem(counts, "counts of a text"), {"qwem": sp.QWEM(dim=2).fit(counts)})
    assert len(rows) == len(optimum) == len(left_out) == 0


def test_a_problem_without_truth_is_refused():
    counts = sp.softmax_problem(**DRAWN).counts
    with pytest.raises(sp.InputError, match="known truth"):
        error_budget(sp.Problem(counts, "counts of a text"), sp.SGNS(dim=2).fit(counts))
