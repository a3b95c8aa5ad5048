"""Floors under a method's error: what its rank, and what the number of pairs, leaves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp
from sgns_pmi.compare import floors
from sgns_pmi.compare.comparison import compare
from sgns_pmi.compare.floors import limit_rows, low_rank
from sgns_pmi.compare.found import Found
from sgns_pmi.negatives import Negatives


def rows(problem, fitted):
    metrics = compare(problem, fitted, Negatives.of(problem.counts, 5)).metrics
    frame = limit_rows(Found(problem, fitted, metrics))
    assert list(frame.columns) == list(metrics.columns)
    assert set(frame["estimate"]) == {"corrected"}
    assert set(frame["cells"]) == {"all"}
    weighted = metrics[
        (metrics["metric"] == "weighted_rmse") & (metrics["estimate"] == "corrected") & (metrics["target"] == "true")
    ]
    return frame.set_index(["method", "metric"])["value"], weighted.set_index("method")["value"], frame


def test_ranks_and_bounds_are_those_of_the_method():
    problem = sp.softmax_problem(words=14, rank=1, pairs=20_000)
    one = sp.Expected(starts=1)
    fitted = {
        "sgns_expected": sp.SGNS(dim=2, exponent=0.75, solver=one).fit(problem.counts),
        "biases": sp.SGNS(dim=2, bias=True, solver=one).fit(problem.counts),
        "softmax_mle": sp.SoftmaxMLE(dim=3).fit(problem.counts),
        "sppmi_svd": sp.SPPMISVD(dim=1, k=1).fit(problem.counts),
        "qwem": sp.QWEM(dim=2).fit(problem.counts),
        "empirical": sp.Empirical().fit(problem.counts),
        "oracle": sp.Oracle(dim=2).fit(problem.pmi),
    }
    value, weighted, _ = rows(problem, fitted)
    ranks = {"sgns_expected": 3, "biases": 4, "softmax_mle": 3, "sppmi_svd": 2, "oracle": 2}
    assert {method: value.get((method, "rank")) for method in fitted} == ranks | {"qwem": None, "empirical": None}
    truth = problem.truth
    bounds = {
        "effects": sp.cramer_rao_rmse(truth.nominal_left, truth.nominal_right, problem.joint, 20_000),
        "free": sp.cramer_rao_rmse(truth.left, truth.right, problem.joint, 20_000, "free"),
    }
    for method, model in {"sgns_expected": "free", "biases": "effects", "softmax_mle": "effects", "qwem": "free"}.items():
        assert value[method, "cramer_rao"] == pytest.approx(bounds[model], rel=1e-6)
        assert value[method, "efficiency"] == pytest.approx(bounds[model] / weighted[method], rel=1e-6)
    for method in ("empirical", "oracle"):
        assert (method, "cramer_rao") not in value.index
    singular = np.linalg.svd(problem.pmi, compute_uv=False)
    assert value["oracle", "floor"] == pytest.approx(np.sqrt((singular[2:] ** 2).sum()) / 14)
    assert value["sppmi_svd", "floor"] == value["oracle", "floor"]
    assert value["oracle", "weighted_floor"] <= weighted["oracle"]  # the plain best is one of the candidates
    assert value["sgns_expected", "weighted_floor"] == pytest.approx(0, abs=1e-9)


def test_a_weighted_floor_is_found_again_by_another_search():
    """L-BFGS from ten random starts, on a problem with uneven margins: none is lower, and some come as low."""
    from scipy.optimize import minimize

    problem = sp.marginal_problem(words=12, rank=2, pairs=10_000, zipf=1.0)
    X, P = problem.pmi, problem.joint

    def loss(theta):
        V, U = theta[:24].reshape(12, 2), theta[24:].reshape(12, 2)
        G = P * (V @ U.T - X)
        return 0.5 * np.sum(G * (V @ U.T - X)), np.concatenate([(G @ U).ravel(), (G.T @ V).ravel()])

    rng = np.random.default_rng(0)
    others = [
        2 * minimize(loss, rng.normal(size=48), jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-14}).fun
        for _ in range(10)
    ]
    found = float(np.sum(P * (low_rank(X, P, 2) - X) ** 2))
    assert found == pytest.approx(min(others), rel=1e-4)


def test_where_there_is_no_bound():
    population = sp.softmax_problem(words=10, rank=1, sampling="population")
    clustered = sp.documents_problem(words=20, documents=30)
    for problem in (population, clustered):
        value, _, _ = rows(problem, {"sgns_expected": sp.SGNS(dim=2, solver=sp.Expected(starts=1)).fit(problem.counts)})
        assert ("sgns_expected", "rank") in value.index
        assert ("sgns_expected", "floor") in value.index
        assert ("sgns_expected", "cramer_rao") not in value.index


def test_without_a_truth_there_is_the_rank_alone():
    counts = sp.softmax_problem(words=10, rank=1, pairs=5000).counts
    problem = sp.Problem(counts, "counts of a text")
    value, _, frame = rows(problem, {"glove": sp.GloVe(dim=2, epochs=2).fit(counts)})
    assert value.to_dict() == {("glove", "rank"): 4}
    assert set(frame["target"]) == {"empirical"}
    assert isinstance(frame, pd.DataFrame)


def test_jobs_with_one_truth_compute_its_floors_once(monkeypatch):
    """A sweep over K and noise has them once; another truth, rank or number of pairs has its own."""
    made = []
    real = floors.low_rank
    monkeypatch.setattr(floors, "KNOWN", {})
    monkeypatch.setattr(floors, "low_rank", lambda *given: made.append(given[2]) or real(*given))
    bound = floors.cramer_rao_rmse
    monkeypatch.setattr(floors, "cramer_rao_rmse", lambda *given: made.append(given[3]) or bound(*given))
    values = []
    for k, rank, pairs in ((1, 1, 20_000), (5, 1, 20_000), (5, 2, 20_000), (5, 1, 30_000)):
        problem = sp.softmax_problem(words=10, rank=1, pairs=pairs)
        values.append(rows(problem, {"sppmi_svd": sp.SPPMISVD(dim=rank, k=k).fit(problem.counts)})[0]["sppmi_svd"])
    assert made == [2, 2, 20_000, 3, 3, 30_000]  # of which one is the column of log K
    limits = ["floor", "weighted_floor", "cramer_rao"]
    assert values[0][limits].tolist() == values[1][limits].tolist() != values[2][limits].tolist()
    assert values[3]["cramer_rao"] < values[0]["cramer_rao"]
