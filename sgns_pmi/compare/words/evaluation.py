"""What a run asks the word vectors of its methods, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from sgns_pmi.compare.words.analogies import Analogy, analogies, read_analogies
from sgns_pmi.compare.words.neighbours import check_restrict, neighbours
from sgns_pmi.compare.words.questions import question_files
from sgns_pmi.compare.words.sentiment import Documents, read_documents, sentiment
from sgns_pmi.compare.words.similarity import WordPair, read_similarity, similarity
from sgns_pmi.compare.words.vectors import (
    KINDS,
    NORMALIZATIONS,
    WordVectors,
    estimator_vectors,
    has_vectors,
    names_of,
    unknown_word,
)
from sgns_pmi.compare.words.word_map import PROJECTIONS, WordMap, check_projection, word_map
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, check_integer
from sgns_pmi.factorise import Factorisation

COLUMNS = ["method", "task", "set", "section", "metric", "value"]
NEIGHBOUR_COLUMNS = ["method", "word", "rank", "neighbour", "similarity"]
WHOLE = "all"
SENTIMENT = "sentiment"
FEW = 40


@dataclass(frozen=True)
class Evaluation:
    """The questions of a run; field names are the keys of the configuration's group ``eval``.

    Parameters
    ----------
    words : sequence of str
        Whose neighbours are wanted.
    similarity, analogies : sequence of str
        Files of word pairs and of analogies, or folders of such (.txt, .tsv).
    sentiment : sequence of str
        Two or more files of documents, one a class, a document a line.
    vectors : {"V", "U", "V+U", "mean"}, default "V"
        Which vectors answer; a method without context vectors answers with V.
    normalize : {"row", "column", "both", "none"}, default "row"
        As in `WordVectors`.
    restrict : int, optional
        Only the so many most frequent words are known.
    neighbours : int, default 10
        Neighbours of each word.
    maps : sequence of {"pca", "tsne", "umap"}
        Maps that are drawn where words have names.
    map_words : int, default 150
        The most frequent words that a map shows.
    """

    words: Sequence[str] = ()
    similarity: Sequence[str] = ()
    analogies: Sequence[str] = ()
    sentiment: Sequence[str] = ()
    vectors: str = "V"
    normalize: str = "row"
    restrict: int | None = None
    neighbours: int = 10
    maps: Sequence[str] = ("pca",)
    map_words: int = 150

    def check(self) -> None:
        """Read every file; raise `InputError` for the first setting, file or line that cannot be used."""
        for name in ("words", "similarity", "analogies", "sentiment", "maps"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise InputError(name, value, f"must be a list, as eval.{name}=[...]")
        check_choice("vectors", self.vectors, KINDS)
        check_choice("normalize", self.normalize, NORMALIZATIONS)
        check_restrict(self.restrict)
        check_integer("neighbours", self.neighbours)
        for projection in self.maps:
            check_choice("maps", projection, PROJECTIONS)
            check_projection(projection)
        check_integer("map_words", self.map_words, 2)
        _ = self.pairs, self.questions, self.documents

    def check_counts(self, counts: CooccurrenceCounts, composed: bool = False) -> None:
        """Raise `InputError` for a word that the counts do not have, or vectors that cannot be added over them.

        With `composed` a method is to make centre vectors of unknown words.
        """
        words = names_of(counts.vocab, counts.shape[0])
        contexts = names_of(counts.context_vocab, counts.shape[1])
        if self.vectors in ("V+U", "mean") and words != contexts:
            raise InputError("vectors", self.vectors, "needs the same words as centres and as contexts; choose V or U")
        asked = contexts if self.vectors == "U" else words
        known = {word.upper() for word in asked}
        for word in self.words:
            if word.upper() not in known and not (composed and self.vectors == "V"):
                error = unknown_word(word, asked)
                raise InputError("words", word, error.remedy)

    @cached_property
    def pairs(self) -> dict[str, list[WordPair]]:
        """The similarity sets by name."""
        return {name: read_similarity(file) for name, file in question_files("similarity", self.similarity).items()}

    @cached_property
    def questions(self) -> dict[str, list[Analogy]]:
        """The analogy sets by name."""
        return {name: read_analogies(file) for name, file in question_files("analogies", self.analogies).items()}

    @cached_property
    def documents(self) -> Documents | None:
        """The documents whose classes are to be told apart, if there are any."""
        return read_documents(self.sentiment) if self.sentiment else None


def method_vectors(
    fitted: Mapping[str, Factorisation], counts: CooccurrenceCounts, evaluation: Evaluation
) -> dict[str, WordVectors]:
    """The word vectors of each method that has any, of the kind asked for: V for a method without context vectors."""
    return {
        method: estimator_vectors(
            estimator, counts, evaluation.vectors if hasattr(estimator, "U_") else "V", evaluation.normalize
        )
        for method, estimator in fitted.items()
        if has_vectors(estimator)
    }


def method_maps(
    fitted: Mapping[str, Factorisation], counts: CooccurrenceCounts, evaluation: Evaluation, seed: int
) -> dict[tuple[str, str], WordMap]:
    """The maps of each method's words, by method and projection; none where words have no names, or only one.

    Of at most `FEW` words V, U and their mean are shown side by side, where all three have them; and vectors of two
    dimensions as they are ("plane"), in place of PCA.
    """
    if counts.vocab is None or len(counts.vocab) < 2:
        return {}
    maps = {}
    few = len(counts.vocab) <= FEW and counts.vocab == counts.context_vocab
    for method, own in method_vectors(fitted, counts, evaluation).items():
        kinds = {evaluation.vectors: own}
        if few and hasattr(fitted[method], "U_"):
            kinds = {kind: estimator_vectors(fitted[method], counts, kind, evaluation.normalize) for kind in ("V", "U", "mean")}
        for projection in evaluation.maps:
            flat = projection == "pca" and own.matrix.shape[1] == 2
            maps[method, "plane" if flat else projection] = word_map(
                kinds, evaluation.map_words, "plane" if flat else projection, seed
            )
    return maps


class Answers(NamedTuple):
    """What the methods of a run answered, as tidy frames."""

    evaluation: pd.DataFrame
    neighbours: pd.DataFrame


def evaluate(vectors: Mapping[str, WordVectors], evaluation: Evaluation) -> Answers:
    """Ask each method's word vectors everything.

    Parameters
    ----------
    vectors : mapping of method name to WordVectors
    evaluation : Evaluation

    Returns
    -------
    evaluation : DataFrame
        Columns method, task (similarity, analogy, sentiment), set, section, metric, value. Metrics are those of `similarity`,
        whose only section is "all", of `analogies`, and of `sentiment`, with the methods "random" and "tfidf" beside.
    neighbours : DataFrame
        Columns method, word, rank, neighbour, similarity.

    Raises
    ------
    InputError
        For a word of `evaluation.words` that is not in the vocabulary, and that no method composes.
    """
    rows, near = [], []
    composed = {word for word in evaluation.words if any(word in own for own in vectors.values())}
    for method, own in vectors.items():
        for name, pairs in evaluation.pairs.items():
            frame = similarity(own, pairs, evaluation.restrict)
            rows.append(frame.assign(method=method, task="similarity", set=name, section=WHOLE))
        for name, questions in evaluation.questions.items():
            frame = analogies(own, questions, evaluation.restrict)
            rows.append(frame.assign(method=method, task="analogy", set=name))
        if evaluation.words:
            asked = [word for word in evaluation.words if word in own or word not in composed]
            frame = neighbours(own, asked, evaluation.neighbours, evaluation.restrict)
            near.append(frame.assign(method=method))
    if vectors and evaluation.documents is not None:
        frame = sentiment(vectors, evaluation.documents, evaluation.restrict)
        rows.append(frame.assign(task=SENTIMENT, set=evaluation.documents.name))
    return Answers(_together(rows, COLUMNS), _together(near, NEIGHBOUR_COLUMNS))


def _together(frames: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


__all__ = ["Answers", "Evaluation", "evaluate", "method_maps", "method_vectors"]
