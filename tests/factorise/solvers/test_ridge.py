"""The penalty: its gradient, its optimum against an independent minimiser, the proof of it, and λ by held-out counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize
import torch
from scipy.sparse import csr_array

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import METHODS
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.factorise.registry import Parameters
from sgns_pmi.factorise.solvers.biases import with_biases
from sgns_pmi.factorise.solvers.newton import Newton
from sgns_pmi.factorise.solvers.quasi_newton import QuasiNewton
from sgns_pmi.factorise.solvers.ridge import HELD_OUT, _error, largest_ridge, solve_ridge, thinned
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems import PROBLEMS
from sgns_pmi.problems.units import hold_out, units_of
from sgns_pmi.progress import Progress
from sgns_pmi.streams import stream

LAMBDA = 2e-3


def problem(words: int = 12, seed: int = 3) -> tuple[sp.CooccurrenceCounts, Negatives]:
    counts = sp.softmax_problem(words=words, rank=2, pairs=20_000, seed=seed).counts
    return counts, Negatives.of(counts, 3, exponent=0.75)


def product(fit: Any) -> np.ndarray:
    V, U, b, c = fit.factors
    return V @ U.T + (0 if b is None else b[:, None] + c)


@pytest.mark.parametrize("weights", ["uniform", "margins"])
def test_the_gradient_is_that_of_the_loss_and_the_penalty(weights: str) -> None:
    counts, negatives = problem()
    ridge = Ridge.of(counts, 0.1, weights)
    exact = ExactObjective(counts, negatives).penalised(ridge, 2)
    rng = stream(0, "test")
    V, U = (torch.from_numpy(rng.normal(size=(12, 4))).requires_grad_() for _ in range(2))  # two columns and biases
    _, dV, dU = exact.value_and_gradient(V.detach(), U.detach())
    plain = sp.sgns_objective(V.detach().numpy(), U.detach().numpy(), counts, k=3, noise=negatives.noise)
    penalty = (
        torch.from_numpy(ridge.row_weights) @ V[:, :2].square().sum(1)
        + torch.from_numpy(ridge.col_weights) @ U[:, :2].square().sum(1)
    ) * 0.05
    assert exact.value(V.detach(), U.detach()) == pytest.approx(plain + float(penalty.detach()), rel=1e-12)
    _, plain_V, plain_U = ExactObjective(counts, negatives).value_and_gradient(V.detach(), U.detach())
    for own, without, extra in zip((dV, dU), (plain_V, plain_U), torch.autograd.grad(penalty, (V, U)), strict=True):
        torch.testing.assert_close(own, without + extra)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("weights", ["uniform", "margins"])
def test_each_newton_step_begins_where_the_product_costs_least(bias: bool, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The least penalty over all factors of a product is λ ‖Ω^½ V Uᵀ H^½‖_*; the caller's factors stay as they were."""
    counts, negatives = problem()
    ridge, rng = Ridge.of(counts, LAMBDA, weights), stream(0, "test")
    start = tuple(scale * rng.normal(size=(12, 3)) for scale in (2.0, 0.1))
    before = [own.copy() for own in start]
    descent = Newton(ExactObjective(counts, negatives).penalised(ridge, 3), [start], bias, History())
    monkeypatch.setattr(Newton, "_step", lambda *_: 0.0)
    descent.converge(1e-15, 1, Progress("", 1, False))
    V, U = (own.numpy() for own in descent.factors)
    roots = np.sqrt(ridge.row_weights)[:, None], np.sqrt(ridge.col_weights)
    product = before[0] @ before[1].T
    np.testing.assert_allclose(V @ U.T, product, atol=1e-13)
    trace_norm = np.linalg.svd(roots[0] * product * roots[1], compute_uv=False).sum()
    assert ridge.value(V[:, :3], U[:, :3]) == pytest.approx(LAMBDA * trace_norm, rel=1e-12)
    assert descent.objective == pytest.approx(descent.exact.value(*descent.factors), rel=1e-13)
    for own, given in zip(start, before, strict=True):
        np.testing.assert_array_equal(own, given)


