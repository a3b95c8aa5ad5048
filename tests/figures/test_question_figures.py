"""The figures of questions: what they show, and labels that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from words import random_vectors

import sgns_pmi as sp
from sgns_pmi.compare.words.word_map import word_map
from sgns_pmi.figures import RunTitle, question_figures
from sgns_pmi.figures.questions.analogies import analogies_figure
from sgns_pmi.figures.questions.neighbours import neighbours_figure
from sgns_pmi.figures.questions.sentiment import sentiment_figure
from sgns_pmi.figures.questions.similarity import similarity_figure
from sgns_pmi.figures.questions.word_map import words_figure

SECTIONS = {"one": (10, 5, 0.4), "two": (8, 0, None), "all": (18, 5, 0.4)}


def analogy_rows(methods: tuple[str, ...] = ("sgns_expected", "sppmi")) -> pd.DataFrame:
    rows = [
        (method, "analogy", "google", section, metric, value)
        for method in methods
        for section, (questions, asked, accuracy) in SECTIONS.items()
        for metric, value in [
            ("questions", questions),
            ("asked", asked),
            ("accuracy_3cosadd", accuracy),
            ("accuracy_3cosmul", accuracy and accuracy / 2),
        ]
        if value is not None
    ]
    return pd.DataFrame(rows, columns=["method", "task", "set", "section", "metric", "value"])


def sentiment_rows() -> pd.DataFrame:
    accuracies = {
        ("sppmi_svd", "mean"): 0.7,
        ("sppmi_svd", "sif"): 0.45,
        ("random", "mean"): 0.6,
        ("random", "sif"): 0.55,
        ("tfidf", "words"): 0.8,
    }
    rows = [
        (method, "sentiment", "films", section, metric, value)
        for (method, section), accuracy in accuracies.items()
        for metric, value in [("accuracy", accuracy), ("accuracy_std", 0.02), ("chance", 0.5), ("known_words", 0.9)]
    ]
    return pd.DataFrame(rows, columns=["method", "task", "set", "section", "metric", "value"])


def map_rows(panels: dict[str, np.ndarray], words: Sequence[str], groups: Sequence[int]) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"panel": name, "word": words, "x": points[:, 0], "y": points[:, 1], "cluster": groups})
        for name, points in panels.items()
    ]
    return pd.concat(frames, ignore_index=True)


def texts(ax) -> list:
    return [text for text in ax.texts if text.get_visible()]


def test_labels_never_overlap_and_frequent_words_have_theirs() -> None:
    points = np.random.default_rng(0).normal(size=(300, 2))
    points[:20] = 0  # words at one point
    words = [f"word{n}" for n in range(300)]
    figure = words_figure(map_rows({"V": points}, words, np.arange(300) % 5), title="words")
    (ax,) = figure.axes
    shown = [text for text in texts(ax) if text.get_text() in set(words)]
    boxes = [text.get_window_extent() for text in shown]
    assert not any(one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n])
    assert 150 < len(shown) < 300
    assert shown[0].get_text() == "word0"
    note = f"{300 - len(shown)} labels left out for room"
    assert note in {text.get_text() for text in texts(ax)}
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), points)


def test_a_few_words_all_have_labels_coloured_as_their_cluster() -> None:
    points = np.array([[0.0, 0], [1, 0], [0, 3]])
    figure = words_figure(map_rows({"V": points, "U": -points}, ["a$b$", "b", "c"], [0, 0, 1]), title="toy", origin=True)
    assert [ax.get_title() for ax in figure.axes] == ["V", "U"]
    for ax in figure.axes:
        assert [text.get_text() for text in texts(ax)] == ["a$b$", "b", "c"]
        colours = [text.get_color() for text in texts(ax)]
        assert colours[0] == colours[1] != colours[2]


def test_a_word_longer_than_words_are_is_cut() -> None:
    long = "w" * 300_000
    drawn = words_figure(map_rows({"V": np.eye(2)}, [long, "b"], [0, 1]), title="words")
    answered = pd.DataFrame({"method": ["qwem"], "word": [long], "rank": [1], "neighbour": [long], "similarity": [1.0]})
    texts = [text.get_text() for figure in (drawn, neighbours_figure(answered, title="near")) for text in figure.axes[0].texts]
    assert [text for text in texts if "w" in text] == 3 * [39 * "w" + "…"]


def test_bars_are_accuracies_and_sections_without_questions_are_named() -> None:
    figure = analogies_figure(analogy_rows(), title="Analogies")
    (ax,) = figure.axes
    assert [bar.get_width() for bar in ax.patches] == [0.4] * 4
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["one  (5 of 10)", "all sections  (5 of 18)"]
    marks = [x for line in ax.lines if line.get_marker() == "|" for x in line.get_xdata()]
    assert marks == [0.2] * 4
    assert figure.get_supxlabel() == "No question with known words: two (8)"


def test_bars_of_sentiment_reach_from_chance_to_the_accuracy() -> None:
    (ax,) = sentiment_figure(sentiment_rows(), title="Sentiment").axes
    assert {bar.get_x() for bar in ax.patches} == {0.5}
    np.testing.assert_allclose([bar.get_x() + bar.get_width() for bar in ax.patches], [0.7, 0.45, 0.6, 0.55, 0.8])
    spreads = [segment[:, 0] for lines in ax.collections for segment in lines.get_segments()]
    np.testing.assert_allclose(spreads[0], [0.68, 0.72])
    assert len(spreads) == 5
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [
        "SPPMI-SVD  (90% of words)",
        "random vectors  (90% of words)",
        "TF-IDF  (90% of words)",
    ]
    assert {"chance, 50.0%", "45.0%", "80.0%"} <= {text.get_text() for text in texts(ax)}
    assert ax.get_xlim()[0] < 0.43
    assert [entry.get_text() for entry in ax.get_legend().get_texts()] == ["mean vector", "SIF"]


def similarity_rows() -> pd.DataFrame:
    covered = {"wordsim": 103, "few": 3, "none": 0}
    rows = [
        (method, "similarity", name, "all", metric, value)
        for method, r in (("sppmi", 0.5), ("mine", -0.2))
        for name, pairs in covered.items()
        for metric, value in [("pairs", 200), ("covered", pairs), *([("spearman", r)] if pairs else [])]
    ]
    return pd.DataFrame(rows, columns=["method", "task", "set", "section", "metric", "value"])


def test_marks_of_similarity_stand_at_the_correlation_between_their_errors() -> None:
    (ax,) = similarity_figure(similarity_rows(), title="Similarity").axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["wordsim  (103 of 200)", "few  (3 of 200)", "none  (0 of 200)"]
    for bars, r in zip(ax.containers, (0.5, -0.2), strict=True):
        marks, _, (lines,) = bars.lines
        np.testing.assert_array_equal(marks.get_xdata(), [r, r])  # the set without known pairs has none
        many, few = (segment[:, 0] for segment in lines.get_segments())
        half = 2 * np.sqrt((1 + r**2 / 2) / 100)
        np.testing.assert_allclose(np.arctanh(many), [np.arctanh(r) - half, np.arctanh(r) + half])
        np.testing.assert_allclose(few, [r, r])  # three pairs have no standard error
    assert [entry.get_text() for entry in ax.get_legend().get_texts()] == ["SPPMI", "mine"]


def test_table_of_neighbours() -> None:
    near = pd.concat(
        [sp.neighbours(random_vectors(seed=n), ["w1", "w2"], 3).assign(method=name) for n, name in enumerate(("sppmi", "mine"))]
    )
    figure = neighbours_figure(near, title="Nearest")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["SPPMI", "mine"]
    for ax, (_, rows) in zip(figure.axes, near.groupby("method", sort=False), strict=True):
        shown = [text.get_text() for text in ax.texts]
        assert shown[:3] == ["1", "2", "3"]
        assert {"w1", "w2", *rows["neighbour"]} <= set(shown)
        assert f"{rows['similarity'].iloc[0]:.2f}" in shown


def test_files(tmp_path: Path) -> None:
    near = sp.neighbours(random_vectors(), ["w1"], 3).assign(method="sppmi")
    vectors = random_vectors()
    maps = word_map({"V": vectors}, 20, "pca").assign(method="sppmi", projection="pca")
    title = RunTitle("twelve words", k=5, dim=2, noise="unigram")
    answers = {"analogy": analogy_rows(), "similarity": similarity_rows(), "sentiment": sentiment_rows()}
    answers |= {"neighbours": near, "word_map": maps}
    written = question_figures(tmp_path, title, answers=answers)
    assert sorted(file.name for file in written) == [
        "analogies_google.png",
        "neighbours.png",
        "sentiment_films.png",
        "similarity.png",
        "words_pca_sppmi.png",
    ]
    assert all(file.is_file() for file in written)
    assert question_figures(tmp_path, title, answers={}) == []
