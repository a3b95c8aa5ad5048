"""The SVD of shifted positive PMI by products with rows that are read anew for each, and never held all at once."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from sgns_pmi.factorise.linalg import Singular, shifted_power
from sgns_pmi.factorise.solvers.sharded import Blocks, Processes, halves, streamed_sums
from sgns_pmi.lazily import sp

Float = NDArray[np.float64]


class StreamedSPPMI:
    """Shifted positive PMI of this process's centers, block of rows by block of rows.

    Parameters
    ----------
    blocks : function
        Reads the counts of this process's centers anew: consecutive rows, numbered from its first, and their csr_array
        (rows, contexts).
    shape : (int, int)
        Of its own rows, and all contexts.
    k, exponent
        As of `sppmi_matrix`.
    processes : Processes

    Attributes
    ----------
    row_sums, col_sums : ndarray, (own rows,) and (contexts,)
        r and c, these of all processes.
    """

    def __init__(self, blocks: Blocks, shape: tuple[int, int], k: float, exponent: float, processes: Processes) -> None:
        self._blocks, self.shape, self._processes = blocks, shape, processes
        self.row_sums, self.col_sums = streamed_sums(blocks(), shape, processes)
        context = np.where(self.col_sums > 0, self.col_sums**exponent, 0.0)
        with np.errstate(divide="ignore"):  # rows and columns that never occur have no cells
            self._log_row = np.log(self.row_sums) + math.log(k)
            self._log_context = np.log(context / context.sum())

    def __iter__(self) -> Iterator[tuple[slice, sp.csr_array]]:
        """max(PMI − log k, 0) of the rows of each block, as `sppmi_matrix` has it."""
        for rows, counts in self._blocks():
            log_row = np.repeat(self._log_row[rows], np.diff(counts.indptr))
            counts.data = np.maximum(np.log(counts.data) - log_row - self._log_context[counts.indices], 0.0)
            counts.eliminate_zeros()
            yield rows, counts

    def gram(self, basis: Float) -> Float:
        """AᵀA·basis of all processes' rows, in one reading."""
        own = np.zeros_like(basis)
        for _, block in self:
            own += block.T @ (block @ basis)
        return self._processes.sum(torch.from_numpy(own)).numpy()

    def left(self, right: Float) -> Float:
        """A·right of this process's rows."""
        product = np.empty((self.shape[0], right.shape[1]))
        for rows, block in self:
            product[rows] = block @ right
        return product


def streamed_svd(
    matrix: StreamedSPPMI, dim: int, processes: Processes, *, seed: int = 0, tolerance: float = 1e-3, max_steps: int = 500
) -> tuple[Float, Float, Singular]:
    """The rows of V and U that this process has, with V Uᵀ the truncated SVD of SPPMI, and its singular values.

    Memory is some arrays of contexts x 1.5 dim numbers and a block of rows. A reading of the counts is a step of `shifted_power`,
    `max_steps` at most; there are the other parameters and the criterion.

    Returns
    -------
    V, U : ndarray, (own rows, dim)
        P Σ^½ and Q Σ^½, of the SVD P Σ Qᵀ.
    found : Singular
    """
    found = shifted_power(matrix.gram, matrix.shape[1], dim, seed, tolerance, max_steps)
    V, U = halves(matrix.left(found.right), found)
    return V, U[processes.own], found


__all__ = ["StreamedSPPMI", "streamed_svd"]
