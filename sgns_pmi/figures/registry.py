"""What the figures of a run are drawn from, and the registry that finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

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
    shown : ShownCells
        Some cells, what estimates are held against there, and the estimates, in the order in which panels shall stand.
    losses : mapping of method name to str
        What the history holds of the methods that do not minimise ℓ.
    tables : mapping of str to DataFrame
        The rows of metrics.csv, history.csv and of the run's other tables, by name; a table may be empty.
    """

    title: RunTitle
    shown: ShownCells
    losses: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]

    def has(self, tables: tuple[str, ...]) -> bool:
        """Whether all these tables have rows."""
        return all(len(self.tables.get(name, ())) for name in tables)


Draw = Callable[[RunFrames], Iterator[tuple[str, Figure]]]
RUN_FIGURES: list[tuple[tuple[str, ...], Draw]] = []
"""Tables that must have rows, and what draws figures of them: each yields file names without a suffix and figures."""


def run_figure(*needs: str) -> Callable[[Draw], Draw]:
    """Let a function draw a figure, or several, of every run whose tables `needs` have rows."""

    def register(draw: Draw) -> Draw:
        RUN_FIGURES.append((needs, draw))
        return draw

    return register


__all__ = ["RUN_FIGURES", "RunFrames", "run_figure"]
