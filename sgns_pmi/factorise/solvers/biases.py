"""Biases as columns of the factors: [V, b, 1] and [U, 1, c], whose product is V·Uᵀ + b + c."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
Factor = TypeVar("Factor", Array, Tensor)
ONES = -1, -2
"""The column of ones, which does not move, in [V, b, 1] and in [U, 1, c]."""


class Parts(NamedTuple):
    """V (words, dim), U (contexts, dim), and the biases b (words,) and c (contexts,), or None."""

    V: Array
    U: Array
    row_bias: Array | None
    col_bias: Array | None


def with_biases(V: Factor, U: Factor, b: Factor | None = None, c: Factor | None = None) -> tuple[Factor, Factor]:
    """[V, b, 1] and [U, 1, c]; biases (words,) and (contexts,) that are not given are 0."""
    (zeros_V, ones_V), (zeros_U, ones_U) = (_constant_columns(factor) for factor in (V, U))
    return _beside(V, zeros_V if b is None else b[:, None], ones_V), _beside(U, ones_U, zeros_U if c is None else c[:, None])


def parts(V: Array, U: Array, bias: bool) -> Parts:
    """V, U, b and c of factors that hold biases or do not; copies, so that the factors can be let go."""
    if not bias:
        return Parts(V.copy(), U.copy(), None, None)
    return Parts(V[:, :-2].copy(), U[:, :-2].copy(), V[:, -2].copy(), U[:, -1].copy())


def given(found: Parts) -> tuple[Array, ...]:
    """Those of the parts that there are, as a start."""
    return tuple(part for part in found if part is not None)


def free_columns(width: int, bias: bool) -> tuple[list[int], list[int]]:
    """The columns of each factor, `width` wide, that may move: all but the ones."""
    every = list(range(width))
    if not bias:
        return every, every
    return every[:-1], [*every[:-2], width - 1]


def _constant_columns(factor: Factor) -> tuple[Factor, Factor]:
    """A column of zeros and one of ones, (size, 1), typed as the factor."""
    if isinstance(factor, np.ndarray):
        return np.zeros((len(factor), 1), factor.dtype), np.ones((len(factor), 1), factor.dtype)
    return factor.new_zeros(len(factor), 1), factor.new_ones(len(factor), 1)


def _beside(*columns: Factor) -> Factor:
    return np.hstack(columns) if isinstance(columns[0], np.ndarray) else torch.cat(columns, dim=1)
