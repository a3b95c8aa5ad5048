"""What every method says in several forms: dense, of single cells, as a product, and of cells that were not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from letters import letters_problem
from sklearn.exceptions import NotFittedError

import sgns_pmi as sp
from sgns_pmi.factorise import METHODS, Factorisation, Parameters

PROBLEM = letters_problem()
PMI = sp.softmax_problem(words=14, rank=1, sampling="population", seed=3).pmi
SHARED: dict[str, Any] = {"k": 2, "dim": 3, "exponent": 0.75}


def fitted(name: str, **more: Any) -> Factorisation:
    method = METHODS[name]
    estimator = method.build(Parameters(**SHARED | more), solvers={"sampled": {"epochs": 2}})
    return estimator.fit(PMI if method.needs == "truth" else PROBLEM.give(method.needs))


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("name", METHODS)
def test_single_cells_are_those_of_the_dense_estimate(name: str, corrected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgns_pmi.factorise.linalg.CELL_ROWS", 5)
    estimator = fitted(name)
    dense = estimator.estimate_pmi(corrected)
    rng = np.random.default_rng(0)
    for dtype in (np.int64, np.int32):
        # Also one cell twice, contexts in any order, and centres of which nothing is asked.
        rows, cols = np.sort(rng.integers(1, 13, 60)).astype(dtype), rng.integers(0, 14, 60).astype(dtype)
        # Sums of large terms of both signs round by the size of the terms.
        atol = 1e-12 + 1e-14 * np.abs(dense[np.isfinite(dense)]).max()
        np.testing.assert_allclose(estimator.estimate_cells(rows, cols, corrected), dense[rows, cols], rtol=1e-12, atol=atol)
    none = np.array([], dtype=np.intp)
    assert estimator.estimate_cells(none, none, corrected).shape == (0,)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("corrected", [True, False])
def test_products_and_unseen_cells_are_those_of_the_dense_estimate(name: str, corrected: bool) -> None:
    estimator, seen = fitted(name), PROBLEM.counts.seen
    dense = estimator.estimate_pmi(corrected)
    product, unseen = estimator.product(corrected), estimator.unseen(corrected)
    assert (product is not None) == (name not in ("sppmi", "empirical", "qwem"))
    assert (unseen is not None) == (name in ("sppmi", "empirical"))
    if product is not None:
        np.testing.assert_allclose(product[0] @ product[1].T, dense, rtol=1e-12, atol=1e-12)
    if unseen is not None:
        np.testing.assert_allclose(np.broadcast_to(unseen, dense.shape)[~seen], dense[~seen], rtol=1e-12)


def test_biases_are_in_single_cells_and_products() -> None:
    estimator = fitted("sgns_sampled", bias=True)
    dense = estimator.estimate_pmi()
    rows, cols = np.nonzero(PROBLEM.counts.seen)
    # The dense form adds the two float32 biases in float32.
    np.testing.assert_allclose(estimator.estimate_cells(rows, cols), dense[rows, cols], rtol=1e-6)
    factors = estimator.product()
    assert factors is not None
    np.testing.assert_allclose(factors[0] @ factors[1].T, dense, rtol=1e-6)


def test_single_cells_before_fit() -> None:
    with pytest.raises(NotFittedError):
        sp.SGNS().estimate_cells(np.array([0]), np.array([0]))
