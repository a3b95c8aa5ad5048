"""GloVe against glove.c's update rule, mittens, a closed form and NumPy's least squares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import METHODS, Parameters
from sgns_pmi.factorise.methods import glove as module
from sgns_pmi.factorise.methods.glove import GloVe
from sgns_pmi.streams import stream


@pytest.fixture(scope="module")
def counts() -> sp.CooccurrenceCounts:
    """14 words and contexts near rank 2, most cells seen, some above x_max."""
    rng = np.random.default_rng(0)
    means = 8 * np.exp(rng.normal(size=(14, 2)) @ rng.normal(size=(2, 14)))
    return sp.CooccurrenceCounts.from_matrix(rng.poisson(means).astype(float))


def loss(counts: sp.CooccurrenceCounts, est: GloVe) -> float:
    """J, as the paper writes it."""
    n = counts.matrix.toarray()
    x = est.V_ @ est.U_.T + est.row_bias_[:, None] + est.col_bias_
    f = np.where(n > est.x_max, 1, (n / est.x_max) ** est.alpha)
    seen = n > 0
    return float((f[seen] * (x[seen] - np.log(n[seen])) ** 2).sum() / counts.nnz)


# AdaGrad


def literal_glove_c(center, context, count, W, vocab, dim, x_max, alpha, eta, passes, ridge):
    """The loop of glove_thread in glove.c, line by line: W holds words above contexts, each with its bias last.

    With half the slope of nnz (λ/2)|w|², as of the squares, spread over a word's triples.
    """
    gradsq = np.ones_like(W)
    decay = eta * ridge * len(count) / 2 / np.bincount([*center, *(vocab + context)])
    for _ in range(passes):
        for word1, word2, val in zip(center, context, count, strict=True):
            l1, l2 = word1, word2 + vocab
            diff = 0.0
            for b in range(dim):
                diff += W[l1, b] * W[l2, b]
            diff += W[l1, dim] + W[l2, dim] - np.log(val)
            fdiff = diff if val > x_max else (val / x_max) ** alpha * diff
            fdiff *= eta
            for b in range(dim):
                temp1, temp2 = fdiff * W[l2, b] + decay[l1] * W[l1, b], fdiff * W[l1, b] + decay[l2] * W[l2, b]
                W[l1, b] -= temp1 / np.sqrt(gradsq[l1, b])
                W[l2, b] -= temp2 / np.sqrt(gradsq[l2, b])
                gradsq[l1, b] += temp1 * temp1
                gradsq[l2, b] += temp2 * temp2
            W[l1, dim] -= fdiff / np.sqrt(gradsq[l1, dim])
            W[l2, dim] -= fdiff / np.sqrt(gradsq[l2, dim])
            fdiff *= fdiff
            gradsq[l1, dim] += fdiff
            gradsq[l2, dim] += fdiff
    return W


@pytest.mark.parametrize("ridge", [0.0, 0.05])
def test_adagrad_takes_the_steps_of_glove_c(counts, ridge):
    dim, vocab = 3, 14
    est = GloVe(dim=dim, solver="adagrad", epochs=2, x_max=20.0, alpha=0.6, lr=0.1, ridge=ridge, seed=4).fit(counts)
    rng = stream(4, "fit", "glove")
    W = np.vstack([(rng.random((vocab, dim + 1)) - 0.5) / dim for _ in range(2)])
    triples = counts.triples.iloc[rng.permutation(counts.nnz)]
    W = literal_glove_c(triples["center"], triples["context"], triples["count"], W, vocab, dim, 20.0, 0.6, 0.1, 2, ridge)
    np.testing.assert_allclose(np.column_stack([est.V_, est.row_bias_]), W[:vocab], rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(np.column_stack([est.U_, est.col_bias_]), W[vocab:], rtol=2e-5, atol=2e-6)
    assert est.objective_ == pytest.approx(loss(counts, est), rel=1e-5)
    assert est.history_["step"].tolist() == [0, counts.nnz, 2 * counts.nnz]
    assert est.history_["epoch"].tolist() == [0, 1, 2]
    assert est.status_ == "step limit"


def test_adagrad_approaches_the_optimum_of_als(counts):
    optimum = min(GloVe(dim=1, seed=seed).fit(counts).objective_ for seed in range(3))
    trained = GloVe(dim=1, solver="adagrad", epochs=2000).fit(counts)
    assert optimum < trained.objective_ < 1.001 * optimum


def test_a_learning_rate_at_which_training_diverges_is_named(counts):
    glove = GloVe(solver="adagrad", lr=1e30).fit(counts)
    assert (glove.status_, glove.finite) == ("diverged", True)
    assert glove.note_.startswith("lr=1e+30: training diverged")


# Alternating least squares


def test_a_step_is_numpys_least_squares_of_each_row():
    """Also where a row has fewer cells than unknowns: then the solution of least norm; a word without cells gets zeros."""
    rng = np.random.default_rng(1)
    n = rng.poisson(3.0, size=(9, 12)).astype(float)
    n[0, 3:] = 0  # three cells or fewer for five unknowns
    n[5] = 0
    est = GloVe(dim=4, x_max=4.0)
    other = rng.normal(size=(12, 5))
    found, squares = module._Side(sp.CooccurrenceCounts.from_matrix(n).matrix, est, 4).solve(torch.from_numpy(other))
    features = np.column_stack([other[:, :4], np.ones(12)])
    total = 0.0
    for row, own in zip(n, found.numpy(), strict=True):
        seen = row > 0
        root = np.sqrt(np.minimum(1, (row[seen] / 4.0) ** 0.75))
        target = root * (np.log(row[seen]) - other[seen, 4])
        best = np.linalg.lstsq(root[:, None] * features[seen], target, rcond=None)[0]
        np.testing.assert_allclose(own, best, rtol=1e-5, atol=1e-5)
        total += ((target - root * (features[seen] @ own)) ** 2).sum()
    assert squares == pytest.approx(total)
    assert (found[5] == 0).all()


@given(seed=st.integers(0, 10_000), dim=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_equal_weights_have_a_closed_form(seed, dim):
    """With α = 0 and every cell seen the fit is the truncated SVD of the log counts less the means of rows and columns."""
    n = np.exp(np.random.default_rng(seed).normal(size=(7, 6)))
    est = GloVe(dim=dim, alpha=0.0, epochs=5000).fit(n)
    centred = np.log(n) - np.log(n).mean(0) - np.log(n).mean(1)[:, None] + np.log(n).mean()
    left, values, right = np.linalg.svd(centred)
    assert est.objective_ == pytest.approx((values[dim:] ** 2).sum() / n.size, rel=1e-3)
    if values[dim] < 0.9 * values[dim - 1]:  # elsewhere the optimum is flat
        np.testing.assert_allclose(est.V_ @ est.U_.T, left[:, :dim] * values[:dim] @ right[:dim], atol=0.05)


def test_als_ends_where_nothing_improves_and_never_rises(counts):
    est = GloVe(dim=2).fit(counts)
    assert est.status_ == "optimum"
    assert est.note_ == ""
    falls = -np.diff(est.history_["objective"])
    assert (falls > -1e-14).all()
    assert est.objective_ == pytest.approx(loss(counts, est), rel=1e-9)
    for factor in (est.V_, est.U_, est.row_bias_[:, None], est.col_bias_[:, None]):
        for at in ((0, 0), (5, -1), (13, 0)):
            slopes = []
            for step in (1e-4, -1e-4):
                factor[at] += step
                slopes.append(loss(counts, est))
                factor[at] -= step
            assert abs(slopes[0] - slopes[1]) / 2e-4 < 2e-5
            assert min(slopes) > est.objective_ - 1e-9


def test_als_is_no_worse_than_mittens_and_agrees_with_it(counts):
    """mittens (Dingwall & Potts 2018) minimises the same J by full-batch AdaGrad."""
    mittens = pytest.importorskip("mittens", reason="needs mittens, an independent GloVe")
    n = counts.matrix.toarray() + 1.0
    best = min((GloVe(dim=2, x_max=30.0, seed=seed).fit(n) for seed in range(3)), key=lambda est: est.objective_)
    np.random.seed(0)  # noqa: NPY002, what mittens draws from
    other = mittens.GloVe(n=2, xmax=30, alpha=0.75, max_iter=20_000, learning_rate=0.5, display_progress=0)
    other.fit(n)
    theirs = 2 * other.errors[-1] / n.size
    assert best.objective_ <= theirs * (1 + 1e-7)
    assert best.objective_ == pytest.approx(theirs, rel=1e-4)
    fitted = best.V_ @ best.U_.T + best.row_bias_[:, None] + best.col_bias_
    np.testing.assert_allclose(fitted, other.W @ other.C.T + other.bw + other.bc.T, atol=0.002)


def test_factors_are_canonical(counts):
    """Weighted means are zero, and the weighted second moments of both sides one diagonal matrix."""
    est = GloVe(dim=2).fit(counts)
    weight = est.weight(counts.matrix.toarray())
    for factor, weights in ((est.V_, weight.sum(1)), (est.U_, weight.sum(0))):
        np.testing.assert_allclose(weights @ factor, 0, atol=1e-9)
    moments = [factor.T @ (weights[:, None] * factor) for factor, weights in ((est.V_, weight.sum(1)), (est.U_, weight.sum(0)))]
    np.testing.assert_allclose(moments[0], moments[1], atol=1e-9)
    assert abs(moments[0][0, 1]) < 1e-9


def test_batches_of_any_size_give_the_same(counts, monkeypatch):
    whole = GloVe(dim=2, epochs=5).fit(counts)
    monkeypatch.setattr(module, "BATCH_NUMBERS", 100)  # three rows at most
    parts = GloVe(dim=2, epochs=5).fit(counts)
    np.testing.assert_allclose(parts.estimate_pmi(), whole.estimate_pmi(), atol=1e-10)


# The penalty


def penalised(counts: sp.CooccurrenceCounts, est: GloVe) -> float:
    """J + (λ/2)(‖V‖² + ‖U‖²)."""
    return loss(counts, est) + est.ridge / 2 * float((est.V_**2).sum() + (est.U_**2).sum())


def test_with_a_penalty_als_ends_at_its_minimum(counts):
    """No finite difference falls, and SciPy's L-BFGS-B finds nothing lower from other starts; J alone is the objective."""
    est = GloVe(dim=2, ridge=0.02, epochs=5000).fit(counts)
    assert est.status_ == "optimum"
    assert est.objective_ == pytest.approx(loss(counts, est), rel=1e-9)
    assert est.history_["objective"].iloc[-1] == pytest.approx(penalised(counts, est), rel=1e-6)
    best = penalised(counts, est)
    for factor in (est.V_, est.U_, est.row_bias_[:, None], est.col_bias_[:, None]):
        for at in ((0, 0), (5, -1), (13, 0)):
            values = []
            for step in (1e-4, -1e-4):
                factor[at] += step
                values.append(penalised(counts, est))
                factor[at] -= step
            assert abs(values[0] - values[1]) / 2e-4 < 2e-5
            assert min(values) > best - 1e-9
    n = torch.from_numpy(counts.matrix.toarray())
    f, log_n, seen = (n / 100).clamp(max=1) ** 0.75, n.clamp(min=1e-9).log(), n > 0

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        point = torch.tensor(flat, requires_grad=True)
        v, u = point.view(2, 14, 3)
        x = v[:, :2] @ u[:, :2].T + v[:, 2:] + u[:, 2]
        J = (f * (x - log_n).square())[seen].sum() / seen.sum()
        value = J + 0.02 / 2 * (v[:, :2].square().sum() + u[:, :2].square().sum())
        value.backward()
        return float(value.detach()), point.grad.numpy()

    rng = np.random.default_rng(0)
    found = [minimize(objective, rng.normal(size=84), jac=True, method="L-BFGS-B", options={"maxiter": 3000}) for _ in range(3)]
    assert best == pytest.approx(min(result.fun for result in found), rel=1e-5)


