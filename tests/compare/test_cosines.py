"""Cosines: their derivatives, the gauge that they must not know, and their errors against refits."""

from __future__ import annotations

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.cosines import _cosines, cosine_inference
from sgns_pmi.factorise.linalg import balanced

PAIRS = np.array([(0, 1), (2, 5), (7, 3), (4, 6)])
SGNS = sp.SGNS(dim=2, k=5, bias=True, solver=sp.Expected(starts=1))


def factors(seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(8, 3)), rng.normal(size=(6, 3)), rng.dirichlet(np.ones(8)), rng.dirichlet(np.ones(6))


def plain(V: np.ndarray, U: np.ndarray, row_weight: np.ndarray, col_weight: np.ndarray, centred: bool) -> np.ndarray:
    if centred:
        V, U = (side - np.average(side, axis=0, weights=weight) for side, weight in ((V, row_weight), (U, col_weight)))
    own = balanced(V, U, row_weight, col_weight)[0]
    own = own / np.linalg.norm(own, axis=1, keepdims=True)
    return (own[PAIRS[:, 0]] * own[PAIRS[:, 1]]).sum(1)


@pytest.mark.parametrize("centred", [False, True])
def test_cosines_are_those_of_balanced_factors_and_their_slopes_finite_differences(centred):
    V, U, *weights = factors()
    cosine, slopes = _cosines(V, U, *weights, centred, *PAIRS.T)
    np.testing.assert_allclose(cosine, plain(V, U, *weights, centred))
    step = np.random.default_rng(1).normal(size=(14, 4))
    dV, dU, dp, dq = step[:8, :3], step[8:, :3], step[:8, 3], step[8:, 3]
    up, down = (
        plain(V + size * dV, U + size * dU, *(own * np.exp(size * d) for own, d in zip(weights, (dp, dq), strict=True)), centred)
        for size in (1e-6, -1e-6)
    )
    along = (slopes.V * dV).sum((1, 2)) + (slopes.U * dU).sum((1, 2)) + slopes.log_row_weight @ dp + slopes.log_col_weight @ dq
    np.testing.assert_allclose(along, (up - down) / 2e-6, rtol=1e-6)
    if centred:
        np.testing.assert_allclose(slopes.V.sum(1), 0, atol=1e-12)  # what the biases can hold is no matter
    generator = np.random.default_rng(2).normal(size=(3, 3))  # V (1 + ε g), U (1 − ε gᵀ): the same product
    np.testing.assert_allclose((slopes.V * (V @ generator)).sum((1, 2)), (slopes.U * (U @ generator.T)).sum((1, 2)))


@pytest.mark.parametrize("bias", [False, True])
def test_errors_are_those_of_the_derivatives(bias):
    """√(Σ P φ² / N) with φ of each pair by refitting as it becomes more frequent: factors, weights and gauge together."""
    joint, pairs, cells = sp.softmax_problem(words=6, rank=2 if bias else 1, seed=3).joint, 10**6, [(0, 1), (2, 5), (4, 3)]
    estimator = sp.SGNS(dim=2, k=5, bias=True, solver=SGNS.solver) if bias else sp.SGNS(dim=3, k=2, solver=SGNS.solver)

    def table(P: np.ndarray):
        counts = sp.CooccurrenceCounts.from_matrix(pairs * P)
        return cosine_inference(estimator.fit(counts), counts, cells)

    step, spread = 1e-4 * joint.min(), 0.0
    for pair, share in zip(np.eye(36), joint.ravel(), strict=True):
        up, down = (table(joint + sign * step * (pair.reshape(6, 6) - joint))["cosine"] for sign in (1, -1))
        spread = spread + share * ((up - down) / (2 * step)) ** 2
    found = table(joint)
    np.testing.assert_allclose(found["se"], np.sqrt(spread / pairs), rtol=1e-4)
    np.testing.assert_allclose(found["upper"] - found["lower"], 2 * 1.959964 * found["se"], rtol=1e-6)


def test_words_and_refusals():
    words = [f"w{number}" for number in range(12)]
    counts = sp.CooccurrenceCounts.from_matrix(sp.softmax_problem(words=12, rank=2, pairs=50_000).counts.matrix, words, words)
    fitted = SGNS.fit(counts)
    by_word = cosine_inference(fitted, counts, [("w0", "w1")])
    assert by_word[["word", "other"]].values.tolist() == [["w0", "w1"]]
    assert by_word["se"][0] == cosine_inference(fitted, counts, [(0, 1)])["se"][0]
    with pytest.raises(sp.InputError, match="not in the vocabulary"):
        cosine_inference(fitted, counts, [("w0", "king")])
    with pytest.raises(sp.InputError, match="must be SGNS or SoftmaxMLE"):
        cosine_inference(sp.QWEM(dim=2).fit(counts), counts, [(0, 1)])
