"""Matrices of agreement have each pair of methods once, below the diagonal."""

from __future__ import annotations

import pandas as pd

from sgns_pmi.figures.agreement import agreement_figure

ROWS = pd.DataFrame(
    [
        ("qwem", "glove", "overlap", 0.4),
        ("qwem", "oracle", "overlap", 0.7),
        ("glove", "oracle", "overlap", 0.2),
        ("qwem", "glove", "spearman", 0.9),
        ("qwem", "oracle", "spearman", -0.3),
    ],
    columns=["method", "other", "metric", "value"],
)


def test_each_pair_stands_in_its_cell():
    overlap, spearman = agreement_figure(ROWS, title="t").axes
    written = {(text.get_position()[0] - 0.5, text.get_position()[1] - 0.5): text.get_text() for text in overlap.texts}
    assert written == {(0, 0): "0.40", (0, 1): "0.70", (1, 1): "0.20"}
    assert [tick.get_text() for tick in overlap.get_xticklabels()] == ["QWEM", "GloVe"]
    assert [tick.get_text() for tick in overlap.get_yticklabels()] == ["GloVe", "Oracle"]
    assert sorted(text.get_text().replace("−", "-") for text in spearman.texts) == ["-0.30", "0.90"]


def test_runs_of_several_methods_have_the_figure(run, drawn):
    assert "agreement" in drawn(run.with_tables(agreement=ROWS))
    assert "agreement" not in drawn(run.frames)
