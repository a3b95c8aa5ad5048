"""Objectives on their way down: ℓ against steps and against seconds, and what other methods minimise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.figure import Figure

from sgns_pmi.compare.table import select
from sgns_pmi.figures.registry import RunFrames, run_figure
from sgns_pmi.figures.style import TARGET, badge, balanced, colour, decades, label, marker, panel_axes, power, set_title, styled

GAP_FLOOR = 1e-9
"""Relative gaps below this are rounding, and not drawn: the lowest curve ends where it reaches itself."""


@run_figure("history")
def convergence_figures(run: RunFrames) -> Iterator[tuple[str, Figure]]:
    """convergence, of the methods that minimise ℓ; and losses, of those that minimise something else."""
    own = run.tables["history"]["method"].isin(run.losses)
    history, others = run.tables["history"][~own], run.tables["history"][own]
    if len(history):
        # Only these methods minimise ℓ, and only their optimum is bound to this dim.
        reached = select(run.tables["metrics"], target="objective", metric="value", method=history["method"].unique())
        best = float(min(history["objective"].min(), reached["value"].min()))
        yield "convergence", convergence_figure(history, best=best, title=run.title.of("Convergence"))
    if len(others):
        yield "losses", losses_figure(others, run.losses, title=run.title.of("What other methods minimise"))


@styled
def convergence_figure(history: pd.DataFrame, *, best: float, title: str) -> Figure:
    """Objective (above) and its relative gap to the lowest reached (below), against steps (left) and seconds (right).

    Parameters
    ----------
    history : DataFrame
        Columns method, step, epoch, seconds, objective. Steps of different solvers differ in work: a Newton round of
        the expected solver and one mini-batch of the sampled one are both a step.
    best : float
        The lowest objective that any of them reached; a dashed line.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Four axes; x on a log scale that has room for 0, gap on a log scale.
    """
    figure = Figure(figsize=(10, 5.4), layout="constrained")
    axes = figure.subplots(2, 2, sharex="col", sharey="row")
    for column, (x, threshold) in enumerate({"step": 1.0, "seconds": 1e-3}.items()):
        for method, rows in history.groupby("method", sort=False):
            name = str(method)
            look = {"color": colour(name), "label": label(name), "marker": marker(name), "markevery": max(1, len(rows) // 12)}
            above = rows["objective"] / best - 1
            axes[0, column].plot(rows[x], rows["objective"], **look)
            axes[1, column].plot(rows[x], above.where(above > GAP_FLOOR), **look)
        axes[0, column].axhline(best, color=TARGET, linestyle="--", linewidth=1, label=f"lowest reached, {best:.6g}", zorder=1)
        axes[1, column].set_xscale("symlog", linthresh=threshold)
        axes[1, column].xaxis.set_major_formatter(power)
        axes[1, column].set_xlim(0, 1.5 * history[x].max() or 1.0)
        axes[1, column].set_xlabel(f"{x} (log scale)" if x == "step" else "seconds of wall time (log scale)")
    axes[1, 0].set_yscale("log")
    decades(axes[1, 0].yaxis)
    axes[0, 0].set_ylabel("objective ℓ (nats a pair)")
    axes[1, 0].set_ylabel("(ℓ − lowest) / lowest")
    axes[0, 1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    for ax in axes.flat:
        ax.grid(True)
    set_title(figure, title)
    return figure


@styled
def losses_figure(history: pd.DataFrame, losses: Mapping[str, str], *, title: str) -> Figure:
    """What each method that does not minimise ℓ minimises, against seconds, one panel each.

    Parameters
    ----------
    history : DataFrame
        Columns method, step, epoch, seconds, objective.
    losses : mapping of method name to str
        What `objective` is, for the y axis.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each method of `history`, in its order; each has its own axes, as the losses have their own units.
    """
    methods = [str(method) for method in history["method"].unique()]
    figure, axes = panel_axes(len(methods), balanced(len(methods), 3), 3.4, 2.8, share=False)
    for ax, method in zip(axes, methods, strict=True):
        rows = history[history["method"] == method]
        (line,) = ax.plot(rows["seconds"], rows["objective"], color=colour(method), marker=marker(method))
        line.set_markevery(max(1, len(rows) // 12))
        ax.set(title=label(method), xlabel="seconds of wall time", ylabel=losses[method])
        ax.grid(True)
        badge(ax, method)
    set_title(figure, title)
    return figure
