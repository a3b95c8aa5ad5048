"""Whether pairs are independent: how much more the counts of units vary than independent pairs would."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sgns_pmi.compare.found import Found, RunTable, makes
from sgns_pmi.compare.table import DISPERSION_COLUMNS
from sgns_pmi.counts import as_counts
from sgns_pmi.lazily import pd
from sgns_pmi.problems.problem import Units
from sgns_pmi.problems.text_units import FEWEST, TextUnits
from sgns_pmi.problems.units import units_of

MATTERS = 1.5  # times the Poisson value: intervals without units would then cover 89 % rather than 95
FIRST, FACTOR = 8, 4
"""Classes of counts are 8 to 32, to 128, and so on: rarer cells cannot show a cluster."""


def dispersion(counts: Any, units: Units | TextUnits | pd.DataFrame | ArrayLike) -> pd.DataFrame:
    """Variance of the counts of cells over what independent pairs would give them (their Poisson value), by class of count.

    With n_gc the count of cell c in unit g, n_c = Σ_g n_gc, and l_g the share of all pairs that are of unit g,

        dispersion_c = Σ_g (n_gc − l_g n_c)² / (n_c (1 − Σ_g l_g²)),

    which has expectation 1 if each pair fell into a unit by itself. Where it is above, intervals that take pairs as
    independent are too narrow by about its root.

    Parameters
    ----------
    counts : CooccurrenceCounts, array or sparse matrix, (words, contexts)
    units : Units, TextUnits, DataFrame or array (n, 4)
        As in `inference`.

    Returns
    -------
    DataFrame
        Columns from and below (counts of the class), n (its cells), median and mean (of their dispersion) and units (how many
        there are); without classes that have no cell.

    Raises
    ------
    InputError
        As `inference`, for the units.

    Examples
    --------
    >>> import numpy as np
    >>> from sgns_pmi.compare.dispersion import dispersion
    >>> alike = [(unit, 0, context, 10) for unit in range(4) for context in range(2)]
    >>> dispersion(np.array([[40, 40]]), alike)[["from", "below", "n", "mean"]].values.tolist()
    [[32.0, 128.0, 2.0, 0.0]]
    """
    counts = as_counts(counts)
    n, total = counts.matrix.data, counts.total
    own, across, lengths, number = np.zeros(len(n)), np.zeros(len(n)), 0.0, 0
    for some in units_of(units, counts):
        share = some.sum(axis=1) / total
        own += (some**2).sum(axis=0)
        across += some.T @ share
        lengths, number = lengths + float(share @ share), number + some.shape[0]
    value = (own - 2 * n * across + n**2 * lengths) / (n * (1 - lengths))
    edges = FIRST * FACTOR ** np.arange(max(1, int(np.ceil(np.emath.logn(FACTOR, n.max() / FIRST)))) + 2)
    classes = np.searchsorted(edges, n, side="right") - 1
    known = pd.DataFrame({"class": classes, "value": value})[classes >= 0]
    found = known.groupby("class")["value"].agg(["size", "median", "mean"])
    at = found.index.to_numpy(dtype=int)
    rows = zip(edges[at], edges[at + 1], found["size"], found["median"], found["mean"], [number] * len(at), strict=True)
    return pd.DataFrame(rows, columns=list(DISPERSION_COLUMNS))


@makes("dispersion", when=lambda found: found.level is not None and found.problem.units is not None)
def dispersion_table(found: Found) -> RunTable:
    """`dispersion` of the units of a run, and a warning where they are few, or their pairs not independent."""
    units = found.problem.units
    assert units is not None
    rows = dispersion(found.problem.counts, units)
    return RunTable(rows, said=warnings(rows, units.what))


def warnings(rows: pd.DataFrame, what: str) -> tuple[str, ...]:
    """What a table of `dispersion` warns of, in sentences; `what` are the units."""
    said = []
    if len(rows) and (number := rows["units"].iloc[0]) < FEWEST:
        said.append(f"{number} {what} are few: a variance between them says little; choose smaller units")
    most = rows.iloc[int(rows["mean"].to_numpy(dtype=float).argmax())] if len(rows) else {"mean": 0.0}
    if most["mean"] >= MATTERS:
        counted = f"counts of {most['from']:,.0f} to {most['below']:,.0f} vary {most['mean']:.1f} times as much between {what}"
        said.append(f"{counted} as those of independent pairs; without units their intervals would be too narrow")
    return tuple(said)


__all__ = ["dispersion", "dispersion_table", "warnings"]
