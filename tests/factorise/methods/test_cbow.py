"""CBOW: one window's step is the gradient of its loss, in both tables; with one context a window it is SGNS."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.draws import alias_table
from sgns_pmi.factorise.kernels.cbow import visit_windows
from sgns_pmi.factorise.methods.cbow import CBOW
from sgns_pmi.problems.corpus.stream import Corpus
from sgns_pmi.problems.text import text_problem, toy_problem

WORDS, DIM, K = 6, 3, 4
NEGATIVE = 5
ONLY = np.zeros(WORDS, np.float32), np.full(WORDS, NEGATIVE, np.int32)  # an alias table that always gives one word


def text_corpus(folder: Path, words: list[str], **options: Any) -> Corpus:
    file = folder / "text.txt"
    file.write_text(" ".join(words))
    corpus = text_problem(file, **{"min_count": 1, "cache": False, "window_type": "fixed"} | options).corpus
    assert corpus is not None
    return corpus


def step(
    V: np.ndarray,
    U: np.ndarray,
    windows: list[tuple[int, list[int]]],
    mean: bool,
    exact: bool = True,
    drop: bool = False,
    rate: float = 1e-3,
) -> tuple[float, np.ndarray, np.ndarray]:
    """Loss, and what the kernel adds to V and U."""
    V, U = V.copy(), U.copy()
    before = V.copy(), U.copy()
    center = np.array([c for c, _ in windows], np.int32)
    indptr = np.cumsum([0, *(len(own) for _, own in windows)])
    context = np.concatenate([own for _, own in windows]).astype(np.int32)
    state = np.array([7], np.uint64)
    loss = visit_windows(V, U, center, indptr, context, *ONLY, K, mean, exact, drop, rate, rate, state)
    return loss, V - before[0], U - before[1]


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize(
    ("center", "context", "drop"), [(1, [0, 2, 4], False), (1, [3], False), (2, [0, 2, 0, 5], False), (NEGATIVE, [0, 1], True)]
)
def test_a_step_is_the_gradient_of_the_window(mean: bool, center: int, context: list[int], drop: bool) -> None:
    rng = np.random.default_rng(0)
    V, U = (rng.normal(size=(WORDS, DIM)).astype(np.float32) for _ in range(2))
    v, u = (torch.tensor(side, dtype=torch.float64, requires_grad=True) for side in (V, U))
    h = v[context].sum(0) / (len(context) if mean else 1)
    negatives = 0 if drop else K
    # Each negative has its own log-sigmoid: the sum of their scores inside one would be another loss.
    wanted = -torch.nn.functional.logsigmoid(h @ u[center]) - negatives * torch.nn.functional.logsigmoid(-(h @ u[NEGATIVE]))
    wanted.backward()
    rate = 1e-4  # the K equal negatives step one after another, each by this much
    loss, dV, dU = step(V, U, [(center, context)], mean, drop=drop, rate=rate)
    assert loss == pytest.approx(wanted.item(), rel=1e-3)
    assert v.grad is not None
    assert u.grad is not None
    assert np.abs(v.grad.numpy()).max() > 0.05  # the contexts do learn
    np.testing.assert_allclose(-dV / rate, v.grad.numpy(), atol=5e-3)
    np.testing.assert_allclose(-dU / rate, u.grad.numpy(), atol=5e-3)


def test_word2vec_does_not_divide_the_gradient_of_the_contexts() -> None:
    rng = np.random.default_rng(0)
    V, U = (rng.normal(size=(WORDS, DIM)).astype(np.float32) for _ in range(2))
    loss, dV, dU = step(V, U, [(1, [0, 2, 4])], mean=True)
    other_loss, other_dV, other_dU = step(V, U, [(1, [0, 2, 4])], mean=True, exact=False)
    assert loss == other_loss
    np.testing.assert_array_equal(dU, other_dU)
    np.testing.assert_allclose(3 * dV, other_dV, atol=1e-6)


def test_windows_step_one_after_another() -> None:
    rng = np.random.default_rng(1)
    V, U = (rng.normal(size=(WORDS, DIM)).astype(np.float32) for _ in range(2))
    windows = [(0, [1, 2]), (3, [4, 0, 1])]
    _, dV, dU = step(V, U, windows, mean=True, rate=0.1)
    _, first_V, first_U = step(V, U, windows[:1], mean=True, rate=0.1)
    _, second_V, second_U = step(V + first_V, U + first_U, windows[1:], mean=True, rate=0.1)
    np.testing.assert_allclose(dV, first_V + second_V, atol=1e-6)
    np.testing.assert_allclose(dU, first_U + second_U, atol=1e-6)


@pytest.mark.parametrize("drops", [False, True])
def test_negatives_are_drawn_window_by_window(drops: bool) -> None:
    """Cut anywhere, the same windows meet the same negatives: none is drawn for a window that does not come."""
    rng = np.random.default_rng(3)
    start = [rng.normal(size=(WORDS, DIM)).astype(np.float32) for _ in range(2)]
    center, context = rng.integers(WORDS, size=8).astype(np.int32), rng.integers(WORDS, size=20).astype(np.int32)
    indptr = np.array([0, 2, 3, 7, 8, 11, 15, 16, 20])
    share, alias = alias_table(np.full(WORDS, 1 / WORDS))
    table = share.astype(np.float32), alias.astype(np.int32)
    found = []
    for cuts in ([0, 8], [0, 1, 5, 5, 8]):
        V, U, state = start[0].copy(), start[1].copy(), np.array([7], np.uint64)
        for low, high in pairwise(cuts):
            own = center[low:high], indptr[low : high + 1], context
            visit_windows(V, U, *own, *table, 4, True, True, drops, 0.1, 0.1, state)
        found.append((V, U, state))
    for whole, cut in zip(*found, strict=True):
        np.testing.assert_array_equal(whole, cut)


def test_negatives_follow_the_noise() -> None:
    """A huge vocabulary of two words: the share of steps that the second one takes is its noise."""
    share, alias = alias_table(np.array([0.2, 0.5, 0.3]))
    windows, k = 2000, 10
    # V = 0 keeps all scores 0, and U[j] gets −rate · ½ · h for every draw: h is the constant vector of context 0.
    V, U = np.ones((3, 1), np.float32), np.zeros((3, 1), np.float32)
    visit_windows(
        V,
        U,
        np.zeros(windows, np.int32),
        np.arange(windows + 1),
        np.zeros(windows, np.int32),
        share.astype(np.float32),
        alias.astype(np.int32),
        k,
        True,
        True,
        True,
        1e-7,
        1e-7,
        np.array([3], np.uint64),
    )
    drawn = -U[1:, 0] / (0.5e-7 * windows * k)
    error = np.sqrt(np.array([0.25, 0.21]) / (windows * k))
    assert (np.abs(drawn - [0.5, 0.3]) < 4 * error).all()


def test_with_one_context_it_is_sgns_with_the_sides_exchanged(tmp_path: Path) -> None:
    """Text of a chain whose successors are far from symmetric: u_i·v_j estimates PMI of word i after word j."""
    rng = np.random.default_rng(0)
    letters = list("abcdefgh")
    step = {letter: [letters[(n + 1) % 8], letters[(n + 3) % 8]] for n, letter in enumerate(letters)}
    words = ["a"]
    while len(words) < 40_000:
        words.append(str(rng.choice(step[words[-1]])) if rng.random() < 0.7 else str(rng.choice(letters)))
    corpus = text_corpus(tmp_path, words, window=1, direction="left", boundary="none")
    cbow = CBOW(dim=6, k=3, epochs=15, lr=0.05).fit(corpus)
    pmi = sp.pmi_matrix(corpus.counts)
    estimate = cbow.estimate_pmi()
    assert np.corrcoef(estimate.ravel(), pmi.ravel())[0, 1] > 0.98
    assert np.corrcoef(estimate.ravel(), pmi.T.ravel())[0, 1] < 0.7
    assert abs(float(np.mean(estimate - pmi))) < 0.1  # log K and the noise are in it
    smoothed = CBOW(dim=6, k=3, exponent=0.5, epochs=15, lr=0.05).fit(corpus)
    raw, corrected = smoothed.estimate_pmi(corrected=False), smoothed.estimate_pmi()
    share = corpus.counts.row_sums / corpus.counts.total
    np.testing.assert_allclose(corrected - raw, np.broadcast_to(np.log(smoothed.noise_ / share)[:, None], raw.shape), atol=1e-9)


def test_the_same_seed_gives_the_same_vectors_and_another_does_not() -> None:
    corpus = toy_problem(["a b c d", "b c d a", "d d c a"]).corpus
    one, again, other = (CBOW(dim=2, epochs=20, seed=seed).fit(corpus) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.V_, again.V_)
    assert (one.V_ != other.V_).any()
    assert list(one.history_.columns) == ["step", "epoch", "seconds", "objective"]
    assert one.objective_ == one.history_["objective"].iloc[-1] < one.history_["objective"].iloc[0]


def test_ctrl_c_keeps_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = toy_problem(["a b c d", "b c d a"]).corpus
    assert corpus is not None
    two = CBOW(dim=2, epochs=2).fit(corpus)
    whole = corpus.windows

    def windows(epoch: int) -> Any:
        if epoch == 2:
            raise KeyboardInterrupt
        return whole(epoch)

    monkeypatch.setattr(corpus, "windows", windows)
    stopped = CBOW(dim=2, epochs=9).fit(corpus)
    assert stopped.status_ == "interrupted"
    assert two.status_ != "interrupted"
    assert np.abs(stopped.V_).max() > 0
    assert np.isfinite(stopped.objective_)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"dim": 0}, "dim=0"),
        ({"dim": 50}, "dim=50"),
        ({"k": 0}, "k=0"),
        ({"combine": "max"}, "combine=max"),
        ({"epochs": 0}, "epochs=0"),
        ({"lr": 0.0}, "lr=0.0"),
        ({"seed": -1}, "seed=-1"),
        ({"drop_positive": 1}, "drop_positive=1"),
        ({"lr": 1e20}, "lr=1e+20"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options: dict[str, Any], named: str) -> None:
    corpus = toy_problem(["a b c d", "b c d a"]).corpus
    with pytest.raises(InputError) as refused:
        CBOW(**{"dim": 2} | options).fit(corpus)
    assert str(refused.value).startswith(named)