@pytest.mark.parametrize(
    ("shape", "start"), [((12, 12, 3), np.ones), ((3, 5, 4), None), ((5, 3, 4), None), ((3, 3, 5), None), ((1, 4, 3), None)]
)
def test_newton_steps_leave_a_start_of_lower_rank_and_need_no_room(shape: tuple[int, int, int], start: Any) -> None:
    """Ones have a product of rank 1, and balanced columns of zeros, which are stationary; columns may outnumber words."""
    words, contexts, dim = shape
    rng = stream(2, "test")
    n = rng.poisson(8.0, (words, contexts)) + 1.0
    counts = sp.CooccurrenceCounts.from_matrix(n)
    exact = ExactObjective(counts, Negatives.of(counts, 3))
    ridge = Ridge.of(counts, 1e-4)
    own = [rng.normal(size=(size, dim)) if start is None else start((size, dim)) for size in (words, contexts)]
    descent = Newton(exact.penalised(ridge, dim), [tuple(own)], False, History())
    descent.converge(1e-15, 200, Progress("", 200, False))
    best = solve_ridge(counts, min(dim, words, contexts), Negatives.of(counts, 3), ridge, bias=False)
    assert descent.objective == pytest.approx(best.objective, rel=1e-3)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("weights", ["uniform", "margins"])
def test_the_optimum_is_that_of_an_independent_minimiser(bias: bool, weights: str) -> None:
    """SciPy's L-BFGS-B on ℓ_λ written out, from a random start with more columns than the optimum has."""
    counts, negatives = problem()
    n, dim = counts.matrix.toarray(), 6
    ridge = Ridge.of(counts, LAMBDA if weights == "uniform" else 0.05, weights)
    w = negatives.k * counts.row_sums[:, None] * negatives.noise

    def loss(packed: np.ndarray) -> tuple[float, np.ndarray]:
        V, U = packed[: 12 * dim].reshape(12, dim), packed[12 * dim : 24 * dim].reshape(12, dim)
        b, c = packed[24 * dim : 24 * dim + 12], packed[24 * dim + 12 :]
        x = V @ U.T + bias * (b[:, None] + c)
        value = (n * np.logaddexp(0, -x) + w * np.logaddexp(0, x)).sum() / counts.total
        value += (ridge.rows @ (V**2).sum(1) + ridge.columns @ (U**2).sum(1)) / 2
        G = ((n + w) / (1 + np.exp(-x)) - n) / counts.total
        parts = G @ U + ridge.rows[:, None] * V, G.T @ V + ridge.columns[:, None] * U, bias * G.sum(1), bias * G.sum(0)
        return value, np.concatenate([part.ravel() for part in parts])

    start = stream(1, "test").normal(size=24 * dim + 24) * 0.3
    found = scipy.optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 20_000, "ftol": 1e-15, "gtol": 1e-11}
    )
    fit = solve_ridge(counts, dim, negatives, ridge, bias=bias)
    assert fit.status == "optimum"
    assert fit.certificate == pytest.approx(1, abs=1e-6)
    assert fit.objective == pytest.approx(found.fun, rel=1e-9)
    V, U = fit.factors[:2]
    np.testing.assert_allclose(V.T @ (ridge.row_weights[:, None] * V), U.T @ (ridge.col_weights[:, None] * U), atol=1e-6)


def test_every_start_and_every_dim_from_the_rank_on_end_at_one_product() -> None:
    counts, negatives = problem()
    ridge = Ridge.of(counts, LAMBDA)
    one = solve_ridge(counts, 6, negatives, ridge, bias=True)
    assert 1 <= one.rank <= 5
    for seed in range(3):
        V, U = stream(seed, "test").normal(size=(2, 12, 5))
        start = one.factors._replace(V=V, U=U)
        for engine in (Newton, QuasiNewton):
            other = solve_ridge(
                counts, 8, negatives, ridge, bias=True, start=start, engine=engine, tolerance=1e-15, max_steps=5000
            )
            np.testing.assert_allclose(product(other), product(one), atol=1e-6 if engine is Newton else 1e-3)
            assert other.objective == pytest.approx(one.objective, rel=1e-9)


def test_below_its_rank_the_certificate_says_that_there_is_more() -> None:
    counts, negatives = problem(words=20)
    fit = solve_ridge(counts, 1, negatives, Ridge.of(counts, 1e-4), bias=True)
    assert fit.certificate > 1.1
    assert fit.status == "local optima"


