"""Sentiment: can a linear classifier tell classes of documents apart by the vectors of their words?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.words.neighbours import check_restrict
from sgns_pmi.compare.words.question_files import lines_of
from sgns_pmi.compare.words.questions import HEADLINE_COLUMNS, Question, Subjects, check_list, register_question
from sgns_pmi.compare.words.vectors import WordVectors
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.estimator import Estimator
from sgns_pmi.lazily import pd, sklearn, sp
from sgns_pmi.problems.corpus.tokens import words_of
from sgns_pmi.problems.tables import existing
from sgns_pmi.streams import stream
from sgns_pmi.unpack import read_plain

Float = NDArray[np.float64]

SENTIMENT_COLUMNS = ["method", "section", "metric", "value"]
RANDOM, TFIDF = "random", "tfidf"
FOLDS = 10
SEED = 0
"""Of the folds and of the random vectors: every method of every run meets the same ones."""
SMOOTHING = 1e-3
"""a of SIF's weights a / (a + p(w)) (Arora, Liang & Ma 2017, section 4)."""


@dataclass(frozen=True, eq=False)
class Documents:
    """Documents in classes.

    Parameters
    ----------
    name : str
        The set's name.
    tokens : sequence of sequence of str, (documents,)
        The words of each, lower-cased.
    classes : ndarray of int, (documents,)
        Which class each belongs to, from 0.
    """

    name: str
    tokens: Sequence[Sequence[str]]
    classes: NDArray[np.intp]

    @cached_property
    def bags(self) -> tuple[NDArray[np.object_], sp.csr_array]:
        """The distinct words, and how often each document has each: (documents, words)."""
        vectorizer = sklearn.feature_extraction.text.CountVectorizer(analyzer=list)
        counts = sp.csr_array(vectorizer.fit_transform(self.tokens), dtype=np.float64)
        return vectorizer.get_feature_names_out(), counts

    @property
    def folds(self) -> sklearn.model_selection.StratifiedKFold:
        """The cross-validation: 10 folds, or as many as the smallest class has documents."""
        return sklearn.model_selection.StratifiedKFold(
            min(FOLDS, np.bincount(self.classes).min()), shuffle=True, random_state=SEED
        )

    @property
    def chance(self) -> float:
        """The accuracy of always answering with the largest class."""
        return float(np.bincount(self.classes).max() / len(self.classes))


def read_documents(paths: Sequence[str | Path]) -> Documents:
    """Documents from one file a class, one document a line; blank lines are passed over.

    Words are those of ``data.tokens=words``, lower-cased. A file that is not UTF-8 is read as Latin-1.

    Parameters
    ----------
    paths : sequence of str or Path
        Two or more. The set is named by their stems: rt-polarity for rt-polarity.neg and rt-polarity.pos.

    Raises
    ------
    InputError
        For fewer than two files, a file given twice, missing or without words, or a class of one document.
    """
    files = [Path(path) for path in paths]
    if len(files) < 2:
        raise InputError("sentiment", ",".join(map(str, paths)), "needs two or more files, one for each class of documents")
    tokens, classes = [], []
    for number, file in enumerate(files):
        if file in files[:number]:
            raise InputError("sentiment", file, "stands twice; each class needs a file of its own")
        own = [[word.lower() for word in words_of(line)] for line in _lines(file)]
        if not any(own):
            raise InputError("sentiment", file, "the file has no words; it must have one document a line")
        if len(own) < 2:
            raise InputError("sentiment", file, "the file has one document; each class needs two or more, one a line")
        tokens += own
        classes += [number] * len(own)
    return Documents("+".join(dict.fromkeys(file.stem for file in files)), tokens, np.array(classes, dtype=np.intp))


def _lines(file: Path) -> Iterator[str]:
    content = read_plain(existing("sentiment", file), "sentiment")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return (line for line in lines_of(text) if line.strip())


def averages(counts: sp.csr_array, matrix: Float, weights: Float | None = None) -> Float:
    """Mean vector of each document, (documents, dim): (1/|s|) Σ_{w in s} weight(w) v_w; zero where there is no word.

    Parameters
    ----------
    counts : csr_array, (documents, words)
        How often each word stands in each document.
    matrix : ndarray, (words, dim)
    weights : ndarray, (words,), optional
        1 by default.
    """
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    summed = counts @ (matrix if weights is None else weights[:, None] * matrix)
    return summed / np.maximum(lengths, 1.0)[:, None]


