"""InfoNCE: its loss, gradient and curvature by definition, what it leaves open, its optimum, and its kin SigLIP."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

import sgns_pmi as sp
from sgns_pmi.factorise.losses.infonce import InfoNCELoss
from sgns_pmi.factorise.methods.infonce import InfoNCE, batch_loss, by_cells, by_pairs


@pytest.fixture
def counts() -> sp.CooccurrenceCounts:
    n = np.random.default_rng(2).poisson(3.0, size=(9, 7)).astype(float)
    n[4], n[:, 2] = 0, 0  # a word that is no centre, and one that is no context
    return sp.CooccurrenceCounts.from_matrix(n)


def cross_entropy(counts: sp.CooccurrenceCounts, X: torch.Tensor, symmetric: bool) -> torch.Tensor:
    """−Σ P log P̂(j|i), or the mean of both directions and half the level's square, over the words that occur."""
    joint = counts.matrix.toarray() / counts.total
    rows, cols = joint.sum(1) > 0, joint.sum(0) > 0
    P, X = torch.tensor(joint[rows][:, cols]), X[torch.tensor(rows)][:, torch.tensor(cols)]
    p, q = P.sum(1, keepdim=True), P.sum(0)
    loss = -(P * torch.log(q * torch.exp(X) / (q * torch.exp(X)).sum(1, keepdim=True))).sum()
    if not symmetric:
        return loss
    other = -(P * torch.log(p * torch.exp(X) / (p * torch.exp(X)).sum(0))).sum()
    return (loss + other + torch.log((p * q * torch.exp(X)).sum()) ** 2) / 2


@pytest.mark.parametrize("symmetric", [False, True])
def test_loss_and_derivatives_are_those_of_the_definition(counts, symmetric) -> None:
    rng = np.random.default_rng(0)
    X, Y = (torch.tensor(rng.normal(size=counts.shape)) for _ in range(2))
    X.requires_grad_()
    expected = cross_entropy(counts, X, symmetric)
    (slope,) = torch.autograd.grad(expected, X)
    loss = InfoNCELoss(counts, symmetric)
    point = loss.at(X.detach())
    assert point.loss == pytest.approx(float(expected.detach()), rel=1e-13)
    np.testing.assert_allclose(point.slope, slope, rtol=1e-10, atol=1e-15)
    step = 1e-5
    above, below = (loss.at(X.detach() + sign * step * Y) for sign in (1, -1))
    assert (above.loss - below.loss) / (2 * step) == pytest.approx(float((point.slope * Y).sum()), rel=1e-7)
    np.testing.assert_allclose(loss.curved(point, Y), (above.slope - below.slope) / (2 * step), rtol=1e-6, atol=1e-10)
    for _ in range(20):
        along = torch.tensor(rng.normal(size=counts.shape)) + float(rng.normal())
        curvature = float((along * loss.curved(point, along)).sum())
        assert curvature <= float((loss.weight(point) * along**2).sum()) + 1e-12


def test_a_row_or_a_constant_is_left_open(counts) -> None:
    rng = np.random.default_rng(1)
    X, a = torch.tensor(rng.normal(size=counts.shape)), torch.tensor(rng.normal(size=(counts.shape[0], 1)))
    one_sided, symmetric = InfoNCELoss(counts, symmetric=False), InfoNCELoss(counts, symmetric=True)
    assert one_sided.at(X + a).loss == pytest.approx(one_sided.at(X).loss, rel=1e-13)
    np.testing.assert_allclose(X + a + one_sided.to_pmi(X + a)[:, None], X + one_sided.to_pmi(X)[:, None])
    # The symmetric loss feels the level by its own term alone.
    level = symmetric.at(X).level
    assert symmetric.at(X + 3.0).loss - symmetric.at(X).loss == pytest.approx(((level + 3) ** 2 - level**2) / 2, rel=1e-10)
    assert symmetric.at(X + symmetric.to_pmi(X)[:, None]).level == pytest.approx(0.0, abs=1e-14)


