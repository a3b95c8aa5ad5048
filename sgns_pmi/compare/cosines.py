"""Standard errors and intervals of cosines between word vectors, from the covariance that PMI estimates have."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_sylvester
from scipy.special import ndtri

from sgns_pmi.compare.inference import BY_FORMULA, cells_of, linearised, named
from sgns_pmi.compare.sandwich import LowRankFit, Sandwich
from sgns_pmi.counts import CooccurrenceCounts, as_counts
from sgns_pmi.errors import InputError, check_share
from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.factorise.linalg import balanced
from sgns_pmi.lazily import pd
from sgns_pmi.problems.problem import Units
from sgns_pmi.problems.text_units import TextUnits
from sgns_pmi.problems.units import units_of

Float = NDArray[np.float64]
TINY = 1e-300
COLUMNS = ("word", "other", "cosine", "se", "lower", "upper")


def cosine_inference(
    estimator: Factorisation,
    counts: Any,
    pairs: ArrayLike,
    units: Units | TextUnits | pd.DataFrame | ArrayLike | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Standard error and interval of the cosine between the vectors of two centres, by the delta method.

    Counts know the product V Uᵀ alone, with biases up to effects of rows and columns, and cosines of V need more. They are those
    of the balanced factors (`factorise.linalg.balanced`, with weights r_i/N and P_n; with biases, after V and U lose their means
    in these weights), whose inner products v_i M v_j follow from the product: M solves M G_V M = G_U with G_V = Vᵀ W_r V and
    G_U = Uᵀ W_c U, so that a change of the factors moves it by

        dM G_V M + M G_V dM = dG_U − M dG_V M.

    The gradient of a cosine then goes through the sandwich as that of a cell does; that of the weights, which are counted, too.

    Parameters
    ----------
    estimator : SGNS or SoftmaxMLE
        Fitted to `counts`.
    counts : CooccurrenceCounts, array or sparse matrix, (words, contexts)
    pairs : array-like (n, 2)
        Centres, as indices or, where the counts have words, as words.
    units, level
        As in `inference`.

    Returns
    -------
    DataFrame
        Columns word, other, cosine, se, lower, upper; the interval is cosine ± z se.

    Raises
    ------
    InputError
        For a method without a formula, and as `inference`.
    """
    counts, level = as_counts(counts), check_share("level", level)
    fit = _with_formula(estimator, counts)
    sandwich = Sandwich(fit, counts, None if units is None else units_of(units, counts))
    first, second = cells_of(pairs, (counts.vocab, counts.vocab), (counts.shape[0],) * 2)
    weights = _weights(fit, counts)
    found, variance = np.empty(len(first)), np.empty(len(first))
    for some in sandwich.batches(len(first)):
        found[some], slopes = _cosines(fit.V, fit.U, *weights, fit.row_bias is not None, first[some], second[some])
        gradient = sandwich.zero(len(slopes.V))
        gradient.rows[:, :, : fit.V.shape[1]], gradient.cols[:, :, : fit.V.shape[1]] = slopes.V, slopes.U
        offset = np.stack([slopes.log_col_weight, np.zeros_like(slopes.log_col_weight)], axis=2)
        covariance = sandwich.direction_covariance(sandwich.curvature.solve(gradient), offset, slopes.log_row_weight)
        variance[some] = np.diag(covariance)
    se = np.sqrt(variance)
    half = ndtri(0.5 + level / 2) * se
    columns = [named(first, counts.vocab), named(second, counts.vocab), found, se, found - half, found + half]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def nearest(estimator: Factorisation, counts: Any, word: str | int, count: int = 10) -> NDArray[np.integer]:
    """The centres (count,) whose vectors have the largest cosines with a centre's, as `cosine_inference` has them.

    Raises
    ------
    InputError
        For a method without a formula, or an unknown word.
    """
    counts = as_counts(counts)
    fit = _with_formula(estimator, counts)
    (place,), _ = cells_of([(word, word)], (counts.vocab, counts.vocab), (counts.shape[0],) * 2)
    vectors = balanced(*_centred(fit.V, fit.U, *_weights(fit, counts), fit.row_bias is not None), *_weights(fit, counts))[0]
    cosines = vectors @ vectors[place] / np.linalg.norm(vectors, axis=1).clip(min=TINY)
    cosines[place] = -np.inf
    cosines[counts.row_sums == 0] = -np.inf
    return np.argsort(-cosines, kind="stable")[: min(count, int((counts.row_sums > 0).sum()) - 1)]


