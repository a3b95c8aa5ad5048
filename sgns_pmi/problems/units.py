"""What counts are the sum of: units whose pairs may depend on each other, to take variances over and to hold out as wholes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.lazily import pd, sp
from sgns_pmi.problems.problem import Units
from sgns_pmi.problems.text_units import TextUnits

COLUMNS = ["unit", "center", "context", "count"]
SAME = 1e-9
"""Relative difference up to which the units' counts are the counts."""


def units_of(units: Units | TextUnits | pd.DataFrame | ArrayLike, counts: CooccurrenceCounts) -> Iterable[sp.csr_array]:
    """Counts (units, seen cells) of every unit in the seen cells, in CSR order, some units after others.

    Raises
    ------
    InputError
        For wrong columns, or units that do not sum to the counts.
    """
    if not isinstance(units, TextUnits):
        return [unit_counts(units, counts)]
    if (units.corpus.counts.matrix != counts.matrix).nnz:
        raise InputError("units", units.what, "must be those of the text that was counted")
    return units


def unit_counts(units: Units | pd.DataFrame | ArrayLike, counts: CooccurrenceCounts) -> sp.csr_array:
    """Counts (units, seen cells) of every unit in the seen cells, in CSR order; an `InputError` as `units_of` raises it."""
    if isinstance(units, Units):
        units = pd.DataFrame({name: getattr(units, name) for name in COLUMNS})
    frame = units if isinstance(units, pd.DataFrame) else pd.DataFrame(np.asarray(units))
    if not isinstance(units, pd.DataFrame) and frame.shape[1] == len(COLUMNS):
        frame.columns = pd.Index(COLUMNS)
    if missing := [name for name in COLUMNS if name not in frame]:
        raise InputError("units", list(frame.columns), f"needs the column {missing[0]}; the columns are {', '.join(COLUMNS)}")
    n = counts.matrix
    cell = np.asarray(frame["center"], dtype=np.int64) * counts.shape[1] + np.asarray(frame["context"], dtype=np.int64)
    seen = np.repeat(np.arange(counts.shape[0]), np.diff(n.indptr)) * counts.shape[1] + n.indices
    at = np.minimum(np.searchsorted(seen, cell), len(seen) - 1)
    unit, labels = pd.factorize(frame["unit"])
    value = np.asarray(frame["count"], dtype=np.float64)
    found = seen[at] == cell
    by_unit = sp.coo_array((value[found], (unit[found], at[found])), shape=(len(labels), len(seen))).tocsr()
    if value[~found].any() or not np.allclose(by_unit.sum(0), n.data, rtol=SAME, atol=0):
        raise InputError("units", f"{len(labels)} units", "must sum to the counts in every cell")
    return by_unit


class Held(NamedTuple):
    """Counts in two: kept, and held out; of these what each unit has (units, seen cells of `held`), and the units' numbers."""

    kept: CooccurrenceCounts
    held: CooccurrenceCounts
    by_unit: sp.csr_array
    units: list[int]


def hold_out(counts: CooccurrenceCounts, units: Iterable[sp.csr_array], share: float, rng: np.random.Generator) -> Held:
    """Hold out whole units: of each 1/share that follow each other one, at random.

    Parameters
    ----------
    counts : CooccurrenceCounts
    units : iterable of sparse arrays, (units, seen cells)
        As `units_of` gives them.
    share : float
        About what share of the units to hold out.
    rng : Generator

    Raises
    ------
    InputError
        For fewer than two units, or two parts of which one would be empty.
    """
    every, number, chosen, numbers = round(1 / share), 0, list[sp.csr_array](), list[int]()
    place = int(rng.integers(every))
    for some in units:
        rows = list[int]()
        for row in range(some.shape[0]):
            if number % every == 0:
                place = int(rng.integers(every))
            if number % every == place:
                rows.append(row)
                numbers.append(number)
            number += 1
        chosen.append(some[rows])
    if number < every:
        raise InputError("units", f"{number} units", f"are too few to hold one of each {every} out; choose smaller ones")
    by_unit = sp.csr_array(sp.vstack(chosen, format="csr"))
    value = by_unit.sum(0)
    kept, held = (
        CooccurrenceCounts(counts.with_values(own).copy(), counts.vocab, counts.context_vocab)
        for own in (np.maximum(counts.matrix.data - value, 0.0), value)
    )
    return Held(kept, held, sp.csr_array(by_unit[:, np.flatnonzero(value)]), numbers)


__all__ = ["Held", "hold_out", "unit_counts", "units_of"]
