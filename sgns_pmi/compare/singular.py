"""Singular values of estimates: what rank they have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

Array = NDArray[np.floating[Any]]
DENSE_SIDE = 500
"""Up to this side a matrix is decomposed whole."""


def leading_singular_values(matrix: Array, count: int) -> Array:
    """The largest singular values of a matrix, descending, at most `count`; infinite entries are taken as 0."""
    finite = np.where(np.isfinite(matrix), matrix, 0.0).astype(np.float64)
    if min(finite.shape) <= max(DENSE_SIDE, 2 * count) or not finite.any():
        return np.linalg.svd(finite, compute_uv=False)[:count]
    # A fixed start makes the result repeatable.
    return np.sort(svds(finite, k=count, return_singular_vectors=False, v0=np.ones(min(finite.shape))))[::-1]


__all__ = ["leading_singular_values"]
