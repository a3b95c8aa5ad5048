"""What keeps each method from the diagonal: the parts of its squared error, of one run and over a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from sgns_pmi.figures.looks import EXACT, TERMS
from sgns_pmi.figures.registry import RunFrames, run_figure
from sgns_pmi.figures.style import LEAST_WIDTH, badge, label, number, panel_axes, plain, save, set_title, styled
from sgns_pmi.results.replicates import budget_parts, other_keys

SETS = ("all", "seen", "unseen")
VISIBLE = 1e-3
"""Part of a bar below which nothing is drawn."""
ROOM = 1.25
"""Times the tallest bar of a fit with an optimum that axes reach; taller bars are cut."""


@run_figure("budget")
def budget_figures(run: RunFrames) -> Iterator[tuple[str, Figure]]:
    """budget, where a truth is known."""
    yield "budget", budget_figure(run.tables["budget"], title=run.title.of("What keeps each method from the diagonal"))


@styled
def budget_figure(budget: pd.DataFrame, *, title: str) -> Figure:
    """Each method's squared error, taken apart: a bar of shares over all, the seen and the unseen cells, its RMSE beside it.

    Parameters
    ----------
    budget : DataFrame
        Columns method, term, cells, metric, value: rmse and share of the terms, and of "total".
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each set of cells. A share is negative where a term makes good another's error. Methods without error, and
        with an infinite one, have no bar.
    """
    sets = [cells for cells in SETS if (budget["cells"] == cells).any()]
    methods = list(budget["method"].unique())
    figure = Figure(figsize=(max(LEAST_WIDTH, 1.4 + 3.1 * len(sets)), 1.6 + 0.42 * len(methods)), layout="constrained")
    axes = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for ax, cells in zip(axes, sets, strict=True):
        values = budget[budget["cells"] == cells].pivot(index=["method", "term"], columns="metric", values="value")
        for place, method in enumerate(methods):
            own = values.loc[method] if method in values.index else pd.DataFrame(columns=["rmse"])
            rmse = float(own["rmse"].get("total", np.nan))
            if EXACT < rmse < np.inf and "share" in own:
                _stack(ax, place, own["share"], horizontal=True)
            text = "exact" if rmse <= EXACT else f"RMSE {number(rmse)}" if np.isfinite(rmse) else "cells at −∞"
            ax.text(1.02, place, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
        ax.set_title(f"{cells} cells")
        ax.set_xlabel("share of the squared error")
        ends = [0.0, 1.0, *(end for bar in ax.patches for end in (bar.get_x(), bar.get_x() + bar.get_width()))]
        ax.set_xlim(min(ends), max(ends))
        ax.xaxis.set_major_formatter(PercentFormatter(1.0))
        ax.axvline(0, color="black", linewidth=0.8)
        ax.tick_params(axis="y", length=0)
    axes[0].set_yticks(range(len(methods)), [label(method) for method in methods])
    axes[0].set_ylim(len(methods) - 0.5, -0.5)
    _legend(figure, budget)
    set_title(figure, title)
    return figure


def sweep_budget_figures(
    frame: pd.DataFrame, keys: Sequence[str], folder: Path, *, title: str = "", svg: bool = False
) -> list[Path]:
    """Write budget.png of a sweep over one key, or two numbers: for each method, bars of its RMSE's parts over the key.

    Parameters
    ----------
    frame : DataFrame
        The swept keys, then method, term, cells, metric, value. A swept ``seed`` beside other keys is averaged over.
    keys : sequence of str
        The swept keys.
    folder : Path
    title : str, optional
        What all jobs share.
    svg : bool, default False

    Returns
    -------
    list of Path
    """
    others = other_keys(keys) or list(keys)
    if not len(frame) or not 1 <= len(others) <= 2 or not len(budget_parts(frame, others)):
        return []
    others.sort(key=lambda key: -frame[key].nunique())
    heading = "\n".join(filter(None, ["What keeps each method from the diagonal, all cells", title]))
    return save(sweep_budget_figure(frame, *others, title=heading), folder / "budget", svg)


@styled
def sweep_budget_figure(frame: pd.DataFrame, x: str, facet: str | None = None, *, title: str) -> Figure:
    """The parts of each method's RMSE over all cells, stacked, over a swept key.

    Parameters
    ----------
    frame : DataFrame
        Columns `x`, `facet`, method, term, cells, metric, value.
    x : str
        The key along the axis.
    facet : str, optional
        The key of the rows of panels.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Bars of height RMSE, parted by share; means over jobs that have the same keys. Each panel has its own axis, as methods
        differ by orders of magnitude. Bars of fits without an optimum may be cut: their height is written on them.
    """
    parts = budget_parts(frame, [key for key in (facet, x) if key is not None])
    methods, levels = list(parts["method"].unique()), _levels(parts[x])
    rows: list[Any] = [None] if facet is None else _levels(parts[facet])
    figure, axes = panel_axes(len(rows) * len(methods), len(methods), 1.0 + 0.3 * len(levels), 2.3, share=False)
    for place, ax in enumerate(axes):
        row, method = rows[place // len(methods)], methods[place % len(methods)]
        own = parts[(parts["method"] == method) & (True if facet is None else parts[facet] == row)]
        bounded = own[~own["overfit"]].groupby(x)["height"].sum()
        limit = ROOM * float(bounded.max()) if len(bounded) else np.inf
        for at, level in enumerate(levels):
            heights = own[own[x] == level].set_index("term")["height"]
            _stack(ax, at, heights, horizontal=False)
            if heights.sum() > limit:
                ax.text(at, limit, number(float(heights.sum())), ha="center", va="top", rotation=90, fontsize=7)
        if np.isfinite(limit):
            ax.set_ylim(top=limit)
        ax.set_xticks(range(len(levels)), [level if isinstance(level, str) else plain(level) for level in levels])
        ax.set_title(label(method) + ("" if facet is None else f", {facet} = {row if isinstance(row, str) else plain(row)}"))
        badge(ax, method)
        ax.set_xlabel(x if place >= len(axes) - len(methods) else "")
        ax.set_ylabel("RMSE (nats), in parts" if place % len(methods) == 0 else "")
        ax.axhline(0, color="black", linewidth=0.8)
    _legend(figure, frame)
    set_title(figure, title)
    return figure


def _levels(values: pd.Series[Any]) -> list[Any]:
    """The values of a key: numbers ascending, names in order of appearance."""
    levels = list(values.unique())
    return levels if any(isinstance(level, str) for level in levels) else sorted(levels)


def _stack(ax: Axes, place: float, parts: pd.Series[float], *, horizontal: bool) -> None:
    """One bar of parts: those above 0 upon each other, those below 0 the other way."""
    ends = {True: 0.0, False: 0.0}
    for term, (_, colour) in TERMS.items():
        size = float(parts.get(term, 0.0))
        if not np.isfinite(size) or abs(size) < VISIBLE * parts.abs().sum():
            continue
        if horizontal:
            ax.barh(place, size, left=ends[size > 0], color=colour, height=0.7)
        else:
            ax.bar(place, size, bottom=ends[size > 0], color=colour, width=0.8)
        ends[size > 0] += size


def _legend(figure: Figure, budget: pd.DataFrame) -> None:
    """The terms that occur, in a row below the panels."""
    shares = budget[(budget["metric"] == "share") & (budget["value"].abs() > VISIBLE)]
    there = {term: look for term, look in TERMS.items() if (shares["term"] == term).any()}
    marks = [Patch(color=colour) for _, colour in there.values()]
    figure.legend(marks, [name for name, _ in there.values()], loc="outside lower center", ncols=min(3, max(1, len(there))))


__all__ = ["TERMS", "budget_figure", "sweep_budget_figure", "sweep_budget_figures"]
