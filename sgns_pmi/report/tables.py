"""Tables of a page: cells with the text that is read and the value that is sorted and copied."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from sgns_pmi.lazily import pd
from sgns_pmi.results.decimals import decimals

DIGITS = 3
"""Significant ones of a column's middle number."""


@dataclass(frozen=True)
class Cell:
    """One cell: what is read, what it is sorted and copied by, whether it is the best of its kind, and where it leads."""

    text: str
    value: Any = ""
    best: bool = False
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a page.

    Parameters
    ----------
    title : str
        Its caption.
    columns : sequence of str
    numeric : sequence of bool
        Which columns hold numbers: they stand to the right, and the largest comes first where a reader sorts by them.
    rows : sequence of sequence of Cell
    note : str, optional
        What a reader has to know, below it.
    """

    title: str
    columns: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Column:
    """A column before it is a table's: its heading, its values, and what marks them.

    Parameters
    ----------
    name : str
    values : sequence
        Numbers, or text.
    errors : sequence of float, optional
        Standard errors of the numbers, of which those that are NaN are not shown.
    best : collection of int
        The rows that are marked.
    doubtful : collection of int
        The rows whose number has a star, as that of a fit without an optimum.
    links : mapping of int to str
        Where cells lead, by row.
    digits : int, default 3
        Significant digits of its middle number; the others have as many decimals.
    """

    name: str
    values: Sequence[Any]
    errors: Sequence[float] | None = None
    best: Collection[int] = ()
    doubtful: Collection[int] = ()
    links: Mapping[int, str] = field(default_factory=dict)
    digits: int = DIGITS

    @cached_property
    def numeric(self) -> bool:
        """Whether all that is there is a number."""
        return all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in self.values)

    def cells(self) -> Iterator[Cell]:
        """The cells, numbers of a column with as many decimals as each other."""
        places = decimals(self.values, self.digits) if self.numeric else 0
        for row, value in enumerate(self.values):
            best, link = row in self.best, self.links.get(row, "")
            if not self.numeric:
                yield Cell("" if value is None else str(value), "" if value is None else value, best, link)
            elif value is None or math.isnan(value):
                yield Cell("", "", False, link)
            else:
                error = math.nan if self.errors is None else self.errors[row]
                spread = "" if math.isnan(error) else f" ± {error:.{places}f}"
                star = " *" if row in self.doubtful else ""
                yield Cell(f"{number(value, places)}{spread}{star}", float(value), best, link)


def table(title: str, columns: Sequence[Column], note: str = "") -> Table:
    """Columns side by side; those without a value are left out."""
    kept = [column for column in columns if any(_is_there(value) for value in column.values)]
    rows = list(zip(*(list(column.cells()) for column in kept), strict=True))
    return Table(title, [column.name for column in kept], [column.numeric for column in kept], rows, note)


def frame_table(title: str, frame: pd.DataFrame, note: str = "") -> Table:
    """A table of a frame's columns as they are."""
    return table(title, [Column(str(name).replace("_", " "), frame[name].tolist()) for name in frame.columns], note)


def number(value: float, places: int) -> str:
    """A number with a true minus, thousands apart; ∞ for what is infinite, and no minus before a zero."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.{places}f}"
    return (text.lstrip("-") if float(text.replace(",", "")) == 0 else text).replace("-", "−")


def _is_there(value: Any) -> bool:
    return value is not None and value != "" and not (isinstance(value, float) and math.isnan(value))


__all__ = ["DIGITS", "Cell", "Column", "Table", "frame_table", "number", "table"]
