"""The sandwich's influences, against the estimates themselves as the counts change, and its two ways to solve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import minimize

import sgns_pmi as sp
from sgns_pmi.compare import curvature, sandwich
from sgns_pmi.compare.inference import linearised, with_effects
from sgns_pmi.compare.sandwich import Direction, Loss, LowRankFit, Noise, Sandwich
from sgns_pmi.factorise.losses.penalty import Ridge

WORDS = 7
PAIRS = [0, 20, 41]
ONCE = sp.Expected(starts=1)


def population(rank: int = 2, seed: int = 3) -> np.ndarray:
    return sp.softmax_problem(words=WORDS, rank=rank, seed=seed).joint


def influences(estimator, joint: np.ndarray, corrected: bool) -> np.ndarray:
    """φ of every pair on every cell (cells, pairs), centred, as the sandwich has it."""
    counts = sp.CooccurrenceCounts.from_matrix(joint)
    of_cells = Sandwich(linearised(estimator.fit(counts), counts, corrected), counts, population=True)
    rows, cols = np.indices(joint.shape).reshape(2, -1)
    gradient = of_cells.zero(joint.size)
    chain, number = of_cells.chain(rows, cols), np.arange(joint.size)
    gradient.rows[number, rows], gradient.cols[number, cols] = (
        chain[:, None] * of_cells.right[cols],
        chain[:, None] * of_cells.left[rows],
    )
    offset = None
    if of_cells.fit.corrected:
        offset = np.zeros((joint.size, joint.shape[1], 2))
        offset[number, cols, 0], offset[number, cols, 1] = chain, -1.0
    phi = of_cells.influence(of_cells.curvature.solve(gradient), offset)
    return phi - (phi @ joint.ravel())[:, None]


def derivatives(estimator, joint: np.ndarray, corrected: bool, step: float = 1e-4) -> np.ndarray:
    """The same as derivatives of the estimate when a pair becomes more frequent: (1 − ε) P + ε δ, by central differences."""
    moved = []
    for pair in np.eye(joint.size)[PAIRS]:
        towards = pair.reshape(joint.shape) - joint
        up, down = (
            estimator.fit(sp.CooccurrenceCounts.from_matrix(joint + sign * step * joint.min() * towards)).estimate_pmi(corrected)
            for sign in (1, -1)
        )
        moved.append(((up - down) / (2 * step * joint.min())).ravel())
    return np.array(moved).T


CASES = {
    "unigram": sp.SGNS(dim=4, k=1, solver=ONCE),
    "biases": sp.SGNS(dim=2, k=5, bias=True, solver=ONCE),
    "smoothed": sp.SGNS(dim=4, k=5, exponent=0.75, solver=ONCE),
    "centers": sp.SGNS(dim=4, k=5, noise="center_unigram", exponent=0.5, solver=ONCE),
    "uniform": sp.SGNS(dim=3, k=5, noise="uniform", solver=ONCE),  # the scores of a softmax have rank + 1 here
    "low_dim": sp.SGNS(dim=2, k=5, exponent=0.75, solver=ONCE),
    "low_dim_biases": sp.SGNS(dim=1, k=5, bias=True, solver=ONCE),
    "dropped": sp.SGNS(dim=3, k=2, exponent=0.75, drop_positive=True, solver=ONCE),
    "penalised": sp.SGNS(dim=4, k=5, ridge=1e-4, solver=ONCE),
    "penalised_biases": sp.SGNS(dim=2, k=5, ridge=1e-4, bias=True, solver=ONCE),
    "likelihood": sp.SoftmaxMLE(dim=4),
    "likelihood_low_dim": sp.SoftmaxMLE(dim=3),
}


@pytest.mark.parametrize(("case", "corrected"), [(case, True) for case in CASES] + [("smoothed", False), ("dropped", False)])
def test_influence_is_the_derivative_of_the_estimate(case, corrected):
    joint = population()
    expected = derivatives(CASES[case], joint, corrected)
    found = influences(CASES[case], joint, corrected)[:, PAIRS]
    assert np.abs(found - expected).max() < 2e-4 * np.abs(expected).max()
    assert np.abs(expected).max() > 1  # nats: there is something to compare


def variances(estimator, counts, **changes) -> np.ndarray:
    of_cells = Sandwich(linearised(estimator, counts), counts, **changes)
    return of_cells.cell_variances(*np.indices(counts.shape).reshape(2, -1))


@pytest.mark.parametrize(("work", "close"), [(0, 1e-4), (np.inf, 1e-7)])
@pytest.mark.parametrize("case", ["smoothed", "biases", "low_dim", "likelihood", "penalised", "penalised_biases"])
def test_conjugate_gradients_the_factor_and_the_dense_inverse_agree(case, work, close, monkeypatch):
    counts = sp.softmax_problem(words=WORDS, rank=2, pairs=20_000, seed=3).counts
    estimator = CASES[case].fit(counts)
    dense = variances(estimator, counts)
    monkeypatch.setattr(sandwich, "DENSE_PARAMETERS", 0)
    monkeypatch.setattr(curvature, "FACTOR_WORK", work)
    monkeypatch.setattr(curvature, "CONTEXTS", 3)
    if work:  # there is a factor
        monkeypatch.setattr(curvature.Curvature, "_solve", None)
    np.testing.assert_allclose(variances(estimator, counts), dense, rtol=close)


def test_words_that_never_occur_have_no_part_in_the_factor(monkeypatch):
    """Their blocks are empty: the variances of the others are those of the table without them."""
    counts = sp.softmax_problem(words=WORDS, rank=2, pairs=20_000, seed=3).counts
    wider = sp.CooccurrenceCounts.from_matrix(np.pad(counts.matrix.toarray(), ((0, 2), (0, 1))))
    monkeypatch.setattr(sandwich, "DENSE_PARAMETERS", 0)
    monkeypatch.setattr(curvature, "FACTOR_WORK", np.inf)
    estimator = CASES["biases"]
    found = variances(estimator.fit(wider), wider).reshape(wider.shape)[:WORDS, :WORDS]
    np.testing.assert_allclose(found.ravel(), variances(estimator.fit(counts), counts), rtol=1e-4)


def test_without_room_there_is_no_factor(monkeypatch):
    """Conjugate gradients need none."""
    counts = sp.softmax_problem(words=WORDS, rank=2, pairs=20_000, seed=3).counts
    whole = Sandwich(linearised(CASES["biases"].fit(counts), counts), counts)
    monkeypatch.setattr(sandwich, "DENSE_PARAMETERS", 0)
    monkeypatch.setattr(curvature, "free_bytes", lambda: 1000.0)
    assert whole.curvature.factor is None
    assert np.isfinite(whole.cell_variances(*np.indices(counts.shape).reshape(2, -1))).all()


def test_without_a_minimum_there_is_no_factor(monkeypatch):
    """At a saddle A has negative curvature: conjugate gradients stop at it, and so they are taken."""
    counts = sp.softmax_problem(words=WORDS, rank=2, pairs=20_000, seed=3).counts
    fit = linearised(CASES["smoothed"].fit(counts), counts)
    saddle = Sandwich(replace(fit, V=fit.V * 1e-3, U=fit.U * 1e-3), counts, population=True)
    assert np.linalg.eigvalsh(saddle.curvature.matrix).min() < 0
    monkeypatch.setattr(curvature, "FACTOR_WORK", np.inf)
    gradient = saddle.zero(1)
    gradient.rows[0, 0] = saddle.right[1]
    assert saddle.curvature.factor is None
    found = saddle.curvature.solve(gradient)
    monkeypatch.setattr(curvature, "FACTOR_WORK", 0)
    np.testing.assert_array_equal(found.rows, saddle.curvature.solve(gradient).rows)


def test_single_precision_is_enough(monkeypatch):
    """Large problems keep curvatures in float32."""
    counts = sp.softmax_problem(words=WORDS, rank=2, pairs=20_000, seed=3).counts
    estimator = CASES["biases"].fit(counts)
    dense = variances(estimator, counts)
    monkeypatch.setattr(sandwich, "DENSE_PARAMETERS", 0)
    monkeypatch.setattr(curvature, "DOUBLE_CELLS", 0)
    np.testing.assert_allclose(variances(estimator, counts), dense, rtol=1e-2)


def test_likelihood_has_the_inverse_fisher_information():
    """At the population the sandwich of the likelihood is the Cramér–Rao bound of its model."""
    problem = sp.softmax_problem(words=WORDS, rank=2, pairs=1000, sampling="population", seed=3)
    found = variances(sp.SoftmaxMLE(dim=4).fit(problem.counts), problem.counts, population=True)
    bound = sp.cramer_rao_rmse(problem.truth.nominal_left, problem.truth.nominal_right, problem.joint, 1000)
    assert np.sqrt(problem.joint.ravel() @ found) == pytest.approx(bound, rel=1e-6)


@pytest.mark.parametrize(("case", "corrected"), [("biases", True), ("centers", True), ("smoothed", False), ("dropped", True)])
@pytest.mark.parametrize("at_once", [1, 100_000])
def test_a_units_scores_sum_the_influences_of_its_pairs(case, corrected, at_once, monkeypatch):
    """Units of many pairs, and of some parts of pairs: against φ of each pair, added up."""
    counts = sp.softmax_problem(words=WORDS, rank=2, pairs=20_000, seed=3).counts
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(9, 0.3), counts.nnz).T
    units = scipy.sparse.csr_array(np.where(shares > 0.02, shares, 0) * counts.matrix.data)
    whole = Sandwich(linearised(CASES[case].fit(counts), counts, corrected), counts, [units[:4], units[4:]])
    direction = Direction(rng.normal(size=(3, WORDS, whole.columns)), rng.normal(size=(3, WORDS, whole.columns)))
    offset, center = rng.normal(size=(3, WORDS, 2)), rng.normal(size=(3, WORDS))
    phi = whole.influence(direction, offset, center)
    sums = units @ (phi - (phi @ whole.pairs.share)[:, None]).T
    monkeypatch.setattr(sandwich, "NUMBERS", at_once)
    np.testing.assert_allclose(whole.covariance(direction, offset, center), sums.T @ sums / counts.total**2, rtol=1e-9)


def test_units_are_sums_of_influences():
    """One unit a pair is independence; pairs in twos, always alike, have twice the variance."""
    rng = np.random.default_rng(0)
    joint = population()
    pairs = rng.choice(joint.size, 3000, p=joint.ravel())
    counts = sp.CooccurrenceCounts.from_matrix(np.bincount(pairs, minlength=joint.size).reshape(joint.shape))
    estimator = CASES["biases"].fit(counts)
    column = np.searchsorted(np.flatnonzero(counts.matrix.toarray()), pairs)
    single = scipy.sparse.csr_array((np.ones(3000), (np.arange(3000), column)))
    np.testing.assert_allclose(variances(estimator, counts, units=[single]), variances(estimator, counts), rtol=1e-9)
    twice = sp.CooccurrenceCounts.from_matrix(2 * counts.matrix)
    in_twos = variances(estimator.fit(twice), twice, units=[2 * single])
    np.testing.assert_allclose(in_twos, 2 * variances(estimator, twice), rtol=1e-9)


def test_a_penalty_enters_the_curvature():
    """With a penalty A is the Hessian of the penalised ℓ: by finite differences of the gradient, gauge and all."""
    joint, rng, strength = population(), np.random.default_rng(1), 0.5
    V, U = rng.normal(size=(2, WORDS, 2)) / 2
    weights = rng.uniform(0.5, 2, (2, WORDS))
    counts = sp.CooccurrenceCounts.from_matrix(joint)
    noise = counts.col_sums / counts.total
    fit = LowRankFit(V, U, None, None, Loss(3), Noise(noise), False, Ridge(strength, *weights))
    curvature = Sandwich(fit, counts, population=True).curvature
    step = rng.normal(size=(2, WORDS, 2))

    def gradient(size: float) -> np.ndarray:
        v, u = V + size * step[0], U + size * step[1]
        _, dV, dU = sp.sgns_objective(v, u, counts, 3, noise, gradient=True)
        return np.array([dV + strength * weights[0][:, None] * v, dU + strength * weights[1][:, None] * u])

    expected = (gradient(1e-5) - gradient(-1e-5)) / 2e-5
    by_rows, by_cols = (np.einsum("afg,ag->af", blocks, own) for blocks, own in zip(curvature._blocks, step, strict=True))
    found = np.array([by_rows + curvature._back(step[1]), by_cols + curvature._across(step[0])])
    np.testing.assert_allclose(found, expected, atol=1e-8)
    solved = curvature.solve(Direction(found[None, 0], found[None, 1]))
    back = np.einsum("afg,ag->af", curvature._blocks[0], solved.rows[0]) + curvature._back(solved.cols[0])
    np.testing.assert_allclose(back, found[0], atol=1e-5)


def test_drawn_negatives_add_their_own_variance():
    """ℓ with the negatives of 400 epochs, K for every triple, minimised, against ℓ itself: 200 times 20 degrees of freedom."""
    joint, k, pairs, epochs = population(rank=1, seed=4), 2, 50_000, 400
    counts = sp.CooccurrenceCounts.from_matrix(pairs * joint)
    noise, rng = counts.col_sums / counts.total, np.random.default_rng(0)
    expected = sp.SGNS(dim=1, k=k, bias=True).fit(counts)
    start = np.concatenate([expected.V_.ravel(), expected.U_.ravel(), expected.row_bias_, expected.col_bias_])
    positive = counts.matrix.toarray() / pairs

    def scores(theta: np.ndarray) -> np.ndarray:
        v, u, b, c = theta.reshape(4, WORDS)
        return np.outer(v, u) + b[:, None] + c

    def loss(theta: np.ndarray, negative: np.ndarray) -> tuple[float, np.ndarray]:
        v, u, _, _ = theta.reshape(4, WORDS)
        x = scores(theta)
        slope = (positive + negative) / (1 + np.exp(-x)) - positive
        value = positive * np.logaddexp(0, -x) + negative * np.logaddexp(0, x)
        return value.sum(), np.concatenate([slope @ u, slope.T @ v, slope.sum(1), slope.sum(0)])

    drawn = rng.multinomial(k * epochs, noise, size=(200, WORDS, WORDS))  # of each triple, then the context
    x = [
        scores(minimize(loss, start, (negative,), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-8}).x)
        for negative in np.einsum("tabj,ab->taj", drawn, positive) / epochs
    ]
    sandwich = Sandwich(linearised(expected, counts), counts, population=True)
    center, context = np.indices(counts.shape).reshape(2, -1)
    gradient = sandwich.zero(len(center))
    gradient.rows[np.arange(len(center)), center] = sandwich.right[context]
    gradient.cols[np.arange(len(center)), context] = sandwich.left[center]
    added = np.diag(sandwich.drawn_covariance(sandwich.curvature.solve(gradient))) / epochs
    np.testing.assert_allclose(np.var(x, axis=0).sum() / added.sum(), 1, atol=0.1)


def test_effects_are_taken_out_of_a_product():
    rng = np.random.default_rng(2)
    M, b, c = rng.normal(size=(6, 2)) @ rng.normal(size=(2, 5)), rng.normal(size=6), rng.normal(size=5)
    left, values, right = np.linalg.svd(M + b[:, None] + c)
    left, right = np.vstack([left[:, :4], np.zeros(4)]), right[:4].T * values[:4]  # the last word never occurs
    V, U, row, col = with_effects(left, right, np.arange(7) < 6, np.full(5, True))
    assert V.shape == (7, 2)
    np.testing.assert_allclose((V @ U.T + row[:, None] + col)[:6], M + b[:, None] + c, atol=1e-12)
    assert not V[6].any()


def test_the_signal_of_noise_is_that_of_its_largest_direction():
    """A component fitted to independent words is noise's largest singular value (Johnstone, Annals of Statistics 29, 2001)."""
    joint, found = np.full((20, 20), 1 / 400), []
    for seed in range(10):
        counts = sp.CooccurrenceCounts.from_matrix(np.random.default_rng(seed).multinomial(10**6, joint.ravel()).reshape(20, 20))
        fitted = sp.SGNS(dim=1, k=5, bias=True, solver=ONCE).fit(counts)
        found.append(Sandwich(linearised(fitted, counts), counts).signal)
    free = np.sqrt(20 - 1 - 0.5)  # the biases take one dimension of each side
    largest = (2 * free) ** 2 - 1.2065 * (2 * free) * (2 / free) ** (1 / 3)  # its mean square: Tracy and Widom's law
    assert np.mean(found) == pytest.approx(np.sqrt(largest / (20 + 20)), abs=0.08)


def test_the_signal_grows_as_the_root_of_the_pairs_and_is_of_the_product_alone():
    joint = population()
    once, fourfold = (sp.CooccurrenceCounts.from_matrix(pairs * joint) for pairs in (1000, 4000))
    fit = linearised(CASES["biases"].fit(once), once)
    signal = Sandwich(fit, once, population=True).signal
    assert Sandwich(fit, fourfold, population=True).signal == pytest.approx(2 * signal)
    turn, shift = np.random.default_rng(0).normal(size=(2, 2)), np.array([0.7, -0.3])
    turned = replace(fit, V=fit.V @ turn, U=fit.U @ np.linalg.inv(turn).T)
    assert Sandwich(turned, once, population=True).signal == pytest.approx(signal)
    shifted = replace(fit, V=fit.V + shift, col_bias=fit.col_bias - fit.U @ shift)  # the same X
    assert Sandwich(shifted, once, population=True).signal == pytest.approx(signal)
    fit = linearised(CASES["likelihood"].fit(once), once)
    assert Sandwich(replace(fit, V=fit.V[:, :0], U=fit.U[:, :0]), once).signal == np.inf
