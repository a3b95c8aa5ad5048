"""Nearest neighbours of words, and of sums and differences of words."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.words.questions import Question, Subjects, check_list, register_question, rows_together
from sgns_pmi.compare.words.vectors import WordVectors, unknown_word
from sgns_pmi.errors import InputError, check_choice, check_integer
from sgns_pmi.lazily import pd

log = logging.getLogger("sgns_pmi")
Array = NDArray[np.floating[Any]]
NEIGHBOUR_COLUMNS = ["word", "rank", "neighbour", "similarity"]
RULES = ("3CosAdd", "3CosMul")
EPSILON = 1e-3
"""Keeps 3CosMul from dividing by zero (Levy & Goldberg, CoNLL 2014, eq. 5)."""
ROUNDING = 1e-7
"""Length of a sum of unit vectors that cancel, in float32."""
SHOWN_NEIGHBOURS = 5
"""Neighbours of a word for which there is room on the console."""
BLOCK_BYTES = 256_000_000
"""Room for the similarities of one block of questions with the whole vocabulary."""


def blocks(count: int, cells: int) -> Iterator[slice]:
    """Slices of `count` questions, each of which takes `cells` numbers, that fit in `BLOCK_BYTES` together."""
    size = max(1, BLOCK_BYTES // (8 * max(cells, 1)))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def largest(scores: Array, count: int) -> NDArray[np.intp]:
    """Positions of the `count` largest scores of each row, descending; of equal ones the first comes first."""
    count = min(count, scores.shape[1])
    # Everything that ties with the last of them takes part, or which one is kept would depend on the sorting algorithm.
    bar = np.partition(scores, -count, axis=1)[:, -count]
    chosen = []
    for row, least in zip(scores, bar, strict=True):
        candidates = np.flatnonzero(row >= least)
        chosen.append(candidates[np.argsort(-row[candidates], kind="stable")[:count]])
    return np.array(chosen, dtype=np.intp)


def neighbours(vectors: WordVectors, words: Sequence[str], count: int = 10, restrict: int | None = None) -> pd.DataFrame:
    """The words most similar to each of the given ones, which is itself left out, as are words whose vector is zero.

    Parameters
    ----------
    vectors : WordVectors
    words : sequence of str
        In any case: a word that is not known as spelled is looked up in another case, and an unknown one is composed of its
        n-grams where the vectors have such.
    count : int, default 10
        Neighbours of each word; fewer where the vocabulary is smaller.
    restrict : int, optional
        Only the so many most frequent words can be neighbours (gensim's restrict_vocab).

    Returns
    -------
    DataFrame
        Columns word, rank (from 1), neighbour, similarity: the cosine, if rows are normalised.

    Raises
    ------
    InputError
        For an unknown word, with the closest known ones, a word whose vector is zero, or a count or restriction below 1.
    """
    count, words = check_integer("count", count), _texts(words)
    restrict, vectors = min(check_restrict(restrict) or len(vectors), len(vectors)), vectors.with_composed(words)
    positions = np.array([vectors.position(word) for word in words], dtype=np.intp)
    rows: list[tuple[str, int, str, float]] = []
    for word, (scores, order) in zip(words, nearest(vectors, positions, count, restrict), strict=True):
        rows += _ranked(vectors, word, scores, order)
    return pd.DataFrame(rows, columns=NEIGHBOUR_COLUMNS)


def nearest(
    vectors: WordVectors, positions: NDArray[np.intp], count: int, restrict: int | None = None
) -> Iterator[tuple[Array, NDArray[np.intp]]]:
    """Of each word its similarities to all others, and where the largest are, descending.

    They are −∞ to itself and to words of zeros, and from these to all.
    """
    for block in blocks(len(positions), len(vectors)):
        asked = positions[block]
        scores = vectors.similarities(asked, restrict)
        inside = np.flatnonzero(asked < scores.shape[1])
        scores[inside, asked[inside]] = -np.inf
        scores[:, ~vectors.directed[:restrict]] = scores[~vectors.directed[asked]] = -np.inf
        yield from zip(scores, largest(scores, count), strict=True)


def arithmetic(
    vectors: WordVectors,
    positive: Sequence[str],
    negative: Sequence[str] = (),
    count: int = 10,
    rule: str = "3CosAdd",
    restrict: int | None = None,
) -> pd.DataFrame:
    """The words closest to a sum and difference of words, as king − man + woman; those words are left out.

    Parameters
    ----------
    vectors : WordVectors
    positive, negative : sequence of str
        Words added and subtracted; at least one is added.
    count : int, default 10
    rule : {"3CosAdd", "3CosMul"}, default "3CosAdd"
        The cosine with the sum of the unit vectors, or the quotient of products of similarities; see `offset_scores`.
    restrict : int, optional
        As in `neighbours`.

    Returns
    -------
    DataFrame
        Columns word (the question), rank, neighbour, similarity (under 3CosMul its score).

    Raises
    ------
    InputError
        As `neighbours`; and for a question that adds no word or whose sum is zero, or an unknown rule.
    """
    count, positive, negative = check_integer("count", count), _texts(positive), _texts(negative)
    check_choice("rule", rule, rules(vectors.normalize))
    if not positive:
        raise InputError("question", " ".join(f"- {word}" for word in negative), "must add at least one word")
    question = " + ".join(positive) + "".join(f" - {word}" for word in negative)
    restrict = min(check_restrict(restrict) or len(vectors), len(vectors))
    vectors = vectors.with_composed((*positive, *negative))
    plus, minus = (np.array([vectors.position(word) for word in words], dtype=np.intp) for words in (positive, negative))
    added, subtracted = vectors.similarities(plus, restrict), vectors.similarities(minus, restrict)
    scores = offset_scores(added, subtracted, rule)
    if rule == "3CosAdd":
        # The sum of cosines, over the length of the sum of unit vectors, is the cosine with that sum.
        total = vectors.unit[plus].sum(axis=0) - vectors.unit[minus].sum(axis=0)
        length = np.sqrt((total**2).sum())
        if length < ROUNDING * len(plus):
            raise InputError("question", question, "is zero here, which has no neighbours")
        scores = scores / length
    own = np.concatenate((plus, minus))
    scores[own[own < len(scores)]] = -np.inf
    scores[~vectors.directed[:restrict]] = -np.inf
    return pd.DataFrame(_ranked(vectors, question, scores, largest(scores[None], count)[0]), columns=NEIGHBOUR_COLUMNS)


def offset_scores(positive: Array, negative: Array, rule: str) -> Array:
    """Score of every word against words that are added and subtracted.

    Parameters
    ----------
    positive, negative : ndarray, (added, ..., words) and (subtracted, ..., words)
        Similarities of each word added, or subtracted, with every word.
    rule : {"3CosAdd", "3CosMul"}
        3CosAdd: Σ cos(x, p) − Σ cos(x, n) (Levy & Goldberg, CoNLL 2014, eq. 3); 3CosMul: Π s(x, p) / (Π s(x, n) + ε)
        with s = (1 + cos)/2, not negative, and ε = 0.001 (eq. 5).

    Returns
    -------
    ndarray, (..., words)
    """
    if rule == "3CosAdd":
        return np.asarray(positive.sum(axis=0) - negative.sum(axis=0))
    return np.asarray(((1 + positive) / 2).prod(axis=0) / (((1 + negative) / 2).prod(axis=0) + EPSILON))


def check_restrict(restrict: int | None) -> int | None:
    """Return `restrict`, or raise `InputError` unless it is None or a whole number above 0."""
    return None if restrict is None else check_integer("restrict", restrict)


def _texts(words: object) -> list[str]:
    """One word, or a list of words, as a list; an `InputError` for what is no word."""
    given: list[Any] = [words] if isinstance(words, str) or not isinstance(words, Iterable) else list(words)
    for word in given:
        if not isinstance(word, str):
            raise InputError("word", word, "must be text")
    return given


def rules(normalize: str) -> tuple[str, ...]:
    """The rules that fit a normalisation: 3CosMul takes similarities that are cosines."""
    return RULES if normalize in ("row", "both") else RULES[:1]


def _ranked(vectors: WordVectors, word: str, scores: Array, order: NDArray[np.intp]) -> list[tuple[str, int, str, float]]:
    kept = [position for position in order if scores[position] > -np.inf]
    return [(word, rank, vectors.words[at], float(scores[at])) for rank, at in enumerate(kept, start=1)]


@register_question
@dataclass(frozen=True)
class NeighbourQuestion(Question):
    """Words whose neighbours are wanted, and how many of them: the keys ``eval.words`` and ``eval.neighbours``."""

    words: Sequence[str] = ()
    neighbours: int = 10
    name = "neighbours"
    file = "neighbours"
    place = 40

    def read(self) -> Sequence[str]:
        """The words."""
        check_list("words", self.words)
        check_integer("neighbours", self.neighbours)
        return self.words

    def check_words(self, words: Sequence[str], composed: bool) -> None:
        """Raise `InputError` for a word that the counts do not have, unless a method is to compose it."""
        known = {word.upper() for word in words}
        for word in self.words:
            if word.upper() not in known and not composed:
                raise InputError("words", word, unknown_word(word, words).remedy)

    def ask(self, asked: Sequence[str], subjects: Subjects) -> pd.DataFrame:
        """Columns method, word, rank, neighbour, similarity; a word is asked of the methods that know or compose it.

        Raises
        ------
        InputError
            For a word that no method knows.
        """
        # A zero vector is no reason to stop: other words, and other methods, have answers.
        zero = {word for word in asked if all(word not in own and own.has_zero(word) for own in subjects.vectors.values())}
        for word in zero:
            log.warning("%s: every method has a zero vector for it, which has no neighbours", word)
        asked = [word for word in asked if word not in zero]
        known = {word for word in asked if any(word in own for own in subjects.vectors.values())}
        return rows_together(
            [
                neighbours(
                    own, [word for word in asked if word in own or word not in known], self.neighbours, subjects.restrict
                ).assign(method=method)
                for method, own in subjects.vectors.items()
            ]
        )[["method", *NEIGHBOUR_COLUMNS]]

    @classmethod
    def overview(cls, rows: pd.DataFrame) -> pd.DataFrame:
        """The first neighbours of each word, by method."""
        first = rows[rows["rank"] <= SHOWN_NEIGHBOURS]
        table = first.groupby(["word", "method"], sort=False)["neighbour"].agg(", ".join).to_frame("nearest")
        return table.reset_index("method")


__all__ = [
    "RULES",
    "NeighbourQuestion",
    "arithmetic",
    "blocks",
    "check_restrict",
    "largest",
    "neighbours",
    "offset_scores",
    "rules",
]
