"""The cells of the recovery plot: few enough for a page, each with its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.arrays import read_npz, unpack_words
from sgns_pmi.compare.shown import ShownCells
from sgns_pmi.errors import shown as shown_word
from sgns_pmi.figures.looks import label
from sgns_pmi.results.run import Run
from sgns_pmi.streams import stream

MOST_CELLS = 2000
"""Cells of one job on a page: each is a mark for every method."""
MOST_NUMBERS = 120_000
"""Of all jobs of a sweep's page, some 700 kB."""
DECIMALS = 2


def plot_cells(run: Run, most: int = MOST_CELLS) -> dict[str, Any] | None:
    """Cells of a run as columns; None where it has none.

    Returns
    -------
    dict
        ``center`` and ``context``, a word or a number each, absent where the run does not say; ``count``; ``target``;
        ``estimates``, one list of each method by its readable name; ``total``, the kept cells with a finite target. None
        stands for an infinite value.
    """
    shown = run.shown
    if shown is None:
        return None
    # Where a pair was not seen the empirical PMI is infinite, and no point.
    places = np.flatnonzero(np.isfinite(shown.target))
    chosen = np.sort(stream(0, "report cells").permutation(places)[:most])
    cells: dict[str, Any] = {
        "count": _numbers(shown.counts.ravel()[chosen]),
        "target": _numbers(shown.target.ravel()[chosen]),
        "estimates": {label(method): _numbers(own.ravel()[chosen]) for method, own in shown.corrected.items()},
        "total": len(places),
    }
    if (sides := _places(shown, chosen)) is not None:
        names = _vocabularies(run)
        for side, at in zip(("center", "context"), sides, strict=True):
            words = names.get(side)
            cells[side] = at.tolist() if words is None else [shown_word(words[index]) for index in at]
    return cells


def _numbers(values: NDArray[Any]) -> list[float | None]:
    rounded = np.round(values.astype(float), DECIMALS)
    return [None if not np.isfinite(value) else int(value) if value == int(value) else value for value in rounded.tolist()]


def _places(shown: ShownCells, chosen: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    if shown.target.ndim == 2:
        rows, columns = np.divmod(chosen, shown.target.shape[1])
        return shown.at[rows], columns
    return None if shown.places is None else (shown.places[chosen, 0], shown.places[chosen, 1])


def _vocabularies(run: Run) -> dict[str, Sequence[str]]:
    """The words of centres and contexts, where these have names; all methods of a run have the same."""
    for file in sorted((run.folder / "vectors").glob("*.npz")):
        arrays = read_npz(file, "file")
        words = {"center": unpack_words(arrays, "vocab"), "context": unpack_words(arrays, "context_vocab")}
        return {side: own for side, own in words.items() if own is not None}
    return {}


__all__ = ["MOST_CELLS", "MOST_NUMBERS", "plot_cells"]
