"""Neighbours and word arithmetic against a word-by-word reading, and against gensim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from words import answer, cosine, random_vectors, with_ngrams

import sgns_pmi as sp
from sgns_pmi.compare.words import neighbours as module
from sgns_pmi.compare.words.neighbours import largest, offset_scores


def test_neighbours_are_the_words_of_largest_cosine() -> None:
    vectors = random_vectors()
    for word in ("w0", "w31"):
        table = dict(zip(vectors.words, vectors.matrix, strict=True))
        expected = sorted(((cosine(table[word], table[other]), other) for other in table), reverse=True)
        found = sp.neighbours(vectors, [word], count=5)
        assert found["neighbour"].tolist() == [other for _, other in expected[1:6]]
        np.testing.assert_allclose(found["similarity"], [similarity for similarity, _ in expected[1:6]], rtol=1e-12)
        assert found["rank"].tolist() == [1, 2, 3, 4, 5]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = random_vectors()
    words = list(vectors.words[:20])
    whole = sp.neighbours(vectors, words)
    monkeypatch.setattr(module, "BLOCK_BYTES", 3 * 8 * len(vectors))  # three words at a time
    assert len(list(module.blocks(20, len(vectors)))) == 7
    pd.testing.assert_frame_equal(sp.neighbours(vectors, words), whole, rtol=1e-14)  # products of other shapes round otherwise


def test_a_small_vocabulary_has_few_neighbours_and_never_the_word_itself() -> None:
    vectors = sp.WordVectors(("a", "b", "c"), np.eye(3))
    assert sp.neighbours(vectors, ["a"], count=10)["neighbour"].tolist() == ["b", "c"]
    alone = sp.WordVectors(("a",), np.eye(1))
    assert sp.neighbours(alone, ["a"]).empty


def test_restriction_binds_the_neighbours_not_the_word() -> None:
    vectors = random_vectors()
    assert set(sp.neighbours(vectors, ["w50"], count=60.0, restrict=10.0)["neighbour"]) == {f"w{n}" for n in range(10)}
    found = sp.arithmetic(vectors, ["w50", "w2"], ["w3"], count=60, restrict=10)
    assert set(found["neighbour"]) == {f"w{n}" for n in range(10) if n not in (2, 3)}


@given(st.integers(0, 1000))
def test_arithmetic_follows_the_papers(seed: int) -> None:
    vectors = random_vectors(words=12, dim=4, seed=seed)
    for rule in ("3CosAdd", "3CosMul"):
        found = sp.arithmetic(vectors, ["w1", "w2"], ["w0"], rule=rule)
        assert found["neighbour"][0] == answer(vectors, "w0", "w1", "w2", rule)
        assert found["word"][0] == "w1 + w2 - w0"
        assert not {"w0", "w1", "w2"} & set(found["neighbour"])


def test_scores_of_a_worked_example() -> None:
    # cos with b 0.5 and with c 0.2, with a 0: 0.7, and (0.75 · 0.6) / (0.5 + 0.001).
    similarities = np.array([[0.5], [0.2]]), np.array([[0.0]])
    assert offset_scores(*similarities, "3CosAdd") == pytest.approx(0.7)
    assert offset_scores(*similarities, "3CosMul") == pytest.approx(0.45 / 0.501)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(1, 15))
def test_largest_breaks_ties_by_position(scores: list[int], count: int) -> None:
    expected = sorted(range(len(scores)), key=lambda position: -scores[position])[:count]
    assert largest(np.array([scores], dtype=float), count).tolist() == [expected]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gensim_finds_the_same(dtype: type) -> None:
    pytest.importorskip("gensim", reason="needs the extra gensim")
    vectors = random_vectors(words=300, dim=20)
    vectors = sp.WordVectors(vectors.words, vectors.matrix.astype(dtype))
    keyed = sp.to_gensim(vectors)
    for theirs, ours in [
        (keyed.most_similar("w7", topn=20), sp.neighbours(vectors, ["w7"], count=20)),
        (keyed.most_similar("w250", topn=20, restrict_vocab=100), sp.neighbours(vectors, ["w250"], count=20, restrict=100)),
        (keyed.most_similar(["w1", "w2"], ["w3"], topn=20), sp.arithmetic(vectors, ["w1", "w2"], ["w3"], count=20)),
    ]:
        assert ours["neighbour"].tolist() == [word for word, _ in theirs]
        np.testing.assert_allclose(ours["similarity"], [similarity for _, similarity in theirs], atol=1e-6)
    theirs = keyed.most_similar_cosmul(["w1", "w2"], ["w3"], topn=5)  # its ε is 1e-6
    assert sp.arithmetic(vectors, ["w1", "w2"], ["w3"], count=5, rule="3CosMul")["neighbour"].tolist() == [w for w, _ in theirs]


def test_refusals() -> None:
    vectors = random_vectors()
    with pytest.raises(sp.InputError, match="did you mean"):
        sp.neighbours(vectors, ["w999"])
    with pytest.raises(sp.InputError, match="count=0"):
        sp.neighbours(vectors, ["w1"], count=0)
    with pytest.raises(sp.InputError, match="restrict=0"):
        sp.neighbours(vectors, ["w1"], restrict=0)
    with pytest.raises(sp.InputError, match="must add at least one word"):
        sp.arithmetic(vectors, [], ["w1"])
    with pytest.raises(sp.InputError, match=r"question=w1 \+ w2 - w2 - w1: is zero here"):
        sp.arithmetic(vectors, ["w1", "w2"], ["w2", "w1"])
    with pytest.raises(sp.InputError, match="must be one of 3CosAdd"):
        sp.arithmetic(random_vectors(normalize="none"), ["w1"], rule="3CosMul")


def test_a_composed_word_has_neighbours_and_is_none() -> None:
    vectors = with_ngrams()
    assert vectors.subwords is not None
    composed = vectors.subwords.compose("kingg")
    cosines = {word: cosine(composed, row) for word, row in zip(vectors.words, vectors.matrix, strict=True)}
    found = sp.neighbours(vectors, ["kingg", "pear"], 5)
    asked = found[found["word"] == "kingg"]
    assert asked["neighbour"].tolist() == sorted(cosines, key=lambda word: -cosines[word])
    np.testing.assert_allclose(asked["similarity"], sorted(cosines.values(), reverse=True), rtol=1e-12)
    assert set(found[found["word"] == "pear"]["neighbour"]) == {"king", "queen"}
    assert sp.neighbours(vectors, ["kingg"], 5, restrict=2)["neighbour"].isin(["king", "queen"]).all()
    summed = sp.arithmetic(vectors, ["kingg", "queen"], ["pear"], rule="3CosMul")
    assert summed["neighbour"].tolist() == ["king"]
    with pytest.raises(sp.InputError, match="word=zzz: is not in the vocabulary"):
        sp.neighbours(vectors, ["zzz"])


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_zero_vectors_have_no_neighbours_and_are_none(make: Callable[[np.ndarray], Any]) -> None:
    vectors = sp.WordVectors(("Zero", "a", "b", "c"), make(np.array([[0.0, 0], [1, 0], [1, 1], [-1, 1]])))
    assert sp.neighbours(vectors, ["a"])["neighbour"].tolist() == ["b", "c"]
    assert sp.arithmetic(vectors, ["a"], ["b"])["neighbour"].tolist() == ["c"]
    for word in ("Zero", "zero"):
        with pytest.raises(sp.InputError, match=r"word=[Zz]ero"):
            sp.neighbours(vectors, [word])
    # Another spelling answers where it has a vector.
    both = sp.WordVectors(("Zero", "zero", "a"), make(np.array([[0.0, 0], [1, 0], [1, 1]])))
    assert sp.neighbours(both, ["Zero"])["neighbour"].tolist() == ["a"]
