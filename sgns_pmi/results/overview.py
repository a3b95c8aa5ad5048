"""What of a run there is room for on a console: a few of its figures."""

from __future__ import annotations

import math
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sgns_pmi.compare import QUESTIONS, Answers
from sgns_pmi.compare.table import main_cells, main_target, select
from sgns_pmi.errors import printable, shown
from sgns_pmi.lazily import pd
from sgns_pmi.results.decimals import decimals

MARK = "*"
WIDTH = 80
"""Letters of a line where there is no terminal."""
DIGITS = 4
"""Significant ones of a column's middle number."""
COLOURS = {"heading": "1", "caution": "33", "complete": "32", "interrupted": "33", "failed": "31"}
"""What a terminal is told (ECMA-48, "Select graphic rendition")."""
FOOTNOTE = f"{MARK} no finite optimum: figures depend on where the search stopped, and only seen cells can be judged"


def overview(metrics: pd.DataFrame, statuses: Mapping[str, str | None] = MappingProxyType({})) -> pd.DataFrame:
    """One row a method: RMSE over all, seen and unseen cells, correlation, objective, gap, held-out ℓ, rank of the estimate.

    The corrected estimate is held against the main target; where that is the empirical PMI, over the seen cells alone.
    Columns without a value are left out. A method whose fit ended, by `statuses`, without an optimum is marked, and a footnote
    says so.
    """
    target, cells = main_target(metrics), main_cells(metrics)
    columns = {f"rmse {own}": (target, own, "rmse") for own in cells}
    columns |= {
        "pearson": (target, cells[0], "pearson"),
        "objective": ("objective", "all", "value"),
        "gap": ("objective", "all", "gap"),
        "held out": ("objective", "all", "held_out"),
        "rank": (target, "all", "rank"),
    }
    rows = select(metrics, estimate="corrected")
    places = zip(rows["method"], rows["target"], rows["cells"], rows["metric"], strict=True)
    found = dict(zip(places, rows["value"], strict=True))
    methods = pd.Index(metrics["method"].unique(), name="method")
    values = {name: [found.get((method, *place), math.nan) for method in methods] for name, place in columns.items()}
    table = pd.DataFrame(values, index=methods).dropna(axis="columns", how="all")
    marked = {method: f"{method} {MARK}" for method in methods if statuses.get(method) == "no finite optimum"}
    table = table.rename(index=marked)
    table.attrs["footnote"] = FOOTNOTE if marked else ""
    return table


def answers_overview(answers: Answers) -> list[pd.DataFrame]:
    """For the console: the headlines of the questions that share a table, a column a method; then the tables of the others.

    "known" is how much of a set is in the vocabulary. Nothing for what was not asked.
    """
    tables = {name: QUESTIONS[name].overview(rows) for name, rows in answers.items()}
    shared = headlines_table({name: rows for name, rows in answers.items() if tables[name] is None})
    return [*([shared] if shared is not None else []), *(table for table in tables.values() if table is not None)]


def headlines_table(answers: Answers) -> pd.DataFrame | None:
    """The headlines of questions: a row a set, indexed so, with metric, known and a column a method; None without any."""
    shared = [lines for name, rows in answers.items() if len(lines := QUESTIONS[name].headline(rows))]
    if not shared:
        return None
    lines = pd.concat(shared, ignore_index=True)
    known = lines.groupby(["set", "metric"], sort=False)["known"].first()
    values = lines.set_index(["set", "metric", "method"])["value"].unstack("method", sort=False)
    values.insert(0, "known", known)
    return values.reset_index("metric").rename_axis(columns=None)


def headline(tables: Sequence[pd.DataFrame]) -> str:
    """The first column of a run's overview in a line, as "sgns_expected 0.58, oracle 0.11 (rmse all)"; empty without one."""
    if not tables or not len(tables[0].columns):
        return ""
    values = tables[0].iloc[:, 0]
    return f"{', '.join(f'{method} {value:.4g}' for method, value in values.items())} ({values.name})"


def as_text(table: pd.DataFrame, width: int | None = None) -> str:
    """A table for the console, its footnote below: numbers of a column have as many decimals, no value is shown as nothing.

    Columns that do not fit the width of the terminal, or 80 letters where there is none, go below, with the index again. Words
    cannot command the terminal; on one, headings are bold and lines with a mark coloured.
    """
    room = width or shutil.get_terminal_size((WIDTH, 24)).columns
    safe = table.reset_index().map(lambda cell: shown(cell) if isinstance(cell, str) else cell).rename(columns=printable)
    texts = pd.DataFrame({place: _texts(safe.iloc[:, place].tolist()) for place in range(safe.shape[1])}, dtype=object)
    texts.columns = safe.columns
    own = list(range(table.index.nlevels))
    for place, marks in enumerate(zip(*table.attrs.get("marked", []), strict=True), len(own)):
        if any(marks):
            texts.iloc[:, place] += [f" {MARK}" if mark else "  " for mark in marks]
    blocks = [own]
    for place in range(len(own), texts.shape[1]):
        if len(blocks[-1]) > len(own) and len(_lines(texts.iloc[:, [*blocks[-1], place]]).split("\n", 1)[0]) > room:
            blocks.append(own)
        blocks[-1] = [*blocks[-1], place]
    text = "\n\n".join(_coloured(_lines(texts.iloc[:, block])) for block in blocks)
    footnote = table.attrs.get("footnote")
    return "\n".join(filter(None, [text, footnote and in_colour(footnote, "caution")]))


def in_colour(text: str, kind: str) -> str:
    """`text` in the colour of its kind where it goes to a terminal; as it is elsewhere, and where ``NO_COLOR`` is set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{COLOURS[kind]}m{text}\x1b[0m"


def mark_cells(table: pd.DataFrame, marked: pd.DataFrame) -> None:
    """Let `as_text` mark those values of a table, as of fits without an optimum, and say so in a footnote."""
    table.attrs["marked"] = marked.to_numpy().tolist()
    table.attrs["footnote"] = FOOTNOTE if marked.to_numpy().any() else ""


def _coloured(lines: str) -> str:
    heading, *rows = lines.split("\n")
    marked = [in_colour(row, "caution") if f" {MARK}" in row else row for row in rows]
    return "\n".join([in_colour(heading, "heading"), *marked])


def _lines(texts: pd.DataFrame) -> str:
    # Two blanks at least between columns, as headings have one inside.
    return textwrap.dedent((" " + texts).add_prefix(" ").to_string(index=False))


def _texts(values: Sequence[Any]) -> list[str]:
    """A column's values as text, floats with as many decimals as each other."""
    numbers = [value for value in values if isinstance(value, float)]
    places = decimals(numbers, DIGITS)
    return [
        f"{value:.{places}f}" if isinstance(value, float) and math.isfinite(value) else "" if pd.isna(value) else str(value)
        for value in values
    ]


__all__ = ["answers_overview", "as_text", "headline", "in_colour", "mark_cells", "overview"]
