"""Hessians by products of pairs of columns are the sums of outer products, of arrays and of tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sgns_pmi.factorise.solvers.pair_sums import above, column_pairs, whole


@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy])
def test_they_are_sums_of_outer_products(of):
    rng = np.random.default_rng(0)
    s, u, w = rng.random((4, 6)), rng.normal(size=(6, 3)), rng.random(6)
    expected = np.stack([sum(s[i, j] * w[j] * np.outer(u[j], u[j]) for j in range(6)) for i in range(4)])
    packed = of(s) @ column_pairs(of(u * w[:, None]), of(u))
    np.testing.assert_allclose(np.asarray(whole(packed, 3)), expected)
    np.testing.assert_array_equal(np.asarray(above(whole(packed, 3))), np.asarray(packed))


def test_leading_axes_are_those_of_several_starts():
    rng = np.random.default_rng(1)
    s, u = rng.random((2, 4, 6)), rng.normal(size=(2, 6, 3))
    together = whole(s @ column_pairs(u, u), 3)
    for at in range(2):
        np.testing.assert_allclose(together[at], whole(s[at] @ column_pairs(u[at], u[at]), 3))
