"""A real text's own distribution, smoothed and taken as the truth, and counts drawn from it anew."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_flag, check_integer, check_share
from sgns_pmi.problems.drawing import Drawing
from sgns_pmi.problems.problem import Problem, Truth, register_problem
from sgns_pmi.problems.text import text_problem
from sgns_pmi.problems.transform import symmetrised

MOST_WORDS = 5000
"""The truth is dense: 5,000 x 5,000 cells are 200 MB."""


def met_words(counts: CooccurrenceCounts) -> CooccurrenceCounts:
    """The counts of the words that are both centre and context, which a word that stands alone in its line is not."""
    met = (counts.row_sums > 0) & (counts.col_sums > 0)
    if met.all() or counts.vocab is None:
        return counts
    names = [name for name, kept in zip(counts.vocab, met, strict=True) if kept]
    # Where contexts are on one side, a word may have met only words that go.
    return met_words(CooccurrenceCounts.from_matrix(counts.matrix[met][:, met], names, names))


def smoothed_truth(counts: CooccurrenceCounts, smoothing: float) -> Truth:
    """P = (1 − λ) n / N + λ r cᵀ / N²: every so many pairs are two independent words; dense.

    The marginals stay those of the counts, and PMI = log((1 − λ) exp(empirical PMI) + λ): log λ where nothing was seen.
    """
    p, q = counts.row_sums / counts.total, counts.col_sums / counts.total
    ratio = counts.matrix.toarray() / counts.total
    ratio /= p[:, None]
    ratio /= q
    return Truth(p, q, np.log((1 - smoothing) * ratio + smoothing))


def with_options_of(other: Callable[..., Problem]) -> Callable[[Callable[..., Problem]], Callable[..., Problem]]:
    """Show the parameters of `other`, which a function takes as keywords, in its signature, so that they are known keys."""

    def show(build: Callable[..., Problem]) -> Callable[..., Problem]:
        own = [value for value in inspect.signature(build).parameters.values() if value.kind is not value.VAR_KEYWORD]
        names = {value.name for value in own}
        more = [value for name, value in inspect.signature(other).parameters.items() if name not in names]
        vars(build)["__signature__"] = inspect.Signature([*own, *more])
        return build

    return show


@register_problem("corpus")
@with_options_of(text_problem)
def corpus_problem(
    smoothing: float = 0.1,
    pairs: int = 1_000_000,
    max_size: int = 2000,
    symmetric: bool = False,
    zipf: float | None = None,
    permute: bool = False,
    sampling: str = "multinomial",
    seed: int = 0,
    draw_seed: int | None = None,
    **counting: Any,
) -> Problem:
    """Counts drawn from the co-occurrences of a text, which smoothing with independence makes a truth without zeros.

    A truth as texts have it, with its frequencies, clusters and heavy cells; see `smoothed_truth`. Its pairs are drawn
    independently, which those of a text are not.

    Parameters
    ----------
    smoothing : float, default 0.1
        λ, above 0 and below 1.
    pairs : int, default 1 million
        N.
    max_size : int, default 2000
        The most frequent words that are kept, at most 5,000: the truth is dense.
    symmetric : bool, default False
        (P + Pᵀ) / 2 in place of P, for windows on one side.
    zipf : float, optional
        Both marginals are p_i ∝ 1 / i^zipf in place of the text's.
    permute : bool, default False
        Words in random order, rather than by frequency.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
    seed : int, default 0
        Of the counting, where it draws, and of the order.
    draw_seed : int, optional
        Of the counts; the same as `seed` by default.
    **counting
        `path` and all other options of `text_problem`.

    Raises
    ------
    InputError
        For a value out of range, and as `text_problem`.
    """
    smoothing = check_share("smoothing", smoothing)
    check_flag("symmetric", symmetric)
    drawing = Drawing("corpus", pairs, sampling, seed, draw_seed, zipf, permute)
    max_size = check_integer("max_size", max_size, 2)
    if max_size > MOST_WORDS:
        raise InputError("max_size", max_size, f"must be at most {MOST_WORDS}, as the truth is dense")
    text = text_problem(max_size=max_size, seed=seed, **counting)
    counts = met_words(text.counts)
    truth = smoothed_truth(counts, smoothing)
    what = f"{text.title} in the text, smoothed by {smoothing:g}"
    return drawing.problem(what, symmetrised(truth) if symmetric else truth, counts.vocab)
