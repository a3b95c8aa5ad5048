"""A sweep at a glance: any metric over the swept keys, as lines over one key or as a heat map over two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator

from sgns_pmi.compare.table import METRIC_COLUMNS, main_cells, main_target, select
from sgns_pmi.figures.heat import HEAT_COLOURS, draw_heatmap
from sgns_pmi.figures.style import (
    badge,
    balanced,
    colour,
    label,
    label_axes,
    marker,
    number,
    panel_axes,
    plain,
    save,
    set_title,
    styled,
)
from sgns_pmi.results.replicates import mean_interval, replicate_axis

ROW_COLUMNS = ("job", *METRIC_COLUMNS)
"""Columns of sweep.csv that are not swept keys."""
MOST_ANNOTATED = 12
"""Values of a key up to which a heat map can be read."""

WEIGHTED = "rmse_weighted"


def swept_keys(frame: pd.DataFrame) -> list[str]:
    """The columns of a sweep's frame that are keys with more than one value, in their order."""
    return [str(key) for key in frame.columns if key not in ROW_COLUMNS and frame[key].nunique(dropna=False) > 1]


def sweep_figures(frame: pd.DataFrame, directory: str | Path, *, title: str = "", svg: bool = False) -> list[Path]:
    """Write the figures of a sweep.

    Parameters
    ----------
    frame : DataFrame
        Rows of sweep.csv: job, one column for each swept key, then method, estimate, target, cells, metric, value.
        Keys with one value only are ignored. Key values may be numbers or names.
    directory : str or Path
        Where the files go (``figures/`` of the sweep's directory); made if absent.
    title : str, optional
        What all jobs share; below the first line of each figure's title.
    svg : bool, default False
        Whether to write .svg files as well.

    Returns
    -------
    list of Path
        rmse_all.png and rmse_seen.png: RMSE of the corrected estimate against the true PMI, over all and over seen
        cells (rmse_seen.png alone, against the empirical PMI, where no job has a truth); objective_gap.png where
        there are gap rows; rmse_weighted.png where a truth is known: with P as weights, and as dashed lines the Cramér–Rao
        bound of each method's model. One swept key gives lines, two give heat maps (lines, one panel a value of the
        smaller key, where a key has more than 12 values), more give lines in one panel for each combination of the
        other keys. A swept ``seed`` (or ``draw_seed``) beside other keys is
        averaged over: lines have a band, the 95 % interval of the mean, and cells of heat maps its standard error.
        Nothing is written where nothing was swept.
    """
    keys = swept_keys(frame)
    seed = replicate_axis(keys) if len(keys) > 1 else None
    repeats = frame[seed].nunique() if seed else 1
    if seed:
        keys.remove(seed)
    if not keys:
        return []
    # Lines run along the key with most values; the others follow in falling number of values.
    levels = {key: _levels(frame[key]) for key in keys}
    keys.reverse()  # of k and dim, equally long, dim goes along the axis
    keys.sort(key=lambda key: (isinstance(levels[key][0], str), -len(levels[key])))
    heat = len(keys) == 2 and all(len(levels[key]) <= MOST_ANNOTATED for key in keys)
    shared = f"mean ± se of {repeats} seeds" if heat and repeats > 1 else ""
    written = []
    for name, subject, axis_label, rows in _quantities(frame):
        bounds = select(frame, metric="cramer_rao") if name == WEIGHTED and not heat else frame.iloc[:0]
        dashed = " (dashed: Cramér–Rao bound of the method's model)" if len(bounds) else ""
        heading = "\n".join(filter(None, [", ".join(filter(None, [subject + dashed, shared])), title]))
        if heat:
            figure = heatmap_figure(rows, *keys, title=heading, value_label=axis_label)
        else:
            figure = lines_figure(
                rows, keys[0], facets=keys[1:], title=heading, value_label=axis_label, repeats=repeats, bounds=bounds
            )
        written += save(figure, Path(directory) / name, svg)
    return written


