"""What the processor computes in one compiled pass over the cells, other devices compute in torch: both agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import sgns_pmi as sp
from sgns_pmi.factorise import devices as threads
from sgns_pmi.factorise.losses import cells
from sgns_pmi.factorise.losses.cells import SeparableObjective
from sgns_pmi.factorise.losses.likelihood import MultinomialLikelihood
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.factorise.losses.swivel import SwivelObjective
from sgns_pmi.negatives import Negatives

LOSSES = {
    "sgns": lambda counts, noise, dtype: ExactObjective(counts, Negatives(5, noise, False), dtype=dtype),
    "sgns, dropping": lambda counts, noise, dtype: ExactObjective(counts, Negatives(5, noise, True), dtype=dtype),
    "likelihood": lambda counts, noise, dtype: MultinomialLikelihood(counts, dtype),
    "swivel": lambda counts, noise, dtype: SwivelObjective(counts, 0.1, 0.25, 0.5, dtype),
}


def evaluations(exact: SeparableObjective, V: torch.Tensor, U: torch.Tensor) -> list[torch.Tensor]:
    """Losses, D, S and the majorant of all cells."""
    parts = [
        (block.losses, exact.residual(block).clone(), exact.curvature(block).clone(), exact.majorant(block).clone())
        for block in exact.blocks(V, U)
    ]
    return [torch.cat(part, dim=1) for part in zip(*parts, strict=True)]


@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.float64, 1e-13)])
def test_compiled_cells_are_those_of_torch(monkeypatch, dtype, tolerance, loss, scale):
    """Two starts, several blocks and threads."""
    rng = np.random.default_rng(8)
    counts = sp.CooccurrenceCounts.from_matrix(rng.poisson(0.8, (31, 700)) + np.eye(31, 700))
    noise = rng.dirichlet(np.ones(700))
    V, U = (torch.tensor(scale * rng.normal(size=(2, side, 3)), dtype=dtype) for side in counts.shape)
    monkeypatch.setattr(cells, "block_bytes", lambda: 2 * 12 * 700 * V.element_size())
    monkeypatch.setattr(threads, "SMALL_CELLS", 2_000)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    exact = LOSSES[loss](counts, noise, dtype)
    for objective_of, v, u in ((exact, V, U), (exact.transposed(), U, V)):
        compiled = evaluations(objective_of, v, u)
        objective_of._compiled = False
        of_torch = evaluations(objective_of, v, u)
        rounding = tolerance * float(of_torch[1].abs().max())  # of D, which S is made from
        for found, known in zip(compiled, of_torch, strict=True):
            torch.testing.assert_close(found, known, rtol=tolerance, atol=rounding)
