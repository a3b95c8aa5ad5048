"""The inner loop of streamed SGNS."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compiled import compiled
from sgns_pmi.factorise.kernels.draws import draw_one
from sgns_pmi.factorise.losses.kernel import FASTMATH, logistic
from sgns_pmi.prefetch import ask_for

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def visit_pairs(
    V: Float32,
    U: Float32,
    center: Int32,
    context: Int32,
    share: Float32,
    alias: Int32,
    k: int,
    drops: bool,
    rate: Any,
    state: NDArray[np.uint64],
) -> None:
    """One step of gradient descent on each pair in turn.

    Of a pair (i, j) with negatives j_1 … j_K the loss is softplus(−v_i·u_j) + Σ_k softplus(v_i·u_{j_k}); with ρ = σ(x) − y, y = 1
    for the pair and 0 for negatives: ∂u = ρ v_i, taken one after the other, and ∂v_i = Σ ρ u, the u as they were met.

    Parameters
    ----------
    V, U : ndarray, (words, dim) and (contexts, dim)
        Changed.
    center, context : ndarray, (pairs,)
    share, alias : ndarray, (contexts,)
        Alias table of the noise.
    k : int
    drops : bool
        Whether a negative that equals its positive is dropped.
    rate : float32
    state : ndarray of uint64, (1,)
        Of the generator of negatives; changed.
    """
    dim = V.shape[1]
    move, zero, one = np.empty(dim, np.float32), np.float32(0.0), np.float32(1.0)
    drawn = np.empty((2, k), np.int64)  # negatives of a pair and of the next, whose vectors arrive meanwhile
    for b in range(-1, len(center)):
        coming = b + 1
        if coming < len(center):
            ask_for(V, center[coming])
            ask_for(U, context[coming])
            for sample in range(k):
                drawn[coming % 2, sample] = j = draw_one(share, alias, state)
                ask_for(U, j)
        if b < 0:
            continue
        v = V[center[b]]
        move[:] = zero
        for sample in range(k + 1):
            j = np.int64(context[b])
            if sample > 0:
                j = drawn[b % 2, sample - 1]
                if drops and j == context[b]:
                    continue
            u, x = U[j], zero
            for f in range(dim):
                x += v[f] * u[f]
            slope = logistic(x)[0]
            if sample == 0:
                slope -= one
            step = rate * slope
            for f in range(dim):
                move[f] += step * u[f]
                u[f] -= step * v[f]
        for f in range(dim):
            v[f] -= move[f]


__all__ = ["visit_pairs"]
