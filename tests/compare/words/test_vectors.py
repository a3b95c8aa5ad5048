"""Word vectors: selection, normalisation, order, and lookups as a person would expect."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sparse
from words import random_vectors, with_ngrams

import sgns_pmi as sp
from sgns_pmi.compare.words.vectors import estimator_vectors, word_vectors


def test_normalisations_are_those_of_levy_goldberg_and_dagan() -> None:
    vectors = random_vectors()
    norm = np.linalg.norm
    np.testing.assert_allclose(norm(vectors.unit, axis=1), 1, rtol=1e-12)
    column = random_vectors(normalize="column").unit
    np.testing.assert_allclose(norm(column, axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(column / vectors.matrix, np.broadcast_to(1 / norm(vectors.matrix, axis=0), column.shape))
    both = random_vectors(normalize="both").unit
    np.testing.assert_allclose(both, column / norm(column, axis=1)[:, None], rtol=1e-12)
    np.testing.assert_array_equal(random_vectors(normalize="none").unit, vectors.matrix)


@pytest.mark.parametrize("normalize", ["row", "column", "both", "none"])
def test_sparse_rows_answer_as_dense_ones_and_stay_sparse(normalize: str) -> None:
    dense = np.where(np.random.default_rng(0).random((30, 40)) < 0.2, 1.5, 0.0)
    dense[3] = 0  # a word without contexts: no direction, similarity 0
    words = tuple(map(str, range(30)))
    expected = sp.WordVectors(words, dense, normalize).similarities(range(30))
    vectors = sp.WordVectors(words, sparse.csr_array(dense), normalize)
    assert sparse.issparse(vectors.unit)
    np.testing.assert_allclose(vectors.similarities(range(30)), expected, atol=1e-12)
    np.testing.assert_allclose(vectors.similarities([4, 2], among=7), expected[[4, 2], :7], atol=1e-12)
    assert (expected[3] == 0).all()


def test_kinds_of_vectors() -> None:
    rng = np.random.default_rng(0)
    V, U = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    kinds = {kind: word_vectors(V, U, vectors=kind).matrix for kind in ("V", "U", "V+U", "mean")}
    for kind, matrix in {"V": V, "U": U, "V+U": V + U, "mean": (V + U) / 2}.items():
        np.testing.assert_array_equal(kinds[kind], matrix)


def test_words_stand_in_descending_frequency() -> None:
    counts = sp.CooccurrenceCounts.from_triples(["a", "b", "b", "c"], ["b", "a", "c", "b"], [1, 5, 4, 2])
    est = sp.SPPMISVD(dim=2, k=1).fit(counts)
    vectors = estimator_vectors(est, counts)
    assert vectors.words == ("b", "c", "a")
    np.testing.assert_array_equal(vectors.matrix, est.V_[[1, 2, 0]])
    contexts = estimator_vectors(est, counts, "U")
    assert contexts.words == ("a", "c", "b")
    np.testing.assert_array_equal(contexts.matrix, est.U_[[0, 2, 1]])


def test_words_without_names_are_numbers() -> None:
    assert word_vectors(np.eye(3)).words == ("0", "1", "2")


def test_another_case_is_found_in_its_most_frequent_spelling() -> None:
    vectors = sp.WordVectors(("the", "Polish", "polish", "POLISH"), np.eye(4))
    assert [vectors.position(word) for word in ("polish", "Polish", "pOlish", "The")] == [2, 1, 1, 0]


def test_an_unknown_word_is_refused_with_close_ones() -> None:
    vectors = sp.WordVectors(("king", "queen", "kin"), np.eye(3))
    with pytest.raises(sp.InputError, match=r"word=kingg: is not in the vocabulary; did you mean king, kin\?"):
        vectors.position("kingg")
    with pytest.raises(sp.InputError, match="did you mean queen"):
        vectors.position("QUEEM")
    with pytest.raises(sp.InputError, match="is not in the vocabulary of 3 words"):
        vectors.position("zzzzzz")


def damaged(array: str) -> sparse.csr_array:
    """A matrix whose products would read memory that is not its own."""
    matrix = sparse.csr_array(np.eye(2))
    getattr(matrix, array)[1] = 10**8
    return matrix


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sp.WordVectors(("a", "a"), np.eye(2)), "words=a: stands twice"),
        (lambda: sp.WordVectors(("a",), np.eye(2)), "must name each row"),
        (lambda: sp.WordVectors(("a", "b"), np.array([[1.0], [np.nan]])), "finite"),
        (lambda: sp.WordVectors(("a", "b"), np.eye(2).astype(str)), "real numbers"),
        (lambda: sp.WordVectors(("a", "b"), np.eye(2).astype(object)), "real numbers"),
        (lambda: sp.WordVectors((1, 2), np.eye(2)), "words=1: must be text"),
        (lambda: sp.WordVectors(("a",), [[1.0]]), "vectors=list: must be an array"),
        (lambda: sp.WordVectors(("a",), np.ma.masked_array([[1.0]], [[True]])), "none of it masked"),
        (lambda: sp.WordVectors((), np.ones((0, 2))), "must have a word"),
        (lambda: sp.neighbours(sp.WordVectors(("a",), np.eye(1)), [None]), "word=None: must be text"),
        (lambda: sp.neighbours(sp.WordVectors(("a",), np.eye(1)), 5), "word=5: must be text"),
        (lambda: sp.arithmetic(sp.WordVectors(("a",), np.eye(1)), ["a"], [["a"]]), "word=.*: must be text"),
        (lambda: sp.WordVectors(("a", "b"), damaged("indices")), "damaged: indices"),
        (lambda: sp.WordVectors(("a", "b"), damaged("indptr")), "damaged: indptr"),
        (lambda: sp.WordVectors(("a", "b"), np.eye(2), "rows"), "must be one of row, column, both, none"),
        (lambda: word_vectors(np.eye(2), vectors="W"), "must be one of V, U, V"),
        (lambda: word_vectors(np.eye(2), vectors="mean"), "needs context vectors"),
        (lambda: word_vectors(np.eye(2), np.eye(2), vocab="ab", context_vocab="ac", vectors="V+U"), "needs the same words"),
        (lambda: word_vectors(np.eye(2), np.eye(3), vectors="V+U"), "needs the same words"),
    ],
)
def test_refusals(make, message: str) -> None:
    with pytest.raises(sp.InputError, match=message):
        make()


@pytest.mark.parametrize("normalize", ["row", "column", "both", "none"])
def test_unknown_words_are_composed_below_the_others(normalize: str) -> None:
    vectors = with_ngrams(normalize)
    found = vectors.with_composed(["kingg", "KING", "pears", "zzz", "kingg"])
    assert found.words == ("king", "queen", "pear", "kingg", "pears")
    np.testing.assert_allclose(found.unit[:3], vectors.unit, rtol=1e-12)  # the words' own columns give the norms
    assert vectors.subwords is not None
    composed = vectors.subwords.compose("kingg")
    if normalize in ("column", "both"):
        composed = composed / np.sqrt((vectors.matrix**2).sum(0))
    if normalize in ("row", "both"):
        composed = composed / np.sqrt(composed @ composed)
    np.testing.assert_allclose(found.unit[3], composed, rtol=1e-12)
    assert vectors.with_composed(["king", "zzz"]) is vectors
    assert [word in vectors for word in ("king", "King", "kingg", "zzz")] == [True, True, True, False]
    assert random_vectors().with_composed(["w99"]).words == random_vectors().words


def test_ngrams_are_those_of_centre_vectors() -> None:
    V, U, subwords = np.eye(3), np.eye(3), with_ngrams().subwords
    assert word_vectors(V, U, subwords=subwords).subwords is subwords
    for kind in ("U", "V+U", "mean"):
        assert word_vectors(V, U, vectors=kind, subwords=subwords).subwords is None


def test_repr_is_short() -> None:
    assert repr(sp.WordVectors(("a", "b"), np.ones((2, 3)))) == "WordVectors(2 words x 3)"
