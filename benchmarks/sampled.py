"""(c) The sampled solver against a literal port of the R script: time to the ℓ at which the port ends.

The port is written from the script's particulars (Adam at 1e-3, batches of 64 each divided by its own weight, 200 epochs,
N(0, 1) start, the share of zero cells as noise, K = 20, dim 2), through autograd, and shares no code with the solver.

    python -m benchmarks.sampled
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import torch
from torch.nn.functional import logsigmoid

import sgns_pmi as sp
from benchmarks.measure import seconds_to
from sgns_pmi.negatives import Negatives

K, DIM = 20, 2
REPEATS = 5
TARGET = "≥ 30"


def literal_port(
    counts: sp.CooccurrenceCounts, noise: np.ndarray, epochs: int = 200, batch_size: int = 64, seed: int = 0
) -> tuple[float, np.ndarray, np.ndarray]:
    """Seconds, V and U of the R script's training loop."""
    torch.manual_seed(seed)
    coo = counts.matrix.tocoo()
    center, context = (torch.from_numpy(index.astype(np.int64)) for index in coo.coords)
    count = torch.tensor(coo.data, dtype=torch.float32)
    p_n = torch.from_numpy(noise).float()
    begin = time.perf_counter()
    V, U = (torch.randn(size, DIM, requires_grad=True) for size in counts.shape)
    optimizer = torch.optim.Adam([V, U], lr=1e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(count)).split(batch_size):
            v, weight = V[center[batch]], count[batch]
            negatives = torch.multinomial(p_n, len(batch) * K, replacement=True).view(-1, K)
            positive = logsigmoid((v * U[context[batch]]).sum(1))
            negative = logsigmoid(-(v[:, None, :] * U[negatives]).sum(2)).sum(1)
            loss = -(weight * (positive + negative)).sum() / weight.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return time.perf_counter() - begin, V.detach().numpy(), U.detach().numpy()


def rows(repeats: int = REPEATS, port_epochs: int = 200) -> list[dict[str, Any]]:
    """One row for each way of drawing negatives: time to the port's last ℓ, median over seeds, and the ratio."""
    counts = sp.softmax_problem(words=100, rank=2, pairs=200_000, seed=0).counts
    noise = sp.noise_distribution(counts, "zero_share")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads only slow the port down: its steps are too small to share
    try:
        port_seconds, V, U = literal_port(counts, noise, port_epochs)
    finally:
        torch.set_num_threads(threads)
    port_objective = sp.sgns_objective(V.astype(float), U.astype(float), counts, K, noise)
    table = []
    for negatives, epochs in (("block", 50), ("pair", 20)):
        solver = sp.Sampled(negatives=negatives, epochs=epochs)
        solver.solve(counts, DIM, Negatives(K, noise))  # the first call of a process loads libraries
        fits = [solver.solve(counts, DIM, Negatives(K, noise), seed=seed) for seed in range(repeats)]
        seconds = statistics.median(seconds_to(fit.history, port_objective) for fit in fits)
        table.append(
            {
                "part": "c",
                "case": f"R experiment, dim {DIM}, K = {K}: time to the port's ℓ",
                "ours": f"sampled, negatives={negatives}",
                "seconds": seconds,
                "peer": f"literal port, {port_epochs} epochs",
                "peer_seconds": port_seconds,
                "ratio": port_seconds / seconds,
                "target": TARGET,
                "objective": statistics.median(fit.objective for fit in fits),
                "peer_objective": port_objective,
            }
        )
    return table


if __name__ == "__main__":
    for row in rows():
        print(row)
