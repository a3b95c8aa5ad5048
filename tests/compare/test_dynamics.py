"""Training, step by step: the closed form of the flow, components that no effect moves, training that is seen as it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

import sgns_pmi as sp
from sgns_pmi.compare.dynamics import components, dynamics_table, flow, passing, training_dynamics
from sgns_pmi.compare.found import Found, table_makers
from sgns_pmi.factorise.methods.numpy_sgns import NumpySGNS
from sgns_pmi.factorise.watching import Watch, current, watched


def flowed(target: np.ndarray, V: np.ndarray, U: np.ndarray, times: np.ndarray) -> list[np.ndarray]:
    """V·Uᵀ at some times of V' = (M − V Uᵀ) U, U' = (M − V Uᵀ)ᵀ V, by a solver of differential equations."""
    words, dim = V.shape

    def slope(_: float, state: np.ndarray) -> np.ndarray:
        v, u = state[: words * dim].reshape(words, dim), state[words * dim :].reshape(-1, dim)
        rest = target - v @ u.T
        return np.concatenate([(rest @ u).ravel(), (rest.T @ v).ravel()])

    found = solve_ivp(slope, (0, times[-1]), np.concatenate([V.ravel(), U.ravel()]), t_eval=times, rtol=1e-9, atol=1e-12)
    return [state[: words * dim].reshape(words, dim) @ state[words * dim :].reshape(-1, dim).T for state in found.y.T]


def matrix(values: list[float], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(np.linalg.qr(rng.normal(size=(size, len(values))))[0] for size in (8, 6))


def test_the_flow_is_the_solution_of_its_equation():
    values, start, times = np.array([4.0, 2.0, 0.5]), 0.01, np.array([0.1, 0.5, 1.0, 2.0, 6.0])
    A, B = matrix(list(values))
    products = flowed((A * values) @ B.T, A * np.sqrt(start), B * np.sqrt(start), times)
    for product, own in zip(products, flow(values, start, times), strict=True):
        np.testing.assert_allclose(product, (A * own) @ B.T, atol=1e-7)
    for share in (0.1, 0.5, 0.9):
        reached = [flow([value], start, [at])[0, 0] for value, at in zip(values, passing(values, start, share), strict=True)]
        np.testing.assert_allclose(reached, share * values)


@pytest.mark.parametrize("seed", range(3))
def test_from_a_small_random_start_components_come_one_after_the_other(seed):
    """Each when its start says, w = (Vᵀa + Uᵀb)/2 less what earlier components have taken up, squared; before the next begins."""
    values = np.array([4.0, 2.0, 1.0])
    A, B = matrix(list(values), seed)
    rng = np.random.default_rng(seed)
    V, U = (1e-4 * rng.normal(size=(size, 3)) for size in (8, 6))
    start = np.square(np.diag(np.linalg.qr((V.T @ A + U.T @ B) / 2)[1]))
    halves = np.array([passing([value], own)[0] for value, own in zip(values, start, strict=True)])
    assert (np.diff(halves) > 0).all()
    for component, product in enumerate(flowed((A * values) @ B.T, V, U, halves)):
        reached = np.linalg.svd(product, compute_uv=False)[:3] / values
        assert (reached[:component] > 0.99).all()
        assert reached[component] == pytest.approx(0.5, abs=0.05)
        assert (reached[component + 1 :] < 0.05).all()


def test_components_are_those_of_the_weighted_matrix_without_effects():
    rng = np.random.default_rng(0)
    left, right, p, q = rng.normal(size=(7, 3)), rng.normal(size=(5, 3)), rng.dirichlet(np.ones(7)), rng.dirichlet(np.ones(5))
    X = left @ right.T
    centred = (np.eye(7) - p) @ X @ (np.eye(5) - q).T
    expected = np.linalg.svd(np.sqrt(p)[:, None] * centred * np.sqrt(q), compute_uv=False)[:3]
    np.testing.assert_allclose(components(left, right, p, q), expected)
    effects = np.ones((7, 1)), rng.normal(size=(5, 1)), rng.normal(size=(7, 1)), np.ones((5, 1))
    with_effects = np.hstack([left, effects[0], effects[2]]), np.hstack([right, effects[1], effects[3]])
    np.testing.assert_allclose(components(*with_effects, p, q)[:3], expected)


def test_steps_are_shown_closely_at_first_and_the_last_once():
    seen = []
    watch = Watch(lambda step, *_: seen.append(step))
    for step in [*range(201), 200]:
        if watch.due(step, last=step == 200):
            watch.show(step, 0.0, np.empty(0), np.empty(0))
    assert seen[:12] == list(range(12))
    assert seen[-1] == 200
    assert seen.count(200) == 1
    assert len(seen) < 50
    assert not current().due(0)


TRAINED = {
    "pairs": sp.SGNS(dim=2, k=2, bias=True, solver=sp.Sampled(negatives="pair", epochs=4)),
    "blocks": sp.SGNS(dim=3, k=2, solver=sp.Sampled(negatives="block", epochs=4)),
    "numpy": NumpySGNS(dim=2, k=2, bias=True, epochs=4),
    "dropped": sp.SGNS(dim=2, k=2, drop_positive=True, solver=sp.Sampled(negatives="pair", epochs=4)),
}


@pytest.fixture(scope="module")
def problem() -> sp.Problem:
    return sp.softmax_problem(words=20, rank=1, pairs=20_000)


@pytest.mark.parametrize("case", TRAINED)
def test_training_is_looked_at_as_it_is(problem, case):
    estimator = TRAINED[case].fresh().fit(problem.counts)
    rows = training_dynamics(problem, estimator)
    steps = rows[rows["step"].notna() & (rows["metric"] != "half")]
    assert steps["step"].min() == 0
    assert steps["step"].max() == estimator.history_["step"].iloc[-1]
    last = steps[steps["step"] == steps["step"].max()].set_index(["metric", "component"])["value"]
    error = estimator.estimate_pmi() - problem.pmi
    assert last["rmse", "total"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-6)
    p, q = problem.counts.row_sums / problem.counts.total, problem.counts.col_sums / problem.counts.total
    np.testing.assert_allclose(last["singular_value"], components(estimator.V_, estimator.U_, p, q), rtol=1e-4, atol=1e-6)
    if estimator.drop_positive:  # no dim below the words holds its x*
        return
    level = rows[rows["step"].isna()].set_index(["metric", "component"])["value"]
    assert level["rmse", "rank"] == pytest.approx(0, abs=1e-6)
    assert level["rmse", "optimum"] == pytest.approx(level["rmse", "sampling"], rel=1e-6)
    # One component beside the effects, which the truth's margins would leave as it is and the counts' nearly do.
    centred = components(problem.pmi, np.eye(20), p, q)
    assert level["population", "1"] == pytest.approx(centred[0], rel=1e-6)


def test_qwem_is_at_its_closed_form_when_the_flow_ends(problem):
    estimator = sp.QWEM(dim=2).fit(problem.counts)
    rows = training_dynamics(problem, estimator)
    steps = rows[rows["metric"].isin(["singular_value", "rmse"]) & rows["step"].notna()]
    last = steps[steps["step"] == steps["step"].max()].set_index(["metric", "component"])["value"]
    np.testing.assert_allclose(last["singular_value"], estimator.singular_values_, rtol=0.011)
    assert last["rmse", "optimisation"] < 0.02
    half = rows[rows["metric"] == "half"].set_index("component")["step"]
    assert half["1"] < half["2"]


def test_no_truth_no_errors_and_no_training_no_dynamics(problem):
    unknown = sp.Problem(problem.counts, "counts of a text")
    fitted = {"sgns_sampled": TRAINED["pairs"].fresh().fit(problem.counts), "sgns_expected": sp.SGNS(dim=1).fit(problem.counts)}
    table = dynamics_table(Found(unknown, fitted, dynamics=True))
    assert set(table.rows["metric"]) == {"singular_value", "noise"}
    assert set(table.rows["method"]) == {"sgns_sampled"}
    assert table.facts == {"dynamics": {}}
    assert "dynamics" not in dict(table_makers(Found(unknown, fitted)))
    with pytest.raises(sp.InputError, match="trained on samples, or QWEM"):
        training_dynamics(problem, fitted["sgns_expected"])


def test_a_run_is_told_where_the_error_was_least(problem):
    """Far above the rank, training fits noise at the end: the least error is before it."""
    few = sp.softmax_problem(words=20, rank=1, pairs=1500)
    estimator = sp.SGNS(dim=10, k=2, solver=sp.Sampled(negatives="block", epochs=60)).fit(few.counts)
    table = dynamics_table(Found(few, {"sgns_sampled": estimator}, dynamics=True))
    fact = table.facts["dynamics"]["sgns_sampled"]
    errors = table.rows[table.rows["component"] == "total"]
    assert fact["least_rmse"] == errors["value"].min() < fact["last_rmse"] == errors["value"].iloc[-1]
    assert 0 < fact["least_step"] < fact["last_step"] == 120
    (line,) = table.said
    assert line.startswith("sgns_sampled: its error is least at step")
    assert "optimisation" not in set(table.rows["component"])  # there is no finite optimum


def test_a_look_changes_nothing(problem):
    alone = TRAINED["pairs"].fresh().fit(problem.counts).V_
    shown: list[float] = []
    with watched(lambda step, epoch, left, right: shown.append(epoch)):
        looked_at = TRAINED["pairs"].fresh().fit(problem.counts).V_
    np.testing.assert_array_equal(looked_at, alone)
    assert shown[-1] == 4
    assert isinstance(training_dynamics(problem, TRAINED["pairs"].fresh().fit(problem.counts)), pd.DataFrame)
