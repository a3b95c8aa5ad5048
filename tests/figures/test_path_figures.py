"""The path of a penalty: what is drawn, and where the dashed lines stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sgns_pmi.figures.path import path_figure
from sgns_pmi.results.tables import read_csv, write_csv

ROWS = pd.DataFrame(
    [
        ("sgns_ridge", "ridge", 1e-2, 0, 3.0, np.nan, np.nan, 0.9),
        ("sgns_ridge", "ridge", 1e-3, 2, 2.0, np.nan, np.nan, 0.3),
        ("sgns_ridge", "ridge", 1e-4, 9, 2.5, np.nan, np.nan, 0.4),
        ("sgns_ridge", "dim", 1, 1, 2.4, 0.1, 0.3, np.nan),
        ("sgns_ridge", "dim", 2, 2, 2.02, 0.05, 0.2, np.nan),
        ("sgns_ridge", "dim", 3, 3, 2.0, 0.0, 0.1, np.nan),
        ("sgns_ridge", "dim", 4, 4, np.nan, np.nan, 0.11, np.nan),
    ],
    columns=["method", "key", "value", "rank", "held_out", "se", "predicted", "rmse"],
)


def test_lines_and_choices():
    held_out, rank, errors, dims, predicted = path_figure(ROWS, title="t").axes
    assert len(path_figure(ROWS.assign(predicted=np.nan, rmse=np.nan), title="t").axes) == 3
    assert len(path_figure(ROWS.assign(predicted=np.nan), title="t").axes) == 4
    np.testing.assert_allclose(errors.lines[0].get_xydata(), ROWS.loc[:2, ["value", "rmse"]])
    np.testing.assert_allclose(held_out.lines[0].get_xydata(), ROWS.loc[:2, ["value", "held_out"]])
    np.testing.assert_allclose(rank.lines[0].get_xydata(), ROWS.loc[:2, ["value", "rank"]])
    np.testing.assert_allclose(predicted.lines[0].get_xydata(), ROWS.loc[3:, ["value", "predicted"]])
    for ax, place in ((held_out, 1e-3), (rank, 1e-3), (errors, 1e-3), (dims, 2), (predicted, 3)):
        (dashed,) = [line for line in ax.lines if line.get_linestyle() == "--"]
        assert set(dashed.get_xdata()) == {place}
    titles = ["rank at the best λ = 2", "suggested dim = 2", "predicted dim = 3"]
    assert [ax.get_title() for ax in (rank, dims, predicted)] == titles


def test_runs_that_chose_a_penalty_have_the_figure(run, drawn):
    assert "path" in drawn(run.with_tables(path=ROWS))
    assert "path" not in drawn(run.frames)


def test_a_path_is_drawn_later_as_it_was_by_its_run(tmp_path: Path) -> None:
    write_csv(ROWS, tmp_path / "path.csv")
    again = read_csv(tmp_path / "path.csv")
    assert again is not None
    pd.testing.assert_frame_equal(again, ROWS.astype({"value": float}), check_dtype=False)
    for ax, other in zip(path_figure(again, title="t").axes, path_figure(ROWS, title="t").axes, strict=True):
        assert [tick.get_text() for tick in ax.get_yticklabels()] == [tick.get_text() for tick in other.get_yticklabels()]
