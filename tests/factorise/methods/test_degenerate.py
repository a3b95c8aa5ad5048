"""Every method on counts at the edge of what counts can be: a finite estimate with its status, or one line."""

from __future__ import annotations

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi import InputError
from sgns_pmi.factorise import METHODS
from sgns_pmi.factorise.registry import Parameters

DEGENERATE = {
    "one context": [[3.0], [5.0], [1.0]],
    "one word": [[3.0, 5.0, 1.0]],
    "one cell": [[7.0]],
    "all equal": [[3.0, 3.0], [3.0, 3.0]],
    "huge spread": [[1e-12, 1.0, 3.0], [2.0, 1e15, 1.0], [1.0, 4.0, 1.0]],
    "independent blocks": [[4.0, 0.0], [0.0, 4.0]],
    "a word that never occurs": [[4.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 4.0, 0.0]],
}
FEW = {
    "numpy_sgns": {"epochs": 3},
    "cbow": {"epochs": 2},
    "sgns_stream": {"epochs": 1},
    "ro_sgns": {"max_steps": 20},
    "swivel": {"max_steps": 20},
}
COUNTED = [name for name, method in METHODS.items() if method.needs in ("counts", "words")]


def counts_of(n: list[list[float]]) -> sp.CooccurrenceCounts:
    words, contexts = np.shape(n)
    return sp.CooccurrenceCounts.from_matrix(n, [f"word{i}" for i in range(words)], [f"word{j}" for j in range(contexts)])


def fitted(name: str, given: object, **parameters):
    return METHODS[name].build(Parameters(**parameters), FEW.get(name), {"sampled": {"epochs": 3}}).fit(given)


def check(estimator, seen: np.ndarray) -> None:
    assert estimator.finite
    for corrected in (False, True):
        estimate = estimator.estimate_pmi(corrected)
        assert not np.isnan(estimate).any()
        assert np.isfinite(estimate[seen]).all()
    assert np.isfinite(getattr(estimator, "objective_", 0.0))


@pytest.mark.parametrize("kind", DEGENERATE)
@pytest.mark.parametrize("name", COUNTED)
def test_degenerate_counts(name: str, kind: str) -> None:
    counts = counts_of(DEGENERATE[kind])
    dim = 2 if name == "softmax_mle" else 1
    if dim > min(counts.shape):
        with pytest.raises(InputError, match=r"^dim=2: must be at most 1"):
            fitted(name, counts, dim=dim)
    else:
        check(fitted(name, counts, dim=dim), counts.seen)


@pytest.mark.parametrize("name", COUNTED)
def test_a_million_negatives(name: str) -> None:
    counts = counts_of([[8.0, 1.0], [1.0, 8.0], [3.0, 3.0]])
    check(fitted(name, counts, dim=2, k=10**6), counts.seen)


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("n", [[[1e308, 1e307], [1e306, 1e307]], [[1e-320, 2e-320], [3e-320, 1e-320]]], ids=["huge", "tiny"])
def test_a_scale_that_cannot_be_computed_with_is_refused(name: str, n: list[list[float]]) -> None:
    with pytest.raises(InputError, match=r"^count=.*multiply all by one number"):
        fitted(name, counts_of(n), dim=2)


@pytest.mark.parametrize("kind", [kind for kind, n in DEGENERATE.items() if np.min(n) > 0])
def test_the_oracle_of_degenerate_counts(kind: str) -> None:
    pmi = sp.pmi_matrix(DEGENERATE[kind])
    check(fitted("oracle", pmi, dim=1), np.ones(pmi.shape, bool))


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.needs == "text"])
@pytest.mark.parametrize("parameters", [{}, {"k": 1000}])
def test_a_text_of_two_words(name: str, parameters: dict[str, int]) -> None:
    corpus = sp.text_problem([["a", "b"], ["b", "a", "b"]], cache=False).corpus
    check(fitted(name, corpus, dim=1, **parameters), corpus.counts.seen)


@pytest.mark.parametrize(
    "estimator",
    [
        sp.SGNS(dim=1, solver=sp.Sampled(optimizer="sgd", lr=1e30, epochs=3)),
        sp.NumpySGNS(dim=1, lr=1e30, epochs=3),
        sp.GloVe(dim=1, solver="adagrad", lr=1e30, epochs=3),
        sp.ROSGNS(dim=1, step=1e30, max_steps=3),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_an_absurd_learning_rate_keeps_what_was_good(estimator) -> None:
    counts = counts_of([[8.0, 1.0], [1.0, 8.0], [3.0, 3.0]])
    check(estimator.fit(counts), counts.seen)
    assert estimator.status_ == "diverged"
    assert "choose a smaller" in estimator.note_
