"""Tables of standard errors: what they hold, and how often their intervals cover the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.base import clone

import sgns_pmi as sp
from sgns_pmi.compare.inference import LEAST_SIGNAL, inference, linearised
from sgns_pmi.compare.limits import predicted_rmse
from sgns_pmi.compare.sandwich import Sandwich
from sgns_pmi.problems import PROBLEMS
from sgns_pmi.problems.problem import Units

COLUMNS = ["center", "context", "estimate", "se", "lower", "upper", "z", "p_value", "q_value"]
ONCE = sp.Expected(starts=1)


@pytest.fixture(scope="module")
def counts() -> sp.CooccurrenceCounts:
    return sp.softmax_problem(words=15, rank=1, pairs=20_000).counts


@pytest.fixture(scope="module")
def sgns(counts) -> sp.SGNS:
    return sp.SGNS(dim=1, k=5, bias=True).fit(counts)


def test_table_of_all_cells(sgns, counts):
    table = inference(sgns, counts, level=0.9)
    assert list(table.columns) == COLUMNS
    assert len(table) == 15 * 15
    estimate = sgns.estimate_pmi()
    np.testing.assert_allclose(table["estimate"], estimate[table["center"], table["context"]])
    np.testing.assert_allclose(table["upper"] - table["lower"], 2 * norm.ppf(0.95) * table["se"])
    np.testing.assert_allclose(table["z"], table["estimate"] / table["se"])
    np.testing.assert_allclose(table["p_value"], 2 * norm.cdf(-abs(table["z"])))


def test_cells_wanted_come_in_their_order_by_index_or_by_word(sgns, counts):
    cells = [(7, 3), (0, 14), (7, 3)]
    whole = inference(sgns, counts).set_index(["center", "context"])
    table = inference(sgns, counts, cells=cells)
    assert list(zip(table["center"], table["context"], strict=True)) == cells
    np.testing.assert_allclose(table["se"], [whole.loc[cell, "se"] for cell in cells])
    words = [f"w{number}" for number in range(15)]
    named = sp.CooccurrenceCounts.from_matrix(counts.matrix, words, words)
    by_word = inference(sgns, named, cells=[("w7", "w3")])
    assert by_word[["center", "context"]].iloc[0].tolist() == ["w7", "w3"]
    assert by_word["se"][0] == pytest.approx(table["se"][0], rel=1e-9)


def test_q_values_are_benjamini_and_hochbergs(sgns, counts):
    table = inference(sgns, counts).sort_values("p_value")
    m = len(table)
    adjusted = table["p_value"].to_numpy() * m / np.arange(1, m + 1)
    expected = np.minimum(np.minimum.accumulate(adjusted[::-1])[::-1], 1)
    np.testing.assert_allclose(table["q_value"], expected)


def test_words_that_never_occur_have_no_error():
    n = np.zeros((6, 6))
    n[:5, :5] = sp.softmax_problem(words=5, rank=1, pairs=5000).counts.matrix.toarray()
    table = inference(sp.SGNS(dim=1, bias=True).fit(n), n).set_index(["center", "context"])
    assert table["se"].xs(5, level="center").isna().all()
    assert table["p_value"].xs(5, level="context").isna().all()
    assert table.loc[:4].xs(0, level="context")["q_value"].notna().all()


def test_units_are_checked_and_change_the_error(sgns, counts):
    triples = counts.triples
    units = pd.concat([triples.assign(unit="all")])
    table = inference(sgns, counts, units=units[["unit", "center", "context", "count"]])
    np.testing.assert_allclose(table["se"], 0, atol=1e-6)  # the scores of the whole sum to zero
    halves = pd.concat([triples.assign(unit=unit, count=triples["count"] / 2) for unit in "ab"])
    np.testing.assert_allclose(inference(sgns, counts, units=halves)["se"], 0, atol=1e-6)
    with pytest.raises(sp.InputError, match="must sum to the counts"):
        inference(sgns, counts, units=halves[halves["unit"] == "a"])
    with pytest.raises(sp.InputError, match="needs the column unit"):
        inference(sgns, counts, units=triples)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": 1.0}, "level=1.0: must be between 0 and 1"),
        ({"cells": [(0, 99)]}, "cells=99: must be an index"),
        ({"cells": [("a", "b")]}, "no words"),
        ({"cells": [0, 1]}, "must be pairs"),
        ({"counts": np.ones((3, 3))}, "must be those that were fitted, 15 x 15"),
    ],
)
def test_refusals(sgns, counts, change, message):
    with pytest.raises(sp.InputError, match=message):
        inference(sgns, **{"counts": counts, **change})


def test_a_component_that_drowns_is_warned_of(counts, caplog):
    inference(sp.SGNS(dim=1, k=5, bias=True, solver=ONCE).fit(counts), counts)
    assert not caplog.records
    inference(sp.SGNS(dim=2, k=5, bias=True, solver=ONCE).fit(counts), counts)
    assert "the weakest component of the estimate is but 1." in caplog.text


def test_a_trained_fit_is_warned_of(counts, caplog):
    inference(sp.SGNS(dim=1, k=5, bias=True, solver=sp.Sampled(epochs=2)).fit(counts), counts, cells=[(0, 1)])
    assert "not what training had left to learn" in caplog.text


def test_bootstrap_finds_the_spread_of_a_closed_form():
    """Standard errors of an SVD from one draw against the spread over 100 draws, where no cell is rare."""
    problem = sp.softmax_problem(words=6, rank=1, pairs=200_000, seed=1)
    rng = np.random.default_rng(0)
    draws = [sp.CooccurrenceCounts.from_matrix(rng.multinomial(10**6, problem.joint.ravel()).reshape(6, 6)) for _ in range(100)]
    method = sp.PMISVD(dim=3, k=1)
    spread = np.std([method.fit(draw).estimate_pmi().ravel() for draw in draws], axis=0, ddof=1)
    table = inference(method.fit(draws[0]), draws[0])
    assert np.median(table["se"] / spread) == pytest.approx(1, abs=0.1)
    pd.testing.assert_frame_equal(table, inference(method.fit(draws[0]), draws[0]))


def test_units_of_a_problem_are_taken_as_they_are(sgns, counts):
    triples = counts.triples
    frame = pd.concat([triples.assign(unit=unit, count=triples["count"] / 2) for unit in (0, 1)])
    units = Units(*(frame[name].to_numpy() for name in ("unit", "center", "context", "count")))
    pd.testing.assert_frame_equal(inference(sgns, counts, units=units), inference(sgns, counts, units=frame))


def test_units_agree_with_the_jackknife():
    """(G − 1)/G Σ_g (x̂ without unit g − their mean)², no derivative, against the sandwich: the same to first order."""
    problem = PROBLEMS["documents"](words=12, topics=3, documents=60, concentration=0.5, pairs=60_000, seed=3)
    units, number = problem.units, 60
    estimator = sp.SGNS(dim=1, k=5, bias=True, solver=ONCE)
    left = []
    for unit in range(number):
        rest = units.unit != unit
        counts = sp.CooccurrenceCounts.from_triples(units.center[rest], units.context[rest], units.count[rest], (12, 12))
        left.append(estimator.fit(counts).estimate_pmi().ravel())
    jackknife = np.sqrt((number - 1) ** 2 / number * np.var(left, axis=0))
    fitted = estimator.fit(problem.counts)
    clustered, independent = (inference(fitted, problem.counts, given)["se"] for given in (units, None))
    assert np.median(clustered / jackknife) == pytest.approx(1, abs=0.06)
    assert (abs(clustered / jackknife - 1) < 0.35).all()
    assert np.median(independent / jackknife) < 0.7


CONFIGURATIONS = {
    **{f"k{k}": sp.SGNS(dim=4, k=k, solver=ONCE) for k in (1, 5, 20)},
    **{f"k{k}_biases": sp.SGNS(dim=2, k=k, bias=True, solver=ONCE) for k in (1, 5, 20)},
    "smoothed": sp.SGNS(dim=4, k=5, exponent=0.75, solver=ONCE),
    "smoothed_biases": sp.SGNS(dim=2, k=5, exponent=0.75, bias=True, solver=ONCE),
    "likelihood": sp.SoftmaxMLE(dim=4),
}


def coverage(estimator, joint: np.ndarray, pairs: int, replicates: int, seed: int = 0) -> pd.DataFrame:
    """Every cell's interval of every draw: whether it covers the true PMI, and the squared error, by decile of expected count."""
    truth, rng = np.log(joint / np.outer(joint.sum(1), joint.sum(0))).ravel(), np.random.default_rng(seed)
    decile, frames = np.argsort(np.argsort(joint.ravel())) * 10 // joint.size, []
    for _ in range(replicates):
        counts = sp.CooccurrenceCounts.from_matrix(rng.multinomial(pairs, joint.ravel()).reshape(joint.shape))
        table = inference(estimator.fit(counts), counts)
        inside = (table["lower"] < truth) & (truth < table["upper"])
        squared = joint.ravel() * (table["estimate"] - truth) ** 2
        frames.append(pd.DataFrame({"inside": inside, "decile": decile, "rare": pairs * joint.ravel() < 5, "squared": squared}))
    return pd.concat(frames)


