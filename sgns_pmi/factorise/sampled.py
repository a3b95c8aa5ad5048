"""The `sampled` solver: SGNS as it is usually trained, on mini-batches of counted pairs with drawn negatives.

The data are the triples (i, j, n_ij), visited in shuffled mini-batches B; each has K negatives j_1 … j_K from P_n:

    loss of B = (1/w_B) Σ_B n_ij [ softplus(−x_ij) + Σ_k softplus(x_{i j_k}) ],      X = V Uᵀ (+ b + c).

What w_B is decides what is minimised. With w_B = N / (batches of an epoch), the mean batch weight, the batches of an
epoch average to ℓ, whatever their order ("epoch"). With w_B = Σ_B n_ij, the batch's own weight, they do not ("batch",
the R script): a batch without a frequent pair counts as much as one with it, so that rare pairs count too much.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, check_integer, check_real, check_seed
from sgns_pmi.factorise.objective import ExactObjective
from sgns_pmi.factorise.solution import History, Solution
from sgns_pmi.factorise.threads import threads_for
from sgns_pmi.progress import Progress

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam, "adagrad": torch.optim.Adagrad, "sgd": torch.optim.SGD,
}  # fmt: skip
LEARNING_RATES = {"adam": 0.05, "adagrad": 1.0, "sgd": 0.1}
DECAYS = ("linear", "none")
NORMALIZATIONS = ("epoch", "batch")
START_SCALES = {"small": 0.1, "normal": 1.0}

RECORDS = 50  # points of the history, fewer where evaluating ℓ there would visit more cells than the next line says
RECORDED_CELLS = 10**9
DIVERGED = 10.0  # training has failed where ℓ is this many times what it started from
DENSE_SCORES = 20  # contexts per scored context up to which a product with all contexts beats gathering the scored ones


@dataclass(frozen=True)
class Sampled:
    """Mini-batch training with drawn negatives: the engine behind ``SGNS(solver="sampled")``.

    Parameters
    ----------
    optimizer : {"adam", "adagrad", "sgd"}, default "adam"
        The optimiser of `torch.optim` with its own defaults but for the learning rate.
    lr : float, optional
        Learning rate; by default 0.05 for Adam, 1 for Adagrad, 0.1 for SGD.
    decay : {"linear", "none"}, default "linear"
        Whether the learning rate falls linearly towards 0 over training, so that the noise of the draws averages out.
    epochs : int, default 200
        Passes over the triples.
    batch_size : int, default 256
        Triples in a batch. A step updates all of V and U, so take it large where the vocabulary is.
    normalization : {"epoch", "batch"}, default "epoch"
        What a batch's loss is divided by: the mean batch weight of the epoch, which makes its expectation ℓ, or its
        own weight, the R script's choice, which does not (see `expected_weights`).
    init : {"small", "normal"}, default "small"
        V and U start from N(0, 0.1²) or, as in the R script, from N(0, 1).

    Notes
    -----
    The defaults were measured at 200 epochs. On the R experiment's counts (100 words, 8,590 triples, K = 20, dim 4;
    1.72 million triple visits) ℓ ends 0.24 to 0.34 % above its optimum for seven seeds, in 3 s on one core. With batches
    of 512, a rate of 0.03, an N(0, 1/dim) start or Adagrad at rates of 0.5 to 0.7 some seeds end above 0.5 %; SGD ends
    3 % and more above at the largest rates that do not diverge.
    On softmax problems of that size the same defaults end 1.0 % (K = 5, dim 4), 2.2 % (K = 5, dim 50) and 0.3 %
    (K = 20, noise exponent 0.75, dim 4) above; a rate of 0.1 doubles the second. With ``normalization="batch"`` and
    batches of 64 the R experiment ends 8.3 to 8.7 % above; the optimum for its `expected_weights` lies at 8.5 %.
    """

    optimizer: str = "adam"
    lr: float | None = None
    decay: str = "linear"
    epochs: int = 200
    batch_size: int = 256
    normalization: str = "epoch"
    init: str = "small"

    def check(self) -> None:
        """Raise `InputError` for a value out of range."""
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        if self.lr is not None:
            check_real("lr", self.lr, above=True)
        check_choice("decay", self.decay, DECAYS)
        check_integer("epochs", self.epochs)
        check_integer("batch_size", self.batch_size)
        check_choice("normalization", self.normalization, NORMALIZATIONS)
        check_choice("init", self.init, START_SCALES)

    def solve(
        self,
        counts: CooccurrenceCounts,
        dim: int,
        k: int,
        noise: ArrayLike,
        *,
        seed: int = 0,
        device: str = "cpu",
        bias: bool = False,
        drop_positive: bool = False,
        verbose: bool = False,
    ) -> Solution:
        """Train V (words, dim) and U (contexts, dim), float32, and biases b and c when asked.

        The history holds the exact ℓ at up to 50 points; its `seconds` leave the time of evaluating ℓ out. Ctrl-C ends
        training and keeps what was learned.

        Raises
        ------
        InputError
            When training diverges: names the learning rate.
        """
        epochs, batch_size = check_integer("epochs", self.epochs), check_integer("batch_size", self.batch_size)
        rate = LEARNING_RATES[self.optimizer] if self.lr is None else self.lr
        generator = torch.Generator(device).manual_seed(seed)
        triples = Triples.on(device, counts)
        negatives = NoiseSampler(noise, generator)
        exact = ExactObjective(counts, k, noise, drop_positive=drop_positive, dtype=torch.float32, device=device)
        V, U = _start(counts, noise, dim, bias, START_SCALES[self.init], generator)
        optimizer = OPTIMIZERS[self.optimizer]([V, U], lr=rate)  # type: ignore[call-arg]

        batches = math.ceil(counts.nnz / batch_size)
        steps = epochs * batches
        mean_weight = counts.total / batches
        records = max(1, min(RECORDS, RECORDED_CELLS // (counts.shape[0] * counts.shape[1])))
        every = math.ceil(steps / records)
        step = 0
        history = History()

        def record() -> None:
            begin = time.perf_counter()
            objective = exact.value(V, U)
            start = history.rows[0][3] if history.rows else math.inf
            if not objective < DIVERGED * start:  # also true of NaN
                raise InputError("lr", rate, f"training diverged by step {step} of {steps}; choose a smaller learning rate")
            evaluated = time.perf_counter() - begin
            history.skip(evaluated)
            history.add(step, step / batches, objective)

        interrupted = False
        with threads_for(counts.shape), Progress("SGNS (sampled)", steps, verbose) as progress:
            try:
                record()
                for _ in range(epochs):
                    order = torch.randperm(counts.nnz, generator=generator, device=device)
                    for batch in torch.split(order, batch_size):
                        if self.decay == "linear":
                            optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
                        center, context, weight = triples.center[batch], triples.context[batch, None], triples.count[batch, None]
                        drawn = negatives.draw(len(batch), k)
                        weight = weight / (mean_weight if self.normalization == "epoch" else weight.sum())
                        kept = weight * (drawn != context) if drop_positive else weight
                        V.grad, U.grad = batch_gradient(V, U, center, context, drawn, weight, kept)
                        if bias:  # the columns of ones stay
                            V.grad[:, -1] = U.grad[:, -2] = 0.0
                        optimizer.step()
                        step += 1
                        if step % every == 0 and step < steps:
                            record()
                        progress.update(objective=history.objective)
            except KeyboardInterrupt:
                interrupted = True
            record()

        return Solution(
            V=V[:, :dim].cpu().numpy().copy(), U=U[:, :dim].cpu().numpy().copy(),
            row_bias=V[:, dim].cpu().numpy().copy() if bias else None,
            col_bias=U[:, dim + 1].cpu().numpy().copy() if bias else None,
            history=history.frame(), objective=history.objective, interrupted=interrupted,
        )  # fmt: skip


def batch_gradient(
    V: Tensor, U: Tensor, center: Tensor, context: Tensor, negatives: Tensor, weight: Tensor, negative_weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradient of a batch's loss Σ_b w_b [ softplus(−v_i·u_j) + Σ_m a_bm softplus(v_i·u_{j_m}) ].

    Parameters
    ----------
    V, U : Tensor, (words, dim) and (contexts, dim)
    center, context : Tensor, (batch,) and (batch, 1)
        i and j of the pairs.
    negatives : Tensor, (batch, m)
        The contexts j_m drawn for each.
    weight, negative_weight : Tensor, (batch, 1) and (batch, 1) or (batch, m)
        w_b, and w_b a_bm: with w_b itself each draw counts once; 0 drops it.

    Returns
    -------
    tuple of Tensor
        ∂V (words, dim) and ∂U (contexts, dim). With residuals ρ = w (σ(x) − y), y = 1 for the pair and 0 for its negatives:
        ∂v_i = Σ ρ u_j and ∂u_j = Σ ρ v_i.
    """
    scored = torch.cat([context, negatives], dim=1)
    v = V[center]
    if U.shape[0] <= DENSE_SCORES * scored.shape[1]:
        scores = v @ U.T
        residual = _residual(scores.gather(1, scored), weight, negative_weight)
        of_context = scores.zero_().scatter_add_(1, scored, residual)
        dv, dU = of_context @ U, of_context.T @ v
    else:
        u = U[scored.view(-1)].view(*scored.shape, U.shape[1])
        residual = _residual(torch.bmm(u, v[:, :, None])[:, :, 0], weight, negative_weight)
        dv = torch.bmm(residual[:, None, :], u)[:, 0, :]
        du = torch.mul(residual[:, :, None], v[:, None, :], out=u)
        dU = torch.zeros_like(U).index_add_(0, scored.view(-1), du.view(-1, U.shape[1]))
    return torch.zeros_like(V).index_add_(0, center, dv), dU


