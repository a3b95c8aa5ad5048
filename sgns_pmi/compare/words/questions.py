"""What a question to word vectors is, and all that there are; adding one is one file here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from sgns_pmi.compare.words.vectors import WordVectors
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import Factorisation
from sgns_pmi.lazily import pd

EVALUATION = "evaluation"
EVALUATION_COLUMNS = ["method", "task", "set", "section", "metric", "value"]
HEADLINE_COLUMNS = ["set", "metric", "known", "method", "value"]
WHOLE = "all"
"""The section that stands for all sections of a set."""


@dataclass(frozen=True)
class Subjects:
    """The methods that are asked.

    Parameters
    ----------
    vectors : mapping of method name to WordVectors
        Of the kind and normalisation that are asked for.
    kind : {"V", "U", "V+U", "mean"}, default "V"
        That kind.
    restrict : int, optional
        Only the n most frequent words are known.
    seed : int, default 0
    fitted : mapping of method name to Factorisation
    counts : CooccurrenceCounts, optional
        What the methods were fitted to: with `fitted`, for questions that look at other vectors as well.
    """

    vectors: Mapping[str, WordVectors]
    kind: str = "V"
    restrict: int | None = None
    seed: int = 0
    fitted: Mapping[str, Factorisation] = field(default_factory=dict)
    counts: CooccurrenceCounts | None = None


class Question(ABC):
    """One kind of question: a frozen dataclass, whose fields are its keys in the configuration's group ``eval``.

    Attributes
    ----------
    name : str
        Its name in the registry, in the column ``task`` and, for its figure, in `sgns_pmi.figures.questions`.
    file : str or None, default "evaluation"
        The .csv that holds its rows; None for rows that are only drawn.
    place : int, default 100
        Where it stands among the questions: files and tables list them in ascending order.
    """

    name: ClassVar[str]
    file: ClassVar[str | None] = EVALUATION
    place: ClassVar[int] = 100

    @abstractmethod
    def read(self) -> Any:
        """What is asked, read and checked before any work; empty where nothing is.

        Raises
        ------
        InputError
            For an option, a file or a line that cannot be used.
        """

    def check_words(self, words: Sequence[str], composed: bool) -> None:  # noqa: B027, most questions ask nothing of it
        """Raise `InputError` for a word that is not among `words`; with `composed` a method makes vectors of unknown words."""

    @abstractmethod
    def ask(self, asked: Any, subjects: Subjects) -> pd.DataFrame:
        """Ask every method what `read` returned.

        Returns
        -------
        DataFrame
            Columns method, set, section, metric, value; or those of its own `file`, method first.
        """

    @classmethod
    def headline(cls, rows: pd.DataFrame) -> pd.DataFrame:
        """What the console and the table of a sweep show of one run's rows: columns set, metric, known, method, value.

        ``known`` says how much of the set is in the vocabulary. No rows by default.
        """
        return pd.DataFrame(columns=HEADLINE_COLUMNS)

    @classmethod
    def overview(cls, rows: pd.DataFrame) -> pd.DataFrame | None:
        """A table of its own for the console; None, the default, where its headline stands in the one that all share."""
        return None


QUESTIONS: dict[str, type[Question]] = {}


def register_question(kind: type[Question]) -> type[Question]:
    """Add a question to the registry; a decorator.

    Raises
    ------
    InputError
        For a name or a key that another question has.
    """
    if kind.name in QUESTIONS:
        raise InputError("question", kind.name, "is the name of another question")
    taken = {key: other.name for other in QUESTIONS.values() for key in keys_of(other)}
    for key in keys_of(kind):
        if key in taken:
            raise InputError("key", key, f"is a key of the question {taken[key]}")
    QUESTIONS[kind.name] = kind
    for name in sorted(QUESTIONS, key=lambda name: (QUESTIONS[name].place, name)):
        QUESTIONS[name] = QUESTIONS.pop(name)
    return kind


def keys_of(kind: type[Question]) -> list[str]:
    """The keys of a question in the group ``eval``."""
    return [key.name for key in fields(kind)]  # type: ignore[arg-type]  # every question is a dataclass


def check_list(key: str, value: object) -> None:
    """Raise `InputError` unless the value of a key is a list of text."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InputError(key, value, f"must be a list, as eval.{key}=[...]")
    for item in value:
        if not isinstance(item, str | PathLike):
            # YAML takes true, null, 1e5 and 1_000 for something else than words; how they were written is lost.
            raise InputError(key, item, f"must be text; quote it as it was written, as in \"eval.{key}=['1_000']\"")


def rows_together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One frame of several; an empty one of none."""
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def set_headline(rows: pd.DataFrame, metrics: Sequence[str], known: str, whole: str) -> pd.DataFrame:
    """The headline of sets: `metrics` over all sections, and how many (metric `known`) of all (metric `whole`) could be asked.

    What is known is the first method's, as those of a run have one vocabulary. A method without a value has NaN.
    """
    values = rows[rows["section"] == WHOLE].set_index(["set", "metric", "method"])["value"]
    methods = rows["method"].unique()
    lines = [
        (
            name,
            metric,
            f"{_value(values, name, known, methods[0]):.0f}/{_value(values, name, whole, methods[0]):.0f}",
            method,
            _value(values, name, metric, method),
        )
        for name in rows["set"].unique()
        for metric in metrics
        for method in methods
    ]
    return pd.DataFrame(lines, columns=HEADLINE_COLUMNS)


def _value(values: pd.Series, *place: str) -> float:
    return float(values.get(place, np.nan))


__all__ = [
    "EVALUATION",
    "EVALUATION_COLUMNS",
    "HEADLINE_COLUMNS",
    "QUESTIONS",
    "WHOLE",
    "Question",
    "Subjects",
    "check_list",
    "keys_of",
    "register_question",
    "rows_together",
    "set_headline",
]
