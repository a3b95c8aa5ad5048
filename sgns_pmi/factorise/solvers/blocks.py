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
gradient falls).

Each row then moves once, independently of the others: no two threads write the same vector, and the same seed gives
the same result. An epoch is a pass over the rows of V and one over the rows of U, in the order of the triples.

References: A. B. Owen, "Monte Carlo theory, methods and examples", 2013, chapter 8; R. H. Byrd, G. M. Chin, J. Nocedal and
Y. Wu, "Sample size selection in optimization methods for machine learning", Mathematical Programming 134, 2012.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.losses.cells import softplus
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.factorise.solvers.biases import free_columns
from sgns_pmi.factorise.solvers.training import RECORDS
from sgns_pmi.negatives import Negatives
from sgns_pmi.streams import torch_seed

EPOCHS_OF_FEW, EPOCHS_OF_MANY = 50, 10  # by default, which take some seconds at most for few triples
FEW_TRIPLES = 1_000_000
RECORDED_DRAWS = 8192  # contexts that stand for all in the recorded ℓ
BLOCK_ROWS = 1024  # rows that share a draw; their scores with it stay in the third-level cache
PARTS = 16  # a multiple of most numbers of threads
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
    """The rows in blocks, those of a block in `PARTS` parts that each have every `PARTS`-th row of it.

    Rows come by frequency, and threads share the rows of a block out in equal parts: so each has as many triples.
    """
    every = np.arange(rows)
    blocks = (every[low : low + BLOCK_ROWS] for low in range(0, rows, BLOCK_ROWS))
    return np.concatenate([block[part::PARTS] for block in blocks for part in range(PARTS)])


class RowBlock(NamedTuple):
    """Some rows of a side and their triples, as CSR."""

    rows: Tensor  # their numbers
    starts: Tensor  # (rows + 1,)
    contexts: Tensor
    positive: Tensor  # n_ij / α_i
    net: Tensor  # what the triple adds to the weight of softplus(x): the same, less the negatives that are dropped
    occurs: Tensor  # (rows, 1): whether the row has any weight
    ridge: Tensor | None = None  # (rows, 1): N λω_i / α_i, the row's penalty in units of f_i

    def scores(self, v: Tensor, other: Tensor) -> Tensor:
        """v_i·u_j of the block's triples."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR", UserWarning)  # PyTorch calls its API unsettled
            pattern = torch.sparse_csr_tensor(
                self.starts, self.contexts, self.positive, (len(v), len(other)), check_invariants=False
            )
        return torch.sparse.sampled_addmm(pattern, v, other.T, beta=0.0).values()

    def combined(self, weights: Tensor, other: Tensor) -> Tensor:
        """Σ_j weights_ij u_j of each row: the product of a CSR matrix with `other`, which this call does fastest."""
        return embedding_bag(self.contexts, other, self.starts, per_sample_weights=weights, mode="sum", include_last_offset=True)

    def sums(self, values: Tensor) -> Tensor:
        """Sum of the values of each row's triples."""
        return torch.segment_reduce(values, "sum", offsets=self.starts.long(), initial=0.0)

    def largest(self, values: Tensor) -> Tensor:
        """Largest of the values, none negative, of each row's triples."""
        return torch.segment_reduce(values, "max", offsets=self.starts.long(), initial=0.0)


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
        n = n.astype(np.float32)
        if transposed:
            n = n.T.tocsr()
        rows = interleaved(n.shape[0])
        n = n[rows]
        per_row = np.diff(n.indptr)
        positive = np.repeat(1 / np.where(weight > 0, weight, 1)[rows], per_row).astype(np.float32) * n.data
        self.shape = n.shape
        self.total = total
        self._rows = torch.tensor(rows, device=device)
        self._indptr = n.indptr.astype(np.int64)
        self._contexts = torch.tensor(n.indices, dtype=torch.int32, device=device)
        self._positive = torch.tensor(positive, device=device)
        self._net = self._positive
        if negatives.drops:
            kept = negatives.net.astype(np.float32)
            self._net = torch.tensor(
                positive * (np.repeat(kept[rows], per_row) if transposed else kept[n.indices]), device=device
            )
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
        for low in range(0, self.shape[0], BLOCK_ROWS):
            high = min(low + BLOCK_ROWS, self.shape[0])
            cells = slice(int(self._indptr[low]), int(self._indptr[high]))
            starts = torch.tensor(self._indptr[low : high + 1] - cells.start, dtype=torch.int32, device=self.weight.device)
            rows = self._rows[low:high]
            yield RowBlock(
                rows,
                starts,
                self._contexts[cells],
                self._positive[cells],
                self._net[cells],
                self.weight[rows, None] > 0,
                self._ridge if self._ridge is None else self._ridge[rows],
            )

    def draw(self, size: int, generator: torch.Generator) -> Drawn:
        """Contexts to stand for all of them: `size` drawn, or all where there are no more."""
        if self.shape[1] <= size:
            return Drawn(torch.arange(self.shape[1], device=self._share.device), self._share)
        jitter = torch.rand(size, dtype=torch.float64, generator=generator, device=generator.device)
        return stratified(self._distribution, jitter)

    def objective(self, own: Tensor, other: Tensor, draws: int, generator: torch.Generator) -> float:
        """ℓ, its dense part estimated from `draws` contexts for each block (exact where there are no more)."""
        loss = 0.0
        for block in self:
            v = own[block.rows]
            contexts, weights = self.draw(draws, generator)
            x = block.scores(v, other)
            seen = block.positive * softplus(-x)
            if self._net is not self._positive:
                seen += (block.net - block.positive) * softplus(x)
            rows = block.sums(seen) + softplus(v @ other[contexts].T) @ weights
            loss += float((rows * self.weight[block.rows]).double().sum())
        return loss / self.total


