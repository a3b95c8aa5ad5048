"""The two estimates of PMI that SGNS and its peers make, written out: V·Uᵀ + log K, and that plus log P_n(j) − log(c_j/N)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from letters import letters_problem

import sgns_pmi as sp

PROBLEM = letters_problem()
COUNTS = PROBLEM.counts
K = 3
SHARE = COUNTS.col_sums / COUNTS.total
SMOOTHED = COUNTS.col_sums**0.5 / (COUNTS.col_sums**0.5).sum()
UNIFORM = np.full(len(SHARE), 1 / len(SHARE))
EXPONENT = {"exponent": 0.5}

METHODS: dict[str, tuple[Any, dict[str, Any]]] = {
    "expected": (sp.SGNS, EXPONENT),
    "expected, uniform": (sp.SGNS, {"noise": "uniform"}),
    "sampled": (sp.SGNS, EXPONENT | {"solver": sp.Sampled(epochs=2)}),
    "biases": (sp.SGNS, EXPONENT | {"bias": True}),
    "by hand": (sp.NumpySGNS, EXPONENT),
    "Riemannian": (sp.ROSGNS, EXPONENT),
    "streamed": (sp.SGNSStream, EXPONENT | {"epochs": 2}),
    "n-grams": (sp.FastText, EXPONENT),
    "SPPMI": (sp.SPPMISVD, EXPONENT),
    "shifted PMI": (sp.PMISVD, EXPONENT),
}


def fitted(name: str) -> Any:
    build, options = METHODS[name]
    return build(dim=2, k=K, **options).fit(PROBLEM.corpus if build is sp.SGNSStream else COUNTS)


@pytest.mark.parametrize("name", METHODS)
def test_both_estimates_are_the_definition(name: str) -> None:
    estimator = fitted(name)
    scores = estimator.V_.astype(float) @ estimator.U_.astype(float).T
    if name == "biases":
        scores += estimator.row_bias_[:, None] + estimator.col_bias_
    noise = UNIFORM if name.endswith("uniform") else SMOOTHED
    np.testing.assert_allclose(estimator.estimate_pmi(corrected=False), scores + np.log(K), atol=1e-5)
    np.testing.assert_allclose(estimator.estimate_pmi(), scores + np.log(K) + np.log(noise) - np.log(SHARE), atol=1e-5)


def test_cbow_draws_centres_so_that_its_term_is_one_of_rows() -> None:
    cbow = sp.CBOW(dim=2, k=K, epochs=2, exponent=0.5).fit(PROBLEM.corpus)
    share = COUNTS.row_sums / COUNTS.total
    noise = share**0.5 / (share**0.5).sum()
    raw = cbow.estimate_pmi(corrected=False)
    np.testing.assert_allclose(raw, cbow.U_.astype(float) @ cbow.V_.astype(float).T + np.log(K), atol=1e-5)
    np.testing.assert_allclose(
        cbow.estimate_pmi() - raw, np.tile((np.log(noise) - np.log(share))[:, None], len(SHARE)), atol=1e-9
    )
