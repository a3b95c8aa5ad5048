"""The nearest neighbours of words, as a table for the eye."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from sgns_pmi.errors import shown
from sgns_pmi.figures.looks import LONGEST_LABEL
from sgns_pmi.figures.questions import Title, draws
from sgns_pmi.figures.style import LEAST_WIDTH, colour, label, set_title, styled

ROW = 0.2
COLUMN = 1.75
MARGIN = 0.35


@styled
def neighbours_figure(neighbours: pd.DataFrame, *, title: str) -> Figure:
    """One block a method, one column a word, one line a rank: the neighbour and its similarity.

    Parameters
    ----------
    neighbours : DataFrame
        Columns method, word, rank, neighbour, similarity.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    methods, words = (list(neighbours[name].unique()) for name in ("method", "word"))
    lines = int(neighbours["rank"].max())
    width = max(LEAST_WIDTH, 2 * MARGIN + COLUMN * len(words))
    figure = Figure(figsize=(width, 0.7 + len(methods) * (lines + 2.6) * ROW), layout="constrained")
    set_title(figure, title)
    for ax, method in zip(figure.subplots(len(methods), 1, squeeze=False).flat, methods, strict=True):
        ax.set(xlim=(-MARGIN / COLUMN, len(words)), ylim=(lines + 0.6, -0.6))
        ax.set_title(label(method), color=colour(method), fontweight="bold", loc="left")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.spines["top"].set(visible=True, color=colour(method), linewidth=3)
        own = neighbours[neighbours["method"] == method]
        for rank in range(1, lines + 1):
            ax.text(-0.04, rank, str(rank), ha="right", va="center", color="#888888", fontsize=8)
        for column, word in enumerate(words):
            ax.text(column, 0, shown(word, LONGEST_LABEL), va="center", fontweight="bold", parse_math=False)
            for row in own[own["word"] == word].itertuples():
                ax.text(column, row.rank, shown(row.neighbour, LONGEST_LABEL), va="center", parse_math=False)
                similarity = f"{row.similarity:.2f}".replace("-", "−")
                ax.text(column + 0.88, row.rank, similarity, ha="right", va="center", color="#888888", fontsize=8)
    return figure


@draws("neighbours")
def neighbours_figures(rows: pd.DataFrame, title: Title) -> Iterator[tuple[str, Figure]]:
    """neighbours, of all methods."""
    yield "neighbours", neighbours_figure(rows, title=title("Nearest neighbours"))
