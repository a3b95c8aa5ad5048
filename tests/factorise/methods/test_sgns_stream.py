"""Streamed SGNS: its expected gradient is that of ℓ on the counts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from letters import letters_problem
from torch.nn.functional import softplus

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.draws import alias_table
from sgns_pmi.factorise.kernels import visit_pairs
from sgns_pmi.factorise.methods import sgns_stream
from sgns_pmi.factorise.methods.sgns_stream import SGNSStream
from sgns_pmi.negatives import Negatives

WORDS = 7
TEXT = letters_problem(words=WORDS, tokens=600, window=2)


def visit(
    V: np.ndarray,
    U: np.ndarray,
    pairs: list[tuple[int, int]],
    *,
    noise: np.ndarray,
    k: int = 1,
    rate: float = 0.1,
    drops: bool = False,
    seed: int = 7,
) -> tuple[np.ndarray, np.ndarray]:
    """V and U after a step on each pair."""
    share, alias = alias_table(noise)
    V, U = V.astype(np.float32), U.astype(np.float32)
    center, context = (np.array(side, np.int32) for side in zip(*pairs, strict=True))
    table, state = (share.astype(np.float32), alias.astype(np.int32)), np.array([seed], np.uint64)
    visit_pairs(V, U, center, context, *table, k, drops, np.float32(rate), state)
    return V, U


def only(context: int) -> np.ndarray:
    """A noise whose negatives are all one context."""
    return np.where(np.arange(WORDS) == context, 1.0, 0.0)


@pytest.mark.parametrize("drops", [False, True])
@pytest.mark.parametrize("pair", [(1, 2), (4, 3)])
def test_a_step_is_the_gradient_of_the_pair(pair: tuple[int, int], drops: bool) -> None:
    """Automatic differentiation of the pair's loss; its negatives are all context 3, met one after the other."""
    rng, (i, j), k, rate = np.random.default_rng(0), pair, 3, 0.2
    V, U = (rng.normal(size=(WORDS, 4)) for _ in range(2))
    found = visit(V, U, [pair], noise=only(3), k=k, rate=rate, drops=drops)

    expected = [torch.tensor(own) for own in (V, U)]
    v, gradient = expected[0][i].clone(), torch.zeros(4, dtype=torch.float64)
    for context, seen in [(j, True), *[(3, False)] * k]:
        if drops and not seen and context == j:
            continue
        u, own = expected[1][context].clone().requires_grad_(), v.clone().requires_grad_()
        softplus(-own @ u if seen else own @ u).backward()
        assert u.grad is not None
        assert own.grad is not None
        gradient += own.grad
        expected[1][context] -= rate * u.grad
    expected[0][i] -= rate * gradient
    for side, truth in zip(found, expected, strict=True):
        np.testing.assert_allclose(side, truth.numpy(), rtol=1e-5, atol=1e-6)


def test_pairs_step_one_after_another() -> None:
    rng = np.random.default_rng(1)
    V, U = (rng.normal(size=(WORDS, 4)) for _ in range(2))
    pairs = [(0, 2), (0, 5), (6, 2)]
    whole = visit(V, U, pairs, noise=only(3))
    learned = V, U
    for pair in pairs:
        learned = visit(*learned, [pair], noise=only(3))
    for own, truth in zip(whole, learned, strict=True):
        np.testing.assert_allclose(own, truth, rtol=1e-5)


@pytest.mark.parametrize("drops", [False, True])
def test_negatives_are_drawn_pair_by_pair(drops: bool) -> None:
    """Cut anywhere, the same pairs meet the same negatives: none is drawn for a pair that does not come."""
    rng = np.random.default_rng(3)
    start = [rng.normal(size=(WORDS, 3)).astype(np.float32) for _ in range(2)]
    center, context = (rng.integers(WORDS, size=12).astype(np.int32) for _ in range(2))
    share, alias = alias_table(np.full(WORDS, 1 / WORDS))
    table = share.astype(np.float32), alias.astype(np.int32)
    found = []
    for cuts in ([0, 12], [0, 1, 5, 5, 12]):
        V, U, state = start[0].copy(), start[1].copy(), np.array([7], np.uint64)
        for low, high in pairwise(cuts):
            visit_pairs(V, U, center[low:high], context[low:high], *table, 4, drops, np.float32(0.1), state)
        found.append((V, U, state))
    for whole, cut in zip(*found, strict=True):
        np.testing.assert_array_equal(whole, cut)


