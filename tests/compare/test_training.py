"""What training adds to an estimate's variance: the law of linear steps, and training itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.inference import linearised
from sgns_pmi.compare.sandwich import Sandwich
from sgns_pmi.compare.training import Training


def linear_steps(training: Training, curvature: np.ndarray, drawn: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Covariance of θ after the steps θ ← θ − η_t D (A θ + noise), recursed step by step."""
    covariance = np.zeros_like(curvature)
    for t in range(int(training.steps)):
        own = rate * training.rate * ((1 - t / training.steps) if training.decays else 1.0)
        keep = np.eye(len(rate)) - own[:, None] * curvature
        covariance = keep @ covariance @ keep.T + own[:, None] * (training.batches * drawn) * own
    return covariance


@pytest.mark.parametrize("decays", [True, False])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adagrad"])
def test_the_law_is_that_of_its_steps(optimizer, decays):
    rng = np.random.default_rng(0)
    root, noise = rng.normal(size=(2, 4, 4))
    curvature, drawn, shuffled = root @ root.T, noise @ noise.T / 5, rng.random(4)
    training = Training(epochs=4000, batches=5, optimizer=optimizer, rate=2e-3, decays=decays)
    squares = 5 * np.diag(drawn) + shuffled
    rate = {"sgd": np.ones(4), "adam": squares**-0.5, "adagrad": (20_000 * squares) ** -0.5}[optimizer]
    if optimizer == "adagrad":
        training = replace(training, rate=0.5)
    expected = linear_steps(training, curvature, drawn, rate)
    np.testing.assert_allclose(
        training.covariance(curvature, drawn, shuffled), expected, rtol=0.02, atol=0.02 * abs(expected).max()
    )


def test_a_mean_of_gradients_lags_behind():
    """Adam's own moments, (θ, m) recursed step by step, of one parameter; without the lag the law would be 4 % low."""
    training, steps = Training(epochs=1000, batches=1, optimizer="adam", rate=0.05, decays=True), 1000
    curvature, noise = 0.9, 1.0  # second moments of 1, so that D is 1
    covariance = np.zeros((2, 2))
    for t in range(steps):
        rate = 0.05 * (1 - t / steps)
        move = np.array([[1 - 0.1 * rate * curvature, -0.9 * rate], [0.1 * curvature, 0.9]])
        pushed = np.array([-0.1 * rate, 0.1])
        covariance = move @ covariance @ move.T + noise * np.outer(pushed, pushed)
    found = training.covariance(np.array([[curvature]]), np.array([[noise]]), np.zeros(1))[0, 0]
    assert found == pytest.approx(covariance[0, 0], rel=0.015)
    without = replace(training, optimizer="sgd").covariance(np.array([[curvature]]), np.array([[noise]]), np.zeros(1))[0, 0]
    assert without < 0.97 * found


def test_what_does_not_move_has_no_variance():
    training = Training(epochs=10, batches=2, optimizer="adam", rate=0.1, decays=True)
    drawn = np.diag([1.0, 0.0])
    covariance = training.covariance(np.diag([1.0, 0.0]), drawn, np.zeros(2))
    assert covariance[0, 0] > 0
    assert not covariance[1].any()


SOFT = {"words": 12, "rank": 1, "pairs": 200_000, "seed": 3}
EVEN = {"words": 12, "rank": 1, "pairs": 20_000, "seed": 1, "zipf": 0.3}


def trained(**options: object) -> sp.Sampled:
    return sp.Sampled(negatives="pair", **options)


CASES = {
    "adam": (sp.marginal_problem(**EVEN), sp.SGNS(dim=1, k=2, bias=True, solver=trained(epochs=1000))),
    "batches": (sp.marginal_problem(**EVEN), sp.SGNS(dim=1, k=2, bias=True, solver=trained(epochs=200, batch_size=32))),
    "sgd": (
        sp.marginal_problem(**EVEN),
        sp.SGNS(dim=1, k=2, bias=True, solver=trained(epochs=300, batch_size=32, optimizer="sgd", lr=1.0)),
    ),
    "constant": (
        sp.marginal_problem(**EVEN),
        sp.SGNS(dim=1, k=2, bias=True, solver=trained(epochs=200, batch_size=32, decay="none", lr=0.01)),
    ),
    "no biases": (sp.softmax_problem(**SOFT), sp.SGNS(dim=3, k=2, solver=trained(epochs=1000))),
    "numpy": (sp.marginal_problem(**EVEN), sp.NumpySGNS(dim=1, k=2, bias=True, epochs=1000)),
}


def between_seeds(case: str, seeds: int) -> tuple[float, float]:
    """P-weighted variance of the estimate between seeds of the same counts, and what the law says, mean of five of them."""
    problem, estimator = CASES[case]
    counts, estimates, predicted = problem.counts, [], []
    weight, cells = counts.matrix.toarray() / counts.total, np.indices(counts.shape).reshape(2, -1)
    for seed in range(seeds):
        fitted = estimator.fresh(seed=seed).fit(counts)
        estimates.append(fitted.estimate_pmi())
        if seed < 5:
            fit = linearised(fitted, counts)
            whole, alone = (Sandwich(own, counts).cell_variances(*cells) for own in (fit, replace(fit, training=None)))
            predicted.append(weight.ravel() @ (whole - alone))
    return float((weight * np.var(estimates, axis=0, ddof=1)).sum()), float(np.mean(predicted))


def test_training_varies_as_predicted():
    """Twelve seeds of some 20 degrees of freedom, a standard error of a tenth: within a third."""
    measured, predicted = between_seeds("batches", 12)
    assert measured == pytest.approx(predicted, rel=0.35)


@pytest.mark.study
@pytest.mark.parametrize("case", CASES)
def test_study_training_varies_as_predicted(case):
    """200 seeds, a standard error of 2 to 3 %: within 10 %."""
    measured, predicted = between_seeds(case, 200)
    assert measured == pytest.approx(predicted, rel=0.1)


def test_blocks_that_take_all_contexts_draw_nothing():
    problem = sp.softmax_problem(**SOFT)
    fit = linearised(sp.SGNS(dim=3, solver=sp.Sampled(negatives="block")).fit(problem.counts), problem.counts)
    assert fit.training is None
