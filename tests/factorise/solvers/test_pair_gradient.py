"""The gradient of a batch of pairs, compiled and by products, is automatic differentiation's."""

from __future__ import annotations

import pytest
import torch

from sgns_pmi.factorise.solvers.pair_gradient import batch_gradient, dense_gradient


@pytest.mark.parametrize("gradient", [batch_gradient, dense_gradient])
@pytest.mark.parametrize("contexts", [6, 400])  # with and without a product with all contexts
def test_batch_gradient_is_that_of_the_loss(contexts, gradient):
    rng = torch.Generator().manual_seed(1)
    V, U = (torch.randn((side, 3), generator=rng, dtype=torch.float64, requires_grad=True) for side in (5, contexts))
    center = torch.tensor([0, 4, 4, 2])
    context = torch.tensor([[1], [0], [1], [contexts - 1]])
    negatives = torch.tensor([[1, 2, 2], [5, 3, 0], [2, 1, 4], [0, 0, 0]])
    weight = torch.tensor([[0.3], [2.0], [1.0], [0.1]], dtype=torch.float64)
    kept = weight * (negatives != context)
    loss = torch.zeros((), dtype=torch.float64)
    for b in range(4):
        loss = loss - weight[b, 0] * torch.log(torch.sigmoid(V[center[b]] @ U[context[b, 0]]))
        for m in range(3):
            loss = loss - kept[b, m] * torch.log(torch.sigmoid(-(V[center[b]] @ U[negatives[b, m]])))
    loss.backward()
    dV, dU = gradient(V.detach(), U.detach(), center, context, negatives, weight, kept)
    torch.testing.assert_close(dV, V.grad)
    torch.testing.assert_close(dU, U.grad)


@pytest.mark.parametrize("gradient", [batch_gradient, dense_gradient])
def test_one_weight_for_all_negatives_of_a_pair(gradient):
    rng = torch.Generator().manual_seed(2)
    V, U = (torch.randn((side, 4), generator=rng, dtype=torch.float64) for side in (5, 6))
    center, context = torch.tensor([3, 1]), torch.tensor([[2], [2]])
    weight, negatives = torch.tensor([[0.5], [3.0]], dtype=torch.float64), torch.tensor([[2, 5, 5], [0, 1, 2]])
    one = gradient(V, U, center, context, negatives, weight, weight)
    each = gradient(V, U, center, context, negatives, weight, weight * torch.ones(2, 3, dtype=torch.float64))
    for own, other in zip(one, each, strict=True):
        torch.testing.assert_close(own, other)