class SIF(Estimator):
    """Smooth inverse frequency: weighted averages of word vectors less what is common to all (Arora, Liang & Ma 2017).

    A word of probability p(w) weighs a / (a + p(w)), and of each average the projection on the first singular vector of all
    of them is taken off. Both p(w) and the singular vector are those of the documents that `fit` was given.

    Parameters
    ----------
    matrix : ndarray, (words, dim)
        The word vectors.
    a : float, default 1e-3

    Attributes
    ----------
    weights_ : ndarray, (words,)
    component_ : ndarray, (dim,)

    References
    ----------
    Arora, Liang & Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", ICLR 2017, algorithm 1.
    """

    def __init__(self, matrix: Float, a: float = SMOOTHING) -> None:
        self.matrix = matrix
        self.a = a

    def fit(self, counts: sp.csr_array, classes: Any = None) -> Self:
        """Learn the weights and the common component from counts (documents, words)."""
        occurred = np.asarray(counts.sum(axis=0)).ravel()
        self.weights_: Float = self.a / (self.a + occurred / max(occurred.sum(), 1.0))
        vectors = averages(counts, self.matrix, self.weights_)
        self.component_: Float = np.linalg.eigh(vectors.T @ vectors)[1][:, -1]  # the first right singular vector
        return self

    def transform(self, counts: sp.csr_array) -> Float:
        """The vectors (documents, dim) of documents given as counts (documents, words)."""
        vectors = averages(counts, self.matrix, self.weights_)
        return vectors - np.outer(vectors @ self.component_, self.component_)


def sentiment(
    vectors: Mapping[str, WordVectors], documents: Documents | Sequence[str | Path], restrict: int | None = None
) -> pd.DataFrame:
    """Accuracy of logistic regression on documents' vectors, cross-validated, beside two baselines.

    A document is the mean of the vectors of its words, plain ("mean") or by `SIF` ("sif"); words without a vector are
    skipped, and a document that has no other is the zero vector. Vectors are taken as they are, before any normalisation, and
    each of their averages' coordinates is standardised. SIF, the standardisation and the regression see the documents of the
    training folds alone. Sparse rows, SPPMI's, take no part: their averages are as wide as the vocabulary.

    The baselines are the method "random", standard normal vectors of as many dimensions for the same words as the first
    method's, and the method "tfidf", TF-IDF of the words themselves (section "words").

    Parameters
    ----------
    vectors : mapping of method name to WordVectors
    documents : Documents, or paths for `read_documents`
    restrict : int, optional
        Only the so many most frequent words are known.

    Returns
    -------
    DataFrame
        Columns method, section, metric, value. Metrics: accuracy and accuracy_std, mean and standard deviation over the folds;
        chance, the share of the largest class; documents, covered (those with a known word), coverage (their quotient);
        and known_words, the share of the documents' words that have a vector.

    Raises
    ------
    InputError
        As `read_documents`.
    """
    restrict = check_restrict(restrict)
    if not isinstance(documents, Documents):
        documents = read_documents(documents)
    dense = {method: own for method, own in vectors.items() if not sp.issparse(own.matrix)}
    if dense:
        first = next(iter(dense.values()))
        drawn = stream(SEED, "random vectors").normal(size=first.matrix.shape)
        dense[RANDOM] = WordVectors(first.words, drawn)
    frames = [_answers(own, documents, restrict).assign(method=method) for method, own in dense.items()]
    return pd.concat([*frames, _tfidf(documents).assign(method=TFIDF)], ignore_index=True)[SENTIMENT_COLUMNS]


def _answers(vectors: WordVectors, documents: Documents, restrict: int | None) -> pd.DataFrame:
    words, counts = documents.bags
    size = len(vectors) if restrict is None else min(restrict, len(vectors))
    positions = np.array([vectors.cases.get(word.upper(), size) for word in words], dtype=np.intp)
    known = np.flatnonzero(positions < size)
    matrix = np.asarray(vectors.matrix[positions[known]], dtype=np.float64)
    own = counts[:, known]
    return pd.concat([_scored("mean", documents, averages(own, matrix), own), _scored("sif", documents, own, own, SIF(matrix))])


