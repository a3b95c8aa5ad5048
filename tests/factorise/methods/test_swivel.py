"""Swivel's loss against a dense implementation of the paper's formulas, and its optimum against another optimiser."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import sgns_pmi as sp
from sgns_pmi.factorise import METHODS, Parameters
from sgns_pmi.factorise.losses.swivel import SwivelObjective
from sgns_pmi.factorise.methods.swivel import Swivel
from sgns_pmi.factorise.solvers import minimum
from sgns_pmi.factorise.solvers.newton import Newton


def dense_loss(counts: np.ndarray, X: torch.Tensor, base: float, scale: float, exponent: float) -> torch.Tensor:
    """Cell by cell, as the paper's equations 2 and 3 say."""
    losses = []
    for i, j in np.ndindex(*counts.shape):
        n, row, col, total = counts[i, j], counts[i].sum(), counts[:, j].sum(), counts.sum()
        if n > 0:
            pmi = np.log(n) + np.log(total) - np.log(row) - np.log(col)
            losses.append(0.5 * (base + scale * n**exponent) * (X[i, j] - pmi) ** 2)
        else:
            pmi_star = np.log(total) - np.log(row) - np.log(col)
            losses.append(torch.log(1 + torch.exp(X[i, j] - pmi_star)))
    return torch.stack(losses).mean()


@pytest.fixture
def counts():
    counts = np.random.default_rng(2).poisson(8.0, size=(8, 6)) + 1.0
    counts[[0, 3, 5], [1, 4, 0]] = 0
    return counts


def test_loss_and_derivatives_are_those_of_the_dense_definition(counts):
    rng = np.random.default_rng(0)
    V, U = (torch.tensor(rng.normal(size=(size, 3)), requires_grad=True) for size in counts.shape)
    expected = dense_loss(counts, V @ U.T, 0.3, 0.7, 0.9)
    dV, dU = torch.autograd.grad(expected, [V, U])
    objective = SwivelObjective(sp.CooccurrenceCounts.from_matrix(counts), 0.3, 0.7, 0.9)
    for side, factors, slopes in ((objective, (V, U), (dV, dU)), (objective.transposed(), (U, V), (dU, dV))):
        found = side.value_and_gradient(*(factor.detach() for factor in factors))
        assert found[0] == pytest.approx(float(expected.detach()), rel=1e-13)
        for slope, known in zip(found[1:], slopes, strict=True):
            np.testing.assert_allclose(slope, known, rtol=1e-10, atol=1e-14)
    X = (V @ U.T).detach().requires_grad_()
    hessian = torch.autograd.functional.hessian(lambda x: dense_loss(counts, x.view(X.shape), 0.3, 0.7, 0.9), X.reshape(-1))
    block = next(objective.blocks(V.detach(), U.detach()))
    np.testing.assert_allclose(objective.curvature(block).reshape(-1), hessian.diagonal() * counts.size, rtol=1e-9)


def test_optimum_is_that_of_another_optimiser(counts):
    words, contexts = counts.shape

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        point = torch.tensor(flat, requires_grad=True)
        value = dense_loss(counts, point[: 2 * words].view(words, 2) @ point[2 * words :].view(contexts, 2).T, 0.1, 0.25, 0.5)
        value.backward()
        return float(value.detach()), point.grad.numpy()

    rng = np.random.default_rng(0)
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    starts = (rng.normal(size=2 * (words + contexts)) for _ in range(3))
    found = [minimize(loss, start, jac=True, method="L-BFGS-B", options=options) for start in starts]
    fit = Swivel(dim=2).fit(counts)
    assert fit.status_ == "optimum"
    assert fit.objective_ == pytest.approx(min(result.fun for result in found), rel=1e-8)
    assert float(dense_loss(counts, torch.tensor(fit.estimate_pmi()), 0.1, 0.25, 0.5)) == pytest.approx(fit.objective_, rel=1e-12)


@pytest.mark.parametrize("work", [minimum.NEWTON_WORK, 0])
def test_penalised_optimum_is_that_of_another_optimiser(counts, monkeypatch, work):
    """Of both engines; there VᵀV = UᵀU, and the objective is the loss alone."""
    monkeypatch.setattr(minimum, "NEWTON_WORK", work)
    words, contexts = counts.shape

    def penalised(flat: np.ndarray) -> tuple[float, np.ndarray]:
        point = torch.tensor(flat, requires_grad=True)
        X = point[: 2 * words].view(words, 2) @ point[2 * words :].view(contexts, 2).T
        value = dense_loss(counts, X, 0.1, 0.25, 0.5) + 0.01 / 2 * point.square().sum()
        value.backward()
        return float(value.detach()), point.grad.numpy()

    rng = np.random.default_rng(0)
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    starts = (rng.normal(size=2 * (words + contexts)) for _ in range(3))
    found = [minimize(penalised, start, jac=True, method="L-BFGS-B", options=options) for start in starts]
    fit = Swivel(dim=2, ridge=0.01).fit(counts)
    assert fit.status_ == "optimum"
    value, slope = penalised(np.concatenate([fit.V_.ravel(), fit.U_.ravel()]))
    assert value == pytest.approx(min(result.fun for result in found), rel=1e-6)
    assert np.abs(slope).max() < 2e-4
    assert fit.history_["objective"].min() == pytest.approx(value, rel=1e-6)
    assert float(dense_loss(counts, torch.tensor(fit.estimate_pmi()), 0.1, 0.25, 0.5)) == pytest.approx(fit.objective_, rel=1e-7)
    np.testing.assert_allclose(fit.V_.T @ fit.V_, fit.U_.T @ fit.U_, atol=1e-9)


