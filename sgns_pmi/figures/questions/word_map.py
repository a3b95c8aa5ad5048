"""A map of words: where the most frequent ones lie, and with which others they cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

from sgns_pmi.errors import shown
from sgns_pmi.figures.looks import LONGEST_LABEL
from sgns_pmi.figures.questions import Title, draws
from sgns_pmi.figures.style import label, set_title, styled

Array = NDArray[np.floating[Any]]

# Paul Tol's "bright" and two of his "muted" colours, the yellow darkened to be read on white.
CLUSTER_COLOURS = ("#4477AA", "#EE6677", "#228833", "#AA3377", "#B08A00", "#1A8FB8", "#882255", "#666666")
DIRECTIONS = np.array([(1, 0), (1, 1), (1, -1), (0, 1), (0, -1), (-1, 0), (-1, 1), (-1, -1)])
"""Where a label may lie, seen from its point; right first."""
GAPS = np.array([0.25, 1.0, 1.8])
"""Distances tried, in heights of a label; from the second on a line leads to the point."""
PROJECTION_NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "plane": "both dimensions as they are"}
FEW = 40
"""Up to so many words are drawn larger."""


@styled
def words_figure(rows: pd.DataFrame, *, title: str, origin: bool = False) -> Figure:
    """Maps of the same words, one panel each, with labels that do not overlap.

    Labels lie beside their points, those of frequent words first; one that finds no free place is left out, and the
    figure says how many are.

    Parameters
    ----------
    rows : DataFrame
        Columns panel, word, x, y, cluster (a colour, from 0); in each panel the same words, most frequent first. Both axes
        of a panel have one scale, as distances are what a map shows.
    title : str
    origin : bool, default False
        Whether the point (0, 0), from which cosines are seen, is shown.

    Returns
    -------
    matplotlib.figure.Figure
    """
    maps = {str(name): own[["x", "y"]].to_numpy(dtype=float) for name, own in rows.groupby("panel", sort=False)}
    first = rows[rows["panel"] == rows["panel"].iloc[0]]
    words, clusters = [shown(word, LONGEST_LABEL) for word in first["word"]], list(first["cluster"])
    width = 9.6 if len(maps) == 1 else 5.2 * len(maps)
    figure = Figure(figsize=(width, 8.4 if len(maps) == 1 else 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(np.ravel(figure.subplots(1, len(maps), squeeze=False)))
    size = 10 if len(words) <= FEW else 7.5
    colours = [CLUSTER_COLOURS[cluster % len(CLUSTER_COLOURS)] for cluster in clusters]
    set_title(figure, title)
    labels = []
    for ax, (name, points) in zip(axes, maps.items(), strict=True):
        ax.scatter(points[:, 0], points[:, 1], c=colours, s=size, linewidths=0)
        if len(maps) > 1:
            ax.set_title(name)
        if origin:
            ax.axhline(0, color="#DDDDDD", linewidth=0.8, zorder=0)
            ax.axvline(0, color="#DDDDDD", linewidth=0.8, zorder=0)
        ax.margins(0.06 if len(words) > FEW else 0.2)  # a few large labels need more room
        ax.set_aspect("equal", adjustable="datalim")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set(visible=True, color="#DDDDDD")
        labels.append(
            [
                # Words are no mathematics: a $ is a $.
                ax.text(x, y, word, color=colour, fontsize=size, va="bottom", parse_math=False)
                for (x, y), word, colour in zip(points, words, colours, strict=True)
            ]
        )
    figure.draw_without_rendering()  # the layout, before places inside it are looked for
    figure.set_layout_engine("none")
    for ax, points, texts in zip(axes, maps.values(), labels, strict=True):
        hidden = _place(ax, points, texts)
        if hidden:
            labels_left = f"{hidden} {'label' if hidden == 1 else 'labels'} left out for room"
            ax.text(0.99, 0.01, labels_left, transform=ax.transAxes, ha="right", va="bottom", fontsize=7, color="#555555")
    return figure


def _place(ax: Axes, points: Array, texts: Sequence[Text]) -> int:
    """Put each label, the most frequent word's first, where it overlaps no other; how many find no place and are hidden.

    Of the places beside a point, the first that covers the fewest points is taken.
    """
    at = ax.transData.transform(points)
    room, kept = ax.get_window_extent(), np.empty((0, 4))
    hidden = 0
    for own, text in zip(at, texts, strict=True):
        extent = text.get_window_extent()
        size = np.array([extent.width, extent.height])
        # The corner of a label whose middle lies in a direction from the point, as near as it can be without touching it.
        low = np.concatenate([own + DIRECTIONS * (size / 2 + gap) - size / 2 for gap in GAPS * extent.height])
        high = low + size
        free = ((low >= room.min) & (high <= room.max)).all(axis=1)
        free &= ~((low[:, None] < kept[:, 2:]) & (high[:, None] > kept[:, :2])).all(axis=2).any(axis=1)
        if not free.any():
            text.set_visible(False)
            hidden += 1
            continue
        covered = ((low[:, None] < at) & (high[:, None] > at)).all(axis=2).sum(axis=1)
        best = int(np.argmin(np.where(free, covered, np.inf)))
        kept = np.vstack([kept, np.concatenate([low[best], high[best]])])
        text.set_position(tuple(ax.transData.inverted().transform(low[best])))
        if best >= len(DIRECTIONS):
            end = np.clip(own, low[best], high[best])
            (x0, y0), (x1, y1) = ax.transData.inverted().transform([own, end])
            ax.plot([x0, x1], [y0, y1], color="#BBBBBB", linewidth=0.5, zorder=0)
    return hidden


@draws("word_map")
def word_map_figures(rows: pd.DataFrame, title: Title) -> Iterator[tuple[str, Figure]]:
    """words_PROJECTION_METHOD of each map."""
    for place, own in rows.groupby(["method", "projection"], sort=False):
        method, projection = map(str, place)
        subject = f"{label(method)}, the {own['word'].nunique()} most frequent words, {PROJECTION_NAMES[projection]}"
        yield f"words_{projection}_{method}", words_figure(own, title=title(subject), origin=projection == "plane")