def _quantities(frame: pd.DataFrame) -> list[tuple[str, str, str, pd.DataFrame]]:
    """File name, title, axis label and rows of each figure that the frame has values for."""
    target = main_target(frame)
    quantities = [
        (
            f"rmse_{cells}",
            f"RMSE of the corrected estimate against the {target} PMI, {cells} cells",
            "RMSE (nats)",
            select(frame, metric="rmse", cells=cells, estimate="corrected", target=target),
        )
        for cells in main_cells(frame)
        if cells != "unseen"
    ]
    weighted = select(frame, metric="weighted_rmse", cells="all", estimate="corrected", target=target)
    subject = f"P-weighted RMSE of the corrected estimate against the {target} PMI"
    quantities.append((WEIGHTED, subject, "P-weighted RMSE (nats)", weighted))
    gap = select(frame, target="objective", metric="gap")
    # The method that the others are measured by has gap 0 everywhere.
    gap = gap[gap.groupby("method")["value"].transform(lambda values: values.ne(0).any()).astype(bool)]
    subject = f"Objective relative to that of {label('sgns_expected')}"
    quantities.append(("objective_gap", subject, "objective gap (%)", gap.assign(value=100 * gap["value"])))
    return [quantity for quantity in quantities if len(quantity[3])]


@styled
def heatmap_figure(frame: pd.DataFrame, x: str, y: str, *, title: str, value_label: str) -> Figure:
    """Heat maps of one metric over two keys, one panel a method, on one colour scale, each value written in its cell.

    Parameters
    ----------
    frame : DataFrame
        Columns method, `x`, `y`, value. Rows of the same method, x and y (seeds) are averaged, and the mean's
        standard error stands below it. A cell with an infinite value reads ∞ and has no colour; one without rows stays empty.
    x, y : str
        The keys: numbers in ascending order, names in order of appearance.
    title : str
    value_label : str
        Name and unit of the metric, at the colour bar.

    Returns
    -------
    matplotlib.figure.Figure
    """
    methods = list(dict.fromkeys(frame["method"]))
    columns, rows = _levels(frame[x]), _levels(frame[y])
    repeated = bool(frame.duplicated(["method", x, y]).any())
    wide, high = max(2.3, 0.7 + 0.5 * len(columns)), max(1.5, 0.9 + (0.5 if repeated else 0.36) * len(rows))
    across = balanced(len(methods), most=max(1, int(11 / wide)))
    figure, axes = panel_axes(len(methods), across, wide, high, share=False)
    scale = _Scale.of(frame["value"])
    norm = scale.norm()
    for ax, method in zip(axes, methods, strict=True):
        of_method = frame[frame["method"] == method]
        table = np.full((len(rows), len(columns)), np.nan)
        texts = np.full(table.shape, "", dtype=object)
        found = mean_interval(of_method.groupby([_keyed(of_method[y]), _keyed(of_method[x])])["value"])
        for (row, column), mean, se in found[["mean", "se"]].itertuples(name=None):
            at = rows.index(row), columns.index(column)
            table[at] = mean
            texts[at] = number(mean) + (f"\n±{se:.2g}" if np.isfinite(se) else "")
        draw_heatmap(ax, table, texts, norm, [_text(level) for level in rows], [_text(level) for level in columns])
        ax.set_facecolor("#EEEEEE")
        ax.set_title(label(method))
        badge(ax, method)
        ax.tick_params(axis="y", rotation=0)
        ax.tick_params(axis="x", rotation=0 if max(len(_text(level)) for level in columns) < 7 else 30)
    label_axes(axes, across, x, y)
    bar = ScalarMappable(norm, HEAT_COLOURS)
    below = scale.kind == "log" and (frame["value"] < scale.low).any()
    colours = figure.colorbar(
        bar, ax=axes, label=value_label, fraction=0.05, pad=0.02, aspect=18, extend="min" if below else "neither"
    )
    scale.set_ticks(colours.ax.yaxis)
    set_title(figure, title)
    return figure


