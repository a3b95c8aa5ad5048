"""Every method on counts at the edge of what counts can be: a finite estimate with its status, or one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    "words that never occur": [[4.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 4.0, 0.0]],
}
FEW = {
    "numpy_sgns": {"epochs": 1},
    "cbow": {"epochs": 2},
    "sgns_stream": {"epochs": 1},
    "ro_sgns": {"max_steps": 20},
    "swivel": {"max_steps": 20},
}
COUNTED = [name for name, method in METHODS.items() if method.needs in ("counts", "words", "draws")]
LONG_PATHS = ("one word", "independent blocks", "huge spread")
"""Counts with which ridge=auto takes seconds; where there are seconds to spare, it ends with them too."""
NEGATIVES = [1, 10**6, 10**18, 10**30]


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
        more = {"ridge": 0.1} if name == "sgns_ridge" and kind in LONG_PATHS else {}
        check_or_refuse(lambda: fitted(name, counts, dim=dim, **more), counts.seen, "ridge")  # found by counts held out


def check_or_refuse(fit: Callable[[], Any], seen: np.ndarray, field: str) -> None:
    try:
        estimator = fit()
    except InputError as error:
        assert (error.field, "\n" in str(error)) == (field, False)  # noqa: PT017, one of two good ends
    else:
        check(estimator, seen)


@pytest.mark.parametrize("k", NEGATIVES)
@pytest.mark.parametrize("name", COUNTED)
def test_few_and_very_many_negatives(name: str, k: int) -> None:
    """Drawn one by one, so many take more memory or time than there is."""
    counts = counts_of([[8.0, 1.0], [1.0, 8.0], [3.0, 3.0]])
    check_or_refuse(lambda: fitted(name, counts, dim=2, k=k), counts.seen, "k")


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.needs != "truth"])
def test_whole_numbers_may_be_written_as_floats(name: str) -> None:
    text = sp.text_problem([["a", "b", "c"], ["b", "a", "b"], ["c", "a"]], cache=False).corpus
    given = text if METHODS[name].needs == "text" else text.counts
    whole = {"dim": 2.0, "k": 2.0, "epochs": 2.0, "max_steps": 20.0, "batch": 2.0, "batch_size": 4.0, "minn": 2.0, "maxn": 3.0}
    known = METHODS[name].estimator.parameters()
    estimator = METHODS[name].build().set_params(**{key: value for key, value in whole.items() if key in known})
    if name == "sgns_ridge":
        estimator.set_params(ridge=0.1)
    check(estimator.fit(given), text.counts.seen)


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
@pytest.mark.parametrize("k", [1, 1000, *NEGATIVES[2:]])
def test_a_text_of_two_words(name: str, k: int) -> None:
    corpus = sp.text_problem([["a", "b"], ["b", "a", "b"]], cache=False).corpus
    check_or_refuse(lambda: fitted(name, corpus, dim=1, k=k), corpus.counts.seen, "k")


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
