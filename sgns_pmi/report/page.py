"""A page: what it says, and how that becomes HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2

from sgns_pmi.report.charts import Chart
from sgns_pmi.report.tables import Table

REPORT_FILE = "report.html"
QUESTION = (
    "Given co-occurrence counts, how well does a factorisation recover the PMI behind them, and what keeps it from doing better?"
)
HERE = Path(__file__).resolve().parent
LIBRARIES = ("vega", "vega-lite", "vega-embed")
RESULTS = ("*.csv", "*.json", "*.npz", "*.log", "figures/*", "vectors/*", ".hydra/config.yaml", "multirun.yaml")
"""What a page leads to, as patterns."""


@dataclass
class Page:
    """What a page says, in its order.

    Parameters
    ----------
    title : str
    status : str
    reason : str
        Why it is not complete.
    answer : list of str
    tables, charts : list
        Those that stand open.
    folded : list of Table
        Those that a reader opens.
    cells : dict
        Of the recovery plot: ``settings``, of each job its values of the swept keys; and ``jobs``, of each its cells.
    facts : list of (name, value)
    configuration : str
    changed : Table, optional
    """

    title: str
    status: str
    reason: str = ""
    answer: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    folded: list[Table] = field(default_factory=list)
    cells: dict[str, Any] | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    configuration: str = ""
    changed: Table | None = None


def render(page: Page, folder: Path) -> str:
    """The page as HTML that needs no other file; `folder` holds the files that it leads to."""
    environment = _environment()
    return environment.get_template("report.html").render(
        page=page,
        question=QUESTION,
        files=list(files(folder)),
        style=_read("templates/report.css"),
        script=_read("templates/report.js"),
        libraries=_libraries(),
    )


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and address of each file of results, in a fixed order."""
    for pattern in RESULTS:
        for file in sorted(folder.glob(pattern)):
            name = file.relative_to(folder).as_posix()
            if file.is_file() and not file.name.startswith(".") and name != REPORT_FILE:
                yield name, quote(name)


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(HERE / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    # Methods and keys stand in their own order.
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "separators": (",", ":"), "ensure_ascii": False}
    return environment


@cache
def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


@cache
def _libraries() -> Sequence[str]:
    # Their last line names a file that a page does not have.
    return [re.sub(r"//# sourceMappingURL=.*", "", _read(f"vega/{name}.min.js")) for name in LIBRARIES]


__all__ = ["REPORT_FILE", "Page", "render"]
