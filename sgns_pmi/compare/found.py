"""What a run has found when its methods are compared, and the registry of what is made of it: metrics and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from sgns_pmi.compare.estimates import Estimates
from sgns_pmi.compare.table import METRIC_COLUMNS, RUN_TABLES
from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.lazily import load_all, pd
from sgns_pmi.problems import Problem

if TYPE_CHECKING:
    from sgns_pmi.compare.optima import Optima

MOST_CELLS = 1_000_000
"""Words x contexts up to which whole estimates are kept, decomposed and taken apart."""


@dataclass(frozen=True)
class Found:
    """A run whose methods are fitted and compared.

    Parameters
    ----------
    problem : Problem
    fitted : mapping of method name to fitted estimator
    metrics : DataFrame
        Their rows of metrics.csv so far.
    estimates : Estimates
        What has been made of them already.
    level : float, optional
        That of intervals; None where none are wanted.
    dynamics : bool, default False
        Whether training is to be looked at.
    kept : dict
        What one function has made and another takes up, by name.
    """

    problem: Problem
    fitted: Mapping[str, Factorisation]
    metrics: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(METRIC_COLUMNS)))
    estimates: Estimates = field(default_factory=Estimates)
    level: float | None = None
    dynamics: bool = False
    kept: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def optima(self) -> Optima:
        """The optima that the methods are told apart from the truth by, of a problem with one: each is found once."""
        from sgns_pmi.compare.optima import Optima  # loads what a command that is refused does not need

        return Optima(self.problem, self.fitted.values(), self.estimates)


class RunTable(NamedTuple):
    """A table of a run.

    Parameters
    ----------
    rows : DataFrame
        Of columns `RUN_TABLES`; a table without rows has no file.
    facts : mapping of str to JSON value
        What summary.json says beside it.
    said : sequence of str
        Lines for the log.
    """

    rows: pd.DataFrame
    facts: Mapping[str, Any] = {}
    said: tuple[str, ...] = ()


MeasureMore = Callable[[Found], "pd.DataFrame"]
MakeTable = Callable[[Found], RunTable]
MORE_METRICS: list[MeasureMore] = []
MAKERS: dict[str, tuple[Callable[[Found], bool], MakeTable]] = {}


def more_metrics(measure: MeasureMore) -> MeasureMore:
    """Let a function add rows to metrics.csv."""
    MORE_METRICS.append(measure)
    return measure


def always(found: Found) -> bool:
    """True."""
    return True


def makes(table: str, when: Callable[[Found], bool] = always) -> Callable[[MakeTable], MakeTable]:
    """Let a function make one of `RUN_TABLES`, of those runs that have a use for it."""

    def register(make: MakeTable) -> MakeTable:
        assert table in RUN_TABLES, table
        MAKERS[table] = when, make
        return make

    return register


def all_metrics(found: Found) -> pd.DataFrame:
    """The rows of metrics.csv, with those of every function in `MORE_METRICS`."""
    load_all("sgns_pmi.compare")  # nothing has loaded what registers there
    more = [rows for measure in MORE_METRICS if len(rows := measure(found))]
    return pd.concat([found.metrics, *more], ignore_index=True)


def table_makers(found: Found) -> Iterator[tuple[str, MakeTable]]:
    """Each of `RUN_TABLES` that the run has a use for, and what makes it."""
    load_all("sgns_pmi.compare")  # nothing has loaded what registers there
    yield from ((name, make) for name in RUN_TABLES for when, make in [MAKERS[name]] if when(found))


__all__ = ["MOST_CELLS", "Found", "RunTable", "all_metrics", "makes", "more_metrics", "table_makers"]
