"""Error bars reach from the lower to the upper end, and the title counts those that hold the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sgns_pmi.figures.intervals import MOST_BARS, interval_figure


def table(cells):
    """Intervals of half-width 1 about an estimate that is 2 off in one cell of four."""
    truth = np.linspace(-3, 3, cells)
    estimate = truth + np.where(np.arange(cells) % 4 == 0, 2.0, 0.5)
    columns = {"method": "sgns_expected", "estimate": estimate, "se": 0.5, "lower": estimate - 1, "upper": estimate + 1}
    return pd.DataFrame(columns | {"truth": truth})


def test_bars_are_the_intervals():
    rows = table(8)
    (ax,) = interval_figure(rows, title="t").axes
    bars = {container.get_label(): container for container in ax.containers}
    for name, at in (("holds the truth", [1, 2, 3, 5, 6, 7]), ("misses it", [0, 4])):
        segments = np.array(bars[name].lines[2][0].get_segments())
        np.testing.assert_allclose(segments[:, 0, 1], rows["lower"].iloc[at])
        np.testing.assert_allclose(segments[:, 1, 1], rows["upper"].iloc[at])
        np.testing.assert_allclose(segments[:, 0, 0], rows["truth"].iloc[at])
    assert ax.get_title().endswith("75.0 % of 8 intervals hold the truth")


def test_the_title_has_the_signal():
    (ax,) = interval_figure(table(8), {"sgns_expected": 12.34}, title="t").axes
    assert ax.get_title().startswith("SGNS (expected); signal 12\n")


def test_of_many_cells_some_are_shown_and_all_are_counted():
    (ax,) = interval_figure(table(4000), title="t").axes
    assert sum(len(bars.lines[2][0].get_segments()) for bars in ax.containers) == MOST_BARS
    assert ax.get_title().endswith("75.0 % of 4,000 intervals hold the truth")


def test_runs_with_intervals_and_a_truth_have_the_figure(run, drawn):
    for intervals, there in ((table(8), True), (table(8).drop(columns="truth"), False), (table(8).assign(se=np.nan), False)):
        assert ("intervals" in drawn(run.with_tables(intervals=intervals))) == there
