"""Losses, slopes and curvatures of the cells of a block of scores, in one pass.

One exponential e = exp(−|x|) of a cell gives all: σ(x) = 1/(1 + e) or e/(1 + e), and softplus(x) = max(x, 0) + log(1 + e),
where log(1 + e) = 2 artanh(z), z = e/(2 + e) ≤ 1/3. Exponential and artanh are polynomials, so that the compiler computes
eight or sixteen cells at once: three times as fast as one library call after another, which also pass through the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload
from numpy.typing import NDArray

from sgns_pmi.compiled import compiled

FASTMATH = {"reassoc", "contract", "nsz", "arcp"}  # sums in any order; infinities and NaN keep their meaning
LN2 = math.log(2.0)
CHUNK = 512  # cells whose losses are summed in the scores' own precision before they join a sum in float64


def _polynomial(function: Callable[[Any], Any], low: float, high: float, degree: int, real: type) -> tuple[Any, ...]:
    """Coefficients, highest first, of the polynomial that interpolates a function in Chebyshev's points."""
    fit = np.polynomial.chebyshev.Chebyshev.interpolate(function, degree, domain=[low, high])
    return tuple(real(c) for c in fit.convert(kind=np.polynomial.Polynomial).coef[::-1])


@njit(fastmath=FASTMATH)
def _horner(coefficients: Any, t: Any) -> Any:
    value = coefficients[0]
    for c in coefficients[1:]:
        value = value * t + c
    return value


def _logistic(real: Any, integer: Any, mantissa: int, largest: float, degrees: tuple[int, int]) -> Callable[[Any], Any]:
    """x -> (σ(x), log(1 + exp(−|x|))) in one precision, to its rounding.

    Beyond |x| = `largest` both stay as they are there, far below rounding: subnormal numbers would slow products down.
    """
    exp = _polynomial(np.exp, -LN2 / 2, LN2 / 2, degrees[0], real)
    # 2 artanh(z) / z, as a polynomial in z².
    artanh = _polynomial(lambda y: 2 * np.arctanh(np.sqrt(y)) / np.sqrt(y), 0.0, 1 / 9, degrees[1], real)
    half, one, two, ln2, per_ln2, most = (real(c) for c in (0.5, 1, 2, LN2, 1 / LN2, largest))
    bias, shift = integer(np.finfo(real).maxexp - 1), integer(mantissa)

    def logistic(x: Any) -> Any:
        a = min(abs(x), most)
        n = integer(a * per_ln2 + half)
        # exp(−a) = 2^−n exp(n log 2 − a), the power of two from the bits of its exponent.
        e = _horner(exp, real(n) * ln2 - a) * integer((bias - n) << shift).view(real)
        inverse = one / ((one + e) * (two + e))
        larger, z = (two + e) * inverse, e * (one + e) * inverse
        return (larger if x >= 0 else e * larger), z * _horner(artanh, z * z)

    return logistic


_SINGLE = _logistic(np.float32, np.int32, 23, 40.0, (6, 4))
_DOUBLE = _logistic(np.float64, np.int64, 52, 200.0, (11, 10))


def logistic(x: Any) -> Any:
    """σ(x) and log(1 + exp(−|x|)); for compiled code only."""
    raise NotImplementedError


@overload(logistic, jit_options={"fastmath": FASTMATH, "error_model": "numpy"})
def _logistic_of(x: Any) -> Callable[[Any], Any]:
    return _SINGLE if x == types.float32 else _DOUBLE


def _exponential(real: Any, integer: Any, mantissa: int, largest: float, degree: int) -> Callable[[Any], Any]:
    """x -> exp(x) in one precision, to its rounding; beyond |x| = `largest` as it is there."""
    exp = _polynomial(np.exp, -LN2 / 2, LN2 / 2, degree, real)
    half, ln2, per_ln2, most = (real(c) for c in (0.5, LN2, 1 / LN2, largest))
    bias, shift = integer(np.finfo(real).maxexp - 1), integer(mantissa)

    def exponential(x: Any) -> Any:
        a = max(min(x, most), -most)
        n = np.floor(a * per_ln2 + half)
        return _horner(exp, a - n * ln2) * integer((bias + integer(n)) << shift).view(real)

    return exponential


