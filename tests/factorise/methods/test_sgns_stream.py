"""Streamed SGNS: its expected gradient is that of ℓ on the counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from letters import letters_problem

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.methods import sgns_stream
from sgns_pmi.factorise.methods.sgns_stream import SGNSStream
from sgns_pmi.negatives import Negatives

TEXT = letters_problem(words=7, tokens=600, window=2)


@pytest.mark.parametrize("drop_positive", [False, True])
def test_streamed_and_aggregated_gradients_agree_in_expectation(drop_positive: bool) -> None:
    """The gradient of all pairs of a pass, over many draws of the negatives, against that of ℓ on the triples."""
    corpus = TEXT.corpus
    assert corpus is not None
    counts, k = TEXT.counts, 3
    noise = sp.noise_distribution(counts, "unigram", 0.75)
    negatives = Negatives(k, noise, drop_positive)
    stream = sgns_stream._Stream(SGNSStream(dim=2), corpus, negatives, torch.Generator().manual_seed(0))
    stream.V, stream.U = (torch.randn((7, 2), generator=torch.Generator().manual_seed(side)) for side in (1, 2))
    (windows,) = corpus.windows(0)
    center, context = (torch.tensor(side, dtype=torch.int64) for side in windows.pairs())
    assert len(center) == counts.total
    draws = []
    for _ in range(300):
        (words, dV), (contexts, dU) = stream.batch_gradients(center, context[:, None])
        full = torch.zeros(2, 7, 2)
        full[0, words], full[1, contexts] = dV, dU
        draws.append(full.numpy())
    V, U = stream.V.double().numpy(), stream.U.double().numpy()
    exact = sp.sgns_objective(V, U, counts, k, noise, gradient=True, drop_positive=drop_positive)[1:]
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    assert error.max() < 0.01 * np.abs(exact).max()  # sharp enough to see a wrong factor
    assert (np.abs(np.mean(draws, axis=0) - exact) < 4.5 * error + 1e-6).all()


def test_training_comes_near_the_optimum_and_says_the_exact_objective() -> None:
    sgns = sp.SGNS(dim=3, k=3).fit(TEXT.counts)
    stream = SGNSStream(dim=3, k=3, epochs=200, batch_size=128).fit(TEXT.corpus)
    found = sp.sgns_objective(stream.V_.astype(float), stream.U_.astype(float), TEXT.counts, 3, stream.noise_)
    assert stream.objective_ == pytest.approx(found, rel=1e-5)
    assert sgns.objective_ < stream.objective_ < 1.01 * sgns.objective_
    rows, cols = np.nonzero(TEXT.counts.seen)
    assert np.corrcoef(stream.estimate_pmi()[rows, cols], sgns.estimate_pmi()[rows, cols])[0, 1] > 0.9


def test_only_the_batch_is_touched_and_a_row_moves_by_adagrad() -> None:
    corpus = TEXT.corpus
    assert corpus is not None
    noise = np.where(np.arange(7) == 3, 1.0, 1e-12)
    stream = sgns_stream._Stream(SGNSStream(dim=2, lr=0.1), corpus, Negatives(1, noise), torch.Generator().manual_seed(0))
    stream.V, stream.U = torch.randn(7, 2), torch.randn(7, 2)
    V, U = stream.V.clone(), stream.U.clone()
    stream._take_step(torch.tensor([1, 1]), torch.tensor([[2], [5]]))
    moved_V, moved_U = (stream.V - V).abs().sum(1) > 0, (stream.U - U).abs().sum(1) > 0
    assert moved_V.nonzero().ravel().tolist() == [1]
    assert moved_U.nonzero().ravel().tolist() == [2, 3, 5]
    # The first AdaGrad step is lr · sign of the gradient.
    torch.testing.assert_close((stream.V - V)[1].abs(), torch.full((2,), 0.1))


@pytest.mark.parametrize("passed", [0.0, 0.25, 0.75, 1.0, 1.5])
def test_the_rate_falls_linearly_to_zero_and_stays_there(passed: float) -> None:
    """The first AdaGrad step of a vector is the rate · sign of the gradient; a text may bring more steps than were expected."""
    corpus = TEXT.corpus
    assert corpus is not None
    noise = np.where(np.arange(7) == 3, 1.0, 1e-12)
    stream = sgns_stream._Stream(SGNSStream(dim=2, lr=0.1), corpus, Negatives(1, noise), torch.Generator().manual_seed(0))
    stream.V, stream.U = torch.randn(7, 2), torch.randn(7, 2)
    V, stream.step = stream.V.clone(), round(passed * stream.steps)
    stream._take_step(torch.tensor([1, 1]), torch.tensor([[2], [5]]))
    rate = 0.1 * max(1 - stream.step / stream.steps, 0)
    torch.testing.assert_close((stream.V - V)[1].abs(), torch.full((2,), rate), atol=1e-6, rtol=1e-4)


def test_a_batch_has_the_mean_loss_of_its_own_pairs_however_many_there_are() -> None:
    """With the noise on one context nothing is random: the same pairs twice have the same gradient."""
    corpus = TEXT.corpus
    assert corpus is not None
    noise = np.where(np.arange(7) == 3, 1.0, 1e-12)
    stream = sgns_stream._Stream(SGNSStream(dim=2, batch_size=64), corpus, Negatives(2, noise), torch.Generator().manual_seed(0))
    stream.V, stream.U = torch.randn(7, 2), torch.randn(7, 2)
    center, context = torch.tensor([1, 4, 6]), torch.tensor([[2], [5], [0]])
    once, twice = (stream.batch_gradients(center.repeat(times), context.repeat(times, 1)) for times in (1, 2))
    for (rows, gradient), (again, same) in zip(once, twice, strict=True):
        torch.testing.assert_close(rows, again)
        torch.testing.assert_close(gradient, same)


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
    stopped = SGNSStream(dim=2, batch_size=64).fit(TEXT.corpus)
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
        ({"batch_size": 0}, "batch_size=0"),
        ({"seed": -1}, "seed=-1"),
        ({"device": "tpu"}, "device=tpu"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as refused:
        SGNSStream(**{"dim": 2} | options).fit(TEXT.corpus)
    assert str(refused.value).startswith(named)
