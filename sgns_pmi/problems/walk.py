"""The log-linear walk: words are emitted by a context vector that moves slowly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_integer, check_real
from sgns_pmi.memory import check_memory
from sgns_pmi.problems.drawing import Drawing, check_factors
from sgns_pmi.problems.problem import Problem, Truth, register_problem
from sgns_pmi.problems.transform import joint_truth

Float = NDArray[np.float64]


def walk_truth(V: Float, C: Float, stay: float) -> Truth:
    """P(w, w') = Σ_cc' π_c T_cc' p(w | c) p(w' | c'), p(w | c) = exp(v_w · c) / Z_c, summed over finitely many c exactly.

    The walk is in its stationary distribution π, uniform over the rows of C. Between the two words of a pair it stays where
    it is with probability `stay` and jumps to a row at random otherwise: P = stay · E_c[p_c p_cᵀ] + (1 − stay) p pᵀ.
    Nothing is approximated, neither Z_c ≈ Z nor the expectation; as rows of C become many, that is the expectation
    over the sphere. With |c| = 1 and `stay` = 1, Arora et al. have PMI ≈ v_w · v_w' / d for isotropic V (theorem 2.2): the
    nominal matrix here.

    Parameters
    ----------
    V : ndarray, (words, d)
        Word vectors.
    C : ndarray, (points, d)
        Context vectors, equally likely.
    stay : float
        From 0 (independent words) to 1.

    References
    ----------
    Arora, Li, Liang, Ma & Risteski, "A Latent Variable Model Approach to PMI-based Word Embeddings", TACL 2016.
    """
    scores = V @ C.T
    emitted = np.exp(scores - scores.max(axis=0))
    emitted /= emitted.sum(axis=0)
    p = emitted.mean(axis=1)
    joint = stay / len(C) * (emitted @ emitted.T)
    joint += (1 - stay) * np.outer(p, p)
    nominal = V / np.sqrt(V.shape[1])
    return replace(joint_truth(joint), nominal_left=nominal, nominal_right=nominal)


@register_problem("walk")
def walk_problem(
    words: int = 300,
    rank: int = 5,
    scale: float = 1.5,
    points: int = 2000,
    stay: float = 1.0,
    pairs: int = 1_000_000,
    zipf: float | None = None,
    permute: bool = False,
    sampling: str = "multinomial",
    seed: int = 0,
    draw_seed: int | None = None,
) -> Problem:
    """RAND-WALK with exact joint distribution: normal word vectors, context vectors on the unit sphere; see `walk_truth`.

    P is symmetric, and its PMI close to a matrix of the given rank (the nominal one) but not of low rank.

    Parameters
    ----------
    words : int, default 300
    rank : int, default 5
        Dimension d of word and context vectors.
    scale : float, default 1.5
        Standard deviation of word vectors' entries, hence of v_w · c.
    points : int, default 2000
        Context vectors that the walk visits.
    stay : float, default 1.0
        Probability that the two words of a pair are emitted by the same context vector, from 0 to 1.
    pairs : int, default 1 million
        N.
    zipf : float, optional
        Both marginals are p_i ∝ 1 / i^zipf in place of the walk's own.
    permute : bool, default False
        Words in random order.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
    seed : int, default 0
        Of word and context vectors.
    draw_seed : int, optional
        Of the counts; the same as `seed` by default.

    Raises
    ------
    InputError
        For a value out of range.
    """
    (words, rank), points = check_factors(words, rank), check_integer("points", points)
    check_memory("points", points, 16.0 * points * rank, "choose fewer points")
    scale, stay = check_real("scale", scale, above=True), check_real("stay", stay)
    if stay > 1:
        raise InputError("stay", stay, "must be a probability, from 0 to 1")
    drawing = Drawing("walk", pairs, sampling, seed, draw_seed, zipf, permute)
    rng = drawing.truth_stream()
    V, C = rng.normal(0, scale, (words, rank)), rng.normal(size=(points, rank))
    C /= np.linalg.norm(C, axis=1, keepdims=True)
    return drawing.problem(f"{words:,} words in {rank} dimensions", walk_truth(V, C, stay))
