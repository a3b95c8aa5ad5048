"""The sampled solver: its draws, its gradient, the bias of its normalisations, and where training ends."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import sgns_pmi as sp
from sgns_pmi.factorise.losses.sgns import sgns_objective
from sgns_pmi.factorise.solvers import optimizers, training
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.pair_gradient import batch_gradient
from sgns_pmi.factorise.solvers.sampled import Sampled, expected_weights
from sgns_pmi.negatives import Negatives
from sgns_pmi.progress import Progress

K = 3


@pytest.fixture(scope="module")
def toy() -> sp.CooccurrenceCounts:
    """7 words and 5 contexts with counts from 1 to hundreds, some cells unseen."""
    rng = np.random.default_rng(5)
    counts = rng.poisson(rng.gamma(0.5, 30.0, size=(7, 5))).astype(float)
    counts[:, 0] += 1
    counts[0] += 1
    return sp.CooccurrenceCounts.from_matrix(counts)


@pytest.fixture(scope="module")
def point(toy) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(6)
    return tuple(torch.from_numpy(rng.normal(size=(side, 2))) for side in toy.shape)


@pytest.fixture(scope="module")
def dense() -> sp.CooccurrenceCounts:
    """7 words and 5 contexts without unseen cells, near rank 2, where training meets no local optimum."""
    rng = np.random.default_rng(0)
    return sp.CooccurrenceCounts.from_matrix(rng.poisson(6 * np.exp(rng.normal(size=(7, 2)) @ rng.normal(size=(2, 5)))) + 1.0)


# Gradient


def epoch_gradient(counts, V, U, noise, order, batch_size, normalization, drop_positive=False):
    """Mean gradient of the batches of one epoch, the K draws replaced by their expectation, flat."""
    coo = counts.matrix.tocoo()
    center, context = (torch.tensor(index, dtype=torch.int64) for index in coo.coords)
    count = torch.tensor(coo.data)
    every = torch.arange(counts.shape[1])
    batches = torch.split(torch.as_tensor(order), batch_size)
    total = torch.zeros(V.numel() + U.numel(), dtype=torch.float64)
    for b in batches:
        divisor = counts.total / len(batches) if normalization == "epoch" else count[b].sum()
        weight = (count[b] / divisor)[:, None]
        negatives = every.expand(len(b), -1)
        expectation = weight * K * torch.from_numpy(noise)
        if drop_positive:
            expectation = expectation * (negatives != context[b, None])
        dV, dU = batch_gradient(V, U, center[b], context[b, None], negatives, weight, expectation)
        total += torch.cat([dV.ravel(), dU.ravel()]) / len(batches)
    return total.numpy()


def exact_gradient(counts, V, U, noise, **options):
    _, dV, dU = sgns_objective(V.numpy(), U.numpy(), counts, K, noise, gradient=True, **options)
    return np.concatenate([dV.ravel(), dU.ravel()])


def reweighted(counts, weights):
    return sp.CooccurrenceCounts.from_triples(counts.triples["center"], counts.triples["context"], weights, shape=counts.shape)


@pytest.mark.parametrize("drop_positive", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 1000])
def test_epoch_normalisation_is_unbiased(toy, point, batch_size, drop_positive):
    """Whatever the order, and with a last batch that is short, the batches of an epoch average to the gradient of ℓ."""
    noise = sp.noise_distribution(toy, exponent=0.75)
    order = np.random.default_rng(0).permutation(toy.nnz)
    mean = epoch_gradient(toy, *point, noise, order, batch_size, "epoch", drop_positive)
    np.testing.assert_allclose(mean, exact_gradient(toy, *point, noise, drop_positive=drop_positive), atol=1e-13)


def test_batch_normalisation_is_biased_and_by_how_much(toy, point):
    """The mean gradient is not that of ℓ by many standard errors, but that of ℓ on the counts of `expected_weights`."""
    noise, rng, batch_size = sp.noise_distribution(toy), np.random.default_rng(1), 4
    epochs = np.array([epoch_gradient(toy, *point, noise, rng.permutation(toy.nnz), batch_size, "batch") for _ in range(400)])
    mean, error = epochs.mean(0), epochs.std(0, ddof=1) / np.sqrt(len(epochs))
    bias = mean - exact_gradient(toy, *point, noise)
    assert np.linalg.norm(bias) > 20 * np.linalg.norm(error)

    weights = expected_weights(toy, batch_size, "batch", permutations=20_000, seed=2)  # 50 times the epochs: its error is small
    assert (np.abs(mean - exact_gradient(reweighted(toy, weights), *point, noise)) < 4.5 * error).all()  # 24 entries


def test_expected_weights_at_the_ends(toy):
    n = toy.matrix.data
    np.testing.assert_allclose(expected_weights(toy, 4, "epoch"), n / n.sum())
    np.testing.assert_allclose(expected_weights(toy, toy.nnz, "batch", permutations=1), n / n.sum())
    np.testing.assert_allclose(expected_weights(toy, 1, "batch", permutations=1), 1 / toy.nnz)
    weights = expected_weights(toy, 4, "batch")
    assert weights.sum() == pytest.approx(1)
    assert weights[n.argmin()] > n.min() / n.sum()  # rare pairs count too much


# Training


def percent_above(objective, optimum):
    return 100 * (objective / optimum - 1)


def test_defaults_end_near_the_optimum(r_reference):
    """1.72 million triple visits of the R counts end within 0.5 % of the exact optimum."""
    solution = Sampled().solve(r_reference.counts, 4, Negatives(20, r_reference.noise["unigram"]))
    optimum = r_reference.figures["objective_optimum/unigram/k20/d4"]
    assert 0 < percent_above(solution.objective, optimum) < 0.5
    assert solution.objective == pytest.approx(
        sgns_objective(solution.V.astype(float), solution.U.astype(float), r_reference.counts, 20, r_reference.noise["unigram"]),
        rel=1e-5,
    )
    history = solution.history
    assert list(history.columns) == ["step", "epoch", "seconds", "objective"]
    assert history["step"].iloc[[0, -1]].tolist() == [0, 34 * 200]
    assert history["epoch"].iloc[[0, -1]].tolist() == [0, 200]
    assert len(history) == 51
    assert (history[["step", "epoch", "seconds"]].diff().iloc[1:] > 0).all().all()


def test_normalisation_by_the_batch_stays_above(r_reference):
    """The R script's normalisation at its batch size: more than 5 % above, where the optimum for its weights lies."""
    counts, noise = r_reference.counts, r_reference.noise["unigram"]
    optimum = r_reference.figures["objective_optimum/unigram/k20/d4"]
    solution = Sampled(normalization="batch", batch_size=64, epochs=100).solve(counts, 4, Negatives(20, noise))
    above = percent_above(solution.objective, optimum)
    assert above > 5
    weights = expected_weights(counts, 64, "batch", permutations=300)
    bound = Expected(starts=2).solve(reweighted(counts, weights), 4, Negatives(20, noise))
    assert above == pytest.approx(percent_above(sgns_objective(bound.V, bound.U, counts, 20, noise), optimum), abs=1)


