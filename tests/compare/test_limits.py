"""The Cramér–Rao bound, against closed forms, the delta method and what maximum likelihood attains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.limits import cramer_rao_rmse, predicted_rmse
from sgns_pmi.factorise.methods.softmax_mle import SoftmaxMLE


def test_independence_leaves_the_interactions():
    """At P = p qᵀ a saturated model has the (words − 1)(contexts − 1) interactions to estimate, each at variance 1/N."""
    rng = np.random.default_rng(0)
    joint = np.outer(rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(4)))
    V = rng.normal(size=(5, 4))
    assert cramer_rao_rmse(V, np.eye(4), joint, 300) == pytest.approx(np.sqrt(4 * 3 / 300), rel=1e-9)
    # A variance that cancels to rounding.
    assert cramer_rao_rmse(np.zeros((5, 0)), np.zeros((4, 0)), joint, 300) == pytest.approx(0, abs=1e-8)


def test_saturated_model_by_the_delta_method():
    """The covariance of log P̂ of a multinomial, diag(1/P) − 1 over N, through the linear map of ∂log P to ∂PMI."""
    rng = np.random.default_rng(1)
    P = rng.dirichlet(np.full(12, 2.0)).reshape(4, 3)
    cells = np.eye(12).reshape(12, 4, 3)
    rows = ((P * cells).sum(2) / P.sum(1))[:, :, None]
    cols = ((P * cells).sum(1) / P.sum(0))[:, None, :]
    to_pmi = (cells - rows - cols).reshape(12, 12).T
    covariance = to_pmi @ (np.diag(1 / P.ravel()) - 1) @ to_pmi.T / 50
    expected = np.sqrt(P.ravel() @ np.diag(covariance))
    assert cramer_rao_rmse(rng.normal(size=(4, 3)), np.eye(3), P, 50) == pytest.approx(expected, rel=1e-9)


def test_the_bound_does_not_depend_on_the_factors_of_m():
    problem = sp.softmax_problem(words=9, rank=2, seed=3)
    V, U = problem.truth.nominal_left, problem.truth.nominal_right
    mix = np.array([[3.0, 1.0], [0.5, -1e-3]])
    known = cramer_rao_rmse(V, U, problem.joint, 1000)
    assert cramer_rao_rmse(V @ mix, U @ np.linalg.inv(mix).T, problem.joint, 1000) == pytest.approx(known, rel=1e-6)
    assert cramer_rao_rmse(V, U, problem.joint, 4000) == pytest.approx(known / 2, rel=1e-12)


def test_figure_of_the_r_experiment(r_reference):
    V, U = (pd.read_csv(r_reference.folder / f"{side}_true.csv").to_numpy() for side in "vu")
    assert cramer_rao_rmse(V, U, r_reference.joint, 200_000) == pytest.approx(0.0446, abs=5e-5)


def test_maximum_likelihood_attains_it():
    """Mean squared error of 80 draws against the bound, within its sampling error.

    About (11 + 11 − 1) degrees of freedom in each draw: relative standard error √(2 / (21 · 80)) = 3.5 %.
    """
    problem = sp.softmax_problem(words=12, rank=1, seed=5)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(400_000, problem.joint.ravel(), size=80).reshape(-1, 12, 12)
    errors = [SoftmaxMLE(dim=3).fit(counts).estimate_pmi() - problem.pmi for counts in draws]
    truth = problem.truth
    bound = cramer_rao_rmse(truth.nominal_left, truth.nominal_right, problem.joint, 400_000)
    mean = np.mean([(problem.joint * error**2).sum() for error in errors])
    assert mean / bound**2 == pytest.approx(1, abs=3 * 0.035)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("joint", {"joint": np.ones((2, 2))}),
        ("joint", {"joint": np.zeros((3, 3))}),
        ("joint", {"U": np.ones((3, 2))}),
        ("pairs", {"pairs": 0}),
    ],
)
def test_refusals_name_the_field(field, change):
    with pytest.raises(sp.InputError, match=f"^{field}="):
        cramer_rao_rmse(**{"V": np.ones((3, 1)), "U": np.ones((3, 1)), "joint": np.full((3, 3), 1 / 9), "pairs": 9, **change})


def test_free_saturated_model_is_the_saturated_model():
    """At full rank neither model restricts anything."""
    P = np.random.default_rng(1).dirichlet(np.full(12, 2.0)).reshape(4, 3)
    pmi = np.log(P / np.outer(P.sum(1), P.sum(0)))
    free = cramer_rao_rmse(pmi, np.eye(3), P, 50, model="free")
    assert free == pytest.approx(cramer_rao_rmse(pmi, np.eye(3), P, 50), rel=1e-9)


def test_figures_of_both_bounds_and_of_sgns_on_the_r_experiment(r_reference):
    """SGNS at dim 4 touches the bound of its own model as K grows."""
    V, U = (pd.read_csv(r_reference.folder / f"{side}_true.csv").to_numpy() for side in "vu")
    p, q = r_reference.joint.sum(1), r_reference.joint.sum(0)
    logits = V @ U.T
    normaliser = np.log(np.exp(logits).sum())
    left = np.column_stack([V, -normaliser - np.log(p), np.ones(len(p))])
    right = np.column_stack([U, np.ones(len(q)), -np.log(q)])
    free = cramer_rao_rmse(left, right, r_reference.joint, 200_000, model="free")
    assert free == pytest.approx(0.0543, abs=5e-5)
    for k, figure in ((1, 0.0600), (20, 0.0544)):
        assert predicted_rmse(sp.SGNS(dim=4, k=k), r_reference.joint, 200_000) == pytest.approx(figure, abs=1.5e-4)


def test_prediction_includes_what_the_optimum_itself_is_off():
    joint = sp.softmax_problem(words=10, rank=1, seed=1).joint
    many = predicted_rmse(sp.SGNS(dim=1), joint, 1e12)
    pmi = np.log(joint / np.outer(joint.sum(1), joint.sum(0)))
    error = sp.SGNS(dim=1).fit(joint).estimate_pmi() - pmi
    assert many == pytest.approx(np.sqrt((joint * error**2).sum()), rel=1e-4)
    assert many > 0.01
    assert predicted_rmse(sp.SGNS(dim=3), joint, 400) == pytest.approx(
        10 * predicted_rmse(sp.SGNS(dim=3), joint, 40_000), rel=1e-3
    )


def test_prediction_needs_a_formula():
    with pytest.raises(sp.InputError, match="must be SGNS or SoftmaxMLE"):
        predicted_rmse(sp.QWEM(dim=2), np.full((4, 4), 1 / 16), 100)


def test_free_model_is_told_factors_of_the_pmi():
    problem = sp.softmax_problem(words=6, rank=1)
    with pytest.raises(sp.InputError, match="factors of the PMI"):
        cramer_rao_rmse(problem.truth.nominal_left, problem.truth.nominal_right, problem.joint, 100, model="free")
