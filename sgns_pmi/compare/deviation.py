"""The SGNS objective as a yardstick for any matrix of scores (L&G, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.counts import CooccurrenceCounts, as_counts
from sgns_pmi.errors import InputError, check_integer
from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.factorise.linalg import plus_terms
from sgns_pmi.factorise.losses.cells import softplus
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.negatives import Negatives

Float = NDArray[np.float64]
DENSE_CELLS = 25_000_000  # words x contexts whose scores take a few seconds in float64
BLOCK_CELLS = 4_000_000  # of one block of rows
FLOAT32_CELLS = 1_000_000_000  # from which float64 would take a minute and more; ℓ differs in the seventh digit


def scores_objective(scores: ArrayLike, counts: Any, negatives: Negatives, rows: slice = slice(None)) -> float:
    """ℓ of a dense matrix X (words, contexts) of any rank; −∞ is allowed where n_ij = 0, and costs nothing there.

    With `rows`, X holds only those rows, and the result is their share of ℓ.
    """
    counts = as_counts(counts)
    X = np.asarray(scores, dtype=np.float64)
    n = counts.matrix[rows].toarray()
    if X.shape != n.shape:
        raise InputError("X", f"array of shape {X.shape}", f"must have the counts' shape {n.shape}")
    drawn = negatives.k * (counts.row_sums[rows][:, None] - (n if negatives.drops else 0.0)) * negatives.noise
    return _loss(n, drawn, X) / counts.total


def _loss(n: Float, negatives: Float, x: Float) -> float:
    """Σ n softplus(−x) + negatives · softplus(x) over parallel arrays, some million cells at a time."""
    n, negatives, x = n.ravel(), negatives.ravel(), x.ravel()
    parts = (slice(low, low + BLOCK_CELLS) for low in range(0, len(x), BLOCK_CELLS))
    return float(sum((_weighted(n[part], -x[part]) + _weighted(negatives[part], x[part])).sum() for part in parts))


def _weighted(weight: Float, x: Float) -> Float:
    """weight · softplus(x), with 0 · ∞ = 0: a cell without positives may score −∞, and one without negatives +∞."""
    with np.errstate(invalid="ignore"):
        return np.where(weight > 0, weight * softplus(torch.from_numpy(x)).numpy(), 0.0)


def scored_raw(estimator: Factorisation, negatives: Negatives) -> bool:
    """Whether a method's scores are its raw estimate less log K, as no column term gives them back.

    That is so of one that was fitted to these very negatives, with positives dropped.
    """
    return negatives.drops and estimator.negatives_ == negatives


def estimator_objective(
    estimator: Factorisation, counts: CooccurrenceCounts, negatives: Negatives, estimate: Float | None = None
) -> float:
    """ℓ at a fitted method's scores; no cell is left out.

    The scores are its corrected estimate less log K and the column term log P_n(j) − log(c_j/N), or, of a method that is
    `scored_raw`, the raw estimate less log K.

    Up to `DENSE_CELLS` words x contexts the scores are computed block by block of rows, in float64. Beyond, products of
    factors go to `ExactObjective`, in float32 from `FLOAT32_CELLS` on; a method's own ℓ is taken as its solver found it, where
    it was for these negatives; and for sparse estimates only the seen cells are visited. The `estimate` of all cells that the
    scores are made from is not made again where it is at hand.
    """
    words, contexts = counts.shape
    corrected = not scored_raw(estimator, negatives)
    shift = negatives.shift + negatives.offset(counts) * corrected
    if words * contexts > DENSE_CELLS:
        if estimator.negatives_ == negatives:
            return float(estimator.objective_)
        if (factors := estimator.product(corrected)) is not None:
            return product_objective(*factors, shift, counts, negatives)
        if (unseen := estimator.unseen(corrected)) is not None:
            return sparse_objective(estimator, unseen, shift, counts, negatives)
    height = max(1, min(DENSE_CELLS, BLOCK_CELLS) // contexts)
    return sum(
        scores_objective(
            (estimator.estimate_pmi(corrected, rows) if estimate is None else estimate[rows]) - shift, counts, negatives, rows
        )
        for rows in (slice(low, min(low + height, words)) for low in range(0, words, height))
    )


def product_objective(left: Float, right: Float, shift: Float, counts: CooccurrenceCounts, negatives: Negatives) -> float:
    """ℓ at X = left·rightᵀ − shift, with a shift (contexts,) of each column; only blocks of rows are dense."""
    large = counts.shape[0] * counts.shape[1] > FLOAT32_CELLS
    dtype = torch.float32 if large else torch.float64
    V, U = plus_terms(left, right, -shift)
    return ExactObjective(counts, negatives, dtype=dtype).value(torch.from_numpy(V).to(dtype), torch.from_numpy(U).to(dtype))


def sparse_objective(
    estimator: Factorisation, unseen: Float, shift: Float, counts: CooccurrenceCounts, negatives: Negatives
) -> float:
    """ℓ at an estimate, less `shift`, that is `unseen` (contexts,) in every cell that was not seen.

    The negatives of all cells cost K N Σ_j P_n(j) softplus(x_j) if none was seen; the seen ones are put right.
    """
    n = counts.matrix
    background = unseen - shift
    x = estimator.estimate_cells(counts.centers, n.indices) - shift[n.indices]
    everywhere = negatives.k * counts.total * _weighted(negatives.noise, background).sum()
    none_seen = _weighted(negatives.undropped.weights(counts), background[n.indices]).sum()
    return (float(everywhere - none_seen) + _loss(n.data, negatives.weights(counts), x)) / counts.total


def optimal_objective(counts: CooccurrenceCounts, negatives: Negatives) -> float:
    """ℓ*, the value at x* (L&G, eq. 7): the infimum of ℓ over matrices of any rank; unseen cells contribute nothing."""
    return _loss(counts.matrix.data, negatives.weights(counts), negatives.optimum(counts)) / counts.total


def objective_deviation(X: ArrayLike, counts: Any, k: int, noise: str | ArrayLike, drop_positive: bool = False) -> float:
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
    noise : str or array-like, (contexts,)
        P_n, or its name.
    drop_positive : bool, default False
        Use the objective, and the x*, of word2vec.c and gensim.

    Raises
    ------
    InputError
        For an X or a noise of another shape than the counts, or k below 1.
    """
    counts = as_counts(counts)
    negatives = Negatives.at_scores(counts, check_integer("k", k), noise, drop_positive)
    best = optimal_objective(counts, negatives)
    return 100.0 * (scores_objective(X, counts, negatives) - best) / best
