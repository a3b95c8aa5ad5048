"""Maps: coordinates of the most frequent words, and clusters."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import scipy.sparse as sparse
from words import random_vectors

import sgns_pmi as sp
from sgns_pmi.compare.words.word_map import clusters, project, word_map


def grouped(groups: int = 3, each: int = 8) -> sp.WordVectors:
    """Words in well separated groups, one after the other."""
    rng = np.random.default_rng(0)
    matrix = np.repeat(np.eye(groups, 10), each, axis=0) + 0.02 * rng.normal(size=(groups * each, 10))
    return sp.WordVectors(tuple(f"{group}-{n}" for group in range(groups) for n in range(each)), matrix)


def test_pca_keeps_the_plane_of_greatest_variance() -> None:
    vectors = random_vectors()
    unit = vectors.unit[:40]
    left, values, _ = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    found = project(vectors, 40)
    np.testing.assert_allclose(np.abs(found), np.abs(left[:, :2] * values[:2]), atol=1e-9)


@pytest.mark.parametrize("projection", ["pca", "tsne"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_groups_stay_together(projection: str, make) -> None:
    vectors = grouped()
    points = project(sp.WordVectors(vectors.words, make(vectors.matrix)), 24, projection)
    groups = np.repeat(range(3), 8)
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    assert (groups[np.argsort(distances, axis=1)[:, 1]] == groups).all()


def test_clusters_are_the_groups_numbered_by_their_most_frequent_word() -> None:
    assert clusters(grouped(), 24).tolist() == np.repeat(range(3), 8).tolist()


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("projection", ["pca", "tsne"])
def test_a_few_words_have_a_map(count: int, projection: str) -> None:
    assert project(random_vectors(), count, projection).shape == (count, 2)
    assert len(clusters(random_vectors(), count)) == count


@pytest.mark.parametrize("projection", ["pca", "tsne"])
@pytest.mark.filterwarnings("error")
def test_words_that_coincide_are_one_cluster(projection: str) -> None:
    vectors = sp.WordVectors(tuple("abcdefgh"), np.zeros((8, 3)))
    assert clusters(vectors, 8).tolist() == [0] * 8
    np.testing.assert_array_equal(project(vectors, 8, projection), np.zeros((8, 2)))


def test_panels_show_the_same_words_whatever_their_own_order() -> None:
    first = sp.WordVectors(("a", "b", "c"), np.array([[1.0, 2], [3, 4], [5, 6]]))
    other = sp.WordVectors(("c", "a", "b"), np.array([[0.0, 1], [2, 3], [4, 5]]))
    found = word_map({"V": first, "U": other}, 2, "plane")
    for panel, points in {"V": [[1, 2], [3, 4]], "U": [[2, 3], [4, 5]]}.items():
        own = found[found["panel"] == panel]
        assert own["word"].tolist() == ["a", "b"]
        np.testing.assert_array_equal(own[["x", "y"]], points)


def test_without_umap_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(sp.InputError, match=r"pip install 'sgns-pmi\[umap\]'"):
        project(random_vectors(), 10, "umap")
    with pytest.raises(sp.InputError, match="did you mean tsne"):
        project(random_vectors(), 10, "tsn")


@pytest.mark.filterwarnings("error")
def test_sparse_vectors_that_are_all_zero_coincide() -> None:
    """SPPMI where log k is above every PMI."""
    vectors = sp.WordVectors(tuple("abcdef"), sparse.csr_array((6, 6)))
    np.testing.assert_array_equal(project(vectors, 5), np.zeros((5, 2)))
    np.testing.assert_array_equal(clusters(vectors, 5), np.zeros(5))


def test_sparse_vectors_of_two_contexts_lie_in_a_plane_as_they_are() -> None:
    vectors = sp.WordVectors(("a", "b"), sparse.csr_array(np.array([[0.5, 0], [0, 0.25]])))
    np.testing.assert_array_equal(word_map({"V": vectors}, 2, "plane")[["x", "y"]], [[0.5, 0], [0, 0.25]])
