"""Decompositions against LAPACK and scikit-learn, and factors in canonical form."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import aslinearoperator
from sklearn.decomposition import TruncatedSVD

from sgns_pmi.factorise.linalg import balanced, randomized_svd, shifted_power, truncated_svd
from sgns_pmi.streams import stream


def test_iterative_path_agrees_with_lapack_and_sklearn():
    matrix = sparse.random_array((620, 560), density=0.05, random_state=np.random.default_rng(0), format="csr")
    left, values, right = truncated_svd(matrix, 6, seed=1)
    dense = np.linalg.svd(matrix.toarray())
    np.testing.assert_allclose(values, dense[1][:6], rtol=1e-10)
    np.testing.assert_allclose(left * values @ right.T, dense[0][:, :6] * dense[1][:6] @ dense[2][:6], atol=1e-8)
    sklearn = TruncatedSVD(6, algorithm="arpack", random_state=3).fit(matrix)
    np.testing.assert_allclose(values, sklearn.singular_values_, rtol=1e-10)
    for other in (truncated_svd(aslinearoperator(matrix), 6, seed=1), truncated_svd(matrix, 6, seed=2)):
        np.testing.assert_allclose(other[0], left, atol=1e-7)  # signs too
    for first, again in zip((left, values, right), truncated_svd(matrix, 6, seed=1), strict=True):
        np.testing.assert_array_equal(first, again)


def test_iterative_path_of_a_rank_below_dim():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(700, 2)) @ rng.normal(size=(2, 600))
    left, values, right = truncated_svd(matrix, 5)
    np.testing.assert_allclose(left * values @ right.T, matrix, atol=1e-5)
    np.testing.assert_allclose(values[2:], 0, atol=1e-5)


def test_all_triplets_of_a_matrix_beyond_the_dense_side():
    matrix = sparse.random_array((520, 510), density=0.02, random_state=np.random.default_rng(0), format="csr")
    left, values, right = truncated_svd(matrix, 510)
    np.testing.assert_allclose(left * values @ right.T, matrix.toarray(), atol=1e-10)


def test_signs_are_fixed():
    left, _, _ = truncated_svd(np.random.default_rng(0).normal(size=(30, 20)), 5)
    assert (left[np.abs(left).argmax(0), range(5)] > 0).all()


def test_randomized_svd_finds_a_decaying_spectrum():
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(size, 60)))[0] for size in (300, 200))
    values = 0.8 ** np.arange(60)
    matrix = sparse.csr_array((left * values) @ right.T)
    found_left, found, found_right = randomized_svd(matrix, 8, seed=1)
    exact_left, exact, exact_right = truncated_svd(matrix, 8)
    np.testing.assert_allclose(found, exact, rtol=1e-3)
    np.testing.assert_allclose(found_left @ found_left.T @ exact_left[:, :4], exact_left[:, :4], atol=1e-2)
    np.testing.assert_allclose((found_left * found) @ found_right.T, (exact_left * exact) @ exact_right.T, atol=0.05)


def decaying(values, shape=(90, 70)):
    """A dense matrix of given singular values."""
    rng = np.random.default_rng(4)
    left, right = (np.linalg.qr(rng.normal(size=(size, len(values))))[0] for size in shape)
    return (left * values) @ right.T


@pytest.mark.parametrize("tolerance", [0.1, 1e-3, 1e-6])
def test_shifted_power_is_within_its_bounds(tolerance):
    """A spectrum that decays slowly: values within the bounds, from below, and vectors of the error that is said."""
    matrix = decaying(1 / np.sqrt(1 + np.arange(60)))
    exact = np.linalg.svd(matrix, compute_uv=False)[:6]
    for seed in range(10):
        found = shifted_power(lambda basis: matrix.T @ (matrix @ basis), 70, 6, seed, tolerance)
        off = exact - found.values
        assert (off >= -1e-13).all()
        assert (off <= found.bounds + 1e-13).all()
        assert found.errors.max() <= tolerance * found.values[-1] ** 2
        vectors = matrix.T @ (matrix @ found.right) - found.right * found.values**2
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=0), found.errors, rtol=1e-6, atol=1e-14)
        np.testing.assert_allclose(found.right.T @ found.right, np.eye(6), atol=1e-12)


def test_a_shift_spares_readings_of_a_matrix():
    """Of the block iteration as it is, with its shift held at zero, the error falls more slowly."""
    matrix = decaying(0.97 ** np.arange(60))
    exact = np.linalg.svd(matrix, compute_uv=False)[:6]
    plain = np.linalg.qr(stream(0, "singular vectors", "shifted").normal(size=(70, 16)))[0]
    for _ in range(11):
        plain = np.linalg.qr(matrix.T @ (matrix @ plain))[0]
    found = shifted_power(lambda basis: matrix.T @ (matrix @ basis), 70, 6, tolerance=0, passes=12)
    unshifted = np.linalg.svd(matrix @ plain, compute_uv=False)[:6]
    assert found.passes == 12
    assert np.abs(exact - found.values).max() < 0.2 * np.abs(exact - unshifted).max()


def test_shifted_power_of_a_rank_below_dim_and_of_zeros():
    matrix = decaying(np.array([3.0, 1.0]))
    found = shifted_power(lambda basis: matrix.T @ (matrix @ basis), 70, 5)
    np.testing.assert_allclose(found.values, [3, 1, 0, 0, 0], atol=1e-6)
    zeros = shifted_power(np.zeros_like, 4, 4)
    assert (zeros.passes, zeros.values.tolist(), zeros.bounds.tolist()) == (1, [0.0] * 4, [0.0] * 4)


@given(seed=st.integers(0, 10_000), dim=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_balanced_factors_have_the_same_product_and_equal_scales(seed, dim):
    rng = np.random.default_rng(seed)
    V, U = rng.normal(size=(9, dim)) * 7, rng.normal(size=(5, dim))
    rows, cols = rng.dirichlet(np.ones(9)), rng.dirichlet(np.ones(5))
    v, u = balanced(V, U, rows, cols)
    np.testing.assert_allclose(v @ u.T, V @ U.T, atol=1e-9)
    values = np.linalg.svd(np.sqrt(rows)[:, None] * (V @ U.T) * np.sqrt(cols), compute_uv=False)[:dim]
    for factor, weight in ((v, rows), (u, cols)):
        np.testing.assert_allclose(factor.T @ (weight[:, None] * factor), np.diag(values), atol=1e-9)
