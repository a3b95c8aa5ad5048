"""The sandwich's influences, against the estimates themselves as the counts change, and its two ways to solve."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import minimize

import sgns_pmi as sp
from sgns_pmi.compare import sandwich
from sgns_pmi.compare.inference import inference, linearised, with_effects
from sgns_pmi.compare.sandwich import Direction, LowRankFit, Loss, Noise, Ridge, Sandwich

WORDS = 7
PAIRS = [0, 9, 20, 27, 33, 41]
ONCE = sp.Expected(starts=1)


def population(rank: int = 2, seed: int = 3) -> np.ndarray:
    return sp.softmax_problem(words=WORDS, rank=rank, seed=seed).joint


def influences(estimator, joint: np.ndarray, corrected: bool) -> np.ndarray:
    """φ of every pair on every cell (cells, pairs), centred, as the sandwich has it."""
    counts = sp.CooccurrenceCounts.from_matrix(joint)
    of_cells = Sandwich(linearised(estimator.fit(counts), counts, corrected), counts, population=True)
    rows, cols = np.indices(joint.shape).reshape(2, -1)
    gradient = of_cells._zero(joint.size)
    chain, number = of_cells._chain(rows, cols), np.arange(joint.size)
    gradient.rows[number, rows], gradient.cols[number, cols] = (
        chain[:, None] * of_cells.right[cols],
        chain[:, None] * of_cells.left[rows],
    )
    offset = None
    if of_cells.fit.corrected:
        offset = np.zeros((joint.size, joint.shape[1], 2))
        offset[number, cols, 0], offset[number, cols, 1] = chain, -1.0
    phi = of_cells.influence(of_cells.curvature.solve(gradient), offset)
    return phi - (phi @ joint.ravel())[:, None]


def derivatives(estimator, joint: np.ndarray, corrected: bool, step: float = 1e-4) -> np.ndarray:
    """The same as derivatives of the estimate when a pair becomes more frequent: (1 − ε) P + ε δ, by central differences."""
    moved = []
    for pair in np.eye(joint.size)[PAIRS]:
        towards = pair.reshape(joint.shape) - joint
        up, down = (
            estimator.fit(sp.CooccurrenceCounts.from_matrix(joint + sign * step * joint.min() * towards)).estimate_pmi(corrected)
            for sign in (1, -1)
        )
        moved.append(((up - down) / (2 * step * joint.min())).ravel())
    return np.array(moved).T


CASES = {
    "unigram": sp.SGNS(dim=4, k=1, solver=ONCE),
    "biases": sp.SGNS(dim=2, k=5, bias=True, solver=ONCE),
    "smoothed": sp.SGNS(dim=4, k=5, exponent=0.75, solver=ONCE),
    "centers": sp.SGNS(dim=4, k=5, noise="center_unigram", exponent=0.5, solver=ONCE),
    "uniform": sp.SGNS(dim=4, k=5, noise="uniform", solver=ONCE),
    "low_dim": sp.SGNS(dim=2, k=5, exponent=0.75, solver=ONCE),
    "low_dim_biases": sp.SGNS(dim=1, k=5, bias=True, solver=ONCE),
    "dropped": sp.SGNS(dim=3, k=2, exponent=0.75, drop_positive=True, solver=ONCE),
    "likelihood": sp.SoftmaxMLE(dim=4),
    "likelihood_low_dim": sp.SoftmaxMLE(dim=3),
}


@pytest.mark.parametrize("corrected", [True, False], ids=["corrected", "raw"])
@pytest.mark.parametrize("case", CASES)
def test_influence_is_the_derivative_of_the_estimate(case, corrected):
    joint = population()
    expected = derivatives(CASES[case], joint, corrected)
    found = influences(CASES[case], joint, corrected)[:, PAIRS]
    assert np.abs(found - expected).max() < 2e-4 * np.abs(expected).max()
    assert np.abs(expected).max() > 1  # nats: there is something to compare