def _with_formula(estimator: Factorisation, counts: CooccurrenceCounts) -> LowRankFit:
    estimator.check_fitted()
    fit = linearised(estimator, counts)
    if fit is None:
        allowed = " or ".join(method.__name__ for method in BY_FORMULA)
        raise InputError("estimator", type(estimator).__name__, f"must be {allowed}, whose errors have a formula")
    return fit


def _weights(fit: LowRankFit, counts: CooccurrenceCounts) -> tuple[Float, Float]:
    """Of rows and of columns: r_i/N and P_n."""
    return counts.row_sums / counts.total, fit.noise.distribution


def _centred(V: Float, U: Float, row_weight: Float, col_weight: Float, centred: bool) -> tuple[Float, Float]:
    """V and U, less their weighted means if asked."""
    if not centred:
        return V, U
    return V - row_weight @ V / row_weight.sum(), U - col_weight @ U / col_weight.sum()


class _Slopes(NamedTuple):
    """Derivatives of cosines along V (pairs, words, dim), U (pairs, contexts, dim) and the logarithms of the weights."""

    V: Float
    U: Float
    log_row_weight: Float
    log_col_weight: Float


def _cosines(
    V: Float,
    U: Float,
    row_weight: Float,
    col_weight: Float,
    centred: bool,
    first: NDArray[np.integer],
    second: NDArray[np.integer],
) -> tuple[Float, _Slopes]:
    """Cosines (pairs,) of the balanced V, after centring if asked, and their derivatives."""
    V, U = _centred(V, U, row_weight, col_weight, centred)
    turn = np.linalg.lstsq(V, balanced(V, U, row_weight, col_weight)[0], rcond=None)[0]
    M = turn @ turn.T
    B = (V.T * row_weight) @ V @ M
    cosine, rows, cols = np.empty(len(first)), np.zeros((len(first), *V.shape)), np.empty((len(first), *U.shape))
    by_row, by_col = np.empty((len(first), len(V))), np.empty((len(first), len(U)))
    for pair, (i, j) in enumerate(zip(first, second, strict=True)):
        a, b = (V[word] / np.sqrt(V[word] @ M @ V[word]) for word in (i, j))
        c = cosine[pair] = a @ M @ b
        slope = (np.outer(a, b) + np.outer(b, a) - c * (np.outer(a, a) + np.outer(b, b))) / 2  # ∂cosine / ∂M
        adjoint = solve_sylvester(B, B.T, slope)
        rows[pair] = -2 * row_weight[:, None] * (V @ (M @ adjoint @ M))
        cols[pair] = 2 * col_weight[:, None] * (U @ adjoint)
        by_row[pair], by_col[pair] = (rows[pair] * V).sum(1) / 2, (cols[pair] * U).sum(1) / 2
        for word, own, other in ((i, a, b), (j, b, a)):
            rows[pair, word] += M @ (other - c * own) / np.sqrt(V[word] @ M @ V[word])
    if centred:
        for slope, by_weight, side, weight in ((rows, by_row, V, row_weight), (cols, by_col, U, col_weight)):
            total = slope.sum(1) / weight.sum()
            by_weight -= (total @ side.T) * weight
            slope -= total[:, None] * weight[:, None]
    return cosine, _Slopes(rows, cols, by_row, by_col)


__all__ = ["cosine_inference", "nearest"]
