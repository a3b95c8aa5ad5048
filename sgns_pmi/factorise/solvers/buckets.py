"""SGNS with drawn negatives by buckets: a block of rows of V, one of rows of U, and the cells between them.

With B blocks of each side ℓ is a sum over B² buckets (I, J),

    ℓ = Σ_IJ (1/N) Σ_{i∈I} [ Σ_{j∈J} n_ij softplus(−x_ij) + K r_i Σ_{j∈J} P_n(j) softplus(x_ij) ],

whose second sums are estimated by S contexts drawn within J, of total weight P_n(J): the gradient of a bucket is unbiased, and
those of all buckets add up to ∂ℓ. In a round each block of rows meets one block of columns, (i, i + t mod B) in round t: no two
buckets of a round have a vector in common, so that any number of processes may take them, in any order, to the same result
(Gemulla et al. 2011). A process keeps its rows of V; after a round each passes one block of U to the one before it. Cells are
read anew for each bucket.

Blocks of rows are consecutive, as the files are; columns take turns, so that the buckets of a block of rows have about as many
cells and as much of P_n each (Swivel: Shazeer et al. 2016). Each bucket moves its vectors once, by Adam, the rate falling to 0:
the memory of a vector of U averages over blocks of rows, the first of which has most of the weight. Adagrad, as in Swivel and
PyTorch-BigGraph, ended 2 % above the exact ℓ where Adam ended 0.1 % above (500 words by Zipf's law, dim 5, 50 epochs).

References: Gemulla, Nijkamp, Haas & Sismanis, "Large-scale matrix factorization with distributed stochastic gradient descent",
KDD 2011; Shazeer, Doherty, Evans & Waterson, "Swivel: Improving Embeddings by Noticing What's Missing", arXiv:1602.02215, 2016;
Lerer et al., "PyTorch-BigGraph: A Large-scale Graph Embedding System", MLSys 2019.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.errors import InputError, check_integer
from sgns_pmi.factorise.linalg import balanced, product_cells
from sgns_pmi.factorise.losses.cells import softplus
from sgns_pmi.factorise.solvers.blocks import BLOCK_ROWS, Drawn, stratified
from sgns_pmi.factorise.solvers.optimizers import Adam
from sgns_pmi.factorise.solvers.sharded import Processes
from sgns_pmi.lazily import sp
from sgns_pmi.streams import stream

log = logging.getLogger("sgns_pmi")

Float = NDArray[np.float64]
BLOCKS = 8
EPOCHS = 50
LEARNING_RATE = 0.1
DRAWS = 2048
START = 0.1
"""Standard deviation of the start."""


class Bucket(NamedTuple):
    """Some rows of a block, and their cells in one block of columns."""

    rows: slice
    matrix: sp.csr_array  # (rows, columns of the block): n_ij
    weight: Tensor  # (rows,): K r_i
    total: float  # N


def gradient(bucket: Bucket, v: Tensor, u: Tensor, drawn: Drawn) -> tuple[float, Tensor, Tensor]:
    """The bucket's part of ℓ, of ∂ℓ/∂V (rows, dim) and of ∂ℓ/∂U (columns, dim), in expectation over the draws.

    Parameters
    ----------
    bucket : Bucket
    v, u : Tensor, (rows, dim) and (columns, dim)
    drawn : Drawn
        Columns of the block, with weights whose expectations are P_n(j).
    """
    n = bucket.matrix
    centers = np.repeat(np.arange(len(v)), np.diff(n.indptr))
    x = torch.from_numpy(product_cells(v.numpy(), u.numpy(), centers, n.indices))
    count = torch.from_numpy(n.data)
    at = u[drawn.contexts]
    scores = v @ at.T
    weights = bucket.weight[:, None] * drawn.weights
    loss = float(count @ softplus(-x)) + float((weights * softplus(scores)).sum())
    seen = sp.csr_array(((-count * torch.sigmoid(-x)).numpy(), n.indices, n.indptr), shape=n.shape)
    dense = weights * scores.sigmoid_()
    dv = torch.from_numpy(seen @ u.numpy()).addmm_(dense, at)
    du = torch.from_numpy(seen.T @ v.numpy()).index_add_(0, drawn.contexts, dense.T @ v)
    return loss / bucket.total, dv / bucket.total, du / bucket.total


class Columns:
    """A block of columns: where they stand among all, and how negatives are drawn from them."""

    def __init__(self, number: int, blocks: int, noise: Float) -> None:
        self.number, self.blocks = number, blocks
        self._share = torch.from_numpy(noise[number::blocks].copy())
        self._total = float(self._share.sum())
        self._distribution = torch.cumsum(self._share, 0) / (self._total or 1.0)

    def draw(self, size: int, rng: np.random.Generator) -> Drawn:
        """`size` columns for all of them, weighing P_n(J) together; all with their own P_n(j) where there are no more."""
        if len(self._share) <= size:
            return Drawn(torch.arange(len(self._share)), self._share)
        found = stratified(self._distribution, torch.from_numpy(rng.random(size)))
        return Drawn(found.contexts, found.weights.double() * self._total)

    def of(self, matrix: sp.csr_array) -> sp.csr_array:
        """These columns of a matrix (rows, contexts)."""
        here = matrix.indices % self.blocks == self.number
        starts = np.concatenate([[0], np.cumsum(here)])[matrix.indptr]
        return sp.csr_array(
            (matrix.data[here], matrix.indices[here] // self.blocks, starts), shape=(matrix.shape[0], len(self._share))
        )


def solve_buckets(
    cells: Callable[[slice], Iterator[tuple[slice, sp.csr_array]]],
    row_sums: Float,
    col_sums: Float,
    dim: int,
    k: float,
    exponent: float,
    processes: Processes,
    *,
    blocks: int = BLOCKS,
    seed: int = 0,
    max_steps: int = EPOCHS,
    draws: int = DRAWS,
    verbose: bool = False,
) -> tuple[Float, Float, list[float]]:
    """Train V and U on all buckets, together with the other processes.

    Parameters
    ----------
    cells : function
        Reads the counts of a range of centers anew: consecutive rows, numbered from the first of the range, and their csr_array
        (rows, contexts).
    row_sums, col_sums : ndarray, (own rows,) and (contexts,)
    dim, k, exponent
        As of `solve_sharded`.
    processes : Processes
    blocks : int, default 8
        B, of each side; a multiple of the number of processes. Cells are held a row group at a time.
    seed : int, default 0
    max_steps : int, default 50
        Epochs, each a visit to all buckets.
    draws : int, default 2048
        S, shared by up to 1024 rows. Where a block of columns has no more, all are taken, and nothing is random.
    verbose : bool, default False

    Returns
    -------
    V, U : ndarray, (words, dim) and (contexts, dim)
        Of all processes, balanced.
    losses : list of float
        ℓ as it was met along each epoch, estimated.

    Raises
    ------
    InputError
        For a number of blocks that the processes do not share evenly, or above the number of words.
    """
    size = len(col_sums)
    if blocks % processes.all or check_integer("blocks", blocks) > size:
        raise InputError("blocks", blocks, f"must be a multiple of the {processes.all} processes, at most the {size} words")
    total = float(col_sums.sum())
    noise = np.where(col_sums > 0, col_sums**exponent, 0.0)
    noise /= noise.sum()
    columns = [Columns(number, blocks, noise) for number in range(blocks)]
    edges = [size * number // blocks for number in range(blocks + 1)]
    first, last = (blocks * number // processes.all for number in (processes.number, processes.number + 1))
    # Each with what Adam remembers of it, which travels along.
    V = {block: _start(edges[block + 1] - edges[block], dim, seed, "V", block) for block in range(first, last)}
    U = {block: _start(len(range(block, size, blocks)), dim, seed, "U", block) for block in range(first, last)}
    weight, losses = torch.from_numpy(k * row_sums), []
    adam = Adam([])
    for epoch in range(max_steps):
        rate, loss = LEARNING_RATE * (1 - epoch / max_steps), 0.0
        for turn in range(blocks):
            adam.steps += 1  # of each vector
            for block in range(first, last):
                own = weight[edges[block] - edges[first] : edges[block + 1] - edges[first]]
                here = columns[(block + turn) % blocks]
                rng = stream(seed, "buckets", f"{epoch}, {block}, {here.number}")
                v, u = V[block], U[here.number]
                slope = torch.zeros_like(u[0])
                for part in _parts(cells(slice(edges[block], edges[block + 1])), own, here, total):
                    found, dv, du = gradient(part, v[0, part.rows], u[0], here.draw(draws, rng))
                    adam.move(v[0, part.rows], dv, rate, *v[1:, part.rows])
                    slope += du
                    loss += found
                adam.move(u[0], slope, rate, *u[1:])
            left, coming = (first + turn) % blocks, (last + turn) % blocks
            U[coming] = processes.pass_on(U.pop(left), (3, len(range(coming, size, blocks)), dim))
        losses.append(float(processes.sum(torch.tensor(loss, dtype=torch.float64))))
        if verbose:
            log.info("SGNS (buckets): epoch %d of %d, ℓ about %.6g", epoch + 1, max_steps, losses[-1])
    all_U = torch.zeros(size, dim, dtype=torch.float64)
    for block, u in U.items():
        all_U[block::blocks] = u[0]
    all_V = processes.collect(torch.cat([v[0] for v in V.values()]))
    rows = processes.collect(torch.tensor(row_sums)).numpy()
    return *balanced(all_V.numpy(), processes.sum(all_U).numpy(), rows / total, noise), losses


def _parts(cells: Iterator[tuple[slice, sp.csr_array]], weight: Tensor, columns: Columns, total: float) -> Iterator[Bucket]:
    """A bucket, up to `BLOCK_ROWS` rows at a time."""
    for rows, matrix in cells:
        inside = columns.of(matrix)
        for low in range(0, matrix.shape[0], BLOCK_ROWS):
            part = inside[low : low + BLOCK_ROWS]
            own = slice(rows.start + low, rows.start + low + part.shape[0])
            yield Bucket(own, part, weight[own], total)


def _start(rows: int, dim: int, seed: int, side: str, block: int) -> Tensor:
    """(3, rows, dim): vectors of a block, the same whoever has it, and what Adam remembers, which begins at zero."""
    start = torch.zeros(3, rows, dim, dtype=torch.float64)
    start[0] = torch.from_numpy(stream(seed, "buckets", side, str(block)).normal(0.0, START, (rows, dim)))
    return start


__all__ = ["solve_buckets"]
