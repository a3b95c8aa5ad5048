"""PMI, SPPMI and noise distributions against closed forms, dense formulas and the R figures."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import sgns_pmi as sp
from sgns_pmi.errors import InputError


def random_counts(seed: int, words: int = 9, contexts: int = 7) -> np.ndarray:
    """Counts with unseen cells, one empty row and one empty column."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.6, 4.0, size=(words, contexts))).astype(float)
    counts[0, 0] += 1
    counts[3] = 0
    counts[:, 5] = 0
    return counts


def dense_pmi(counts: np.ndarray, exponent: float = 1.0) -> np.ndarray:
    """log P(i, j) / (P(i) P_α(j)) from probabilities."""
    joint = counts / counts.sum()
    column = counts.sum(0) ** exponent
    column = np.where(counts.sum(0) > 0, column, 0) / column[counts.sum(0) > 0].sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(counts > 0, np.log(joint / (joint.sum(1)[:, None] * column)), -np.inf)


# PMI


def test_two_by_two():
    """n = [[3, 1], [1, 3]]: every marginal is 1/2, so PMI is log 4·(3/8) = log 1.5 and log 0.5."""
    np.testing.assert_allclose(sp.pmi_matrix([[3, 1], [1, 3]]), np.log([[1.5, 0.5], [0.5, 1.5]]), rtol=1e-14)


def test_two_by_two_unequal():
    """n = [[4, 0], [2, 2]], N = 8, r = (4, 4), c = (6, 2)."""
    expected = [[np.log(4 / 3), -np.inf], [np.log(2 / 3), np.log(2)]]
    np.testing.assert_allclose(sp.pmi_matrix([[4, 0], [2, 2]]), expected, rtol=1e-14)


def test_independence_has_no_pmi():
    np.testing.assert_allclose(sp.pmi_matrix(np.outer([1, 2, 7], [3, 0.5])), 0, atol=1e-14)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_pmi_is_the_dense_formula(seed):
    counts = random_counts(seed)
    np.testing.assert_allclose(sp.pmi_matrix(counts), dense_pmi(counts), rtol=1e-10, atol=1e-12)


@given(seed=st.integers(0, 10_000), factor=st.floats(1e-6, 1e6))
@settings(max_examples=40, deadline=None)
def test_pmi_knows_no_scale(seed, factor):
    counts = random_counts(seed)
    np.testing.assert_allclose(sp.pmi_matrix(counts * factor), sp.pmi_matrix(counts), rtol=1e-9, atol=1e-10)


def test_pmi_of_the_transpose():
    counts = random_counts(1)
    np.testing.assert_allclose(sp.pmi_matrix(counts.T), sp.pmi_matrix(counts).T, rtol=1e-10, atol=1e-12)


def test_empirical_pmi_of_the_r_run(r_reference):
    pmi = sp.pmi_matrix(r_reference.counts)
    seen = r_reference.counts.seen
    rmse = np.sqrt(np.mean((pmi[seen] - r_reference.pmi[seen]) ** 2))
    assert rmse == pytest.approx(r_reference.figures["rmse_pmi_empirical_vs_true_seen"], rel=1e-10)
    assert seen.sum() == r_reference.figures["n_positive_cells"]
    assert np.isneginf(pmi[~seen]).all()


def test_pmi_of_some_rows():
    counts = random_counts(4)
    for rows in (slice(1, 3), np.array([3, 0, 3])):
        np.testing.assert_array_equal(sp.pmi_matrix(counts, rows), sp.pmi_matrix(counts)[rows])


# SPPMI


@given(seed=st.integers(0, 10_000), k=st.sampled_from([1, 1.5, 5, 20]), exponent=st.sampled_from([1.0, 0.75, 0.0, 2.0]))
@settings(max_examples=60, deadline=None)
def test_sppmi_is_the_dense_formula(seed, k, exponent):
    counts = random_counts(seed)
    sppmi = sp.sppmi_matrix(counts, k, exponent)
    assert sparse.issparse(sppmi)
    assert (sppmi.data > 0).all()
    np.testing.assert_allclose(sppmi.toarray(), np.maximum(dense_pmi(counts, exponent) - np.log(k), 0), rtol=1e-9, atol=1e-12)


def test_sppmi_may_have_no_cell():
    counts = sp.CooccurrenceCounts.from_matrix([[3, 1], [1, 3]])
    assert sp.sppmi_matrix(counts, 2).nnz == 0
    assert sp.sppmi_matrix(counts, 2).shape == (2, 2)