def test_a_penalised_minimum_is_balanced_and_centred(counts):
    """∂/∂gauge = 0: VᵀV = UᵀU, diagonal here; and as biases are free, both sides have mean zero."""
    est = GloVe(dim=2, ridge=0.02, epochs=5000).fit(counts)
    np.testing.assert_allclose(est.V_.T @ est.V_, est.U_.T @ est.U_, atol=1e-9)
    np.testing.assert_allclose([est.V_.mean(0), est.U_.mean(0)], 0, atol=1e-9)


def test_adagrad_goes_to_the_same_penalised_minimum(counts):
    optimum = penalised(counts, GloVe(dim=1, ridge=0.02, epochs=5000).fit(counts))
    trained = GloVe(dim=1, ridge=0.02, solver="adagrad", epochs=2000).fit(counts)
    assert trained.history_["objective"].iloc[-1] == pytest.approx(penalised(counts, trained), rel=1e-5)
    assert optimum * (1 - 1e-6) < penalised(counts, trained) < 1.002 * optimum


def test_a_larger_penalty_shrinks_the_vectors_to_nothing(counts):
    norms = [float(np.square(GloVe(dim=2, ridge=ridge).fit(counts).V_).sum()) for ridge in (0.0, 0.01, 0.1, 100.0)]
    assert sorted(norms, reverse=True) == norms
    assert norms[-1] < 1e-8