def _residual(scores: Tensor, weight: Tensor, negative_weight: Tensor) -> Tensor:
    residual = scores.sigmoid_()
    residual[:, :1].sub_(1.0).mul_(weight)
    residual[:, 1:].mul_(negative_weight)
    return residual


def expected_weights(
    counts: CooccurrenceCounts, batch_size: int, normalization: str, permutations: int = 1000, seed: int = 0
) -> NDArray[np.float64]:
    """The weight that each triple has in the expected loss of a batch; n_ij / N makes that loss ℓ.

    The expected gradient of a batch is the gradient of ℓ for counts equal to these weights (and the same P_n), so that
    the optimum for them is where training with this normalisation is bound.

    Parameters
    ----------
    counts : CooccurrenceCounts
    batch_size : int
    normalization : {"epoch", "batch"}
        See `Sampled`.
    permutations : int, default 1000
        Number of shuffled epochs that the expectation under "batch" is averaged over; "epoch" is exact.
    seed : int, default 0
        Of the shuffles.

    Returns
    -------
    ndarray, (nnz,)
        In CSR order, summing to 1.
    """
    batch_size, permutations = check_integer("batch_size", batch_size), check_integer("permutations", permutations)
    n = counts.matrix.data
    if check_choice("normalization", normalization, NORMALIZATIONS) == "epoch":
        return n / counts.total
    rng = np.random.default_rng(check_seed(seed))
    starts = np.arange(0, counts.nnz, batch_size)
    sizes = np.diff(np.append(starts, counts.nnz))
    weights = np.zeros(counts.nnz)
    for _ in range(permutations):
        order = rng.permutation(counts.nnz)
        weights[order] += n[order] / np.repeat(np.add.reduceat(n[order], starts), sizes)
    return weights / (permutations * len(starts))


