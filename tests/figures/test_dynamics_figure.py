"""Lines are the singular values and errors of the table, levels and halves stand where they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sgns_pmi.figures.dynamics import MOST_COMPONENTS, dynamics_figure


def table(method="sgns_sampled", truth=True):
    """A component that grows to 2, half of it at step 10, and an error that is least at step 100 of 1,000."""
    steps, values, errors = [0, 1, 10, 100, 1000], [0.0, 0.1, 1.0, 1.9, 2.0], [3.0, 2.9, 2.0, 0.5, 0.7]
    rows = [(step, step / 10, "singular_value", "1", value) for step, value in zip(steps, values, strict=True)]
    rows.append((np.nan, np.nan, "noise", "", 0.2))
    if truth:
        rows += [(step, step / 10, "rmse", "total", value) for step, value in zip(steps, errors, strict=True)]
        rows += [(np.nan, np.nan, "population", "1", 2.0), (10.0, np.nan, "half", "1", 1.0)]
        rows += [(np.nan, np.nan, "rmse", "rank", 0.4)]
    frame = pd.DataFrame(rows, columns=["step", "epoch", "metric", "component", "value"])
    return frame.assign(method=method)


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_lines_and_levels():
    figure = dynamics_figure(table(), title="t")
    above, below = figure.axes
    drawn = lines(above)
    np.testing.assert_allclose(drawn["component 1"].get_ydata(), [0, 0.1, 1, 1.9, 2])
    levels = [line.get_ydata()[0] for line in above.get_lines() if line.get_linestyle() == "--" and len(line.get_ydata())]
    assert levels == [2.0]
    assert [line.get_xydata().tolist() for line in above.get_lines() if line.get_marker() == "o" and len(line.get_xdata())] == [
        [[10.0, 1.0]]
    ]
    np.testing.assert_allclose(lines(below)["error"].get_xdata(), [0, 1, 10, 100, 1000])
    assert lines(below)["least error"].get_xydata().tolist() == [[100.0, 0.5]]
    assert lines(below)["dim too small, or weighting"].get_ydata()[0] == 0.4
    assert below.get_title() == "error is least, 0.500, at 100; 0.700 at the end"


def test_without_a_truth_there_are_components_alone_and_not_too_many():
    own = table(truth=False)
    many = pd.concat([own, *(own[own["metric"] == "singular_value"].assign(component=str(k)) for k in range(2, 20))])
    (ax,) = dynamics_figure(many, title="t").axes
    assert sum(name.startswith("component") for name in lines(ax)) == MOST_COMPONENTS


def test_a_column_a_method_and_times_have_their_name():
    figure = dynamics_figure(pd.concat([table(), table("qwem").assign(epoch=np.nan)]), title="t")
    assert [ax.get_xlabel() for ax in figure.axes[2:]] == ["step of training (log scale)", "time of gradient flow (log scale)"]


def test_runs_that_were_looked_at_have_the_figure(run, drawn):
    assert "dynamics" in drawn(run.with_tables(dynamics=table()))
    assert "dynamics" not in drawn(run.frames)
