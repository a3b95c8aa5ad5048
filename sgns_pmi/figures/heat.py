"""Tables drawn as heat maps, and the colour scales of the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from numpy.typing import NDArray

# Nine points of seaborn's flare, mako_r and crest (M. Waskom, BSD licence); seaborn itself loads SciPy's statistics, a second.
COUNT_COLOURS, DENSITY_COLOURS, HEAT_COLOURS = (
    LinearSegmentedColormap.from_list(name, [f"#{point}" for point in points.split()])
    for name, points in {
        "flare": "edb081 ea916e e5715e d9535d c14168 a3386f 863071 672a6b 4b2362",
        "mako_r": "def5e5 96ddb5 49c1ad 359eaa 357aa2 3c5598 3e3469 2a1b33 0b0405",
        "crest": "a5cd90 81bc91 61aa90 48988f 33858d 20728b 1e5d86 27477d 2c3172",
    }.items()
)
"""Even to the eye, and unlike each other."""

LUMINANCE = 0.2126, 0.7152, 0.0722
"""Of red, green and blue in linear light (ITU-R BT.709)."""
LIGHT = 0.4
"""Luminance above which text on a colour is dark."""


def draw_heatmap(
    ax: Axes, table: NDArray[np.float64], texts: NDArray[Any], norm: Normalize, rows: Sequence[str], columns: Sequence[str]
) -> None:
    """Colour a cell for each finite entry of a table (rows, columns), the first row on top, and write its text into each."""
    finite = np.isfinite(table)
    ax.pcolormesh(np.ma.masked_array(table, ~finite), norm=norm, cmap=HEAT_COLOURS, edgecolors="white", linewidth=1)
    ax.invert_yaxis()
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.spines[:].set_visible(False)
    for i, j in np.argwhere(texts != ""):
        ink = _ink(HEAT_COLOURS(norm(table[i, j]))) if finite[i, j] else "black"
        ax.text(j + 0.5, i + 0.5, texts[i, j], ha="center", va="center", fontsize=8, color=ink)
    ax.tick_params(length=0)


def _ink(colour: Any) -> str:
    """What text on a colour is written in: the sRGB curve is near the power 2.2."""
    return "#262626" if np.power(to_rgb(colour), 2.2) @ LUMINANCE > LIGHT else "white"


__all__ = ["COUNT_COLOURS", "DENSITY_COLOURS", "HEAT_COLOURS", "draw_heatmap"]
