"""The console's tables."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from sgns_pmi.compare.table import main_target
from sgns_pmi.compare.words.evaluation import answers_from
from sgns_pmi.results.overview import FOOTNOTE, answers_overview, as_text, overview
from sgns_pmi.results.sweep import sweep_table

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
        "0.5000",
        "-0.2500",
        "rare",
        "spearman",
        "0/5",
        "four",
        "accuracy_3cosadd",
        "2/8",
        "0.5000",
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


def test_words_cannot_command_the_terminal() -> None:
    table = pd.DataFrame({"\x1b[1mmethod": ["\x1b[31mred"], "value": [0.12345]}, index=pd.Index(["\x1b]0;title\x07"], name="set"))
    said = as_text(table)
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "0.1235" in said or "0.1234" in said


def test_a_fit_without_an_optimum_is_marked_and_a_footnote_says_why():
    rows = [("a", "corrected", "true", "all", "rmse", 1.0), ("b", "corrected", "true", "all", "rmse", 2.0)]
    metrics = pd.DataFrame(rows, columns=COLUMNS)
    table = overview(metrics, {"a": "optimum", "b": "no finite optimum"})
    assert list(table.index) == ["a", "b *"]
    assert as_text(table).endswith(f"\n{FOOTNOTE}")
    assert "*" not in as_text(overview(metrics, {"a": "optimum", "b": "local optima"}))


def test_a_table_fits_the_console_and_repeats_its_index() -> None:
    table = pd.DataFrame(
        {f"method_{place}": [place / 7, 1e5 + place] for place in range(12)}, index=pd.Index([2, 50], name="dim")
    )
    lines = as_text(table, width=80).splitlines()
    assert max(map(len, lines)) <= 80
    heads = [line.split() for line in lines if "dim" in line]
    assert [name for head in heads for name in head[1:]] == list(table.columns)
    assert len(heads) > 1
    assert all(head[0] == "dim" for head in heads)


def test_numbers_of_a_column_stand_below_each_other() -> None:
    table = pd.DataFrame({"rmse": [0.22934, 2.62, 2.2e-15, 123456.0, np.nan, np.inf]}, index=pd.Index([*"abcdef"], name="method"))
    shown = [line.split()[1:] for line in as_text(table).splitlines()[1:]]
    assert shown == [["0.229"], ["2.620"], ["0.000"], ["123456.000"], [], ["inf"]]


def test_a_terminal_has_colours_and_a_file_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("a", "corrected", "true", "all", "rmse", 1.0), ("b", "corrected", "true", "all", "rmse", 2.0)]
    table = overview(pd.DataFrame(rows, columns=COLUMNS), {"b": "no finite optimum"})
    plain = as_text(table)
    assert "\x1b" not in plain
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    heading, optimum, none, footnote = as_text(table).splitlines()
    assert [line.startswith("\x1b[") for line in (heading, optimum, none, footnote)] == [True, False, True, True]
    assert re.sub(r"\x1b\[\d+m", "", as_text(table)) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert as_text(table) == plain


def test_values_of_fits_without_an_optimum_are_marked_in_a_sweeps_table() -> None:
    rows = [
        {"dim": dim, "job": job, "method": method, "estimate": "corrected", "target": "true", "cells": "all", "metric": "rmse"}
        | {"value": 10.0 * job + 0.5, "optimum": (dim, method) != (50, "a")}
        for job, dim in enumerate((2, 50))
        for method in ("a", "b")
    ]
    heading, low, high, footnote = as_text(sweep_table(pd.DataFrame(rows), ["dim"])).splitlines()
    assert heading.split() == ["dim", "job", "a", "b"]
    assert (low.split(), high.split()) == (["2", "0", "0.5000", "0.5000"], ["50", "1", "10.5000", "*", "10.5000"])
    assert footnote == FOOTNOTE