def test_without_a_level_one_column_would_pay_for_two_effects(counts) -> None:
    """t (1 + a/t)(1 + b/t) is of rank one; less its level it comes to a + b as t grows."""
    rng = np.random.default_rng(3)
    a, b = (torch.tensor(rng.normal(size=size)) for size in counts.shape)
    loss = InfoNCELoss(counts, symmetric=True)

    def apart(X: torch.Tensor) -> float:
        return loss.at(X + loss.to_pmi(X)[:, None]).loss

    limit = apart(a[:, None] + b)
    gaps = [abs(apart(t * torch.outer(1 + a / t, 1 + b / t)) - limit) for t in (1e3, 1e4, 1e5)]
    assert gaps[1] / gaps[0] == pytest.approx(0.1, rel=0.1)
    assert gaps[2] / gaps[1] == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("symmetric", [False, True])
def test_gradient_of_a_batch_is_that_of_finite_differences(symmetric) -> None:
    rng = np.random.default_rng(4)
    v, u = (torch.tensor(rng.normal(size=(6, 3))) for _ in range(2))
    loss, dv, du = batch_loss(v, u, symmetric)
    scores = (v @ u.T).numpy()
    rows = -np.log(np.exp(scores.diagonal()) / np.exp(scores).sum(1)).mean()
    cols = -np.log(np.exp(scores.diagonal()) / np.exp(scores).sum(0)).mean()
    assert loss == pytest.approx((rows + cols) / 2 if symmetric else rows, rel=1e-13)
    for side, slope in ((0, dv), (1, du)):
        for place in product(range(6), range(3)):
            ends = []
            for step in (1e-6, -1e-6):
                moved = {0: v.clone(), 1: u.clone()}
                moved[side][place] += step
                ends.append(batch_loss(moved[0], moved[1], symmetric)[0])
            assert float(slope[place]) == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-9)


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_batch_by_cells_is_that_by_pairs(symmetric) -> None:
    rng = np.random.default_rng(7)
    V, U = torch.tensor(rng.normal(size=(5, 3))), torch.tensor(rng.normal(size=(7, 3)))
    center, context = torch.tensor(rng.integers(4, size=40)), torch.tensor(rng.integers(6, size=40))  # some words are missing
    loss, dV, dU = by_pairs(V, U, center, context, symmetric)
    other, *slopes = by_cells(V, U, center, context, symmetric)
    assert other == pytest.approx(loss, rel=1e-13)
    for slope, expected in zip(slopes, (dV, dU), strict=True):
        np.testing.assert_allclose(slope, expected, atol=1e-14)


def test_a_batch_larger_than_memory_for_its_pairs_is_trained() -> None:
    """A million million scores would be 8 TB; the cells are 144."""
    counts = sp.marginal_problem(words=12, rank=1, zipf=0.0, pairs=8_000).counts
    trained = InfoNCE(dim=3, batch=10**6, epochs=1).fit(counts)
    assert np.isfinite(trained.objective_)


