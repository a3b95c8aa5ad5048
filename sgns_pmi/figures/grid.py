"""Recovery panels of one method over two swept keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sgns_pmi.figures.recovery_panels import Cells, draw_panels
from sgns_pmi.figures.style import LEAST_WIDTH, badge, label, label_axes, number, set_title, styled

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class GridPanel:
    """One job's panel.

    Parameters
    ----------
    row, column : float
        The job's values of the two keys.
    estimate, target, counts : array, (rows, contexts)
        As in `recovery_figure`; the three may differ from panel to panel.
    rmse : float
        RMSE over all cells, for the title.
    """

    row: float
    column: float
    estimate: Array
    target: Array
    counts: Array
    rmse: float


@styled
def grid_figure(
    panels: Sequence[GridPanel], *, method: str, row_key: str, column_key: str, target_name: str, title: str
) -> Figure:
    """Recovery of one method over a grid of two swept keys, as k × dim.

    Parameters
    ----------
    panels : sequence of GridPanel
        In any order; a grid place without a panel stays empty.
    method : str
        Name of the method; its colour marks the panels.
    row_key, column_key : str
        Names of the keys of rows and columns.
    target_name : str
        "true" or "empirical"; part of the x label.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Rows and columns in ascending order of their values; equal limits and one colour scale for all panels.
    """
    rows, columns = sorted({p.row for p in panels}), sorted({p.column for p in panels})
    figure = Figure(figsize=(max(LEAST_WIDTH, 1.1 + 2.2 * len(columns)), 1.2 + 2.35 * len(rows)))
    grid = figure.subplots(len(rows), len(columns), squeeze=False)
    placed = {(rows.index(p.row), columns.index(p.column)): p for p in panels}
    used = [grid[place] for place in placed]
    draw_panels(figure, used, [Cells.of(p.estimate, p.target, p.counts) for p in placed.values()])
    for (i, j), panel in placed.items():
        grid[i, j].set_title(f"{row_key} = {panel.row:g}, {column_key} = {panel.column:g}\nRMSE {number(panel.rmse)}")
        badge(grid[i, j], method)
    for (i, j), ax in np.ndenumerate(grid):
        if (i, j) not in placed:
            ax.set_axis_off()
    label_axes(list(grid.flat), len(columns), f"{target_name} PMI (nats)", "estimated PMI (nats)")
    set_title(figure, f"{label(method)}: {title}")
    return figure
