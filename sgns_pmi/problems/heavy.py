"""A few enormous cells over a low-rank truth: what set phrases and boilerplate do to counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_integer, check_real, check_share
from sgns_pmi.problems.drawing import Drawing, check_factors
from sgns_pmi.problems.marginal import normal_truth
from sgns_pmi.problems.problem import ALL, Problem, Truth, register_problem
from sgns_pmi.problems.scaling import zipf_marginal
from sgns_pmi.problems.transform import plus_margins

Float = NDArray[np.float64]
Index = NDArray[np.intp]


def with_heavy_cells(truth: Truth, rows: Index, columns: Index, mass: float) -> Truth:
    """The mixture (1 − mass) P + mass · uniform over the given distinct cells.

    With marginals p' and q', PMI'_ij = PMI_ij + log(1 − mass) + log(p_i / p'_i) + log(q_j / q'_j), and in a heavy cell
    log(1 + its share of the mass / ((1 − mass) P_ij)) more: of rank + 2 + cells at most.

    Parameters
    ----------
    truth : Truth
        With factors.
    rows, columns : ndarray, (cells,)
    mass : float
        Share of all pairs that the heavy cells gain.
    """
    share = mass / len(rows)
    p, q = (1 - mass) * truth.row_marginal, (1 - mass) * truth.col_marginal
    np.add.at(p, rows, share)
    np.add.at(q, columns, share)
    a, b = np.log1p(-mass) + np.log(truth.row_marginal / p), np.log(truth.col_marginal / q)
    thinned = plus_margins(truth, a, b, p, q, ALL, ALL)
    light = (1 - mass) * truth.joint(rows)[np.arange(len(rows)), columns]
    jumps, cells = np.zeros((len(p), len(rows))), np.zeros((len(q), len(rows)))
    jumps[rows, np.arange(len(rows))] = np.log1p(share / light)
    cells[columns, np.arange(len(rows))] = 1
    return replace(
        thinned, left=np.column_stack([thinned.left, jumps]), right=np.column_stack([np.asarray(thinned.right), cells])
    )


@register_problem("heavy")
def heavy_problem(
    words: int = 300,
    rank: int = 3,
    cells: int = 5,
    mass: float = 0.3,
    zipf: float = 1.0,
    scale: float = 1.0,
    pairs: int = 1_000_000,
    sampling: str = "multinomial",
    seed: int = 0,
    draw_seed: int | None = None,
) -> Problem:
    """The marginal generator's truth, and a few random cells that hold a large share of all pairs; see `with_heavy_cells`.

    Parameters
    ----------
    words : int, default 300
    rank : int, default 3
        Of M; the PMI without heavy cells has rank + 2, with them rank + 2 + cells.
    cells : int, default 5
        Heavy cells, at most as many as words: no two share a centre or a context.
    mass : float, default 0.3
        Share of all pairs that they gain, in equal parts; above 0 and below 1.
    zipf : float, default 1.0
        Marginals of the rest, p_i ∝ 1 / i^zipf.
    scale : float, default 1.0
        As in `marginal_problem`.
    pairs : int, default 1 million
        N.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
    seed : int, default 0
        Of M and of the places.
    draw_seed : int, optional
        Of the counts; the same as `seed` by default.

    Raises
    ------
    InputError
        For a value out of range.
    """
    (words, rank), cells = check_factors(words, rank), check_integer("cells", cells)
    if cells > words:
        raise InputError("cells", cells, f"must be at most {words}, the words")
    mass, zipf, scale = check_share("mass", mass), check_real("zipf", zipf), check_real("scale", scale, above=True)
    drawing = Drawing("heavy", pairs, sampling, seed, draw_seed)
    base = normal_truth(drawing.truth_stream(), rank, zipf_marginal(words, zipf), scale)
    rows, columns = (drawing.truth_stream("cells", side).permutation(words)[:cells] for side in ("center", "context"))
    what = f"{words:,} words, rank {rank}, {mass:.0%} of all pairs in {cells} cells, Zipf {zipf:g}"
    return drawing.problem(what, with_heavy_cells(base, rows, columns, mass))
