"""The exact SGNS objective ℓ, its gradient and its curvature, one block of rows at a time.

    ℓ(X) = (1/N) Σ_ij [ n_ij softplus(−x_ij) + w_ij softplus(x_ij) ],      X = V Uᵀ,
    w_ij = K r_i P_n(j), or K (r_i − n_ij) P_n(j) when a negative equal to the positive is dropped.

It is the expectation of the sampled loss (Levy & Goldberg 2014, eq. 3, summed over the corpus and divided by N). The
second term is dense, but its weight is an outer product, so that no words x contexts array beyond one block is stored:
with G_ij = ∂(Nℓ)/∂x_ij = K r_i P_n(j) D_ij the gradient is N ∂V = diag(K r) D (diag(P_n) U), and only the cells with
n_ij > 0 make D differ from σ(X).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts, as_counts
from sgns_pmi.errors import InputError, check_integer
from sgns_pmi.factorise.losses import kernel
from sgns_pmi.factorise.losses.cells import LARGEST, CellBlock, SeparableObjective, flat, in_rows, softplus
from sgns_pmi.lazily import sp
from sgns_pmi.negatives import Negatives


class SGNSObjective(SeparableObjective):
    """ℓ of counts that `see` is given: α = K r, β = P_n, and total = N.

    Parameters
    ----------
    row_sums : ndarray, (words,)
        r.
    negatives : Negatives
    total : float
        N.
    dtype, device
        Where and how precisely to compute; ℓ is summed in float64 always.
    """

    def __init__(
        self,
        row_sums: NDArray[np.float64],
        negatives: Negatives,
        total: float,
        *,
        dtype: torch.dtype = torch.float64,
        device: str | torch.device = "cpu",
    ) -> None:
        self.negatives, self._alpha = negatives, negatives.k * row_sums
        super().__init__((len(row_sums), len(negatives.noise)), self._alpha, negatives.noise, total, dtype, device)

    def see(self, n: sp.csr_array) -> None:
        super().see(n)
        # Weights of the seen cells: `positive` multiplies −x, `net` is what they add to the weight of softplus(x).
        outer = np.repeat(self._alpha, np.diff(n.indptr))
        outer *= self.negatives.noise[n.indices]
        self._cells = {"positive": self._tensor(n.data), "positive_share": self._tensor(n.data / outer)}
        if self.negatives.drops:
            net = n.data * self.negatives.net[n.indices]
            self._cells |= {"net": self._tensor(net), "net_share": self._tensor(net / outer)}

    def _loop(self) -> tuple[Callable[..., None], tuple[Tensor, ...]]:
        positive = self._cells["positive"]
        return kernel.evaluate, (positive, self._cells.get("net", positive), *self._shares(slice(None)))

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

    def _slopes(self, values: Tensor, at: Tensor, cells: slice) -> None:
        torch.sub(1.0, values, out=values)
        positive_share, net_share = self._shares(cells)
        sigma = flat(values)[..., at]
        flat(values)[..., at] = sigma + net_share * sigma - positive_share

    def curvature(self, block: CellBlock) -> Tensor:
        D = block.values
        S = self.workspace("curvature", *D.shape)
        if self._compiled:
            arrays = [array.numpy() for array in (self._columns, *self._shares(slice(None)))]
            in_rows(kernel.curvature, D, S, block.rows.start, self._indptr, *arrays)
            return S
        torch.addcmul(D, D, D, value=-1.0, out=S)
        at, (n, w) = block.at, self._shares(block.cells)
        weighted = flat(D)[..., at] + n
        flat(S)[..., at] = weighted * (1.0 - weighted / (1.0 + w))
        return S


class ExactObjective(SGNSObjective):
    """ℓ of fixed counts and negatives.

    Parameters
    ----------
    counts : CooccurrenceCounts
    negatives : Negatives
    dtype, device
        As of `SGNSObjective`.
    """

    def __init__(
        self,
        counts: CooccurrenceCounts,
        negatives: Negatives,
        *,
        dtype: torch.dtype = torch.float64,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(counts.row_sums, negatives, counts.total, dtype=dtype, device=device)
        self.see(counts.matrix)


@overload
def sgns_objective(
    V: ArrayLike,
    U: ArrayLike,
    counts: Any,
    k: int,
    noise: str | ArrayLike,
    gradient: Literal[False] = False,
    drop_positive: bool = False,
) -> float: ...
@overload
def sgns_objective(
    V: ArrayLike, U: ArrayLike, counts: Any, k: int, noise: str | ArrayLike, gradient: Literal[True], drop_positive: bool = False
) -> tuple[float, NDArray[Any], NDArray[Any]]: ...
def sgns_objective(
    V: ArrayLike, U: ArrayLike, counts: Any, k: int, noise: str | ArrayLike, gradient: bool = False, drop_positive: bool = False
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
    noise : str or array-like, (contexts,)
        The noise distribution P_n, as `noise_distribution` returns it, or its name (there at exponent 1).
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
        For factors or a noise whose shapes do not fit the counts, or k below 1.

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
    exact = ExactObjective(counts, Negatives.at_scores(counts, k, noise, drop_positive), dtype=torch.from_numpy(V).dtype)
    if not gradient:
        return exact.value(torch.from_numpy(V), torch.from_numpy(U))
    loss, dV, dU = exact.value_and_gradient(torch.from_numpy(V), torch.from_numpy(U))
    return loss, dV.numpy(), dU.numpy()
