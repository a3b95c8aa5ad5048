"""Panels of estimate against target, one point or one share of a hexagon for each cell; used by recovery and grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sgns_pmi.figures.heat import COUNT_COLOURS, DENSITY_COLOURS
from sgns_pmi.figures.style import TARGET, UNSEEN_COLOUR, decades

Array = NDArray[np.floating[Any]]

MOST_POINTS = 20_000
"""Cells of a panel up to which each is a point of its own."""


@dataclass(frozen=True)
class Cells:
    """What one panel shows: the cells in which estimate and target are finite, as parallel arrays, and a note of the rest."""

    target: Array
    estimate: Array
    count: Array
    left_out: str

    @classmethod
    def of(cls, estimate: Array, target: Array, counts: Array) -> Cells:
        """The finite cells of three matrices of one shape."""
        finite = np.isfinite(estimate) & np.isfinite(target)
        if finite.all():
            return cls(np.ravel(target), np.ravel(estimate), np.ravel(counts), "")
        gone = counts[~finite]
        kind = "unseen cells at −∞" if not gone.any() else "infinite cells"
        return cls(target[finite], estimate[finite], counts[finite], f"{gone.size:,} {kind} not shown")


def draw_panels(figure: Figure, axes: Sequence[Axes], panels: Sequence[Cells]) -> None:
    """Draw each panel on its axes: equal limits, the identity line, and one colour scale with its bar.

    Cells are points coloured by count (unseen ones grey, beneath) up to `MOST_POINTS` a panel; beyond that hexagons
    coloured by how many cells they hold.
    """
    low, high = limits = _limits(panels)
    if max(cells.target.size for cells in panels) <= MOST_POINTS:
        drawn, meaning = _points(axes, panels)
    else:
        drawn, meaning = _hexagons(axes, panels, limits)
    for ax, cells in zip(axes, panels, strict=True):
        ax.plot(limits, limits, color=TARGET, linewidth=0.9, linestyle=(0, (4, 2)), label="estimate = target", zorder=3)
        ax.set(xlim=limits, ylim=limits, aspect="equal")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
        outside = {"above": int((cells.estimate > high).sum()), "below": int((cells.estimate < low).sum())}
        notes = [f"{number:,} cells {where} the axes" for where, number in outside.items() if number]
        if cells.left_out:
            notes.append(cells.left_out)
        ax.text(
            0.98,
            0.02,
            "\n".join(notes),
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            fontsize=7,
            color="#555555",
            zorder=4,
            bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1},
        )
    figure.set_layout_engine("compressed", h_pad=0.09)  # the layout for panels of fixed shape: no gaps beside them
    if drawn is not None:
        look: dict[str, Any] = {"fraction": 0.04, "pad": 0.015, "aspect": 25, "shrink": 0.9}
        decades(figure.colorbar(drawn, ax=list(axes), label=meaning, **look).ax.yaxis)


def _limits(panels: Sequence[Cells]) -> tuple[float, float]:
    """Limits that hold every target, and estimates up to half the targets' range beyond it.

    An overfitted method may send unseen cells hundreds of nats down; shown in full it would press all else into a dot.
    """
    filled = [cells for cells in panels if cells.target.size]
    if not filled:
        return -1.0, 1.0
    low, high = min(cells.target.min() for cells in filled), max(cells.target.max() for cells in filled)
    reach = max(0.5 * (high - low), 1.0)
    low = min(low, max(low - reach, min(cells.estimate.min() for cells in filled)))
    high = max(high, min(high + reach, max(cells.estimate.max() for cells in filled)))
    margin = max(0.04 * (high - low), 0.01)
    return float(low - margin), float(high + margin)


def _points(axes: Sequence[Axes], panels: Sequence[Cells]) -> tuple[Any, str]:
    seen = np.concatenate([cells.count[cells.count > 0] for cells in panels])
    norm = LogNorm(seen.min(), max(seen.max(), 10 * seen.min())) if seen.size else None
    drawn, grey = None, False
    for ax, cells in zip(axes, panels, strict=True):
        size = float(np.clip(4e4 / max(cells.target.size, 1), 3.0, 14.0))
        look: dict[str, Any] = {"s": size, "linewidths": 0, "rasterized": True}
        unseen = cells.count == 0
        if unseen.any():
            ax.scatter(cells.target[unseen], cells.estimate[unseen], color=UNSEEN_COLOUR, alpha=0.6, zorder=1, **look)
            grey = True
        # Frequent cells last: they are few, and would vanish beneath the rare ones.
        order = np.flatnonzero(~unseen)[np.argsort(cells.count[~unseen], kind="stable")]
        drawn = ax.scatter(
            cells.target[order], cells.estimate[order], c=cells.count[order], norm=norm, cmap=COUNT_COLOURS, zorder=2, **look
        )
    return drawn if norm is not None else None, "count n (grey: n = 0)" if grey else "count n"


def _hexagons(axes: Sequence[Axes], panels: Sequence[Cells], limits: tuple[float, float]) -> tuple[Any, str]:
    drawn = [
        ax.hexbin(
            cells.target, cells.estimate, gridsize=60, extent=(*limits, *limits), mincnt=1, cmap=DENSITY_COLOURS, linewidths=0.1
        )
        for ax, cells in zip(axes, panels, strict=True)
    ]
    most = max(float(np.max(np.asarray(hexagons.get_array()), initial=10)) for hexagons in drawn)
    norm = LogNorm(1, most)
    for hexagons in drawn:
        hexagons.set_norm(norm)
    return drawn[0], "cells in a hexagon"
