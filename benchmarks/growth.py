"""(e) How cost grows with words, triples, dim and K: one step of each solver, around 4,000 words, 600,000 triples, dim 50, K = 5.

Also the memory of the largest exact problem: 20,000 words, 20 million triples, dim 100.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import sgns_pmi as sp
from benchmarks.measure import in_own_process, zipf_counts
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.negatives import Negatives

BASE = {"words": 4_000, "triples": 600_000, "dim": 50, "k": 5}
SWEPT = {
    "words": (1_000, 2_000, 4_000, 8_000),
    "triples": (150_000, 600_000, 2_400_000),
    "dim": (25, 50, 100, 200),
    "k": (1, 5, 20),
}
STEPS, EPOCHS = 6, 4
MEMORY_TARGET = 3.0


def a_step(history: Any) -> float:
    """Median seconds between records."""
    return float(np.median(np.diff(history["seconds"])))


def largest() -> tuple[int, float]:
    """Triples, and seconds of a step, of the largest exact problem."""
    counts = zipf_counts(20_000, 20_000_000)
    fit = Expected(max_steps=2, precision="float32").solve(counts, 100, Negatives.of(counts, 5, exponent=0.75))
    return counts.nnz, a_step(fit.history)


def rows() -> list[dict[str, Any]]:
    """Seconds of a step (expected: on all of V and U) and of an epoch (sampled, negatives by block)."""
    table = []
    for key, values in SWEPT.items():
        for value in values:
            case = {**BASE, key: value}
            counts = zipf_counts(case["words"], case["triples"])
            noise = sp.noise_distribution(counts, exponent=0.75)
            exact = Expected(max_steps=STEPS, precision="float32").solve(counts, case["dim"], Negatives(case["k"], noise))
            drawn = sp.Sampled(negatives="block", epochs=EPOCHS).solve(counts, case["dim"], Negatives(case["k"], noise))
            for solver, history in (("expected, one step", exact.history), ("sampled, one epoch", drawn.history)):
                table.append(
                    {"part": "e", "ours": solver, "swept": key, **case, "triples": counts.nnz, "seconds": a_step(history)}
                )
    (triples, seconds), memory = in_own_process(largest)
    table.append(
        {
            "part": "e",
            "ours": "expected, one step",
            "swept": "largest",
            "words": 20_000,
            "triples": triples,
            "dim": 100,
            "k": 5,
            "seconds": seconds,
            "memory": memory,
            "target": f"< {MEMORY_TARGET:g} GB",
        }
    )
    return table
