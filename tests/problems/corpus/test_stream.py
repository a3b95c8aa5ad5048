"""Windows of a text read again are those that were counted."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgns_pmi.problems import Problem, text
from sgns_pmi.problems.corpus.sources import Source
from sgns_pmi.problems.corpus.stream import Corpus
from sgns_pmi.problems.text import text_problem, toy_problem

LINES = st.lists(st.text("abcd ", max_size=12), min_size=1, max_size=6).filter(
    lambda lines: sum(len(set(line.split())) > 1 for line in lines) > 0
)


def corpus_of(problem: Problem) -> Corpus:
    assert problem.corpus is not None
    return problem.corpus


def summed(corpus: Corpus, epoch: int = 0) -> np.ndarray:
    total = np.zeros(corpus.counts.shape)
    for windows in corpus.windows(epoch):
        np.add.at(total, windows.pairs(), 1)
    return total


@given(lines=LINES, window=st.integers(1, 4))
@settings(deadline=None, max_examples=50)
def test_the_pairs_of_toy_windows_are_the_counts(lines: list[str], window: int) -> None:
    spaced = [" ".join(line) for line in lines]
    if len({letter for line in spaced for letter in line.split()}) < 2 or not any(len(line.split()) > 1 for line in spaced):
        return
    problem = toy_problem(spaced, window)
    np.testing.assert_array_equal(summed(corpus_of(problem)), problem.counts.matrix.toarray())


@pytest.mark.parametrize(
    "options",
    [
        {"window_type": "fixed"},
        {"window_type": "drawn"},
        {"direction": "left"},
        {"direction": "right"},
        {"removal": "clean"},
        {"boundary": "paragraph"},
        {"boundary": "none"},
    ],
    ids=str,
)
def test_pass_0_is_what_was_counted(options: dict[str, str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = rng.choice(list("abcdefghij"), 4000, p=np.arange(10, 0, -1) / 55)
    file = tmp_path / "text.txt"
    file.write_text("\n".join(" ".join(line) for line in np.array_split(words, 300)) + "\n\n" + "a b c")
    chosen = {"window_type": "drawn", "subsample": 0.02, "window": 3, "cache": False} | options
    problem = text_problem(file, **chosen)  # type: ignore[arg-type]
    corpus = corpus_of(problem)
    np.testing.assert_array_equal(summed(corpus), problem.counts.matrix.toarray())
    np.testing.assert_array_equal(summed(corpus), summed(corpus))  # a pass can be repeated
    assert (summed(corpus, 1) != summed(corpus)).any()  # and the next one draws anew


def test_expected_windows_are_what_drawn_ones_average_to(tmp_path: Path) -> None:
    """n_ij sums (w − d + 1)/w over the occurrences at distance d; a pass adds a Bernoulli draw for each, so that the variance
    of a cell is at most n_ij / passes."""
    rng = np.random.default_rng(1)
    file = tmp_path / "text.txt"
    file.write_text(" ".join(rng.choice(list("abcdef"), 3000)))
    problem = text_problem(file, window=4, window_type="expected", cache=False)
    passes = 40
    mean = sum(summed(corpus_of(problem), epoch) for epoch in range(passes)) / passes
    counts = problem.counts.matrix.toarray()
    # Draws of one centre are shared by its contexts of one pair type at several distances: at most 2 * 4 of them.
    deviations = (mean - counts) / np.sqrt(counts * 8 / passes)
    assert np.abs(deviations).max() < 5


def test_a_text_that_does_not_fit_in_memory_is_read_from_disk(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    file = tmp_path / "text.txt"
    file.write_text(" ".join(rng.choice(list("abcdef"), 5000)))
    corpus = corpus_of(text_problem(file, window=2, window_type="fixed", cache=False))
    spilling = Corpus(
        corpus.counts, corpus._sources, corpus._settings, type(corpus._limits)(**{**vars(corpus._limits), "ids": 0}), tmp_path
    )
    assert spilling.tokens == corpus.tokens == 5000
    assert spilling._numbered[1].spilled > 0
    for _ in range(2):
        np.testing.assert_array_equal(summed(spilling), summed(corpus))


def test_standard_input_has_no_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    read_once = Source("standard input", 0, lambda: io.BytesIO(b"a b a b " * 10), repeatable=False)  # type: ignore[arg-type]
    monkeypatch.setattr(text, "find_sources", lambda path: [read_once])
    assert text_problem("-", min_count=1).corpus is None
