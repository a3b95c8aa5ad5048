"""Sums of losses of the cells of X = V Uᵀ, evaluated one block of rows at a time: what every exact loss has in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from copy import copy
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.factorise.devices import by_rows
from sgns_pmi.factorise.losses.penalty import Penalty, Ridge
from sgns_pmi.lazily import sp

LINEAR_ABOVE = 40.0
"""softplus(x) is x to double precision above this score; the threshold keeps exp from overflowing."""

LARGEST = {torch.float64: 500.0, torch.float32: 80.0}
"""σ(−x) is computed up to these scores: it is zero above, but subnormal numbers slow products a hundredfold."""


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), without overflow."""
    return torch.nn.functional.softplus(x, threshold=LINEAR_ABOVE)


@cache
def block_bytes() -> int:
    """Size of one block of scores: half of the last-level cache, so that it stays there from product to product."""
    try:
        last_level = int(Path("/sys/devices/system/cpu/cpu0/cache/index3/size").read_text().rstrip("K\n")) << 10
    except (OSError, ValueError):  # not every system tells
        last_level = 32 << 20
    return min(max(last_level // 2, 4 << 20), 16 << 20)


class CellBlock(NamedTuple):
    """Rows `rows` of the scores, already evaluated; leading axes (...) are those of the factors."""

    rows: slice
    values: Tensor  # (..., rows, contexts): D, of which ∂(Nℓ)/∂x_ij = α_i β_j D_ij
    losses: Tensor  # (..., rows): Nℓ of each row, float64
    cells: slice  # where its seen cells stand among all of them
    objective: SeparableObjective

    @property
    def at(self) -> Tensor:
        """Flat positions of the seen cells (cells,) in a matrix (rows, contexts)."""
        return self.objective.positions(self.rows, self.cells)


def in_rows(loop: Callable[..., None], own: Tensor, other: Tensor, low: int, *arrays: NDArray[Any]) -> None:
    """Call loop(own, other, first, last, low, *arrays) for the rows of a block, side by side on torch's threads.

    `own` is (..., rows, contexts), `other` (..., rows) or as `own`; the leading axes become one.
    """
    first = own.view(-1, *own.shape[-2:]).numpy()
    second = other.view(-1, *other.shape[own.dim() - 2 :]).numpy()
    by_rows(lambda start, stop: loop(first, second, start, stop, low, *arrays), *own.shape[-2:])


def flat(matrix: Tensor) -> Tensor:
    """The cells of a contiguous matrix (..., rows, contexts) in one axis."""
    return matrix.view(*matrix.shape[:-2], -1)


class SeparableObjective:
    """A sum of losses of the cells of X = V Uᵀ, divided by `total`, as a function of V and U on one device.

    Both sides are treated alike: a cell weighs α_i β_j, all cells have one loss, and only seen cells deviate from it. A
    subclass says what these losses are, in `_dense_losses` and `_seen_losses`, their derivatives in `_slopes` and `curvature`,
    and all but the last once more as a compiled loop for the processor. The names are those of ℓ.

    Parameters
    ----------
    shape : (int, int)
        (words, contexts); which cells are seen, `see` is told.
    row_weight, col_weight : ndarray, (words,) and (contexts,)
        α and β; for `transposed` they change places.
    total : float
    dtype, device
        Where and how precisely to compute; the loss is summed in float64 always.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        row_weight: NDArray[Any],
        col_weight: NDArray[Any],
        total: float,
        dtype: torch.dtype,
        device: str | torch.device,
    ) -> None:
        self.shape, self.total = shape, total
        self.dtype, self.device = dtype, torch.device(device)
        self.row_weight, self.col_weight = self._tensor(row_weight), self._tensor(col_weight)
        self._compiled = self.device.type == "cpu"
        self.penalty: Penalty | None = None
        self._memory: dict[str, Tensor] = {}

    def workspace(self, name: str, *shape: int) -> Tensor:
        """An array to write into, the same memory at each call of that name, here and in what was made from this objective.

        On small problems fresh pages would cost as much as the work.
        """
        size = math.prod(shape)
        if name not in self._memory or self._memory[name].numel() < size:
            self._memory[name] = torch.empty(size, dtype=self.dtype, device=self.device)
        return self._memory[name][:size].view(shape)

    def see(self, n: sp.csr_array) -> None:
        """Take the stored cells of n (words, contexts) for those that are seen, in place of others."""
        self._indptr = n.indptr.astype(np.int64)
        self._columns = torch.from_numpy(n.indices.astype(np.int32)).to(self.device)
        self._cells: dict[str, Tensor] = {}
        self.__dict__.pop("_flat", None)
        self.__dict__.pop("_call", None)

    def penalised(self, ridge: Ridge, dim: int) -> Self:
        """The same losses plus `ridge` on the first `dim` columns of the factors; biases, in the columns after, stay free."""
        other = copy(self)
        other.penalty = Penalty(self._tensor(ridge.rows), self._tensor(ridge.columns), dim)
        return other

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.tensor(array, dtype=self.dtype, device=self.device)

    @cached_property
    def _flat(self) -> Tensor:
        """Positions of all seen cells in the flattened matrix (words, contexts)."""
        rows = np.repeat(np.arange(self.shape[0]), np.diff(self._indptr))
        return torch.from_numpy(rows).to(self.device) * self.shape[1] + self._columns

    def positions(self, rows: slice, cells: slice) -> Tensor:
        """Flat positions of some rows' seen cells (cells,) in a matrix of these rows alone."""
        return self._flat[cells] - rows.start * self.shape[1]

    def transposed(self) -> Self:
        """The same objective with the sides exchanged: its V is this one's U."""
        words, contexts = self.shape
        rows, cols = self._flat // contexts, self._flat % contexts
        other = copy(self)
        other.shape = (contexts, words)
        other._flat, order = torch.sort(cols * words + rows)
        per_row = torch.bincount(cols, minlength=contexts).cpu().numpy()
        other._indptr = np.concatenate([[0], np.cumsum(per_row)])
        other._columns = rows[order].int()
        other.row_weight, other.col_weight = self.col_weight, self.row_weight
        other._cells = {name: values[order] for name, values in self._cells.items()}
        other.penalty = self.penalty and self.penalty.transposed()
        other.__dict__.pop("_call", None)
        return other

    def blocks(self, V: Tensor, U: Tensor, *, own: slice = slice(None)) -> Iterator[CellBlock]:
        """X = V Uᵀ, or its rows `own`, evaluated block of rows by block of rows; the buffers are reused, and may be overwritten.

        Factors may have leading axes, V (..., words, dim) and U (..., contexts, dim): several starts, evaluated at once.
        """
        contexts = self.shape[1]
        begin, end, _ = own.indices(self.shape[0])
        starts = V.shape[:-2]
        height = max(1, min(end - begin, block_bytes() // (math.prod(starts) * contexts * V.element_size())))
        buffers = self.workspace("blocks", 2, *starts, height, contexts)
        minus_U = -U.mT
        # Of |x|, by Cauchy–Schwarz; compiled code does without.
        bound = math.inf if self._compiled else float(V.norm(dim=-1).max() * U.norm(dim=-1).max())
        for low in range(begin, end, height):
            rows = slice(low, min(low + height, end))
            if rows.stop - low < height:
                buffers = buffers[..., : rows.stop - low, :].contiguous()
            minus_x = torch.matmul(V[..., rows, :], minus_U, out=buffers[0])
            cells = slice(int(self._indptr[low]), int(self._indptr[rows.stop]))
            losses = self._evaluate(minus_x, rows, cells, bound, buffers[1])
            yield CellBlock(rows, minus_x, losses, cells, self)

    def _evaluate(self, minus_x: Tensor, rows: slice, cells: slice, bound: float, scratch: Tensor) -> Tensor:
        """Losses of a block's rows, float64 (..., rows); puts the block's `values` in place of −x.

        `bound` is one of |x|, `scratch` is shaped as `minus_x`.
        """
        if self._compiled:
            losses = minus_x.new_empty(minus_x.shape[:-1], dtype=torch.float64)
            loop, arrays = self._call
            in_rows(loop, minus_x, losses, rows.start, *arrays)
            return losses
        at = self.positions(rows, cells)
        seen = self._seen_losses(flat(minus_x)[..., at], cells).double()
        dense = self._dense_losses(minus_x, rows, bound, scratch).double() * self.row_weight[rows].double()
        self._slopes(minus_x, at, cells)
        return dense.index_add(-1, torch.div(at, self.shape[1], rounding_mode="floor"), seen)

    @cached_property
    def _call(self) -> tuple[Callable[..., None], tuple[NDArray[Any], ...]]:
        """The compiled loop, and what it takes after the block."""
        loop, own = self._loop()
        weights = self.row_weight.numpy(), self.col_weight.numpy(), self._indptr, self._columns.numpy()
        return loop, (*weights, *(array.numpy() for array in own))

    def _loop(self) -> tuple[Callable[..., None], tuple[Tensor, ...]]:
        """The compiled loop that does what the following do, and what it takes after the weights and the places of seen cells."""
        raise NotImplementedError

    def _dense_losses(self, minus_x: Tensor, rows: slice, bound: float, scratch: Tensor) -> Tensor:
        """Loss (..., rows) / α_i of each row as if no cell were seen; puts what the cells have in common in place of −x."""
        raise NotImplementedError

    def _seen_losses(self, minus_x: Tensor, cells: slice) -> Tensor:
        """What the seen cells add to it (..., cells)."""
        raise NotImplementedError

    def _slopes(self, values: Tensor, at: Tensor, cells: slice) -> None:
        """Put D (..., rows, contexts) in place of what `_dense_losses` left."""
        raise NotImplementedError

    def residual(self, block: CellBlock) -> Tensor:
        """D (..., rows, contexts) with ∂(Nℓ)/∂x_ij = α_i β_j D_ij."""
        return block.values

    def curvature(self, block: CellBlock) -> Tensor:
        """S (..., rows, contexts) ≥ 0 with ∂²(Nℓ)/∂x_ij² = α_i β_j S_ij; keeps the block."""
        raise NotImplementedError

    def majorant(self, block: CellBlock) -> Tensor:
        """Like `curvature`, of a model that is not left behind by a step from afar; keeps the block."""
        return self.curvature(block)

    def losses(self, V: Tensor, U: Tensor) -> Tensor:
        """Nℓ of every row, float64 (..., words), with the penalty of its vector."""
        losses = torch.cat([block.losses for block in self.blocks(V, U)], dim=-1)
        return losses if self.penalty is None else losses + self.total * self.penalty.of_rows(V)

    def value(self, V: Tensor, U: Tensor) -> float:
        """ℓ(V Uᵀ), and the penalty where there is one."""
        loss = sum(float(block.losses.sum()) for block in self.blocks(V, U)) / self.total
        return loss if self.penalty is None else loss + self.penalty.value(V, U)

    def value_and_gradient(self, V: Tensor, U: Tensor) -> tuple[float, Tensor, Tensor]:
        """ℓ, ∂ℓ/∂V = G U / N (words, dim) and ∂ℓ/∂U = Gᵀ V / N (contexts, dim); with the penalty where there is one."""
        dV, dU = torch.empty_like(V), torch.zeros_like(U)
        weighted_V, weighted_U = V * (self.row_weight / self.total)[:, None], U * self.col_weight[:, None]
        loss = 0.0
        for block in self.blocks(V, U):
            loss += float(block.losses.sum())
            residual = self.residual(block)
            torch.mm(residual, weighted_U, out=dV[block.rows])
            dU.addmm_(residual.T, weighted_V[block.rows])
        dV *= (self.row_weight / self.total)[:, None]
        dU *= self.col_weight[:, None]
        loss /= self.total
        if self.penalty is not None:
            loss += self.penalty.value(V, U)
            self.penalty.add_gradient(dV, dU, V, U)
        return loss, dV, dU

    def mean_curvatures(self, V: Tensor, U: Tensor) -> tuple[Tensor, Tensor]:
        """h_i = Σ_j β_j S_ij of the rows (words,) and g_j = Σ_i α_i S_ij / N of the columns (contexts,)."""
        alpha, beta = self.row_weight / self.total, self.col_weight
        h, g = torch.empty_like(alpha), torch.zeros_like(beta)
        for block in self.blocks(V, U):
            S = self.curvature(block)
            h[block.rows] = S @ beta
            g += alpha[block.rows] @ S
        return h, g

    def together(self, own: Tensor) -> Tensor:
        """The sum of what each of the processes has that share the factors; here there is one."""
        return own

    @property
    def side_weights(self) -> tuple[Tensor, Tensor]:
        """α / N and β of the rows of both factors."""
        return self.row_weight / self.total, self.col_weight

    def unseen_scores(self, V: Tensor, U: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Rows of X = V Uᵀ (rows, contexts), 0 where a cell is seen, block by block; each may be overwritten."""
        words, contexts = self.shape
        height = max(1, block_bytes() // (contexts * V.element_size()))
        for low in range(0, words, height):
            rows = slice(low, min(low + height, words))
            scores = V[rows] @ U.T
            starts = self._indptr[low : rows.stop + 1]
            row = torch.from_numpy(np.repeat(np.arange(len(scores)), np.diff(starts))).to(self.device)
            scores[row, self._columns[starts[0] : starts[-1]]] = 0.0
            yield rows, scores

    def scores_gradient(self, V: Tensor, U: Tensor) -> Tensor:
        """∂ℓ/∂X, dense (words, contexts), the penalty left out."""
        found = torch.empty(self.shape, dtype=self.dtype, device=self.device)
        for block in self.blocks(V, U):
            found[block.rows] = self.residual(block)
        return found.mul_((self.row_weight / self.total)[:, None]).mul_(self.col_weight)
