"""(a) One exact ℓ and gradient against its floor, the three matrix products V Uᵀ, G U and Gᵀ V alone, into buffers that exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import sgns_pmi as sp
from benchmarks.measure import side_by_side, zipf_counts
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.negatives import Negatives

CASES = [(words, dim) for words in (1_000, 4_000, 10_000) for dim in (50, 100)]
TARGETS = {(4_000, 50): 1.5, (10_000, 100): 1.25}
TRIPLES_A_WORD = 150
REPEATS = 9


def rows() -> list[dict[str, Any]]:
    """Times of the floor, in float32 and float64."""
    table = []
    for words, dim in CASES:
        counts = zipf_counts(words, TRIPLES_A_WORD * words)
        noise = sp.noise_distribution(counts, exponent=0.75)
        for dtype in (torch.float32, torch.float64):
            exact = ExactObjective(counts, Negatives(5, noise), dtype=dtype)
            V, U = (torch.randn(words, dim, dtype=dtype, generator=torch.Generator().manual_seed(s)) * 0.3 for s in (0, 1))

            # At 10,000 words X is 400 MB: to allocate it at every call would cost a third of the products' time.
            X, dV, dU = torch.empty(words, words, dtype=dtype), torch.empty_like(V), torch.empty_like(U)

            def products(
                V: torch.Tensor = V, U: torch.Tensor = U, X: torch.Tensor = X, dV: torch.Tensor = dV, dU: torch.Tensor = dU
            ) -> None:
                torch.mm(V, U.T, out=X)
                torch.mm(X, U, out=dV)
                torch.mm(X.T, V, out=dU)

            def public(
                V: torch.Tensor = V, U: torch.Tensor = U, counts: sp.CooccurrenceCounts = counts, noise: np.ndarray = noise
            ) -> None:
                sp.sgns_objective(V.numpy(), U.numpy(), counts, 5, noise, gradient=True)

            def solver(exact: ExactObjective = exact, V: torch.Tensor = V, U: torch.Tensor = U) -> None:
                exact.value_and_gradient(V, U)

            seconds = side_by_side([public, solver, products], REPEATS)
            for place, name in enumerate(("sgns_objective(gradient=True)", "the same in a solver, counts prepared")):
                wanted = place == 0 and dtype is torch.float32 and (words, dim) in TARGETS
                table.append(
                    {
                        "part": "a",
                        "case": f"{words:,} words, dim {dim}, {str(dtype).removeprefix('torch.')}",
                        "ours": name,
                        "peer": "the three products",
                        "seconds": float(np.median(seconds[:, place])),
                        "peer_seconds": float(np.median(seconds[:, 2])),
                        "times_floor": float(np.median(seconds[:, place] / seconds[:, 2])),
                        "target": f"≤ {TARGETS[words, dim]}" if wanted else "",
                    }
                )
    return table
