"""What of a run there is room for: the few figures of metrics.csv on a console, the rows of large counts in a plot."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sgns_pmi.compare import Answers
from sgns_pmi.compare.evaluation import WHOLE

SHOWN_METRICS = {"similarity": ("spearman",), "analogy": ("accuracy_3cosadd", "accuracy_3cosmul")}
COUNTS = {"similarity": ("covered", "pairs"), "analogy": ("asked", "questions")}
SHOWN_NEIGHBOURS = 5
SHOWN_CELLS = 4_000_000
"""Most cells that figures are drawn from."""


def main_target(metrics: pd.DataFrame) -> str:
    """What estimates are first of all held against: the true PMI, or the empirical one where no truth is known."""
    return "true" if (metrics["target"] == "true").any() else "empirical"


def overview(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row a method: RMSE over all, seen and unseen cells, Pearson correlation, objective and gap.

    The corrected estimate is held against the main target. Columns without a value are left out.
    """
    recovery = metrics[(metrics["estimate"] == "corrected") & (metrics["target"] == main_target(metrics))]
    objective = metrics[metrics["target"] == "objective"]
    columns = {f"rmse {cells}": _column(recovery, "rmse", cells) for cells in ("all", "seen", "unseen")}
    columns |= {
        "pearson": _column(recovery, "pearson", "all"), "objective": _column(objective, "value", "all"),
        "gap": _column(objective, "gap", "all"),
    }  # fmt: skip
    methods = pd.Index(metrics["method"].unique(), name="method")
    return pd.DataFrame(columns, index=methods).dropna(axis="columns", how="all")


def _column(rows: pd.DataFrame, metric: str, cells: str) -> pd.Series:
    chosen = rows[(rows["metric"] == metric) & (rows["cells"] == cells)]
    return pd.Series(chosen["value"].to_numpy(), index=chosen["method"].to_numpy(), dtype=float)


def answers_overview(answers: Answers) -> list[pd.DataFrame]:
    """For the console: a row a question set with a column a method; and a row a word with its first neighbours.

    Similarity sets show Spearman's correlation, analogy sets the accuracy over all sections; "known" is how many of their
    pairs or questions are in the vocabulary. Nothing for what was not asked.
    """
    tables = []
    rows = answers.evaluation
    if len(rows):
        values = rows[rows["section"] == WHOLE].set_index(["task", "set", "metric", "method"])["value"]
        methods = rows["method"].unique()
        lines = []
        for task, name in rows[["task", "set"]].drop_duplicates().itertuples(index=False):
            known, whole = (f"{values[task, name, count, methods[0]]:.0f}" for count in COUNTS[task])
            for metric in SHOWN_METRICS[task]:
                found = {method: values.get((task, name, metric, method)) for method in methods}
                lines.append({"set": name, "metric": metric, "known": f"{known}/{whole}", **found})
        tables.append(pd.DataFrame(lines).astype(dict.fromkeys(methods, float)).set_index("set"))
    if len(answers.neighbours):
        first = answers.neighbours[answers.neighbours["rank"] <= SHOWN_NEIGHBOURS]
        table = first.groupby(["word", "method"], sort=False)["neighbour"].agg(", ".join).to_frame("nearest")
        tables.append(table.reset_index("method"))
    return tables


def shown_rows(shape: tuple[int, int]) -> NDArray[np.intp]:
    """The centres that figures show: all, or evenly spaced ones where the counts are too large to draw whole."""
    words, contexts = shape
    return np.linspace(0, words - 1, min(words, max(1, SHOWN_CELLS // contexts))).astype(np.intp)


def as_text(table: pd.DataFrame) -> str:
    """A table for the console, numbers to four digits, nothing where there is no value."""
    return table.reset_index().to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep="")


__all__ = ["answers_overview", "as_text", "main_target", "overview", "shown_rows"]
