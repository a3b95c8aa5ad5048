"""What each method of a run can reach: the rank of its estimate, the least error at that rank, the Cramér–Rao bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.cache import hash_of, of_truths
from sgns_pmi.compare.found import MOST_CELLS, Found, more_metrics
from sgns_pmi.compare.limits import cramer_rao_rmse
from sgns_pmi.compare.table import METRIC_COLUMNS, main_target, select
from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.factorise.linalg import truncated_svd
from sgns_pmi.factorise.methods.glove import GloVe
from sgns_pmi.factorise.methods.oracle import Oracle
from sgns_pmi.factorise.methods.softmax_mle import SoftmaxMLE
from sgns_pmi.lazily import pd
from sgns_pmi.problems import Problem
from sgns_pmi.streams import stream

Float = NDArray[np.float64]

KNOWN: dict[str, dict[str, float]] = {}
"""Floors and bounds of the truths that this process has met."""
MOST_KNOWN = 1_000
SAME = 1e-10
"""Singular values of a matrix, relative to the largest, that do not count for its rank."""
MOST_PARAMETERS = 1_500
"""Of a model, up to which its bound takes about a second."""
STARTS, NEAR_ROUNDS, ROUNDS, FALL = 10, 20, 200, 1e-9
"""Starts of a P-weighted floor, alternations from each, most from the best, and the relative fall that ends them."""


@more_metrics
def limit_rows(found: Found) -> pd.DataFrame:
    """Rows of metrics.csv that say how far each method can come.

    Returns
    -------
    DataFrame
        Columns of metrics.csv, with estimate corrected, cells all and as target the true PMI, or the empirical one where that is
        not known. Metrics: "rank", the columns that the estimate is a product of: dim, the biases, the column term of log K
        and the noise (none for an estimate that is no product); "floor" and "weighted_floor", the RMSE and P-weighted RMSE of
        the best approximations of the true PMI of that rank; "cramer_rao", the bound on P-weighted RMSE by the method's own
        model, "effects" where it has biases and "free" where it has none, at the rank of the truth; "efficiency", the bound
        over the method's weighted_rmse.
        Methods without factors, and what is told the truth, have no bound. It is for draws that are independent, a P without
        zeros, a true PMI of low rank and models of at most 1,500 parameters.
    """
    problem, metrics, target = found.problem, found.metrics, main_target(found.metrics)
    rows: list[tuple[str, str, float]] = []
    bounds = _Bounds(problem)
    weighted = select(metrics, metric="weighted_rmse", estimate="corrected", target="true").set_index("method")["value"]
    for name, estimator in found.fitted.items():
        product = estimator.product()
        if product is not None:
            rank = min(product[0].shape[1], *problem.counts.shape)
            rows.append((name, "rank", rank))
            rows += [(name, metric, value) for metric, value in bounds.of_rank(rank).items()]
        learned = hasattr(estimator, "U_") and not isinstance(estimator, Oracle)
        if learned and (bound := bounds.cramer_rao(has_effects(estimator))) is not None:
            rows += [(name, "cramer_rao", bound), (name, "efficiency", bound / float(weighted[name]))]
    frame = pd.DataFrame(rows, columns=["method", "metric", "value"])
    return frame.assign(estimate="corrected", target=target, cells="all")[list(METRIC_COLUMNS)]


def has_effects(estimator: Factorisation) -> bool:
    """Whether a method's estimates have terms of rows and columns beside the low-rank product."""
    return isinstance(estimator, GloVe | SoftmaxMLE) or getattr(estimator, "row_bias_", None) is not None


