"""The oracle: Eckart-Young optimality."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sgns_pmi as sp
from sgns_pmi.factorise import METHODS, Parameters
from sgns_pmi.factorise.methods.oracle import Oracle


@given(seed=st.integers(0, 10_000), dim=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_error_is_the_tail_of_the_spectrum(seed, dim):
    pmi = np.random.default_rng(seed).normal(size=(8, 6))
    oracle = Oracle(dim=dim).fit(pmi)
    values = np.linalg.svd(pmi, compute_uv=False)
    error = np.linalg.norm(oracle.estimate_pmi() - pmi)
    assert error == pytest.approx(np.sqrt((values[dim:] ** 2).sum()), abs=1e-10)
    np.testing.assert_allclose(oracle.singular_values_, values[:dim])
    np.testing.assert_allclose(oracle.V_.T @ oracle.V_, oracle.U_.T @ oracle.U_, atol=1e-10)


def test_exact_at_the_rank_of_the_pmi(r_reference):
    assert r_reference.figures["pmi_true_rank"] == 4
    at = {dim: np.abs(Oracle(dim=dim).fit(r_reference.pmi).estimate_pmi() - r_reference.pmi).max() for dim in (3, 4)}
    assert at[4] < 1e-12
    assert at[3] > 0.01


def test_raw_is_corrected_and_rows_are_rows():
    pmi = np.random.default_rng(0).normal(size=(7, 5))
    oracle = Oracle(dim=2).fit(pmi)
    np.testing.assert_array_equal(oracle.estimate_pmi(corrected=False), oracle.estimate_pmi())
    np.testing.assert_allclose(oracle.estimate_pmi(rows=slice(2, 4)), oracle.estimate_pmi()[2:4], rtol=1e-12)


@pytest.mark.parametrize(
    ("field", "oracle", "pmi"),
    [
        ("dim", Oracle(dim=6), np.zeros((7, 5))),
        ("dim", Oracle(dim=0), np.zeros((7, 5))),
        ("seed", Oracle(seed=-1), np.zeros((7, 5))),
        ("pmi", Oracle(dim=1), np.full((7, 5), -np.inf)),
        ("pmi", Oracle(dim=1), np.zeros(5)),
    ],
)
def test_refusals_name_the_field(field, oracle, pmi):
    with pytest.raises(sp.InputError, match=f"^{field}="):
        oracle.fit(pmi)


def test_conventions():
    oracle = METHODS["oracle"].build(Parameters(dim=3, seed=2))
    assert METHODS["oracle"].needs == "truth"
    assert clone(oracle).get_params() == {"dim": 3, "seed": 2}
    with pytest.raises(NotFittedError):
        oracle.estimate_pmi()
