"""Joint distributions with prescribed marginals: exp(M_ij + a_i + b_j) with a and b found by Sinkhorn scaling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.errors import InputError, check_flag, check_real
from sgns_pmi.problems.drawing import Drawing, check_factors, describe
from sgns_pmi.problems.problem import Problem, Truth, register_problem
from sgns_pmi.problems.sampling import sample_counts
from sgns_pmi.problems.scaling import sinkhorn, zipf_marginal
from sgns_pmi.problems.tables import read_column

Float = NDArray[np.float64]


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
    draw_seed: int | None = None,
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
        Of the factors.
    draw_seed : int, optional
        Of the counts; the same as `seed` by default.

    Raises
    ------
    InputError
        For a value out of range, or an M so spread out that the scaling does not converge.
    """
    words, rank = check_factors(words, rank)
    zipf, scale = check_real("zipf", zipf), check_real("scale", scale, above=True)
    check_flag("symmetric", symmetric)
    drawing = Drawing("marginal", pairs, sampling, seed, draw_seed)
    p = zipf_marginal(words, zipf) if marginals is None else _given(marginals, words)
    truth = normal_truth(drawing.truth_stream(), rank, p, scale, symmetric)
    shape = "given marginals" if marginals is not None else f"Zipf {zipf:g}" if zipf else "uniform"
    title = (
        f"{'symmetric ' if symmetric else ''}{shape} generator, {words:,} words, rank {rank}, {describe(drawing.pairs, sampling)}"
    )
    return Problem(sample_counts(truth, drawing.pairs, sampling, drawing.draw_stream()), title, truth)


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
