"""Documents that draw a topic mixture each: pairs come in clusters, and the expected counts are still known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_flag, check_integer, check_real
from sgns_pmi.memory import check_dense, check_memory
from sgns_pmi.problems.drawing import Drawing, check_factors
from sgns_pmi.problems.problem import Problem, Units, register_problem
from sgns_pmi.problems.scaling import zipf_marginal
from sgns_pmi.problems.topics import topic_words
from sgns_pmi.problems.transform import joint_truth

Float = NDArray[np.float64]
Index = NDArray[np.intp]
DRAWN = 6
"""Numbers of 8 bytes that are held for each pair while pairs are drawn."""


def mixture_moments(concentration: float, topics: int) -> Float:
    """E[θ θᵀ] of θ ~ Dirichlet(α, ..., α) with α · topics = concentration, (topics, topics): (α α + α δ) / (s (s + 1))."""
    alpha = concentration / topics
    return (alpha**2 + alpha * np.eye(topics)) / (concentration * (concentration + 1))


def draw_documents(rng: np.random.Generator, A: Float, B: Float, concentration: float, lengths: Index) -> Units:
    """The pairs of each document: a mixture θ ~ Dirichlet, then for each pair its centre from A θ and its context from B θ.

    Parameters
    ----------
    rng : Generator
    A, B : ndarray, (words, topics) and (contexts, topics)
        Distributions over centres and over contexts, one a column.
    concentration : float
        Sum of the Dirichlet's parameters, which are equal.
    lengths : ndarray, (documents,)
        Pairs in each.
    """
    topics = A.shape[1]
    mixtures = rng.dirichlet(np.full(topics, concentration / topics), len(lengths))
    unit = np.repeat(np.arange(len(lengths)), lengths)
    center, context = (draw_words(rng, words, mixtures, unit) for words in (A, B))
    cells, count = np.unique((unit * len(A) + center) * len(B) + context, return_counts=True)
    pairs, context = np.divmod(cells, len(B))
    unit, center = np.divmod(pairs, len(A))
    return Units(unit.astype(np.int32), center.astype(np.int32), context.astype(np.int32), count.astype(np.float64), "documents")


def draw_words(rng: np.random.Generator, words: Float, mixtures: Float, unit: Index) -> Index:
    """A word for each draw: a topic z from its unit's mixture, and a word from column z of `words`."""
    cumulated = np.cumsum(mixtures, axis=1)
    uniform = rng.random(len(unit))
    topic = np.zeros(len(unit), dtype=np.intp)
    for z in range(words.shape[1] - 1):
        topic += uniform >= cumulated[unit, z]
    drawn, uniform = np.empty(len(unit), dtype=np.intp), rng.random(len(unit))
    for z in range(words.shape[1]):
        steps = np.cumsum(words[:, z])
        of_topic = topic == z
        drawn[of_topic] = np.searchsorted(steps, steps[-1] * uniform[of_topic], side="right")
    return drawn


@register_problem("documents")
def documents_problem(
    words: int = 300,
    topics: int = 10,
    documents: int = 1000,
    concentration: float = 1.0,
    spread: float = 1.5,
    zipf: float = 1.0,
    pairs: int = 1_000_000,
    symmetric: bool = True,
    sampling: str = "multinomial",
    seed: int = 0,
    draw_seed: int | None = None,
) -> Problem:
    """Pairs in documents, each with topic mixture θ of its own: given θ, centre and context are drawn from A θ and B θ.

    Over all documents P = A E[θθᵀ] Bᵀ exactly, and N · P are the expected counts; but counts vary more than multinomial
    ones, as the pairs of a document are not independent. `Problem.units` has the counts of each document.

    Parameters
    ----------
    words : int, default 300
    topics : int, default 10
        Columns of A and B, made as in `topics_problem`.
    documents : int, default 1000
        Units; the pairs fall to them at random, equally likely.
    concentration : float, default 1.0
        Sum of the parameters of θ's symmetric Dirichlet distribution: small for documents of one topic, large for
        documents that are all alike.
    spread : float, default 1.5
        How much topics differ: standard deviation of their logarithm around the words' frequencies.
    zipf : float, default 1.0
        Both marginals are p_i ∝ 1 / i^zipf exactly; 0 makes them uniform.
    pairs : int, default 1 million
        N.
    symmetric : bool, default True
        B = A, so that P is symmetric.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
        The number of pairs is N, or Poisson in each document; or the counts are N · P, without documents.
    seed : int, default 0
        Of the topics.
    draw_seed : int, optional
        Of the mixtures and the counts; the same as `seed` by default.

    Raises
    ------
    InputError
        For a value out of range.

    References
    ----------
    Blei, Ng & Jordan, "Latent Dirichlet Allocation", JMLR 3 (2003).
    """
    words, topics = check_factors(words, check_integer("topics", topics, 2), "topics")
    check_dense((words, words), 2)
    documents = check_integer("documents", documents)
    spread, zipf = check_real("spread", spread, above=True), check_real("zipf", zipf)
    concentration = check_real("concentration", concentration, above=True)
    check_flag("symmetric", symmetric)
    drawing = Drawing("documents", pairs, sampling, seed, draw_seed)
    check_memory("documents", documents, 16.0 * documents * topics, "choose fewer documents")
    if sampling != "population":
        check_memory("pairs", pairs, 8.0 * DRAWN * drawing.pairs, "choose fewer pairs: each is drawn with its topic")
    rng, frequencies, weights = drawing.truth_stream(), zipf_marginal(words, zipf), np.full(topics, 1 / topics)
    A = topic_words(rng, weights, frequencies, spread)
    B = A if symmetric else topic_words(rng, weights, frequencies, spread)
    truth = joint_truth(A @ mixture_moments(concentration, topics) @ B.T)
    margins = f"Zipf {zipf:g}" if zipf else "uniform margins"
    what = f"{words:,} words in {topics} topics, {documents:,} documents, {margins}"
    if sampling == "population":
        return drawing.problem(what, truth)
    draws = drawing.draw_stream()
    shares = np.full(documents, 1 / documents)
    lengths = draws.multinomial(drawing.pairs, shares) if sampling == "multinomial" else draws.poisson(drawing.pairs * shares)
    if not lengths.any():
        raise InputError("pairs", pairs, "no pair was drawn; choose more pairs, or sampling=multinomial")
    units = draw_documents(draws, A, B, concentration, lengths)
    return Problem(units.pooled((words, words)), drawing.title(what), truth, units=units)
