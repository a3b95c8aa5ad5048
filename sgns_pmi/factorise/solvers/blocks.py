"""SGNS with negatives shared by blocks of rows: the sampled objective on counts of any size.

Both sides are treated alike. With the other side's vectors u_j fixed, row i is a weighted logistic regression: ℓ is
Σ_i (α_i / N) f_i(v_i) with

    f_i(v) = Σ_j (n_ij / α_i) softplus(−v·u_j) + Σ_j q_j softplus(v·u_j),     α_i = K r_i, q = P_n    for the rows of V,
                                                                            α_j = K N P_n(j), q = r / N for those of U.

The first sum has the row's triples, all of them. The second is dense; a block of rows shares S contexts drawn from q,
each of weight (times drawn) / S, whose expectation is q_j: the gradient is unbiased, and its dense part is two matrix
products. The draws are stratified (Owen 2013, section 8.4): one in each S-th of the inverse distribution function, so
that a frequent context is drawn as often as it should be, give or take one. Where the side has no more than S contexts
all are taken, with their own weights, and nothing is random.

A step goes all the way, so that the noise of the last epochs' draws stays in the result, while that of earlier ones is
forgotten: the last three epochs double the draws, one after the other (Byrd, Chin, Nocedal & Wu 2012: samples grow as the
gradient falls). Curvature, which decides how a step is made and not where it leads in the end, keeps to the first number
of draws (Byrd, Chin, Neveitt & Nocedal 2011: a sample of the sample).

Each row then moves once, independently of the others: no two threads write the same vector, and the same seed gives
the same result. An epoch is a pass over the rows of V and one over the rows of U, in the order of the triples.

What bounds a pass is reading vectors. Taken row by row, each triple fetches its u_j from afar. So a part of a block's rows,
small enough for its v_i and their sums to stay in a core's cache, meets its triples column by column: u_j is read once, in
order, and used for all rows of the part that have j. Products with drawn contexts are in bfloat16 where the processor
multiplies such numbers: rounding to 2⁻⁹ changes a move by less than a hundredth, another draw by more.

References: A. B. Owen, "Monte Carlo theory, methods and examples", 2013, chapter 8; R. H. Byrd, G. M. Chin, J. Nocedal and
Y. Wu, "Sample size selection in optimization methods for machine learning", Mathematical Programming 134, 2012; R. H. Byrd,
G. M. Chin, W. Neveitt and J. Nocedal, "On the use of stochastic Hessian information in optimization methods for machine
learning", SIAM Journal on Optimization 21, 2011.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import kernels
from sgns_pmi.factorise.devices import by_rows, products_on_one_thread, shortest
from sgns_pmi.factorise.losses.cells import softplus
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.solvers.biases import free_columns
from sgns_pmi.factorise.solvers.training import RECORDS
from sgns_pmi.lazily import sp
from sgns_pmi.negatives import Negatives
from sgns_pmi.streams import torch_seed

EPOCHS_OF_FEW, EPOCHS_OF_MANY = 50, 10  # by default, which take some seconds at most for few triples
FEW_TRIPLES = 1_000_000
TILE = 512  # contexts whose scores with a part's rows are held at once, in a core's second-level cache
TRIPLE = 32  # cells whose loss takes as long as the sums over one triple
RECORDED_DRAWS = 1024  # contexts that stand for all in the recorded ℓ
RECORDED_EVERY = 2  # epochs, each six times as long as to evaluate it
BLOCK_ROWS = 1024  # rows that share a draw; their scores with it stay in the third-level cache
PART_ROWS = 256  # rows whose triples one thread sums; their vectors and sums stay in its second-level cache
GATHERED = 1 << 20  # triples whose vectors are copied at once, on devices that have no compiled sums
DRAWS = 1024  # in each block, of all epochs but the last
DOUBLINGS = 3  # epochs at the end, each with twice the draws of the one before
CURVATURE_RIDGE = 1e-3  # added to a block's curvature, relative to its mean diagonal: bounds steps along directions without data
FLAT = 1e-6  # least curvature of the mean row: keeps the system regular where all scores are extreme
TINY = 1e-30
ALMOST_ONE = 1 + torch.finfo(torch.float32).eps  # less σ, never less than 1 − σ, which is 0 where float32 rounds σ to 1


class Drawn(NamedTuple):
    """Distinct contexts and their weights: Σ weight_j g(u_j) estimates Σ_j q_j g(u_j)."""

    contexts: Tensor
    weights: Tensor
    precision: torch.dtype = torch.float32  # of products with them, whose rounding is below the draws' own noise


def stratified(distribution: Tensor, jitter: Tensor) -> Drawn:
    """One context from each S-th of a distribution's inverse cumulative distribution function.

    Parameters
    ----------
    distribution : Tensor, (contexts,)
        The cumulative distribution q_0, q_0 + q_1, …, 1, float64.
    jitter : Tensor, (S,)
        Where in its stratum each draw lies, float64 in [0, 1). Uniform and independent of the strata, it makes the
        expected weight of context j exactly q_j.
    """
    size = len(jitter)
    points = (torch.arange(size, dtype=torch.float64, device=jitter.device) + jitter) / size
    drawn = torch.searchsorted(distribution, points, right=True).clamp_(max=len(distribution) - 1)
    contexts, times = torch.unique_consecutive(drawn, return_counts=True)
    return Drawn(contexts, times.to(torch.float32) / size)


def interleaved(rows: int) -> NDArray[np.intp]:
    """The rows in blocks, those of a block in parts that each have rows at equal distances.

    Rows come by frequency, and threads share the parts of a block out: so each has as many triples.
    """
    every, parts = np.arange(rows), -(-BLOCK_ROWS // PART_ROWS)
    blocks = (every[low : low + BLOCK_ROWS] for low in range(0, rows, BLOCK_ROWS))
    return np.concatenate([block[part::parts] for block in blocks for part in range(parts)])


class Columnwise(NamedTuple):
    """Cells in parts of at most `PART_ROWS` rows of a block, those of a part by column."""

    starts: NDArray[np.int64]  # (parts + 1,)
    place: NDArray[np.uint8]  # (cells,): the row within the part
    contexts: NDArray[np.int32]
    values: NDArray[np.float32]


def by_column(matrix: sp.csr_array, order: NDArray[np.intp], scale: NDArray[np.float32], transposed: bool) -> Columnwise:
    """The cells of a matrix or of its transpose, rows in the given order, each row's values multiplied by its scale."""
    n, size = (matrix.indptr.astype(np.int64), matrix.indices, matrix.data), len(order)
    blocks = (range(low, min(low + BLOCK_ROWS, size), PART_ROWS) for low in range(0, size, BLOCK_ROWS))
    edges = np.array([*(first for block in blocks for first in block), size])
    per_row = np.bincount(matrix.indices, minlength=size) if transposed else np.diff(n[0])
    starts = np.concatenate([[0], np.cumsum(per_row[order])])[edges]
    place, column, values = (np.empty(matrix.nnz, dtype) for dtype in (np.uint8, np.int32, np.float32))
    if transposed:
        part, within = np.empty(size, np.int32), np.empty(size, np.uint8)
        part[order] = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        within[order] = np.arange(size) - edges[part[order]]
        kernels.columns_by_row(*n, part, within, scale, starts[:-1].copy(), place, column, values)
    else:

        def write(first: int, last: int) -> None:
            own = slice(starts[first], starts[last])
            free = np.empty(matrix.shape[1], np.int64)
            kernels.rows_by_column(*n, order, edges, scale, free, place[own], column[own], values[own], first, last)

        by_rows(write, len(edges) - 1, PART_ROWS * matrix.shape[1])
    return Columnwise(starts, place, column, values)


