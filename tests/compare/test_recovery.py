"""Recovery metrics against SciPy and scikit-learn, deviation against its definition and L&G's limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from letters import letters_problem
from scipy import stats
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

import sgns_pmi as sp
from sgns_pmi.compare import compare, deviation, estimator_objective, optimal_objective, scores_objective
from sgns_pmi.factorise import METHODS, Parameters
from sgns_pmi.negatives import Negatives


def values(frame, cells="all"):
    return frame[frame["cells"] == cells].set_index("metric")["value"].to_dict()


@given(seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_metrics_are_those_of_scipy_and_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(6, 5)).round(1)
    estimate = 0.5 * target + 1 + rng.normal(size=(6, 5))
    seen, weights = rng.random((6, 5)) < 0.6, rng.random((6, 5))
    frame = sp.recovery(estimate, target, weights, seen)
    for name, mask in (("all", np.ones_like(seen)), ("seen", seen), ("unseen", ~seen)):
        x, t, found = estimate[mask], target[mask], values(frame, name)
        line = stats.linregress(t, x)
        assert found["rmse"] == pytest.approx(root_mean_squared_error(t, x))
        assert found["mae"] == pytest.approx(mean_absolute_error(t, x))
        assert found["bias"] == pytest.approx((x - t).mean())
        assert found["centred_rmse"] == pytest.approx(np.std(x - t))
        assert found["pearson"] == pytest.approx(stats.pearsonr(x, t)[0])
        assert found["spearman"] == pytest.approx(stats.spearmanr(x, t)[0])
        assert (found["slope"], found["intercept"]) == (pytest.approx(line.slope), pytest.approx(line.intercept))
        assert found["r2"] == pytest.approx(r2_score(t, x))
    weighted = root_mean_squared_error(target.ravel(), estimate.ravel(), sample_weight=weights.ravel())
    assert values(frame)["weighted_rmse"] == pytest.approx(weighted)


def test_a_perfect_estimate():
    target = np.arange(12.0).reshape(3, 4)
    found = values(sp.recovery(target, target, np.ones((3, 4))))
    assert [found[m] for m in ("rmse", "mae", "bias", "weighted_rmse")] == [0, 0, 0, 0]
    assert [found[m] for m in ("pearson", "spearman", "slope", "r2")] == pytest.approx([1, 1, 1, 1])


def test_infinite_estimates_are_infinitely_wrong_and_undefined_targets_are_left_out():
    target = np.array([[0.0, 1.0], [2.0, -np.inf]])
    estimate = np.array([[0.0, -np.inf], [2.0, 5.0]])
    found = values(sp.recovery(estimate, target))
    assert found["rmse"] == np.inf
    assert found["bias"] == -np.inf
    assert "pearson" not in found
    assert values(sp.recovery(np.zeros((2, 2)), target))["mae"] == pytest.approx(1.0)  # 0, 1 and 2; the fourth is undefined


def test_undefined_metrics_have_no_row():
    found = values(sp.recovery(np.zeros((2, 3)), np.arange(6.0).reshape(2, 3)))
    assert "pearson" not in found
    assert found["slope"] == 0
    assert "r2" not in values(sp.recovery(np.arange(6.0).reshape(2, 3), np.zeros((2, 3))))


def test_shapes_must_agree():
    with pytest.raises(sp.InputError, match="target"):
        sp.recovery(np.zeros((2, 3)), np.zeros((3, 2)))


@pytest.fixture
def counts():
    return sp.CooccurrenceCounts.from_matrix(np.array([[9, 2, 0, 1], [3, 7, 4, 0], [0, 1, 8, 2]]))


@pytest.mark.parametrize("drop", [False, True])
def test_deviation_is_zero_at_the_optimum_and_positive_elsewhere(counts, drop):
    n = counts.matrix.toarray()
    noise = sp.noise_distribution(counts, exponent=0.75)
    with np.errstate(divide="ignore"):
        x = np.log(n) - np.log(5 * (counts.row_sums[:, None] - (n if drop else 0)) * noise)
    assert sp.objective_deviation(x, counts, 5, noise, drop_positive=drop) == pytest.approx(0, abs=1e-12)
    moved = np.where(n > 0, x + 0.1, -30.0)
    assert sp.objective_deviation(moved, counts, 5, noise, drop_positive=drop) > 0


def test_deviation_of_the_zero_matrix_is_its_closed_form(counts):
    """ℓ(0) = (1 + K) log 2; ℓ* from the definition, cell by cell."""
    noise, k, total = sp.noise_distribution(counts), 3, counts.total
    best = 0.0
    for i, j in zip(*np.nonzero(counts.matrix.toarray()), strict=True):
        n = counts.matrix[i, j]
        w = k * counts.row_sums[i] * noise[j]
        best += (n * np.log(1 + w / n) + w * np.log(1 + n / w)) / total  # softplus(∓ log(n/w))
    assert optimal_objective(counts, Negatives(k, noise)) == pytest.approx(best, rel=1e-12)
    deviation = sp.objective_deviation(np.zeros((3, 4)), counts, k, noise)
    assert deviation == pytest.approx(100 * ((1 + k) * np.log(2) - best) / best, rel=1e-12)


def test_a_row_with_one_context_has_an_infinite_optimum_when_positives_are_dropped():
    counts = sp.CooccurrenceCounts.from_matrix(np.array([[4, 0], [1, 2]]))
    assert np.isfinite(optimal_objective(counts, Negatives(2, np.array([0.5, 0.5]), True)))


def test_scores_objective_agrees_with_the_factored_one(counts):
    rng = np.random.default_rng(0)
    V, U = rng.normal(size=(3, 2)), rng.normal(size=(4, 2))
    noise = sp.noise_distribution(counts)
    for drop in (False, True):
        dense = scores_objective(V @ U.T, counts, Negatives(5, noise, drop))
        assert dense == pytest.approx(sp.sgns_objective(V, U, counts, 5, noise, drop_positive=drop), rel=1e-12)


def test_r_figures_of_recovery(r_reference):
    V, U = (pd.read_csv(r_reference.folder / f"{side}_true.csv").to_numpy() for side in "vu")
    nominal = V @ U.T
    found = values(sp.recovery(nominal, r_reference.pmi))
    assert found["rmse"] == pytest.approx(r_reference.figures["rmse_nominal_vs_pmi_true"], rel=1e-10)
    empirical = sp.pmi_matrix(r_reference.counts)
    found = values(sp.recovery(empirical, r_reference.pmi, cells=r_reference.counts.seen), "seen")
    assert found["rmse"] == pytest.approx(r_reference.figures["rmse_pmi_empirical_vs_true_seen"], rel=1e-10)


def test_table_of_a_job():
    problem = sp.softmax_problem(words=30, rank=1, pairs=5000, seed=1)
    noise = sp.noise_distribution(problem.counts)
    settings = Parameters(k=5, dim=3)
    fitted = {}
    for name in ("sgns_expected", "sppmi_svd", "oracle", "empirical"):
        method = METHODS[name]
        fitted[name] = method.build(settings).fit(problem.give(method.needs))
    table = compare(problem, fitted, Negatives(5, noise)).metrics
    assert list(table.columns) == ["method", "estimate", "target", "cells", "metric", "value"]
    assert not table["value"].isna().any()
    indexed = table.set_index(["method", "estimate", "target", "cells", "metric"])["value"]
    assert indexed.index.is_unique
    assert indexed["oracle", "corrected", "true", "all", "rmse"] == pytest.approx(0, abs=1e-10)
    assert indexed["empirical", "corrected", "empirical", "seen", "rmse"] == 0
    assert indexed["empirical", "corrected", "objective", "all", "deviation_percent"] == pytest.approx(0, abs=1e-9)
    sgns = fitted["sgns_expected"]
    assert indexed["sgns_expected", "corrected", "objective", "all", "value"] == pytest.approx(sgns.objective_, rel=1e-12)
    assert indexed["sgns_expected", "corrected", "objective", "all", "gap"] == 0
    best = optimal_objective(problem.counts, Negatives(5, noise))
    for method in fitted:
        value, gap, percent = (
            indexed[method, "corrected", "objective", "all", name] for name in ("value", "gap", "deviation_percent")
        )
        assert gap == pytest.approx(value / sgns.objective_ - 1, rel=1e-9, abs=1e-12)
        assert percent == pytest.approx(100 * (value / best - 1), rel=1e-9, abs=1e-9)
    assert indexed["sppmi_svd", "corrected", "objective", "all", "gap"] > 0.01  # so large that what it is divided by is seen
    assert set(table["target"]) == {"true", "nominal", "empirical", "objective"}
    assert {"all", "seen", "unseen"} == set(table[table["target"] == "true"]["cells"])


@pytest.mark.parametrize("room", [100, 10_000])
def test_without_a_truth_seen_cells_alone_are_compared(room, monkeypatch):
    """The same rows as of dense matrices, whether there is room for those or not."""
    monkeypatch.setattr("sgns_pmi.compare.shown.SHOWN_CELLS", room)
    problem = sp.softmax_problem(words=30, rank=1, pairs=2000, seed=1)
    counts, noise = problem.counts, sp.noise_distribution(problem.counts, exponent=0.75)
    fitted = {name: METHODS[name].build(Parameters(k=2, dim=3, exponent=0.75)).fit(counts) for name in ("sgns_expected", "sppmi")}
    table = compare(replace(problem, truth=None), fitted, Negatives(2, noise)).metrics
    assert set(table["cells"]) == {"all", "seen"}
    for method, estimator in fitted.items():
        for kind in ("raw", "corrected"):
            dense = sp.recovery(estimator.estimate_pmi(kind == "corrected"), sp.pmi_matrix(counts), cells=counts.seen)
            own = table[(table["method"] == method) & (table["estimate"] == kind) & (table["target"] == "empirical")]
            for cells in ("all", "seen"):
                assert values(own, cells) == pytest.approx(values(dense, cells), rel=1e-10)
    # And the objective rows are those of a problem with a truth.
    columns = ["method", "metric", "value"]
    own, known = (
        rows[rows["target"] == "objective"][columns] for rows in (table, compare(problem, fitted, Negatives(2, noise)).metrics)
    )
    np.testing.assert_array_equal(own.to_numpy(), known.to_numpy())


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("name", sorted(set(METHODS) - {"oracle"}))
def test_objective_of_large_counts_is_that_of_small_ones(name, drop, monkeypatch):
    """Blocks, products of factors and sparse estimates give what the dense definition gives."""
    problem = letters_problem(words=23, tokens=900)
    counts = problem.counts
    noise = sp.noise_distribution(counts, exponent=0.75)
    settings = Parameters(k=3, dim=3, exponent=0.75, bias=True, drop_positive=drop)
    # InfoNCE has no finite optimum here; its scores would run beyond what float32 holds.
    options = {"max_steps": 20} if name == "infonce" else {}
    estimator = METHODS[name].build(settings, options, {"sampled": {"epochs": 3}}).fit(problem.give(METHODS[name].needs))
    for k, p_n in ((3, noise), (2, noise), (3, sp.noise_distribution(counts, "uniform"))):  # first, what SGNS minimised
        negatives = Negatives(k, p_n, drop)
        if drop and estimator.negatives_ == negatives:  # no column term takes the correction back
            scores = estimator.estimate_pmi(corrected=False) - np.log(k)
        else:
            scores = estimator.estimate_pmi() - np.log(k) - negatives.offset(counts)
        dense = scores_objective(scores, counts, negatives)
        for limit, value in (("BLOCK_CELLS", 100), ("DENSE_CELLS", 0), ("FLOAT32_CELLS", 0)):
            monkeypatch.setattr(deviation, limit, value)
            found = estimator_objective(estimator, counts, negatives)
            # A method's own ℓ may have been summed in float32 products.
            single = limit == "FLOAT32_CELLS" or name in ("sgns_sampled", "sgns_stream", "fasttext")
            # Swivel's scores run to 10⁵ and more below zero here, of which float32 keeps two decimals.
            precision = 1e-4 if name == "swivel" else 1e-5
            assert found == pytest.approx(dense, rel=precision if single else 1e-11)
        monkeypatch.undo()


def test_rank_correlation_of_very_many_cells_is_that_of_a_sample(monkeypatch):
    rng = np.random.default_rng(0)
    target = rng.normal(size=20_000)
    estimate = target + rng.normal(size=20_000)
    exact = values(sp.recovery(estimate, target))
    # The package's `recovery` is the function, not its module.
    monkeypatch.setitem(sp.recovery.__globals__, "MOST_RANKED", 5000)
    sampled, again = (values(sp.recovery(estimate, target)) for _ in range(2))
    assert sampled == again
    assert 0 < abs(sampled["spearman"] - exact["spearman"]) < 4 / np.sqrt(5000)
    assert sampled | {"spearman": 0} == exact | {"spearman": 0}


def test_seen_and_unseen_cells_may_be_as_many():
    target, seen = np.arange(8.0).reshape(2, 4), np.arange(8).reshape(2, 4) % 2 == 0
    estimate = np.where(seen, target, target + 1)
    frame = sp.recovery(estimate, target, cells=seen)
    assert (values(frame, "seen")["rmse"], values(frame, "unseen")["rmse"]) == (0, 1)
