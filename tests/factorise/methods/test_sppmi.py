"""SPPMI rows: the matrix itself, sparse, and the estimate that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sparse

import sgns_pmi as sp

N = np.array([[8.0, 1, 1, 0], [1, 8, 1, 0], [1, 1, 8, 3]])


@pytest.mark.parametrize(("k", "exponent"), [(1, 1.0), (1.5, 0.75), (100, 1.0)])
def test_rows_are_shifted_positive_pmi(k: float, exponent: float) -> None:
    context = N.sum(axis=0) ** exponent / (N.sum(axis=0) ** exponent).sum()
    with np.errstate(divide="ignore"):
        pmi = np.log(N / N.sum() / (N.sum(axis=1)[:, None] / N.sum() * context))
    est = sp.SPPMI(k=k, exponent=exponent).fit(N)
    assert sparse.issparse(est.V_)
    expected = np.maximum(pmi - np.log(k), 0)
    np.testing.assert_allclose(est.V_.toarray(), expected, atol=1e-12)
    assert est.V_.nnz == (expected > 0).sum()
    raw = est.estimate_pmi(corrected=False)
    np.testing.assert_allclose(raw, expected + np.log(k), atol=1e-12)
    # Corrected, cells above the shift are the PMI of the counts, whatever the smoothing.
    above = expected > 0
    np.testing.assert_allclose(est.estimate_pmi()[above], sp.pmi_matrix(N)[above], atol=1e-12)
    np.testing.assert_array_equal(est.estimate_pmi(rows=np.array([2])), est.estimate_pmi()[[2]])


def test_it_is_the_svd_at_full_rank() -> None:
    square = N[:, :3]
    np.testing.assert_allclose(
        sp.SPPMI(k=2).fit(square).estimate_pmi(), sp.SPPMISVD(dim=3, k=2).fit(square).estimate_pmi(), atol=1e-12
    )


@pytest.mark.parametrize("options", [{"k": 0.5}, {"exponent": -1}])
def test_refusals(options: dict[str, float]) -> None:
    with pytest.raises(sp.InputError, match=next(iter(options))):
        sp.SPPMI(**options).fit(N)
