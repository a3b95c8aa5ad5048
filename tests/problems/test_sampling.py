"""Sampling: totals, moments and distributions of the counts, with bounds from their own sampling error."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sgns_pmi.errors import InputError
from sgns_pmi.problems import sampling
from sgns_pmi.problems.problem import Truth
from sgns_pmi.problems.sampling import row_blocks, sample_counts
from sgns_pmi.problems.softmax import softmax_truth


@pytest.fixture(scope="module")
def truth() -> Truth:
    rng = np.random.default_rng(0)
    return softmax_truth(0.7 * rng.normal(size=(12, 2)), 0.7 * rng.normal(size=(15, 2)))


@pytest.mark.parametrize("pairs", [1, 17, 10**6, 10**12])
def test_multinomial_total_is_exact(truth, pairs):
    counts = sample_counts(truth, pairs, seed=1)
    assert counts.total == pairs
    np.testing.assert_array_equal(counts.matrix.data, counts.matrix.data.round())


@pytest.mark.parametrize("block", [None, 30])
def test_multinomial_fits_its_distribution(truth, monkeypatch, block):
    """Pearson's χ² over the 180 cells lies inside the central 99.98 % of its distribution: too even is wrong too."""
    if block:
        monkeypatch.setattr(sampling, "BLOCK_CELLS", block)
    pairs = 10**6
    expected = pairs * truth.joint()
    assert expected.min() > 5  # χ² is a good approximation
    drawn = sample_counts(truth, pairs, seed=2).matrix.toarray()
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], expected.size - 1)
    assert low < ((drawn - expected) ** 2 / expected).sum() < high


@pytest.mark.parametrize("axis", [0, 1])
def test_multinomial_sums_are_multinomial(truth, axis):
    pairs = 10**6
    expected = pairs * truth.joint().sum(axis)
    drawn = sample_counts(truth, pairs, seed=3).matrix.toarray().sum(axis)
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], expected.size - 1)
    assert low < ((drawn - expected) ** 2 / expected).sum() < high


def test_poisson_mean_and_variance(truth):
    """400 draws: Σ (n − λ)²/λ over all cells has mean 1 each and variance 2 + 1/λ; so have the totals."""
    pairs, draws = 5000, 400
    rate = pairs * truth.joint()
    drawn = np.stack([sample_counts(truth, pairs, "poisson", seed=seed).matrix.toarray() for seed in range(draws)])
    errors = (drawn.mean(0) - rate) / np.sqrt(rate / draws)
    assert abs(errors).max() < stats.norm.ppf(1 - 1e-4 / rate.size)
    ratio = ((drawn - rate) ** 2 / rate).mean()
    assert abs(ratio - 1) < 4 * np.sqrt((2 + 1 / rate).mean() / drawn.size)
    totals = drawn.sum((1, 2))
    assert abs(totals.mean() - pairs) < 4 * np.sqrt(pairs / draws)
    # A multinomial's total would not vary at all.
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], draws)
    assert low < ((totals - pairs) ** 2).sum() / pairs < high


@pytest.mark.parametrize("pairs", [1, 10**6, 10**15])
def test_population_counts_are_the_expectation(truth, pairs):
    counts = sample_counts(truth, pairs, "population", seed=4)
    np.testing.assert_allclose(counts.matrix.toarray(), pairs * truth.joint(), rtol=1e-13)
    assert counts.total == pytest.approx(pairs, rel=1e-12)


def test_population_counts_are_not_rounded_in_blocks(truth, monkeypatch):
    monkeypatch.setattr(sampling, "BLOCK_CELLS", 31)
    np.testing.assert_allclose(sample_counts(truth, 3, "population").matrix.toarray(), 3 * truth.joint(), rtol=1e-13)


def test_population_counts_of_too_many_cells(truth, monkeypatch):
    monkeypatch.setattr(sampling, "MOST_POPULATION_CELLS", 179)
    with pytest.raises(InputError, match="12 x 15 cells") as caught:
        sample_counts(truth, 10, "population")
    assert caught.value.field == "sampling"
    monkeypatch.setattr(sampling, "MOST_POPULATION_CELLS", 180)
    assert sample_counts(truth, 10, "population").nnz == 180


@pytest.mark.parametrize("kind", ["multinomial", "poisson"])
def test_seed_fixes_the_draw(truth, kind):
    one, same, other = (sample_counts(truth, 1000, kind, seed=seed).matrix.toarray() for seed in (7, 7, 8))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("kind", ["multinomial", "poisson"])
def test_counts_beyond_32_bits(kind):
    """One cell holds nearly all of 10¹⁰ pairs, and is no less than its expectation by more than 6 deviations."""
    truth = softmax_truth(np.array([[20.0], [0.0]]), np.array([[1.0], [0.0]]))
    counts = sample_counts(truth, 10**10, kind, seed=0)
    expected = 10**10 * truth.joint()[0, 0]
    assert expected > 2**32
    assert abs(counts.matrix[0, 0] - expected) < 6 * np.sqrt(expected)


@pytest.mark.parametrize("kind", ["multinomial", "poisson", "population"])
def test_more_pairs_than_64_bits(truth, kind):
    if kind == "population":
        assert sample_counts(truth, 10**20, kind).total == pytest.approx(1e20)
        return
    with pytest.raises(InputError) as caught:
        sample_counts(truth, 10**20, kind)
    assert caught.value.field == "pairs"


@pytest.mark.parametrize(("rows", "columns", "cells"), [(10, 7, 21), (10, 7, 1), (10, 7, 10**6), (1, 1, 1), (9, 3, 9)])
def test_row_blocks_cover_every_row_once(monkeypatch, rows, columns, cells):
    monkeypatch.setattr(sampling, "BLOCK_CELLS", cells)
    blocks = list(row_blocks(rows, columns))
    covered = np.concatenate([np.arange(rows)[block] for block in blocks])
    np.testing.assert_array_equal(covered, np.arange(rows))
    assert all((block.stop - block.start) * columns <= max(cells, columns) for block in blocks)


@pytest.mark.parametrize(
    ("pairs", "kind", "field"), [(0, "poisson", "pairs"), (2.5, "poisson", "pairs"), (10, "normal", "sampling")]
)
def test_values_out_of_range(truth, pairs, kind, field):
    with pytest.raises(InputError) as caught:
        sample_counts(truth, pairs, kind)
    assert caught.value.field == field


def test_a_poisson_draw_without_a_pair(truth):
    """With one expected pair, a draw is empty with probability 1/e: that is one clear error."""
    empty = 0
    for seed in range(20):
        try:
            assert sample_counts(truth, 1, "poisson", seed=seed).total >= 1
        except InputError as error:
            empty += "no pair was drawn" in str(error)
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], 20, np.exp(-1))
    assert low <= empty <= high
