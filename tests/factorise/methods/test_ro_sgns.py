"""RO-SGNS: its step against the paper's formulas on dense matrices, and where it ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sgns_pmi as sp
from sgns_pmi.factorise import METHODS, Parameters, solvers
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.factorise.methods import ro_sgns as module
from sgns_pmi.factorise.methods.ro_sgns import ROSGNS, Manifold, barzilai_borwein, sppmi_start
from sgns_pmi.negatives import Negatives

K = 3


@pytest.fixture
def dense():
    return np.random.default_rng(2).poisson(3.0, size=(9, 7)) + 4.0 * np.eye(9, 7) + 1.0


def negatives(counts: np.ndarray) -> np.ndarray:
    """B of the published program: k #(w) #(c) / |D|."""
    return K * np.outer(counts.sum(1), counts.sum(0)) / counts.sum()


def gradient(counts: np.ndarray, X: np.ndarray) -> np.ndarray:
    """∂(Nℓ)/∂X: −D σ(−X) + B σ(X)."""
    return -counts / (1 + np.exp(X)) + negatives(counts) / (1 + np.exp(-X))


def published(counts: np.ndarray, X: np.ndarray, Q: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """One iteration as the paper writes it, with the whole matrix: X₊ and its right factor."""
    moved = X - step * gradient(counts, X)
    P = np.linalg.qr(moved @ Q)[0]
    Q, S = np.linalg.qr(moved.T @ P)
    return P @ S.T @ Q.T, Q


def loss(counts: np.ndarray, X: np.ndarray) -> float:
    return float((counts * np.logaddexp(0, -X) + negatives(counts) * np.logaddexp(0, X)).sum() / counts.sum())


def test_a_step_is_the_published_one(dense):
    counts = sp.CooccurrenceCounts.from_matrix(dense)
    manifold = Manifold(ExactObjective(counts, Negatives(K, sp.noise_distribution(counts))))
    left, Q = (torch.tensor(side) for side in sppmi_start(counts, 2, K, 0))
    X, _ = manifold.point(left, Q, torch.zeros_like(Q))
    before = (left @ Q.T).numpy()
    assert X.loss == pytest.approx(loss(dense, before), rel=1e-12)
    np.testing.assert_allclose(X.GQ, gradient(dense, before) @ Q.numpy(), rtol=1e-10)
    *factors, change = manifold.split(X, 0.01)
    after, _ = published(dense, before, Q.numpy(), 0.01)
    np.testing.assert_allclose(factors[0] @ factors[1].T, after, atol=1e-12)
    np.testing.assert_allclose(factors[1].T @ factors[1], np.eye(2), atol=1e-12)
    assert change == pytest.approx((gradient(dense, before) * (after - before)).sum(), rel=1e-9)
    new, G_old = manifold.point(*factors, X.Q)
    np.testing.assert_allclose(G_old, gradient(dense, after) @ Q.numpy(), rtol=1e-9)
    s, y = after - before, gradient(dense, after) - gradient(dense, before)
    assert barzilai_borwein(X, new, G_old, change) == pytest.approx((s * s).sum() / (s * y).sum(), rel=1e-8)
    # And the start is the SVD of SPPMI.
    left, values, right = np.linalg.svd(sp.sppmi_matrix(counts, K).toarray())
    np.testing.assert_allclose(before, left[:, :2] * values[:2] @ right[:2], atol=1e-12)


def test_the_gradient_is_that_of_the_loss(dense):
    rng = np.random.default_rng(0)
    X, direction = rng.normal(size=dense.shape), rng.normal(size=dense.shape)
    slope = (loss(dense, X + 1e-5 * direction) - loss(dense, X - 1e-5 * direction)) / 2e-5
    assert (gradient(dense, X) * direction).sum() / dense.sum() == pytest.approx(slope, rel=1e-7)


def test_a_fixed_step_is_the_published_algorithm(dense):
    fit = ROSGNS(dim=2, k=K, step=0.02, max_steps=30, tolerance=0).fit(dense)
    left, Q = sppmi_start(sp.CooccurrenceCounts.from_matrix(dense), 2, K, 0)
    X, known = left @ Q.T, [loss(dense, left @ Q.T)]
    for _ in range(30):
        X, Q = published(dense, X, Q, 0.02)
        known.append(loss(dense, X))
    np.testing.assert_allclose(fit.history_["objective"], known, rtol=1e-10)
    np.testing.assert_allclose(fit.V_ @ fit.U_.T, X, atol=1e-9)
    assert fit.objective_ == known[-1] or fit.objective_ == pytest.approx(known[-1], rel=1e-12)
    np.testing.assert_allclose(fit.V_.T @ fit.V_, fit.U_.T @ fit.U_, atol=1e-10)  # A √Σ and B √Σ
    assert "has not converged at dim = 2: ℓ still falls after 30 steps" in fit.note_


def test_a_step_too_long_is_named(dense):
    found = ROSGNS(dim=2, k=K, step=100.0).fit(dense)
    assert (found.status_, found.finite) == ("diverged", True)
    assert found.note_.startswith("step=100.0: ℓ grew tenfold by step ")


@pytest.mark.parametrize("k", [5, 20])
def test_the_line_search_comes_down_to_the_expected_optimum(r_reference, k):
    best = sp.SGNS(dim=4, k=k).fit(r_reference.counts)
    fit = ROSGNS(dim=4, k=k).fit(r_reference.counts)
    history = fit.history_["objective"]
    assert (np.diff(history) <= 0).all()
    assert history.iloc[0] > 2 * best.objective_
    assert 0 < fit.objective_ / best.objective_ - 1 < 0.01
    # The same scores, whoever evaluates them.
    noise = sp.noise_distribution(r_reference.counts)
    assert sp.sgns_objective(fit.V_, fit.U_, r_reference.counts, k, noise) == pytest.approx(fit.objective_, rel=1e-12)
    np.testing.assert_allclose(fit.estimate_pmi(corrected=False), fit.V_ @ fit.U_.T + np.log(k))


def test_converges_where_words_are_alike(dense):
    noise = sp.noise_distribution(dense, exponent=0.75)
    for drop in (False, True):
        best = sp.SGNS(dim=2, k=K, exponent=0.75, drop_positive=drop).fit(dense)
        fit = ROSGNS(dim=2, k=K, exponent=0.75, drop_positive=drop, tolerance=1e-10).fit(dense)
        assert fit.status_ == "optimum"
        assert fit.note_ == ""
        assert best.objective_ * (1 - 1e-12) <= fit.objective_ < best.objective_ * (1 + 1e-6)
        assert sp.sgns_objective(fit.V_, fit.U_, dense, K, noise, drop_positive=drop) == pytest.approx(fit.objective_, rel=1e-12)


def test_without_a_positive_cell_it_starts_from_zero(dense):
    fit = ROSGNS(dim=2, k=50, tolerance=1e-9).fit(dense)
    assert sp.sppmi_matrix(dense, 50).nnz == 0
    zero = np.zeros((9, 1)), np.zeros((7, 1))
    assert fit.history_["objective"].iloc[0] == pytest.approx(sp.sgns_objective(*zero, dense, 50, sp.noise_distribution(dense)))
    assert fit.objective_ == pytest.approx(sp.SGNS(dim=2, k=50).fit(dense).objective_, rel=1e-5)


def test_large_counts_in_float32(dense, monkeypatch):
    exact = ROSGNS(dim=2, k=K).fit(dense)
    monkeypatch.setattr(module, "SMALL_CELLS", 0)
    fit = ROSGNS(dim=2, k=K).fit(dense)
    assert fit.objective_ == pytest.approx(exact.objective_, rel=1e-4)
    assert fit.V_.dtype == np.float64


def test_words_that_never_occur_have_zero_vectors(dense):
    dense[4], dense[:, 2] = 0, 0
    fit = ROSGNS(dim=2, k=K).fit(dense)
    np.testing.assert_allclose(fit.V_[4], 0, atol=1e-12)
    np.testing.assert_allclose(fit.U_[2], 0, atol=1e-12)


def test_interrupt_keeps_what_was_learned(dense, monkeypatch):
    def stop_at_seven(self, steps=1, objective=None):
        self.seen = getattr(self, "seen", 0) + steps
        if self.seen == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(module.Progress, "update", stop_at_seven)
    stopped = ROSGNS(dim=2, k=K).fit(dense)
    monkeypatch.undo()
    whole = ROSGNS(dim=2, k=K, max_steps=7).fit(dense)
    assert stopped.status_ == "interrupted"
    assert stopped.note_ == ""
    assert whole.status_ != "interrupted"
    np.testing.assert_array_equal(stopped.V_, whole.V_)
    assert stopped.objective_ == whole.objective_ == stopped.history_["objective"].iloc[-1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dim", 0),
        ("dim", 8),
        ("k", 0),
        ("exponent", -1),
        ("drop_positive", 2),
        ("step", 0),
        ("max_steps", 1.5),
        ("tolerance", -1),
        ("seed", -1),
        ("device", "abacus"),
        ("noise", "unigrm"),
    ],
)
def test_refusals_name_the_field(dense, field, value):
    with pytest.raises(sp.InputError, match=f"^{field}={value}: "):
        ROSGNS(**{"dim": 2, field: value}).fit(dense)


