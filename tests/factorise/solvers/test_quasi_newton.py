"""The engine for large problems: against the second-order one, and its start against a dense SVD."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import sgns_pmi as sp
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.factorise.solvers import expected
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.quasi_newton import QuasiNewton
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.factorise.solvers.start import random_start, spectral_start
from sgns_pmi.negatives import Negatives


@pytest.fixture
def counts():
    return sp.marginal_problem(words=60, rank=2, pairs=400_000, seed=0).counts


@pytest.mark.parametrize(("bias", "drop"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("precision", ["auto", "float32", "float64"])
def test_reaches_the_optimum_of_second_order(counts, monkeypatch, bias, drop, precision):
    negatives = Negatives.of(counts, 5, exponent=0.75, drops=drop)
    dim = 2 if bias else 4  # two dimensions and two biases hold a PMI of rank 4; more have many optima
    best = Expected(starts=1).solve(counts, dim, negatives, bias=bias)
    assert best.status == "optimum"
    monkeypatch.setattr(expected, "NEWTON_WORK", 0)
    found = Expected(starts=1, precision=precision).solve(counts, dim, negatives, bias=bias)
    assert found.objective <= best.objective * (1 + 1e-6)
    # What converged promises: in float32 rounding may end the descent first.
    assert found.status == "optimum" or precision == "float32"
    assert found.V.dtype == (np.float32 if precision == "float32" else np.float64)
    if bias:
        scores = found.V @ found.U.T + found.row_bias[:, None] + found.col_bias
        known = best.V @ best.U.T + best.row_bias[:, None] + best.col_bias
        weight = counts.matrix.toarray() / counts.total
        assert math.sqrt((weight * (scores - known) ** 2).sum()) < 0.01


@pytest.mark.parametrize("seed", [3, 7])
def test_the_end_is_no_slow_stretch_of_the_way(monkeypatch, seed):
    """Counts of words with Zipf frequencies: single steps promise little long before the end, 8e-8 of ℓ above it."""
    monkeypatch.setattr(expected, "NEWTON_WORK", 0)
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, 61)
    P = np.outer(share, share) * np.exp(rng.normal(size=(60, 6)) @ rng.normal(size=(6, 60)) / 2)
    counts = sp.CooccurrenceCounts.from_matrix(rng.poisson(60_000 * P / P.sum()) + (rng.random(P.shape) < 0.02))
    negatives = Negatives.of(counts, 5, exponent=0.75)
    found = Expected(starts=1).solve(counts, 6, negatives)
    further = Expected(starts=1, tolerance=1e-12, max_steps=2000).solve(counts, 6, negatives)
    assert found.status == further.status == "optimum"
    assert found.objective <= further.objective * (1 + 2e-8)


def test_several_starts_are_no_worse_than_one(counts, monkeypatch):
    monkeypatch.setattr(expected, "NEWTON_WORK", 0)
    noise = sp.noise_distribution(counts, "uniform")
    one, three = (Expected(starts=starts).solve(counts, 1, Negatives(5, noise)) for starts in (1, 3))
    assert three.objective <= one.objective
    assert (np.diff(three.history["objective"]) <= 0).all()


def test_the_metric_is_the_inverse_of_a_separable_hessian():
    """Where S is constant (X = 0, every n_ij = w_ij) the row blocks of the Hessian are separable: the metric inverts them."""
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(7)), rng.dirichlet(np.ones(5))
    counts = sp.CooccurrenceCounts.from_matrix(np.outer(p, q))
    exact = ExactObjective(counts, Negatives(1, q))
    V, U = random_start(counts, 2, Negatives(1, q), rng)
    # σ'(x) at the start is close to 1/4 of every cell, as scores are small.
    V, U = 1e-6 * V, U
    descent = QuasiNewton(exact, [(V, U)], False, History())
    direction = torch.tensor(rng.normal(size=(12, 2)))
    blocks = [np.einsum("j,jf,jg->fg", q, U, U) * 0.5 * p_i for p_i in p]  # α_i S β with S = (1 + n/w) σ' = 1/2
    gradient = np.concatenate([(block @ part).ravel() for block, part in zip(blocks, direction[:7].numpy(), strict=True)])
    packed = torch.tensor(np.concatenate([gradient, np.zeros(10)]))
    found = descent._metric(packed)(packed)[:14].reshape(7, 2).numpy()
    # The ridge of one percent of the mean diagonal is all that separates them.
    np.testing.assert_allclose(found, direction[:7].numpy(), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("drop", [False, True])
def test_spectral_start_is_the_weighted_svd(drop):
    """X = V Uᵀ is the best rank-dim approximation of 2 (n − w)/(n + w) in weights r_i P_n(j), by LAPACK."""
    counts = sp.softmax_problem(words=40, rank=2, pairs=20_000, seed=1).counts
    noise = sp.noise_distribution(counts, exponent=0.75)
    V, U = spectral_start(counts, 40, Negatives(3, noise, drop))
    n = counts.matrix.toarray()
    w = 3 * (counts.row_sums[:, None] - (n if drop else 0)) * noise
    np.testing.assert_allclose(V @ U.T, 2 * (n - w) / (n + w), atol=1e-8)  # of full rank: the matrix itself
    V, U = spectral_start(counts, 3, Negatives(3, noise, drop))
    scale = np.sqrt(counts.row_sums / counts.total)[:, None] * np.sqrt(noise)
    values = np.linalg.svd(scale * 2 * (n - w) / (n + w), compute_uv=False)
    lost = np.linalg.norm(scale * (V @ U.T - 2 * (n - w) / (n + w)))
    assert lost == pytest.approx(np.sqrt((values[3:] ** 2).sum()), rel=0.01)


def test_words_that_never_occur_start_and_stay_at_zero(counts, monkeypatch):
    monkeypatch.setattr(expected, "NEWTON_WORK", 0)
    matrix = counts.matrix.toarray()
    matrix[5], matrix[:, 7] = 0, 0
    fit = sp.SGNS(dim=3).fit(matrix)
    assert (fit.V_[5] == 0).all()
    assert (fit.U_[7] == 0).all()
    assert np.isfinite(fit.objective_)


def test_interrupt_keeps_what_was_learned(counts, monkeypatch):
    monkeypatch.setattr(expected, "NEWTON_WORK", 0)
    monkeypatch.setattr(QuasiNewton, "converge", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    sgns = sp.SGNS(dim=2).fit(counts)
    assert sgns.status_ == "interrupted"
    assert sgns.objective_ < sp.sgns_objective(np.zeros((60, 2)), np.zeros((60, 2)), counts, 5, sgns.noise_)
