"""QWEM against its dense closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sgns_pmi as sp
from sgns_pmi.factorise import METHODS, Parameters
from sgns_pmi.factorise.methods.qwem import QWEM


def dense_target(counts: np.ndarray) -> np.ndarray:
    joint = counts / counts.sum()
    independent = np.outer(joint.sum(1), joint.sum(0))
    return (joint - independent) / (0.5 * (joint + independent))


@given(seed=st.integers(0, 10_000), dim=st.integers(1, 7))
@settings(max_examples=30, deadline=None)
def test_factors_are_the_truncation_of_the_closed_form(seed, dim):
    counts = np.random.default_rng(seed).poisson(2.0, size=(9, 7)) + np.eye(9, 7)
    counts[-1, 0] += 1
    counts[-2, 0] += 1
    target = dense_target(counts)
    assert (target[counts == 0] == -2).all()
    left, values, right = np.linalg.svd(target)
    qwem = QWEM(dim=dim).fit(counts)
    np.testing.assert_allclose(qwem.singular_values_, values[:dim], atol=1e-10)
    np.testing.assert_allclose(qwem.estimate_pmi(corrected=False), left[:, :dim] * values[:dim] @ right[:dim], atol=1e-7)


def test_the_correction_is_exact_at_full_rank(r_reference):
    """2 artanh(M*/2) is the empirical PMI of every seen cell; without it the estimate is 2 tanh(PMI/2)."""
    qwem = QWEM(dim=100).fit(r_reference.counts)
    seen = r_reference.counts.seen
    pmi = sp.pmi_matrix(r_reference.counts)
    np.testing.assert_allclose(qwem.estimate_pmi()[seen], pmi[seen], atol=1e-9)
    np.testing.assert_allclose(qwem.estimate_pmi(corrected=False), 2 * np.tanh(pmi / 2), atol=1e-10)


def test_the_corrected_estimate_stays_in_the_range_of_seen_cells(r_reference):
    estimate = QWEM(dim=2).fit(r_reference.counts).estimate_pmi()
    pmi = sp.pmi_matrix(r_reference.counts)[r_reference.counts.seen]
    assert np.isfinite(estimate).all()
    assert estimate.min() == pytest.approx(pmi.min())
    assert estimate.max() <= pmi.max() + 1e-9


def test_large_counts_by_products_alone():
    """Above the dense side M* is never formed; the factors are those of the dense matrix all the same."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(np.exp(rng.normal(size=(620, 3)) @ rng.normal(size=(3, 540)) - 2)).astype(float)
    counts[0] += 1
    counts[:, 0] += 1
    qwem = QWEM(dim=4, seed=5).fit(counts)
    left, values, right = np.linalg.svd(dense_target(counts))
    np.testing.assert_allclose(qwem.singular_values_, values[:4], rtol=1e-10)
    np.testing.assert_allclose(qwem.estimate_pmi(corrected=False), left[:, :4] * values[:4] @ right[:4], atol=1e-8)
    np.testing.assert_array_equal(QWEM(dim=4, seed=5).fit(counts).V_, qwem.V_)


@pytest.mark.parametrize(("field", "value"), [("dim", 0), ("dim", 4), ("seed", 1.5)])
def test_refusals_name_the_field(field, value):
    with pytest.raises(sp.InputError, match=f"^{field}={value}: "):
        QWEM(**{"dim": 2, field: value}).fit(np.ones((5, 3)))


def test_conventions():
    qwem = METHODS["qwem"].build(Parameters(dim=3, seed=2))
    assert clone(qwem).get_params() == {"dim": 3, "seed": 2, "verbose": False}
    with pytest.raises(NotFittedError):
        qwem.estimate_pmi()


@pytest.mark.parametrize("seed", range(3))
def test_counts_of_many_magnitudes_have_finite_estimates(seed):
    """M* rounds to ±2 where PMI is beyond ±37, and 2 artanh(±1) is infinite."""
    counts = 10.0 ** np.random.default_rng(seed).integers(-9, 12, (6, 6))
    pmi = sp.pmi_matrix(counts)
    estimate = QWEM(dim=2).fit(counts).estimate_pmi()
    assert estimate.min() >= pmi.min()
    assert estimate.max() <= pmi.max()
