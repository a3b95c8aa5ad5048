"""The multinomial likelihood of counts, as a sum over cells."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise.losses.cells import LARGEST, CellBlock, SeparableObjective, flat


class MultinomialLikelihood(SeparableObjective):
    """Negative log-likelihood of counts under P_ij = p_i q_j exp(x_ij), p = r/N and q = c/N, in its Poisson form.

        ℓ(X) = −(1/N) Σ_ij n_ij log P_ij + Σ_ij P_ij − 1

    For X with free effects of rows and columns the second part is zero at the minimum, because a score x + t is allowed for
    any t and Σ P e^t − t is least where Σ P = 1: minimising ℓ is multinomial maximum likelihood, but every cell has a loss
    of its own, and no normaliser of all scores is needed (Birch, J. R. Stat. Soc. B 25, 1963). Rows and columns that never
    occur have P = 0, as their maximum likelihood is.
    """

    def __init__(
        self, counts: CooccurrenceCounts, dtype: torch.dtype = torch.float64, device: str | torch.device = "cpu"
    ) -> None:
        n, q = counts.matrix, counts.col_sums / counts.total
        super().__init__(counts, counts.row_sums, q, counts.total, dtype, device)
        independent = counts.row_sums[counts.centers] * q[n.indices]
        self._cells = {
            "count": self._tensor(n.data),
            "share": self._tensor(n.data / independent),
            "constant": self._tensor(np.log(counts.total / independent) - 1),
        }

    def _dense_losses(self, minus_x: Tensor, rows: slice, bound: float, scratch: Tensor) -> Tensor:
        # A score so large that its exponential overflows has an infinite loss, which no step accepts.
        if not bound < LARGEST[self.dtype]:
            minus_x.clamp_(max=LARGEST[self.dtype])
        return minus_x.neg_().exp_() @ self.col_weight

    def _seen_losses(self, minus_x: Tensor, cells: slice) -> Tensor:
        return self._cells["count"][cells] * (minus_x + self._cells["constant"][cells])

    def residual(self, block: CellBlock) -> Tensor:
        flat(block.values)[..., block.at] -= self._cells["share"][block.cells]
        return block.values

    def curvature(self, block: CellBlock) -> Tensor:
        return block.values

    def majorant(self, block: CellBlock) -> Tensor:
        # Far below its count a cell's score would overshoot by e^x / share; the share is what e^x is on its way to.
        majorant = block.values.clone()
        cells = flat(majorant)
        cells[..., block.at] = torch.maximum(cells[..., block.at], self._cells["share"][block.cells])
        return majorant
