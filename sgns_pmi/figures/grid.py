"""Recovery panels of one method over two swept keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sgns_pmi.compare.table import main_target, select
from sgns_pmi.figures.recovery_panels import Cells, draw_panels
from sgns_pmi.figures.style import LEAST_WIDTH, badge, label, label_axes, number, plain, save, set_title, styled
from sgns_pmi.results.replicates import other_keys
from sgns_pmi.results.sweep import Sweep

Array = NDArray[np.floating[Any]]
SGNS_METHODS = ("sgns_expected", "sgns_sampled")
MOST_PANELS = 25


def grid_figures(sweep: Sweep, folder: Path, *, title: str = "", svg: bool = False) -> list[Path]:
    """Write recovery panels of each SGNS method over two swept numbers, such as k x dim; nothing for other sweeps.

    Where these are repeated with several seeds, the panels are those of the first.

    Parameters
    ----------
    sweep : Sweep
        Panels show the cells that its jobs kept.
    folder : Path
        Where the files go; made if absent.
    title : str, optional
        What all jobs share.
    svg : bool, default False
        Whether to write .svg files as well.

    Returns
    -------
    list of Path
        grid_METHOD.png of each method that some job has.
    """
    done = [job for job in sweep.jobs if len(job.metrics)]
    keys = sweep.keys
    if len(keys) == 3 and sweep.replicated:
        # Of repeats the first stands for all.
        keys = other_keys(keys)
        first = {tuple(job.asked.get(key) for key in keys): job for job in reversed(done)}
        repeats = Counter(tuple(job.asked.get(key) for key in keys) for job in done)
        done = list(reversed(first.values()))
        title = f"{title}, the first of {max(repeats.values(), default=0)} seeds"
    numeric = all(isinstance(job.asked.get(key), int | float) for job in done for key in keys)
    if len(keys) != 2 or not numeric or len(done) > MOST_PANELS:
        return []
    target = main_target(sweep.rows)
    chosen = select(sweep.rows, metric="rmse", cells="all", estimate="corrected", target=target)
    rmse = chosen.set_index(["method", "job"])["value"]
    panels: dict[str, list[GridPanel]] = {}
    for job in done:
        row, column = (float(job.asked[key]) for key in keys)
        if (shown := job.shown) is not None:
            for method in SGNS_METHODS:
                if method in shown.corrected:
                    estimate, error = shown.corrected[method], float(rmse[method, job.number])
                    panels.setdefault(method, []).append(GridPanel(row, column, estimate, shown.target, shown.counts, error))
    written = []
    for method, drawn in panels.items():
        figure = grid_figure(
            drawn, method=method, row_key=keys[0], column_key=keys[1], target_name=target, title=title or "recovery of PMI"
        )
        written += save(figure, folder / f"grid_{method}", svg)
    return written


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
        grid[i, j].set_title(f"{row_key} = {plain(panel.row)}, {column_key} = {plain(panel.column)}\nRMSE {number(panel.rmse)}")
        badge(grid[i, j], method)
    for (i, j), ax in np.ndenumerate(grid):
        if (i, j) not in placed:
            ax.set_axis_off()
    label_axes(list(grid.flat), len(columns), f"{target_name} PMI (nats)", "estimated PMI (nats)")
    set_title(figure, f"{label(method)}: {title}")
    return figure