def test_large_batches_come_to_the_exact_loss() -> None:
    """Less log B − H(q), within the sampling error of ten batches of 2,000 pairs and the 1/B that each is short of."""
    problem = sp.softmax_problem(words=12, rank=1, pairs=5000)
    rng = np.random.default_rng(5)
    V, U = (torch.tensor(rng.normal(scale=0.7, size=(12, 2))) for _ in range(2))
    n, q = problem.counts.matrix.toarray(), problem.counts.col_sums / problem.counts.total
    losses = []
    for _ in range(10):
        drawn = rng.choice(n.size, 2000, p=n.ravel() / n.sum())
        loss, *_ = batch_loss(V[drawn // 12], U[drawn % 12], symmetric=False)
        losses.append(loss - np.log(2000) - (q @ np.log(q)))
    error = np.std(losses, ddof=1) / np.sqrt(10)
    exact = InfoNCELoss(problem.counts, symmetric=False).at(V @ U.T).loss
    assert np.mean(losses) == pytest.approx(exact, abs=4 * error + 0.002)
    assert error < 0.02


@pytest.mark.parametrize("symmetric", [False, True])
def test_at_full_rank_it_is_the_pmi_up_to_what_is_left_open(symmetric) -> None:
    problem = sp.softmax_problem(words=8, rank=2, sampling="population", seed=1)
    for dim in (8, problem.pmi_rank):
        estimator = InfoNCE(dim=dim, symmetric=symmetric).fit(problem.counts)
        np.testing.assert_allclose(estimator.estimate_pmi(), problem.pmi, atol=1e-5)
        left_open = estimator.estimate_pmi(corrected=False) - problem.pmi
        np.testing.assert_allclose(
            left_open, left_open.mean(axis=None if symmetric else 1, keepdims=True) + 0 * left_open, atol=1e-5
        )


@pytest.mark.parametrize("symmetric", [False, True])
def test_optimum_is_no_worse_than_another_optimisers(symmetric) -> None:
    n = np.random.default_rng(2).poisson(8.0, size=(9, 7)) + 1.0
    counts = sp.CooccurrenceCounts.from_matrix(n)
    estimator = InfoNCE(dim=2, symmetric=symmetric).fit(counts)
    assert estimator.status_ == "optimum"

    def loss_and_slope(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        flat = torch.tensor(parameters, requires_grad=True)
        loss = cross_entropy(counts, flat[:18].view(9, 2) @ flat[18:].view(7, 2).T, symmetric)
        loss.backward()
        return float(loss.detach()), flat.grad.numpy()

    starts = np.random.default_rng(0).normal(size=(6, 32))
    best = min(minimize(loss_and_slope, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000}).fun for start in starts)
    assert estimator.objective_ <= best + 1e-7


def test_siglip_with_a_bias_is_sgns() -> None:
    """The sigmoid loss over all pairs of a batch, expected over all batches of two pairs of a 2 x 3 table, is ℓ at K = 1."""
    n = np.array([[3.0, 1.0, 2.0], [1.0, 4.0, 5.0]])
    P, bias = n / n.sum(), -0.7
    rng = np.random.default_rng(6)
    V, U = rng.normal(size=(2, 2)), rng.normal(size=(3, 2))
    expected = 0.0
    for first, second in product(np.ndindex(n.shape), repeat=2):
        pairs = (first, second)
        scores = np.array([[V[a[0]] @ U[b[1]] + bias for b in pairs] for a in pairs])
        labels = 2 * np.eye(2) - 1
        expected += P[first] * P[second] * -np.log(1 / (1 + np.exp(-labels * scores))).sum() / 2
    with_bias = np.column_stack([V, np.full(2, bias)]), np.column_stack([U, np.ones(3)])
    noise = sp.noise_distribution(n, "unigram")
    assert sp.sgns_objective(*with_bias, n, 1, noise) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("symmetric", [False, True])
def test_batches_lead_to_the_optimum(symmetric) -> None:
    counts = sp.marginal_problem(words=12, rank=1, zipf=0.0, pairs=8_000).counts
    exact = InfoNCE(dim=3, symmetric=symmetric).fit(counts)
    trained = InfoNCE(dim=3, symmetric=symmetric, batch=64, epochs=4).fit(counts)
    assert trained.status_ == "step limit"
    assert exact.objective_ < trained.objective_ < exact.objective_ + 0.01
    assert trained.history_["objective"].iloc[0] > trained.objective_ + 0.05
    again = InfoNCE(dim=3, symmetric=symmetric, batch=64, epochs=4).fit(counts)
    np.testing.assert_array_equal(again.V_, trained.V_)


def test_a_fit_without_optimum_says_so() -> None:
    counts = sp.softmax_problem(words=20, rank=2, pairs=400).counts
    for symmetric in (False, True):
        with pytest.warns(ConvergenceWarning, match="no finite optimum"):
            estimator = InfoNCE(dim=10, symmetric=symmetric, max_steps=100).fit(counts)
        assert estimator.status_ == "no finite optimum"


def test_words_that_never_occur_have_no_vectors(counts) -> None:
    estimator = InfoNCE(dim=1).fit(counts)
    assert not estimator.V_[4].any()
    assert not estimator.U_[2].any()
    assert np.isfinite(estimator.estimate_pmi()).all()
    assert not estimator.estimate_pmi()[4].any()  # not the constant that the symmetric loss leaves open


@pytest.mark.parametrize(("name", "value"), [("batch", 1), ("symmetric", "yes"), ("epochs", 0), ("lr", 0.0), ("max_steps", 0)])
def test_parameters_are_checked(counts, name, value) -> None:
    with pytest.raises(sp.InputError, match=name):
        InfoNCE(**{name: value}).fit(counts)
