"""How well each method's cosines rank pairs of words, set by set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sgns_pmi.figures.questions import Title, draws
from sgns_pmi.figures.style import LEAST_WIDTH, TARGET, colour, label, marker, set_title, styled


@styled
def similarity_figure(evaluation: pd.DataFrame, *, title: str) -> Figure:
    """Spearman's correlation with people's scores, a row a set and a mark a method, with two standard errors.

    Parameters
    ----------
    evaluation : DataFrame
        Rows of evaluation.csv of similarity sets: method, set, metric, value.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Sets in their order, with the number of pairs that the first method knows. The standard error of a correlation r over n
        pairs is √((1 + r²/2) / (n − 3)), on Fisher's scale (Bonett & Wright, Psychometrika 65, 2000).
    """
    values = evaluation.set_index(["set", "method", "metric"])["value"]
    sets, methods = list(evaluation["set"].unique()), [str(method) for method in evaluation["method"].unique()]
    figure = Figure(figsize=(LEAST_WIDTH + 1.4, 1.3 + 0.22 * (len(methods) + 1) * len(sets)), layout="constrained")
    ax = figure.subplots()
    slot = len(methods) + 1
    for number, method in enumerate(methods):
        places, middle, ends = [], [], []
        for place, name in enumerate(sets):
            r, pairs = values.get((name, method, "spearman"), np.nan), values[name, method, "covered"]
            if np.isfinite(r):
                half = 2 * np.sqrt((1 + r**2 / 2) / (pairs - 3)) if pairs > 3 else 0.0
                fisher = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
                places.append(place * slot + number)
                middle.append(r)
                ends.append((r - np.tanh(fisher - half), np.tanh(fisher + half) - r))
        if places:
            errors = np.clip(np.transpose(ends), 0, None)
            look: Any = {"color": colour(method), "marker": marker(method), "markersize": 5, "elinewidth": 1.0}
            ax.errorbar(middle, places, xerr=errors, linestyle="none", label=label(method), **look)
    names = [f"{name}  ({values[name, methods[0], 'covered']:,.0f} of {values[name, methods[0], 'pairs']:,.0f})" for name in sets]
    ax.set_yticks(slot * np.arange(len(sets)) + (len(methods) - 1) / 2, names, parse_math=False)
    ax.set(
        ylim=(slot * len(sets) - 1, -1), xlabel="Spearman's correlation with people's scores, of the pairs whose words are known"
    )
    ax.axvline(0, color=TARGET, linewidth=0.8)
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="x")
    if ax.containers:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    set_title(figure, title)
    return figure


@draws("similarity")
def similarity_figures(rows: pd.DataFrame, title: Title) -> Iterator[tuple[str, Figure]]:
    """similarity, of all sets."""
    yield "similarity", similarity_figure(rows, title=title("Word similarity"))