def gradient(block: RowBlock, v: Tensor, other: Tensor, features: Tensor, drawn: Drawn) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient of f_i for the rows of a block, dense part estimated from a draw, and σ at the scores.

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
    seen, dense : Tensor, (triples,) and (rows, drawn contexts)
        σ(x) of the triples and of the drawn contexts.
    """
    seen = block.scores(v, other).sigmoid_()
    dense = (v @ other[drawn.contexts].T).sigmoid_()
    slope = block.combined(block.net * seen - block.positive, features)
    return slope.addmm_(dense, features[drawn.contexts] * drawn.weights[:, None]), seen, dense


def improve(
    block: RowBlock, own: Tensor, other: Tensor, features: Tensor, free: Any, drawn: Drawn, dim: int | None = None
) -> None:
    """Move the rows of a block, in place, by one `newton_move`; `free` are the columns of `own` that move."""
    v = own[block.rows]
    v[:, free] += newton_move(block, v, other, features, drawn, dim)
    own[block.rows] = v


def newton_move(block: RowBlock, v: Tensor, other: Tensor, features: Tensor, drawn: Drawn, dim: int | None = None) -> Tensor:
    """One preconditioned gradient step of Newton length for each row of a block, (rows, free); zero for rows without weight.

    The rows of a block share a preconditioner, their mean curvature over the drawn contexts: one small system for all
    of them, which undoes the ill-conditioning that comes from `other`. Each row has its own step length: Newton's along
    its direction, with the row's full curvature, shortened to log(1 + m) / m of it where the largest of its scores
    would move by m. For logistic regression that length never lets f_i rise (Sun & Tran-Dinh 2019, section 4). A penalty,
    of the first `dim` columns (all, if None), adds its gradient and its curvature along the step.
    """
    slope, seen, dense = gradient(block, v, other, features, drawn)
    if block.ridge is not None:
        slope[:, :dim] += block.ridge * v[:, :dim]
    at_drawn = features[drawn.contexts]
    seen = (block.net * seen * (ALMOST_ONE - seen)).clamp_(min=0.0)
    dense *= ALMOST_ONE - dense
    curvature = at_drawn.T @ (at_drawn * (drawn.weights * dense.mean(0).clamp_(min=FLAT))[:, None])
    diagonal = curvature.diagonal()
    diagonal += CURVATURE_RIDGE * diagonal.mean() + TINY
    step = -torch.cholesky_solve(slope.T, torch.linalg.cholesky(curvature)).T.contiguous()

    move_seen, move_dense = block.scores(step, features), step @ at_drawn.T
    reach = torch.maximum(block.largest(move_seen.abs()), move_dense.abs().amax(1))
    second = block.sums(seen * move_seen.square_()) + dense.mul_(move_dense.square_()) @ drawn.weights
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
        self._sides = [Side(counts, negatives, transposed=transposed, ridge=ridge, device=device) for transposed in (False, True)]
        self._exact = partial(ExactObjective, counts, negatives, dtype=torch.float32, device=device)
        self._free: list[Any] = [*free_columns(self.V.shape[1], bias)] if bias else [slice(None)] * 2
        self.epochs, self.epoch_steps = epochs, sum(side.blocks for side in self._sides)
        self.steps = epochs * self.epoch_steps
        self.every = math.ceil(epochs / RECORDS) * self.epoch_steps
        self.step = 0

    def objective(self, exact: bool) -> float:
        """ℓ, with its dense part estimated, from the same contexts each time; or, when training is over, exact."""
        if exact:
            self._sides.clear()  # two copies of the triples, and the exact objective makes one more
            return self._exact().value(self.V, self.U)
        generator = torch.Generator(self._generator.device).manual_seed(torch_seed(0, "recorded objective"))
        return self._sides[0].objective(self.V, self.U, RECORDED_DRAWS, generator)

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
            draws = draws_in(epoch, self.epochs)
            for side, free, own, other in zip(self._sides, self._free, (self.V, self.U), (self.U, self.V), strict=True):
                features = other[:, free].contiguous()
                for block in side:
                    if done:
                        done -= 1
                        continue
                    improve(block, own, other, features, free, side.draw(draws, self._generator), self._dim)
                    self.step += 1
                    yield