def test_where_every_cell_was_seen_full_rank_is_the_empirical_pmi():
    counts = np.random.default_rng(1).poisson(5.0, size=(6, 5)) + 1
    np.testing.assert_allclose(Swivel(dim=5).fit(counts).estimate_pmi(), sp.pmi_matrix(counts), atol=1e-6)


def test_unseen_cells_stay_below_one_count(r_reference):
    """Mostly: the hinge is soft, and weaker than the cells that were seen. At dim 4 the PMI is recovered, at 2 it is not."""
    counts = r_reference.counts
    fit = {dim: Swivel(dim=dim).fit(counts) for dim in (2, 4)}
    estimate, unseen = fit[4].estimate_pmi(), ~counts.seen
    once = np.log(counts.total) - np.log(counts.row_sums)[:, None] - np.log(counts.col_sums)
    assert (estimate < once)[unseen].mean() > 0.7
    error = {
        dim: sp.recovery(swivel.estimate_pmi(), r_reference.pmi, weights=r_reference.joint).set_index("metric")["value"]
        for dim, swivel in fit.items()
    }
    assert error[4]["weighted_rmse"] < 0.1 < error[2]["weighted_rmse"]


def test_large_engine_reaches_the_optimum_of_second_order(monkeypatch):
    counts = sp.marginal_problem(words=60, rank=2, pairs=400_000, seed=0).counts
    best = Swivel(dim=4).fit(counts)
    assert best.status_ == "optimum"
    monkeypatch.setattr(minimum, "NEWTON_WORK", 0)
    found = Swivel(dim=4).fit(counts)
    assert found.status_ == "optimum"
    assert best.objective_ * (1 - 1e-12) <= found.objective_ < best.objective_ * (1 + 1e-6)


@pytest.mark.parametrize("work", [minimum.NEWTON_WORK, 0])
def test_words_that_never_occur_have_zero_vectors_and_no_cells(counts, monkeypatch, work):
    monkeypatch.setattr(minimum, "NEWTON_WORK", work)
    counts[4], counts[:, 2] = 0, 0
    fit = Swivel(dim=2).fit(counts)
    assert not fit.V_[4].any()
    assert not fit.U_[2].any()
    rest = np.delete(np.delete(counts, 4, 0), 2, 1)
    np.testing.assert_allclose(fit.objective_, Swivel(dim=2).fit(rest).objective_, rtol=1e-6)


def test_interrupt_keeps_what_was_learned(counts, monkeypatch):
    monkeypatch.setattr(Newton, "converge", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    fit = Swivel(dim=2).fit(counts)
    assert fit.status_ == "interrupted"
    assert fit.note_ == ""
    monkeypatch.undo()
    zero = float(dense_loss(counts, torch.zeros(counts.shape), 0.1, 0.25, 0.5))
    assert Swivel(dim=2).fit(counts).objective_ < fit.objective_ < zero


def test_ended_early_a_note_says_so(counts):
    with pytest.warns(ConvergenceWarning, match="Swivel has not converged"):
        fit = Swivel(dim=2, max_steps=1).fit(counts)
    assert fit.status_ != "optimum"
    assert "has not converged" in fit.note_


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dim", 0),
        ("dim", 7),
        ("confidence_base", -1),
        ("ridge", -1),
        ("confidence_scale", float("nan")),
        ("confidence_exponent", "half"),
        ("max_steps", 0),
        ("seed", 1.5),
        ("device", "abacus"),
    ],
)
def test_refusals_name_the_field(counts, field, value):
    with pytest.raises(sp.InputError, match=f"^{field}={value}: "):
        Swivel(**{"dim": 2, field: value}).fit(counts)


def test_a_seen_cell_must_weigh_something(counts):
    with pytest.raises(sp.InputError, match=r"^confidence_scale=0: must be above 0 where confidence_base is 0"):
        Swivel(dim=2, confidence_base=0, confidence_scale=0).fit(counts)


def test_conventions(counts):
    swivel = METHODS["swivel"].build(Parameters(dim=3, seed=2), {"confidence_base": 1.0})
    assert clone(swivel).get_params() == {
        "dim": 3,
        "seed": 2,
        "confidence_base": 1.0,
        "confidence_scale": 0.25,
        "confidence_exponent": 0.5,
        "ridge": 0.0,
        "max_steps": 300,
        "device": "cpu",
        "verbose": False,
    }
    with pytest.raises(NotFittedError):
        swivel.estimate_pmi()
    np.testing.assert_array_equal(swivel.fit(counts).V_, clone(swivel).fit(counts).V_)
