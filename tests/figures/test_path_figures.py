"""The path of a penalty: what is drawn, and where the dashed lines stand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sgns_pmi.figures import run_figures
from sgns_pmi.figures.path import path_figure

ROWS = pd.DataFrame(
    [
        ("sgns_ridge", "ridge", 1e-2, 0, 3.0, np.nan),
        ("sgns_ridge", "ridge", 1e-3, 2, 2.0, np.nan),
        ("sgns_ridge", "ridge", 1e-4, 9, 2.5, np.nan),
        ("sgns_ridge", "dim", 1, 1, 2.4, 0.1),
        ("sgns_ridge", "dim", 2, 2, 2.02, 0.05),
        ("sgns_ridge", "dim", 3, 3, 2.0, 0.0),
    ],
    columns=["method", "key", "value", "rank", "held_out", "se"],
)


def test_lines_and_choices():
    held_out, rank, dims = path_figure(ROWS, title="t").axes
    np.testing.assert_allclose(held_out.lines[0].get_xydata(), ROWS.loc[:2, ["value", "held_out"]])
    np.testing.assert_allclose(rank.lines[0].get_xydata(), ROWS.loc[:2, ["value", "rank"]])
    for ax, place in ((held_out, 1e-3), (rank, 1e-3), (dims, 2)):
        (dashed,) = [line for line in ax.lines if line.get_linestyle() == "--"]
        assert set(dashed.get_xdata()) == {place}
    assert dims.get_title() == "suggested dim = 2"


def test_runs_that_chose_a_penalty_have_the_figure(run, tmp_path):
    assert "path.png" in {path.name for path in run_figures(tmp_path, run.with_tables(path=ROWS))}
    assert "path.png" not in {path.name for path in run_figures(tmp_path, run.frames)}