@pytest.mark.parametrize("drop_positive", [False, True])
def test_streamed_and_aggregated_gradients_agree_in_expectation(drop_positive: bool) -> None:
    """What the pairs of a pass move V and U by, each from the same place, over many draws: the gradient of ℓ on the triples.

    The steps change the gradient by their own order.
    """
    corpus, rate, times, again = TEXT.corpus, 1e-4, 200, 20
    assert corpus is not None
    counts, k = TEXT.counts, 3
    noise = sp.noise_distribution(counts, "unigram", 0.75)
    (windows,) = corpus.windows(0)
    pairs, often = np.unique(np.stack(windows.pairs(), axis=1), axis=0, return_counts=True)
    assert often.sum() == counts.total
    V, U = (np.random.default_rng(side).normal(size=(WORDS, 2)).astype(np.float32) for side in (1, 2))
    draws = np.zeros((times, 2, WORDS, 2))
    for (i, j), n in zip(pairs.tolist(), often, strict=True):
        for draw in range(times):
            seed = 10_000 * draw + WORDS * i + j
            moved = visit(V, U, [(i, j)] * again, noise=noise, k=k, rate=rate, drops=drop_positive, seed=seed)
            draws[draw] += n / counts.total * (np.stack([V, U]) - np.stack(moved)) / (rate * again)
    place = V.astype(float), U.astype(float)
    exact = sp.sgns_objective(*place, counts, k, noise, gradient=True, drop_positive=drop_positive)[1:]
    error, scale = np.std(draws, axis=0) / np.sqrt(times), np.abs(exact).max()
    assert error.max() < 0.01 * scale  # sharp enough to see a wrong factor
    assert (np.abs(np.mean(draws, axis=0) - exact) < 4.5 * error + rate * again * scale).all()


def test_training_comes_near_the_optimum_and_says_the_exact_objective() -> None:
    sgns = sp.SGNS(dim=3, k=3).fit(TEXT.counts)
    stream = SGNSStream(dim=3, k=3, epochs=200).fit(TEXT.corpus)
    found = sp.sgns_objective(stream.V_.astype(float), stream.U_.astype(float), TEXT.counts, 3, stream.noise_)
    assert stream.objective_ == pytest.approx(found, rel=1e-5)
    assert sgns.objective_ < stream.objective_ < 1.01 * sgns.objective_
    rows, cols = np.nonzero(TEXT.counts.seen)
    assert np.corrcoef(stream.estimate_pmi()[rows, cols], sgns.estimate_pmi()[rows, cols])[0, 1] > 0.9


def test_only_vectors_that_are_met_move() -> None:
    rng = np.random.default_rng(2)
    V, U = (rng.normal(size=(WORDS, 2)).astype(np.float32) for _ in range(2))
    moved = visit(V, U, [(1, 2), (1, 5)], noise=only(3))
    assert np.flatnonzero((moved[0] != V).any(axis=1)).tolist() == [1]
    assert np.flatnonzero((moved[1] != U).any(axis=1)).tolist() == [2, 3, 5]


@pytest.mark.parametrize("passed", [0.0, 0.25, 0.75, 1.0, 1.5])
def test_the_rate_falls_linearly_to_zero_and_stays_there(passed: float) -> None:
    """A step of a pair moves u by the rate · σ(−x) v; a text may bring more steps than were expected."""
    corpus = TEXT.corpus
    assert corpus is not None
    training = sgns_stream._Stream(SGNSStream(dim=2, lr=0.1), corpus, Negatives(1, np.maximum(only(3), 1e-12)))
    training.V, training.U = torch.randn(WORDS, 2), torch.randn(WORDS, 2)
    v, u, training.step = training.V[1].clone(), training.U[2].clone(), round(passed * training.steps)
    training._take_step(np.array([1], np.int32), np.array([2], np.int32))
    rate = 0.1 * max(1 - training.step / training.steps, 0)
    torch.testing.assert_close(training.U[2], u + rate * torch.sigmoid(-v @ u) * v)


def test_the_same_seed_gives_the_same_vectors_and_another_does_not() -> None:
    one, again, other = (SGNSStream(dim=2, epochs=2, seed=seed).fit(TEXT.corpus) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.V_, again.V_)
    assert (one.V_ != other.V_).any()


def test_ctrl_c_keeps_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    step, taken = sgns_stream._Stream._take_step, []

    def interrupted(*args: Any) -> None:
        taken.append(step(*args))
        if len(taken) == 30:
            raise KeyboardInterrupt

    monkeypatch.setattr(sgns_stream._Stream, "_take_step", interrupted)
    stopped = SGNSStream(dim=2).fit(TEXT.corpus)
    assert stopped.status_ == "interrupted"
    assert stopped.objective_ < stopped.history_["objective"].iloc[0]
    assert len(taken) == 30


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"dim": 0}, "dim=0"),
        ({"dim": 50}, "dim=50"),
        ({"k": 0}, "k=0"),
        ({"epochs": 0}, "epochs=0"),
        ({"lr": 0.0}, "lr=0.0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as refused:
        SGNSStream(**{"dim": 2} | options).fit(TEXT.corpus)
    assert str(refused.value).startswith(named)