_SINGLE_EXP = _exponential(np.float32, np.int32, 23, 80.0, 6)
_DOUBLE_EXP = _exponential(np.float64, np.int64, 52, 500.0, 11)


def exponential(x: Any) -> Any:
    """exp(x); for compiled code only."""
    raise NotImplementedError


@overload(exponential, jit_options={"fastmath": FASTMATH, "error_model": "numpy"})
def _exponential_of(x: Any) -> Callable[[Any], Any]:
    return _SINGLE_EXP if x == types.float32 else _DOUBLE_EXP


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def evaluate(
    scores: NDArray[Any],
    losses: NDArray[np.float64],
    first: int,
    last: int,
    low: int,
    row_weight: NDArray[Any],
    col_weight: NDArray[Any],
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    positive: NDArray[Any],
    net: NDArray[Any],
    positive_share: NDArray[Any],
    net_share: NDArray[Any],
) -> None:
    """Loss of rows of scores, and D in place of their scores; ∂(loss)/∂x_ij = α_i β_j D_ij.

    Parameters
    ----------
    scores : ndarray, (starts, rows, contexts)
        −x of one block, for each start.
    losses : ndarray, (starts, rows)
        Where to write the losses.
    first, last, low : int
        The rows of the block to evaluate, and the row of all counts that its first one is.
    row_weight, col_weight : ndarray, (words,) and (contexts,)
        α and β.
    indptr, columns : ndarray, (words + 1,) and (cells,)
        The seen cells, as CSR.
    positive, net, positive_share, net_share : ndarray, (cells,)
        Weight of softplus(−x), what the cell adds to the weight of softplus(x), and both divided by α_i β_j.
    """
    zero = scores.dtype.type(0)
    at_seen = np.empty(scores.shape[2], scores.dtype)
    for start in range(scores.shape[0]):
        for i in range(first, last):
            row = scores[start, i]
            cells = slice(indptr[low + i], indptr[low + i + 1])
            column, n, w = columns[cells], positive[cells], net[cells]
            for c in range(len(column)):
                at_seen[c] = row[np.uint32(column[c])]
            seen = 0.0
            for c in range(len(column)):
                minus_x = at_seen[c]
                log = logistic(minus_x)[1]
                seen += n[c] * (max(minus_x, zero) + log) + (w[c] - n[c]) * (max(-minus_x, zero) + log)
            dense = 0.0
            for chunk in range(0, len(row), CHUNK):
                part, weight, total = row[chunk : chunk + CHUNK], col_weight[chunk : chunk + CHUNK], zero
                for j in range(len(part)):
                    x = -part[j]
                    part[j], log = logistic(x)
                    total += weight[j] * (max(x, zero) + log)
                dense += total
            n, w = positive_share[cells], net_share[cells]
            for c in range(len(column)):
                sigma = row[np.uint32(column[c])]
                row[np.uint32(column[c])] = sigma + w[c] * sigma - n[c]
            losses[start, i] = row_weight[low + i] * dense + seen


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def curvature(
    residual: NDArray[Any],
    curvatures: NDArray[Any],
    first: int,
    last: int,
    low: int,
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    positive_share: NDArray[Any],
    net_share: NDArray[Any],
) -> None:
    """S from D: σ(1 − σ) where no cell was seen and D is σ, (1 + w) σ(1 − σ) where D is (1 + w) σ − n; see `evaluate`."""
    one = residual.dtype.type(1)
    for start in range(residual.shape[0]):
        for i in range(first, last):
            D, S = residual[start, i], curvatures[start, i]
            for j in range(len(D)):
                S[j] = D[j] * (one - D[j])
            cells = slice(indptr[low + i], indptr[low + i + 1])
            column, n, w = columns[cells], positive_share[cells], net_share[cells]
            for c in range(len(column)):
                at = np.uint32(column[c])
                weighted = D[at] + n[c]
                S[at] = weighted * (one - weighted / (one + w[c]))


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def evaluate_poisson(
    scores: NDArray[Any],
    losses: NDArray[np.float64],
    first: int,
    last: int,
    low: int,
    row_weight: NDArray[Any],
    col_weight: NDArray[Any],
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    count: NDArray[Any],
    constant: NDArray[Any],
    share: NDArray[Any],
) -> None:
    """Loss α_i β_j eˣ − n (x − constant) of rows of scores, and D = eˣ − share in place of −x; see `evaluate`.

    Parameters
    ----------
    count, constant, share : ndarray, (cells,)
        n, what does not depend on x, and n / (α_i β_j).
    """
    zero = scores.dtype.type(0)
    for start in range(scores.shape[0]):
        for i in range(first, last):
            row = scores[start, i]
            cells = slice(indptr[low + i], indptr[low + i + 1])
            column, n, c, s = columns[cells], count[cells], constant[cells], share[cells]
            seen = 0.0
            for k in range(len(column)):
                seen += n[k] * (row[np.uint32(column[k])] + c[k])
            dense = 0.0
            for chunk in range(0, len(row), CHUNK):
                part, weight, total = row[chunk : chunk + CHUNK], col_weight[chunk : chunk + CHUNK], zero
                for j in range(len(part)):
                    part[j] = exponential(-part[j])
                    total += weight[j] * part[j]
                dense += total
            for k in range(len(column)):
                row[np.uint32(column[k])] -= s[k]
            losses[start, i] = row_weight[low + i] * dense + seen


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def evaluate_swivel(
    scores: NDArray[Any],
    losses: NDArray[np.float64],
    first: int,
    last: int,
    low: int,
    row_weight: NDArray[Any],
    col_weight: NDArray[Any],
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    row_once: NDArray[Any],
    col_once: NDArray[Any],
    pmi: NDArray[Any],
    confidence: NDArray[Any],
) -> None:
    """Loss ½ f (x − PMI)² of seen cells and softplus(x − PMI*) of others, and its derivative in place of −x; see `evaluate`.

    Parameters
    ----------
    row_once, col_once : ndarray, (words,) and (contexts,)
        PMI* is their outer sum.
    pmi, confidence : ndarray, (cells,)
        PMI and f of the seen cells.
    """
    zero, far = scores.dtype.type(0), scores.dtype.type(1e4)
    slopes = np.empty(scores.shape[2], scores.dtype)
    for start in range(scores.shape[0]):
        for i in range(first, last):
            row, own = scores[start, i], row_once[low + i]
            cells = slice(indptr[low + i], indptr[low + i + 1])
            column, known, f = columns[cells], pmi[cells], confidence[cells]
            seen = 0.0
            for k in range(len(column)):
                at = np.uint32(column[k])
                error = -row[at] - known[k]
                slopes[k] = f[k] * error
                seen += scores.dtype.type(0.5) * slopes[k] * error
                row[at] = far  # where softplus is nothing
            dense = 0.0
            for chunk in range(0, len(row), CHUNK):
                part, once = row[chunk : chunk + CHUNK], col_once[chunk : chunk + CHUNK]
                weight, total = col_weight[chunk : chunk + CHUNK], zero
                for j in range(len(part)):
                    above = -part[j] - own - once[j]
                    part[j], log = logistic(above)
                    total += weight[j] * (max(above, zero) + log)
                dense += total
            for k in range(len(column)):
                row[np.uint32(column[k])] = slopes[k]
            losses[start, i] = row_weight[low + i] * dense + seen


@compiled()
def _prepare() -> None:
    """Nothing: at the first call of a process Numba spends a third of a second on getting ready."""


_prepare()  # with the import, not in the first fit