def test_the_r_script_runs_as_it_is(r_reference):
    script = Sampled(optimizer="adam", lr=1e-3, decay="none", epochs=20, batch_size=64, normalization="batch", init="normal")
    solution = script.solve(r_reference.counts, 2, Negatives(20, r_reference.noise["zero_share"]), seed=3)
    start, *_, end = solution.history["objective"]
    optimum = r_reference.figures["objective_optimum/zero_share/k20/d2"]
    assert 3 * optimum < start  # N(0, 1) starts far away
    assert optimum < end < 0.8 * start
    assert solution.history["step"].iloc[-1] == 135 * 20


@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "sgd"])
@pytest.mark.parametrize("drop_positive", [False, True])
def test_every_optimiser_finds_the_optimum_of_a_small_problem(dense, optimizer, drop_positive):
    noise = sp.noise_distribution(dense)
    reference = Expected().solve(dense, 2, Negatives(K, noise, drop_positive))
    solver = Sampled(optimizer=optimizer, batch_size=8, epochs=400, lr=0.02 if optimizer == "adam" else None)
    solution = solver.solve(dense, 2, Negatives(K, noise, drop_positive))
    assert -1e-4 < percent_above(solution.objective, reference.objective) < 0.5
    # The other objective has another optimum: dropping is not a detail here.
    other = Expected().solve(dense, 2, Negatives(K, noise, not drop_positive))
    value = sgns_objective(other.V, other.U, dense, K, noise, drop_positive=drop_positive)
    assert percent_above(value, reference.objective) > 2


def test_biases_are_part_of_the_scores(toy):
    noise = sp.noise_distribution(toy)
    solution = Sampled(epochs=300, batch_size=8).solve(toy, 1, Negatives(K, noise), bias=True)
    assert solution.V.shape == (7, 1)
    assert solution.U.shape == (5, 1)
    V = np.column_stack([solution.V, solution.row_bias, np.ones(7)])
    U = np.column_stack([solution.U, np.ones(5), solution.col_bias])
    assert sgns_objective(V, U, toy, K, noise) == pytest.approx(solution.objective, rel=1e-5)
    reference = Expected().solve(toy, 1, Negatives(K, noise), bias=True)
    assert percent_above(solution.objective, reference.objective) < 2
    unbiased = Sampled(epochs=300, batch_size=8).solve(toy, 1, Negatives(K, noise))
    assert unbiased.row_bias is None
    assert unbiased.col_bias is None
    assert unbiased.objective > solution.objective


