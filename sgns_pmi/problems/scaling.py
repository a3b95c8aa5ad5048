"""Sinkhorn scaling: row and column factors that give a positive matrix the marginals wanted; and Zipf's marginals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.cache import hash_of, of_truths
from sgns_pmi.errors import InputError
from sgns_pmi.problems.sampling import row_blocks

Float = NDArray[np.float64]
CACHED_CELLS = 25_000_000
"""The kernel exp(M) is kept where it has at most so many cells, and computed anew in each pass elsewhere."""
TOLERANCE = 1e-13
MOST_PASSES = 20_000


def sinkhorn(V: Float, U: Float | None, p: Float, q: Float) -> tuple[Float, Float]:
    """a and b such that P_ij = exp(M_ij + a_i + b_j), M = V Uᵀ (V itself where U is None), has the marginals p and q.

    Sinkhorn's alternating scaling of exp(M − max_j M_ij), one pass over the rows an iteration, until the row sums are
    right to 1e-13 relative (the column sums are, after each pass). Sinkhorn & Knopp, Pacific J. Math. 21 (1967).

    Raises
    ------
    InputError
        If 20,000 passes do not suffice: M is too spread out.
    """
    name = hash_of("sinkhorn", V, U, p, q)
    return of_truths().once(
        name,
        lambda: _scaled(V, U, p, q),
        pack=lambda made: dict(zip("ab", made, strict=True)),
        unpack=lambda kept: (kept["a"], kept["b"]),
    )


def _scaled(V: Float, U: Float | None, p: Float, q: Float) -> tuple[Float, Float]:
    words, contexts = len(p), len(q)

    def scores(rows: slice) -> Float:
        return V[rows] if U is None else V[rows] @ U.T

    peaks = np.concatenate([scores(rows).max(axis=1) for rows in row_blocks(words, contexts)])

    def kernel(rows: slice) -> Float:
        return np.exp(scores(rows) - peaks[rows][:, None])

    small = words * contexts <= CACHED_CELLS
    blocks = [(rows, kernel(rows) if small else None) for rows in row_blocks(words, contexts)]
    v = np.ones(contexts)
    u = np.ones(words)
    for _ in range(MOST_PASSES):
        columns = np.zeros(contexts)
        errors = []
        # Where all of a column is below the smallest float, v is infinite and the next error NaN: that ends it.
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            for rows, cached in blocks:
                block = kernel(rows) if cached is None else cached
                scaled = block @ v
                errors.append(np.abs(u[rows] * scaled / p[rows] - 1).max())
                u[rows] = p[rows] / scaled
                columns += u[rows] @ block
            v = q / columns
        error = float(np.max(errors))
        if error < TOLERANCE:
            return np.log(u) - peaks, np.log(v)
        if not np.isfinite(error):
            break
    remedy = f"the scaling does not converge ({error:.1e} off after {MOST_PASSES} passes at most); choose a smaller scale"
    raise InputError("M", "V Uᵀ", remedy)


def zipf_marginal(size: int, exponent: float) -> Float:
    """Zipf's law, p_i ∝ 1 / i^s; uniform for s = 0."""
    weights = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    return weights / weights.sum()


__all__ = ["sinkhorn", "zipf_marginal"]