@pytest.mark.parametrize("case", ["k5_biases", "smoothed_biases"])
def test_intervals_cover(case):
    """Ten draws: the coverage of one varies by 0.02 or so, as its cells share their parameters."""
    problem = sp.softmax_problem(words=20, rank=2, seed=1)
    estimator = CONFIGURATIONS[case]
    cells = coverage(estimator, problem.joint, 100_000, 10)
    assert cells["inside"].mean() == pytest.approx(0.95, abs=0.02)
    measured = np.sqrt(cells["squared"].sum() / 10)
    assert measured == pytest.approx(predicted_rmse(estimator, problem.joint, 100_000), rel=0.12)


@pytest.mark.study
@pytest.mark.parametrize("margins", ["softmax", "zipf"])
@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_study_coverage_of_independent_draws(case, margins):
    """500 draws of 30 words: 94 to 96 % over all cells, seen or not, and 93 to 97 % by decile of expected count.

    At pairs enough for the weakest component to stand above its noise, which with Zipf margins and without biases takes many.
    """
    if margins == "softmax":
        problem, pairs = sp.softmax_problem(words=30, rank=2, seed=0), 100_000
    else:
        problem, pairs = sp.marginal_problem(words=30, rank=2, seed=0, zipf=1.0, pairs=1000), 1_000_000
    assert population_signal(CONFIGURATIONS[case], problem.joint, pairs) > LEAST_SIGNAL
    cells = coverage(CONFIGURATIONS[case], problem.joint, pairs, 500)
    assert 0.94 < cells["inside"].mean() < 0.96
    assert cells.groupby("decile")["inside"].mean().between(0.93, 0.97).all()
    if cells["rare"].any():
        assert 0.93 < cells.loc[cells["rare"], "inside"].mean() < 0.97


