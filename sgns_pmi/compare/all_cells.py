"""Variances of every cell of a table whose parameters are too many for A⁺: by what each unit moves, not by what each cell asks.

A cell's estimate is moved by a unit g by φ = ⟨o, t_g⟩ − ⟨A⁻ J_ij, s_g⟩ = ⟨o, t_g⟩ − ⟨J_ij, A⁻ s_g⟩ (see
`sgns_pmi.compare.sandwich`): one solution of A for each unit gives those of all cells, of which there are far more. Where pairs
are independent, random combinations of them stand for the units: with signs ε and G of them, Σ_g (Σ_ab √(n_ab / G) ε_gab φ_ab)²
has the expectation Σ n φ², and a relative standard error of √(2 / G).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.curvature import MOST_FACTORISED, Direction
from sgns_pmi.compare.sandwich import NUMBERS, Sandwich, divided
from sgns_pmi.lazily import sp
from sgns_pmi.streams import stream

Float = NDArray[np.float64]

COMBINATIONS = 1_000  # random ones of independent pairs: standard errors are then known to 2 %
MOST_CELLS = 2_000_000  # whose variances take a minute or two


def hindrance(sandwich: Sandwich) -> str:
    """Why `all_variances` cannot be had, if not empty."""
    words, contexts = sandwich.counts.shape
    if words * sandwich.columns > MOST_FACTORISED or words * contexts > MOST_CELLS:
        return f"all {words} x {contexts} would take too long"
    if sandwich.fit.training is not None:
        return "what the draws of training add is known cell by cell"
    return "" if sandwich.curvature.factor is not None else "all at once need a minimum, which the fit has not reached, and room"


def all_variances(sandwich: Sandwich) -> Float:
    """Variances of the estimates of all cells, (words, contexts); of independent pairs with a relative standard error of 4 %."""
    shape = sandwich.counts.shape
    chain = sandwich.chain(*np.indices(shape).reshape(2, -1)).reshape(shape)
    squares = np.zeros(shape)
    units: Iterable[sp.csr_array] = _combinations(sandwich) if sandwich.units is None else sandwich.units
    height = max(1, NUMBERS // sandwich.parameters)
    for some in units:
        for low in range(0, some.shape[0], height):
            scores, offsets = unit_moves(sandwich, some[low : low + height])
            solved = sandwich.curvature.solve_by_factor(scores)
            for y, z, (of_noise, of_context) in zip(*solved, offsets, strict=True):
                moved = -(y @ sandwich.right.T + sandwich.left @ z.T)
                if sandwich.fit.corrected:
                    moved += of_noise
                moved *= chain
                if sandwich.fit.corrected:
                    moved -= of_context
                squares += np.square(moved, out=moved)
    return squares / sandwich.counts.total**2


def unit_moves(sandwich: Sandwich, units: sp.csr_array) -> tuple[Direction, Float]:
    """How each unit moves the equations of the fit, and the logarithms of the noise and of the contexts' margin.

    Parameters
    ----------
    sandwich : Sandwich
    units : sparse array, (units, seen cells)

    Returns
    -------
    scores : Direction
        s_g, the sum of the centred s_ab over its pairs.
    offsets : ndarray, (units, 2, contexts)
        t_g: N times the changes of log ν_j and of log c_j.
    """
    noise, f = sandwich.fit.noise, sandwich.columns
    rows, cols = sandwich.unit_scores(units)
    whole_rows, whole_cols = sandwich.whole_scores
    size = rows[:, :, f].sum(1)[:, None, None] / sandwich.counts.total
    rows -= size * whole_rows
    cols -= size * whole_cols
    of_center, of_context = rows[:, :, f], cols[:, :, f]
    changes = divided(of_center, sandwich.p) if noise.side == "center" else divided(of_context, sandwich.q)
    of_noise = noise.exponent * (changes - (changes @ noise.distribution)[:, None])
    weighted = of_noise * noise.distribution
    s_rows, s_cols = rows[:, :, :f].copy(), cols[:, :, :f].copy()
    for block, slope, drawn in sandwich.negative_slopes():
        left, own = sandwich.left[block], of_center[:, block, None]
        s_rows[:, block] += own * ((slope * noise.distribution) @ sandwich.right) + drawn @ (
            weighted[:, :, None] * sandwich.right
        )
        s_cols += noise.distribution[:, None] * (slope.T @ (own * left)) + weighted[:, :, None] * (drawn.T @ left)
    return Direction(s_rows, s_cols), np.stack([of_noise, divided(of_context, sandwich.q)], axis=1)


def _combinations(sandwich: Sandwich) -> Iterator[sp.csr_array]:
    """Random combinations of the pairs, some at a time."""
    counts, rng = sandwich.counts, stream(0, "combinations")
    weights = np.sqrt(counts.matrix.data / COMBINATIONS)
    height = max(1, NUMBERS // counts.nnz)
    for low in range(0, COMBINATIONS, height):
        some = min(height, COMBINATIONS - low)
        signs = rng.choice([-1.0, 1.0], (some, counts.nnz))
        places = np.tile(np.arange(counts.nnz), some), counts.nnz * np.arange(some + 1)
        yield sp.csr_array(((signs * weights).ravel(), *places), shape=(some, counts.nnz))


__all__ = ["all_variances", "hindrance", "unit_moves"]
