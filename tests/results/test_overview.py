"""The console's table, and the rows that figures show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.words.evaluation import answers_from
from sgns_pmi.results.overview import SHOWN_CELLS, Shown, answers_overview, as_text, main_target, overview, shown_rows

COLUMNS = ["method", "estimate", "target", "cells", "metric", "value"]


def test_overview_takes_the_corrected_estimate_and_the_main_target() -> None:
    rows = [
        ("b", "corrected", "true", "all", "rmse", 1.0),
        ("b", "raw", "true", "all", "rmse", 9.0),
        ("b", "corrected", "empirical", "all", "rmse", 8.0),
        ("a", "corrected", "true", "all", "rmse", 2.0),
        ("a", "corrected", "true", "seen", "rmse", 3.0),
        ("a", "corrected", "true", "all", "mae", 7.0),
        ("b", "corrected", "objective", "all", "value", 4.0),
    ]
    table = overview(pd.DataFrame(rows, columns=COLUMNS))
    assert table.index.tolist() == ["b", "a"]  # the order of the rows
    assert table.columns.tolist() == ["rmse all", "rmse seen", "objective"]  # what no method has is left out
    assert table.loc["b", "rmse all"] == 1.0
    assert table.loc["a", "rmse seen"] == 3.0
    assert np.isnan(table.loc["a", "objective"])
    assert as_text(table).splitlines()[1].split() == ["b", "1", "4"]


def test_without_a_truth_the_target_is_empirical() -> None:
    rows = [
        ("a", "corrected", "empirical", cells, metric, value)
        for cells in ("all", "seen")
        for metric, value in (("rmse", 1.0), ("pearson", 0.5))
    ]
    metrics = pd.DataFrame(rows, columns=COLUMNS)
    assert main_target(metrics) == "empirical"
    # Which is defined in seen cells alone: the same is not said twice.
    assert overview(metrics).to_dict("list") == {"rmse seen": [1.0], "pearson": [0.5]}


@pytest.mark.parametrize("shape", [(1, 1), (100, 100), (20_000, 20_000), (3, 10**7)])
def test_shown_rows(shape: tuple[int, int]) -> None:
    rows = shown_rows(shape)
    assert len(np.unique(rows)) == len(rows) == min(shape[0], max(1, SHOWN_CELLS // shape[1]))
    assert rows[0] == 0
    assert rows[-1] == (shape[0] - 1 if len(rows) > 1 else 0)


def test_small_problems_are_shown_whole() -> None:
    problem = sp.softmax_problem(words=12, rank=1, pairs=500, seed=0)
    for target, known in ((problem.pmi, problem), (sp.pmi_matrix(problem.counts), replace(problem, truth=None))):
        shown = Shown.of(known)
        assert (shown.cols, shown.note) == (None, "")
        np.testing.assert_array_equal(shown.target, target)
        np.testing.assert_array_equal(shown.counts, problem.counts.matrix.toarray())
        svd = sp.SPPMISVD(dim=2, k=1, exponent=0.5).fit(problem.counts)
        np.testing.assert_array_equal(shown.estimate(svd, corrected=True), svd.estimate_pmi())


@pytest.mark.parametrize("most", [40, 10**6])
def test_large_counts_without_a_truth_show_seen_cells_alone(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    problem = replace(sp.softmax_problem(words=12, rank=1, pairs=200, seed=0), truth=None)
    counts = problem.counts
    monkeypatch.setattr("sgns_pmi.results.overview.SHOWN_CELLS", 100)
    monkeypatch.setattr("sgns_pmi.results.overview.SHOWN_SEEN", most)
    shown, again = Shown.of(problem), Shown.of(problem)
    assert shown.cols is not None
    assert len(set(zip(shown.rows, shown.cols, strict=True))) == len(shown.rows) == min(most, counts.nnz)
    np.testing.assert_array_equal(shown.rows, again.rows)
    np.testing.assert_array_equal(shown.counts, counts.matrix.toarray()[shown.rows, shown.cols])
    np.testing.assert_allclose(shown.target, sp.pmi_matrix(counts)[shown.rows, shown.cols], rtol=1e-14)
    assert shown.note == ("seen cells" if most > counts.nnz else f"a sample of 40 of {counts.nnz} seen cells")
    svd = sp.SPPMISVD(dim=2, k=1, exponent=0.5).fit(counts)
    raw = svd.estimate_pmi(corrected=False)[shown.rows, shown.cols]
    np.testing.assert_allclose(shown.estimate(svd, corrected=False), raw, rtol=1e-12, atol=1e-12)


def test_answers_show_every_set_with_how_much_of_it_is_known() -> None:
    cells = [
        ("one", "similarity", "pairs", "all", "pairs", 9),
        ("one", "similarity", "pairs", "all", "covered", 4),
        ("one", "similarity", "pairs", "all", "spearman", 0.5),
        ("two", "similarity", "pairs", "all", "spearman", -0.25),
        ("one", "similarity", "rare", "all", "pairs", 5),
        ("one", "similarity", "rare", "all", "covered", 0),
        ("one", "analogy", "four", "family", "accuracy_3cosadd", 1),
        ("one", "analogy", "four", "all", "questions", 8),
        ("one", "analogy", "four", "all", "asked", 2),
        ("two", "analogy", "four", "all", "accuracy_3cosadd", 0.5),
    ]
    near = [(method, word, rank, f"{word}{rank}", 0.5) for method in ("one", "two") for word in "ab" for rank in range(1, 8)]
    table, nearest = answers_overview(
        answers_from(
            {
                "evaluation": pd.DataFrame(cells, columns=["method", "task", "set", "section", "metric", "value"]),
                "neighbours": pd.DataFrame(near, columns=["method", "word", "rank", "neighbour", "similarity"]),
            }
        )
    )
    assert as_text(table).split() == [
        "set",
        "metric",
        "known",
        "one",
        "two",
        "pairs",
        "spearman",
        "4/9",
        "0.5",
        "-0.25",
        "rare",
        "spearman",
        "0/5",
        "four",
        "accuracy_3cosadd",
        "2/8",
        "0.5",
        "four",
        "accuracy_3cosmul",
        "2/8",
    ]
    assert nearest.loc["b", "nearest"].tolist() == ["b1, b2, b3, b4, b5"] * 2
    assert answers_overview({}) == []


def test_sentiment_has_a_table_of_its_own() -> None:
    cells = [
        (method, "sentiment", "films", section, metric, value)
        for method, section, accuracy in [("b", "mean", 0.7), ("b", "sif", 0.65), ("a", "mean", 0.5), ("tfidf", "words", 0.75)]
        for metric, value in [("accuracy", accuracy), ("accuracy_std", 0.0125), ("known_words", 0.5)]
    ]
    rows = pd.DataFrame(cells, columns=["method", "task", "set", "section", "metric", "value"])
    (table,) = answers_overview({"sentiment": rows})
    assert table.columns.tolist() == ["method", "mean", "sif", "words", "known words"]
    assert table["method"].tolist() == ["b", "a", "tfidf"]
    assert table.index.unique().tolist() == ["films"]
    assert table.iloc[0].dropna().tolist() == ["b", "0.700 ± 0.013", "0.650 ± 0.013", "50.0%"]
    assert as_text(table).splitlines()[3].split() == ["films", "tfidf", "0.750", "±", "0.013", "50.0%"]
