"""Sentiment: averages by hand, folds that do not leak, planted and absent signals, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from words import random_vectors

import sgns_pmi as sp
from sgns_pmi.compare.words.sentiment import RANDOM, SIF, TFIDF, Documents, averages, read_documents, sentiment


def table(rows: pd.DataFrame) -> pd.Series:
    return rows.set_index(["method", "section", "metric"])["value"]


def documents(classes: np.ndarray, length: int = 8, mixed: float = 0.0, seed: int = 0) -> Documents:
    """Texts of words w0 … w59; class 0 takes the first half of them and class 1 the second, but for a share `mixed`."""
    rng = np.random.default_rng(seed)
    tokens = []
    for own in classes:
        side = np.where(rng.random(length) < mixed, rng.integers(2, size=length), own)
        tokens.append([f"w{word}" for word in side * 30 + rng.integers(30, size=length)])
    return Documents("made", tokens, classes)


# Features


def test_averages_by_hand() -> None:
    counts = sparse.csr_array(np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 3.0], [0.0, 1.0, 0.0]]))
    matrix = np.array([[1.0, 0.0], [0.0, 6.0], [5.0, 5.0]])
    np.testing.assert_allclose(averages(counts, matrix), [[2 / 3, 2], [0, 0], [5, 5], [0, 6]])
    np.testing.assert_allclose(averages(counts, matrix, np.array([3.0, 0.5, 0.2])), [[2, 1], [0, 0], [1, 1], [0, 3]])


def test_sif_is_algorithm_1_of_the_paper() -> None:
    """Word by word, document by document, with the singular vector of an SVD."""
    rng = np.random.default_rng(0)
    counts, matrix, a = rng.poisson(0.7, size=(20, 12)).astype(float), rng.normal(size=(12, 4)) + 1, 1e-2
    probability = counts.sum(0) / counts.sum()
    vectors = np.array(
        [sum(n * a / (a + p) * v for n, p, v in zip(row, probability, matrix, strict=True)) / max(row.sum(), 1) for row in counts]
    )
    common = np.linalg.svd(vectors)[2][0]
    expected = vectors - vectors @ np.outer(common, common)
    own = sparse.csr_array(counts)
    found = SIF(matrix, a).fit(own).transform(own)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.abs(found @ common).max() < 1e-12


def test_the_documents_own_words_and_nothing_else() -> None:
    """Unknown words are skipped and counted; a document of such words alone is the zero vector."""
    vectors = sp.WordVectors(("Good", "bad"), np.array([[1.0, 0.0], [0.0, 1.0]]))
    made = Documents("made", [["good", "film"], ["the"], ["bad"], ["bad", "a", "bad"]], np.array([0, 0, 1, 1]))
    rows = table(sentiment({"mine": vectors}, made))
    assert rows["mine", "mean"][["documents", "covered", "coverage", "known_words"]].tolist() == [4, 3, 0.75, 4 / 7]
    assert rows[TFIDF, "words"][["covered", "known_words"]].tolist() == [4, 1]
    # "Good" is found in another case, unless only so many words are known.
    assert table(sentiment({"mine": vectors}, made, restrict=1))["mine", "mean", "known_words"] == 1 / 7


# Accuracy


def by_hand(vectors: sp.WordVectors, made: Documents, section: str, leaky: bool = False) -> list[float]:
    """The accuracy of each fold, everything fitted in NumPy on the training documents (or, `leaky`, on all)."""
    counts = np.array([[tokens.count(word) for word in vectors.words] for tokens in made.tokens], dtype=float)
    means = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    scores = []
    for train, test in StratifiedKFold(10, shuffle=True, random_state=0).split(counts, made.classes):
        seen = np.arange(len(counts)) if leaky else train
        if section == "sif":
            p = counts[seen].sum(0) / counts[seen].sum()
            features = means @ (1e-3 / (1e-3 + p)[:, None] * vectors.matrix)
            common = np.linalg.svd(features[seen], full_matrices=False)[2][0]
            features = features - features @ np.outer(common, common)
        else:
            features = means @ vectors.matrix
        features = (features - features[seen].mean(0)) / features[seen].std(0)
        model = LogisticRegression(max_iter=1000).fit(features[train], made.classes[train])
        scores.append(float((model.predict(features[test]) == made.classes[test]).mean()))
    return scores


@pytest.mark.parametrize("section", ["mean", "sif"])
def test_only_training_documents_are_learned_from(section: str) -> None:
    """An independent cross-validation that fits everything on the training folds gives the same; one that leaks, another.

    One document has a word with an enormous vector: among those that the scale and the common component are learned from it
    changes both, and when it is left out nobody may know of it.
    """
    rng = np.random.default_rng(3)
    matrix = np.vstack([rng.normal(size=(60, 6)), 1e5 * rng.normal(size=6)])
    matrix[:30, 0] += 1
    vectors = sp.WordVectors((*(f"w{n}" for n in range(60)), "rare"), matrix)
    made = documents(rng.permutation(np.arange(60) % 2), length=4, mixed=0.5, seed=3)
    made.tokens[7].append("rare")
    rows = table(sentiment({"mine": vectors}, made))["mine", section]
    honest, leaky = (by_hand(vectors, made, section, leak) for leak in (False, True))
    assert rows["accuracy"] == pytest.approx(np.mean(honest), abs=1e-12)
    assert rows["accuracy_std"] == pytest.approx(np.std(honest, ddof=1), abs=1e-12)
    assert honest != leaky


def test_a_planted_signal_is_found() -> None:
    """Two halves of a vocabulary, each around a direction of its own: all but solved; chance is the larger class."""
    matrix = np.random.default_rng(1).normal(size=(60, 5))
    matrix[:30, 0] += 3
    classes = np.arange(200) % 4 // 3
    rows = table(sentiment({"mine": sp.WordVectors(tuple(f"w{n}" for n in range(60)), matrix)}, documents(classes)))
    assert rows["mine", "mean", "accuracy"] > 0.99
    assert rows["mine", "mean", "chance"] == 0.75
    assert rows[TFIDF, "words", "accuracy"] > 0.99


@pytest.mark.parametrize("seed", [0, 1])
def test_labels_without_meaning_are_not_learned(seed: int) -> None:
    """With classes that no word knows of, accuracy is that of a coin: within four binomial standard errors."""
    rng = np.random.default_rng(seed)
    made = documents(rng.permutation(np.arange(1000) % 2), mixed=1.0, seed=seed)
    rows = table(sentiment({"mine": random_vectors(dim=4, seed=seed)}, made)).xs("accuracy", level="metric")
    assert (np.abs(rows - 0.5) < 4 * np.sqrt(0.25 / 1000)).all()
    assert list(rows.index) == [("mine", "mean"), ("mine", "sif"), (RANDOM, "mean"), (RANDOM, "sif"), (TFIDF, "words")]


def test_random_vectors_are_those_of_the_dimension_and_the_same_each_time() -> None:
    made = documents(np.arange(1000) % 2, mixed=0.8)
    narrow, again, wide = (table(sentiment({"mine": random_vectors(dim=dim)}, made))[RANDOM, "mean"] for dim in (1, 1, 30))
    pd.testing.assert_series_equal(narrow, again)
    assert wide["accuracy"] > narrow["accuracy"]


def test_three_classes_few_documents_and_vectors_that_know_nothing() -> None:
    made = documents(np.arange(9) % 3 % 2)
    made = Documents("made", made.tokens, np.arange(9) % 3)
    rows = table(sentiment({"mine": sp.WordVectors(("x", "y"), np.eye(2))}, made))
    assert made.folds.get_n_splits() == 3
    assert rows["mine", "mean", "coverage"] == rows["mine", "sif", "known_words"] == 0
    assert rows["mine", "sif", "accuracy"] == rows["mine", "sif", "chance"] == pytest.approx(1 / 3)


def test_sparse_rows_take_no_part() -> None:
    made = documents(np.arange(20) % 2)
    rows = sentiment({"rows": sp.WordVectors(("w0", "w1"), sparse.csr_array(np.eye(2)))}, made)
    assert rows["method"].unique().tolist() == [TFIDF]


# Files


def test_files_are_read_as_people_expect(tmp_path: Path) -> None:
    """UTF-8 with or without its mark, or Latin-1; any line ending; words as data.tokens=words has them."""
    (tmp_path / "rt.neg").write_bytes("\ufeffIt's BAD , naïve .\r\n\r\n--\r\n".encode())
    (tmp_path / "rt.pos").write_bytes(b"caf\xe9 \x85 good\nfine\n\n")
    made = read_documents([tmp_path / "rt.neg", tmp_path / "rt.pos"])
    assert made.name == "rt"
    assert made.tokens == [["it's", "bad", "naïve"], [], ["café", "good"], ["fine"]]
    assert made.classes.tolist() == [0, 0, 1, 1]
    assert table(sentiment({"mine": random_vectors()}, [str(tmp_path / "rt.neg"), str(tmp_path / "rt.pos")])).notna().all()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a.txt"], r"sentiment=.*a\.txt: needs two or more files, one for each class"),
        (["a.txt", "none.txt"], r"sentiment=.*none\.txt: there is no such file"),
        (["a.txt", "a.txt"], r"stands twice"),
        (["a.txt", "empty.txt"], r"sentiment=.*empty\.txt: the file has no words"),
        (["a.txt", "marks.txt"], r"sentiment=.*marks\.txt: the file has no words"),
        (["one.txt", "a.txt"], r"sentiment=.*one\.txt: the file has one document"),
    ],
)
def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], message: str) -> None:
    for name, text in {"a": "good film\nbad film\n", "empty": "\n", "marks": "--\n!!\n", "one": "good\n"}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(sp.InputError, match=message):
        read_documents(files)


def test_tfidf_on_sentences_about_films(published: Path) -> None:
    """Logistic regression on TF-IDF of these 10,662 sentences is known to reach about three in four."""
    folder = published / "sentiment"
    made = read_documents([folder / "rt-polarity.neg", folder / "rt-polarity.pos"])
    assert np.bincount(made.classes).tolist() == [5331, 5331]
    rows = table(sentiment({}, made))
    assert 0.74 < rows[TFIDF, "words", "accuracy"] < 0.79
