"""What a run asks: checked before any work, and answered by every method that has vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from words import random_vectors, with_ngrams

import sgns_pmi as sp
from sgns_pmi.compare import Evaluation, evaluate, method_vectors
from sgns_pmi.compare.words.evaluation import answer_tables
from sgns_pmi.compare.words.sentiment import sentiment

COUNTS = sp.CooccurrenceCounts.from_matrix(np.arange(1, 26).reshape(5, 5), vocab="abcde", context_vocab="abcde")


@pytest.fixture
def questions(tmp_path: Path) -> Evaluation:
    (tmp_path / "pairs.txt").write_text("w1 w2 3\nw3 w4 1\nw5 w6 2\n")
    (tmp_path / "four.txt").write_text(": one\nw1 w2 w3 w4\n: two\nw1 w2 w3 nothing\n")
    return Evaluation(
        words=["w7"], similarity=[str(tmp_path / "pairs.txt")], analogies=[str(tmp_path / "four.txt")], neighbours=3, restrict=50
    )


def test_every_method_answers_everything(questions: Evaluation, tmp_path: Path) -> None:
    vectors = {"one": random_vectors(), "two": random_vectors(seed=1)}
    found = evaluate(vectors, questions)
    for method, own in vectors.items():
        expected = sp.similarity(own, tmp_path / "pairs.txt", 50)
        similar, analogy = (found[task][found[task]["method"] == method] for task in ("similarity", "analogy"))
        assert set(similar["set"]) == {"pairs"}
        assert set(similar["section"]) == {"all"}
        assert similar["value"].tolist() == expected["value"].tolist()
        pd.testing.assert_frame_equal(
            analogy[["section", "metric", "value"]].reset_index(drop=True), sp.analogies(own, tmp_path / "four.txt", 50)
        )
        near = found["neighbours"]
        near = near[near["method"] == method].drop(columns="method").reset_index(drop=True)
        pd.testing.assert_frame_equal(near, sp.neighbours(own, ["w7"], 3, 50))


def test_what_a_problem_asks_itself_stands_beside_the_files(questions: Evaluation) -> None:
    problem = sp.attributes_problem(attributes=4, sampling="population")
    fitted = {"oracle": sp.Oracle(dim=5).fit(problem.pmi)}
    vectors = method_vectors(fitted, problem.counts, Evaluation())
    rows = evaluate(vectors, Evaluation(), questions=problem.questions)["analogy"]
    assert list(rows["set"].unique()) == ["problem"]
    assert list(rows["section"].unique()) == [*(f"attribute {letter}" for letter in "abcd"), "all"]
    assert set(rows[rows["metric"] == "accuracy_3cosadd"]["value"]) == {1.0}  # PMI's own vectors answer all
    both = evaluate(
        {"one": random_vectors()}, Evaluation(analogies=questions.questions["analogy"].analogies), questions=problem.questions
    )
    assert list(both["analogy"]["set"].unique()) == ["four", "problem"]


def test_sentiment_is_asked_of_every_method_and_of_two_baselines(tmp_path: Path) -> None:
    for name, words in (("neg", "w1 w2\nw3\nw1 w4\n"), ("pos", "w5 w6\nw7 w8\nw5\n")):
        (tmp_path / f"films.{name}").write_text(words)
    files = [str(tmp_path / "films.neg"), str(tmp_path / "films.pos")]
    asked = Evaluation(sentiment=files, restrict=50)
    asked.check()
    vectors = {"one": random_vectors(), "two": random_vectors(seed=1)}
    rows = evaluate(vectors, asked)["sentiment"]
    assert set(rows["task"]) == {"sentiment"}
    assert set(rows["set"]) == {"films"}
    assert rows["method"].unique().tolist() == ["one", "two", "random", "tfidf"]
    expected = sentiment(vectors, files, 50)
    pd.testing.assert_frame_equal(rows[expected.columns.tolist()], expected)
    assert evaluate({}, asked) == {}


def test_nothing_asked_nothing_answered() -> None:
    found = evaluate({"one": random_vectors()}, Evaluation())
    assert found == {}
    assert answer_tables(found) == {"evaluation": None, "neighbours": None, "maps": None}


def test_methods_without_context_vectors_answer_with_their_own() -> None:
    methods = {"sppmi": sp.SPPMI(k=1), "svd": sp.SPPMISVD(dim=2, k=1), "empirical": sp.Empirical()}
    fitted = {name: estimator.fit(COUNTS) for name, estimator in methods.items()}
    found = method_vectors(fitted, COUNTS, Evaluation(vectors="V+U"))
    assert list(found) == ["sppmi", "svd"]
    assert found["svd"].words == ("e", "d", "c", "b", "a")
    np.testing.assert_array_equal(found["svd"].matrix, (fitted["svd"].V_ + fitted["svd"].U_)[::-1])
    np.testing.assert_array_equal(found["sppmi"].matrix.toarray(), fitted["sppmi"].V_.toarray()[::-1])


def test_maps() -> None:
    methods = {"sppmi": sp.SPPMI(k=1), "two": sp.SPPMISVD(dim=2, k=1), "three": sp.SPPMISVD(dim=3, k=1)}
    fitted = {name: estimator.fit(COUNTS) for name, estimator in methods.items()}

    def maps_of(asked: Evaluation, counts: sp.CooccurrenceCounts = COUNTS) -> pd.DataFrame | None:
        return evaluate(method_vectors(fitted, counts, asked), asked, fitted=fitted, counts=counts).get("word_map")

    maps = maps_of(Evaluation(map_words=4))
    assert maps is not None
    # Of a few words V, U and the mean; two dimensions as they are.
    drawn = maps.groupby(["method", "projection"])["panel"].unique()
    assert {key: list(panels) for key, panels in drawn.items()} == {
        ("sppmi", "pca"): ["V"],
        ("two", "plane"): ["V", "U", "mean"],
        ("three", "pca"): ["V", "U", "mean"],
    }
    plane = {panel: rows[["x", "y"]].to_numpy() for panel, rows in maps[maps["method"] == "two"].groupby("panel")}
    assert maps["word"].tolist() == ["e", "d", "c", "b"] * 7
    np.testing.assert_allclose(plane["mean"], (plane["V"] + plane["U"]) / 2)
    np.testing.assert_array_equal(plane["V"], fitted["two"].V_[:0:-1])
    nameless = sp.CooccurrenceCounts.from_matrix(COUNTS.matrix)
    assert maps_of(Evaluation(), nameless) is None
    assert maps_of(Evaluation(maps=())) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": "king"}, r"words=king: must be a list, as eval.words=\[...\]"),
        ({"similarity": ["nowhere"]}, "similarity=nowhere: there is no such file or folder"),
        ({"words": [True]}, r"words=True: must be text; quote it"),
        ({"words": [None]}, r"words=None: must be text; quote it"),
        ({"words": [1000]}, r"words=1000: must be text; quote it"),
        ({"words": [1e5]}, r"words=100000.0: must be text; quote it"),
        ({"similarity": [5]}, r"similarity=5: must be text; quote it"),
        ({"analogies": [5]}, r"analogies=5: must be text; quote it"),
        ({"sentiment": [5, 6]}, r"sentiment=5: must be text; quote it"),
        ({"maps": [None]}, r"maps=None: must be text; quote it"),
        ({"sentiment": "films.neg"}, r"sentiment=films.neg: must be a list, as eval.sentiment=\[...\]"),
        ({"sentiment": ["films.neg"]}, "sentiment=films.neg: needs two or more files"),
        ({"vectors": "W"}, "vectors=W"),
        ({"normalize": "rows"}, "did you mean row"),
        ({"restrict": 0}, "restrict=0"),
        ({"neighbours": 0}, "neighbours=0"),
        ({"maps": ["som"]}, "maps=som"),
        ({"map_words": 1}, "map_words=1"),
    ],
)
def test_settings_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(sp.InputError, match=message):
        Evaluation(**options).check()


def test_files_are_read_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("a b\n")
    with pytest.raises(sp.InputError, match="in line 1"):
        Evaluation(similarity=[str(tmp_path)]).check()


def test_words_are_checked_against_the_counts() -> None:
    Evaluation(words=["E"], vectors="mean").check_counts(COUNTS)
    with pytest.raises(sp.InputError, match="words=f: is not in the vocabulary"):
        Evaluation(words=["f"]).check_counts(COUNTS)
    other = sp.CooccurrenceCounts.from_matrix(COUNTS.matrix, vocab="abcde", context_vocab="vwxyz")
    Evaluation(words=["z"], vectors="U").check_counts(other)
    with pytest.raises(sp.InputError, match="needs the same words as centres and as contexts"):
        Evaluation(vectors="mean").check_counts(other)


def test_words_are_asked_of_the_methods_that_know_or_compose_them() -> None:
    methods = {"plain": sp.WordVectors(("king", "queen", "pear"), np.eye(3)), "subwords": with_ngrams()}
    found = evaluate(methods, Evaluation(words=["king", "kingg"]))["neighbours"]
    assert set(zip(found["method"], found["word"], strict=True)) == {
        ("plain", "king"),
        ("subwords", "king"),
        ("subwords", "kingg"),
    }
    with pytest.raises(sp.InputError, match="word=zzz"):
        evaluate(methods, Evaluation(words=["king", "zzz"]))
    Evaluation(words=["kingg"]).check_counts(COUNTS, composed=True)
    with pytest.raises(sp.InputError, match="words=kingg"):
        Evaluation(words=["kingg"]).check_counts(COUNTS)
    with pytest.raises(sp.InputError, match="words=kingg"):
        Evaluation(words=["kingg"], vectors="U").check_counts(COUNTS, composed=True)


def test_zero_vectors_are_said_and_stop_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    methods = {
        "one": sp.WordVectors(("a", "b", "z"), np.array([[1.0, 0], [1, 1], [0, 0]])),
        "two": sp.WordVectors(("a", "b", "z"), np.array([[0.0, 0], [1, 1], [0, 0]])),
    }
    found = evaluate(methods, Evaluation(words=["a", "b", "z"]))["neighbours"]
    assert list(found[["method", "word"]].itertuples(index=False, name=None)) == [("one", "a"), ("one", "b")]
    assert "two: 2 of 3 words have a zero vector" in caplog.text
    assert "z: every method has a zero vector" in caplog.text
