"""SVDs of shifted PMI against dense NumPy, scikit-learn and the R figures."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sgns_pmi as sp
from sgns_pmi.factorise import METHODS, Parameters
from sgns_pmi.factorise.methods.svd import PMISVD, SPPMISVD


def small_counts(seed: int, words: int = 12, contexts: int = 9) -> np.ndarray:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.7, 3.0, size=(words, contexts))).astype(float)
    counts[0] += 1  # every context occurs
    counts[:, 0] += 1
    return counts


def dense_pmi(counts: np.ndarray, exponent: float = 1.0) -> np.ndarray:
    """PMI with P(j) ∝ c_j^α, from probabilities: written apart from the package's formula."""
    joint = counts / counts.sum()
    smoothed = counts.sum(0) ** exponent
    smoothed = smoothed / smoothed.sum()
    with np.errstate(divide="ignore"):
        return np.log(joint / (joint.sum(1)[:, None] * smoothed))


def best_rank(matrix: np.ndarray, dim: int) -> np.ndarray:
    left, values, right = np.linalg.svd(matrix)
    return left[:, :dim] * values[:dim] @ right[:dim]


@pytest.mark.parametrize("k", [1, 5, 20])
def test_r_figures(r_reference, k):
    svd = SPPMISVD(dim=5, k=k).fit(r_reference.counts)
    expected = [r_reference.figures[f"sppmi_singular_value/k{k}/{i}"] for i in range(1, 6)]
    np.testing.assert_allclose(svd.singular_values_, expected, rtol=1e-8, atol=1e-8)
    assert sp.sppmi_matrix(r_reference.counts, k).nnz == r_reference.figures[f"sppmi_nonzeros/k{k}"]
    estimate = SPPMISVD(dim=4, k=k).fit(r_reference.counts).estimate_pmi(corrected=False)
    rmse = np.sqrt(np.mean((estimate - r_reference.pmi) ** 2))
    assert rmse == pytest.approx(r_reference.figures[f"rmse_svd_sppmi_d4_vs_pmi_true/k{k}"], rel=1e-8)


@given(seed=st.integers(0, 10_000), dim=st.integers(1, 9), k=st.sampled_from([1, 2.5, 5]), exponent=st.sampled_from([1.0, 0.75]))
@settings(max_examples=40, deadline=None)
def test_estimates_are_dense_truncations(seed, dim, k, exponent):
    counts = small_counts(seed)
    shifted = dense_pmi(counts, exponent) - np.log(k)
    context = counts.sum(0)
    offset = np.log(context**exponent / (context**exponent).sum()) - np.log(context / context.sum())
    for estimator, matrix in ((SPPMISVD, np.maximum(shifted, 0)), (PMISVD, np.where(counts > 0, shifted, 0))):
        svd = estimator(dim=dim, k=k, exponent=exponent).fit(counts)
        # A truncation inside a group of equal singular values is not unique.
        values = np.linalg.svd(matrix, compute_uv=False)
        if dim < len(values) and values[dim - 1] - values[dim] < 1e-6 * (values[0] + 1):
            continue
        np.testing.assert_allclose(svd.estimate_pmi(corrected=False), best_rank(matrix, dim) + np.log(k), atol=1e-7)
        np.testing.assert_allclose(svd.estimate_pmi(), best_rank(matrix, dim) + np.log(k) + offset, atol=1e-7)


def test_smoothing_is_taken_back_by_the_correction():
    """At full rank without unseen cells the unclipped SVD is exact: its corrected estimate is the PMI itself."""
    counts = small_counts(3) + 1
    svd = PMISVD(dim=9, k=5, exponent=0.75).fit(counts)
    np.testing.assert_allclose(svd.estimate_pmi(), dense_pmi(counts), atol=1e-10)
    np.testing.assert_allclose(svd.estimate_pmi(corrected=False), dense_pmi(counts, 0.75), atol=1e-10)
    np.testing.assert_allclose(svd.estimate_pmi(rows=np.array([4, 2])), dense_pmi(counts)[[4, 2]], atol=1e-10)


@pytest.mark.parametrize("power", [0, 0.5, 1])
def test_power_shares_out_the_singular_values(power):
    svd = SPPMISVD(dim=3, k=1, power=power).fit(small_counts(1))
    np.testing.assert_allclose(svd.V_.T @ svd.V_, np.diag(svd.singular_values_ ** (2 * power)), atol=1e-10)
    np.testing.assert_allclose(svd.U_.T @ svd.U_, np.diag(svd.singular_values_ ** (2 - 2 * power)), atol=1e-10)


def test_no_positive_cell_is_a_result(r_reference, caplog):
    with caplog.at_level(logging.WARNING, "sgns_pmi"):
        svd = SPPMISVD(dim=4, k=20).fit(r_reference.counts)
    largest = dense_pmi(r_reference.counts.matrix.toarray()).max()
    assert svd.note_ == f"SPPMI has no positive cell at k = 20: the largest PMI is {largest:.4g}, log k is 2.996"
    assert caplog.messages == [svd.note_]
    assert not svd.V_.any()
    assert not svd.U_.any()
    assert svd.V_.shape == svd.U_.shape == (100, 4)
    np.testing.assert_array_equal(svd.estimate_pmi(corrected=False), np.log(20))
    assert SPPMISVD(k=5).fit(r_reference.counts).note_ == ""


@pytest.mark.parametrize("estimator", [SPPMISVD, PMISVD])
@pytest.mark.parametrize(
    ("field", "value"),
    [("dim", 0), ("dim", 10), ("k", 0.5), ("power", 0.25), ("power", True), ("power", "half"), ("exponent", -1), ("seed", -1)],
)
def test_refusals_name_the_field(estimator, field, value):
    with pytest.raises(sp.InputError, match=f"^{field}={value}: "):
        estimator(**{field: value}).fit(small_counts(0))


@pytest.mark.parametrize("estimator", [SPPMISVD, PMISVD])
def test_sklearn_conventions(estimator):
    original = estimator(dim=3, k=2, power=1, exponent=0.75, seed=4)
    assert clone(original).get_params() == original.get_params()
    with pytest.raises(NotFittedError):
        original.estimate_pmi()
    assert original.fit(small_counts(0)) is original
    sparse_fit = clone(original).fit(sparse.csr_matrix(small_counts(0)))
    np.testing.assert_array_equal(sparse_fit.V_, original.V_)


@pytest.mark.parametrize(("name", "estimator"), [("sppmi_svd", SPPMISVD), ("pmi_svd", PMISVD)])
def test_methods_take_their_options(name, estimator):
    built = METHODS[name].build(Parameters(k=7, dim=3, seed=2, exponent=0.5), {"power": 0, "exponent": 1.0})
    assert isinstance(built, estimator)
    assert built.get_params() == {"dim": 3, "k": 7, "power": 0, "exponent": 1.0, "seed": 2, "verbose": False}