# The estimate of PMI


def test_estimates_are_the_fit_of_log_counts_less_the_marginals(counts):
    est = GloVe(dim=3).fit(counts)
    fit = est.V_ @ est.U_.T + est.row_bias_[:, None] + est.col_bias_
    independent = np.outer(counts.row_sums, counts.col_sums) / counts.total
    np.testing.assert_allclose(est.estimate_pmi(), fit - np.log(independent), atol=1e-12)
    np.testing.assert_allclose(est.estimate_pmi(corrected=False), est.V_ @ est.U_.T, atol=1e-12)
    np.testing.assert_allclose(est.estimate_pmi(rows=slice(3, 5)), est.estimate_pmi()[3:5], atol=1e-12)
    coo = counts.matrix.tocoo()
    cells = est.estimate_cells(*coo.coords)
    np.testing.assert_allclose(cells, est.estimate_pmi()[coo.coords], atol=1e-12)


def test_the_optimum_on_the_r_counts(r_reference):
    """Starts agree on the optimum; PMI of rank 4 = dim 2 and two biases is recovered where the data say something."""
    fits = [GloVe(dim=2, seed=seed).fit(r_reference.counts) for seed in range(3)]
    assert max(fit.objective_ for fit in fits) == pytest.approx(min(fit.objective_ for fit in fits), rel=1e-5)
    error = fits[0].estimate_pmi() - r_reference.pmi
    assert np.sqrt((r_reference.joint * error**2).sum()) < 0.1
    assert GloVe(dim=2, solver="adagrad", epochs=50).fit(r_reference.counts).objective_ > fits[0].objective_


