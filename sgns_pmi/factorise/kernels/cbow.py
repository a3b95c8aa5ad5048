"""The inner loop of CBOW."""

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
def visit_windows(
    V: Float32,
    U: Float32,
    center: Int32,
    indptr: NDArray[np.int64],
    context: Int32,
    share: Float32,
    alias: Int32,
    k: int,
    mean: bool,
    exact: bool,
    drops: bool,
    first_rate: float,
    last_rate: float,
    state: NDArray[np.uint64],
) -> Any:
    """One step of gradient descent on each window in turn; the sum of their losses before the steps.

    With h the sum or mean of the contexts' vectors v_c, i the centre and j_1 … j_K its negatives, a window's loss is
    softplus(−h·u_i) + Σ_k softplus(h·u_{j_k}); with ρ = σ(x) − y: ∂u = ρ h, and ∂v_c = a Σ ρ u, a = 1 or 1/contexts.
    Unless `exact`, a = 1 for the mean too.

    Parameters
    ----------
    V, U : ndarray, (words, dim)
        Vectors of contexts and of centres; both are changed.
    center, indptr, context : ndarray
        As `Windows`.
    share, alias : ndarray, (words,)
        Alias table of the noise.
    k : int
    mean, exact, drops : bool
    first_rate, last_rate : float
        The learning rate falls linearly from one to the other.
    state : ndarray of uint64, (1,)
        Of the generator of negatives; changed.
    """
    dim = V.shape[1]
    h, step = np.empty(dim, np.float32), np.empty(dim, np.float32)
    drawn = np.empty((2, k), np.int64)  # negatives of a window and of the next, whose vectors arrive meanwhile
    loss, zero, one = 0.0, np.float32(0.0), np.float32(1.0)
    for w in range(-1, len(center)):
        coming = w + 1
        if coming < len(center):
            ask_for(U, center[coming])
            for c in context[indptr[coming] : indptr[coming + 1]]:
                ask_for(V, c)
            for sample in range(k):
                drawn[coming % 2, sample] = target = draw_one(share, alias, state)
                ask_for(U, target)
        if w < 0:
            continue
        own = context[indptr[w] : indptr[w + 1]]
        portion = np.float32(1.0 / len(own)) if mean else np.float32(1.0)
        rate = np.float32(first_rate + (last_rate - first_rate) * w / len(center))
        h[:] = 0.0
        for c in own:
            for d in range(dim):
                h[d] += V[c, d]
        for d in range(dim):
            h[d] *= portion
        step[:] = 0.0
        for sample in range(k + 1):
            target = np.int64(center[w])
            if sample > 0:
                target = drawn[w % 2, sample - 1]
                if drops and target == center[w]:
                    continue
            x = zero
            for d in range(dim):
                x += h[d] * U[target, d]
            sigma, log = logistic(x)
            residual = sigma - one if sample == 0 else sigma
            loss += max(-x if sample == 0 else x, zero) + log
            for d in range(dim):
                step[d] += residual * U[target, d]
                U[target, d] -= rate * residual * h[d]
        back = rate * portion if exact else rate
        for c in own:
            for d in range(dim):
                V[c, d] -= back * step[d]
    return loss
