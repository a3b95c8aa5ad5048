"""What a run asks the word vectors of its methods; every module here is imported, so that a question is one file."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

from sgns_pmi.compare import words
from sgns_pmi.compare.words.neighbours import check_restrict
from sgns_pmi.compare.words.questions import EVALUATION, EVALUATION_COLUMNS, QUESTIONS, Subjects, keys_of
from sgns_pmi.compare.words.vectors import KINDS, NORMALIZATIONS, WordVectors, estimator_vectors, has_vectors, names_of
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice
from sgns_pmi.factorise import Factorisation
from sgns_pmi.lazily import load_all, pd
from sgns_pmi.problems.problem import Analogy

load_all(words.__name__)

ANALOGY, OWN = "analogy", "problem"
"""The question, and the set, of what a problem asks itself."""

log = logging.getLogger("sgns_pmi")
Answers = Mapping[str, "pd.DataFrame"]
"""Rows of each question that was answered, by its name."""


class Evaluation:
    """The questions of a run; parameters are the keys of the configuration's group ``eval``.

    Parameters
    ----------
    vectors : {"V", "U", "V+U", "mean"}, default "V"
        Which vectors answer; a method without context vectors answers with V.
    normalize : {"row", "column", "both", "none"}, default "row"
        As in `WordVectors`.
    restrict : int, optional
        Only the n most frequent words are known.
    options
        The keys of the questions: words, neighbours, similarity, analogies, sentiment, maps, map_words, and those of
        questions registered elsewhere. See the classes in `QUESTIONS`.
    """

    def __init__(self, vectors: str = "V", normalize: str = "row", restrict: int | None = None, **options: Any) -> None:
        self.vectors, self.normalize, self.restrict = vectors, normalize, restrict
        for key in options:
            check_choice("key", key, self.keys())
        self.questions = {
            name: kind(**{key: options[key] for key in keys_of(kind) if key in options}) for name, kind in QUESTIONS.items()
        }

    @staticmethod
    def keys() -> list[str]:
        """Every key: those of the questions, and those that all share."""
        return [*(key for kind in QUESTIONS.values() for key in keys_of(kind)), "vectors", "normalize", "restrict"]

    @cached_property
    def asked(self) -> dict[str, Any]:
        """What each question asks, read from its files; without those that ask nothing.

        Raises
        ------
        InputError
            For the first option, file or line that cannot be used.
        """
        read = {name: question.read() for name, question in self.questions.items()}
        return {name: asked for name, asked in read.items() if asked}

    def check(self) -> None:
        """Read every file; raise `InputError` for the first setting, file or line that cannot be used."""
        check_choice("vectors", self.vectors, KINDS)
        check_choice("normalize", self.normalize, NORMALIZATIONS)
        check_restrict(self.restrict)
        _ = self.asked

    def check_counts(self, counts: CooccurrenceCounts, composed: bool = False) -> None:
        """Raise `InputError` for a word that the counts do not have, or vectors that cannot be added over them.

        With `composed` a method is to make centre vectors of unknown words.
        """
        centers = names_of(counts.vocab, counts.shape[0])
        contexts = names_of(counts.context_vocab, counts.shape[1])
        if self.vectors in ("V+U", "mean") and centers != contexts:
            raise InputError("vectors", self.vectors, "needs the same words as centres and as contexts; choose V or U")
        for question in self.questions.values():
            question.check_words(contexts if self.vectors == "U" else centers, composed and self.vectors == "V")


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


def evaluate(
    vectors: Mapping[str, WordVectors],
    evaluation: Evaluation,
    *,
    fitted: Mapping[str, Factorisation] | None = None,
    counts: CooccurrenceCounts | None = None,
    seed: int = 0,
    questions: Sequence[Analogy] = (),
) -> Answers:
    """Ask each method's word vectors everything.

    Parameters
    ----------
    vectors : mapping of method name to WordVectors
    evaluation : Evaluation
    fitted : mapping of method name to Factorisation, optional
    counts : CooccurrenceCounts, optional
        The methods and what they were fitted to; without them there are no maps.
    seed : int, default 0
    questions : sequence of Analogy
        Those that the problem itself asks, as a set of that name.

    Returns
    -------
    mapping of question name to DataFrame
        Rows of each question that has any, as its ``ask`` returns them; those of evaluation.csv with a column task, the name.

    Raises
    ------
    InputError
        For a word of ``eval.words`` that is not in the vocabulary, and that no method composes.
    """
    subjects = Subjects(vectors, evaluation.vectors, evaluation.restrict, seed, fitted or {}, counts)
    if any(evaluation.questions[name].file for name in evaluation.asked):
        for method, own in vectors.items():
            if zero := len(own) - int(own.directed.sum()):
                log.info(
                    "%s: %s of %s words have a zero vector, and are unknown to the questions",
                    method,
                    f"{zero:,}",
                    f"{len(own):,}",
                )
    wanted, answers = dict(evaluation.asked), {}
    if questions:
        wanted[ANALOGY] = {**wanted.get(ANALOGY, {}), OWN: questions}
    for name, asked in wanted.items() if vectors else ():
        question = evaluation.questions[name]
        rows = question.ask(asked, subjects)
        if len(rows):
            answers[name] = rows.assign(task=name)[EVALUATION_COLUMNS] if question.file == EVALUATION else rows
    return answers


def answer_tables(answers: Answers) -> dict[str, pd.DataFrame | None]:
    """What each .csv of answers holds, by its name; None for one without rows.

    Neighbouring questions that the same methods answered stand method by method; one with methods of its own, such as
    baselines, stays together.
    """
    files: dict[str, list[pd.DataFrame]] = {kind.file: [] for kind in QUESTIONS.values() if kind.file}
    for name, kind in QUESTIONS.items():
        if kind.file and name in answers:
            files[kind.file].append(answers[name])
    return {file: _by_method(frames) if frames else None for file, frames in files.items()}


def _by_method(frames: list[pd.DataFrame]) -> pd.DataFrame:
    blocks = []
    for methods, group in groupby(frames, lambda frame: tuple(frame["method"].unique())):
        rows = pd.concat(group, ignore_index=True)
        blocks += [rows[rows["method"] == method] for method in methods]
    return pd.concat(blocks, ignore_index=True)


def answers_from(tables: Mapping[str, pd.DataFrame]) -> Answers:
    """The answers that files of `answer_tables` hold, by the name of each question."""
    answers = {}
    for name, kind in QUESTIONS.items():
        if kind.file is not None and kind.file in tables:
            rows = tables[kind.file]
            own = rows[rows["task"] == name] if kind.file == EVALUATION else rows
            if len(own):
                answers[name] = own.reset_index(drop=True)
    return answers


__all__ = ["QUESTIONS", "Answers", "Evaluation", "answer_tables", "answers_from", "evaluate", "method_vectors"]
