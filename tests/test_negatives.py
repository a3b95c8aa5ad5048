"""The value `Negatives`: x*, its inverse and the column term against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import METHODS, Parameters
from sgns_pmi.negatives import Negatives


def random_counts(seed: int, words: int = 9, contexts: int = 7) -> sp.CooccurrenceCounts:
    """Counts with unseen cells, one empty row and one empty column."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.6, 4.0, size=(words, contexts))).astype(float)
    counts[0, :2] += 1
    counts[3] = 0
    counts[:, 5] = 0
    return sp.CooccurrenceCounts.from_matrix(counts)


@given(
    seed=st.integers(0, 10_000),
    k=st.sampled_from([1, 2.5, 20]),
    noise=st.sampled_from(["unigram", "uniform"]),
    exponent=st.sampled_from([1.0, 0.75]),
)
@settings(max_examples=40, deadline=None)
def test_the_inverse_turns_the_optimum_into_pmi(seed, k, noise, exponent):
    """x* + log K + log P_n(j) − log(c_j/N) is the PMI, whatever the noise."""
    counts = random_counts(seed)
    negatives = Negatives.of(counts, k, noise, exponent)
    pmi = negatives.inverse(negatives.optimum(counts) + np.log(k), negatives.offset(counts), counts.matrix.indices)
    np.testing.assert_allclose(pmi, sp.pmi_matrix(counts)[counts.seen], rtol=1e-10, atol=1e-10)


@given(seed=st.integers(0, 10_000), k=st.sampled_from([1, 2.5, 20]), exponent=st.sampled_from([1.0, 0.75]))
@settings(max_examples=40, deadline=None)
def test_the_inverse_is_exact_where_positives_are_dropped(seed, k, exponent):
    """The term −log(1 − n/r) of x* is taken back by −log(1 + K P_n eˣ); no column term would do."""
    counts = random_counts(seed)
    negatives = Negatives.of(counts, k, exponent=exponent, drops=True)
    raw = negatives.optimum(counts) + np.log(k)
    finite = np.isfinite(raw)  # a row of a single context has no negatives left
    offset, contexts = negatives.offset(counts), counts.matrix.indices[finite]
    pmi = sp.pmi_matrix(counts)[counts.seen][finite]
    np.testing.assert_allclose(negatives.inverse(raw[finite], offset, contexts), pmi, rtol=1e-9, atol=1e-9)
    assert (raw[finite] + offset[contexts] > pmi).all()


@pytest.mark.parametrize("method", ["sgns_expected", "ro_sgns"])
def test_population_counts_at_full_rank_are_corrected_to_the_true_pmi(method):
    """The column term alone is off by up to 0.8 here; exact, the corrected estimate is the truth, dense and cell by cell."""
    problem = sp.softmax_problem(words=12, rank=1, sampling="population", seed=0)
    parameters = Parameters(k=5, dim=12 if method == "sgns_expected" else 3, exponent=0.75, drop_positive=True)
    fit = METHODS[method].build(parameters).fit(problem.counts)
    column = fit.estimate_pmi(corrected=False) + fit.negatives_.offset(problem.counts)
    # A first-order method is slow in the rarest cells.
    cells, tolerance = (problem.joint > 0, 1e-5) if method == "sgns_expected" else (problem.joint > 1e-4, 0.2)
    assert abs(column - problem.pmi)[cells].max() > 0.5
    assert abs(fit.estimate_pmi() - problem.pmi)[cells].max() < tolerance
    rows, cols = np.repeat(np.arange(12), 12), np.tile(np.arange(12), 12)
    np.testing.assert_allclose(fit.estimate_cells(rows, cols).reshape(12, 12), fit.estimate_pmi(), atol=1e-12)
    assert fit.product() is None
    assert fit.product(corrected=False) is not None


def test_offset_of_the_theorys_noise_is_zero():
    counts = random_counts(2)
    np.testing.assert_allclose(Negatives.of(counts, 5).offset(counts), 0, atol=1e-14)


def test_offset_by_hand():
    """c = (4, 12): uniform noise is off by log 2 and log 2/3; a context that never occurs has none."""
    np.testing.assert_allclose(Negatives(1, np.array([0.5, 0.5])).offset([[4, 12]]), np.log([2, 2 / 3]), rtol=1e-14)
    np.testing.assert_array_equal(Negatives(1, np.array([1.0, 0.0])).offset([[4, 0]]), [0, 0])


@pytest.mark.parametrize("drop_positive", [False, True])
@pytest.mark.parametrize("noise", ["unigram", "uniform"])
def test_optimum_is_stationary_and_lowest(noise, drop_positive):
    """n softplus(−x) + K (r − [dropped] n) P_n softplus(x) has slope 0 at x*, and is larger on both sides."""
    k, counts = 5, random_counts(4)
    negatives = Negatives.of(counts, k, noise, drops=drop_positive)
    coo = counts.matrix.tocoo()
    for i, j, n, x in zip(*coo.coords, coo.data, negatives.optimum(counts), strict=True):
        drawn = k * (counts.row_sums[i] - (n if drop_positive else 0)) * negatives.noise[j]
        if drawn == 0:
            assert x == np.inf
            continue
        slope = -n / (1 + np.exp(x)) + drawn / (1 + np.exp(-x))
        assert slope == pytest.approx(0, abs=1e-10 * (n + drawn))

        def loss(score: float, n: float = n, drawn: float = drawn) -> float:
            return n * np.logaddexp(0, -score) + drawn * np.logaddexp(0, score)

        assert loss(x) < min(loss(x - 0.1), loss(x + 0.1))


def test_single_context_of_a_row_has_no_dropped_optimum():
    counts = sp.CooccurrenceCounts.from_matrix([[0.1 + 0.2, 0], [1, 1]])
    best = Negatives(1, np.array([0.5, 0.5]), True).optimum(counts)
    assert best[0] == np.inf
    assert np.isfinite(best[1:]).all()


def test_values_are_equal_by_content():
    noise = np.array([0.25, 0.75])
    assert Negatives(5, noise) == Negatives(5.0, noise.copy())
    for other in (Negatives(4, noise), Negatives(5, noise[::-1]), Negatives(5, noise, True)):
        assert Negatives(5, noise) != other
    assert Negatives(5, noise, True).undropped == Negatives(5, noise)


def test_fewer_than_one_negative_is_refused():
    with pytest.raises(InputError, match=r"^k=0\.5: must be"):
        Negatives(0.5, np.array([0.5, 0.5]))


def test_the_objective_needs_a_whole_k():
    counts = random_counts(0)
    with pytest.raises(InputError, match=r"^k=2\.5: must be a whole number"):
        sp.objective_deviation(np.zeros((9, 7)), counts, 2.5, sp.noise_distribution(counts))  # type: ignore[arg-type]
