"""The suite at a glance: every method on every task, beside the best of that task."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from sgns_pmi.figures.heat import HEAT_COLOURS
from sgns_pmi.figures.looks import EXACT
from sgns_pmi.figures.style import label, number, plain, set_title, styled

WORST = 30.0
"""Times the best error, from which on all is coloured alike."""


@styled
def suite_figure(summary: pd.DataFrame, tied: pd.DataFrame, *, title: str, best_of: tuple[str, ...]) -> Figure:
    """A table of errors: a row a task, a column a method, coloured by the error over the least of that task.

    Parameters
    ----------
    summary : DataFrame
        task, method, mean: one error each. Rows without a number are left white.
    tied : DataFrame
        task, method of those that no other is better than beyond doubt; their numbers stand in bold.
    title : str
    best_of : tuple of str
        The methods among which the best is looked for.

    Returns
    -------
    matplotlib.figure.Figure
    """
    wide = summary.pivot(index="task", columns="method", values="mean")
    wide = wide.reindex(index=summary["task"].drop_duplicates(), columns=summary["method"].drop_duplicates())
    values = wide.to_numpy(dtype=float)
    competitors = wide[[method for method in wide if method in best_of]].to_numpy(dtype=float)
    least = np.min(competitors, axis=1, where=np.isfinite(competitors), initial=np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.clip(values / least[:, None], 1.0, WORST)
    rows, columns = values.shape
    figure = Figure(figsize=(3.4 + 0.62 * columns, 1.8 + 0.24 * rows), layout="constrained")
    ax = figure.subplots()
    drawn = ax.imshow(np.ma.masked_invalid(ratio), norm=LogNorm(1.0, WORST), cmap=HEAT_COLOURS, aspect="auto")
    first = set(zip(tied["task"], tied["method"], strict=True))
    for row, task in enumerate(wide.index):
        for column, method in enumerate(wide.columns):
            if not np.isnan(values[row, column]):
                ax.text(
                    column,
                    row,
                    number(0.0 if abs(values[row, column]) < EXACT else values[row, column]),
                    ha="center",
                    va="center",
                    fontsize=6.5,
                    fontweight="bold" if (task, method) in first else "normal",
                    color="white" if ratio[row, column] > 4 else "black",
                )
    ax.set_xticks(range(columns), [label(method) for method in wide.columns], rotation=40, ha="right")
    ax.set_yticks(range(rows), wide.index)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    figure.colorbar(drawn, ax=ax, label="error / the least of the task", format=plain, pad=0.01, aspect=40)
    set_title(figure, title)
    return figure
