"""The prediction of the infonce study, against every batch there is of a small table."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from studies import study


def test_curvature_and_influence_are_those_of_all_batches() -> None:
    script = study("infonce")
    script.DRAWS = 100_000
    batch, shape = 3, (2, 3)
    P = np.random.default_rng(0).dirichlet(np.full(6, 3.0)).reshape(shape)
    pmi = np.log(P / np.outer(P.sum(1), P.sum(0)))
    V, U = script.factors(pmi, 2)
    A, phi = script.one_side(P, V, U, script.crowding(P, batch, np.random.default_rng(1)))

    def loss(parameters: torch.Tensor, pairs: tuple[tuple[int, int], ...]) -> torch.Tensor:
        v, u = parameters[:4].view(2, 2), parameters[4:].view(3, 2)
        scores = v[[i for i, _ in pairs]] @ u[[j for _, j in pairs]].T
        return -torch.log_softmax(scores, 1).diagonal().mean()

    at = torch.tensor(np.concatenate([V.ravel(), U.ravel()]), requires_grad=True)
    curvature, influence = np.zeros((10, 10)), np.zeros((*shape, 10))
    for pairs in product(np.ndindex(shape), repeat=batch):
        chance = np.prod([P[pair] for pair in pairs])
        curvature += chance * torch.autograd.functional.hessian(lambda own, pairs=pairs: loss(own, pairs), at).numpy()
        (slope,) = torch.autograd.grad(loss(at, pairs), at)
        influence[pairs[0]] += batch * chance / P[pairs[0]] * slope.numpy()
    np.testing.assert_allclose(A, curvature, atol=2e-3)
    centred = [values - np.einsum("ij,ijs->s", P, values) for values in (phi, influence)]
    np.testing.assert_allclose(*centred, atol=5e-3)
    assert np.abs(centred[1]).max() > 0.3
