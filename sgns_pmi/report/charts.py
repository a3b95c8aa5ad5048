"""The charts of a page, as Vega-Lite specifications: data and what is drawn of them, without a size.

A chart of one panel a method, or a value of a key, is a facet; the page's script gives it as many columns as there is room for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sgns_pmi.compare.shown import ShownCells
from sgns_pmi.compare.singular import leading_singular_values
from sgns_pmi.errors import shown
from sgns_pmi.figures.looks import EXACT, TERMS, colour, label
from sgns_pmi.lazily import pd

Spec = dict[str, Any]

INK = "currentColor"
"""The page's own colour of text, light or dark."""
UNSEEN = "#9A9A9A"
MOST_STEPS = 300
"""Points of a curve; a longer history is thinned evenly."""
MOST_VALUES = 30
"""Singular values shown."""
MOST_MATRIX = 1_000_000
"""Cells of a matrix whose singular values are taken for a page: a fraction of a second."""
MOST_PANELS = 40
"""Of a sweep: nobody looks through more."""
SHORTEST = 1e-3
"""Seconds: less is drawn here."""
MOST_MAPS = 6
MAP_HEIGHT = 480
MAP_WIDTHS = (240, 480, 960, 1920)
"""Widths of a map, in pixels, for which it is decided which words are written."""
LETTER, LINE = 6.6, 13.0
"""Width of a letter and height of a line, in pixels."""
NAMING = 3
"""Words that name a cluster."""
FLOOR = 1e-4
"""Singular values below this share of the target's largest are rounding or nearly so."""


@dataclass(frozen=True)
class Chart:
    """A chart of a page.

    Parameters
    ----------
    name : str
        Of its element.
    title : str
    spec : dict
        Vega-Lite, without width.
    alt : str
        What it shows, for those who do not see it.
    note : str, optional
        What a reader has to know, below it.
    panels : int, default 1
        Panels that it has side by side where there is room.
    zooms : str, optional
        The fields of its axes, as "x,y", where it can be moved and enlarged.
    """

    name: str
    title: str
    spec: Spec
    alt: str
    note: str = ""
    panels: int = 1
    zooms: str = ""


def recovery_chart(methods: Sequence[str], target: str, cells: Sequence[Mapping[str, Any]], note: str) -> Chart:
    """Estimate against target, a panel a method; its rows, of the data ``cells``, come from the page's script.

    Parameters
    ----------
    methods : sequence of str
    target : {"true", "empirical"}
    cells : sequence of dict
        Those of each job, as `plot_cells` gives them.
    note : str
    """
    worded = all("center" in own for own in cells)
    across, along = _ranges(cells)
    tooltip = [
        *([{"field": side, "type": "nominal"} for side in ("center", "context")] if worded else []),
        {"field": "count", "type": "quantitative"},
        {"field": "estimate", "type": "quantitative"},
        {"field": "target", "type": "quantitative", "title": f"{target} PMI"},
    ]
    names = [label(method) for method in methods]
    seen = {"field": "method", "type": "nominal", "scale": _scale(methods), "legend": None}
    points = {
        "mark": {"type": "circle", "size": 18, "opacity": 0.65, "clip": True, "aria": False},
        "params": [_zoom()],
        "encoding": {
            "x": {"field": "target", "type": "quantitative", "title": f"{target} PMI (nats)", "scale": {"domain": across}},
            "y": {"field": "estimate", "type": "quantitative", "title": "estimate (nats)", "scale": {"domain": along}},
            "color": {"condition": {"test": "datum.count > 0", **seen}, "value": UNSEEN},
            "tooltip": tooltip,
        },
    }
    # The identity, drawn wherever one moves.
    line = {
        "data": {"values": [{"at": -1000}, {"at": 1000}]},
        "mark": {"type": "line", "strokeDash": [4, 4], "color": INK, "clip": True, "opacity": 0.7, "aria": False},
        "encoding": {"x": {"field": "at", "type": "quantitative"}, "y": {"field": "at", "type": "quantitative"}},
    }
    spec = {
        "data": {"name": "cells"},
        "facet": {"field": "method", "type": "nominal", "sort": names, "title": None},
        "spec": {"height": 240, "layer": [points, line]},
    }
    alt = f"Estimated PMI against the {target} PMI, one point a cell and one panel a method; on the dashed line both are equal."
    return Chart(
        "recovery",
        "Estimate against truth" if target == "true" else "Estimate against the empirical PMI",
        spec,
        alt,
        note,
        panels=len(methods),
        zooms="target,estimate",
    )


