"""The exact objective with the rows of both factors shared out among processes, which `torch.distributed` connects.

Process p has the counts of its own centers, its rows of V and of U, and its part of all that L-BFGS keeps. An evaluation collects
U, computes ℓ and ∂V of its own rows as one process does, and adds up ℓ and ∂U: contexts x dim numbers go around twice. Sums
of a few numbers keep the steps of all processes the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise.linalg import Singular, shifted_power
from sgns_pmi.factorise.losses.cells import CellBlock
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.factorise.solvers.descent import descend
from sgns_pmi.factorise.solvers.quasi_newton import QuasiNewton
from sgns_pmi.factorise.solvers.solution import History, Solution
from sgns_pmi.factorise.solvers.start import quadratic_model, unweighted
from sgns_pmi.negatives import Negatives
from sgns_pmi.pmi import noise_distribution

Float = NDArray[np.float64]


class Processes:
    """This process among those that share the work; one alone needs no `torch.distributed`.

    Parameters
    ----------
    size : int
        Words, and as many contexts.
    """

    def __init__(self, size: int) -> None:
        self.number, self.all = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        self.edges = [size * number // self.all for number in range(self.all + 1)]
        self.own = slice(self.edges[self.number], self.edges[self.number + 1])

    def sum(self, own: Tensor) -> Tensor:
        """The sum over processes, the same in each to the last bit."""
        if self.all > 1:
            own = own.clone()
            dist.all_reduce(own)
        return own

    def pass_on(self, own: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Give the process before this one a tensor, and take that, of the given shape, of the one after it; in a ring."""
        if self.all == 1:
            return own
        taken = own.new_empty(shape)
        sent = dist.isend(own.contiguous(), (self.number - 1) % self.all)
        dist.recv(taken, (self.number + 1) % self.all)
        assert sent is not None, "this process is of the group"
        sent.wait()
        return taken

    def collect(self, own: Tensor) -> Tensor:
        """The rows of all processes."""
        if self.all == 1:
            return own
        sizes = [stop - start for start, stop in pairwise(self.edges)]
        padded = own.new_zeros(max(sizes), *own.shape[1:])  # parts must be of one size
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])


class ShardedObjective(ExactObjective):
    """ℓ as a function of this process's rows of V and of U.

    Parameters
    ----------
    counts : CooccurrenceCounts, (own rows, contexts)
    negatives : Negatives
        Over all contexts.
    total : float
        N, of all processes.
    processes : Processes
    """

    def __init__(self, counts: CooccurrenceCounts, negatives: Negatives, total: float, processes: Processes) -> None:
        super().__init__(counts, negatives)
        self.total, self.processes = total, processes

    def blocks(self, V: Tensor, U: Tensor) -> Iterator[CellBlock]:
        """As of one process, for its own rows of V; U is that of all."""
        return super().blocks(V, U if len(U) == self.shape[1] else self.processes.collect(U))

    def value(self, V: Tensor, U: Tensor) -> float:
        return float(self.together(torch.tensor(super().value(V, U), dtype=torch.float64)))

    def value_and_gradient(self, V: Tensor, U: Tensor) -> tuple[float, Tensor, Tensor]:
        loss, dV, dU = super().value_and_gradient(V, self.processes.collect(U))
        return float(self.together(torch.tensor(loss, dtype=torch.float64))), dV, self.together(dU)[self.processes.own]

    def mean_curvatures(self, V: Tensor, U: Tensor) -> tuple[Tensor, Tensor]:
        h, g = super().mean_curvatures(V, U)
        return h, self.together(g)[self.processes.own]

    def together(self, own: Tensor) -> Tensor:
        return self.processes.sum(own)

    @property
    def side_weights(self) -> tuple[Tensor, Tensor]:
        return self.row_weight / self.total, self.col_weight[self.processes.own]


def sharded_start(
    counts: CooccurrenceCounts, dim: int, negatives: Negatives, total: float, processes: Processes, seed: int = 0, passes: int = 4
) -> tuple[Float, Float]:
    """This process's rows of the factors of `spectral_start`, by so many products with its own rows of the matrix."""
    matrix, left_weight, right_weight = quadratic_model(counts, negatives, total)

    def gram(basis: Float) -> Float:
        return processes.sum(torch.from_numpy(matrix.T @ (matrix @ basis))).numpy()

    found = shifted_power(gram, matrix.shape[1], dim, seed, tolerance=0.0, passes=passes)
    V, U = halves(matrix @ found.right, found)
    return unweighted(V, left_weight), unweighted(U[processes.own], right_weight[processes.own])


def halves(left: Float, found: Singular, power: float = 0.5) -> tuple[Float, Float]:
    """P Σ^power and Q Σ^(1−power), of A Q = P Σ and Σ and Q; zero where σ is."""
    scale = np.divide(1.0, found.values, out=np.zeros_like(found.values), where=found.values > 0)
    return left * scale * found.values**power, found.right * found.values ** (1 - power)


def solve_sharded(
    counts: CooccurrenceCounts,
    dim: int,
    k: float,
    exponent: float,
    processes: Processes,
    *,
    seed: int = 0,
    tolerance: float | None = None,
    max_steps: int = 500,
    verbose: bool = False,
) -> Solution:
    """Minimise ℓ over the rows of V and U that this process has, together with the other processes.

    Parameters
    ----------
    counts : CooccurrenceCounts, (own rows, contexts)
        All counts of this process's centers.
    dim, k : int
    exponent : float
        P_n(j) ∝ c_j^exponent.
    processes : Processes
    seed : int, default 0
    tolerance, max_steps
        As of `Expected`.
    verbose : bool, default False

    Returns
    -------
    Solution
        Its V and U are this process's own rows; ℓ and status those of all.
    """
    columns = processes.sum(torch.from_numpy(counts.col_sums.copy())).numpy()
    total = float(processes.sum(torch.tensor(counts.total, dtype=torch.float64)))
    negatives = Negatives(k, noise_distribution(counts, np.where(columns > 0, columns**exponent, 0.0)))
    return descend(
        "SGNS (sharded)",
        lambda dtype: ShardedObjective(counts, negatives, total, processes),
        sharded_start(counts, dim, negatives, total, processes, seed),
        History(),
        engine=QuasiNewton,
        near=False,
        tolerance=tolerance,
        max_steps=max_steps,
        verbose=verbose,
    )


__all__ = ["Processes", "ShardedObjective", "sharded_start", "solve_sharded"]
