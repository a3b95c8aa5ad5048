"""Analogies: files as people write them, and accuracy against a word-by-word reading and gensim."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from words import answer, random_vectors

import sgns_pmi as sp
from sgns_pmi.compare.words import neighbours as neighbours_module
from sgns_pmi.compare.words.analogies import Analogy, read_analogies


def value(frame: pd.DataFrame, section: str, metric: str) -> float:
    return float(frame.set_index(["section", "metric"])["value"][section, metric])


def random_questions(seed: int, words: int, size: int = 200) -> list[Analogy]:
    rng = np.random.default_rng(seed)
    return [
        Analogy(f"s{number % 3}", *(f"w{word}" for word in rng.choice(words, size=4, replace=False))) for number in range(size)
    ]


@pytest.mark.parametrize("restrict", [None, 9])
def test_accuracy_is_that_of_a_word_by_word_reading(restrict: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = random_vectors(words=12, dim=4)
    questions = random_questions(0, words=14)  # w12 and w13 are unknown
    known = set(vectors.words[:restrict])
    monkeypatch.setattr(neighbours_module, "BLOCK_BYTES", 32 * 12 * 7)  # seven questions at a time
    found = sp.analogies(vectors, questions, restrict)
    for section in ("s0", "s1", "s2", "all"):
        own = [question for question in questions if section in (question.section, "all")]
        asked = [question for question in own if known.issuperset(question[1:])]
        assert 0 < len(asked) < len(own)
        assert value(found, section, "questions") == len(own)
        assert value(found, section, "asked") == len(asked)
        assert value(found, section, "out_of_vocabulary") == len(own) - len(asked)
        for rule in ("3CosAdd", "3CosMul"):
            right = sum(answer(vectors, q.a, q.b, q.c, rule, restrict) == q.expected for q in asked)
            assert value(found, section, f"correct_{rule.lower()}") == right
            assert value(found, section, f"accuracy_{rule.lower()}") == right / len(asked)
    assert value(found, "all", "correct_3cosadd") > 0


def test_sparse_rows_answer_as_dense_ones() -> None:
    from scipy.sparse import csr_array

    dense = random_vectors(words=12, dim=4)
    rows = sp.WordVectors(dense.words, csr_array(dense.matrix))
    questions = random_questions(1, words=12)
    pd.testing.assert_frame_equal(sp.analogies(rows, questions), sp.analogies(dense, questions))


def test_a_perfect_parallelogram() -> None:
    words = ("man", "woman", "king", "queen", "pear")
    vectors = sp.WordVectors(words, np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1], [-1, -1, 0.5]]))
    found = sp.analogies(vectors, [Analogy("family", "man", "king", "woman", "queen")])
    assert value(found, "family", "accuracy_3cosadd") == value(found, "family", "accuracy_3cosmul") == 1


def test_what_nobody_can_be_asked_has_no_accuracy() -> None:
    found = sp.analogies(random_vectors(), [Analogy("capitals", "w0", "w1", "w2", "paris")])
    assert value(found, "capitals", "asked") == 0
    assert not found["metric"].str.startswith("accuracy").any()


def test_without_cosines_there_is_no_3cosmul() -> None:
    found = sp.analogies(random_vectors(normalize="column"), random_questions(0, words=60))
    assert "accuracy_3cosadd" in set(found["metric"])
    assert "accuracy_3cosmul" not in set(found["metric"])


def test_files_as_people_write_them(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_bytes(b"\xef\xbb\xbfA b\tC d\r\n\r\n# a comment\r\n: family members\r\nhe she king queen\r\n   \r\n")
    assert read_analogies(file) == [Analogy("mine", "A", "b", "C", "d"), Analogy("family members", "he", "she", "king", "queen")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b": s\na b c d\n\na b c\n", r"analogy=a b c: has 3 words and must have four, in line 4 of .*q.txt"),
        (b": s\na b c d e\n", "has 5 words and must have four, in line 2"),
        (b": \na b c d\n", "needs another name, in line 1"),
        (b": s\n", "the file has no questions"),
        (b"", "the file is empty"),
        (b": s\na b c d\n\xff b c d\n", "line 3 is not UTF-8"),
    ],
)
def test_malformed_lines_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "q.txt").write_bytes(content)
    with pytest.raises(sp.InputError, match=message) as refused:
        sp.analogies(random_vectors(), tmp_path / "q.txt")
    assert "\n" not in str(refused.value)


def test_no_file() -> None:
    with pytest.raises(sp.InputError, match="there is no such file"):
        read_analogies("nowhere.txt")


@pytest.mark.parametrize("restrict", [None, 150])
def test_gensim_agrees_section_by_section(tmp_path: Path, restrict: int | None) -> None:
    pytest.importorskip("gensim", reason="needs the extra gensim")
    # Offsets that hold but for noise, so that about half the questions are answered; mixed case, with rivals in other cases.
    rng = np.random.default_rng(0)
    pairs, dim = 60, 20
    base, offset = rng.normal(size=(pairs, dim)), rng.normal(size=dim)
    matrix = np.vstack([base, base + offset + 0.9 * rng.normal(size=(pairs, dim)), base + 0.5 * rng.normal(size=(pairs, dim))])
    words = [f"a{n}" for n in range(pairs)] + [f"B{n}" for n in range(pairs)] + [f"A{n}" for n in range(pairs)]
    order = rng.permutation(len(words))
    vectors = sp.WordVectors(tuple(words[n] for n in order), matrix[order].astype(np.float32))
    lines = []
    for section in range(3):
        lines.append(f": section {section}")
        for _ in range(150):
            one, two = rng.choice(pairs + 4, size=2, replace=False)  # the last four are unknown
            lines.append(f"a{one} b{one} A{two} B{two}")
    (tmp_path / "q.txt").write_text("\n".join(lines) + "\n")
    ours = sp.analogies(vectors, tmp_path / "q.txt", restrict)
    _, theirs = sp.to_gensim(vectors).evaluate_word_analogies(str(tmp_path / "q.txt"), restrict_vocab=restrict or 10**6)
    shares = []
    for section in theirs:
        name = "all" if section["section"] == "Total accuracy" else section["section"]
        asked = len(section["correct"]) + len(section["incorrect"])
        assert value(ours, name, "asked") == asked
        assert value(ours, name, "correct_3cosadd") == len(section["correct"])
        shares.append(len(section["correct"]) / asked)
    assert 0.1 < min(shares) < max(shares) < 0.95


def test_a_question_without_candidates_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "four.txt").write_text("a b c a\n")
    for words, asked in ((("a", "b", "c"), 0), (("a", "b", "c", "A"), 0), (("a", "b", "c", "d"), 1)):
        found = sp.analogies(sp.WordVectors(words, np.eye(len(words))), tmp_path / "four.txt").set_index(["section", "metric"])[
            "value"
        ]
        assert found["all", "asked"] == asked
        assert found["all", "out_of_vocabulary"] == 1 - asked
        assert found["all", "correct_3cosadd"] == 0
    # A restriction, and a zero vector, leave no candidate either.
    zero = sp.WordVectors(("a", "b", "c", "d"), np.diag([1.0, 1, 1, 0]))
    for vectors, restrict in ((sp.WordVectors(("a", "b", "c", "d"), np.eye(4)), 3), (zero, None)):
        found = sp.analogies(vectors, tmp_path / "four.txt", restrict).set_index(["section", "metric"])["value"]
        assert found["all", "asked"] == 0


def test_zero_vectors_are_no_answers_and_no_questions(tmp_path: Path) -> None:
    (tmp_path / "four.txt").write_text("man woman king queen\nman woman king zero\n")
    matrix = np.array([[0.0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [-1, -1, 1]])
    found = sp.analogies(sp.WordVectors(("zero", "man", "woman", "king", "queen"), matrix), tmp_path / "four.txt")
    table = found.set_index(["section", "metric"])["value"]
    assert (table["all", "asked"], table["all", "out_of_vocabulary"], table["all", "correct_3cosadd"]) == (1, 1, 1)


def test_hashtags_are_words_and_comments_are_not(tmp_path: Path) -> None:
    (tmp_path / "four.txt").write_text("# a comment of words\n#\n#two words\n#metoo a b c\n")
    assert [question[1:] for question in read_analogies(tmp_path / "four.txt")] == [("#metoo", "a", "b", "c")]
