"""Latent classes: P = Σ_z π_z a_z b_zᵀ, whose non-negative rank is known, and whose PMI is not of low rank."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_flag, check_integer, check_real
from sgns_pmi.memory import check_dense
from sgns_pmi.problems.drawing import Drawing, check_factors
from sgns_pmi.problems.problem import Problem, register_problem
from sgns_pmi.problems.scaling import sinkhorn, zipf_marginal
from sgns_pmi.problems.transform import joint_truth

Float = NDArray[np.float64]


def topic_words(rng: np.random.Generator, weights: Float, frequencies: Float, spread: float) -> Float:
    """Distributions over words, one for each topic, whose mixture by `weights` has exactly the given word frequencies.

    The joint distribution of word and topic is log-normal noise scaled to these two marginals.

    Parameters
    ----------
    rng : Generator
    weights : ndarray, (topics,)
        π, summing to 1.
    frequencies : ndarray, (words,)
        p, summing to 1.
    spread : float
        Standard deviation of the noise's logarithm.

    Returns
    -------
    ndarray, (words, topics)
        a_z in column z.

    Raises
    ------
    InputError
        For a spread that the scaling cannot cope with.
    """
    noise = rng.normal(0, spread, (len(frequencies), len(weights)))
    try:
        a, b = sinkhorn(noise, None, frequencies, weights)
    except InputError as error:
        raise InputError("spread", spread, error.remedy.replace("scale", "spread")) from None
    joint = np.exp(noise + a[:, None] + b)
    return joint / joint.sum(axis=0)


@register_problem("topics")
def topics_problem(
    words: int = 300,
    topics: int = 10,
    spread: float = 1.5,
    zipf: float = 1.0,
    pairs: int = 1_000_000,
    symmetric: bool = False,
    permute: bool = False,
    sampling: str = "multinomial",
    seed: int = 0,
    draw_seed: int | None = None,
) -> Problem:
    """Latent classes: a topic z for each pair, equally likely, then centre from a_z and context from b_z independently.

    P = Σ_z π_z a_z b_zᵀ has non-negative rank `topics` at most; its PMI, a logarithm, is not of low rank.

    Parameters
    ----------
    words : int, default 300
    topics : int, default 10
    spread : float, default 1.5
        How much topics differ: standard deviation of log a_z around the words' frequencies.
    zipf : float, default 1.0
        Both marginals are p_i ∝ 1 / i^zipf exactly; 0 makes them uniform.
    pairs : int, default 1 million
        N.
    symmetric : bool, default False
        b_z = a_z, so that P is symmetric.
    permute : bool, default False
        Words in random order, rather than by frequency.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
    seed : int, default 0
        Of the topics and the order.
    draw_seed : int, optional
        Of the counts; the same as `seed` by default.

    Raises
    ------
    InputError
        For a value out of range.

    References
    ----------
    Hofmann, "Probabilistic Latent Semantic Indexing", SIGIR 1999, eq. 2.
    """
    words, topics = check_factors(words, check_integer("topics", topics, 2), "topics")
    check_dense((words, words), 2)
    spread, zipf = check_real("spread", spread, above=True), check_real("zipf", zipf)
    check_flag("symmetric", symmetric)
    drawing = Drawing("topics", pairs, sampling, seed, draw_seed, permute=permute)
    rng, frequencies, weights = drawing.truth_stream(), zipf_marginal(words, zipf), np.full(topics, 1 / topics)
    A = topic_words(rng, weights, frequencies, spread)
    B = A if symmetric else topic_words(rng, weights, frequencies, spread)
    margins = f"Zipf {zipf:g}" if zipf else "uniform margins"
    what = f"{words:,} words in {topics} topics, {'symmetric, ' if symmetric else ''}{margins}"
    return drawing.problem(what, joint_truth(A * weights @ B.T))
