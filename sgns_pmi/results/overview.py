"""What of a run there is room for: the few figures of metrics.csv on a console, the rows of large counts in a plot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sgns_pmi.compare import QUESTIONS, Answers
from sgns_pmi.factorise import Factorisation
from sgns_pmi.pmi import pmi_matrix, pmi_of
from sgns_pmi.problems import Problem

Float = NDArray[np.float64]

SHOWN_CELLS = 4_000_000
"""Most cells that figures are drawn from."""
SHOWN_SEEN = 1_000_000
"""Most seen cells that figures are drawn from where only these have a target."""


def main_target(metrics: pd.DataFrame) -> str:
    """What estimates are first of all held against: the true PMI, or the empirical one where no truth is known."""
    return "true" if (metrics["target"] == "true").any() else "empirical"


def main_cells(metrics: pd.DataFrame) -> tuple[str, ...]:
    """The sets of cells over which the main target says something of its own: the empirical PMI has seen cells alone."""
    return ("all", "seen", "unseen") if main_target(metrics) == "true" else ("seen",)


def overview(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row a method: RMSE over all, seen and unseen cells, Pearson correlation, objective and gap.

    The corrected estimate is held against the main target; where that is the empirical PMI, over the seen cells alone.
    Columns without a value are left out.
    """
    recovery = metrics[(metrics["estimate"] == "corrected") & (metrics["target"] == main_target(metrics))]
    objective = metrics[metrics["target"] == "objective"]
    columns = {f"rmse {cells}": _column(recovery, "rmse", cells) for cells in main_cells(metrics)}
    columns |= {
        "pearson": _column(recovery, "pearson", main_cells(metrics)[0]),
        "objective": _column(objective, "value", "all"),
        "gap": _column(objective, "gap", "all"),
    }
    methods = pd.Index(metrics["method"].unique(), name="method")
    return pd.DataFrame(columns, index=methods).dropna(axis="columns", how="all")


def _column(rows: pd.DataFrame, metric: str, cells: str) -> pd.Series:
    chosen = rows[(rows["metric"] == metric) & (rows["cells"] == cells)]
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


@dataclass(frozen=True)
class Shown:
    """The cells that figures show: a matrix of some centres with all contexts, or single cells.

    Parameters
    ----------
    rows : ndarray of int
        The centres; of single cells, the centre of each, ascending.
    cols : ndarray of int, or None
        The context of each single cell.
    target, counts : ndarray, (rows, contexts) or (cells,)
        The PMI that estimates are held against, the true one where it is known; and n.
    note : str
        Empty, or what was left out.
    """

    rows: NDArray[np.intp]
    cols: NDArray[np.intp] | None
    target: Float
    counts: Float
    note: str = ""

    @classmethod
    def of(cls, problem: Problem) -> Shown:
        """All cells of a problem; of large ones evenly spaced centres or, if no truth is known, a sample of the seen cells."""
        counts = problem.counts
        if problem.truth is None and counts.shape[0] * counts.shape[1] > SHOWN_CELLS:
            size = min(counts.nnz, SHOWN_SEEN)
            at = np.sort(np.random.default_rng(0).choice(counts.nnz, size, replace=False))
            rows, cols = np.searchsorted(counts.matrix.indptr, at, side="right") - 1, counts.matrix.indices[at].astype(np.intp)
            n = counts.matrix.data[at]
            note = f"a sample of {size:,} of {counts.nnz:,} seen cells" if size < counts.nnz else "seen cells"
            return cls(rows, cols, pmi_of(counts, n, rows, cols), n, note)
        rows = shown_rows(counts.shape)
        target = problem.truth.pmi(rows) if problem.truth is not None else pmi_matrix(counts, rows)
        return cls(rows, None, target, counts.matrix[rows].toarray())

    def estimate(self, estimator: Factorisation, corrected: bool) -> Float:
        """What a fitted method says of these cells."""
        if self.cols is None:
            return estimator.estimate_pmi(corrected, self.rows)
        return estimator.estimate_cells(self.rows, self.cols, corrected)


def shown_rows(shape: tuple[int, int]) -> NDArray[np.intp]:
    """The centres that figures show: all, or evenly spaced ones where the counts are too large to draw whole."""
    words, contexts = shape
    return np.linspace(0, words - 1, min(words, max(1, SHOWN_CELLS // contexts))).astype(np.intp)


def as_text(table: pd.DataFrame) -> str:
    """A table for the console, numbers to four digits, nothing where there is no value."""
    return table.reset_index().to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep="")


__all__ = ["Shown", "answers_overview", "as_text", "main_cells", "main_target", "overview", "shown_rows"]
