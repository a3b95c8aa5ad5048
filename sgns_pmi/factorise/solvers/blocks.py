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

Each row then moves once, independently of the others: no two threads write the same vector, and the same seed gives
the same result. An epoch is a pass over the rows of V and one over the rows of U, in the order of the triples.

Reference: A. B. Owen, "Monte Carlo theory, methods and examples", 2013, chapter 8.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise.losses.sgns import softplus

BLOCK_ROWS = 1024  # rows that share a draw; their scores with it stay in the third-level cache
DRAWS = 2048
RIDGE = 1e-3  # added to a block's curvature, relative to its mean diagonal: bounds steps along directions without data
FLAT = 1e-6  # least curvature of the mean row: keeps the system regular where all scores are extreme
TINY = 1e-30


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


class Block(NamedTuple):
    """Some rows of a side and their triples, as CSR."""

    rows: slice
    starts: Tensor  # (rows + 1,)
    contexts: Tensor
    positive: Tensor  # n_ij / α_i
    net: Tensor  # what the triple adds to the weight of softplus(x): the same, less the negatives that are dropped
    occurs: Tensor  # (rows, 1): whether the row has any weight

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
    k : int
        Number of negatives K.
    noise : array-like, (contexts,)
        P_n.
    transposed : bool
        Whether the rows are those of U.
    drop_positive : bool
        Whether a negative equal to the positive is dropped.
    device : str
    """

    def __init__(
        self, counts: CooccurrenceCounts, k: int, noise: ArrayLike, *, transposed: bool, drop_positive: bool, device: str
    ) -> None:
        p_n = np.asarray(noise, dtype=np.float64)
        n, total = counts.matrix, counts.total
        weight, other = (k * total * p_n, counts.row_sums / total) if transposed else (k * counts.row_sums, p_n)
        if transposed:
            n = n.astype(np.float32).T.tocsr()
        per_row = np.diff(n.indptr)
        positive = np.repeat(1 / np.where(weight > 0, weight, 1), per_row).astype(np.float32) * n.data.astype(np.float32)
        self.shape = n.shape
        self.total = total
        self._indptr = n.indptr.astype(np.int64)
        self._contexts = torch.tensor(n.indices, dtype=torch.int32, device=device)
        self._positive = torch.tensor(positive, device=device)
        self._net = self._positive
        if drop_positive:
            kept = (1 - k * p_n).astype(np.float32)
            self._net = torch.tensor(positive * (np.repeat(kept, per_row) if transposed else kept[n.indices]), device=device)
        self.weight = torch.tensor(weight, dtype=torch.float32, device=device)
        self._share = torch.tensor(other, dtype=torch.float32, device=device)
        self._distribution = torch.tensor(np.cumsum(other) / other.sum(), device=device)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.shape[0] // BLOCK_ROWS)

    def __iter__(self) -> Iterator[Block]:
        """The blocks, in order."""
        for low in range(0, self.shape[0], BLOCK_ROWS):
            high = min(low + BLOCK_ROWS, self.shape[0])
            cells = slice(int(self._indptr[low]), int(self._indptr[high]))
            starts = torch.tensor(self._indptr[low : high + 1] - cells.start, dtype=torch.int32, device=self.weight.device)
            yield Block(
                slice(low, high),
                starts,
                self._contexts[cells],
                self._positive[cells],
                self._net[cells],
                self.weight[low:high, None] > 0,
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


def gradient(block: Block, v: Tensor, other: Tensor, features: Tensor, drawn: Drawn) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient of f_i for the rows of a block, dense part estimated from a draw, and σ at the scores.

    Parameters
    ----------
    block : Block
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


def improve(block: Block, own: Tensor, other: Tensor, features: Tensor, free: Any, drawn: Drawn) -> None:
    """Move the rows of a block, in place, by one `newton_move`; `free` are the columns of `own` that move."""
    own[block.rows, free] += newton_move(block, own[block.rows], other, features, drawn)


def newton_move(block: Block, v: Tensor, other: Tensor, features: Tensor, drawn: Drawn) -> Tensor:
    """One preconditioned gradient step of Newton length for each row of a block, (rows, free); zero for rows without weight.

    The rows of a block share a preconditioner, their mean curvature over the drawn contexts: one small system for all
    of them, which undoes the ill-conditioning that comes from `other`. Each row has its own step length: Newton's along
    its direction, with the row's full curvature, shortened to log(1 + m) / m of it where the largest of its scores
    would move by m. For logistic regression that length never lets f_i rise (Sun & Tran-Dinh 2019, section 4).
    """
    slope, seen, dense = gradient(block, v, other, features, drawn)
    at_drawn = features[drawn.contexts]
    seen = (block.net * (seen - seen * seen)).clamp_(min=0.0)
    dense -= dense * dense
    curvature = at_drawn.T @ (at_drawn * (drawn.weights * dense.mean(0).clamp_(min=FLAT))[:, None])
    diagonal = curvature.diagonal()
    diagonal += RIDGE * diagonal.mean() + TINY
    step = -torch.cholesky_solve(slope.T, torch.linalg.cholesky(curvature)).T.contiguous()

    move_seen, move_dense = block.scores(step, features), step @ at_drawn.T
    reach = torch.maximum(block.largest(move_seen.abs()), move_dense.abs().amax(1))
    second = block.sums(seen * move_seen.square_()) + dense.mul_(move_dense.square_()) @ drawn.weights
    newton = -(slope * step).sum(1) / (second + TINY)
    length = torch.log1p((newton * reach).clamp_(max=1 / TINY)) / (reach + TINY)
    return torch.where(block.occurs, length[:, None] * step, 0.0)


def balanced(
    V: NDArray[Any], U: NDArray[Any], row_weight: NDArray[Any], col_weight: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same V Uᵀ in canonical factors, each word of them weighed as often as the negatives meet it.

    ℓ sees the product alone; which of its factorisations training ends in is an accident of the start, and cosines
    between words depend on it. With W_r, W_c the diagonal matrices of the weights and P Σ Qᵀ the SVD of
    W_r^½ V Uᵀ W_c^½, the factors are W_r^-½ P Σ^½ and W_c^-½ Q Σ^½: VᵀW_r V = UᵀW_c U = Σ.

    Parameters
    ----------
    V, U : ndarray, (words, dim) and (contexts, dim)
    row_weight, col_weight : ndarray, (words,) and (contexts,)
        r and P_n. Where a weight is zero the vector is taken along, by the same dim x dim map.
    """
    weighed = [factor * np.sqrt(weight)[:, None] for factor, weight in ((V, row_weight), (U, col_weight))]
    r_v, r_u = (np.linalg.qr(factor.astype(np.float64)).R for factor in weighed)
    left, values, right = np.linalg.svd(r_v @ r_u.T)
    scale = 1 / np.sqrt(np.where(values > values[0] * 1e-12, values, np.inf))
    # V R_uᵀ Q Σ^-½ = W_r^-½ P Σ^½, without dividing by a weight.
    return (V @ (r_u.T @ (right.T * scale))).astype(V.dtype), (U @ (r_v.T @ (left * scale))).astype(U.dtype)