@pytest.mark.parametrize("bias", [False, True])
def test_from_the_largest_ridge_on_the_product_is_empty(bias: bool) -> None:
    counts = problem()[0]
    negatives = Negatives.of(counts, 3)  # whose optimum without a product has b = 0 and a known c
    ridge = Ridge.of(counts, 1.0)
    most = largest_ridge(counts, negatives, ridge, bias)
    ranks = [solve_ridge(counts, 3, negatives, ridge.scaled(most * factor), bias=bias).rank for factor in (1.02, 0.9)]
    assert ranks == [0, 1]


def test_a_vanishing_ridge_leaves_the_truth() -> None:
    population = sp.softmax_problem(words=15, rank=2, sampling="population", seed=1)
    errors = [
        np.abs(sp.SGNS(dim=2, k=5, bias=True, ridge=ridge).fit(population.counts).estimate_pmi() - population.pmi).max()
        for ridge in (1e-4, 1e-6, 1e-8)
    ]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[2] < 1e-3


@pytest.mark.parametrize("negatives", ["pair", "block"])
def test_training_goes_where_the_exact_solver_ends(negatives: str) -> None:
    """Drawn negatives leave it some percent above; without the penalty's gradient it ends far from there."""
    counts = problem(words=30)[0]
    ridge = 3e-3

    def penalised(fit: sp.SGNS) -> float:
        return fit.objective_ + ridge / 2 * float((fit.V_**2).sum() + (fit.U_**2).sum())

    exact = sp.SGNS(dim=3, k=3, bias=True, ridge=ridge).fit(counts)
    trained = sp.SGNS(dim=3, k=3, bias=True, ridge=ridge, solver=sp.Sampled(negatives=negatives)).fit(counts)
    free = sp.SGNS(dim=3, k=3, bias=True, solver=sp.Sampled(negatives=negatives)).fit(counts)
    assert penalised(exact) * (1 - 1e-6) <= penalised(trained) < 1.02 * penalised(exact)
    assert penalised(free) > 1.05 * penalised(exact)
    assert trained.certificate_ is None


def test_thinned_counts_add_up_and_have_their_share() -> None:
    counts = problem(words=30)[0]
    kept, held = thinned(counts, 0.2, stream(0, "test"))
    np.testing.assert_array_equal((kept.matrix + held.matrix).toarray(), counts.matrix.toarray())
    # Binomial: 20,000 pairs, four standard errors.
    assert held.total == pytest.approx(0.2 * counts.total, abs=4 * np.sqrt(0.16 * counts.total))


def test_held_out_counts_find_lambda_and_the_rank_of_the_truth() -> None:
    """V₀U₀ᵀ has rank 2; with biases that is the dim. The penalised fit is of use at any dim."""
    for seed in range(3):
        drawn = sp.softmax_problem(words=40, rank=2, pairs=100_000, seed=seed)
        fit = sp.SGNS(dim=24, k=5, bias=True, ridge="auto").fit(drawn.counts)
        assert fit.suggested_dim_ == 2
        assert fit.status_ == "optimum"
        assert fit.path_ is not None
        assert fit.path_.loc[fit.path_["held_out"].idxmin(), "ridge"] == fit.ridge_
        error = np.sqrt(np.mean((fit.estimate_pmi() - drawn.pmi) ** 2))
        refit = sp.SGNS(dim=2, k=5, bias=True).fit(drawn.counts)
        assert np.sqrt(np.mean((refit.estimate_pmi() - drawn.pmi) ** 2)) < error < 0.6


def test_estimates_of_the_path_are_those_of_the_counts_that_were_kept() -> None:
    counts = sp.softmax_problem(words=30, rank=2, pairs=30_000, seed=0).counts
    fit = sp.SGNS(dim=12, k=5, bias=True, ridge="auto").fit(counts)
    assert fit.path_ is not None
    kept, _ = thinned(counts, HELD_OUT, stream(0, "held out"))
    estimates = list(fit.path_estimates())
    assert len(estimates) == len(fit.path_)
    for place in (0, 2):
        alone = sp.SGNS(dim=12, k=5, bias=True, ridge=fit.path_["ridge"][place]).fit(kept)
        apart = [np.sqrt(np.mean((estimate - alone.estimate_pmi()) ** 2)) for estimate in estimates]
        assert int(np.argmin(apart)) == place
        assert apart[place] < 0.1  # on the path fits end early
    assert not list(sp.SGNS(dim=2, k=5).fit(counts).path_estimates())


