"""The cells that figures show: all of a small problem, a bounded choice of a large one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.pmi import pmi_matrix, pmi_of
from sgns_pmi.problems.problem import Problem
from sgns_pmi.streams import stream

Array = NDArray[np.floating[Any]]

SHOWN_CELLS = 4_000_000
"""Most cells that figures are drawn from."""
SHOWN_SEEN = 1_000_000
"""Most seen cells that figures are drawn from where only these have a target."""
SHOWN_PRECISION = np.float32
"""No figure shows more than its seven digits."""
ROUNDING = 1e-9
"""Raw and corrected estimates that differ by less are the same picture."""


@dataclass(frozen=True)
class ShownCells:
    """The cells that a run's figures show, with what they are held against and what each method says of them.

    Parameters
    ----------
    at : ndarray of int
        The centres of a matrix's rows; of single cells, their places among the seen ones in CSR order.
    target_name : {"true", "empirical"}
    target, counts : ndarray, (rows, contexts) or (cells,)
        The PMI that estimates are held against, the true one where it is known; and n.
    note : str
        Empty, or what was left out.
    places : ndarray of int, (cells, 2), optional
        The centre and context of each of single cells.
    corrected, raw : mapping of method name to ndarray of the target's shape
        Estimates, in the order of the methods; `raw` those alone that differ from the corrected ones by more than rounding.
    """

    at: NDArray[np.intp]
    target_name: str
    target: Array
    counts: Array
    note: str = ""
    corrected: Mapping[str, Array] = field(default_factory=dict)
    raw: Mapping[str, Array] = field(default_factory=dict)
    places: NDArray[np.int32] | None = None

    def estimates(self, kind: str) -> dict[str, Array]:
        """The raw or the corrected estimate of each method."""
        return {method: (self.raw if kind == "raw" else {}).get(method, own) for method, own in self.corrected.items()}


def shown_cells(problem: Problem) -> ShownCells:
    """All cells of a problem; of large ones evenly spaced centres or, if no truth is known, a sample of the seen cells."""
    counts = problem.counts
    if is_dense(problem):
        at = shown_rows(counts.shape)
        known = problem.pmi is not None
        target = problem.pmi[at] if problem.pmi is not None else pmi_matrix(counts, at)
        return ShownCells(at, "true" if known else "empirical", _kept(target), _kept(counts.matrix[at].toarray()))
    size = min(counts.nnz, SHOWN_SEEN)
    at = np.sort(stream(0, "shown cells").choice(counts.nnz, size, replace=False))
    rows, cols = np.searchsorted(counts.matrix.indptr, at, side="right") - 1, counts.matrix.indices[at]
    n = counts.matrix.data[at]
    note = f"a sample of {size:,} of {counts.nnz:,} seen cells" if size < counts.nnz else "seen cells"
    places = np.column_stack([rows, cols]).astype(np.int32)
    return ShownCells(at, "empirical", _kept(pmi_of(counts, n, rows, cols)), _kept(n), note, places=places)


def is_dense(problem: Problem) -> bool:
    """Whether estimates are made of all cells; without a truth there may be no room for them, nor a target."""
    words, contexts = problem.counts.shape
    return problem.truth is not None or words * contexts <= SHOWN_CELLS


def shown_rows(shape: tuple[int, int]) -> NDArray[np.intp]:
    """The centres that figures show: all, or evenly spaced ones where the counts are too large to draw whole."""
    words, contexts = shape
    return np.linspace(0, words - 1, min(words, max(1, SHOWN_CELLS // contexts))).astype(np.intp)


def shown_pair(raw: Array, corrected: Array) -> tuple[Array | None, Array]:
    """A method's estimates of the shown cells as they are kept; the raw one is None where it is the corrected one."""
    alike = np.allclose(raw, corrected, rtol=0, atol=ROUNDING)
    return None if alike else _kept(raw), _kept(corrected)


def _kept(values: Array) -> Array:
    return np.asarray(values, dtype=SHOWN_PRECISION)


__all__ = ["SHOWN_CELLS", "SHOWN_SEEN", "ShownCells", "is_dense", "shown_cells", "shown_pair", "shown_rows"]
