"""Whether two factorisations span the same spaces, imply the same distribution, and call the same words alike."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import orthogonal_procrustes, subspace_angles
from scipy.special import xlogy
from scipy.stats import spearmanr

from sgns_pmi.errors import InputError, check_integer
from sgns_pmi.lazily import pd

Float = NDArray[np.float64]


def principal_angles(estimate: ArrayLike, truth: ArrayLike) -> Float:
    """Angles between the column spaces of two matrices with as many rows, in radians, the largest first (Björck & Golub 1973).

    Of factors (words, dim) the spaces are those that the rows of V·Uᵀ + … live in: the same for every choice of the gauge.
    """
    return subspace_angles(*_pair(estimate, truth, same_columns=False))


def procrustes_error(estimate: ArrayLike, truth: ArrayLike) -> float:
    """min_R ‖A R − B‖ / ‖B‖ over orthogonal R, of vectors (words, dim) (Schönemann 1966): 0 for the same up to rotation."""
    A, B = _pair(estimate, truth)
    rotation, _ = orthogonal_procrustes(A, B)
    return float(np.linalg.norm(A @ rotation - B) / np.linalg.norm(B))


def pip_loss(estimate: ArrayLike, truth: ArrayLike) -> float:
    """‖A Aᵀ − B Bᵀ‖, the pairwise inner product loss of vectors (words, dim) of any dims (Yin & Shen, NeurIPS 2018, eq. 1).

    From Gram matrices of dim x dim: ‖AᵀA‖² − 2 ‖AᵀB‖² + ‖BᵀB‖².
    """
    A, B = _pair(estimate, truth, same_columns=False)
    (_, r) = np.linalg.qr(np.hstack([A, B]))
    left, right = r[:, : A.shape[1]], r[:, A.shape[1] :]
    return float(np.linalg.norm(left @ left.T - right @ right.T))


def implied_divergence(pmi: ArrayLike, joint: ArrayLike) -> float:
    """KL(P ‖ P̂) in nats, P̂ ∝ p_i q_j exp(PMI_ij) the distribution that an estimate of PMI implies with the margins of P.

    Infinite where the estimate is −∞ in a cell that P has.
    """
    x, P = _pair(pmi, joint)
    with np.errstate(divide="ignore"):
        implied = np.log(P.sum(1))[:, None] + np.log(P.sum(0)) + x
    normaliser = np.logaddexp.reduce(implied, axis=None)
    has = P > 0
    return float(xlogy(P, P).sum() - P[has] @ implied[has] + normaliser * P.sum())


def neighbour_overlap(first: ArrayLike, second: ArrayLike, neighbours: int = 10) -> float:
    """Share of a word's nearest words by cosine that two sets of vectors (words, dim) have in common, mean over words."""
    cosines = [_cosines(vectors) for vectors in _pair(first, second, same_columns=False)]
    count = min(check_integer("neighbours", neighbours), len(cosines[0]) - 1)
    for matrix in cosines:
        np.fill_diagonal(matrix, -np.inf)
    near = [np.argsort(-matrix, axis=1, kind="stable")[:, :count] for matrix in cosines]
    return float(np.mean([len(np.intersect1d(a, b)) / count for a, b in zip(*near, strict=True)]))


def cosine_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's correlation of the cosines of all pairs of words in two sets of vectors (words, dim)."""
    cosines = [_cosines(vectors) for vectors in _pair(first, second, same_columns=False)]
    above = np.triu_indices(len(cosines[0]), k=1)
    return float(spearmanr(*(matrix[above] for matrix in cosines)).statistic)


def agreement(vectors: Mapping[str, Any], neighbours: int = 10) -> pd.DataFrame:
    """How far methods agree on which words are alike, for every pair of methods.

    Parameters
    ----------
    vectors : mapping of method name to array (words, dim)
        Of the same words; dims may differ.
    neighbours : int, default 10

    Returns
    -------
    DataFrame
        Columns method, other, metric ("overlap" of nearest words, "spearman" of cosines), value.
    """
    rows = [
        (first, second, metric, value)
        for first, second in combinations(vectors, 2)
        for metric, value in (
            ("overlap", neighbour_overlap(vectors[first], vectors[second], neighbours)),
            ("spearman", cosine_correlation(vectors[first], vectors[second])),
        )
    ]
    return pd.DataFrame(rows, columns=["method", "other", "metric", "value"])


def _cosines(vectors: Float) -> Float:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit @ unit.T


def _pair(first: ArrayLike, second: ArrayLike, same_columns: bool = True) -> tuple[Float, Float]:
    A, B = (np.asarray(array, dtype=np.float64) for array in (first, second))
    if A.ndim != 2 or B.ndim != 2 or len(A) != len(B) or (same_columns and A.shape != B.shape):
        what = "shape" if same_columns else "number of rows"
        raise InputError("arrays", f"of shapes {A.shape} and {B.shape}", f"must be two-dimensional and have the same {what}")
    return A, B
