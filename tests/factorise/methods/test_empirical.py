"""The empirical PMI as an estimator."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import sgns_pmi as sp
from sgns_pmi.factorise import METHODS, Parameters
from sgns_pmi.factorise.methods.empirical import Empirical


def test_r_figure(r_reference):
    estimate = Empirical().fit(r_reference.counts).estimate_pmi()
    seen = r_reference.counts.seen
    rmse = np.sqrt(np.mean((estimate - r_reference.pmi)[seen] ** 2))
    assert rmse == pytest.approx(r_reference.figures["rmse_pmi_empirical_vs_true_seen"], rel=1e-10)
    assert (estimate[~seen] == -np.inf).all()
    np.testing.assert_array_equal(estimate, sp.pmi_matrix(r_reference.counts))


def test_rows_and_a_seen_cell_of_pmi_zero():
    counts = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 4.0]])
    empirical = Empirical().fit(counts)
    expected = np.array([[np.log(2), np.log(2), -np.inf]] * 2 + [[-np.inf, -np.inf, np.log(2)]])
    np.testing.assert_allclose(empirical.estimate_pmi(), expected)
    np.testing.assert_allclose(empirical.estimate_pmi(rows=np.array([2, 0])), expected[[2, 0]])
    np.testing.assert_allclose(empirical.estimate_pmi(corrected=False, rows=slice(1, 3)), expected[1:])
    # Independent: PMI is 0, log 1, which is not the same as unseen.
    np.testing.assert_allclose(Empirical().fit(np.ones((2, 2))).estimate_pmi(), np.zeros((2, 2)), atol=1e-15)


def test_conventions():
    empirical = METHODS["empirical"].build(Parameters())
    with pytest.raises(NotFittedError):
        empirical.estimate_pmi()
    assert not hasattr(empirical.fit(np.eye(3)), "V_")
