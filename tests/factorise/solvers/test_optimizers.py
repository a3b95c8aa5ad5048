"""Optimisers step as those of `torch.optim` do, and go on from a checkpoint."""

from __future__ import annotations

import pytest
import torch

from sgns_pmi.factorise.solvers.optimizers import OPTIMIZERS

PEERS = {"adam": torch.optim.Adam, "adagrad": torch.optim.Adagrad, "sgd": torch.optim.SGD}


def gradients(steps: int) -> list[list[torch.Tensor]]:
    """Of two parameters, of sizes that differ by many powers of ten."""
    rng = torch.Generator().manual_seed(3)
    scale = 10.0 ** torch.arange(-3, 3, dtype=torch.float64)
    return [
        [scale[:, None] * torch.randn((6, size), generator=rng, dtype=torch.float64) for size in (2, 3)] for _ in range(steps)
    ]


def start() -> list[torch.Tensor]:
    return [torch.ones((6, size), dtype=torch.float64) for size in (2, 3)]


@pytest.mark.parametrize("name", PEERS)
def test_steps_are_those_of_pytorch(name):
    own, theirs = start(), start()
    optimizer, peer = OPTIMIZERS[name](own), PEERS[name](theirs, lr=1.0)
    for step, both in enumerate(gradients(20)):
        rate = 0.1 / (1 + step)
        optimizer.step(both, rate)
        peer.param_groups[0]["lr"] = rate
        for parameter, gradient in zip(theirs, both, strict=True):
            parameter.grad = gradient
        peer.step()
    torch.testing.assert_close(own, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", PEERS)
def test_what_is_saved_goes_on_alike(name):
    both = gradients(6)
    whole = start()
    optimizer = OPTIMIZERS[name](whole)
    for gradient in both[:3]:
        optimizer.step(gradient, 0.1)
    halfway = [own.clone() for own in whole]
    resumed = OPTIMIZERS[name](halfway)
    resumed.restore(optimizer.saved())
    for gradient in both[3:]:
        optimizer.step(gradient, 0.1)
        resumed.step(gradient, 0.1)
    assert all(torch.equal(one, other) for one, other in zip(whole, halfway, strict=True))
