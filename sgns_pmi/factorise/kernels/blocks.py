"""Loops of `solvers.blocks`: sums over counted pairs, column by column, so that the rows stay in the cache meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compiled import compiled
from sgns_pmi.factorise.losses.kernel import FASTMATH, logistic
from sgns_pmi.prefetch import ask_for

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Place = NDArray[np.uint8]
AHEAD = 8  # triples from one whose vector is read to one whose vector is asked for
CHUNK = 512  # triples whose vectors, read for their scores, are still in the cache when they are summed


@compiled(nogil=True)
def rows_by_column(
    indptr: NDArray[np.int64],
    indices: Int32,
    data: NDArray[np.float64],
    order: NDArray[np.int64],
    edges: NDArray[np.int64],
    scale: Float32,
    free: NDArray[np.int64],
    place: Place,
    column: Int32,
    values: Float32,
    first: int,
    last: int,
) -> None:
    """Write the cells of the rows `order` of a CSR matrix by part and column.

    Parameters
    ----------
    indptr, indices, data : ndarray
        The matrix (rows, contexts).
    order : ndarray, (rows,)
    edges : ndarray, (parts + 1,)
        The place in `order` of the first row of each part, and the number of rows.
    scale : ndarray, (rows,)
        What the values of each row of the matrix are multiplied by.
    free : ndarray, (contexts,)
        Overwritten.
    place, column, values : ndarray, (cells of these parts,)
        Written: the row within its part, the column and the value.
    first, last : int
        The parts.
    """
    begin = 0
    for part in range(first, last):
        free[:] = 0
        for row in order[edges[part] : edges[part + 1]]:
            for cell in range(indptr[row], indptr[row + 1]):
                free[indices[cell]] += 1
        for j in range(len(free)):  # from how many cells a column has to where they begin
            count = free[j]
            free[j] = begin
            begin += count
        for i in range(edges[part + 1] - edges[part]):
            row = order[edges[part] + i]
            for cell in range(indptr[row], indptr[row + 1]):
                at = free[indices[cell]]
                free[indices[cell]] += 1
                place[at], column[at], values[at] = i, indices[cell], data[cell] * scale[row]


@compiled(nogil=True)
def columns_by_row(
    indptr: NDArray[np.int64],
    indices: Int32,
    data: NDArray[np.float64],
    part: Int32,
    within: Place,
    scale: Float32,
    free: NDArray[np.int64],
    place: Place,
    column: Int32,
    values: Float32,
) -> None:
    """Write the cells of the transpose of a CSR matrix by part and column; its rows are the matrix' columns.

    Parameters
    ----------
    part, within : ndarray, (columns,)
        The part that each column of the matrix is a row of, and which of its rows.
    scale : ndarray, (columns,)
    free : ndarray, (parts,)
        Where the cells of each part begin; overwritten.
    """
    for row in range(len(indptr) - 1):
        for cell in range(indptr[row], indptr[row + 1]):
            j = indices[cell]
            at = free[part[j]]
            free[part[j]] += 1
            place[at], column[at], values[at] = within[j], row, data[cell] * scale[j]


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def add_scores(place: Place, column: Int32, left: Float32, right: Float32, scores: Float32) -> None:
    """Write v_i·u_j of triples, those of a column one after the other.

    Parameters
    ----------
    place : ndarray, (triples,)
        Rows of `left`.
    column : ndarray, (triples,)
        Rows of `right`.
    left, right : ndarray, (rows, dim) and (contexts, dim)
    scores : ndarray, (triples,)
    """
    zero, t, end = np.float32(0.0), 0, len(place)
    while t < end:
        j = column[t]
        u = right[np.uint32(j)]
        if t + AHEAD < end:
            ask_for(right, column[t + AHEAD])
        last = t + 1
        while last < end and column[last] == j:
            last += 1
        while t + 4 <= last:  # four at once read u once
            a, b = left[np.uint32(place[t])], left[np.uint32(place[t + 1])]
            c, d = left[np.uint32(place[t + 2])], left[np.uint32(place[t + 3])]
            of_a = of_b = of_c = of_d = zero
            for f in range(len(u)):
                of_a += a[f] * u[f]
                of_b += b[f] * u[f]
                of_c += c[f] * u[f]
                of_d += d[f] * u[f]
            scores[t], scores[t + 1], scores[t + 2], scores[t + 3] = of_a, of_b, of_c, of_d
            t += 4
        while t < last:
            a, of_a = left[np.uint32(place[t])], zero
            for f in range(len(u)):
                of_a += a[f] * u[f]
            scores[t] = of_a
            t += 1


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def add_features(place: Place, column: Int32, weight: Float32, features: Float32, sums: Float32) -> None:
    """Add weight · f_j of triples (triples,) to the sums (rows, free) of their rows; see `add_scores`."""
    t, end = 0, len(place)
    while t < end:
        j = column[t]
        feature = features[np.uint32(j)]
        last = t + 1
        while last < end and column[last] == j:
            last += 1
        while t + 4 <= last:  # four at once read f_j once
            a, b = sums[np.uint32(place[t])], sums[np.uint32(place[t + 1])]
            c, d = sums[np.uint32(place[t + 2])], sums[np.uint32(place[t + 3])]
            w_a, w_b, w_c, w_d = weight[t], weight[t + 1], weight[t + 2], weight[t + 3]
            for f in range(len(feature)):
                a[f] += w_a * feature[f]
                b[f] += w_b * feature[f]
                c[f] += w_c * feature[f]
                d[f] += w_d * feature[f]
            t += 4
        while t < last:
            total, own = sums[np.uint32(place[t])], weight[t]
            for f in range(len(feature)):
                total[f] += own * feature[f]
            t += 1


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def sum_slopes(
    starts: NDArray[np.int64],
    height: int,
    place: Place,
    column: Int32,
    positive: Float32,
    net: Float32,
    v: Float32,
    other: Float32,
    features: Float32,
    almost_one: Any,
    slope: Float32,
    bend: Float32,
    first: int,
    last: int,
) -> None:
    """Add Σ_j (w_ij σ(x_ij) − n_ij) f_j to the slope of each row, and write w σ (1 − σ), at least 0, of each triple.

    Parameters
    ----------
    starts : ndarray, (parts + 1,)
        Where the triples of each part begin.
    height : int
        Rows of a part.
    place, column : ndarray, (triples,)
        Rows within the part and columns, by part and column.
    positive, net : ndarray, (triples,)
        n and w.
    v, other : ndarray, (rows, dim) and (contexts, dim)
        Their products are the scores x.
    features : ndarray, (contexts, free)
        f, `other` itself or some of its columns.
    almost_one : float32
        What σ is taken from, in place of 1.
    slope, bend : ndarray, (rows, free) and (triples,)
    first, last : int
        The parts to sum.
    """
    zero, weights = np.float32(0.0), np.empty(CHUNK, np.float32)
    for part in range(first, last):
        rows = slice(part * height, (part + 1) * height)
        vectors, sums = v[rows], slope[rows]
        for low in range(starts[part], starts[part + 1], CHUNK):
            own = slice(low, min(low + CHUNK, starts[part + 1]))
            here, columns, n, w, curved = place[own], column[own], positive[own], net[own], bend[own]
            weight = weights[: len(here)]
            add_scores(here, columns, vectors, other, weight)
            for t in range(len(here)):
                sigma = logistic(weight[t])[0]
                drawn = w[t] * sigma
                curved[t] = max(drawn * (almost_one - sigma), zero)
                weight[t] = drawn - n[t]
            add_features(here, columns, weight, features, sums)


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def sum_bends(
    starts: NDArray[np.int64],
    height: int,
    place: Place,
    column: Int32,
    bend: Float32,
    step: Float32,
    other: Float32,
    reach: Float32,
    second: Float32,
    first: int,
    last: int,
) -> None:
    """Largest |s_i·u_j| of each row and Σ_j bend_ij (s_i·u_j)²; see `sum_slopes`.

    Parameters
    ----------
    step : ndarray, (rows, dim)
        s.
    reach, second : ndarray, (rows,)
        Zeros at first.
    """
    for part in range(first, last):
        rows, own = slice(part * height, (part + 1) * height), slice(starts[part], starts[part + 1])
        here, curved = place[own], bend[own]
        moves, largest, sums = np.empty(len(here), np.float32), reach[rows], second[rows]
        add_scores(here, column[own], step[rows], other, moves)
        for t in range(len(here)):
            i, move = np.uint32(here[t]), moves[t]
            largest[i] = max(largest[i], abs(move))
            sums[i] += curved[t] * move * move


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def sum_losses(
    starts: NDArray[np.int64],
    height: int,
    place: Place,
    column: Int32,
    positive: Float32,
    net: Float32,
    v: Float32,
    other: Float32,
    losses: Float32,
    first: int,
    last: int,
) -> None:
    """Add Σ_j n_ij softplus(−x_ij) + (w − n)_ij softplus(x_ij) to the loss (rows,) of each row; see `sum_slopes`."""
    zero, found = np.float32(0.0), np.empty(CHUNK, np.float32)
    for part in range(first, last):
        rows = slice(part * height, (part + 1) * height)
        vectors, sums = v[rows], losses[rows]
        for low in range(starts[part], starts[part + 1], CHUNK):
            own = slice(low, min(low + CHUNK, starts[part + 1]))
            here, n, w = place[own], positive[own], net[own]
            seen = found[: len(here)]
            add_scores(here, column[own], vectors, other, seen)
            for t in range(len(here)):
                x = seen[t]
                log = logistic(x)[1]
                seen[t] = n[t] * (max(-x, zero) + log) + (w[t] - n[t]) * (max(x, zero) + log)
            for t in range(len(here)):
                sums[np.uint32(here[t])] += seen[t]


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def add_softplus(scores: Float32, weights: Float32, losses: NDArray[np.float64]) -> None:
    """Add Σ_j weight_j softplus(x_ij) to the loss (rows,) of each row of the scores x (rows, contexts)."""
    zero = np.float32(0.0)
    for i in range(len(scores)):
        row, total = scores[i], zero
        for j in range(len(row)):
            total += weights[j] * (max(row[j], zero) + logistic(row[j])[1])
        losses[i] += total


__all__ = ["add_softplus", "columns_by_row", "rows_by_column", "sum_bends", "sum_losses", "sum_slopes"]
