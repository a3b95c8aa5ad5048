"""Words as sets of binary attributes: PMI is a sum of one-attribute terms, and analogies hold exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_integer, check_share
from sgns_pmi.files import atomic_path
from sgns_pmi.problems.drawing import Drawing
from sgns_pmi.problems.problem import Analogy, Problem, Truth, register_problem

Float = NDArray[np.float64]
MOST_ATTRIBUTES = 14
QUESTIONS = 500
"""Analogies asked of each attribute, at most."""


def attributes_truth(presence: Float, correlation: Float) -> Truth:
    """P = P₁ ⊗ P₂ ⊗ ...: the attributes of the two words of a pair are drawn independently of one another.

    Attribute k is present in either word with probability π_k, and the two words' indicators have correlation ρ_k. With
    L the 2 x 2 PMI of one attribute and x, y ∈ {0, 1} the indicators, L_xy = L₀₀ + (L₀₁ − L₀₀)(x + y) + (L₁₁ − 2 L₀₁ +
    L₀₀) x y, so that the sum over attributes has the factors [1, x] and rank attributes + 1. Word i's attributes are the
    binary digits of i, the first attribute the leading one.

    Parameters
    ----------
    presence, correlation : ndarray, (attributes,)
        π and ρ, between 0 and 1.

    References
    ----------
    Korchinski, Karkada, Bahri & Wyart, "On the Emergence of Linear Analogies in Word Embeddings", NeurIPS 2025.
    """
    present = indicators(len(presence))
    none, both = np.log1p(correlation * presence / (1 - presence)), np.log1p(correlation * (1 - presence) / presence)
    one = np.log1p(-correlation)
    core = np.diag(np.append(none.sum(), both - 2 * one + none))
    core[0, 1:] = core[1:, 0] = one - none
    right = np.column_stack([np.ones(len(present)), present])
    p = np.exp(present @ np.log(presence) + (1 - present) @ np.log1p(-presence))
    return Truth(p, p, right @ core, right)


def indicators(attributes: int) -> Float:
    """Which attributes each word has, 0 or 1, (2^attributes, attributes)."""
    words = np.arange(2**attributes)[:, None]
    return (words >> np.arange(attributes)[::-1] & 1).astype(np.float64)


def attribute_names(attributes: int) -> list[str]:
    """A letter for each attribute that is present, in its place: ``a_c`` has the first and the third of three."""
    letters = ascii_lowercase[:attributes]
    return ["".join(c if has else "_" for c, has in zip(letters, word, strict=True)) for word in indicators(attributes)]


def attribute_questions(attributes: int, rng: np.random.Generator, most: int = QUESTIONS) -> tuple[Analogy, ...]:
    """For each attribute, pairs of words that differ in it alone: a is to a with it as c is to c with it.

    With the PMI's rows as vectors b − a + c is exactly the expected word, whatever the attributes.
    """
    names = attribute_names(attributes)
    questions = []
    for k in range(attributes):
        bit = 1 << (attributes - 1 - k)
        without = [word for word in range(len(names)) if not word & bit]
        pairs = len(without) * (len(without) - 1)
        for drawn in np.sort(rng.choice(pairs, min(most, pairs), replace=False)):
            first, rest = divmod(int(drawn), len(without) - 1)
            a, c = without[first], without[rest + (rest >= first)]
            questions.append(Analogy(f"attribute {ascii_lowercase[k]}", names[a], names[a | bit], names[c], names[c | bit]))
    return tuple(questions)


@register_problem("attributes")
def attributes_problem(
    attributes: int = 7,
    correlation: float = 0.6,
    presence: float = 0.5,
    pairs: int = 1_000_000,
    zipf: float | None = None,
    permute: bool = False,
    sampling: str = "multinomial",
    seed: int = 0,
    draw_seed: int | None = None,
) -> Problem:
    """2^attributes words, one for each set of binary attributes; P is a Kronecker product over the attributes.

    PMI has rank attributes + 1 and exact analogies, which `Problem.questions` asks; see `attributes_truth`.

    Parameters
    ----------
    attributes : int, default 7
        From 2 to 14: 7 make 128 words.
    correlation : float, default 0.6
        Above 0 and below 1: that between the two words of a pair in their strongest attribute; the others' are uniform
        between half of it and itself.
    presence : float, default 0.5
        Probability of each attribute, above 0 and below 1.
    pairs : int, default 1 million
        N.
    zipf : float, optional
        Both marginals are p_i ∝ 1 / i^zipf in place of the products of attributes' probabilities. Rows of the PMI then
        differ by constants too, rank is 2 more at most, and analogies are exact but for these constants.
    permute : bool, default False
        Words in random order, rather than by the binary number of their attributes.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
    seed : int, default 0
        Of the correlations, the order and the questions.
    draw_seed : int, optional
        Of the counts; the same as `seed` by default.

    Raises
    ------
    InputError
        For a value out of range.
    """
    attributes = check_integer("attributes", attributes, 2)
    if attributes > MOST_ATTRIBUTES:
        raise InputError("attributes", attributes, f"must be at most {MOST_ATTRIBUTES}, which make {2**MOST_ATTRIBUTES:,} words")
    correlation, presence = check_share("correlation", correlation), check_share("presence", presence)
    drawing = Drawing("attributes", pairs, sampling, seed, draw_seed, zipf, permute)
    strengths = correlation * drawing.truth_stream().uniform(0.5, 1, attributes)
    strengths[0] = correlation
    truth = attributes_truth(np.full(attributes, presence), strengths)
    problem = drawing.problem(f"{2**attributes:,} words of {attributes} binary attributes", truth, attribute_names(attributes))
    return replace(problem, questions=attribute_questions(attributes, drawing.truth_stream("questions")))


def write_questions(questions: Sequence[Analogy], path: str | Path) -> None:
    """Write analogies in the form of Mikolov's questions-words.txt, which ``eval.analogies=[FILE]`` reads."""
    lines, section = [], None
    for question in questions:
        if question.section != section:
            section = question.section
            lines.append(f": {section}")
        lines.append(" ".join(question[1:]))
    with atomic_path(path) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