def test_words_that_never_occur_have_zero_vectors():
    n = np.exp(np.random.default_rng(0).normal(size=(6, 5)))
    n[2], n[:, 3] = 0, 0
    for solver in ("als", "adagrad"):
        est = GloVe(dim=2, solver=solver, epochs=3).fit(n)
        assert (est.V_[2] == 0).all()
        assert (est.U_[3] == 0).all()
        assert np.isfinite(est.estimate_pmi()).all()


# An estimator like the others


@pytest.mark.parametrize("solver", ["als", "adagrad"])
def test_ctrl_c_keeps_what_was_learned(counts, solver, monkeypatch):
    def stop_after_three(self, steps=1, objective=None):
        self.seen = getattr(self, "seen", 0) + steps
        if self.seen == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(module.Progress, "update", stop_after_three)
    stopped = GloVe(dim=2, solver=solver).fit(counts)
    monkeypatch.undo()
    whole = GloVe(dim=2, solver=solver, epochs=3).fit(counts)
    assert stopped.status_ == "interrupted"
    assert whole.status_ != "interrupted"
    np.testing.assert_array_equal(stopped.V_, whole.V_)
    assert stopped.objective_ == whole.objective_


def test_the_solver_is_chosen_by_work(counts, monkeypatch):
    assert GloVe(dim=2).fit(counts).status_ == "optimum"
    monkeypatch.setattr(module, "ALS_WORK", 100)
    assert GloVe(dim=2).fit(counts).status_ == "step limit"


def test_an_exact_fit_has_converged():
    rng = np.random.default_rng(0)
    est = GloVe(dim=1).fit(np.exp(np.outer(rng.normal(size=6), rng.normal(size=5)) + rng.normal(size=5)))
    assert est.status_ == "optimum"
    assert est.objective_ < 1e-12


def test_too_few_rounds_are_said(counts):
    est = GloVe(dim=2, epochs=2).fit(counts)
    assert est.status_ != "optimum"
    assert est.note_ == "GloVe (als) has not converged in 2 rounds: its loss still falls"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "dim=0"),
        ({"dim": 99}, "dim=99: must be at most 14"),
        ({"x_max": 0}, "x_max=0"),
        ({"alpha": -1}, "alpha=-1"),
        ({"ridge": -1e-3}, "ridge=-0.001: must be a number not below 0"),
        ({"ridge": "auto"}, "ridge=auto"),
        ({"solver": "asl"}, "did you mean als"),
        ({"epochs": 0}, "epochs=0"),
        ({"lr": -0.1}, "lr=-0.1"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_bad_options_are_refused(counts, options, message):
    with pytest.raises(sp.InputError, match=message):
        GloVe(**options).fit(counts)


@pytest.mark.parametrize("solver", ["als", "adagrad"])
def test_seeds_repeat(counts, solver):
    est = GloVe(dim=2, solver=solver, epochs=2, seed=1)
    with pytest.raises(NotFittedError):
        est.estimate_pmi()
    first, again, other = (clone(est).set_params(seed=seed).fit(counts).V_ for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_configuration_reaches_the_estimator():
    built = METHODS["glove"].build(Parameters(dim=3, seed=5), {"x_max": 10.0, "solver": "als"})
    assert {"dim": 3, "seed": 5, "x_max": 10.0, "solver": "als"}.items() <= built.get_params().items()
    assert METHODS["glove"].loss


@pytest.mark.parametrize("solver", ["als", "adagrad"])
def test_weights_that_underflow_are_none(solver):
    """(n / x_max)^α at α = 1e10: cells below x_max have no weight, and their rows are free; with none above it is refused."""
    counts = np.random.default_rng(0).poisson(3, (8, 8)) + 1.0
    counts[0, 0] = 200
    glove = GloVe(dim=2, alpha=1e10, solver=solver).fit(counts)
    assert np.isfinite(glove.estimate_pmi()).all()
    counts[0, 0] = 2
    with pytest.raises(InputError, match=r"alpha=1e\+10|alpha=10000000000"):
        GloVe(dim=2, alpha=1e10, solver=solver).fit(counts)
