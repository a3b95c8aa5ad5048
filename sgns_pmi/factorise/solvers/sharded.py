"""The exact objective with the rows of both factors shared out among processes, which `torch.distributed` connects.

Process p has the counts of its own centers, its rows of V and of U, and its part of all that L-BFGS keeps. An evaluation collects
U, computes ℓ and ∂V of its own rows as one process does, and adds up ℓ and ∂U: contexts x dim numbers go around twice. Sums
of a few numbers keep the steps of all processes the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.linalg import Singular, shifted_power
from sgns_pmi.factorise.losses.cells import CellBlock
from sgns_pmi.factorise.losses.sgns import SGNSObjective
from sgns_pmi.factorise.solvers.descent import descend
from sgns_pmi.factorise.solvers.quasi_newton import QuasiNewton
from sgns_pmi.factorise.solvers.solution import History, Solution
from sgns_pmi.factorise.solvers.start import quadratic_model, unweighted
from sgns_pmi.lazily import sp
from sgns_pmi.negatives import Negatives

Float = NDArray[np.float64]
COPIES = 12
"""Of V and U that a step of L-BFGS has at most: the start, factors, gradient, direction, metric, a step, its factors, and of
their gradient the weights, itself and two more while it is packed; and one for what lies between."""
START = 9 * 12
"""Bytes for each word and column: what finds the start holds nine arrays of contexts x 1.5 dim in float64."""
BLOCK = 160 * 10**6
"""Bytes of a block of counts while it is read and seen, and of a block of scores."""
Blocks = Callable[[], Iterator[tuple[slice, "sp.csr_array"]]]


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


def streamed_sums(
    blocks: Iterator[tuple[slice, sp.csr_array]], shape: tuple[int, int], processes: Processes
) -> tuple[Float, Float]:
    """r (own rows,) of this process and c (contexts,) of all, from one reading."""
    row_sums, own = np.zeros(shape[0]), np.zeros(shape[1])
    for rows, counts in blocks:
        row_sums[rows] = counts.sum(axis=1)
        own += counts.sum(axis=0)
    return row_sums, processes.sum(torch.from_numpy(own)).numpy()


class ShardedObjective(SGNSObjective):
    """ℓ as a function of this process's rows of V and of U, whose counts are read anew for each evaluation.

    Parameters
    ----------
    read : function
        Reads the counts of this process's rows: consecutive blocks of them, numbered from its first, and their csr_array
        (rows, contexts).
    row_sums : ndarray, (own rows,)
    negatives : Negatives
        Over all contexts.
    total : float
        N, of all processes.
    processes : Processes
    dtype : torch.dtype, default float64
    """

    def __init__(
        self,
        read: Blocks,
        row_sums: Float,
        negatives: Negatives,
        total: float,
        processes: Processes,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__(row_sums, negatives, total, dtype=dtype)
        self._read, self.processes = read, processes

    def blocks(self, V: Tensor, U: Tensor, *, own: slice = slice(None)) -> Iterator[CellBlock]:
        """As of one process, for its own rows of V; U is that of all. Only the cells of a block of counts are seen at a time."""
        U = U if len(U) == self.shape[1] else self.processes.collect(U)
        for rows, n in self._read():
            indptr = np.pad(n.indptr, (rows.start, self.shape[0] - rows.stop), mode="edge")
            self.see(sp.csr_array((n.data, n.indices, indptr), shape=self.shape))
            yield from super().blocks(V, U, own=rows)

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
    read: Blocks, dim: int, negatives: Negatives, total: float, processes: Processes, seed: int = 0, passes: int = 4
) -> tuple[Float, Float]:
    """This process's rows of the factors of `spectral_start`, by so many products with its own rows of the matrix."""
    contexts = len(negatives.noise)
    right_weight = np.sqrt(negatives.noise)

    def gram(basis: Float) -> Float:
        own = np.zeros_like(basis)
        for _, n in read():
            matrix = quadratic_model(CooccurrenceCounts(n), negatives, total)[0]
            own += matrix.T @ (matrix @ basis)
        return processes.sum(torch.from_numpy(own)).numpy()

    found = shifted_power(gram, contexts, dim, seed, tolerance=0.0, passes=passes)
    V = []
    for _, n in read():
        matrix, left_weight, _ = quadratic_model(CooccurrenceCounts(n), negatives, total)
        V.append(unweighted(halves(matrix @ found.right, found)[0], left_weight))
    U = halves(found.right[:0], found)[1][processes.own]
    return np.concatenate(V), unweighted(U, right_weight[processes.own])