@styled
def lines_figure(
    frame: pd.DataFrame,
    x: str,
    *,
    facets: Sequence[str] = (),
    title: str,
    value_label: str,
    repeats: int = 1,
    bounds: pd.DataFrame | None = None,
) -> Figure:
    """One metric over one key, a line a method; with more keys, a panel for each combination of theirs.

    Parameters
    ----------
    frame : DataFrame
        Columns method, `x`, those of `facets`, value. Of rows that share all of them (seeds) the mean is drawn, with
        a band, its 95 % interval. A method whose values are all infinite is named in the legend only.
    x : str
        The key along the axis: numbers (log scale where they span a factor 10 or more), or names, which are not
        joined by lines.
    facets : sequence of str, default none
        Keys that make the panels.
    title : str
    value_label : str
        Name and unit of the metric.
    repeats : int, default 1
        Number of seeds, said in the legend where above 1.
    bounds : DataFrame, optional
        As `frame`: what each method's values are bounded by, as dashed lines of its colour.

    Returns
    -------
    matplotlib.figure.Figure
    """
    bounds = frame.iloc[:0] if bounds is None else bounds
    scale = _Scale.of([*frame["value"], *bounds["value"]])
    if scale.kind == "log" and (frame["value"] < scale.low).any():
        frame = frame.assign(value=frame["value"].clip(lower=scale.low))
        value_label += f", {plain(scale.low)} or less at the edge"
    infinite = np.isinf(frame["value"]).groupby(frame["method"], sort=False).all()
    names = {str(method): label(str(method)) + (" (∞)" if all_infinite else "") for method, all_infinite in infinite.items()}
    panels = _panels(frame, facets)
    last = len(_levels(frame[facets[-1]])) if facets else 1
    across = min(len(panels), last if 1 < last <= 4 else 4)
    figure, axes = panel_axes(len(panels), across, width=2.8, height=3.4 if len(panels) <= across else 2.5)
    scale.set_y(axes[0])  # before drawing: margins follow the scale; the axes share it
    bounded = _panels(bounds, facets)
    for ax, (heading, rows) in zip(axes, panels.items(), strict=True):
        _draw_lines(ax, rows, x, _levels(frame[x]), names)
        for method, own in bounded.get(heading, bounds).groupby("method", sort=False):
            mean = own["value"].groupby(_keyed(own[x])).mean().reindex(_levels(frame[x]))
            if not isinstance(mean.index[0], str):
                ax.plot(mean.index, mean, color=colour(str(method)), linestyle="--", linewidth=1, zorder=1)
        ax.set_title(heading)
        ax.grid(True)
    label_axes(axes, across, x, value_label)
    axes[across - 1].legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), title=f"mean and 95 % interval\nof {repeats} seeds" if repeats > 1 else None
    )
    set_title(figure, title)
    return figure


