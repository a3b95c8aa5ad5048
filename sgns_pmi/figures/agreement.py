"""How far methods agree on which words are alike, as matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from sgns_pmi.figures.heat import draw_heatmap
from sgns_pmi.figures.registry import RunFrames, run_figure
from sgns_pmi.figures.style import LEAST_WIDTH, label, set_title, styled

PANELS = {"overlap": "share of the ten nearest words in common", "spearman": "rank correlation of all cosines"}


@run_figure("agreement")
def agreement_figures(run: RunFrames) -> Iterator[tuple[str, Figure]]:
    """agreement, of two methods with vectors or more."""
    title = run.title.of("Which words are alike, by one method and another")
    yield "agreement", agreement_figure(run.tables["agreement"], title=title)


@styled
def agreement_figure(agreement: pd.DataFrame, *, title: str) -> Figure:
    """Two matrices of methods: the overlap of nearest neighbours, and Spearman's correlation of cosines.

    Parameters
    ----------
    agreement : DataFrame
        Columns method, other, metric ("overlap", "spearman"), value; each pair of methods once.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Values are written in the cells below the diagonal; a pair without a value has none.
    """
    methods = list(dict.fromkeys([*agreement["method"], *agreement["other"]]))
    side = 1.4 + 0.75 * len(methods)
    figure = Figure(figsize=(max(LEAST_WIDTH, 2 * side + 0.8), side + 0.9), layout="constrained")
    for ax, (metric, heading) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
        table = np.full((len(methods), len(methods)), np.nan)
        for row in agreement[agreement["metric"] == metric].itertuples():
            low, high = sorted((methods.index(row.method), methods.index(row.other)))
            table[high, low] = row.value
        names = [label(method) for method in methods]
        table = table[1:, :-1]
        texts = np.array([["" if np.isnan(value) else f"{value:.2f}" for value in row] for row in table], dtype=object)
        norm = Normalize(min(0.0, float(np.nanmin(table, initial=0.0))), 1.0)
        draw_heatmap(ax, table, texts, norm, names[1:], names[:-1])
        ax.set_title(heading)
        ax.tick_params(axis="x", rotation=30)
    set_title(figure, title)
    return figure


__all__ = ["agreement_figure"]
