"""Estimated against target PMI: one panel a method, on the diagonal where recovery is perfect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sgns_pmi.compare.table import select
from sgns_pmi.figures.recovery_panels import Cells, draw_panels
from sgns_pmi.figures.registry import RunFrames, run_figure
from sgns_pmi.figures.style import badge, balanced, label, label_axes, number, panel_axes, set_title, styled

Array = NDArray[np.floating[Any]]
FORMULAS = {"corrected": "corrected estimate", "raw": "raw estimate, $VU^T + \\log k$"}


@run_figure("metrics")
def recovery_figures(run: RunFrames) -> Iterator[tuple[str, Figure]]:
    """recovery; and recovery_raw if for some method raw and corrected differ."""
    shown = run.shown
    for kind in ("corrected", "raw") if shown.raw else ("corrected",):
        subject = f"Recovery of PMI ({FORMULAS[kind]}{f'; {shown.note}' if shown.note else ''})"
        figure = recovery_figure(
            shown.estimates(kind),
            shown.target,
            shown.counts,
            select(run.tables["metrics"], estimate=kind, target=shown.target_name, cells="all"),
            target_name=shown.target_name,
            title=run.title.of(subject),
        )
        yield "recovery" if kind == "corrected" else "recovery_raw", figure


@styled
def recovery_figure(
    estimates: Mapping[str, Array], target: Array, counts: Array, metrics: pd.DataFrame, *, target_name: str, title: str
) -> Figure:
    """Recovery of PMI: each cell's estimate against its target, one panel a method.

    Parameters
    ----------
    estimates : mapping of method name to array, (rows, contexts)
        Estimates of PMI, in the order of the panels.
    target : array, (rows, contexts)
        The PMI aimed at. Cells where it, or the estimate, is infinite are left out and counted in a note.
    counts : array, (rows, contexts)
        Dense counts n, which colour the cells (log scale; unseen ones grey). Beyond 20,000 cells a panel shows
        hexagons, coloured by the number of cells.
    metrics : DataFrame
        Columns method, metric, value: rmse and pearson of each method, all cells, for its panel's title.
    target_name : str
        "true" or "empirical"; part of the x label.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Panels have equal limits and the identity line.
    """
    columns = balanced(len(estimates), most=4)
    figure, axes = panel_axes(len(estimates), columns, width=2.6, height=2.9)
    draw_panels(figure, axes, [Cells.of(estimate, target, counts) for estimate in estimates.values()])
    for ax, method in zip(axes, estimates, strict=True):
        values = metrics[metrics["method"] == method].set_index("metric")["value"]
        scores = [f"RMSE {number(values['rmse'])}"] if "rmse" in values else []
        # Four decimals, because a correlation near 1 is the usual case; a constant estimate has none.
        scores += [f"r = {values['pearson']:.4f}".replace("-", "−")] if "pearson" in values else []
        ax.set_title(f"{label(method)}\n{', '.join(scores)}")
        badge(ax, method)
    label_axes(axes, columns, f"{target_name} PMI (nats)", "estimated PMI (nats)")
    set_title(figure, title)
    return figure