@dataclass(frozen=True)
class Triples:
    """The triples (i, j, n_ij), resident on a device."""

    center: Tensor
    context: Tensor
    count: Tensor

    @classmethod
    def on(cls, device: str, counts: CooccurrenceCounts) -> Triples:
        """The triples of `counts`: indices int64, counts float32."""
        coo = counts.matrix.tocoo()
        center, context = (torch.tensor(index, dtype=torch.int64, device=device) for index in coo.coords)
        return cls(center, context, torch.tensor(coo.data, dtype=torch.float32, device=device))


class NoiseSampler:
    """Draws contexts from P_n in constant time each: Walker's alias method (Vose 1991).

    Parameters
    ----------
    noise : array-like, (contexts,)
        P_n.
    generator : torch.Generator
        Source of the draws; they are made on its device.
    """

    def __init__(self, noise: ArrayLike, generator: torch.Generator) -> None:
        share, alias = alias_table(np.asarray(noise, dtype=np.float64))
        self._generator = generator
        self._contexts = len(share)
        self._share = torch.tensor(share, dtype=torch.float32, device=generator.device)
        # Entry 2s is the alias of slot s, entry 2s + 1 the slot itself.
        self._context = torch.tensor(np.stack([alias, np.arange(len(alias))], axis=1).ravel(), device=generator.device)

    def draw(self, rows: int, columns: int) -> Tensor:
        """Independent draws, int64 (rows, columns)."""
        generator, device = self._generator, self._generator.device
        slot = torch.randint(self._contexts, (rows, columns), generator=generator, device=device)
        keep = torch.rand((rows, columns), generator=generator, device=device) < self._share[slot]
        return self._context[2 * slot + keep]


def alias_table(probabilities: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Walker's alias table: slot s, chosen uniformly, means s with probability share[s], else alias[s] (Vose 1991)."""
    share = probabilities / probabilities.sum() * len(probabilities)
    alias = np.arange(len(share))
    small, large = list(np.flatnonzero(share < 1)), list(np.flatnonzero(share >= 1))
    while small and large:
        low, high = small.pop(), large[-1]
        alias[low] = high
        share[high] -= 1 - share[low]
        if share[high] < 1:
            small.append(large.pop())
    # What is left is 1 but for rounding.
    share[small + large] = 1.0
    return share, alias


def _start(
    counts: CooccurrenceCounts, noise: ArrayLike, dim: int, bias: bool, scale: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Normal V and U; with `bias` [V, b, 1] and [U, 1, c], so that their product is V·Uᵀ + b + c."""
    factors = []
    for side, occurs in enumerate((counts.row_sums > 0, np.asarray(noise) > 0)):
        factor = torch.randn((len(occurs), dim), generator=generator, device=generator.device) * scale
        # A word that never occurs has no loss, and an arbitrary vector: zero.
        factor[torch.tensor(~occurs, device=generator.device)] = 0.0
        if bias:
            own, other = torch.zeros_like(factor[:, :1]), torch.ones_like(factor[:, :1])
            factor = torch.cat([factor, own, other] if side == 0 else [factor, other, own], dim=1)
        factors.append(factor)
    return factors[0], factors[1]
