"""What of a run there is room for on a console: a few of its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sgns_pmi.compare import QUESTIONS, Answers
from sgns_pmi.compare.table import main_cells, main_target, select
from sgns_pmi.errors import printable
from sgns_pmi.lazily import pd

MARK = "*"
FOOTNOTE = f"{MARK} no finite optimum: figures depend on where the search stopped, and only seen cells can be judged"


def overview(metrics: pd.DataFrame, statuses: Mapping[str, str | None] = MappingProxyType({})) -> pd.DataFrame:
    """One row a method: RMSE over all, seen and unseen cells, Pearson correlation, objective and gap, rank of the estimate.

    The corrected estimate is held against the main target; where that is the empirical PMI, over the seen cells alone.
    Columns without a value are left out. A method whose fit ended, by `statuses`, without an optimum is marked, and a footnote
    says so.
    """
    recovery = select(metrics, estimate="corrected", target=main_target(metrics))
    objective = select(metrics, target="objective")
    columns = {f"rmse {cells}": _column(recovery, "rmse", cells) for cells in main_cells(metrics)}
    columns |= {
        "pearson": _column(recovery, "pearson", main_cells(metrics)[0]),
        "objective": _column(objective, "value", "all"),
        "gap": _column(objective, "gap", "all"),
        "rank": _column(recovery, "rank", "all"),
    }
    methods = pd.Index(metrics["method"].unique(), name="method")
    table = pd.DataFrame(columns, index=methods).dropna(axis="columns", how="all")
    marked = {method: f"{method} {MARK}" for method in methods if statuses.get(method) == "no finite optimum"}
    table = table.rename(index=marked)
    table.attrs["footnote"] = FOOTNOTE if marked else ""
    return table


def _column(rows: pd.DataFrame, metric: str, cells: str) -> pd.Series:
    chosen = select(rows, metric=metric, cells=cells)
    return pd.Series(chosen["value"].to_numpy(), index=chosen["method"].to_numpy(), dtype=float)


def answers_overview(answers: Answers) -> list[pd.DataFrame]:
    """For the console: the headlines of the questions that share a table, a column a method; then the tables of the others.

    "known" is how much of a set is in the vocabulary. Nothing for what was not asked.
    """
    shared, own = [], []
    for name, rows in answers.items():
        table = QUESTIONS[name].overview(rows)
        if table is not None:
            own.append(table)
        elif len(headline := QUESTIONS[name].headline(rows)):
            shared.append(headline)
    if not shared:
        return own
    lines = pd.concat(shared, ignore_index=True)
    known = lines.groupby(["set", "metric"], sort=False)["known"].first()
    values = lines.set_index(["set", "metric", "method"])["value"].unstack("method", sort=False)
    values.insert(0, "known", known)
    return [values.reset_index("metric").rename_axis(columns=None), *own]


def headline(tables: Sequence[pd.DataFrame]) -> str:
    """The first column of a run's overview in a line, as "sgns_expected 0.58, oracle 0.11 (rmse all)"; empty without one."""
    if not tables or not len(tables[0].columns):
        return ""
    values = tables[0].iloc[:, 0]
    return f"{', '.join(f'{method} {value:.4g}' for method, value in values.items())} ({values.name})"


def as_text(table: pd.DataFrame) -> str:
    """A table for the console, numbers to four digits, nothing where there is no value, and its footnote.

    Words cannot command the terminal.
    """
    safe = table.reset_index().map(lambda cell: printable(cell) if isinstance(cell, str) else cell).rename(columns=printable)
    text = safe.to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep="")
    return "\n".join(filter(None, [text, table.attrs.get("footnote")]))


__all__ = ["answers_overview", "as_text", "headline", "overview"]
