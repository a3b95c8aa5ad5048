"""The exact SGNS objective ℓ, its gradient and its curvature, one block of rows at a time.

    ℓ(X) = (1/N) Σ_ij [ n_ij softplus(−x_ij) + w_ij softplus(x_ij) ],      X = V Uᵀ,
    w_ij = K r_i P_n(j), or K (r_i − n_ij) P_n(j) when a negative equal to the positive is dropped.

It is the expectation of the sampled loss (Levy & Goldberg 2014, eq. 3, summed over the corpus and divided by N). The
second term is dense, but its weight is an outer product, so that no words x contexts array beyond one block is stored:
with G_ij = ∂(Nℓ)/∂x_ij = K r_i P_n(j) D_ij the gradient is N ∂V = diag(K r) D (diag(P_n) U), and only the cells with
n_ij > 0 make D differ from σ(X).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import copy
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, overload

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts, as_counts
from sgns_pmi.errors import InputError, check_integer
from sgns_pmi.factorise.devices import by_rows
from sgns_pmi.factorise.losses import kernel
from sgns_pmi.pmi import negative_cells

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


class Block(NamedTuple):
    """Rows `rows` of the scores, already evaluated; leading axes (...) are those of the factors."""

    rows: slice
    values: Tensor  # (..., rows, contexts): what slopes and curvatures are made of; for ℓ it is D
    losses: Tensor  # (..., rows): Nℓ of each row, float64
    cells: slice  # where its seen cells stand among all of them
    objective: SeparableObjective

    @property
    def at(self) -> Tensor:
        """Flat positions of the seen cells (cells,) in a matrix (rows, contexts)."""
        return self.objective.positions(self.rows, self.cells)


def flat(matrix: Tensor) -> Tensor:
    """The cells of a contiguous matrix (..., rows, contexts) in one axis."""
    return matrix.view(*matrix.shape[:-2], -1)


def rows_of(counts: CooccurrenceCounts) -> NDArray[np.intp]:
    """The centre of each seen cell, in CSR order."""
    return np.repeat(np.arange(counts.shape[0]), np.diff(counts.matrix.indptr))


class SeparableObjective:
    """A sum of losses of the cells of X = V Uᵀ, divided by `total`, as a function of V and U on one device.

    Both sides are treated alike: a cell weighs α_i β_j, all cells have one loss, and only seen cells deviate from it. A
    subclass says what these losses are, in `_dense_losses` and `_seen_losses`, and their derivatives in `residual` and
    `curvature`. The names are those of ℓ.

    Parameters
    ----------
    counts : CooccurrenceCounts
        Which cells are seen.
    row_weight, col_weight : ndarray, (words,) and (contexts,)
        α and β; for `transposed` they change places.
    total : float
    dtype, device
        Where and how precisely to compute; the loss is summed in float64 always.
    """

    def __init__(
        self,
        counts: CooccurrenceCounts,
        row_weight: NDArray[Any],
        col_weight: NDArray[Any],
        total: float,
        dtype: torch.dtype,
        device: str | torch.device,
    ) -> None:
        n = counts.matrix
        self.shape, self.total = counts.shape, total
        self.dtype, self.device = dtype, torch.device(device)
        self._indptr = n.indptr.astype(np.int64)
        self._columns = torch.from_numpy(n.indices.astype(np.int32)).to(self.device)
        self.row_weight, self.col_weight = self._tensor(row_weight), self._tensor(col_weight)
        self._cells: dict[str, Tensor] = {}
        self._compiled = False

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
        return other

    def blocks(self, V: Tensor, U: Tensor) -> Iterator[Block]:
        """X = V Uᵀ, evaluated block of rows by block of rows; the buffers are reused, and may be overwritten.

        Factors may have leading axes, V (..., words, dim) and U (..., contexts, dim): several starts, evaluated at once.
        """
        words, contexts = self.shape
        starts = V.shape[:-2]
        height = max(1, min(words, block_bytes() // (math.prod(starts) * contexts * V.element_size())))
        buffers = torch.empty((2, *starts, height, contexts), dtype=self.dtype, device=self.device)
        minus_U = -U.mT
        # Of |x|, by Cauchy–Schwarz; compiled code does without.
        bound = math.inf if self._compiled else float(V.norm(dim=-1).max() * U.norm(dim=-1).max())
        for low in range(0, words, height):
            rows = slice(low, min(low + height, words))
            if rows.stop - low < height:
                buffers = buffers[..., : rows.stop - low, :].contiguous()
            minus_x = torch.matmul(V[..., rows, :], minus_U, out=buffers[0])
            cells = slice(int(self._indptr[low]), int(self._indptr[rows.stop]))
            losses = self._evaluate(minus_x, rows, cells, bound, buffers[1])
            yield Block(rows, minus_x, losses, cells, self)

    def _evaluate(self, minus_x: Tensor, rows: slice, cells: slice, bound: float, scratch: Tensor) -> Tensor:
        """Losses of a block's rows, float64 (..., rows); puts the block's `values` in place of −x.

        `bound` is one of |x|, `scratch` is shaped as `minus_x`.
        """
        at = self.positions(rows, cells)
        seen = self._seen_losses(flat(minus_x)[..., at], cells).double()
        dense = self._dense_losses(minus_x, rows, bound, scratch).double() * self.row_weight[rows].double()
        return dense.index_add(-1, torch.div(at, self.shape[1], rounding_mode="floor"), seen)

    def _dense_losses(self, minus_x: Tensor, rows: slice, bound: float, scratch: Tensor) -> Tensor:
        """Loss (..., rows) / α_i of each row as if no cell were seen; puts what the cells have in common in place of −x."""
        raise NotImplementedError

    def _seen_losses(self, minus_x: Tensor, cells: slice) -> Tensor:
        """What the seen cells add to it (..., cells)."""
        raise NotImplementedError

    def residual(self, block: Block) -> Tensor:
        """D (..., rows, contexts) with ∂(Nℓ)/∂x_ij = α_i β_j D_ij; overwrites the block."""
        raise NotImplementedError

    def curvature(self, block: Block) -> Tensor:
        """S (..., rows, contexts) ≥ 0 with ∂²(Nℓ)/∂x_ij² = α_i β_j S_ij; keeps the block."""
        raise NotImplementedError

    def majorant(self, block: Block) -> Tensor:
        """Like `curvature`, of a model that is not left behind by a step from afar; keeps the block."""
        return self.curvature(block)

    def losses(self, V: Tensor, U: Tensor) -> Tensor:
        """Nℓ of every row, float64 (..., words)."""
        return torch.cat([block.losses for block in self.blocks(V, U)], dim=-1)

    def value(self, V: Tensor, U: Tensor) -> float:
        """ℓ(V Uᵀ)."""
        return sum(float(block.losses.sum()) for block in self.blocks(V, U)) / self.total

    def value_and_gradient(self, V: Tensor, U: Tensor) -> tuple[float, Tensor, Tensor]:
        """ℓ, ∂ℓ/∂V = G U / N (words, dim) and ∂ℓ/∂U = Gᵀ V / N (contexts, dim)."""
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
        return loss / self.total, dV, dU


class ExactObjective(SeparableObjective):
    """ℓ of fixed counts and noise: α = K r, β = P_n, and total = N.

    Parameters
    ----------
    counts : CooccurrenceCounts
    k : int
        Number of negatives K.
    noise : array-like, (contexts,)
        P_n.
    drop_positive : bool
        Whether a negative equal to the positive is dropped (word2vec.c, gensim).
    dtype, device
        Where and how precisely to compute; ℓ is summed in float64 always.
    """

    def __init__(
        self,
        counts: CooccurrenceCounts,
        k: int,
        noise: ArrayLike,
        *,
        drop_positive: bool = False,
        dtype: torch.dtype = torch.float64,
        device: str | torch.device = "cpu",
    ) -> None:
        n, p_n = counts.matrix, np.asarray(noise, dtype=np.float64)
        super().__init__(counts, k * counts.row_sums, p_n, counts.total, dtype, device)
        self._compiled = self.device.type == "cpu"
        # Weights of the seen cells: `positive` multiplies −x, `net` is what they add to the weight of softplus(x).
        outer = negative_cells(counts, k, p_n)
        self._cells = {"positive": self._tensor(n.data), "positive_share": self._tensor(n.data / outer)}
        if drop_positive:
            net = n.data * (1 - k * p_n[n.indices])
            self._cells |= {"net": self._tensor(net), "net_share": self._tensor(net / outer)}

    def _evaluate(self, minus_x: Tensor, rows: slice, cells: slice, bound: float, scratch: Tensor) -> Tensor:
        if self._compiled:
            return self._evaluate_compiled(minus_x, rows)
        losses = super()._evaluate(minus_x, rows, cells, bound, scratch)
        residual = torch.sub(1.0, minus_x, out=minus_x)
        at = self.positions(rows, cells)
        positive_share, net_share = self._shares(cells)
        sigma = flat(residual)[..., at]
        flat(residual)[..., at] = sigma + net_share * sigma - positive_share
        return losses

    def _evaluate_compiled(self, minus_x: Tensor, rows: slice) -> Tensor:
        losses = minus_x.new_empty(minus_x.shape[:-1], dtype=torch.float64)
        positive = self._cells["positive"]
        weights = (positive, self._cells.get("net", positive), *self._shares(slice(None)))
        alpha, beta = self.row_weight.numpy(), self.col_weight.numpy()
        cells = [array.numpy() for array in (self._columns, *weights)]
        scores, of_rows = minus_x.view(-1, *minus_x.shape[-2:]).numpy(), losses.view(-1, losses.shape[-1]).numpy()
        by_rows(
            lambda first, last: kernel.evaluate(scores, of_rows, first, last, rows.start, alpha, beta, self._indptr, *cells),
            *scores.shape[-2:],
        )
        return losses

    def _dense_losses(self, minus_x: Tensor, rows: slice, bound: float, scratch: Tensor) -> Tensor:
        # One exponential a cell gives all: with s = σ(−x), softplus(x) = −log s and σ(x) = 1 − s.
        beyond: Tensor | float = 0.0
        largest = LARGEST[self.dtype]
        if not bound < largest:
            beyond = (-largest - minus_x).clamp_(min=0.0) @ self.col_weight
            minus_x.clamp_(min=-largest)
        torch.log(minus_x.sigmoid_(), out=scratch)
        return beyond - scratch @ self.col_weight

    def _seen_losses(self, minus_x: Tensor, cells: slice) -> Tensor:
        """What the seen cells add to the loss of negatives in every cell: n softplus(−x), less the negatives dropped."""
        positive = self._cells["positive"][cells]
        losses = positive * softplus(minus_x)
        if "net" in self._cells:
            losses += (self._cells["net"][cells] - positive) * softplus(-minus_x)
        return losses

    def _shares(self, cells: slice) -> tuple[Tensor, Tensor]:
        positive = self._cells["positive_share"][cells]
        return positive, self._cells["net_share"][cells] if "net" in self._cells else positive

    def residual(self, block: Block) -> Tensor:
        return block.values

    def curvature(self, block: Block) -> Tensor:
        D = block.values
        S = torch.empty_like(D)
        if self._compiled:
            arrays = [array.numpy() for array in (self._columns, *self._shares(slice(None)))]
            of_D, of_S = (matrix.view(-1, *matrix.shape[-2:]).numpy() for matrix in (D, S))
            by_rows(
                lambda first, last: kernel.curvature(of_D, of_S, first, last, block.rows.start, self._indptr, *arrays),
                *D.shape[-2:],
            )
            return S
        torch.addcmul(D, D, D, value=-1.0, out=S)
        at, (n, w) = block.at, self._shares(block.cells)
        weighted = flat(D)[..., at] + n
        flat(S)[..., at] = weighted * (1.0 - weighted / (1.0 + w))
        return S


@overload
def sgns_objective(
    V: ArrayLike,
    U: ArrayLike,
    counts: Any,
    k: int,
    noise: ArrayLike,
    gradient: Literal[False] = False,
    drop_positive: bool = False,
) -> float: ...
@overload
def sgns_objective(
    V: ArrayLike, U: ArrayLike, counts: Any, k: int, noise: ArrayLike, gradient: Literal[True], drop_positive: bool = False
) -> tuple[float, NDArray[Any], NDArray[Any]]: ...
def sgns_objective(
    V: ArrayLike, U: ArrayLike, counts: Any, k: int, noise: ArrayLike, gradient: bool = False, drop_positive: bool = False
) -> float | tuple[float, NDArray[Any], NDArray[Any]]:
    """The SGNS objective ℓ at X = V Uᵀ: the mean over the corpus' pairs of the expected sampled loss.

        ℓ(X) = (1/N) Σ_ij [ n_ij softplus(−x_ij) + K r_i P_n(j) softplus(x_ij) ]

    Parameters
    ----------
    V : array-like, (words, dim)
        Centre vectors. Computed in V's precision (float32 or float64); ℓ is summed in float64.
    U : array-like, (contexts, dim)
        Context vectors. Biases b and c are two more columns: V ← [V, b, 1], U ← [U, 1, c].
    counts : CooccurrenceCounts, array or sparse matrix, (words, contexts)
    k : int
        Number of negatives K.
    noise : array-like, (contexts,)
        The noise distribution P_n, as `noise_distribution` returns it.
    gradient : bool, default False
        Whether to return the gradient as well.
    drop_positive : bool, default False
        The objective of word2vec.c and gensim, which drop a negative equal to the positive: K (r_i − n_ij) P_n(j).

    Returns
    -------
    loss : float
        With `gradient=True`, the tuple (loss, ∂ℓ/∂V, ∂ℓ/∂U), the gradients shaped and typed as V and U.

    Raises
    ------
    InputError
        For factors whose shapes do not fit the counts, or k below 1.

    References
    ----------
    Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NIPS 2014, section 3.1.
    """
    counts = as_counts(counts)
    k = check_integer("k", k)
    V = np.asarray(V)
    dtype = np.float32 if V.dtype == np.float32 else np.float64
    V, U = np.ascontiguousarray(V, dtype), np.ascontiguousarray(U, dtype)
    for name, factor, side in (("V", V, counts.shape[0]), ("U", U, counts.shape[1])):
        if factor.ndim != 2 or factor.shape[0] != side or factor.shape[1] != V.shape[-1]:
            raise InputError(name, f"array of shape {factor.shape}", f"must be {side} x dim, the dim of V and U alike")
    p_n = np.asarray(noise, dtype=np.float64)
    if p_n.shape != (counts.shape[1],):
        raise InputError("noise", f"array of shape {p_n.shape}", f"must have {counts.shape[1]} entries; see noise_distribution")
    exact = ExactObjective(counts, k, p_n, drop_positive=drop_positive, dtype=torch.from_numpy(V).dtype)
    if not gradient:
        return exact.value(torch.from_numpy(V), torch.from_numpy(U))
    loss, dV, dU = exact.value_and_gradient(torch.from_numpy(V), torch.from_numpy(U))
    return loss, dV.numpy(), dU.numpy()
