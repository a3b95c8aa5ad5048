"""What of a run there is room for: the few figures of metrics.csv on a console, the rows of large counts in a plot."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sgns_pmi.compare import Answers
from sgns_pmi.compare.evaluation import WHOLE

SHOWN_METRICS = ("spearman", "accuracy_3cosadd", "accuracy_3cosmul")
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
        rows = rows[rows["section"] == WHOLE]
        shown = rows[rows["metric"].isin(SHOWN_METRICS)]
        table = shown.pivot(index=["task", "set", "metric"], columns="method", values="value")
        counted = rows.drop_duplicates(["task", "set", "metric"]).set_index(["task", "set", "metric"])["value"]
        known = [
            f"{counted[task, name, part]:.0f}/{counted[task, name, whole]:.0f}"
            for task, name, _ in table.index
            for part, whole in [("covered", "pairs") if task == "similarity" else ("asked", "questions")]
        ]
        table.insert(0, "known", known)
        methods = ["known", *rows["method"].unique()]
        tables.append(table.reset_index(["task", "metric"])[["metric", *methods]].rename_axis(columns=None))
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