def test_sppmi_leaves_the_counts_alone():
    counts = sp.CooccurrenceCounts.from_matrix(random_counts(0))
    before = counts.matrix.toarray()
    sp.sppmi_matrix(counts, 5)
    np.testing.assert_array_equal(counts.matrix.toarray(), before)


@pytest.mark.parametrize(
    ("k", "exponent", "field"), [(0.5, 1, "k"), (np.nan, 1, "k"), ("5", 1, "k"), (5, -1, "exponent"), (5, np.inf, "exponent")]
)
def test_sppmi_refuses(k, exponent, field):
    with pytest.raises(InputError) as caught:
        sp.sppmi_matrix([[3, 1], [1, 3]], k, exponent)
    assert caught.value.field == field


# Noise


@pytest.mark.parametrize(
    ("column", "noise", "exponent"),
    [
        ("unigram", "unigram", 1.0),
        ("unigram075", "unigram", 0.75),
        ("row075", "center_unigram", 0.75),
        ("zero_share", "zero_share", 1.0),
    ],
)
def test_noises_of_the_r_run(r_reference, column, noise, exponent):
    p_n = sp.noise_distribution(r_reference.counts, noise, exponent)
    np.testing.assert_allclose(p_n, r_reference.noise[column], rtol=1e-12)


def test_uniform_noise():
    np.testing.assert_array_equal(sp.noise_distribution(random_counts(0), "uniform"), np.full(7, 1 / 7))


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_a_context_that_never_occurs_has_no_unigram_noise(exponent):
    p_n = sp.noise_distribution(random_counts(0), "unigram", exponent)
    assert p_n[5] == 0
    assert p_n.sum() == pytest.approx(1, rel=1e-14)
    if exponent == 0:
        np.testing.assert_allclose(np.delete(p_n, 5), 1 / 6, rtol=1e-14)


def test_given_weights_are_normalised():
    np.testing.assert_allclose(sp.noise_distribution([[1, 2], [3, 4]], [1, 3]), [0.25, 0.75], rtol=1e-15)


def test_no_weight_on_a_context_that_never_occurs_is_fine():
    np.testing.assert_allclose(sp.noise_distribution([[1, 0], [3, 0]], [2, 0]), [1, 0])


@pytest.mark.parametrize(
    ("counts", "noise", "exponent", "says"),
    [
        ([[1, 2], [3, 4]], "unigrm", 1.0, "did you mean unigram"),
        ([[1, 2, 3], [3, 4, 5]], "center_unigram", 1.0, "square"),
        ([[1, 2, 3], [3, 4, 5]], "zero_share", 1.0, "square"),
        ([[1, 2], [3, 4]], [1, 2, 3], 1.0, "one weight for each of the 2 contexts"),
        ([[1, 2], [3, 4]], [[1, 2]], 1.0, "one weight"),
        ([[1, 2], [3, 4]], [1, -1], 1.0, "none negative"),
        ([[1, 2], [3, 4]], [1, np.nan], 1.0, "finite"),
        ([[1, 2], [3, 4]], [0, 0], 1.0, "not all zero"),
        ([[1, 2], [3, 4]], [0, 1], 1.0, "zero at context 0"),
        ([[1, 2], [3, 0]], "zero_share", 1.0, "zero at context 0"),
        ([[1, 2], [3, 4]], "zero_share", 1.0, "zero at context 0"),
        ([[1, 2], [0, 0]], "center_unigram", 1.0, "zero at context 1"),
        ([[1, 2], [3, 4]], "unigram", -0.5, "exponent"),
        ([[1, 2], [3, 4]], ["a", "b"], 1.0, "array of weights"),
        ([[1, 2], [3, 4]], None, 1.0, "noise"),
    ],
)
def test_noise_refuses(counts, noise, exponent, says):
    with pytest.raises(InputError, match=says) as caught:
        sp.noise_distribution(counts, noise, exponent)
    assert "\n" not in str(caught.value)


def test_large_exponents_do_not_overflow():
    """c^α is beyond float64 here, the distribution is not."""
    p_n = sp.noise_distribution([[1e200, 2e200], [1e200, 2e200]], "unigram", 2.0)
    np.testing.assert_allclose(p_n, [0.2, 0.8], rtol=1e-12)