def population_signal(estimator, joint: np.ndarray, pairs: int) -> float:
    counts = sp.CooccurrenceCounts.from_matrix(pairs * joint)
    return Sandwich(linearised(clone(estimator).fit(counts), counts), counts, population=True).signal


@pytest.mark.study
@pytest.mark.parametrize("k", [5, 20])
def test_study_a_faint_component_breaks_coverage_by_about_its_signal(k):
    """At a tenth of the pairs: RMSE above the predicted by 0.5 to 1.5 times the signal's inverse square, fewer cells covered."""
    problem, estimator = sp.marginal_problem(words=30, rank=2, seed=0, zipf=1.0, pairs=1000), CONFIGURATIONS[f"k{k}"]
    signal = population_signal(estimator, problem.joint, 100_000)
    assert signal < LEAST_SIGNAL
    cells = coverage(estimator, problem.joint, 100_000, 200)
    excess = np.sqrt(cells["squared"].sum() / 200) / predicted_rmse(estimator, problem.joint, 100_000) - 1
    assert 0.5 < excess * signal**2 < 1.5
    assert cells["inside"].mean() < 0.945


@pytest.mark.study
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [1, 5, 20, 100])
def test_study_predicted_rmse(k, seed):
    """200 draws of a million pairs, enough for the first order: within 2 %."""
    problem, estimator = sp.softmax_problem(words=60, rank=2, seed=seed), sp.SGNS(dim=4, k=k)
    rng, squared = np.random.default_rng(0), []
    for _ in range(200):
        counts = sp.CooccurrenceCounts.from_matrix(rng.multinomial(10**6, problem.joint.ravel()).reshape(60, 60))
        squared.append(np.sum(problem.joint * (estimator.fit(counts).estimate_pmi() - problem.pmi) ** 2))
    assert np.sqrt(np.mean(squared)) == pytest.approx(predicted_rmse(estimator, problem.joint, 10**6), rel=0.02)


