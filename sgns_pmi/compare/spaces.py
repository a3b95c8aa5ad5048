"""Whether two factorisations span the same spaces, imply the same distribution, and call the same words alike."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import orthogonal_procrustes, subspace_angles
from scipy.special import xlogy

from sgns_pmi.compare.found import MOST_CELLS, Found, RunTable, makes, more_metrics
from sgns_pmi.compare.recovery import rank_correlation
from sgns_pmi.compare.table import AGREEMENT_COLUMNS, METRIC_COLUMNS
from sgns_pmi.errors import InputError, check_integer
from sgns_pmi.factorise.linalg import scaled_to_one, truncated_svd
from sgns_pmi.lazily import pd

Float = NDArray[np.float64]

NULL = 1e-10
"""Relative size of a singular value that is rounding."""
MOST_WORDS = 1_000
"""Words whose cosines are compared."""


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
    return rank_correlation(*(matrix[above] for matrix in cosines))


@more_metrics
def space_rows(found: Found) -> pd.DataFrame:
    """Rows of metrics.csv that hold the spaces of each estimate, and the distribution that it implies, against the truth.

    Estimate and truth are both cut to the rank r of the true PMI, as U_r Σ_r^½ and V_r Σ_r^½: "row_angle" and "col_angle" are
    the largest principal angles between their column spaces (radians), "procrustes" and "pip_loss" are `procrustes_error` and
    `pip_loss` of the centres' vectors, and "kl" is `implied_divergence`, of the estimate itself. All are 0 for the true PMI.

    Returns
    -------
    DataFrame
        Columns of metrics.csv, target true, cells all, estimate corrected; nothing without a finite truth of low rank, for an
        estimate with infinite cells or of lower rank, and beyond a million words x contexts.
    """
    frame, problem = pd.DataFrame(columns=list(METRIC_COLUMNS)), found.problem
    pmi, joint, rank = problem.pmi, problem.joint, problem.pmi_rank
    if pmi is None or joint is None or not rank or rank >= min(pmi.shape) or pmi.size > MOST_CELLS or not np.isfinite(pmi).all():
        return frame
    true_sides, rows = _sides(pmi, rank), []
    for name, estimator in found.fitted.items():
        estimate = found.estimates[estimator]
        if not np.isfinite(estimate).all() or (sides := _sides(estimate, rank)) is None or true_sides is None:
            continue
        angles = [float(principal_angles(own, true)[0]) for own, true in zip(sides, true_sides, strict=True)]
        values = {"row_angle": angles[0], "col_angle": angles[1]}
        values |= {"procrustes": procrustes_error(sides[0], true_sides[0]), "pip_loss": pip_loss(sides[0], true_sides[0])}
        rows += [(name, metric, value) for metric, value in (values | {"kl": implied_divergence(estimate, joint)}).items()]
    measured = pd.DataFrame(rows, columns=["method", "metric", "value"])
    return measured.assign(estimate="corrected", target="true", cells="all")[list(METRIC_COLUMNS)]


def _sides(matrix: Float, rank: int) -> tuple[Float, Float] | None:
    """U_r Σ_r^½ and V_r Σ_r^½ of a matrix; None where its rank is below r."""
    left, values, right = truncated_svd(matrix, rank)
    return None if values[-1] <= NULL * values[0] else (left * np.sqrt(values), right * np.sqrt(values))


@makes("agreement")
def agreement_table(found: Found) -> RunTable:
    """`agreement` of the vectors V of all methods that have some, over the thousand most frequent centres."""
    frequent = np.sort(np.argsort(-found.problem.counts.row_sums, kind="stable")[:MOST_WORDS])
    dense = {name: estimator.V_ for name, estimator in found.fitted.items() if hasattr(estimator, "U_")}
    # Cosines of zero vectors, of an SPPMI without a positive cell, have no correlation.
    return RunTable(agreement({name: V[frequent] for name, V in dense.items()}).dropna())


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
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))


def _cosines(vectors: Float) -> Float:
    unit = scaled_to_one(vectors)
    cosines: Float = unit @ unit.T
    return cosines


def _pair(first: ArrayLike, second: ArrayLike, same_columns: bool = True) -> tuple[Float, Float]:
    A, B = (np.asarray(array, dtype=np.float64) for array in (first, second))
    if A.ndim != 2 or B.ndim != 2 or len(A) != len(B) or (same_columns and A.shape != B.shape):
        what = "shape" if same_columns else "number of rows"
        raise InputError("arrays", f"of shapes {A.shape} and {B.shape}", f"must be two-dimensional and have the same {what}")
    return A, B
