"""Hessians Σ_j s_ij u_j u_jᵀ of all rows in one product: of s with the products of pairs of columns of U."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.compiled import compiled

Array = TypeVar("Array", NDArray[Any], Tensor)


def column_pairs(weighted: Array, features: Array) -> Array:
    """w_jf u_jg for f ≤ g, (..., contexts, dim (dim + 1) / 2), of w and u (..., contexts, dim)."""
    first, second = _above(features.shape[-1])
    return weighted[..., first] * features[..., second]


def whole(packed: Array, dim: int) -> Array:
    """Symmetric matrices (..., dim, dim) of their entries f ≤ g, in the order of `column_pairs`."""
    first, second = _above(dim)
    place = np.empty((dim, dim), dtype=np.int64)
    place[first, second] = place[second, first] = np.arange(len(first))
    return packed[..., place.ravel()].reshape(*packed.shape[:-1], dim, dim)


def above(matrices: Array) -> Array:
    """The entries f ≤ g (..., dim (dim + 1) / 2) of matrices (..., dim, dim)."""
    first, second = _above(matrices.shape[-1])
    return matrices[..., first, second]


@compiled(nogil=True, fastmath={"reassoc", "contract", "nsz"})
def multiply_halves(halves: NDArray[Any], vectors: NDArray[Any], products: NDArray[Any], first: int, last: int) -> None:
    """Add to the `products` (rows, dim) of rows first ... last − 1 a symmetric matrix, its entries f ≤ g, times its vector."""
    dim = vectors.shape[1]
    for row in range(first, last):
        half, vector, product = halves[row], vectors[row], products[row]
        at = 0
        for f in range(dim):
            entries, others, found = half[at : at + dim - f], vector[f:], product[f:]
            own, total = vector[f], product[f] - product[f]
            for g in range(1, len(entries)):
                total += entries[g] * others[g]
                found[g] += entries[g] * own
            product[f] += total + entries[0] * own
            at += dim - f


@cache
def _above(dim: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.triu_indices(dim)


__all__ = ["above", "column_pairs", "multiply_halves", "whole"]