class RowBlock(NamedTuple):
    """Some rows of a side and their triples, in parts of `PART_ROWS` rows, each by column."""

    rows: Tensor  # their numbers
    starts: Tensor  # (parts + 1,): where the triples of each part begin
    place: Tensor  # (triples,): the row within the part
    contexts: Tensor
    positive: Tensor  # n_ij / α_i
    net: Tensor  # what the triple adds to the weight of softplus(x): the same, less the negatives that are dropped
    occurs: Tensor  # (rows, 1): whether the row has any weight
    ridge: Tensor | None = None  # (rows, 1): N λω_i / α_i, the row's penalty in units of f_i
    compiled: bool = True  # whether loops for the processor sum over the triples, or PyTorch on any device

    def slopes(self, v: Tensor, other: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Σ_j (w σ(x) − n)_ij f_j of each row (rows, free), and w σ(x) (1 − σ(x)) of each triple (triples,), at least 0."""
        slope, bend = v.new_zeros(len(v), features.shape[1]), torch.empty_like(self.positive)
        if self.compiled:
            triples = self.place, self.contexts, self.positive, self.net
            self._by_parts(kernels.sum_slopes, *triples, v, other, features, np.float32(ALMOST_ONE), slope, bend)
            return slope, bend
        for own, row, context in self._some():
            sigma = (v[row] * other[context]).sum(1).sigmoid_()
            drawn = self.net[own] * sigma
            bend[own] = (drawn * (ALMOST_ONE - sigma)).clamp_(min=0.0)
            slope.index_add_(0, row, features[context] * (drawn - self.positive[own])[:, None])
        return slope, bend

    def bends(self, bend: Tensor, step: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Largest |s_i·u_j| of each row's triples (rows,), and Σ_j bend_ij (s_i·u_j)²."""
        reach, second = (torch.zeros(len(step), device=step.device) for _ in range(2))
        if self.compiled:
            self._by_parts(kernels.sum_bends, self.place, self.contexts, bend, step, other, reach, second)
            return reach, second
        for own, row, context in self._some():
            move = (step[row] * other[context]).sum(1)
            reach.scatter_reduce_(0, row, move.abs(), "amax")
            second.index_add_(0, row, bend[own] * move.square_())
        return reach, second

    def losses(self, v: Tensor, other: Tensor) -> Tensor:
        """Σ_j n_ij softplus(−x_ij) + (w − n)_ij softplus(x_ij) of each row, (rows,)."""
        losses = torch.zeros(len(v), device=v.device)
        if self.compiled:
            self._by_parts(kernels.sum_losses, self.place, self.contexts, self.positive, self.net, v, other, losses)
            return losses
        for own, row, context in self._some():
            x = (v[row] * other[context]).sum(1)
            seen = self.positive[own] * softplus(-x) + (self.net[own] - self.positive[own]) * softplus(x)
            losses.index_add_(0, row, seen)
        return losses

    def _by_parts(self, work: Callable[..., None], *given: Any) -> None:
        """`work` of all parts, side by side."""
        arrays = [each.numpy() if isinstance(each, Tensor) else each for each in (self.starts, *given)]
        parts = len(self.starts) - 1
        cells = TRIPLE * len(self.contexts) // parts
        by_rows(lambda first, last: work(arrays[0], PART_ROWS, *arrays[1:], first, last), parts, cells)

    def _some(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Triples of a few parts at a time: which they are, their rows within the block, and their contexts."""
        starts = self.starts.tolist()
        for part, (low, high) in enumerate(pairwise(starts)):
            for own in pieces(low, high, GATHERED):
                yield own, self.place[own].long() + part * PART_ROWS, self.contexts[own]


class Side:
    """The rows of V, or of U, as logistic regressions on the vectors of the other side.

    Parameters
    ----------
    counts : CooccurrenceCounts
    negatives : Negatives
    transposed : bool
        Whether the rows are those of U.
    ridge : Ridge, optional
        The penalty.
    device : str
    """

    def __init__(
        self, counts: CooccurrenceCounts, negatives: Negatives, *, transposed: bool, ridge: Ridge | None = None, device: str
    ) -> None:
        k, p_n = negatives.k, negatives.noise
        n, total = counts.matrix, counts.total
        weight, other = (k * total * p_n, counts.row_sums / total) if transposed else (k * counts.row_sums, p_n)
        self.shape, self.total = n.shape[::-1] if transposed else n.shape, total
        rows = interleaved(len(weight))
        scale = (1 / np.where(weight > 0, weight, 1)).astype(np.float32)
        starts, place, contexts, positive = by_column(n, rows, scale, transposed)
        self._rows, self._starts = torch.tensor(rows, device=device), torch.tensor(starts)
        self._place, self._contexts, self._positive = (torch.from_numpy(each).to(device) for each in (place, contexts, positive))
        self._net = self._positive
        if negatives.drops:
            kept = negatives.net.astype(np.float32)
            net = by_column(n, rows, scale * kept, transposed).values if transposed else positive * kept[contexts]
            self._net = torch.from_numpy(net).to(device)
        self.weight = torch.tensor(weight, dtype=torch.float32, device=device)
        self._ridge = None
        if ridge is not None:
            own = ridge.columns if transposed else ridge.rows
            shares = np.divide(total * own, weight, out=np.zeros(len(weight)), where=weight > 0)
            self._ridge = torch.tensor(shares[:, None], dtype=torch.float32, device=device)
        self._share = torch.tensor(other, dtype=torch.float32, device=device)
        self._distribution = torch.tensor(np.cumsum(other) / other.sum(), device=device)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.shape[0] // BLOCK_ROWS)

    def __iter__(self) -> Iterator[RowBlock]:
        """The blocks, in order."""
        parts = -(-BLOCK_ROWS // PART_ROWS)
        for block in range(self.blocks):
            rows = self._rows[block * BLOCK_ROWS : (block + 1) * BLOCK_ROWS]
            starts = self._starts[block * parts : (block + 1) * parts + 1]
            triples = slice(int(starts[0]), int(starts[-1]))
            yield RowBlock(
                rows,
                starts - starts[0],
                self._place[triples],
                self._contexts[triples],
                self._positive[triples],
                self._net[triples],
                self.weight[rows, None] > 0,
                self._ridge if self._ridge is None else self._ridge[rows],
                compiled=rows.device.type == "cpu",
            )

    def draw(self, size: int, generator: torch.Generator) -> Drawn:
        """Contexts to stand for all of them: `size` drawn, or all where there are no more."""
        if self.shape[1] <= size:
            return Drawn(torch.arange(self.shape[1], device=self._share.device), self._share)
        jitter = torch.rand(size, dtype=torch.float64, generator=generator, device=generator.device)
        return stratified(self._distribution, jitter)._replace(precision=shortest(str(self._share.device)))

    def draws(self, size: int, generator: torch.Generator) -> tuple[Drawn, Drawn]:
        """Contexts for a block's gradient, `size` of them, and for its curvature: these, or `DRAWS` others if fewer."""
        drawn = self.draw(size, generator)
        return drawn, self.draw(DRAWS, generator) if DRAWS < size < self.shape[1] else drawn

    def objective(self, own: Tensor, other: Tensor, draws: int, generator: torch.Generator) -> float:
        """ℓ, its dense part estimated from `draws` contexts for each block (exact where there are no more)."""
        loss = 0.0
        with products_on_one_thread():
            for block in self:
                v, drawn = own[block.rows], self.draw(draws, generator)
                rows = block.losses(v, other).double() + dense_losses(v, other[drawn.contexts], drawn.weights)
                loss += float((rows * self.weight[block.rows]).sum())
        return loss / self.total


def dense_losses(v: Tensor, other: Tensor, weights: Tensor) -> Tensor:
    """Σ_j weight_j softplus(v_i·u_j) of each row (rows,), float64; `weights` are (contexts,)."""
    losses = v.new_zeros(len(v), dtype=torch.float64)
    if v.device.type != "cpu":
        for some in pieces(0, len(other), TILE):
            losses += softplus(v @ other[some].T) @ weights[some]
        return losses
    left, right, weight, found = (each.numpy() for each in (v, other, weights, losses))

    def add(first: int, last: int) -> None:
        memory = np.empty(PART_ROWS * TILE, np.float32)
        for rows in pieces(first, last, PART_ROWS):
            for some in pieces(0, len(right), TILE):
                own, others = left[rows], right[some]
                scores = memory[: len(own) * len(others)].reshape(len(own), len(others))
                np.matmul(own, others.T, out=scores)
                kernels.add_softplus(scores, weight[some], found[rows])

    by_rows(add, *(len(side) for side in (v, other)))
    return losses


def pieces(begin: int, end: int, size: int) -> Iterator[slice]:
    """The places from `begin` to `end`, so many at a time."""
    return (slice(low, min(low + size, end)) for low in range(begin, end, size))


def probabilities(v: Tensor, other: Tensor, drawn: Drawn) -> Tensor:
    """σ(x) of the drawn contexts, (rows, drawn contexts)."""
    short = drawn.precision
    return (v.to(short) @ other[drawn.contexts].to(short).T).sigmoid_()


def gradient(block: RowBlock, v: Tensor, other: Tensor, features: Tensor, drawn: Drawn) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient of f_i for the rows of a block, dense part estimated from a draw, and what its curvature is made of.

    Parameters
    ----------
    block : RowBlock
    v : Tensor, (rows, dim)
        The rows' vectors.
    other, features : Tensor, (contexts, dim) and (contexts, free)
        The other side's vectors, and those of their columns that face the free columns of v (all, but for biases).
    drawn : Drawn

    Returns
    -------
    gradient : Tensor, (rows, free)
        N / α_i times the gradient of ℓ, in expectation over the draws.
    bend, dense : Tensor, (triples,) and (rows, drawn contexts)
        Second derivatives of the triples' losses, and σ(x) of the drawn contexts.
    """
    slope, bend = block.slopes(v, other, features)
    dense = probabilities(v, other, drawn)
    slope += dense @ (features[drawn.contexts] * drawn.weights[:, None]).to(dense.dtype)
    return slope, bend, dense


def improve(
    block: RowBlock, own: Tensor, other: Tensor, features: Tensor, free: Any, draws: tuple[Drawn, Drawn], dim: int | None = None
) -> None:
    """Move the rows of a block, in place, by one `newton_move`; `free` are the columns of `own` that move."""
    v = own[block.rows]
    v[:, free] += newton_move(block, v, other, features, draws, dim)
    own[block.rows] = v


def newton_move(
    block: RowBlock, v: Tensor, other: Tensor, features: Tensor, draws: tuple[Drawn, Drawn], dim: int | None = None
) -> Tensor:
    """One preconditioned gradient step of Newton length for each row of a block, (rows, free); zero for rows without weight.

    The rows of a block share a preconditioner, their mean curvature over the drawn contexts: one small system for all
    of them, which undoes the ill-conditioning that comes from `other`. Each row has its own step length: Newton's along
    its direction, with the row's full curvature, shortened to log(1 + m) / m of it where the largest of its scores
    would move by m. For logistic regression that length never lets f_i rise (Sun & Tran-Dinh 2019, section 4). A penalty,
    of the first `dim` columns (all, if None), adds its gradient and its curvature along the step. Of the `draws` the first stand
    for all contexts in the gradient, the second in the curvature.
    """
    drawn, bent = draws
    slope, bend, dense = gradient(block, v, other, features, drawn)
    if bent is not drawn:
        dense = probabilities(v, other, bent)
    if block.ridge is not None:
        slope[:, :dim] += block.ridge * v[:, :dim]
    at_drawn = features[bent.contexts]
    dense *= ALMOST_ONE - dense
    mean = dense.new_full((1, len(dense)), 1 / len(dense)) @ dense
    curvature = at_drawn.T @ (at_drawn * (bent.weights * mean[0].float().clamp_(min=FLAT))[:, None])
    diagonal = curvature.diagonal()
    diagonal += CURVATURE_RIDGE * diagonal.mean() + TINY
    step = -slope @ torch.cholesky_inverse(torch.linalg.cholesky(curvature))

    (reach, second), move = block.bends(bend, step, features), step.to(dense.dtype) @ at_drawn.to(dense.dtype).T
    reach = torch.maximum(reach, move.abs().amax(1))
    second += (dense.mul_(move.square_()) @ bent.weights[:, None].to(dense.dtype))[:, 0]
    if block.ridge is not None:
        second += block.ridge[:, 0] * step[:, :dim].square().sum(1)
    newton = -(slope * step).sum(1) / (second + TINY)
    length = torch.log1p((newton * reach).clamp_(max=1 / TINY)) / (reach + TINY)
    return torch.where(block.occurs, length[:, None] * step, 0.0)


def default_epochs(triples: int) -> int:
    """Passes over that many triples where none are asked for."""
    return EPOCHS_OF_FEW if triples <= FEW_TRIPLES else EPOCHS_OF_MANY


def draws_in(epoch: int, epochs: int) -> int:
    """Contexts that each block draws in an epoch, from 0, of so many."""
    return DRAWS << max(0, epoch + DOUBLINGS + 1 - epochs)


def recorded_epochs(epochs: int) -> int:
    """Epochs from one record of ℓ to the next, of so many."""
    return max(RECORDED_EVERY, math.ceil(epochs / RECORDS))


class BlockTraining:
    """Blocks of rows with shared negatives; iterating takes the steps of all epochs."""

    def __init__(
        self,
        counts: CooccurrenceCounts,
        negatives: Negatives,
        start: tuple[Tensor, Tensor],
        bias: bool,
        ridge: Ridge | None,
        generator: torch.Generator,
        epochs: int,
    ) -> None:
        self.V, self.U = start
        self._generator = generator
        device = str(generator.device)
        self._dim = self.V.shape[1] - 2 * bias
        with ThreadPoolExecutor() as both:
            laid_out = partial(Side, counts, negatives, ridge=ridge, device=device)
            self._sides = list(both.map(lambda transposed: laid_out(transposed=transposed), (False, True)))
        self._free: list[Any] = [*free_columns(self.V.shape[1], bias)] if bias else [slice(None)] * 2
        self.epochs, self.epoch_steps = epochs, sum(side.blocks for side in self._sides)
        self.steps = epochs * self.epoch_steps
        self.every = recorded_epochs(epochs) * self.epoch_steps
        self.step = 0

    def objective(self, exact: bool) -> float:
        """ℓ, with its dense part estimated, from the same contexts each time; or, when training is over, exact."""
        generator = torch.Generator(self._generator.device).manual_seed(torch_seed(0, "recorded objective"))
        return self._sides[0].objective(self.V, self.U, len(self.U) if exact else RECORDED_DRAWS, generator)

    def state(self) -> tuple[Tensor, ...]:
        """All that training learns."""
        return self.V, self.U

    def diverged(self) -> InputError:
        """The error for an ℓ that rose without bound, or is not a number."""
        return InputError("negatives", "block", f"training diverged by step {self.step}; use solver=expected")

    def saved(self) -> dict[str, Tensor]:
        """The state of the draws."""
        return {"generator": self._generator.get_state()}

    def restore(self, saved: dict[str, Tensor]) -> None:
        """Go on from there."""
        self._generator.set_state(saved["generator"])

    def __iter__(self) -> Iterator[None]:
        done = self.step % self.epoch_steps  # blocks of this epoch
        for epoch in range(self.step // self.epoch_steps, self.epochs):
            size = draws_in(epoch, self.epochs)
            for side, free, own, other in zip(self._sides, self._free, (self.V, self.U), (self.U, self.V), strict=True):
                features = other[:, free].contiguous()
                for block in side:
                    if done:
                        done -= 1
                        continue
                    improve(block, own, other, features, free, side.draws(size, self._generator), self._dim)
                    self.step += 1
                    yield
