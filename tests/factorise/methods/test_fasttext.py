"""FastText: SGNS with subwords, from its own rows to words that it never saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sgns_pmi as sp
from sgns_pmi.factorise import METHODS, Parameters
from sgns_pmi.factorise.methods.fasttext import FastText, shares
from sgns_pmi.factorise.subwords import Hashing, averaging

STEMS = ("walk", "talk", "jump", "climb", "paint", "start", "count", "point")
ENDINGS = ("", "s", "ed", "ing")
WORDS = tuple(stem + ending for stem in STEMS for ending in ENDINGS)


def inflected(pairs: float = 20_000.0, seed: int = 0) -> sp.CooccurrenceCounts:
    """Words whose contexts are told by stem and ending: PMI is a sum of what both have; some words are rare."""
    rng = np.random.default_rng(seed)
    stems, endings = rng.normal(size=(len(STEMS), 3)), rng.normal(size=(len(ENDINGS), 3))
    vectors = (stems[:, None] + endings[None]).reshape(-1, 3)
    joint = np.exp(vectors @ rng.normal(size=(3, 40))) * rng.choice([1.0, 0.03], size=len(WORDS))[:, None]
    n = rng.poisson(pairs * joint / joint.sum()) + 0.0
    n[n.sum(1) == 0, 0] = 1
    return sp.CooccurrenceCounts.from_matrix(n[:, n.sum(0) > 0], vocab=WORDS)


@pytest.fixture(scope="module")
def counts() -> sp.CooccurrenceCounts:
    return inflected()


@pytest.fixture(scope="module")
def fitted(counts: sp.CooccurrenceCounts) -> FastText:
    return FastText(dim=3, exponent=0.75).fit(counts)


def test_centre_vectors_are_means_of_word_and_ngrams(fitted):
    A, used = averaging(WORDS, Hashing())
    np.testing.assert_array_equal(used, fitted.subwords_.used)
    rows = np.vstack([fitted.word_vectors_, fitted.subwords_.vectors])
    np.testing.assert_allclose(fitted.V_, A @ rows, atol=1e-5)


def test_objective_is_that_of_sgns(counts, fitted):
    exact = sp.sgns_objective(fitted.V_.astype(float), fitted.U_.astype(float), counts, 5, fitted.noise_)
    assert fitted.objective_ == pytest.approx(exact, rel=1e-5)
    np.testing.assert_allclose(fitted.estimate_pmi(corrected=False), fitted.V_.astype(float) @ fitted.U_.T + np.log(5), atol=1e-6)
    offset = np.log(fitted.noise_) - np.log(counts.col_sums / counts.total)
    np.testing.assert_allclose(fitted.estimate_pmi() - fitted.estimate_pmi(corrected=False), np.tile(offset, (32, 1)), atol=1e-10)


def test_training_falls_to_the_optimum_of_sgns(counts):
    """Each word has a vector of its own, so that in the end n-grams bind nothing (all contexts are scored: no draws)."""
    optimum = sp.SGNS(dim=3, k=5).fit(counts).objective_
    long = FastText(dim=3, epochs=1500).fit(counts)
    assert optimum <= long.objective_ < 1.005 * optimum
    assert (np.diff(long.history_["objective"]) < 1e-4).all()


def test_an_ngram_moves_by_the_weighted_mean_of_its_words():
    A, _ = averaging(("ab", "abc", "xyz"), Hashing(3, 3))
    frequency = np.array([5.0, 2.0, 0.0])
    dense, moves = A.toarray(), np.random.default_rng(0).normal(size=(3, 2))
    found = shares(A, frequency) @ moves
    for column, move in zip(dense.T, found, strict=True):
        weight = frequency * column
        expected = weight @ moves / weight.sum() if weight.sum() > 0 else np.zeros(2)
        np.testing.assert_allclose(move, expected)
        # It minimises Σ_w (r_w / m_w) ‖Δz_g − δ_w‖².
        cost = lambda z, weight=weight: (weight * ((z - moves) ** 2).sum(1)).sum()  # noqa: E731
        assert all(cost(move) <= cost(move + step) for step in 0.1 * np.eye(2))


def test_rare_words_are_estimated_better_than_by_sgns():
    """What rare words lack in pairs, words of the same parts have. Medians over five corpora, after the same epochs."""
    ratios = []
    for seed in range(5):
        counts, truth = inflected(4000.0, seed), inflected(4e6, seed)
        if counts.shape != truth.shape:
            continue
        true_pmi = sp.pmi_matrix(truth)
        rare = (counts.row_sums < 40) & (truth.row_sums > 500)
        used = np.isfinite(true_pmi[rare])
        errors = [
            np.sqrt((((est.fit(counts).estimate_pmi() - true_pmi)[rare][used]) ** 2).mean())
            for est in (FastText(dim=4, epochs=30), sp.SGNS(dim=4, solver="expected"))
        ]
        ratios.append(errors[0] / errors[1])
    assert len(ratios) >= 3
    assert np.median(ratios) < 0.8


def test_unknown_words_lie_beside_those_they_share_ngrams_with(counts):
    """Of 32 words, four with the stem that is meant, the first stands at 5.6 by chance, ± 0.9 on average over 30 cases."""
    ranks = []
    for seed in range(10):
        est = FastText(dim=3, exponent=0.75, seed=seed).fit(counts)
        vectors = sp.WordVectors(counts.vocab, est.V_)
        for misspelt, meant in (("walkk", "walk"), ("paintting", "pain"), ("climbd", "clim")):
            order = np.argsort(-(vectors.unit @ est.compose(misspelt)))
            ranks.append([WORDS[at].startswith(meant) for at in order].index(True))
    assert np.mean(ranks) < 5.6 - 3 * 0.9


def test_a_word_that_shares_no_ngram_is_refused(fitted):
    with pytest.raises(sp.InputError, match=r"word=zzz: .* shares no n-gram"):
        fitted.compose("zzz")


def test_counts_without_words_are_refused():
    with pytest.raises(sp.InputError, match="counts=numbered rows: need words"):
        FastText().fit(np.ones((5, 5)))


def test_words_that_never_occur_have_zero_vectors_and_move_nothing(counts):
    n = counts.matrix.toarray()
    n[4], n[:, 2] = 0, 0
    est = FastText(dim=2, epochs=3).fit(sp.CooccurrenceCounts.from_matrix(n, vocab=WORDS))
    assert (est.V_[4] == 0).all()
    assert (est.U_[2] == 0).all()
    assert np.isfinite(est.compose("talks"[::-1] + "talk")).all()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_seeds_repeat(counts, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    est = FastText(dim=2, epochs=2, seed=1, device=device)
    with pytest.raises(NotFittedError):
        est.estimate_pmi()
    first, again, other = (clone(est).set_params(seed=seed).fit(counts).V_ for seed in (1, 1, 2))
    np.testing.assert_allclose(first, again, atol=0 if device == "cpu" else 1e-4)
    assert not np.allclose(first, other, atol=1e-2)


def test_ctrl_c_keeps_what_was_learned(counts, monkeypatch):
    import sgns_pmi.progress

    def stop_after_three_epochs(self, steps=1, objective=None):
        self.seen = getattr(self, "seen", 0) + steps
        if self.seen == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(sgns_pmi.progress.Progress, "update", stop_after_three_epochs)
    stopped = FastText(dim=2).fit(counts)
    monkeypatch.undo()
    whole = FastText(dim=2, epochs=3).fit(counts)
    assert stopped.status_ == "interrupted"
    assert whole.status_ != "interrupted"
    np.testing.assert_array_equal(stopped.V_, whole.V_)
    assert stopped.objective_ == whole.objective_
    assert whole.history_["epoch"].tolist() == [0, 2, 3]


def test_divergence_is_said_in_one_line(counts, monkeypatch):
    monkeypatch.setattr("sgns_pmi.factorise.solvers.newton_move", lambda block, v, *rest: v * 1e6)
    monkeypatch.setattr("sgns_pmi.factorise.solvers.improve", lambda *block: None)
    text = FastText(dim=2).fit(counts)
    assert text.status_ == "diverged"
    assert text.note_.startswith("method=fasttext: training diverged")
    assert text.finite


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "dim=0"),
        ({"dim": 99}, "dim=99: must be at most 32"),
        ({"k": 0}, "k=0"),
        ({"minn": 0}, "minn=0"),
        ({"maxn": 2}, "maxn=2: must be at least minn=3"),
        ({"buckets": 0}, "buckets=0"),
        ({"epochs": 0}, "epochs=0"),
        ({"exponent": -1}, "exponent=-1"),
        ({"drop_positive": 1}, "drop_positive=1"),
        ({"seed": -1}, "seed=-1"),
        ({"device": "tpu"}, "device=tpu"),
    ],
)
def test_bad_options_are_refused(counts, options, message):
    with pytest.raises(sp.InputError, match=message):
        FastText(**options).fit(counts)


def test_configuration_reaches_the_estimator():
    built = METHODS["fasttext"].build(Parameters(dim=3, k=7, exponent=0.5), {"minn": 2, "epochs": 4})
    assert {"dim": 3, "k": 7, "exponent": 0.5, "minn": 2, "epochs": 4}.items() <= built.get_params().items()
    assert METHODS["fasttext"].needs == "words"