def _ranges(cells: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    """What the axes show at first: all targets; and of the estimates all but the most extreme per cent."""
    targets = np.array([value for own in cells for value in own["target"] if value is not None] or [0.0])
    estimates = [value for own in cells for values in own["estimates"].values() for value in values if value is not None]
    across = [float(targets.min()), float(targets.max())]
    usual = np.quantile(estimates, [0.01, 0.99]) if estimates else across
    along = [min(across[0], float(usual[0])), max(across[1], float(usual[1]))]
    return _padded(across), _padded(along)


def _padded(ends: Sequence[float]) -> list[float]:
    margin = 0.03 * (ends[1] - ends[0]) or 1.0
    return [round(ends[0] - margin, 3), round(ends[1] + margin, 3)]


def budget_chart(budget: pd.DataFrame) -> Chart:
    """What the squared error over all cells is made of: a bar a method, a piece a term."""
    whole = budget[budget["cells"] == "all"]
    error = whole[(whole["term"] == "total") & (whole["metric"] == "rmse")].set_index("method")["value"]
    exact = list(error.index[error <= EXACT])
    rows = whole[(whole["term"] != "total") & ~whole["method"].isin(exact)]
    shares = rows[rows["metric"] == "share"]
    roots = rows[rows["metric"] == "rmse"].set_index(["method", "term"])["value"]
    values = [
        {"method": label(method), "term": TOLD.get(term, term), "share": share, "rmse": float(roots.get((method, term), np.nan))}
        for method, term, share in shares[["method", "term", "value"]].itertuples(index=False)
    ]
    spec = {
        "data": {"values": _finite(values)},
        "mark": {"type": "bar"},
        "height": 30 * max(1, rows["method"].nunique()),
        "encoding": {
            "y": {"field": "method", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "share", "type": "quantitative", "title": "share of the squared error", "axis": {"format": "%"}},
            "color": _of_terms(shares["term"]),
            "tooltip": [
                {"field": "method"},
                {"field": "term"},
                {"field": "share", "format": ".1%", "type": "quantitative"},
                {"field": "rmse", "format": ".3g", "type": "quantitative", "title": "RMSE of the term"},
            ],
        },
    }
    alt = "What the squared error of each method is made of: the share of each term over all cells."
    note = "A negative share makes good another term's error."
    if exact:
        note += f" Without error: {', '.join(map(label, exact))}."
    return Chart("budget", "What the error is made of", spec, alt, note)


TOLD = {term: f"{term}: {meaning}" for term, (meaning, _) in TERMS.items()}
"""What each term of a budget is called in a legend."""


def _of_terms(occurring: pd.Series[str]) -> Spec:
    """The colours of the terms that occur."""
    known = [term for term in TERMS if (occurring == term).any()]
    shades = {"domain": [TOLD[term] for term in known], "range": [TERMS[term][1] for term in known]}
    short = "containerSize()[0] < 450 ? split(datum.label, ':')[0] : datum.label"  # a telephone has no room for more
    legend = {"labelLimit": 400, "columns": 1, "labelExpr": short}
    return {"field": "term", "type": "nominal", "title": None, "scale": shades, "legend": legend}


def sweep_budget_chart(parts: pd.DataFrame, keys: Sequence[str]) -> Chart:
    """What each method's RMSE is made of in each setting: a panel a method, a bar a setting, a piece a term.

    Parameters
    ----------
    parts : DataFrame
        Columns `keys`, method, term, height.
    keys : sequence of str
        The swept keys that name a setting.
    """
    values = [
        {
            "method": label(str(row["method"])),
            "setting": ", ".join(f"{key} = {row[key]}" for key in keys),
            "term": TOLD.get(row["term"], row["term"]),
            "height": row["height"],
        }
        for row in parts.to_dict("records")
    ]
    methods = list(dict.fromkeys(row["method"] for row in values))
    spec = {
        "data": {"values": _finite(values)},
        "facet": {"field": "method", "type": "nominal", "sort": methods, "title": None},
        "spec": {
            "mark": {"type": "bar"},
            "height": 200,
            "encoding": {
                "x": {"field": "setting", "type": "ordinal", "sort": None, "title": None, "axis": {"labelAngle": -40}},
                "y": {"field": "height", "type": "quantitative", "title": "RMSE (nats), in parts"},
                "color": _of_terms(parts["term"]),
                "tooltip": [
                    {"field": "setting"},
                    {"field": "term"},
                    {"field": "height", "format": ".3g", "type": "quantitative"},
                ],
            },
        },
        "resolve": {"scale": {"y": "independent"}},
    }
    alt = "What the RMSE of each method over all cells is made of, in each setting of the sweep."
    note = "Each method has its own scale. A piece below 0 makes good another term's error."
    return Chart("budget", "What the errors are made of", spec, alt, note, panels=len(methods))


def convergence_chart(history: pd.DataFrame, best: float) -> Chart:
    """How far each method is above the least objective known, against seconds."""
    rows = [
        {
            "method": label(str(method)),
            "seconds": max(seconds, SHORTEST),
            "step": int(step),
            "objective": value,
            "above": 100 * (value / best - 1),
        }
        for method, own in history.groupby("method", sort=False)
        for step, seconds, value in _thinned(own)[["step", "seconds", "objective"]].itertuples(index=False)
    ]
    methods = [str(method) for method in history["method"].unique()]
    spec = {
        "data": {"values": _finite([row for row in rows if row["above"] > 1e-7])},
        "mark": {"type": "line", "point": {"size": 14}, "strokeWidth": 1.4},
        "height": 280,
        "encoding": {
            "x": {"field": "seconds", **_logarithmic("seconds", 6)},
            "y": {"field": "above", **_logarithmic("above the least ℓ known (%)", 6)},
            "color": _legend(methods),
            "tooltip": [
                {"field": "method"},
                {"field": "step", "type": "quantitative"},
                {"field": "seconds", "format": ".3g", "type": "quantitative"},
                {"field": "objective", "format": ".7g", "type": "quantitative"},
            ],
        },
    }
    alt = "How far the objective of each method is above the least that is known, against seconds; both axes are logarithmic."
    return Chart(
        "convergence",
        "Convergence",
        spec,
        alt,
        f"The least objective known is {best:.7g} nats a pair; points that reach it are not on a log scale.",
    )


def losses_chart(history: pd.DataFrame, losses: Mapping[str, str]) -> Chart:
    """What the methods that do not minimise ℓ minimise, a panel each."""
    rows = [
        {"method": f"{label(str(method))}: {losses[str(method)]}", "seconds": seconds, "step": int(step), "objective": value}
        for method, own in history.groupby("method", sort=False)
        for step, seconds, value in _thinned(own)[["step", "seconds", "objective"]].itertuples(index=False)
    ]
    names = list(dict.fromkeys(row["method"] for row in rows))
    spec = {
        "data": {"values": _finite(rows)},
        "facet": {"field": "method", "type": "nominal", "sort": names, "title": None},
        "spec": {
            "height": 200,
            "mark": {"type": "line", "point": {"size": 14}, "strokeWidth": 1.4},
            "encoding": {
                "x": {"field": "seconds", "type": "quantitative"},
                "y": {"field": "objective", "type": "quantitative", "title": None, "scale": {"zero": False}},
                "tooltip": [{"field": name, "type": "quantitative"} for name in ("step", "seconds", "objective")],
            },
        },
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
    }
    return Chart(
        "losses", "What other methods minimise", spec, "The loss of each method against seconds of training.", panels=len(names)
    )


def map_charts(maps: pd.DataFrame) -> Iterator[Chart]:
    """A map of words for each method, projection and kind of vectors, at most `MOST_MAPS`, by cluster; its words are searched."""
    groups = list(maps.groupby(["method", "projection", "panel"], sort=False))
    for number, (place, own) in enumerate(groups[:MOST_MAPS]):
        method, projection, panel = map(str, place)
        names = {cluster: ", ".join(map(shown, rows["word"].iloc[:NAMING])) for cluster, rows in own.groupby("cluster")}
        rows = [
            {"word": shown(word), "x": x, "y": y, "rank": rank, "room": room, "cluster": names[cluster]}
            for rank, (word, x, y, cluster, room) in enumerate(
                zip(own["word"], own["x"], own["y"], own["cluster"], rooms(own), strict=True), 1
            )
        ]
        found = {"test": "search == '' || indexof(lower(datum.word), lower(search)) >= 0", "value": 0.85}
        known = "search != '' ? indexof(lower(datum.word), lower(search)) >= 0 : isValid(datum.room) && datum.room <= width"
        named = {"test": known, "value": 1}
        axis = {"type": "quantitative", "title": None, "axis": {"labels": False, "ticks": False}, "scale": {"zero": False}}
        spec = {
            "data": {"values": _finite(rows)},
            "height": MAP_HEIGHT,
            "params": [{"name": "search", "value": "", "bind": {"input": "search", "name": "Search ", "autocomplete": "off"}}],
            "encoding": {"x": {"field": "x", **axis}, "y": {"field": "y", **axis}},
            "layer": [
                {
                    "mark": {"type": "circle", "size": 40, "clip": True, "aria": False},
                    "params": [_zoom()],
                    "encoding": {
                        "color": {
                            "field": "cluster",
                            "type": "nominal",
                            "sort": list(names.values()),
                            "title": None,
                            "scale": {"scheme": "tableau10"},
                        },
                        "opacity": {"condition": found, "value": 0.08},
                        "tooltip": [{"field": "word"}, {"field": "rank", "type": "quantitative"}, {"field": "cluster"}],
                    },
                },
                {
                    "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 11, "color": INK, "clip": True},
                    "encoding": {"text": {"field": "word"}, "opacity": {"condition": named, "value": 0}},
                },
            ],
        }
        kind = f", {panel}" if own["panel"].iloc[0] != "V" or len(groups) > 1 else ""
        title = f"Map of words: {label(method)}{kind}, {projection}"
        alt = f"Where the {len(rows)} most frequent words lie by {label(method)}, near words beside each other."
        yield Chart(f"map-{number}", title, spec, alt, "Clusters are named by their most frequent words.", zooms="x,y")


def rooms(places: pd.DataFrame) -> list[int | None]:
    """For each word of a map the least of `MAP_WIDTHS` at which its label overlaps none of a more frequent word; None for none.

    Parameters
    ----------
    places : DataFrame
        Columns word, x, y; most frequent first.
    """
    free: list[int | None] = [None] * len(places)
    unit = [(values - values.min()) / (np.ptp(values) or 1.0) for values in (places["x"].to_numpy(), places["y"].to_numpy())]
    written: list[int] = []  # what has room has it on a wider map too
    for width in MAP_WIDTHS:
        left, top = unit[0] * width, unit[1] * MAP_HEIGHT
        right = left + LETTER * (places["word"].str.len().to_numpy() + 1)
        for word in (word for word, room in enumerate(free) if room is None):
            beside = (left[written] < right[word]) & (left[word] < right[written])
            if not (beside & (np.abs(top[written] - top[word]) < LINE)).any():
                written.append(word)
                free[word] = width
    return free


def spectrum_chart(shown: ShownCells, dim: int | None, pmi_rank: int | None) -> Chart:
    """Leading singular values of the target and of each estimate."""
    count = min(MOST_VALUES, *shown.target.shape)
    target = f"{shown.target_name} PMI"
    top = leading_singular_values(shown.target, count)
    floor = FLOOR * (float(top[0]) or 1.0)
    rows = [
        {"method": name, "index": index, "value": float(value)}
        for name, values in [
            (target, top),
            *((label(method), leading_singular_values(own, count)) for method, own in shown.corrected.items()),
        ]
        for index, value in enumerate(values, 1)
        if value > floor
    ]
    spec = {
        "data": {"values": rows},
        "mark": {"type": "line", "point": {"size": 30}, "strokeWidth": 1.4},
        "height": 280,
        "encoding": {
            "x": {"field": "index", **_logarithmic("index of singular value", 6)},
            "y": {"field": "value", **_logarithmic("singular value (nats)", 5)},
            "color": _legend(list(shown.corrected), {target: "#888888"}),
            "tooltip": [
                {"field": "method"},
                {"field": "index", "type": "quantitative"},
                {"field": "value", "type": "quantitative", "format": ".4g"},
            ],
        },
    }
    rank = "" if pmi_rank is None else f" The true PMI has rank {pmi_rank}."
    note = f"An estimate of dim {dim} has rank {dim} and, with its column term, two more at most.{rank}"
    alt = "The leading singular values of the target and of each method's estimate, on logarithmic axes."
    return Chart("spectrum", "Singular values", spec, alt, note)


def sweep_chart(summary: pd.DataFrame, keys: Sequence[str], cells: str, target: str) -> Chart | None:
    """RMSE against the key with most values, a line a method, a panel for each combination of the other keys."""
    if not keys:
        return None
    along = max(keys, key=lambda key: (_is_number(list(summary[key])), summary[key].nunique()))
    others = [key for key in keys if key != along]
    rows = [
        {
            "method": label(row["method"]),
            "at": row[along],
            "mean": row["mean"],
            "se": row["se"],
            # A log scale has no room for 0; a single seed has no error.
            "lower": max(row["mean"] - np.nan_to_num(row["se"]), row["mean"] / 10),
            "upper": row["mean"] + np.nan_to_num(row["se"]),
            "panel": ", ".join(f"{key} = {row[key]}" for key in others),
        }
        for row in summary.to_dict("records")
        if row["mean"] > 1e-9
    ]
    rows = _finite(rows)
    methods = [str(method) for method in summary["method"].unique()]
    position = {"field": "at", "type": "ordinal", "title": along, "sort": None, "axis": {"labelAngle": 0}}
    measure = _logarithmic("RMSE (nats)", 5)
    tooltip = [
        {"field": "method"},
        {"field": "at", "title": along},
        *({"field": name, "type": "quantitative", "format": ".3g"} for name in ("mean", "se")),
    ]
    inner = {
        "height": 240,
        "layer": [
            {"mark": {"type": "rule", "aria": False}, "encoding": {"y": {"field": "lower", **measure}, "y2": {"field": "upper"}}},
            {
                "mark": {"type": "line", "point": {"size": 36}},
                "encoding": {"y": {"field": "mean", **measure}, "tooltip": tooltip},
            },
        ],
        "encoding": {"x": position, "color": _legend(methods)},
    }
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    alt = f"RMSE against the {target} PMI over {cells} cells, against {along}, one line a method."
    title = f"RMSE against {along}, {cells} cells"
    if not others:
        return Chart(f"sweep-{cells}", title, {"data": {"values": rows}, **inner}, alt)
    if len(panels) > MOST_PANELS:
        return None
    spec = {
        "data": {"values": rows},
        "facet": {"field": "panel", "type": "nominal", "sort": panels, "title": None},
        "spec": inner,
    }
    return Chart(f"sweep-{cells}", title, spec, alt, panels=len(panels))


def _zoom() -> Spec:
    """Moved by dragging, enlarged by the wheel with Shift, as the wheel alone moves the page."""
    return {"name": "zoom", "bind": "scales", "select": {"type": "interval", "zoom": "wheel![event.shiftKey]"}}


def _logarithmic(title: str, ticks: int) -> Spec:
    """A logarithmic axis of numbers, without its field."""
    return {"type": "quantitative", "title": title, "scale": {"type": "log"}, "axis": {"tickCount": ticks, "format": "~g"}}


def _scale(methods: Sequence[str], others: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Colours of the methods by their readable names; black would not be seen on a dark page."""
    shades = {label(method): INK if colour(method) == "#000000" else colour(method) for method in methods} | dict(others or {})
    return {"domain": list(shades), "range": list(shades.values())}


def _legend(methods: Sequence[str], others: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"field": "method", "type": "nominal", "title": None, "scale": _scale(methods, others)}


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.iloc[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_STEPS)).astype(int))]


def _finite(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: five digits, nothing in place of what is not finite."""
    return [{name: _kept(value) for name, value in row.items()} for row in rows]


def _kept(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.7g}") if np.isfinite(value) else None
    return value


def _is_number(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values)


__all__ = [
    "MOST_MATRIX",
    "Chart",
    "budget_chart",
    "convergence_chart",
    "losses_chart",
    "map_charts",
    "recovery_chart",
    "spectrum_chart",
    "sweep_budget_chart",
    "sweep_chart",
]
