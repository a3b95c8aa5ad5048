"""What of a run there is room for: the few figures of metrics.csv on a console, the rows of large counts in a plot."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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


def shown_rows(shape: tuple[int, int]) -> NDArray[np.intp]:
    """The centres that figures show: all, or evenly spaced ones where the counts are too large to draw whole."""
    words, contexts = shape
    return np.linspace(0, words - 1, min(words, max(1, SHOWN_CELLS // contexts))).astype(np.intp)


def as_text(table: pd.DataFrame) -> str:
    """A table for the console, numbers to four digits, nothing where there is no value."""
    return table.reset_index().to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep="")


__all__ = ["as_text", "main_target", "overview", "shown_rows"]
