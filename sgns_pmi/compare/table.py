"""The tables of a run: their columns; of metrics.csv the rows one wants of it, and what it is first of all about."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from sgns_pmi.lazily import pd

METRIC_COLUMNS = ("method", "estimate", "target", "cells", "metric", "value")
INTERVAL_COLUMNS = ("method", "center", "context", "estimate", "se", "lower", "upper", "z", "p_value", "q_value")
DISPERSION_COLUMNS = ("from", "below", "n", "median", "mean", "units")
AGREEMENT_COLUMNS = ("method", "other", "metric", "value")
PATH_COLUMNS = ("method", "key", "value", "rank", "held_out", "se", "predicted", "rmse")
DYNAMICS_COLUMNS = ("method", "step", "epoch", "metric", "component", "value")
BUDGET_COLUMNS = ("method", "term", "cells", "metric", "value")
RUN_TABLES = {
    "budget": BUDGET_COLUMNS,
    "agreement": AGREEMENT_COLUMNS,
    "path": PATH_COLUMNS,
    "dynamics": DYNAMICS_COLUMNS,
    "intervals": INTERVAL_COLUMNS,
    "dispersion": DISPERSION_COLUMNS,
}
"""The tables of a run beside metrics.csv, by the names of their files."""


def select(
    frame: pd.DataFrame,
    *,
    metric: str | Collection[str] | None = None,
    cells: str | Collection[str] | None = None,
    estimate: str | Collection[str] | None = None,
    target: str | Collection[str] | None = None,
    method: str | Collection[str] | None = None,
) -> pd.DataFrame:
    """The rows of metrics.csv, or of sweep.csv, that have the given values; any value where none is given.

    Parameters
    ----------
    frame : DataFrame
        With the columns `METRIC_COLUMNS`, and others.
    metric, cells, estimate, target, method : str or collection of str, optional
        The value wanted in that column, or several.

    Returns
    -------
    DataFrame
        In the order of `frame`, with its index.
    """
    wanted = {"metric": metric, "cells": cells, "estimate": estimate, "target": target, "method": method}
    chosen = np.ones(len(frame), dtype=bool)
    for column, values in wanted.items():
        if values is not None:
            chosen &= frame[column].isin([values] if isinstance(values, str) else list(values)).to_numpy()
    return frame[chosen]


def main_target(metrics: pd.DataFrame) -> str:
    """What estimates are first of all held against: the true PMI, or the empirical one where no truth is known."""
    return "true" if len(select(metrics, target="true")) else "empirical"


def main_cells(metrics: pd.DataFrame) -> tuple[str, ...]:
    """The sets of cells over which the main target says something of its own: the empirical PMI has seen cells alone."""
    return ("all", "seen", "unseen") if main_target(metrics) == "true" else ("seen",)


__all__ = [
    "AGREEMENT_COLUMNS",
    "BUDGET_COLUMNS",
    "DISPERSION_COLUMNS",
    "DYNAMICS_COLUMNS",
    "INTERVAL_COLUMNS",
    "METRIC_COLUMNS",
    "PATH_COLUMNS",
    "RUN_TABLES",
    "main_cells",
    "main_target",
    "select",
]
