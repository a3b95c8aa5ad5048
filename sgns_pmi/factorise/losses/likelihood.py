"""The multinomial likelihood of counts, as a sum over cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise.losses import kernel
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
        super().__init__(counts.shape, counts.row_sums, q, counts.total, dtype, device)
        self.see(counts.matrix)
        independent = counts.row_sums[counts.centers] * q[n.indices]
        self._cells = {
            "count": self._tensor(n.data),
            "share": self._tensor(n.data / independent),
            "constant": self._tensor(np.log(counts.total / independent) - 1),
        }

    def _loop(self) -> tuple[Callable[..., None], tuple[Tensor, ...]]:
        return kernel.evaluate_poisson, (self._cells["count"], self._cells["constant"], self._cells["share"])

    def _dense_losses(self, minus_x: Tensor, rows: slice, bound: float, scratch: Tensor) -> Tensor:
        # Beyond, eˣ would overflow, or be subnormal; no step leads to a loss so large.
        if not bound < (largest := LARGEST[self.dtype]):
            minus_x.clamp_(min=-largest, max=largest)
        return minus_x.neg_().exp_() @ self.col_weight

    def _seen_losses(self, minus_x: Tensor, cells: slice) -> Tensor:
        return self._cells["count"][cells] * (minus_x + self._cells["constant"][cells])

    def _slopes(self, values: Tensor, at: Tensor, cells: slice) -> None:
        flat(values)[..., at] -= self._cells["share"][cells]

    def curvature(self, block: CellBlock) -> Tensor:
        curvature = block.values.clone()
        flat(curvature)[..., block.at] += self._cells["share"][block.cells]
        return curvature

    def majorant(self, block: CellBlock) -> Tensor:
        # Far below its count a cell's score would overshoot by e^x / share; the share is what e^x is on its way to.
        majorant = self.curvature(block)
        cells = flat(majorant)
        cells[..., block.at] = torch.maximum(cells[..., block.at], self._cells["share"][block.cells])
        return majorant
