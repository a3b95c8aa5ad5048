"""Word similarity: do cosines order word pairs as people do?"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.recovery import rank_correlation
from sgns_pmi.compare.words.neighbours import check_restrict
from sgns_pmi.compare.words.question_files import SUFFIXES, question_files, question_lines
from sgns_pmi.compare.words.questions import WHOLE, Question, Subjects, check_list, register_question, rows_together, set_headline
from sgns_pmi.compare.words.vectors import WordVectors
from sgns_pmi.errors import InputError
from sgns_pmi.lazily import pd
from sgns_pmi.problems.tables import Table, ending, existing, is_number, read_table, row_names, to_numbers

SCORE = re.compile("score|mean|rating|similarity|human|simlex", re.IGNORECASE)
"""What headings call people's judgements of similarity."""


class WordPair(NamedTuple):
    """Two words, and how similar people find them."""

    first: str
    second: str
    score: float


def read_similarity(path: str | Path) -> list[WordPair]:
    """Word pairs from a file: two words and a score a line, separated by tabs or else by spaces; or a .csv table.

    Further columns are passed over, as are blank lines and comments: lines that begin with # and a blank, or that begin with #
    and are no pair (#metoo is a word).

    Of a .csv table, with or without headings, the words are the first two columns of text that have headings, and the score, in
    whatever place, is its one column of numbers or the one whose heading says score, mean, rating, similarity, human or SimLex.

    Raises
    ------
    InputError
        For a file that is missing or not UTF-8, has no pair, or a line without two words and a finite score; names the line. For
        a table in which several columns may be the score.
    """
    if ending(Path(path)) == ".csv":
        return _table_pairs(read_table(existing("path", path)))
    pairs = []
    for number, line in question_lines(path):
        fields = [field.strip() for field in line.split("\t")] if "\t" in line else line.split()
        first, second, *others = fields if len(fields) > 2 else ("", "", "")
        score = _number(others[0])
        if not (first and second and math.isfinite(score)):
            if line.startswith("#"):
                continue
            place = f"in line {number} of {path}"
            remedy = f"must be two words and a number, {place}, separated by tabs or spaces; headings begin with #"
            raise InputError("pair", line, remedy)
        if math.isfinite(_number(first) + _number(second)) and any(math.isnan(_number(other)) for other in others if other):
            remedy = f"has its words after its numbers, in line {number} of {path}; put two words first, then the score"
            raise InputError("pair", line, remedy)
        pairs.append(WordPair(first, second, score))
    if not pairs:
        raise InputError("path", path, "the file has no questions")
    return pairs


def _table_pairs(table: Table) -> list[WordPair]:
    """The pairs of a table, whose columns its headings and contents tell."""
    headed = not any(map(is_number, table.first))
    rows = table.rows if headed else table.with_first()
    places = range(0 if row_names(table) is None else 1, len(table.first))
    numbers = {place: values for place in places if np.isfinite(values := to_numbers(rows[place], table.separator)).all()}
    words = [place for place in places if place not in numbers][:2]
    scores = [place for place in numbers if headed and SCORE.search(table.first[place])] or [*numbers]
    if len(words) < 2 or len(scores) != 1 or rows.empty:
        named = ", ".join(table.first[place] for place in (scores if len(words) == 2 else words)) or "none"
        wanted = ("one column of numbers", "score") if len(words) == 2 else ("two columns of words", "word1 and word2")
        raise InputError("path", table.file, f"must have {wanted[0]}, headed {wanted[1]}, and has: {named}")
    for place in words:
        if (missing := rows[place].str.strip() == "").any():
            raise InputError("pair", "", f"a word is missing, in line {rows.index[missing][0]} of {table.file}")
    first, second = (rows[place].str.strip() for place in words)
    return [WordPair(*pair) for pair in zip(first, second, numbers[scores[0]].tolist(), strict=True)]


def _number(text: str) -> float:
    """The number that a text is; NaN where it is none, as 1_000 and 7,5."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def similarity(vectors: WordVectors, pairs: Sequence[WordPair] | str | Path, restrict: int | None = None) -> pd.DataFrame:
    """Rank correlation of the vectors' similarities with people's scores.

    A pair with an unknown word, or one whose vector is zero, is left out and counted, unless the vectors compose unknown
    words of n-grams. Words are
    matched in their most frequent spelling, whatever the case, as gensim's ``evaluate_word_pairs`` does.

    Parameters
    ----------
    vectors : WordVectors
    pairs : sequence of WordPair, or a path for `read_similarity`
    restrict : int, optional
        Only the so many most frequent words are known (gensim's restrict_vocab), and none is composed.

    Returns
    -------
    DataFrame
        Columns metric, value: pairs, covered, coverage (their quotient), composed (covered pairs that have a composed word,
        where words can be composed), out_of_vocabulary, and spearman: no row where it is
        undefined, for fewer than two covered pairs or a constant.

    Raises
    ------
    InputError
        As `read_similarity`.
    """
    restrict = check_restrict(restrict)
    if isinstance(pairs, str | Path):
        pairs = read_similarity(pairs)
    vocabulary, can_compose = len(vectors), vectors.subwords is not None
    if restrict is None:
        vectors = vectors.with_composed(word for pair in pairs for word in pair[:2])
    known = len(vectors) if restrict is None else min(restrict, len(vectors))
    positions = np.array(
        [[vectors.cases.get(word.upper(), len(vectors)) for word in pair[:2]] for pair in pairs], dtype=np.intp
    ).reshape(-1, 2)
    covered = (positions < known).all(axis=1)
    first, second = positions[covered].T
    scores = np.array([pair.score for pair in pairs])[covered]
    rows = [
        ("pairs", len(pairs)),
        ("covered", int(covered.sum())),
        ("coverage", covered.mean() if len(pairs) else 0.0),
        ("out_of_vocabulary", int((~covered).sum())),
    ]
    if can_compose:
        rows.append(("composed", int((positions[covered] >= vocabulary).any(axis=1).sum())))
    cosines: NDArray[np.float64] = np.asarray((vectors.unit[first] * vectors.unit[second]).sum(axis=1), dtype=np.float64)
    if len(scores) > 1 and np.ptp(scores) > 0 and np.ptp(cosines) > 0:
        rows.append(("spearman", rank_correlation(scores, cosines)))
    return pd.DataFrame([(metric, float(value)) for metric, value in rows], columns=["metric", "value"])


@register_question
@dataclass(frozen=True)
class SimilarityQuestion(Question):
    """Files of word pairs, or folders of such (.txt, .tsv, .csv): the key ``eval.similarity``."""

    similarity: Sequence[str] = ()
    name = "similarity"
    place = 10

    def read(self) -> dict[str, list[WordPair]]:
        """The word pairs of each set, by its name."""
        check_list("similarity", self.similarity)
        return {
            name: read_similarity(file)
            for name, file in question_files("similarity", self.similarity, (*SUFFIXES, ".csv")).items()
        }

    def ask(self, asked: Mapping[str, Sequence[WordPair]], subjects: Subjects) -> pd.DataFrame:
        """The metrics of `similarity`, of each set and method; the only section is "all"."""
        return rows_together(
            [
                similarity(own, pairs, subjects.restrict).assign(method=method, set=name, section=WHOLE)
                for method, own in subjects.vectors.items()
                for name, pairs in asked.items()
            ]
        )

    @classmethod
    def headline(cls, rows: pd.DataFrame) -> pd.DataFrame:
        """Spearman's correlation of each set."""
        return set_headline(rows, ["spearman"], "covered", "pairs")


__all__ = ["SimilarityQuestion", "WordPair", "read_similarity", "similarity"]
