"""The R experiment: pairs drawn from one softmax over all cells of a low-rank matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import check_choice, check_integer, check_seed
from sgns_pmi.problems.problem import Problem, Truth, register_problem
from sgns_pmi.problems.sampling import SAMPLINGS, row_blocks, sample_counts

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
    words: int = 100, rank: int = 2, pairs: int = 200_000, sampling: str = "multinomial", seed: int = 0
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
        Of the factors and of the draws.

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
    words, rank = check_integer("words", words, 2), check_integer("rank", rank)
    pairs, seed = check_integer("pairs", pairs), check_seed(seed)
    check_choice("sampling", sampling, SAMPLINGS)
    rng = np.random.default_rng(seed)
    truth = softmax_truth(rng.normal(size=(words, rank)), rng.normal(size=(words, rank)))
    title = f"softmax generator, {words:,} words, rank {rank}, {describe(pairs, sampling)}"
    return Problem(sample_counts(truth, pairs, sampling, seed=seed + 1), title, truth)


def describe(pairs: int, sampling: str) -> str:
    """The number of pairs and how they were drawn, for titles."""
    how = {"multinomial": "", "poisson": " (Poisson)", "population": " without sampling noise"}
    return f"{pairs:,} pairs{how[sampling]}"
