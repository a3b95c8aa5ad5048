"""The R experiment: pairs drawn from one softmax over all cells of a low-rank matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.problems.drawing import Drawing, check_factors
from sgns_pmi.problems.problem import Problem, Truth, register_problem
from sgns_pmi.problems.sampling import row_blocks

Float = NDArray[np.float64]


def softmax_truth(V: Float, U: Float) -> Truth:
    """The distribution P = exp(M) / Σ exp(M), M = V Uᵀ, and its PMI = M − log Z − log p_i − log q_j.

    See docs/math.md, "Synthetic truths". The PMI is the product of [V, −log Z − log p, 1] and [U, 1, −log q]: of rank dim + 2 in
    general.
    """
    words, contexts = len(V), len(U)
    peak = max(float((V[rows] @ U.T).max()) for rows in row_blocks(words, contexts))
    row_sums, col_sums = np.empty(words), np.zeros(contexts)
    for rows in row_blocks(words, contexts):
        weights = np.exp(V[rows] @ U.T - peak)
        row_sums[rows] = weights.sum(axis=1)
        col_sums += weights.sum(axis=0)
    total = row_sums.sum()
    p, q = row_sums / total, col_sums / total
    left = np.column_stack([V, -np.log(p) - np.log(total) - peak, np.ones(words)])
    right = np.column_stack([U, np.ones(contexts), -np.log(q)])
    return Truth(p, q, left, right, V, U)


@register_problem("softmax")
def softmax_problem(
    words: int = 100,
    rank: int = 2,
    pairs: int = 200_000,
    sampling: str = "multinomial",
    seed: int = 0,
    draw_seed: int | None = None,
) -> Problem:
    """V₀, U₀ standard normal (words, rank); the joint distribution softmax(V₀U₀ᵀ); counts of `pairs` pairs.

    Parameters
    ----------
    words : int, default 100
        Number of centres, and of contexts.
    rank : int, default 2
        Rank of the nominal matrix M = V₀U₀ᵀ. The true PMI has rank + 2.
    pairs : int, default 200,000
        N.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
        How counts are drawn; "population" are the expected counts, without sampling noise.
    seed : int, default 0
        Of the factors.
    draw_seed : int, optional
        Of the counts, so that one truth can be drawn from again; the same as `seed` by default.

    Raises
    ------
    InputError
        For a value out of range.

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> sp.softmax_problem(words=30, rank=1, pairs=1000).pmi_rank
    3
    """
    words, rank = check_factors(words, rank)
    drawing = Drawing("softmax", pairs, sampling, seed, draw_seed)
    rng = drawing.truth_stream()
    truth = softmax_truth(rng.normal(size=(words, rank)), rng.normal(size=(words, rank)))
    return drawing.problem(f"{words:,} words, rank {rank}", truth)
