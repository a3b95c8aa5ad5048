"""What the figures of a run are drawn from, and the registry that finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from sgns_pmi.compare.shown import ShownCells
from sgns_pmi.figures.title import RunTitle


@dataclass(frozen=True)
class RunFrames:
    """What a run found, as far as figures need it.

    Parameters
    ----------
    title : RunTitle
    metrics : DataFrame
        Rows of metrics.csv: method, estimate, target, cells, metric, value.
    history : DataFrame
        Rows of history.csv: method, step, epoch, seconds, objective; may be empty.
    shown : ShownCells
        Some cells, what estimates are held against there, and the estimates, in the order in which panels shall stand.
    losses : mapping of method name to str
        What `history` holds of the methods that do not minimise ℓ.
    budget : DataFrame
        Rows of budget.csv: method, term, cells, metric, value; empty where no truth is known.
    intervals : DataFrame
        Rows of intervals.csv; empty where none were asked for.
    agreement : DataFrame
        Rows of agreement.csv; empty where fewer than two methods have vectors.
    path : DataFrame
        Rows of path.csv; empty where no penalty was chosen.
    """

    title: RunTitle
    metrics: pd.DataFrame
    history: pd.DataFrame
    shown: ShownCells
    losses: Mapping[str, str] = field(default_factory=dict)
    budget: pd.DataFrame = field(default_factory=pd.DataFrame)
    intervals: pd.DataFrame = field(default_factory=pd.DataFrame)
    agreement: pd.DataFrame = field(default_factory=pd.DataFrame)
    path: pd.DataFrame = field(default_factory=pd.DataFrame)


Draw = Callable[[RunFrames], Iterator[tuple[str, Figure]]]
RUN_FIGURES: list[Draw] = []
"""What draws the figures of a run; each yields file names without a suffix and figures, nothing where it does not apply."""


def run_figure(draw: Draw) -> Draw:
    """Let a function draw a figure, or several, of every run."""
    RUN_FIGURES.append(draw)
    return draw


__all__ = ["RUN_FIGURES", "RunFrames", "run_figure"]
