"""The gradient of a batch of pairs with negatives of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.compiled import compiled
from sgns_pmi.factorise.losses.kernel import FASTMATH, logistic

DENSE_SCORES = 20  # contexts per scored context up to which a product with all contexts beats gathering the scored ones


def batch_gradient(
    V: Tensor,
    U: Tensor,
    center: Tensor,
    context: Tensor,
    negatives: Tensor,
    weight: Tensor,
    negative_weight: Tensor,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Gradient of a batch's loss Σ_b w_b [ softplus(−v_i·u_j) + Σ_m a_bm softplus(v_i·u_{j_m}) ].

    On a CPU one compiled loop does what would else be ten calls of PyTorch, each longer than its work.

    Parameters
    ----------
    V, U : Tensor, (words, dim) and (contexts, dim)
        These and the rest lie in memory in order.
    center, context : Tensor, (batch,) and (batch, 1)
        i and j of the pairs.
    negatives : Tensor, (batch, m)
        The contexts j_m drawn for each.
    weight, negative_weight : Tensor, (batch, 1) and (batch, 1) or (batch, m)
        w_b, and w_b a_bm: with w_b itself each draw counts once; 0 drops it.
    out : tuple of Tensor, optional
        Shaped as V and U, to be written.

    Returns
    -------
    tuple of Tensor
        ∂V (words, dim) and ∂U (contexts, dim). With residuals ρ = w (σ(x) − y), y = 1 for the pair and 0 for its negatives:
        ∂v_i = Σ ρ u_j and ∂u_j = Σ ρ v_i.
    """
    dV, dU = (torch.empty_like(V), torch.empty_like(U)) if out is None else out
    if V.device.type == "cpu":
        given = V, U, center, context, negatives, weight, negative_weight, dV, dU
        _write_gradient(*[own.numpy() for own in given])
        return dV, dU
    found_V, found_U = dense_gradient(V, U, center, context, negatives, weight, negative_weight)
    return dV.copy_(found_V), dU.copy_(found_U)


def dense_gradient(
    V: Tensor, U: Tensor, center: Tensor, context: Tensor, negatives: Tensor, weight: Tensor, negative_weight: Tensor
) -> tuple[Tensor, Tensor]:
    """`batch_gradient` by products, as other devices compute it."""
    scored = torch.cat([context, negatives], dim=1)
    v = V[center]
    if U.shape[0] <= DENSE_SCORES * scored.shape[1]:
        scores = v @ U.T
        residual = _residual(scores.gather(1, scored), weight, negative_weight)
        of_context = scores.zero_().scatter_add_(1, scored, residual)
        dv, dU = of_context @ U, of_context.T @ v
    else:
        u = U[scored.view(-1)].view(*scored.shape, U.shape[1])
        residual = _residual(torch.bmm(u, v[:, :, None])[:, :, 0], weight, negative_weight)
        dv = torch.bmm(residual[:, None, :], u)[:, 0, :]
        du = torch.mul(residual[:, :, None], v[:, None, :], out=u)
        dU = torch.zeros_like(U).index_add_(0, scored.view(-1), du.view(-1, U.shape[1]))
    return torch.zeros_like(V).index_add_(0, center, dv), dU


def _residual(scores: Tensor, weight: Tensor, negative_weight: Tensor) -> Tensor:
    residual = scores.sigmoid_()
    residual[:, :1].sub_(1.0).mul_(weight)
    residual[:, 1:].mul_(negative_weight)
    return residual


@compiled(nogil=True, fastmath=FASTMATH, error_model="numpy")
def _write_gradient(
    V: NDArray[Any],
    U: NDArray[Any],
    center: NDArray[np.int64],
    context: NDArray[np.int64],
    negatives: NDArray[np.int64],
    weight: NDArray[Any],
    negative_weight: NDArray[Any],
    dV: NDArray[Any],
    dU: NDArray[Any],
) -> None:
    """Write the gradient to dV and dU; shapes are those of `batch_gradient`."""
    batch, drawn = negatives.shape
    own_weight = negative_weight.shape[1] > 1
    dim = V.shape[1]
    zero, one = V.dtype.type(0), V.dtype.type(1)
    residual = np.empty((batch, 1 + drawn), V.dtype)
    dV[:] = zero
    dU[:] = zero
    for b in range(batch):
        v = V[center[b]]
        for m in range(1 + drawn):
            u = U[context[b, 0] if m == 0 else negatives[b, m - 1]]
            score = zero
            for d in range(dim):
                score += v[d] * u[d]
            residual[b, m] = score
    flat = residual.ravel()
    for at in range(len(flat)):
        flat[at] = logistic(flat[at])[0]
    for b in range(batch):
        v, dv = V[center[b]], dV[center[b]]
        for m in range(1 + drawn):
            if m == 0:
                at, slope = context[b, 0], weight[b, 0] * (residual[b, 0] - one)
            else:
                at, slope = negatives[b, m - 1], negative_weight[b, m - 1 if own_weight else 0] * residual[b, m]
            u, du = U[at], dU[at]
            for d in range(dim):
                dv[d] += slope * u[d]
                du[d] += slope * v[d]


__all__ = ["batch_gradient", "dense_gradient"]
