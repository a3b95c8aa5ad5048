"""The SGNS objective as a yardstick for any matrix of scores (L&G, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.counts import CooccurrenceCounts, as_counts
from sgns_pmi.errors import InputError, check_integer
from sgns_pmi.factorise.objective import softplus
from sgns_pmi.pmi import optimum_cells

Float = NDArray[np.float64]


def scores_objective(
    scores: ArrayLike, counts: Any, k: int, noise: ArrayLike, *, drop_positive: bool = False, rows: slice = slice(None)
) -> float:
    """ℓ of a dense matrix X (words, contexts) of any rank; −∞ is allowed where n_ij = 0, and costs nothing there.

    With `rows`, X holds only those rows, and the result is their share of ℓ.
    """
    counts = as_counts(counts)
    X = np.asarray(scores, dtype=np.float64)
    n = counts.matrix[rows].toarray()
    if X.shape != n.shape:
        raise InputError("X", f"array of shape {X.shape}", f"must have the counts' shape {n.shape}")
    p_n = np.asarray(noise, dtype=np.float64)
    negatives = k * (counts.row_sums[rows][:, None] - (n if drop_positive else 0.0)) * p_n
    return float((_weighted(n, -X) + _weighted(negatives, X)).sum()) / counts.total


def _weighted(weight: Float, x: Float) -> Float:
    """weight · softplus(x), with 0 · ∞ = 0: a cell without positives may score −∞, and one without negatives +∞."""
    with np.errstate(invalid="ignore"):
        return np.where(weight > 0, weight * softplus(torch.from_numpy(x)).numpy(), 0.0)


def optimal_objective(counts: CooccurrenceCounts, k: int, noise: ArrayLike, *, drop_positive: bool = False) -> float:
    """ℓ*, the value at x* (L&G, eq. 7): the infimum of ℓ over matrices of any rank; unseen cells contribute nothing."""
    n, p_n = counts.matrix, np.asarray(noise, dtype=np.float64)
    x = optimum_cells(counts, k, noise, drop_positive=drop_positive)
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(n.indptr))
    negatives = k * np.maximum(counts.row_sums[rows] - (n.data if drop_positive else 0.0), 0.0) * p_n[n.indices]
    return float((_weighted(n.data, -x) + _weighted(negatives, x)).sum()) / counts.total


def objective_deviation(X: ArrayLike, counts: Any, k: int, noise: ArrayLike, drop_positive: bool = False) -> float:
    """Percent by which ℓ(X) is above ℓ*: 100 (ℓ(X) − ℓ*) / ℓ* (L&G, section 5 and Table 1).

    Convention: every cell counts, also unseen and clipped ones; at x* the unseen cells contribute
    K r_i P_n(j) softplus(−∞) = 0. (L&G's SPPMI column follows only if the clipped cells are left out.)

    Parameters
    ----------
    X : array-like, (words, contexts)
        Scores, as V·Uᵀ: estimates of PMI − log K, not of PMI.
    counts : CooccurrenceCounts, array or sparse matrix, (words, contexts)
    k : int
        Number of negatives K.
    noise : array-like, (contexts,)
        P_n.
    drop_positive : bool, default False
        Use the objective, and the x*, of word2vec.c and gensim.

    Raises
    ------
    InputError
        For an X of another shape than the counts, or k below 1.
    """
    counts, k = as_counts(counts), check_integer("k", k)
    best = optimal_objective(counts, k, noise, drop_positive=drop_positive)
    return 100.0 * (scores_objective(X, counts, k, noise, drop_positive=drop_positive) - best) / best
