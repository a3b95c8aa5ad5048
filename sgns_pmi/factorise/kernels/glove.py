"""The inner loop of GloVe's AdaGrad."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compiled import compiled
from sgns_pmi.prefetch import ask_for

FASTMATH = {"reassoc", "contract", "nsz"}  # sums in any order; NaN keeps its meaning, as a diverged run is known by it


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def _residual(v: Any, u: Any, log_n: Any) -> Any:
    """v·u + b + b̃ − log n; the biases are the last entries."""
    dim = len(v) - 1
    difference = v[dim] + u[dim] - log_n
    for d in range(dim):
        difference += v[d] * u[d]
    return difference


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def visit_triples(
    V: Any,
    U: Any,
    V_squares: Any,
    U_squares: Any,
    V_decay: Any,
    U_decay: Any,
    center: NDArray[np.int32],
    context: NDArray[np.int32],
    log_n: Any,
    weight: Any,
    lr: float,
) -> None:
    """One AdaGrad step of each triple in turn, as glove.c takes it.

    With s = lr · f(n) · residual, the step's gradients are s u + lr ρ v for v, s v + lr ρ u for u, ρ the word's share of a
    penalty, and s for both biases; each coordinate
    moves by its gradient over the root of its sum of squares, to which it is added afterwards.

    Parameters
    ----------
    V, U, V_squares, U_squares : ndarray, (words, dim + 1) and (contexts, dim + 1)
        Vectors with their biases, and sums of squared gradients; all are changed.
    V_decay, U_decay : ndarray, (words,) and (contexts,)
        ρ.
    center, context, log_n, weight : ndarray, (triples,)
        weight is f(n).
    lr : float
    """
    dim = V.shape[1] - 1
    one = V.dtype.type(1.0)
    for t in range(len(center)):
        if t + 1 < len(center):
            i, j = center[t + 1], context[t + 1]
            ask_for(V, i)
            ask_for(U, j)
            ask_for(V_squares, i)
            ask_for(U_squares, j)
        v, u = V[center[t]], U[context[t]]
        v_squares, u_squares = V_squares[center[t]], U_squares[context[t]]
        s = V.dtype.type(lr) * weight[t] * _residual(v, u, log_n[t])
        v_decay, u_decay = V.dtype.type(lr) * V_decay[center[t]], V.dtype.type(lr) * U_decay[context[t]]
        for d in range(dim):
            of_v, of_u = s * u[d] + v_decay * v[d], s * v[d] + u_decay * u[d]
            v[d] -= of_v * (one / np.sqrt(v_squares[d]))
            u[d] -= of_u * (one / np.sqrt(u_squares[d]))
            v_squares[d] += of_v * of_v
            u_squares[d] += of_u * of_u
        v[dim] -= s / np.sqrt(v_squares[dim])
        u[dim] -= s / np.sqrt(u_squares[dim])
        v_squares[dim] += s * s
        u_squares[dim] += s * s


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def weighted_squares(V: Any, U: Any, center: NDArray[np.int32], context: NDArray[np.int32], log_n: Any, weight: Any) -> float:
    """Σ f(n) residual² of the triples."""
    total = 0.0
    for t in range(len(center)):
        difference = _residual(V[center[t]], U[context[t]], log_n[t])
        total += weight[t] * difference * difference
    return total