def test_same_seed_same_result(toy):
    noise = sp.noise_distribution(toy)
    first, again, other = (Sampled(epochs=5, batch_size=4).solve(toy, 2, Negatives(K, noise), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.V, again.V)
    np.testing.assert_array_equal(first.U, again.U)
    assert first.history["objective"].tolist() == again.history["objective"].tolist()
    assert not np.array_equal(first.V, other.V)


@pytest.mark.parametrize(("init", "scale"), [("small", 0.1), ("normal", 1.0)])
def test_starts(init, scale):
    """Standard deviation of the start: an epoch of one batch at a vanishing rate leaves it as it was."""
    counts = sp.CooccurrenceCounts.from_matrix(np.ones((200, 100)))
    solver = Sampled(optimizer="sgd", lr=1e-9, epochs=1, batch_size=10**6, init=init)
    solution = solver.solve(counts, 10, Negatives(1, sp.noise_distribution(counts)))
    drawn = np.concatenate([solution.V.ravel(), solution.U.ravel()])
    assert drawn.std() == pytest.approx(scale, rel=4 / np.sqrt(2 * drawn.size))
    assert abs(drawn.mean()) < 4 * scale / np.sqrt(drawn.size)


def test_words_that_never_occur_are_zero():
    counts = sp.CooccurrenceCounts.from_matrix(np.array([[3.0, 0, 1], [0, 0, 0], [1, 0, 5]]))
    solution = Sampled(epochs=3).solve(counts, 2, Negatives.of(counts, K))
    assert not solution.V[1].any()
    assert not solution.U[1].any()
    assert solution.V[0].any()
    assert solution.U[0].any()


@pytest.mark.parametrize("decay", ["linear", "none"])
def test_the_rate_decays_linearly(toy, monkeypatch, decay):
    rates = []
    monkeypatch.setattr(optimizers.SGD, "step", lambda self, gradients, lr: rates.append(lr))
    Sampled(optimizer="sgd", lr=0.2, decay=decay, epochs=5, batch_size=toy.nnz).solve(toy, 2, Negatives.of(toy, K))
    assert rates == pytest.approx([0.2, 0.16, 0.12, 0.08, 0.04] if decay == "linear" else [0.2] * 5)


def test_ctrl_c_keeps_what_was_learned(toy, monkeypatch):
    def stop_at_the_end_of_epoch_seven(self, steps=1, objective=None):
        self.seen = getattr(self, "seen", 0) + steps
        if self.seen == 7:
            raise KeyboardInterrupt

    noise = sp.noise_distribution(toy)
    monkeypatch.setattr(Progress, "update", stop_at_the_end_of_epoch_seven)
    stopped = Sampled(epochs=100, batch_size=toy.nnz, decay="none").solve(toy, 2, Negatives(K, noise))
    monkeypatch.undo()
    whole = Sampled(epochs=7.0, batch_size=float(toy.nnz), decay="none").solve(toy, 2, Negatives(K, noise))
    assert stopped.status == "interrupted"
    assert whole.status == "step limit"
    np.testing.assert_array_equal(stopped.V, whole.V)
    assert stopped.objective == whole.objective
    assert stopped.history["step"].iloc[-1] == 7


def test_divergence_names_the_rate(toy):
    found = Sampled(optimizer="sgd", lr=1000.0, batch_size=toy.nnz, epochs=400).solve(toy, 2, Negatives.of(toy, K))
    assert found.status == "diverged"
    assert re.match(r"lr=1000\.0: training diverged by step \d+ of 400; choose a smaller", found.diverged)
    # The last good state, with its ℓ.
    assert found.objective == pytest.approx(sp.sgns_objective(found.V, found.U, toy, K, Negatives.of(toy, K).noise), rel=1e-5)
    assert found.objective < 10 * found.history["objective"].iloc[0]


def test_large_counts_are_evaluated_less_often(toy, monkeypatch):
    monkeypatch.setattr(training, "RECORDED_CELLS", 4 * 35)
    history = Sampled(epochs=40, batch_size=toy.nnz).solve(toy, 2, Negatives.of(toy, K)).history
    assert history["step"].tolist() == [0, 10, 20, 30, 40]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("optimizer", "adamw"),
        ("lr", 0),
        ("lr", float("nan")),
        ("decay", "cosine"),
        ("epochs", 0),
        ("batch_size", 2.5),
        ("normalization", "mean"),
        ("init", "zero"),
    ],
)
def test_refusals_name_the_field(field, value):
    with pytest.raises(sp.InputError, match=f"^{field}={value}: must be"):
        Sampled(**{field: value}).check()


def test_defaults_are_valid():
    Sampled().check()


@pytest.mark.parametrize("batch_size", [2, 3, 4, 5, 6])
def test_a_short_last_batch_is_divided_by_the_mean_weight_too(batch_size: int) -> None:
    """With a single context nothing is random: in small steps every word moves by ∂ℓ times rate and number of batches."""
    words, rate = 7, 0.01
    counts = sp.CooccurrenceCounts.from_matrix(np.arange(3, 3 + words)[:, None])

    def trained(size: int, lr: float) -> np.ndarray:
        solver = Sampled(optimizer="sgd", lr=lr, decay="none", epochs=1, batch_size=size)
        return solver.solve(counts, 1, Negatives(K, np.ones(1))).V[:, 0].astype(float)

    start = trained(words, 1e-12)
    whole, split = trained(words, rate) - start, trained(batch_size, rate) - start
    # U moves between batches by some percent; a last batch divided by anything else is off by far more.
    np.testing.assert_allclose(split / whole, -(-words // batch_size), rtol=0.1)
