"""Tables drawn as heat maps, and the colour scales of the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from numpy.typing import NDArray

# Seaborn's flare, mako (light to dark) and crest in ten equal steps: even to the eye, and unlike each other (Waskom, JOSS 2021).
# Seaborn itself takes as long to load as all methods of a small run to fit.
_FLARE = "#edb081 #eb9872 #e77e63 #e2655c #d64f5f #c14168 #aa3a6e #923371 #7a2e70 #62296a #4b2362"
_MAKO = "#def5e5 #a9e1bd #60ceac #3eb4ad #3497a9 #357aa2 #395d9c #413f80 #382a54 #251729 #0b0405"
_CREST = "#a5cd90 #89bf91 #6db290 #57a490 #44948f #33858d #24768b #1c6689 #215584 #28437b #2c3172"
COUNT_COLOURS, DENSITY_COLOURS, HEAT_COLOURS = (
    LinearSegmentedColormap.from_list(name, steps.split())
    for name, steps in (("counts", _FLARE), ("density", _MAKO), ("heat", _CREST))
)

DARK = 0.5
"""Luminance below which a cell's text is white."""


def draw_heatmap(
    ax: Axes, table: NDArray[np.float64], texts: NDArray[Any], norm: Normalize, rows: Sequence[str], columns: Sequence[str]
) -> None:
    """Colour a cell for each finite entry of a table (rows, columns), the first row on top, and write its text into each."""
    finite = np.isfinite(table)
    ax.pcolormesh(np.ma.masked_array(table, ~finite), norm=norm, cmap=HEAT_COLOURS, edgecolors="white", linewidth=1)
    colours = HEAT_COLOURS(norm(np.where(finite, table, 1.0)))[..., :3]
    dark = finite & (colours @ [0.2126, 0.7152, 0.0722] < DARK)
    for i, j in np.argwhere(texts != ""):
        ax.text(j + 0.5, i + 0.5, texts[i, j], ha="center", va="center", fontsize=8, color="white" if dark[i, j] else "#262626")
    ax.invert_yaxis()
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


__all__ = ["COUNT_COLOURS", "DENSITY_COLOURS", "HEAT_COLOURS", "draw_heatmap"]