class _Bounds:
    """Floors and bounds of a problem, each computed once for all jobs that have its truth, also those of other processes."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        pmi = problem.pmi if problem.truth is not None and np.prod(problem.counts.shape) <= MOST_CELLS else None
        self.pmi = pmi if pmi is not None and np.isfinite(pmi).all() else None
        self._truth = hash_of(self.pmi, None if self.pmi is None else problem.joint)

    def of_rank(self, rank: int) -> dict[str, float]:
        """floor and weighted_floor; empty without a finite truth."""
        pmi, joint = self.pmi, self.problem.joint
        if pmi is None or joint is None:
            return {}

        def floors() -> dict[str, float]:
            error = low_rank(pmi, np.ones_like(pmi), rank) - pmi
            weighted = low_rank(pmi, joint, rank) - pmi
            found = np.mean(error**2), np.sum(joint * weighted**2) / joint.sum()
            return dict(zip(("floor", "weighted_floor"), map(float, np.sqrt(found)), strict=True))

        return _once(hash_of("floors", self._truth, rank), floors)

    def cramer_rao(self, effects: bool) -> float | None:
        """The bound by either model; None where there is none."""
        counts, joint, M = self.problem.counts, self.problem.joint, self.pmi
        whole = np.array_equal(counts.matrix.data, np.round(counts.matrix.data))  # population counts have no draws
        if M is None or joint is None or not (joint > 0).all() or self.problem.units is not None or not whole:
            return None
        name = hash_of("bound", self._truth, effects, counts.total)
        return _once(name, lambda: _bound(M, joint, counts.total, effects)).get("cramer_rao")


def _bound(pmi: Float, joint: Float, pairs: float, effects: bool) -> dict[str, float]:
    M = pmi - pmi.mean(0) - pmi.mean(1, keepdims=True) + pmi.mean() if effects else pmi
    left, values, right = truncated_svd(M, min(M.shape))
    rank = int((values > SAME * max(values[0], np.abs(pmi).max())).sum())
    if rank == 0 or sum(M.shape) * (rank + 1) > MOST_PARAMETERS:
        return {}
    V, U = left[:, :rank] * np.sqrt(values[:rank]), right[:, :rank] * np.sqrt(values[:rank])
    return {"cramer_rao": cramer_rao_rmse(V, U, joint, pairs, "effects" if effects else "free")}


def _once(name: str, make: Callable[[], dict[str, float]]) -> dict[str, float]:
    """What was made under this name before, by whichever process, or is made now; this one forgets the oldest of many."""
    if name not in KNOWN:
        if len(KNOWN) >= MOST_KNOWN:
            del KNOWN[next(iter(KNOWN))]
        KNOWN[name] = of_truths().once(name, make, lambda made: {key: np.array(value) for key, value in made.items()}, _numbers)
    return KNOWN[name]


def _numbers(stored: Mapping[str, Float]) -> dict[str, float]:
    return {key: float(value) for key, value in stored.items()}


def low_rank(matrix: Float, weights: Float, rank: int) -> Float:
    """An approximation of that rank with a low Σ w (x − m)², w > 0; of equal weights the lowest there is (Eckart–Young).

    Other weights are no outer product, and the least has no closed form: the SVD in the weights √(w_i w_j) of the margins, and
    nine random starts, are improved by alternating least squares, and the lowest is followed to its end (Srebro & Jaakkola,
    "Weighted Low-Rank Approximations", ICML 2003).
    """
    root_rows, root_cols = (np.sqrt(weights.sum(axis)) for axis in (1, 0))
    left, values, right = truncated_svd(matrix * root_rows[:, None] * root_cols, rank)
    L, R = left * np.sqrt(values) / root_rows[:, None], right * np.sqrt(values) / root_cols[:, None]
    if np.ptp(weights) == 0 or np.sum(weights * (L @ R.T - matrix) ** 2) <= SAME**2 * np.sum(weights * matrix**2):
        return L @ R.T
    rng = stream(0, "start", "weighted floor")
    starts = [R, *(rng.normal(size=R.shape) for _ in range(STARTS - 1))]
    near = [_alternated(matrix, weights, own, NEAR_ROUNDS) for own in starts]
    best = min(near, key=lambda pair: float(np.sum(weights * (pair[0] @ pair[1].T - matrix) ** 2)))
    L, R = _alternated(matrix, weights, best[1], ROUNDS)
    return L @ R.T


def _alternated(matrix: Float, weights: Float, R: Float, rounds: int) -> tuple[Float, Float]:
    """Alternating least squares from R (columns, rank), until the error hardly falls or rounds are up."""
    before = np.inf
    for _ in range(rounds):
        L = _least_squares(matrix, weights, R)
        R = _least_squares(matrix.T, weights.T, L)
        error = float(np.sum(weights * (L @ R.T - matrix) ** 2))
        if before - error <= FALL * error:
            break
        before = error
    return L, R


def _least_squares(matrix: Float, weights: Float, features: Float) -> Float:
    """The coefficients (rows, f) of each row's weighted least squares on the features (columns, f)."""
    f = features.shape[1]
    squares = (features[:, :, None] * features[:, None, :]).reshape(-1, f * f)
    grams = np.matmul(weights, squares).reshape(-1, f, f)
    targets = (weights * matrix) @ features
    scale = 1e-14 * np.trace(grams, axis1=1, axis2=2)  # features may be dependent
    grams[:, range(f), range(f)] += scale[:, None]
    return np.linalg.solve(grams, targets[:, :, None])[:, :, 0]


__all__ = ["has_effects", "limit_rows", "low_rank"]
