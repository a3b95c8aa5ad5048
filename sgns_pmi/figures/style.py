"""What all figures share: fonts, panels, and how a figure is saved; a method's looks stand in `looks`."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from sgns_pmi.figures.looks import COLOURS, LABELS, colour, label, marker
from sgns_pmi.figures.paper import look
from sgns_pmi.files import atomic_path

P = ParamSpec("P")
R = TypeVar("R")

TARGET = "#444444"
"""Colour of what estimates are held against: the truth, the identity line, the best optimum."""
UNSEEN_COLOUR = "#B0B0B0"
"""Colour of cells with a count of 0."""
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
DPI = 150
QUICK = {"compress_level": 3}
"""How PNG files are packed: a tenth larger than by default, in a third of the time."""
UNDATED = {"svg": "Date", "pdf": "CreationDate"}
"""What of a file's metadata is left out."""
LEAST_WIDTH = 7.2
"""Inches; room for a title above a single panel."""

_RC: Any = {  # the stubs of matplotlib 3.11 type each key; those of 3.9 do not
    "font.family": "DejaVu Sans",  # ships with matplotlib, so a figure looks the same everywhere
    "font.size": 9,
    "text.hinting": "none",  # the automatic one takes twice as long to shape letters, to no gain at this resolution
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "figure.titlesize": 10.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "svg.fonttype": "path",
    "pdf.fonttype": 42,  # text that stays text
    "svg.hashsalt": "sgns-pmi",  # same figure, same bytes
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under the house's fonts and lines, leaving matplotlib's own settings as they were."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        scale = look().font_size / _RC["font.size"]
        sizes = {
            name: scale * size for name, size in _RC.items() if name.endswith(("font.size", "titlesize", "labelsize", "fontsize"))
        }
        with matplotlib.rc_context(_RC | sizes):
            return draw(*args, **kwargs)

    return inside


def badge(ax: Axes, method: str) -> None:
    """Mark a panel as a method's: a bar of its colour along the top."""
    ax.spines["top"].set(visible=True, color=colour(method), linewidth=3)


def number(value: float) -> str:
    """A value as text: three significant digits, ∞ for infinity."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:#.3g}".rstrip(".").replace("-", "−")


def plain(value: float, _: object = None) -> str:
    """A tick as text, without powers of ten where it can be read without them; a matplotlib tick formatter."""
    text = f"{value:.6g}"
    return (f"{value:.0f}" if "e+" in text and value < 1e15 and value == int(value) else text).replace("-", "−")


def power(value: float, position: object = None) -> str:
    """A tick of a log scale as text, 10⁻³. (Matplotlib's own are typeset as formulas, which takes as long as all other text.)"""
    exponent = round(math.log10(abs(value))) if value else 0
    if not math.isclose(abs(value), 10.0**exponent):
        return plain(value)
    return ("−" if value < 0 else "") + "10" + str(exponent).translate(SUPERSCRIPTS)


def decades(axis: Axis) -> None:
    """Tick a log scale, its limits known, at powers of ten alone where it has some: ticks between take half a figure's time."""
    low, high = axis.get_view_interval()
    axis.set_major_formatter(power)
    if high >= 100 * low:
        axis.set_minor_locator(NullLocator())


def balanced(panels: int, most: int) -> int:
    """Columns, at most `most`, that leave the rows of so many panels as even as can be."""
    return -(-panels // -(-panels // most))


def set_title(figure: Figure, title: str) -> None:
    """Title a figure, with lines broken where they would not fit its width."""
    widest = int((look().width or figure.get_figwidth()) * 11.5 * 9 / look().font_size)
    figure.suptitle("\n".join(part for line in title.split("\n") for part in textwrap.wrap(line, widest)))


def panel_axes(panels: int, columns: int, width: float, height: float, share: bool = True) -> tuple[Figure, list[Axes]]:
    """A figure of as many panels in rows of `columns`, each about `width` x `height` inches.

    With `share` all panels have the same axes, and tick labels stand on the outer ones only.
    """
    rows = -(-panels // columns)
    figure = Figure(figsize=(max(LEAST_WIDTH, 1.0 + width * columns), 0.9 + height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, sharex=share, sharey=share, squeeze=False).flat)
    for spare in axes[panels:]:
        spare.remove()
    for ax in axes[max(0, panels - columns) : panels]:
        ax.tick_params(labelbottom=True)
    return figure, axes[:panels]


def label_axes(axes: Sequence[Axes], columns: int, x: str, y: str) -> None:
    """Label the outer axes of `panel_axes`: x below the last panel of each column, y before the first of each row."""
    for position, ax in enumerate(axes):
        ax.set_xlabel(x if position >= len(axes) - columns else "")
        ax.set_ylabel(y if position % columns == 0 else "")


@styled
def save(figure: Figure, path: str | Path, svg: bool = False) -> list[Path]:
    """Write a figure as PNG and, if asked by `svg` or the `look`, as SVG and PDF; each file appears whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Gets the width that was asked for, and a height in proportion.
    path : str or Path
        Without suffix: ``figures/recovery``. Its folder is made if absent.
    svg : bool, default False
        Whether to write the .svg too.

    Returns
    -------
    list of Path
        The files written.
    """
    place = Path(path)
    width, height = figure.get_size_inches()
    if (wanted := look().width) is not None:
        figure.set_size_inches(wanted, height * wanted / width)
    written = []
    # Laid out once, whatever the number of files; matplotlib would draw the figure once more to do so.
    if (engine := figure.get_layout_engine()) is not None:
        figure.set_dpi(DPI)
        for ax in figure.axes:
            for spine in ax.spines.values():
                spine.set_in_layout(False)  # they lie on the border of their axes, which is measured anyway
        engine.execute(figure)
        figure.set_layout_engine(None)  # "none" puts a placeholder there, for which matplotlib draws once more
    for suffix in dict.fromkeys((*look().format, *(("svg",) if svg else ()))):
        target = place.with_name(f"{place.name}.{suffix}")
        with atomic_path(target) as beside:
            # The same figure is the same file, whenever it is drawn.
            own: dict[str, Any] = {"metadata": {UNDATED[suffix]: None}} if suffix in UNDATED else {"pil_kwargs": QUICK}
            figure.savefig(beside, dpi=DPI, **own)
        written.append(target)
    return written


__all__ = [
    "COLOURS",
    "DPI",
    "LABELS",
    "LEAST_WIDTH",
    "TARGET",
    "UNSEEN_COLOUR",
    "badge",
    "balanced",
    "colour",
    "decades",
    "label",
    "label_axes",
    "marker",
    "number",
    "panel_axes",
    "plain",
    "power",
    "save",
    "set_title",
    "styled",
]
