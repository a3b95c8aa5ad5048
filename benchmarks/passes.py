"""(passes) What an epoch of the sampled solver by blocks is made of, each piece against its products alone.

    python -m benchmarks.passes

Counts are synthetic, the size that of the text8 prefix. A triple takes three products of vectors, two for the slope and one for
the length of the step; its floor is as many multiplications at the rate of PyTorch's dense float32 product of V and Uᵀ, which
reads no vector twice. The floor of a pass has the three products with the drawn contexts besides, in the solver's own
precision, and that of ℓ the product V Uᵀ, 1,024 rows and columns at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

import sgns_pmi as sp
from benchmarks.measure import side_by_side, zipf_counts
from sgns_pmi.factorise.devices import shortest
from sgns_pmi.factorise.solvers.blocks import DRAWS, Side, newton_move
from sgns_pmi.negatives import Negatives

TILE = 1024


def rows(words: int = 60_000, triples: int = 30_000_000, dim: int = 100, repeats: int = 3) -> list[dict[str, Any]]:
    """One row for the sums over triples, for a pass over both sides, and for ℓ."""
    counts = zipf_counts(words, triples)
    negatives = Negatives(5.0, sp.noise_distribution(counts, exponent=0.75))
    sides = [Side(counts, negatives, transposed=transposed, device="cpu") for transposed in (False, True)]
    generator = torch.Generator().manual_seed(0)
    V, U = (0.3 * torch.randn(words, dim, generator=generator) for _ in range(2))
    both = list(zip(sides, (V, U), (U, V), strict=True))

    def sums() -> None:
        for side, own, other in both:
            for block in side:
                v = own[block.rows]
                _, bend = block.slopes(v, other, other)
                block.bends(bend, v, other)

    def moves() -> None:
        for side, own, other in both:
            for block in side:
                newton_move(block, own[block.rows], other, other, side.draws(DRAWS, generator))

    def tiles(left: Tensor, right: Tensor, times: int) -> None:
        for low in range(0, len(left), TILE):
            for first in range(0, len(right), TILE):
                for _ in range(times):
                    left[low : low + TILE] @ right[first : first + TILE].T

    def rate() -> None:
        tiles(V[:TILE], U, 1)

    def drawn() -> None:
        short = shortest("cpu")
        for side, own, other in both:
            tiles(own[: side.shape[0]].to(short), other[:DRAWS].to(short), 3)

    calls = (sums, moves, lambda: sides[0].objective(V, U, words, generator), rate, drawn, lambda: tiles(V, U, 1))
    seconds = side_by_side(calls, repeats)
    multiplied = 3 * 2 * counts.nnz / (min(TILE, words) * words) * seconds[:, 3]
    pieces = {
        "sums over the triples, both sides": (seconds[:, 0], multiplied),
        f"a pass over both sides, {DRAWS:,} draws a block": (seconds[:, 1], multiplied + seconds[:, 4]),
        "exact ℓ": (seconds[:, 2], seconds[:, 5]),
    }
    return [
        {
            "part": "passes",
            "case": f"{words:,} words, {counts.nnz:,} triples, dim {dim}: {case}",
            "seconds": float(np.median(own)),
            "peer": "its products alone",
            "peer_seconds": float(np.median(floor)),
            "ratio": float(np.median(own / floor)),
        }
        for case, (own, floor) in pieces.items()
    ]


if __name__ == "__main__":
    for row in rows():
        print(row)
