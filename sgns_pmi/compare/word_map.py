"""Where words lie on a map: vectors in two dimensions, and their clusters."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.manifold import TSNE

from sgns_pmi.compare.vectors import WordVectors
from sgns_pmi.errors import check_choice, missing_extra

Array = NDArray[np.floating[Any]]
PROJECTIONS = ("pca", "tsne", "umap")
REDUCED = 50
"""Sparse rows are reduced to so many dimensions first, as is usual before t-SNE (van der Maaten & Hinton 2008)."""
MOST_CLUSTERS = 8


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
    if projection == "pca" or len(points) < 4:
        flat = PCA(min(2, *points.shape), random_state=seed).fit_transform(points)
        return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    if projection == "tsne":
        # The perplexity must be below the number of points.
        return TSNE(perplexity=min(30.0, (len(points) - 1) / 3), random_state=seed).fit_transform(points)
    from umap import UMAP  # numba compiles it for seconds: only where asked for

    return UMAP(n_neighbors=min(15, len(points) - 1), init="pca", random_state=seed, n_jobs=1).fit_transform(points)


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
    labels = KMeans(number, n_init=10, random_state=seed).fit_predict(points)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _dense(vectors: WordVectors, count: int, seed: int) -> Array:
    points = vectors.unit[:count]
    if not sp.issparse(points):
        return np.asarray(points)
    return TruncatedSVD(min(REDUCED, min(points.shape) - 1), random_state=seed).fit_transform(points)


__all__ = ["PROJECTIONS", "check_projection", "clusters", "project"]