def _panels(frame: pd.DataFrame, facets: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The rows of each combination of the facets' values that has rows, by its heading."""
    panels = {"": frame}
    for key in facets:
        panels = {
            f"{heading}, {key} = {_text(level)}".removeprefix(", "): chosen
            for heading, rows in panels.items()
            for level in _levels(frame[key])
            if len(chosen := rows[_keyed(frame[key])[rows.index] == level])
        }
    return panels


def _draw_lines(ax: Axes, frame: pd.DataFrame, x: str, levels: list[Any], names: Mapping[str, str]) -> None:
    """A line (markers alone where the levels of x are names) for each method, by its name in the legend."""
    numeric = not isinstance(levels[0], str)
    for place, (method, name) in enumerate(names.items()):
        rows = frame[frame["method"] == method]
        values = mean_interval(rows["value"].where(np.isfinite(rows["value"])).groupby(_keyed(rows[x])))
        values = values.reindex([level for level in levels if level in values.index])
        # Names have no order that a line could follow; side by side the methods do not hide each other.
        at = (
            values.index.to_numpy(float)
            if numeric
            else (np.array([levels.index(level) for level in values.index]) + 0.5 * ((place + 0.5) / len(names) - 0.5))
        )
        ax.plot(at, values["mean"], color=colour(method), marker=marker(method), linestyle="-" if numeric else "none", label=name)
        if not values["se"].fillna(0).eq(0).all():
            if numeric:
                ax.fill_between(at, values["lower"], values["upper"], color=colour(method), alpha=0.2, linewidth=0)
            else:
                ax.vlines(at, values["lower"], values["upper"], color=colour(method), linewidth=1)
    if numeric:
        if levels[0] > 0 and levels[-1] / levels[0] >= 10:
            ax.set_xscale("log")
        ax.xaxis.set_major_locator(FixedLocator(_apart(levels, logarithmic=ax.get_xscale() == "log")))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(plain)
    else:
        long = max(len(level) for level in levels) > 8
        ax.set_xticks(range(len(levels)), levels, rotation=25 if long else 0, ha="right" if long else "center")
        ax.set_xlim(-0.5, len(levels) - 0.5)


def _apart(levels: list[float], logarithmic: bool) -> list[float]:
    """Those of the ascending levels whose tick labels do not run into each other."""
    places = np.log(levels) if logarithmic else np.asarray(levels)
    kept = [len(levels) - 1]
    # From above, where the labels of a logarithmic axis crowd.
    for place in reversed(range(len(levels) - 1)):
        if places[kept[-1]] - places[place] >= (places[-1] - places[0]) / 12:
            kept.append(place)
    return [levels[place] for place in kept]


def _numeric(values: pd.Series[Any]) -> bool:
    return values.dtype != bool and bool(pd.to_numeric(values, errors="coerce").notna().all())


def _keyed(values: pd.Series[Any]) -> pd.Series[Any]:
    """The values of a key as floats if all are numbers, else as text."""
    return values.astype(float) if _numeric(values) else values.astype(object).where(values.notna(), "none").astype(str)


def _levels(values: pd.Series[Any]) -> list[Any]:
    """The distinct values of a key: numbers ascending, names in order of appearance."""
    levels = list(dict.fromkeys(_keyed(values)))
    return sorted(levels) if _numeric(values) else levels


def _text(level: Any) -> str:
    return level if isinstance(level, str) else plain(level)


@dataclass(frozen=True)
class _Scale:
    """The scale that tells values apart: linear, logarithmic or, with values ≤ 0, symmetrically logarithmic.

    `low` and `high` are the ends; a logarithm shows four decades, as exact recovery (1e-15) would leave the
    differences between all others invisible. `middle` is the power of ten that ends the linear part of "symlog".
    """

    kind: Literal["linear", "log", "symlog"]
    low: float
    high: float
    middle: float = 1.0

    @classmethod
    def of(cls, values: Iterable[float]) -> _Scale:
        """The scale for the finite ones of these values."""
        given = np.asarray(list(values), dtype=np.float64)
        finite = given[np.isfinite(given)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        sizes = np.abs(finite[finite != 0])
        if not sizes.size or sizes.max() <= 10 * sizes.min():
            return cls("linear", low, high)
        least = max(float(sizes.min()), float(10 ** (np.floor(np.log10(sizes.max())) - 4)))
        if low > 0:
            return cls("log", least, high)
        return cls("symlog", low, high, float(10 ** np.floor(np.log10(least))))

    def norm(self) -> Normalize:
        """The scale of colours."""
        if self.kind == "log":
            return LogNorm(self.low, self.high)
        return Normalize(self.low, self.high) if self.kind == "linear" else SymLogNorm(self.middle, vmin=self.low, vmax=self.high)

    def set_y(self, ax: Axes) -> None:
        """Give the y axis the scale."""
        ax.set_yscale(self.kind, **({"linthresh": self.middle} if self.kind == "symlog" else {}))
        self.set_ticks(ax.yaxis)

    def set_ticks(self, axis: Axis) -> None:
        """Write the ticks of an axis that has the scale as plain numbers."""
        if self.kind == "log":
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if self.high < 100 * self.low else (1.0,)))
            axis.set_minor_formatter(NullFormatter())
        elif self.kind == "symlog":
            # Powers of ten beyond the linear middle; those at its ends would crowd the 0.
            most = max(-self.low, self.high)
            powers = 10.0 ** np.arange(np.log10(self.middle) + 1, np.floor(np.log10(most)) + 1)
            axis.set_major_locator(FixedLocator([*-powers[::-1], 0, *powers]))
            axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(plain)
