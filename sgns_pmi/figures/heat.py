"""Tables drawn as heat maps, and the colour scales of the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from numpy.typing import NDArray

COUNT_COLOURS, DENSITY_COLOURS, HEAT_COLOURS = (sns.color_palette(name, as_cmap=True) for name in ("flare", "mako_r", "crest"))
"""Even to the eye, and unlike each other."""


def draw_heatmap(
    ax: Axes, table: NDArray[np.float64], texts: NDArray[Any], norm: Normalize, rows: Sequence[str], columns: Sequence[str]
) -> None:
    """Colour a cell for each finite entry of a table (rows, columns), the first row on top, and write its text into each."""
    finite = np.isfinite(table)
    sns.heatmap(
        table,
        ax=ax,
        mask=~finite,
        norm=norm,
        vmin=norm.vmin,
        vmax=norm.vmax,
        cmap=HEAT_COLOURS,
        cbar=False,
        annot=texts,
        fmt="",
        annot_kws={"fontsize": 8},
        linewidths=1,
        xticklabels=columns,
        yticklabels=rows,
    )
    for i, j in np.argwhere(~finite & (texts != "")):
        ax.text(j + 0.5, i + 0.5, texts[i, j], ha="center", va="center", fontsize=8)
    ax.tick_params(length=0, rotation=0)


__all__ = ["COUNT_COLOURS", "DENSITY_COLOURS", "HEAT_COLOURS", "draw_heatmap"]
