"""Error bars against the truth: whether intervals hold it as often as they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sgns_pmi.compare import select
from sgns_pmi.figures.registry import RunFrames, run_figure
from sgns_pmi.figures.style import TARGET, badge, balanced, label, label_axes, panel_axes, set_title, styled

MOST_BARS = 150
"""Of a panel, evenly spaced in order of the truth."""
HOLDS, MISSES = "#4477AA", "#EE6677"


@run_figure("intervals")
def interval_figures(run: RunFrames) -> Iterator[tuple[str, Figure]]:
    """intervals, where they were asked for and a truth is known."""
    intervals = run.tables["intervals"]
    if "truth" in intervals and intervals["se"].notna().any():
        rows = select(run.tables["metrics"], metric="signal")
        signals = dict(zip(rows["method"], rows["value"], strict=True))
        yield "intervals", interval_figure(intervals, signals, title=run.title.of("Estimates with their intervals"))


@styled
def interval_figure(intervals: pd.DataFrame, signals: Mapping[str, float] | None = None, *, title: str) -> Figure:
    """Estimates with error bars against the true PMI, one panel a method; its title says how many intervals hold the truth.

    Parameters
    ----------
    intervals : DataFrame
        Columns method, estimate, se, lower, upper, truth.
    signals : mapping of method to float, optional
        How far each method's weakest component is above its noise, which says whether the intervals can be right.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        At most 150 bars a panel; the share is of all cells that have an interval.
    """
    intervals = intervals[intervals["se"].notna()]
    methods = list(intervals["method"].unique())
    columns = balanced(len(methods), most=3)
    figure, axes = panel_axes(len(methods), columns, width=3.6, height=3.2)
    for ax, method in zip(axes, methods, strict=True):
        own = intervals[intervals["method"] == method].sort_values("truth", kind="stable")
        held = (own["lower"] <= own["truth"]) & (own["truth"] <= own["upper"])
        shown = np.unique(np.linspace(0, len(own) - 1, min(MOST_BARS, len(own))).astype(int))
        bars, inside = own.iloc[shown], held.iloc[shown]
        for which, colour, name in ((inside, HOLDS, "holds the truth"), (~inside, MISSES, "misses it")):
            part = bars[which]
            errors = [part["estimate"] - part["lower"], part["upper"] - part["estimate"]]
            ax.errorbar(part["truth"], part["estimate"], errors, fmt="o", markersize=2, linewidth=0.8, color=colour, label=name)
        ends = [bars["truth"].min(), bars["truth"].max()]
        ax.plot(ends, ends, color=TARGET, linewidth=0.9, linestyle=(0, (4, 2)), zorder=3)
        known = f"; signal {signals[method]:.2g}" if signals and method in signals else ""
        ax.set_title(f"{label(method)}{known}\n{100 * held.mean():.1f} % of {len(own):,} intervals hold the truth")
        badge(ax, method)
    label_axes(axes, columns, "true PMI (nats)", "estimated PMI (nats)")
    axes[columns - 1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    set_title(figure, title)
    return figure


__all__ = ["interval_figure"]