def _tfidf(documents: Documents) -> pd.DataFrame:
    pipeline = sklearn.pipeline.make_pipeline(sklearn.feature_extraction.text.TfidfVectorizer(analyzer=list), _regression())
    accuracies = sklearn.model_selection.cross_val_score(pipeline, list(documents.tokens), documents.classes, cv=documents.folds)
    return _rows("words", documents, accuracies, documents.bags[1])


def _scored(section: str, documents: Documents, features: Any, known: sp.csr_array, *steps: Any) -> pd.DataFrame:
    """The rows of one kind of features, which `steps` transform first."""
    pipeline = sklearn.pipeline.make_pipeline(*steps, sklearn.preprocessing.StandardScaler(), _regression())
    return _rows(
        section,
        documents,
        sklearn.model_selection.cross_val_score(pipeline, features, documents.classes, cv=documents.folds),
        known,
    )


def _regression() -> sklearn.linear_model.LogisticRegression:
    return sklearn.linear_model.LogisticRegression(max_iter=1000)


def _rows(section: str, documents: Documents, accuracies: Float, known: sp.csr_array) -> pd.DataFrame:
    covered, running = int((known.sum(axis=1) > 0).sum()), sum(map(len, documents.tokens))
    rows = [
        ("accuracy", accuracies.mean()),
        ("accuracy_std", accuracies.std(ddof=1)),
        ("chance", documents.chance),
        ("documents", len(documents.tokens)),
        ("covered", covered),
        ("coverage", covered / len(documents.tokens)),
        ("known_words", known.sum() / running),
    ]
    return pd.DataFrame([(section, metric, float(value)) for metric, value in rows], columns=SENTIMENT_COLUMNS[1:])


@register_question
@dataclass(frozen=True)
class SentimentQuestion(Question):
    """Two or more files of documents, one a class, a document a line: the key ``eval.sentiment``."""

    sentiment: Sequence[str] = ()
    name = "sentiment"
    place = 30

    def read(self) -> Documents | None:
        """The documents whose classes are to be told apart."""
        check_list("sentiment", self.sentiment)
        return read_documents(self.sentiment) if self.sentiment else None

    def ask(self, asked: Documents, subjects: Subjects) -> pd.DataFrame:
        """The metrics of `sentiment`, of each method and of both baselines."""
        return sentiment(subjects.vectors, asked, subjects.restrict).assign(set=asked.name)

    @classmethod
    def headline(cls, rows: pd.DataFrame) -> pd.DataFrame:
        """The accuracy of each kind of features, and the share of the documents' words that have a vector."""
        known = rows[rows["metric"] == "known_words"].set_index(["set", "method", "section"])["value"].map("{:.1%}".format)
        chosen = rows[rows["metric"] == "accuracy"]
        at = pd.MultiIndex.from_frame(chosen[["set", "method", "section"]])
        named = chosen.assign(metric="accuracy (" + chosen["section"] + ")", known=known.reindex(at).to_numpy())
        return named[HEADLINE_COLUMNS]

    @classmethod
    def overview(cls, rows: pd.DataFrame) -> pd.DataFrame:
        """A row a method, a column a kind of features: accuracy ± its standard deviation over the folds; and the known words."""
        values = rows.set_index(["set", "method", "section", "metric"])["value"].unstack("metric")
        accuracies = values["accuracy"].map("{:.3f}".format) + " ± " + values["accuracy_std"].map("{:.3f}".format)
        table = accuracies.unstack("section").reindex(columns=list(rows["section"].unique()))
        table["known words"] = values["known_words"].groupby(["set", "method"]).first().map("{:.1%}".format)
        return table.reindex(rows["method"].unique(), level="method").reset_index("method").rename_axis(columns=None)


__all__ = ["RANDOM", "SIF", "TFIDF", "Documents", "SentimentQuestion", "averages", "read_documents", "sentiment"]