def test_conventions(dense):
    ro = METHODS["ro_sgns"].build(Parameters(dim=3, k=7, seed=2, exponent=0.5), {"step": 1e-3, "max_steps": 9})
    assert clone(ro).get_params() == {
        "dim": 3,
        "k": 7,
        "noise": "unigram",
        "exponent": 0.5,
        "drop_positive": False,
        "step": 1e-3,
        "max_steps": 9,
        "tolerance": 1e-6,
        "seed": 2,
        "device": "cpu",
        "verbose": False,
    }
    with pytest.raises(NotFittedError):
        ro.estimate_pmi()
    np.testing.assert_array_equal(ro.fit(dense).V_, clone(ro).fit(dense).V_)


def test_steps_that_have_become_short_are_no_optimum() -> None:
    """By Zipf's law with exponent 2 twenty steps bring a tenthousandth of ℓ, half a percent above its optimum."""
    counts = sp.marginal_problem(words=100, rank=2, zipf=2.0, pairs=1_000_000).counts
    optimum = sp.SGNS(dim=4).fit(counts).objective_
    stalled = sp.ROSGNS(dim=4, tolerance=1e-4).fit(counts)
    assert len(stalled.history_) < 1000
    assert stalled.objective_ > 1.004 * optimum
    assert stalled.status_ == "step limit"
    assert "ℓ still falls" in stalled.note_
    even = sp.ROSGNS(dim=4, tolerance=1e-4).fit(sp.marginal_problem(words=100, rank=2, zipf=0.0, pairs=1_000_000).counts)
    assert even.status_ == "optimum"


def test_what_a_step_promises_is_nearly_twice_the_gap_that_a_scale_leaves() -> None:
    """Half of g·M⁻¹g: V that is too long can be shortened, or U in its place, and a metric of both sides apart counts both."""
    counts = sp.softmax_problem(words=40, rank=2, sampling="population").counts
    negatives = Negatives.of(counts, 5)
    exact = ExactObjective(counts, negatives, dtype=torch.float64)
    sgns = sp.SGNS(dim=4, k=5).fit(counts)
    V, U = torch.from_numpy(sgns.V_), torch.from_numpy(sgns.U_)
    assert solvers.promised(exact, V, U) < 1e-12
    moved = V * (1 + 1e-3)
    gap = exact.value(moved, U) / sgns.objective_ - 1
    assert 1.7 * gap < solvers.promised(exact, moved, U) < 2 * gap
