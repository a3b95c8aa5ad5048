"""Training, step by step: the components that have been learned, and the error that stopping would leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sgns_pmi.figures.looks import EXACT, TERMS
from sgns_pmi.figures.registry import RunFrames, run_figure
from sgns_pmi.figures.style import LEAST_WIDTH, TARGET, badge, label, number, plain, set_title, styled

MOST_COMPONENTS = 8
"""Of a panel, the largest."""
SEQUENCE = "viridis"
"""Colours of components, from the largest to the smallest."""


@run_figure("dynamics")
def dynamics_figures(run: RunFrames) -> Iterator[tuple[str, Figure]]:
    """dynamics, where training was looked at."""
    yield "dynamics", dynamics_figure(run.tables["dynamics"], title=run.title.of("What is learned when"))


@styled
def dynamics_figure(dynamics: pd.DataFrame, *, title: str) -> Figure:
    """Singular values of each method's scores against the step, and below them its error, where a truth is known.

    Parameters
    ----------
    dynamics : DataFrame
        Columns method, step, epoch, metric, component, value, as `sgns_pmi.compare.dynamics.training_dynamics` has them.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        A column of panels a method. Dashed lines are what the components are at the population's optimum, a dot is where one has
        half of that, and what is below the dotted line noise could make alone. A cross marks the least error.
    """
    methods = [str(method) for method in dynamics["method"].unique()]
    known = bool((dynamics["metric"] == "rmse").any())
    size = max(LEAST_WIDTH, 2.6 + 3.6 * len(methods)), 1.0 + (5.2 if known else 2.8)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(2 if known else 1, len(methods), sharex="col", squeeze=False)
    numbers = [str(number) for number in range(1, MOST_COMPONENTS + 1)]
    there = [component for component in numbers if (dynamics["component"] == component).any()]
    colours = {component: colormaps[SEQUENCE](place / len(there)) for place, component in enumerate(there)}
    for axes, method in zip(panels.T, methods, strict=True):
        own = dynamics[dynamics["method"] == method]
        _components(axes[0], own, colours)
        axes[0].set_title(label(method))
        badge(axes[0], method)
        if known:
            _errors(axes[1], own)
        timed = own["epoch"].isna().all()
        axes[-1].set_xlabel("time of gradient flow (log scale)" if timed else "step of training (log scale)")
        axes[-1].set_xscale("log")
        axes[-1].xaxis.set_major_formatter(plain)
    panels[0, 0].set_ylabel("singular values of the scores")
    if known:
        panels[1, 0].set_ylabel("RMSE, all cells (nats)")
    for row in panels:
        handles: dict[str, Artist] = {}
        for ax in row:
            handles |= {text: handle for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)}
        texts = sorted(handles, key=lambda text: not text.startswith("component"))  # in order, before what they are held against
        row[-1].legend([handles[text] for text in texts], texts, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    set_title(figure, title)
    return figure


def _components(ax: Axes, own: pd.DataFrame, colours: Mapping[str, tuple[float, ...]]) -> None:
    """Singular values against the step, what they are at the population's optimum, and when they have half of it."""
    of = {(str(metric), str(component)): rows for (metric, component), rows in own.groupby(["metric", "component"])}
    for component, colour in colours.items():
        rows = of.get(("singular_value", component), own[:0])
        if len(rows):
            ax.plot(rows["step"], rows["value"], label=f"component {component}", color=colour)
        for level in of.get(("population", component), rows[:0])["value"]:
            ax.axhline(level, linestyle="--", linewidth=1, color=colour)
        for _, half in of.get(("half", component), rows[:0]).iterrows():
            ax.plot(half["step"], half["value"], "o", color=colour)
    for level in own.loc[own["metric"] == "noise", "value"]:
        ax.axhline(level, color=TARGET, linestyle=":", linewidth=1, label="noise of so many pairs alone")
    for metric, mark, text in (("population", "--", "at the population's optimum"), ("half", "o", "has half of that")):
        if (own["metric"] == metric).any():
            ax.plot([], [], mark, linewidth=1, color=TARGET, label=text)
    ax.set_ylim(bottom=0)
    ax.grid(True)


def _errors(ax: Axes, own: pd.DataFrame) -> None:
    """The error against the step, its part that is training, and what no step changes."""
    errors = own[own["metric"] == "rmse"]
    steps = {str(component): rows for component, rows in errors[errors["step"].notna()].groupby("component")}
    level = errors[errors["step"].isna()].set_index("component")["value"]
    total = steps["total"]
    ax.plot(total["step"], total["value"], color="black", label="error")
    if "optimisation" in steps:
        text, colour = TERMS["optimisation"]
        ax.plot(steps["optimisation"]["step"], steps["optimisation"]["value"], color=colour, label=text)
    for term in ("sampling", "rank"):
        if level.get(term, 0.0) > EXACT:
            text, colour = TERMS[term]
            ax.axhline(level[term], color=colour, linewidth=1, label=text)
    if "optimum" in level:
        ax.axhline(level["optimum"], color="black", linestyle="--", linewidth=1, label="error of the optimum")
    least, last = total.iloc[int(total["value"].to_numpy().argmin())], total.iloc[-1]
    ax.plot(least["step"], least["value"], "x", color="black", markersize=8, markeredgewidth=2, label="least error")
    early = least["step"] < last["step"]
    where = f"at {_short(least['step'])}; {number(last['value'])} at the end" if early else "at the end"
    ax.set_title(f"error is least, {number(least['value'])}, {where}")
    ax.set_ylim(0, 1.1 * float(np.max(total["value"])))
    ax.grid(True)


def _short(step: float) -> str:
    return f"{step:,.0f}" if step >= 100 else f"{step:.3g}"


__all__ = ["dynamics_figure"]
