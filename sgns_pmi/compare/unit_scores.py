"""The loop of `sandwich` that a text's units take: their scores, summed over pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compiled import compiled

Float = NDArray[np.float64]


@compiled(nogil=True)
def unit_scores(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    data: Float,
    center: NDArray[np.int32],
    context: NDArray[np.int32],
    slope: Float,
    left: Float,
    right: Float,
    rows: Float,
    cols: Float,
) -> None:
    """Add to each unit's scores n (a' R_b, 1) at the centre and n (a' L_a, 1) at the context of each of its n pairs (a, b).

    Parameters
    ----------
    indptr, indices, data : ndarray
        The units' counts (units, cells) in CSR form.
    center, context, slope : ndarray, (cells,)
        Of each cell, with a'.
    left, right : ndarray, (words, f) and (contexts, f)
        L and R.
    rows, cols : ndarray, (units, words, f + 1) and (units, contexts, f + 1)
        Added to.
    """
    f = left.shape[1]
    for unit in range(len(indptr) - 1):
        for at in range(indptr[unit], indptr[unit + 1]):
            cell, n = indices[at], data[at]
            a, b, weight = center[cell], context[cell], n * slope[cell]
            for own in range(f):
                rows[unit, a, own] += weight * right[b, own]
                cols[unit, b, own] += weight * left[a, own]
            rows[unit, a, f] += n
            cols[unit, b, f] += n


__all__ = ["unit_scores"]