def halves(left: Float, found: Singular, power: float = 0.5) -> tuple[Float, Float]:
    """P Σ^power and Q Σ^(1−power), of A Q = P Σ and Σ and Q; zero where σ is."""
    scale = np.divide(1.0, found.values, out=np.zeros_like(found.values), where=found.values > 0)
    return left * scale * found.values**power, found.right * found.values ** (1 - power)


def room(memory: int | None, processes: Processes, dim: int, dtype: torch.dtype) -> tuple[int, float]:
    """How many pairs L-BFGS may keep within so many bytes, and the bytes that are left for counts; without a limit 10, and ∞.

    Beside the pairs, of two copies of the process's V and U each, a step has `COPIES` of them, where U, its gradient and what it
    is multiplied with are of all processes; and `BLOCK`. Of 200,000 words at dim 100 in one process a copy is 160 MB in float32:
    1.9 GB for a step, 0.3 GB for each pair, so that 4 GB hold six pairs.

    Raises
    ------
    InputError
        For a memory that does not hold two pairs, or the start.
    """
    if memory is None:
        return QuasiNewton.memory, math.inf
    row = dim * dtype.itemsize
    copy = 2 * row * (processes.own.stop - processes.own.start)
    fixed = BLOCK + COPIES * copy + 4 * (processes.edges[-1] * row - copy // 2)
    least = max(fixed + 4 * copy, BLOCK + START * processes.edges[-1] * dim)
    if memory < least:
        remedy = f"is too little; {least / 1e9:.1f}GB will do, and less with precision=float32 or more processes"
        raise InputError("memory", f"{memory / 1e6:,.0f}MB", remedy)
    pairs = min((memory - fixed) // (2 * copy), QuasiNewton.memory)
    return pairs, float(memory - fixed - 2 * copy * pairs)


def solve_sharded(
    read: Blocks,
    dim: int,
    k: float,
    exponent: float,
    processes: Processes,
    *,
    seed: int = 0,
    tolerance: float | None = None,
    max_steps: int = 500,
    pairs: int = QuasiNewton.memory,
    dtype: torch.dtype = torch.float64,
    verbose: bool = False,
) -> tuple[Solution, Float, Float]:
    """Minimise ℓ over the rows of V and U that this process has, together with the other processes.

    Parameters
    ----------
    read : function
        As of `ShardedObjective`: all counts of this process's centers, a block of which is held at a time.
    dim, k : int
    exponent : float
        P_n(j) ∝ c_j^exponent.
    processes : Processes
    seed : int, default 0
    tolerance, max_steps
        As of `Expected`.
    pairs : int, default 10
        Of steps and changes of the gradient that L-BFGS keeps.
    dtype : torch.dtype, default float64
        Of the factors and of all that L-BFGS keeps.
    verbose : bool, default False

    Returns
    -------
    solution : Solution
        Its V and U are this process's own rows; ℓ and status those of all.
    row_sums, col_sums : ndarray, (own rows,) and (contexts,)
        As of `streamed_sums`.
    """

    class Engine(QuasiNewton):
        memory = pairs

    history = History()
    shape = processes.own.stop - processes.own.start, processes.edges[-1]
    row_sums, col_sums = streamed_sums(read(), shape, processes)
    weights = np.where(col_sums > 0, col_sums**exponent, 0.0)
    negatives, total = Negatives(k, weights / weights.sum()), float(col_sums.sum())
    precision = np.float32 if dtype == torch.float32 else np.float64
    V, U = (side.astype(precision) for side in sharded_start(read, dim, negatives, total, processes, seed))
    solution = descend(
        "SGNS (sharded)",
        lambda dtype: ShardedObjective(read, row_sums, negatives, total, processes, dtype),
        (V, U),
        history,
        engine=Engine,
        precisions=(dtype,),
        near=False,
        tolerance=tolerance,
        max_steps=max_steps,
        verbose=verbose,
    )
    return solution, row_sums, col_sums


__all__ = ["Blocks", "Processes", "ShardedObjective", "sharded_start", "solve_sharded", "streamed_sums"]
