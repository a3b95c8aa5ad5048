"""Where words lie on a map: vectors in two dimensions, and their clusters."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.words.questions import Question, Subjects, check_list, register_question, rows_together
from sgns_pmi.compare.words.vectors import WordVectors, estimator_vectors
from sgns_pmi.errors import check_choice, check_integer, missing_extra
from sgns_pmi.lazily import pd, sklearn, sp
from sgns_pmi.streams import seed_sequence

Array = NDArray[np.floating[Any]]
PROJECTIONS = ("pca", "tsne", "umap")
REDUCED = 50
"""Sparse rows are reduced to so many dimensions first, as is usual before t-SNE (van der Maaten & Hinton 2008)."""
MOST_CLUSTERS = 8
FEW = 40
"""Up to so many words have a map of each kind of vectors, side by side."""


def check_projection(projection: str) -> None:
    """Raise `InputError` for an unknown projection, or one whose package is not installed."""
    check_choice("projection", projection, PROJECTIONS)
    if projection == "umap" and importlib.util.find_spec("umap") is None:
        raise missing_extra("umap-learn", "umap", "for UMAP maps")


def project(vectors: WordVectors, count: int, projection: str = "pca", seed: int = 0) -> Array:
    """Coordinates of the most frequent words, from their normalised vectors.

    Parameters
    ----------
    vectors : WordVectors
    count : int
        How many words; all, if there are fewer.
    projection : {"pca", "tsne", "umap"}, default "pca"
        UMAP needs the extra ``umap``.
    seed : int, default 0

    Returns
    -------
    ndarray, (min(count, words), 2)

    Raises
    ------
    InputError
        For an unknown projection, or umap where it is not installed.
    """
    check_projection(projection)
    points = _dense(vectors, count, seed)
    if not np.ptp(points, axis=0).any():  # all at one place, as zero vectors are
        return np.zeros((len(points), 2))
    if projection == "pca" or len(points) < 4:
        flat = sklearn.decomposition.PCA(min(2, *points.shape), random_state=_state(seed, "pca")).fit_transform(points)
        return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    if projection == "tsne":
        # The perplexity must be below the number of points.
        return sklearn.manifold.TSNE(
            perplexity=min(30.0, (len(points) - 1) / 3), random_state=_state(seed, "tsne")
        ).fit_transform(points)
    from umap import UMAP  # numba compiles it for seconds: only where asked for

    return UMAP(n_neighbors=min(15, len(points) - 1), init="pca", random_state=_state(seed, "umap"), n_jobs=1).fit_transform(
        points
    )


def clusters(vectors: WordVectors, count: int, seed: int = 0) -> NDArray[np.intp]:
    """Cluster of each of the most frequent words: k-means on the normalised vectors, about √(words / 2) clusters, 8 at most.

    Returns
    -------
    ndarray, (min(count, words),)
        Numbered from 0 in the order of their most frequent words.
    """
    points = _dense(vectors, count, seed)
    distinct = len(np.unique(points, axis=0))
    number = min(MOST_CLUSTERS, distinct, max(2, round((len(points) / 2) ** 0.5)))
    labels = sklearn.cluster.KMeans(number, n_init=10, random_state=_state(seed, "clusters")).fit_predict(points)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def word_map(kinds: Mapping[str, WordVectors], count: int, projection: str, seed: int = 0) -> pd.DataFrame:
    """The map of a method's most frequent words, one panel for each kind of its vectors.

    Parameters
    ----------
    kinds : mapping of panel title to WordVectors
        Kinds of vectors over the same words; the clusters are those of the first.
    count : int
        How many words.
    projection : {"pca", "tsne", "umap", "plane"}
        "plane" takes vectors of two dimensions as they are.
    seed : int, default 0

    Returns
    -------
    DataFrame
        Columns panel, word, x, y, cluster; in each panel the same words, most frequent first.
    """
    first = next(iter(kinds.values()))
    # Each kind has an order of its own, by its own frequencies; a map shows the same words in every panel.
    words, groups = first.words[:count], clusters(first, count, seed)
    panels = []
    for name, vectors in kinds.items():
        own = vectors.among(words)
        flat = _plane(own) if projection == "plane" else project(own, count, projection, seed)
        panels.append(pd.DataFrame({"panel": name, "word": words, "x": flat[:, 0], "y": flat[:, 1], "cluster": groups}))
    return pd.concat(panels, ignore_index=True)


@register_question
@dataclass(frozen=True)
class MapQuestion(Question):
    """Which maps are drawn, and of how many words: the keys ``eval.maps`` and ``eval.map_words``."""

    maps: Sequence[str] = ("pca",)
    map_words: int = 150
    name = "word_map"
    file = "maps"
    place = 50

    def read(self) -> Sequence[str]:
        """The projections."""
        check_list("maps", self.maps)
        for projection in self.maps:
            check_choice("maps", projection, PROJECTIONS)
            check_projection(projection)
        check_integer("map_words", self.map_words, 2)
        return self.maps

    def ask(self, asked: Sequence[str], subjects: Subjects) -> pd.DataFrame:
        """Columns method, projection, panel, word, x, y, cluster; no rows where words have no names, or there is only one.

        Of at most `FEW` words V, U and their mean are shown side by side, where all three have them; and vectors of two
        dimensions as they are ("plane"), in place of PCA.
        """
        maps = []
        for method, own in subjects.vectors.items():
            kinds = _kinds(method, own, subjects)
            for projection in asked if kinds else ():
                drawn = "plane" if projection == "pca" and own.matrix.shape[1] == 2 else projection
                frame = word_map(kinds, self.map_words, drawn, subjects.seed)
                frame.insert(0, "method", method)
                frame.insert(1, "projection", drawn)
                maps.append(frame)
        return rows_together(maps)


def _kinds(method: str, own: WordVectors, subjects: Subjects) -> dict[str, WordVectors]:
    """The panels of a method's maps; none where words have no names, or there is only one."""
    counts, estimator = subjects.counts, subjects.fitted.get(method)
    if counts is None or estimator is None or counts.vocab is None or len(counts.vocab) < 2:
        return {}
    if len(counts.vocab) <= FEW and counts.vocab == counts.context_vocab and hasattr(estimator, "U_"):
        return {kind: estimator_vectors(estimator, counts, kind, own.normalize) for kind in ("V", "U", "mean")}
    return {subjects.kind: own}


def _plane(vectors: WordVectors) -> Array:
    return vectors.matrix.toarray() if sp.issparse(vectors.matrix) else np.asarray(vectors.matrix)


def _state(seed: int, purpose: str) -> int:
    """scikit-learn's kind of seed, below 2³², for one purpose."""
    return int(seed_sequence(seed, "word map", purpose).generate_state(1)[0])


def _dense(vectors: WordVectors, count: int, seed: int) -> Array:
    points = vectors.unit[:count]
    if not sp.issparse(points):
        return np.asarray(points)
    if points.nnz == 0:  # SPPMI may have no positive cell
        return np.zeros((points.shape[0], 2))
    return sklearn.decomposition.TruncatedSVD(
        min(REDUCED, min(points.shape) - 1), random_state=_state(seed, "reduced")
    ).fit_transform(points)


__all__ = ["PROJECTIONS", "MapQuestion", "check_projection", "clusters", "project", "word_map"]
