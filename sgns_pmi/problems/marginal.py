"""Joint distributions with prescribed marginals: exp(M_ij + a_i + b_j) with a and b found by Sinkhorn scaling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.errors import InputError, check_choice, check_flag, check_integer, check_real, check_seed
from sgns_pmi.problems.problem import Problem, Truth, register_problem
from sgns_pmi.problems.sampling import SAMPLINGS, row_blocks, sample_counts
from sgns_pmi.problems.softmax import describe
from sgns_pmi.problems.tables import read_column

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


def marginal_truth(V: Float, U: Float, p: Float, q: Float) -> Truth:
    """P_ij = exp(M_ij + a_i + b_j) with marginals p and q; its PMI is M_ij + (a_i − log p_i) + (b_j − log q_j).

    Raises
    ------
    InputError
        As `sinkhorn`.
    """
    a, b = sinkhorn(V, U, p, q)
    left = np.column_stack([V, a - np.log(p), np.ones(len(p))])
    right = np.column_stack([U, np.ones(len(q)), b - np.log(q)])
    return Truth(p, q, left, right, V, U)


def normal_truth(rng: np.random.Generator, rank: int, p: Float, scale: float, symmetric: bool = False) -> Truth:
    """`marginal_truth` of normal factors of variance `scale` between the marginals p and p; U₀ = V₀ where it is symmetric.

    Raises
    ------
    InputError
        For a scale at which the scaling does not converge.
    """
    V = rng.normal(0.0, np.sqrt(scale), (len(p), rank))
    U = V if symmetric else rng.normal(0.0, np.sqrt(scale), (len(p), rank))
    try:
        return marginal_truth(V, U, p, p)
    except InputError as error:
        raise InputError("scale", scale, error.remedy) from None


@register_problem("marginal")
def marginal_problem(
    words: int = 1000,
    rank: int = 3,
    pairs: int = 10**7,
    zipf: float = 1.0,
    marginals: str | ArrayLike | None = None,
    scale: float = 1.0,
    symmetric: bool = False,
    sampling: str = "multinomial",
    seed: int = 0,
) -> Problem:
    """Exact PMI of known rank under prescribed marginals: P_ij = exp(M_ij + a_i + b_j), P1 = p, Pᵀ1 = q.

    PMI_ij = M_ij + (a_i − log p_i) + (b_j − log q_j), of rank + 2, where M = V₀U₀ᵀ with normal factors (docs/math.md,
    "Synthetic truths").

    Parameters
    ----------
    words : int, default 1000
        Number of centres, and of contexts.
    rank : int, default 3
        Rank of M.
    pairs : int, default 10 million
        N.
    zipf : float, default 1.0
        Both marginals are p_i ∝ 1 / i^zipf; 0 makes them uniform.
    marginals : array-like (words,), or path of a text file with one weight a line, optional
        Given marginals of both sides, normalised, in place of Zipf's.
    scale : float, default 1.0
        Standard deviation of M's entries at rank 1 (that of V₀'s and U₀'s is its square root).
    symmetric : bool, default False
        U₀ = V₀, so that P is symmetric.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
    seed : int, default 0

    Raises
    ------
    InputError
        For a value out of range, or an M so spread out that the scaling does not converge.
    """
    words, rank = check_integer("words", words, 2), check_integer("rank", rank)
    pairs, seed = check_integer("pairs", pairs), check_seed(seed)
    zipf, scale = check_real("zipf", zipf), check_real("scale", scale, above=True)
    check_choice("sampling", sampling, SAMPLINGS)
    check_flag("symmetric", symmetric)
    p = zipf_marginal(words, zipf) if marginals is None else _given(marginals, words)
    truth = normal_truth(np.random.default_rng(seed), rank, p, scale, symmetric)
    shape = "given marginals" if marginals is not None else f"Zipf {zipf:g}" if zipf else "uniform"
    title = f"{'symmetric ' if symmetric else ''}{shape} generator, {words:,} words, rank {rank}, {describe(pairs, sampling)}"
    return Problem(sample_counts(truth, pairs, sampling, seed=seed + 1), title, truth)


def _given(marginals: str | ArrayLike, words: int) -> Float:
    try:
        weights = read_column(marginals, "marginals") if isinstance(marginals, str | Path) else np.asarray(marginals, np.float64)
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError("marginals", marginals, f"cannot be read as numbers: {error}") from None
    if weights.shape != (words,) or not np.isfinite(weights).all() or (weights <= 0).any():
        raise InputError("marginals", f"array of shape {weights.shape}", f"must hold {words} weights, all above 0")
    return weights / weights.sum()