@pytest.mark.study
def test_study_coverage_of_clustered_draws():
    """Two topics in 500 documents, each with a mixture of its own: 92 to 97 % by units, under 85 % without."""
    options = {"words": 15, "topics": 2, "documents": 500, "pairs": 2_000_000, "concentration": 0.5, "spread": 1.0, "zipf": 0.3}
    estimator = sp.SGNS(dim=1, k=5, bias=True, solver=ONCE)
    whole = PROBLEMS["documents"](**options, sampling="population").counts
    target = clone(estimator).fit(whole).estimate_pmi().ravel()  # the PMI of a mixture is of no low rank
    inside: dict[str, list[float]] = {"units": [], "pairs": []}
    for seed in range(500):
        problem = PROBLEMS["documents"](**options, draw_seed=seed)
        estimator.fit(problem.counts)
        for kind, units in (("units", problem.units), ("pairs", None)):
            table = inference(estimator, problem.counts, units)
            inside[kind].append(np.mean((table["lower"] < target) & (target < table["upper"])))
    assert 0.92 < np.mean(inside["units"]) < 0.97
    assert np.mean(inside["pairs"]) < 0.85


def null_rows(words: int, null: int, seed: int) -> np.ndarray:
    """P whose first rows have PMI 0, exactly; the others' is of rank 1 beside effects. Biases and two columns hold it."""
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(words, 5.0), 2)
    rest = np.exp(np.outer(rng.normal(size=words - null), rng.normal(size=words)))
    for _ in range(2000):
        rest *= (p[null:] / rest.sum(1))[:, None]
        rest *= q * p[null:].sum() / rest.sum(0)
    return np.vstack([np.outer(p[:null], q), rest])


@pytest.mark.study
def test_study_errors_of_tests():
    """500 draws, 360 of 900 cells with PMI 0: 5 ± 1 % of their p-values below 0.05, under 12 % of what q < 0.1 finds is false.

    Where all of PMI is 0 no component stands above the noise, and no first-order law holds.
    """
    joint, estimator, rng = null_rows(30, 12, 0), sp.SGNS(dim=2, k=5, bias=True, solver=ONCE), np.random.default_rng(0)
    null = np.arange(900) < 12 * 30
    false, share = [], []
    for _ in range(500):
        counts = sp.CooccurrenceCounts.from_matrix(rng.multinomial(10**6, joint.ravel()).reshape(30, 30))
        table = inference(estimator.fit(counts), counts)
        found = table["q_value"] < 0.1
        false.append((table.loc[null, "p_value"] < 0.05).mean())
        share.append(found[null].sum() / max(1, found.sum()))
    assert np.mean(false) == pytest.approx(0.05, abs=0.01)
    assert np.mean(share) < 0.12
