"""Biases as columns: the product that they stand for, and what is taken out again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sgns_pmi.factorise.solvers.biases import ONES, free_columns, parts, with_biases


@pytest.mark.parametrize("dim", [0, 3])
@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_the_product_is_v_u_and_two_biases(dim, kind):
    rng = np.random.default_rng(0)
    V, U, b, c = rng.normal(size=(5, dim)), rng.normal(size=(4, dim)), rng.normal(size=5), rng.normal(size=4)
    left, right = (torch.as_tensor(side).numpy() for side in with_biases(kind(V), kind(U)))
    np.testing.assert_array_equal(left @ right.T, V @ U.T)
    left[:, -2], right[:, -1] = b, c
    np.testing.assert_allclose(left @ right.T, V @ U.T + b[:, None] + c, atol=1e-14)
    for found, known in zip(parts(left, right, True), (V, U, b, c), strict=True):
        np.testing.assert_array_equal(found, known)
    assert parts(V, U, False)[2:] == (None, None)


def test_all_columns_but_the_ones_are_free():
    assert free_columns(3, False) == ([0, 1, 2], [0, 1, 2])
    for free, ones in zip(free_columns(5, True), ONES, strict=True):
        assert sorted([*free, 5 + ones]) == [0, 1, 2, 3, 4]
