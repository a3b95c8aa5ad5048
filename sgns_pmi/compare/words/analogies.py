"""Analogies: a is to b as c is to which word?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.words.neighbours import blocks, check_restrict, offset_scores, rules
from sgns_pmi.compare.words.question_files import question_files, question_lines
from sgns_pmi.compare.words.questions import WHOLE, Question, Subjects, check_list, register_question, rows_together, set_headline
from sgns_pmi.compare.words.vectors import WordVectors
from sgns_pmi.errors import InputError
from sgns_pmi.lazily import pd
from sgns_pmi.problems.problem import Analogy


def read_analogies(path: str | Path) -> list[Analogy]:
    """Analogies from a file in the form of Mikolov's questions-words.txt.

    Four words a line, separated by spaces or tabs; a line ``: name`` begins a section (questions above the first are of a
    section named as the file). Blank lines and comments are passed over: lines that begin with # and a blank, or that begin with
    # and are no question (#metoo is a word).

    Raises
    ------
    InputError
        For a file that is missing or not UTF-8, has no question, or a line that is neither; names the line.
    """
    section, found = Path(path).stem, []
    for number, line in question_lines(path):
        if line.startswith(":"):
            section = line[1:].strip()
            if section in ("", WHOLE):
                raise InputError("section", section, f"needs another name, in line {number} of {path}")
            continue
        words = line.split()
        if len(words) != 4 and line.startswith("#"):
            continue
        if len(words) != 4:
            raise InputError("analogy", line, f"has {len(words)} words and must have four, in line {number} of {path}")
        found.append(Analogy(section, *words))
    if not found:
        raise InputError("path", path, "the file has no questions")
    return found


def analogies(vectors: WordVectors, questions: Sequence[Analogy] | str | Path, restrict: int | None = None) -> pd.DataFrame:
    """Share of analogies that word vectors answer, section by section, by 3CosAdd and 3CosMul.

    The answer is the word with the highest score of all but the question's own three, in any case. A question with an
    unknown word, or one whose vector is zero, or in a vocabulary that has no word but its own three, is not asked but
    counted; accuracy is the share of those asked. Words are matched in their most frequent
    spelling, whatever the case, as gensim's ``evaluate_word_analogies`` does.

    Parameters
    ----------
    vectors : WordVectors
    questions : sequence of Analogy, or a path for `read_analogies`
    restrict : int, optional
        Only the so many most frequent words are known (gensim's restrict_vocab).

    Returns
    -------
    DataFrame
        Columns section, metric, value; the last section is "all". Metrics: questions, asked, out_of_vocabulary, and
        correct_3cosadd, accuracy_3cosadd, correct_3cosmul, accuracy_3cosmul: no accuracy where none was asked, no 3CosMul
        where rows are not normalised.

    Raises
    ------
    InputError
        As `read_analogies`.

    References
    ----------
    Mikolov, Yih & Zweig, "Linguistic Regularities in Continuous Space Word Representations", NAACL 2013.
    Levy & Goldberg, "Linguistic Regularities in Sparse and Explicit Word Representations", CoNLL 2014, eqs. 3 and 5.
    """
    restrict = check_restrict(restrict)
    if isinstance(questions, str | Path):
        questions = read_analogies(questions)
    known = len(vectors) if restrict is None else min(restrict, len(vectors))
    unknown = len(vectors)
    positions = np.array(
        [[vectors.cases.get(word.upper(), unknown) for word in question[1:]] for question in questions], dtype=np.intp
    ).reshape(-1, 4)
    # With a vocabulary of the question's own words there is no answer, right or wrong.
    spellings = sum(position < known for position in vectors.cases.values())
    own = np.array([len(set(question)) for question in positions[:, :3].tolist()], dtype=np.intp)
    asked = (positions < known).all(axis=1) & (own < spellings)
    answered = pd.DataFrame({"section": [question.section for question in questions], "asked": asked})
    for rule, right in _correct(vectors, positions[asked], known).items():
        answered[rule.lower()] = False
        answered.loc[asked, rule.lower()] = right
    # Sections stand in the order of the file.
    parts = [(name, part) for name, part in answered.groupby("section", sort=False)]
    rows = [(name, *row) for name, part in [*parts, (WHOLE, answered)] for row in _tally(part)]
    return pd.DataFrame(rows, columns=["section", "metric", "value"])


def _tally(part: pd.DataFrame) -> list[tuple[str, float]]:
    asked = int(part["asked"].sum())
    rows: list[tuple[str, float]] = [("questions", len(part)), ("asked", asked), ("out_of_vocabulary", len(part) - asked)]
    for rule in part.columns[2:]:
        correct = int(part[rule].sum())
        rows.append((f"correct_{rule}", correct))
        if asked:
            rows.append((f"accuracy_{rule}", correct / asked))
    return rows


def _correct(vectors: WordVectors, positions: NDArray[np.intp], known: int) -> dict[str, NDArray[np.bool_]]:
    """Whether each question (a, b, c, expected) is answered rightly, by each rule."""
    # −1: a zero vector, which is no answer.
    spelling = np.array([vectors.cases.get(word.upper(), -1) for word in vectors.words[:known]], dtype=np.intp)
    zero = ~vectors.directed[:known]
    right = {rule: np.zeros(len(positions), dtype=bool) for rule in rules(vectors.normalize)}
    for block in blocks(len(positions), 4 * known):
        # A word of several questions of a block is compared with the vocabulary once.
        words, places = np.unique(positions[block, :3], return_inverse=True)
        a, b, c = places.reshape(-1, 3).T
        similarity = vectors.similarities(words, known)
        spellings = [np.flatnonzero(spelling == word) for word in words]
        # One question at a time, whose few rows stay in the processor's cache: several times as fast as whole blocks.
        for number, question in enumerate(zip(a, b, c, strict=True), start=block.start):
            own = np.concatenate([spellings[word] for word in question])
            for rule, results in right.items():
                scores = offset_scores(similarity[list(question[1:])], similarity[[question[0]]], rule)
                scores[own] = -np.inf
                scores[zero] = -np.inf
                results[number] = spelling[scores.argmax()] == positions[number, 3]
    return right


@register_question
@dataclass(frozen=True)
class AnalogyQuestion(Question):
    """Files of analogies, or folders of such (.txt, .tsv): the key ``eval.analogies``."""

    analogies: Sequence[str] = ()
    name = "analogy"
    place = 20

    def read(self) -> dict[str, list[Analogy]]:
        """The analogies of each set, by its name."""
        check_list("analogies", self.analogies)
        return {name: read_analogies(file) for name, file in question_files("analogies", self.analogies).items()}

    def ask(self, asked: Mapping[str, Sequence[Analogy]], subjects: Subjects) -> pd.DataFrame:
        """The metrics of `analogies`, of each set, section and method."""
        return rows_together(
            [
                analogies(own, questions, subjects.restrict).assign(method=method, set=name)
                for method, own in subjects.vectors.items()
                for name, questions in asked.items()
            ]
        )

    @classmethod
    def headline(cls, rows: pd.DataFrame) -> pd.DataFrame:
        """The accuracy of each set over all sections, by 3CosAdd and by 3CosMul."""
        return set_headline(rows, ["accuracy_3cosadd", "accuracy_3cosmul"], "asked", "questions")


__all__ = ["Analogy", "AnalogyQuestion", "analogies", "read_analogies"]