def test_units_are_held_out_as_wholes_and_a_run_does_so() -> None:
    """λ is the best of its path by the units that are held out, to which no fit of the path was fitted."""
    problem = PROBLEMS["documents"](words=12, topics=2, documents=40, pairs=40_000, seed=3)
    fit = METHODS["sgns_ridge"].fit(METHODS["sgns_ridge"].build(Parameters(dim=3)), problem)
    assert isinstance(fit, sp.SGNS)
    assert fit.path_ is not None
    kept, held, *_ = hold_out(problem.counts, units_of(problem.units, problem.counts), HELD_OUT, stream(0, "held out"))
    alone = sp.SGNS(dim=3, k=5, bias=True, ridge=fit.ridge_, noise=fit.noise_).fit(kept)
    V, U = with_biases(alone.V_, alone.U_, alone.row_bias_, alone.col_bias_)
    assert fit.path_["held_out"].min() == pytest.approx(sp.sgns_objective(V, U, held, 5, fit.noise_), rel=2e-5)
    by_pairs = sp.SGNS(dim=3, k=5, bias=True, ridge="auto").fit(problem.counts)
    assert by_pairs.path_ is not None
    assert by_pairs.path_["held_out"].min() != pytest.approx(fit.path_["held_out"].min(), rel=2e-5)


def test_errors_of_units() -> None:
    """A pair a unit has the error of a mean of draws, all in one have none, and copies of a unit the square root of two more."""
    held = sp.CooccurrenceCounts.from_matrix([[3, 1], [0, 2]])
    difference = np.array([0.5, -1.0, 2.0])
    pairs = np.repeat(np.eye(3), [3, 1, 2], axis=0)
    drawn = np.repeat(difference, [3, 1, 2])
    assert _error(difference, held, csr_array(pairs)) == pytest.approx(drawn.std() / np.sqrt(6))
    assert _error(difference, held, None) == pytest.approx(np.sqrt((drawn**2).mean() / 6))
    assert _error(difference, held, csr_array(pairs.sum(0, keepdims=True))) == pytest.approx(0)
    twice = sp.CooccurrenceCounts.from_matrix(2 * held.matrix.toarray())
    assert _error(difference, twice, csr_array(2 * pairs)) == pytest.approx(drawn.std() / np.sqrt(6))


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"ridge": -1}, "ridge"),
        ({"ridge": "automatic"}, "ridge"),
        ({"ridge": float("nan")}, "ridge"),
        ({"ridge": "auto", "solver": "sampled"}, "ridge"),
        ({"ridge_weights": "rows"}, "ridge_weights"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        sp.SGNS(dim=2, **options).fit(problem()[0])
    assert refused.value.field == field


def test_too_few_counts_to_hold_out_are_refused() -> None:
    with pytest.raises(InputError, match="hold out"):
        sp.SGNS(dim=1, ridge="auto").fit([[0.5, 0.2], [0.1, 0.4]])


def test_the_method_has_biases_and_chooses_unless_told() -> None:
    chosen = METHODS["sgns_ridge"].build().get_params()
    assert (chosen["bias"], chosen["ridge"]) == (True, "auto")
    assert METHODS["sgns_ridge"].build(Parameters(ridge=0.1)).get_params()["ridge"] == 0.1
    assert METHODS["sgns_expected"].build().get_params()["ridge"] == 0
    assert METHODS["sgns_ridge"].skip({"counts", "words"})[0]


def test_a_path_at_few_columns_ends_no_higher_than_a_fit_of_its_own() -> None:
    """From a large λ on the two columns that dim leaves stayed those of another optimum, 6 % above."""
    counts = sp.softmax_problem(words=100, rank=2, pairs=200_000, seed=4).counts
    chosen = sp.SGNS(dim=2, bias=True, ridge="auto", seed=4).fit(counts)
    alone = sp.SGNS(dim=2, bias=True, ridge=chosen.ridge_, seed=4).fit(counts)
    assert chosen.objective_ <= alone.objective_ * (1 + 1e-6)
    assert list(chosen.history_["objective"]) == sorted(chosen.history_["objective"], reverse=True)


def test_ctrl_c_on_the_path_ends_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each λ would need one of its own, and λ would be chosen by fits that had not ended."""
    monkeypatch.setattr(Newton, "converge", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        sp.SGNS(dim=2, ridge="auto", bias=True).fit(problem()[0])
