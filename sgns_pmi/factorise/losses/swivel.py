"""Swivel's loss: squared error of PMI where a cell was seen, a soft upper bound where it was not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise.losses import kernel
from sgns_pmi.factorise.losses.cells import CellBlock, SeparableObjective, flat, softplus
from sgns_pmi.pmi import pmi_cells


class SwivelObjective(SeparableObjective):
    """Mean over cells of ½ f(n_ij) (x_ij − PMI_ij)² where n_ij > 0 and softplus(x_ij − PMI*_ij) elsewhere.

    PMI* = log N − log r_i − log c_j is the PMI that an unseen cell would have had it been seen once, and
    f(n) = base + scale · n^exponent. Rows and columns that never occur have no cells. (Shazeer et al. 2016, section 3.)
    """

    def __init__(
        self,
        counts: CooccurrenceCounts,
        base: float,
        scale: float,
        exponent: float,
        dtype: torch.dtype = torch.float64,
        device: str | torch.device = "cpu",
    ) -> None:
        n, occurs = counts.matrix.data, (counts.row_sums > 0, counts.col_sums > 0)
        alpha, beta = (side.astype(np.float64) for side in occurs)
        super().__init__(counts.shape, alpha, beta, alpha.sum() * beta.sum(), dtype, device)
        self.see(counts.matrix)
        sums = (np.where(side, values, 1.0) for side, values in zip(occurs, (counts.row_sums, counts.col_sums), strict=True))
        row, col = (np.log(values) for values in sums)
        self._once = self._tensor(np.log(counts.total) - row), self._tensor(-col)  # PMI* is their outer sum
        self._cells = {
            "pmi": self._tensor(pmi_cells(counts)),
            "log_count": self._tensor(np.log(n)),  # PMI − PMI*
            "confidence": self._tensor(base + scale * n**exponent),
        }

    def transposed(self) -> Self:
        other = super().transposed()
        other._once = self._once[1], self._once[0]
        return other

    def _loop(self) -> tuple[Callable[..., None], tuple[Tensor, ...]]:
        return kernel.evaluate_swivel, (*self._once, self._cells["pmi"], self._cells["confidence"])

    def _dense_losses(self, minus_x: Tensor, rows: slice, bound: float, scratch: Tensor) -> Tensor:
        above = minus_x.add_(self._once[0][rows, None]).add_(self._once[1]).neg_()  # x − PMI*
        losses = softplus(above)
        # Not subtracted later: where all cells fit, rounding would leave a negative loss.
        cells = slice(int(self._indptr[rows.start]), int(self._indptr[rows.stop]))
        flat(losses)[..., self._flat[cells] - rows.start * self.shape[1]] = 0.0
        return losses @ self.col_weight

    def _seen_losses(self, minus_x: Tensor, cells: slice) -> Tensor:
        return 0.5 * self._cells["confidence"][cells] * (minus_x + self._cells["pmi"][cells]).square()

    def _slopes(self, values: Tensor, at: Tensor, cells: slice) -> None:
        error = flat(values)[..., at] - self._cells["log_count"][cells]
        flat(values.sigmoid_())[..., at] = self._cells["confidence"][cells] * error

    def curvature(self, block: CellBlock) -> Tensor:
        sigma = block.values
        curvature = torch.addcmul(sigma, sigma, sigma, value=-1.0)
        flat(curvature)[..., block.at] = self._cells["confidence"][block.cells]
        return curvature
