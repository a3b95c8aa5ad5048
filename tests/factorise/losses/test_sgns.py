"""The exact objective: R's figures, autograd, finite differences, and its parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sgns_pmi as sp
from sgns_pmi.factorise.losses import cells
from sgns_pmi.factorise.losses.sgns import ExactObjective, sgns_objective
from sgns_pmi.factorise.solvers.newton import row_systems
from sgns_pmi.negatives import Negatives


def random_case(seed: int, words: int = 7, contexts: int = 5, dim: int = 3):
    rng = np.random.default_rng(seed)
    counts = sp.CooccurrenceCounts.from_matrix(rng.poisson(0.8, (words, contexts)) + np.eye(words, contexts))
    noise = rng.dirichlet(np.ones(contexts))
    return counts, noise, rng.normal(size=(words, dim)), rng.normal(size=(contexts, dim))


def dense_loss(V, U, counts, k, noise, drop_positive):
    """The definition in docs/math.md, "Objective", word for word, in torch (so that autograd can differentiate it)."""
    n = torch.tensor(counts.matrix.toarray())
    X = V @ U.T
    r = n.sum(1, keepdim=True)
    negatives = k * (r - n if drop_positive else r) * torch.tensor(noise)
    return (n * torch.log1p(torch.exp(-X)) + negatives * torch.log1p(torch.exp(X))).sum() / n.sum()


def test_a_noise_has_a_name_or_a_weight_for_each_context():
    counts, _, V, U = random_case(4)
    p_n = sp.noise_distribution(counts, "uniform")
    assert sgns_objective(V, U, counts, 5, "uniform") == sgns_objective(V, U, counts, 5, p_n)
    X = V @ U.T
    assert sp.objective_deviation(X, counts, 5, "uniform") == sp.objective_deviation(X, counts, 5, p_n)
    for wrong in ("unigrams", p_n[1:], None, ["a"] * len(p_n), -p_n):
        for ask in (
            lambda noise: sgns_objective(V, U, counts, 5, noise),
            lambda noise: sp.objective_deviation(X, counts, 5, noise),
        ):
            with pytest.raises(sp.InputError, match="noise"):
                ask(wrong)


@pytest.mark.parametrize("noise", ["unigram", "unigram075", "row075", "zero_share"])
@pytest.mark.parametrize("k", [5, 20])
def test_objective_and_gradient_are_those_of_r(r_reference, noise, k):
    loss, dV, dU = sgns_objective(r_reference.V, r_reference.U, r_reference.counts, k, r_reference.noise[noise], gradient=True)
    assert loss == pytest.approx(r_reference.figures[f"objective_at_probe/{noise}/k{k}"], rel=1e-10)
    norm = np.sqrt((dV**2).sum() + (dU**2).sum())
    assert norm == pytest.approx(r_reference.figures[f"gradient_norm_at_probe/{noise}/k{k}"], rel=1e-10)


@given(seed=st.integers(0, 10_000), k=st.integers(1, 20), drop=st.booleans())
@settings(max_examples=30, deadline=None)
def test_gradient_is_autograds(seed, k, drop):
    counts, noise, V, U = random_case(seed)
    v, u = torch.tensor(V, requires_grad=True), torch.tensor(U, requires_grad=True)
    expected = dense_loss(v, u, counts, k, noise, drop)
    expected.backward()
    loss, dV, dU = sgns_objective(V, U, counts, k, noise, gradient=True, drop_positive=drop)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(dV, v.grad, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(dU, u.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("drop", [False, True])
def test_gradient_is_the_finite_difference(drop):
    counts, noise, V, U = random_case(1)
    _, dV, dU = sgns_objective(V, U, counts, 5, noise, gradient=True, drop_positive=drop)
    rng = np.random.default_rng(0)
    a, b, h = rng.normal(size=V.shape), rng.normal(size=U.shape), 1e-5
    up, down = (sgns_objective(V + s * h * a, U + s * h * b, counts, 5, noise, drop_positive=drop) for s in (1, -1))
    assert (up - down) / (2 * h) == pytest.approx((dV * a).sum() + (dU * b).sum(), rel=1e-8)


def test_blocks_do_not_change_the_result(monkeypatch):
    counts, noise, V, U = random_case(2, words=23, contexts=11)
    whole = sgns_objective(V, U, counts, 5, noise, gradient=True)
    monkeypatch.setattr(cells, "block_bytes", lambda: 3 * 11 * 8)
    parts = sgns_objective(V, U, counts, 5, noise, gradient=True)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-16)


def test_single_precision_agrees_and_keeps_its_type():
    counts, noise, V, U = random_case(3, words=40, contexts=30)
    loss, dV, _ = sgns_objective(V, U, counts, 5, noise, gradient=True)
    single, dV32, _ = sgns_objective(V.astype(np.float32), U.astype(np.float32), counts, 5, noise, gradient=True)
    assert dV32.dtype == np.float32
    assert single == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(dV32, dV, atol=1e-5 * np.abs(dV).max())


def test_large_scores_do_not_overflow():
    counts, noise, V, U = random_case(4)
    loss, dV, dU = sgns_objective(1e3 * V, 1e3 * U, counts, 5, noise, gradient=True)
    X = 1e6 * V @ U.T
    n = counts.matrix.toarray()
    expected = (n * np.maximum(-X, 0) + 5 * n.sum(1, keepdims=True) * noise * np.maximum(X, 0)).sum() / n.sum()
    assert loss == pytest.approx(expected, rel=1e-6)
    assert np.isfinite(dV).all()
    assert np.isfinite(dU).all()


@pytest.mark.parametrize("drop", [False, True])
def test_transposed_exchanges_the_sides(drop):
    counts, noise, V, U = random_case(5)
    exact = ExactObjective(counts, Negatives(5, noise, drop))
    v, u = torch.from_numpy(V), torch.from_numpy(U)
    loss, dV, dU = exact.value_and_gradient(v, u)
    other, dU2, dV2 = exact.transposed().value_and_gradient(u, v)
    assert other == pytest.approx(loss, rel=1e-13)
    torch.testing.assert_close(dV, dV2, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(dU, dU2, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("drop", [False, True])
def test_row_systems_are_the_derivatives_of_the_row_losses(drop):
    counts, noise, V, U = random_case(6)
    exact = ExactObjective(counts, Negatives(5, noise, drop))
    v, u = torch.from_numpy(V), torch.from_numpy(U)
    system = row_systems(exact, v, u, torch.arange(3))

    def loss(row):
        moved = v.clone()
        moved[2] = row
        return dense_loss(moved, u, counts, 5, noise, drop) * counts.total / exact.row_weight[2]

    gradient = torch.autograd.functional.jacobian(loss, v[2])
    hessian = torch.autograd.functional.hessian(loss, v[2])
    np.testing.assert_allclose(system.gradient[2], gradient, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(system.hessian[2], hessian, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("drop", [False, True])
def test_full_rank_optimum_is_stationary(drop):
    """At X = x* with every cell seen the gradient vanishes."""
    rng = np.random.default_rng(7)
    counts = sp.CooccurrenceCounts.from_matrix(rng.integers(1, 9, (5, 5)))
    noise = sp.noise_distribution(counts, "uniform")
    x = Negatives(3, noise, drop).optimum(counts).reshape(5, 5)
    _, dV, dU = sgns_objective(x, np.eye(5), counts, 3, noise, gradient=True, drop_positive=drop)
    np.testing.assert_allclose(dV, 0, atol=1e-15)
    np.testing.assert_allclose(dU, 0, atol=1e-14)


@pytest.mark.parametrize(
    ("V", "U", "field"),
    [(np.ones((6, 2)), np.ones((5, 2)), "V"), (np.ones((7, 2)), np.ones((5, 3)), "U"), (np.ones(7), np.ones((5, 3)), "V")],
)
def test_shapes_that_do_not_fit_are_refused(V, U, field):
    counts, noise, _, _ = random_case(0)
    with pytest.raises(sp.InputError, match=f"^{field}="):
        sgns_objective(V, U, counts, 5, noise)


def test_a_noise_of_the_wrong_length_is_refused():
    counts, noise, V, U = random_case(0)
    with pytest.raises(sp.InputError, match="noise"):
        sgns_objective(V, U, counts, 5, noise[:-1])


@pytest.mark.parametrize(("dtype", "score"), [(np.float32, 300.0), (np.float64, 2000.0)])
def test_scores_beyond_the_range_of_exp_are_linear(dtype, score):
    """softplus(x) = x there, and its slope 1; at −x both are 0."""
    counts = sp.CooccurrenceCounts.from_matrix(np.array([[2.0, 0.0], [0.0, 2.0]]))
    noise = np.array([0.25, 0.75])
    V, U = np.array([[score], [-score]], dtype), np.ones((2, 1), dtype)
    loss, dV, _ = sgns_objective(V, U, counts, 3, noise, gradient=True)
    # Row 0: negatives alone cost, 3 · 2 · Σ P_n · x. Row 1: the seen cell alone, 2 · x.
    assert loss == pytest.approx((6 * score + 2 * score) / 4, rel=1e-6)
    np.testing.assert_allclose(dV[:, 0], [6 / 4, -2 / 4], rtol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-11)])
def test_both_devices_agree(dtype, tolerance):
    counts, noise, V, U = random_case(10, words=40, contexts=30)
    here, there = (
        ExactObjective(counts, Negatives(5, noise, True), dtype=dtype, device=device).value_and_gradient(
            *(torch.tensor(factor, dtype=dtype, device=device) for factor in (V, U))
        )
        for device in ("cpu", "cuda")
    )
    assert there[0] == pytest.approx(here[0], rel=tolerance)
    for found, known in zip(there[1:], here[1:], strict=True):
        torch.testing.assert_close(found.cpu(), known, rtol=tolerance, atol=tolerance)
