"""The `sampled` solver: SGNS trained on counted pairs with drawn negatives.

The data are the triples (i, j, n_ij). Negatives are drawn in one of two ways.

"pair": as SGNS is usually trained. The triples are visited in shuffled mini-batches B; each has K negatives
j_1 … j_K from P_n:

    loss of B = (1/w_B) Σ_B n_ij [ softplus(−x_ij) + Σ_k softplus(x_{i j_k}) ],      X = V Uᵀ (+ b + c).

What w_B is decides what is minimised. With w_B = N / (batches of an epoch), the mean batch weight, the batches of an
epoch average to ℓ, whatever their order ("epoch"). With w_B = Σ_B n_ij, the batch's own weight, they do not ("batch",
the R script): a batch without a frequent pair counts as much as one with it, so that rare pairs count too much.

"block": a block of rows shares its draws, so that the negatives are matrix products; see `blocks`. It is the
one for counts of any size: a mini-batch step moves all of V and U, for a few hundred triples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, check_integer, check_real
from sgns_pmi.factorise import losses, solvers
from sgns_pmi.factorise.devices import threads_for
from sgns_pmi.factorise.draws import NoiseSampler, check_draws
from sgns_pmi.factorise.linalg import balanced
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.solvers.solution import History, Solution
from sgns_pmi.lazily import torch
from sgns_pmi.negatives import Negatives
from sgns_pmi.progress import Progress
from sgns_pmi.streams import stream, torch_seed

if TYPE_CHECKING:
    from torch import Tensor

LEARNING_RATES = {"adam": 0.05, "adagrad": 1.0, "sgd": 0.1}
DECAYS = ("linear", "none")
NORMALIZATIONS = ("epoch", "batch")
NEGATIVES = ("pair", "block")
MOST_PAIRED = 10_000  # triples up to which pairs, at their default 200 epochs, take a few seconds
PAIR_EPOCHS = 200
PAIR_OPTIONS = ("optimizer", "lr", "decay", "batch_size", "normalization")
START_SCALES = {"small": 0.1, "normal": 1.0}
DRAWN_AT_ONCE = 2**18  # negatives, but those of at least one step


@dataclass(frozen=True)
class Sampled:
    """Training with drawn negatives: the engine behind ``SGNS(solver="sampled")``.

    Parameters
    ----------
    negatives : {"pair", "block"}, optional
        Whether each pair of a mini-batch has its own negatives, or a block of rows shares them. By default "pair" where
        there are at most 10,000 triples or one of its own options is set (`optimizer`, `lr`, `decay`, `batch_size`,
        `normalization`), else "block".
    optimizer : {"adam", "adagrad", "sgd"}, default "adam"
        The optimiser of `torch.optim`, by name, with its own defaults but for the learning rate.
    lr : float, optional
        Learning rate; by default 0.05 for Adam, 1 for Adagrad, 0.1 for SGD.
    decay : {"linear", "none"}, default "linear"
        Whether the learning rate falls linearly towards 0 over training, so that the noise of the draws averages out.
    epochs : int, optional
        Passes over the triples; by default 200 with pairs; with blocks 50 for up to a million triples, else 10. An epoch
        costs by the number of distinct triples, whatever their counts.
    batch_size : int, default 256
        Triples in a batch. A step updates all of V and U.
    normalization : {"epoch", "batch"}, default "epoch"
        What a batch's loss is divided by: the mean batch weight of the epoch, which makes its expectation ℓ, or its
        own weight, the R script's choice, which does not (see `expected_weights`).
    init : {"small", "normal"}, default "small"
        V and U start from N(0, 0.1²) or, as in the R script, from N(0, 1).

    Notes
    -----
    The defaults of "pair" were measured at 200 epochs. On the R experiment's counts (100 words, 8,590 triples, K = 20, dim 4;
    1.72 million triple visits) ℓ ends 0.24 to 0.34 % above its optimum for seven seeds, in 3 s on one core. With batches
    of 512, a rate of 0.03, an N(0, 1/dim) start or Adagrad at rates of 0.5 to 0.7 some seeds end above 0.5 %; SGD ends
    3 % and more above at the largest rates that do not diverge.
    On softmax problems of that size the same defaults end 1.0 % (K = 5, dim 4), 2.2 % (K = 5, dim 50) and 0.3 %
    (K = 20, noise exponent 0.75, dim 4) above; a rate of 0.1 doubles the second. With ``normalization="batch"`` and
    batches of 64 the R experiment ends 8.3 to 8.7 % above; the optimum for its `expected_weights` lies at 8.5 %.

    "block" was measured on 12.6 million words of text (60,230 words, 30 million triples, window 5, K = 5, noise exponent
    0.75, dim 100): an epoch takes 3.7 s on two cores, and the fourth ends below the ℓ of five epochs of gensim (2.175 against
    2.206). ℓ is 2.100 after 10 epochs and 2.094 after 12; similarity and analogies still gain a little up to there.
    More conjugate-gradient steps for each row bring less than the passes that they cost: four make a round three times as long
    for 0.03 of ℓ. A block draws 1,024 contexts, and 2,048, 4,096 and 8,192 in the last three epochs: for the time of 2,048 in
    all, 0.386 of the analogies in place of 0.365, and level or better in four sets of word similarity (one seed; mean of three
    subsamples, penalty 2e-7).
    Sums over the triples have gone column by column since, in compiled loops, and products with drawn contexts in bfloat16
    where the processor has it: an epoch of 37 million triples takes about a third of the time. Eight epochs of 2,048, 4,096 and
    8,192 draws take as long as these ten, end at a lower ℓ (2.201, not 2.209) and answer no better: 0.271 ± 0.005 of SimLex-999
    by V + U. Since, curvature has 1,024 draws in the last epochs too, where only the gradient gains by more, and four triples of
    a column are summed at once: the same answers (three seeds) in some tenth less time, a quarter on a busy machine.

    From 10,000 to 100,000 triples blocks are ahead of pairs at a tenth to a sixtieth of the time. ℓ above its optimum,
    and RMSE of seen cells against the true PMI (of Hamlet's words, at dim 50, against the empirical one), for 200 epochs of
    pairs and for 10 and 50 of blocks, one core:

    ======================================  ==================  ==================  ==================
    problem (triples)                       pairs               10 of blocks        50 of blocks
    ======================================  ==================  ==================  ==================
    softmax, 100 words, K 20, dim 4 (8.7k)  0.28 %, 0.25, 5 s   0.92 %, 0.46, 0 s   0.05 %, 0.17, 0.1 s
    softmax, 200 words, K 5, dim 4 (22k)    2.3 %, 0.48, 19 s   1.3 %, 0.55, 0.1 s  0.07 %, 0.19, 0.3 s
    softmax, 200 words, K 5, dim 50 (22k)   4.2 %, 0.74, 19 s   0.8 %, 0.70, 0.1 s  0.2 %, 0.70, 0.2 s
    softmax, 300 words, K 5, dim 4 (58k)    3.9 %, 0.40, 23 s   1.5 %, 0.37, 0.1 s  0.1 %, 0.16, 1.4 s
    Hamlet, window 2, K 2 (40k)             7.9 %, 0.89, 57 s   7.4 %, 0.86, 0.5 s  3.9 %, 0.71, 2.3 s
    Hamlet, window 5, K 5 (74k)             2.3 %, 1.06, 60 s   2.0 %, 1.03, 0.2 s  1.0 %, 1.03, 1.1 s
    ======================================  ==================  ==================  ==================

    Of the ten nearest of 40 of Hamlet's words (window 5) pairs share 3.0 with the exact optimum, blocks 3.1 and 4.2.
    """

    name: ClassVar = "sampled"
    unfinished: ClassVar[str] = ""
    negatives: str | None = None
    optimizer: str = "adam"
    lr: float | None = None
    decay: str = "linear"
    epochs: int | None = None
    batch_size: int = 256
    normalization: str = "epoch"
    init: str = "small"

    def check(self) -> None:
        """Raise `InputError` for a value out of range, or an option that the chosen negatives do not have."""
        if self.negatives is not None:
            check_choice("negatives", self.negatives, NEGATIVES)
        check_choice("optimizer", self.optimizer, LEARNING_RATES)
        if self.lr is not None:
            check_real("lr", self.lr, above=True)
        check_choice("decay", self.decay, DECAYS)
        if self.epochs is not None:
            check_integer("epochs", self.epochs)
        check_integer("batch_size", self.batch_size)
        check_choice("normalization", self.normalization, NORMALIZATIONS)
        check_choice("init", self.init, START_SCALES)
        if self.negatives == "block" and (option := self._pair_option()):
            raise InputError(option, getattr(self, option), "is an option of negatives=pair; leave it at its default")

    def _pair_option(self) -> str | None:
        """The first option of pairs alone that was set."""
        defaults = {field.name: field.default for field in fields(self)}
        return next((name for name in PAIR_OPTIONS if getattr(self, name) != defaults[name]), None)

    @property
    def first_rate(self) -> float:
        """The learning rate of pairs, at the beginning."""
        return LEARNING_RATES[self.optimizer] if self.lr is None else self.lr

    def scheme(self, triples: int) -> str:
        """How negatives are drawn for that many triples: "pair" or "block"."""
        return self.negatives or ("pair" if triples <= MOST_PAIRED or self._pair_option() else "block")

    def solve(
        self,
        counts: CooccurrenceCounts,
        dim: int,
        negatives: Negatives,
        *,
        seed: int = 0,
        device: str = "cpu",
        bias: bool = False,
        ridge: Ridge | None = None,
        verbose: bool = False,
    ) -> Solution:
        """Train V (words, dim) and U (contexts, dim), float32, and biases b and c when asked.

        The history holds ℓ at up to 50 points, by blocks after every second epoch at most, its dense part estimated from
        1,024 contexts where there are more; the last is exact. Its `seconds` leave the time of evaluating ℓ out. Ctrl-C ends
        training and keeps what was learned.

        Training that diverges ends with what was recorded last; the solution says what to change.
        """
        history = History()
        generator = torch.Generator(device).manual_seed(torch_seed(seed, "fit", "sgns_sampled"))
        small = small_start(counts, negatives, dim, bias, START_SCALES[self.init], generator)
        scheme = self.scheme(counts.nnz)
        epochs = default_epochs(scheme, counts.nnz) if self.epochs is None else check_integer("epochs", self.epochs)
        training: _Pairs | solvers.BlockTraining
        if scheme == "pair":
            training = _Pairs(self, counts, negatives, small, bias, ridge, generator, epochs)
        else:
            training = solvers.BlockTraining(counts, negatives, small, bias, ridge, generator, epochs)
        with threads_for(counts.shape):
            status = solvers.train(training, history, Progress("SGNS (sampled)", training.steps, verbose))
        found = solvers.parts(training.V.cpu().numpy(), training.U.cpu().numpy(), bias)
        if scheme == "block":
            # A penalty would choose between factors of the product too, but training ends long before it has chosen.
            V, U = balanced(found.V, found.U, counts.row_sums / counts.total, negatives.noise)
            found = found._replace(V=V, U=U)
        return Solution(*found, history.frame(), history.objective, status, diverged=str(training.diverged()))


def default_epochs(scheme: str, triples: int) -> int:
    """Passes over that many triples where none are asked for."""
    return PAIR_EPOCHS if scheme == "pair" else solvers.default_epochs(triples)


class _Pairs:
    """Mini-batches of triples, each with its own negatives; iterating takes the steps of all epochs."""

    def __init__(
        self,
        options: Sampled,
        counts: CooccurrenceCounts,
        negatives: Negatives,
        start: tuple[Tensor, Tensor],
        bias: bool,
        ridge: Ridge | None,
        generator: torch.Generator,
        epochs: int,
    ) -> None:
        # One array of both: the optimiser's operations each take longer to be called than to compute.
        both = torch.cat(start)
        self.V, self.U = both[: len(start[0])], both[len(start[0]) :]
        self._gradient = torch.empty_like(both)
        self._of_V, self._of_U = self._gradient[: len(start[0])], self._gradient[len(start[0]) :]
        self._options, self._negatives, self._bias, self._generator = options, negatives, bias, generator
        self._rate = options.first_rate
        self._optimizer = solvers.OPTIMIZERS[options.optimizer]([both])
        self._batch_size = check_integer("batch_size", options.batch_size)
        check_draws(negatives.k, min(self._batch_size, counts.nnz), self.V.shape[1])
        device = str(generator.device)
        self._triples, self._sampler = Triples.on(device, counts), NoiseSampler(negatives, generator)
        self._exact = losses.ExactObjective(counts, negatives, dtype=torch.float32, device=device)
        self._penalty = self._exact.penalised(ridge, self.V.shape[1] - 2 * bias).penalty if ridge else None
        self.epoch_steps = math.ceil(counts.nnz / self._batch_size)
        if options.normalization == "epoch":
            self._triples = replace(self._triples, count=self._triples.count / (counts.total / self.epoch_steps))
        self.steps = epochs * self.epoch_steps
        self.every = solvers.recorded_every(self.steps, counts.shape)
        self.step = 0
        self._drawn_steps = max(1, int(DRAWN_AT_ONCE // (negatives.k * self._batch_size)))
        self._order = self._drawn = torch.empty(0, dtype=torch.int64, device=device)

    def objective(self, exact: bool) -> float:
        """The exact ℓ, asked for or not, without the penalty."""
        return self._exact.value(self.V, self.U)

    def state(self) -> tuple[Tensor, ...]:
        """All that training learns."""
        return self.V, self.U

    def diverged(self) -> InputError:
        """The error for an ℓ that rose without bound."""
        return solvers.too_fast(self._rate, self)

    def saved(self) -> dict[str, Tensor]:
        """The order of this epoch, the draws and their state, and the optimiser's moments."""
        draws = {"order": self._order, "drawn": self._drawn, "generator": self._generator.get_state()}
        return draws | self._optimizer.saved()

    def restore(self, saved: dict[str, Tensor]) -> None:
        """Go on from there."""
        self._order, self._drawn = (saved[name].to(self._order.device) for name in ("order", "drawn"))
        self._generator.set_state(saved["generator"])
        self._optimizer.restore(saved)

    def __iter__(self) -> Iterator[None]:
        size, own_weight = self._batch_size, self._options.normalization == "batch"
        triples = self._triples.in_order(self._order)
        while self.step < self.steps:
            place = self.step % self.epoch_steps
            if place == 0:
                self._order = torch.randperm(len(self._triples.count), generator=self._generator, device=self._order.device)
                triples = self._triples.in_order(self._order)
            ahead = place % self._drawn_steps
            if ahead == 0:
                self._drawn = self._sampler.draw(min(self._drawn_steps * size, len(self._order) - place * size))
            batch, drawn = slice(place * size, (place + 1) * size), slice(ahead * size, (ahead + 1) * size)
            weight = triples.count[batch]
            if own_weight:
                weight = weight / weight.sum()
            rate = self._rate * (1 - self.step / self.steps if self._options.decay == "linear" else 1)
            self._take_step(triples.center[batch], triples.context[batch, None], weight[:, None], self._drawn[drawn], rate)
            self.step += 1
            yield

    def _take_step(self, center: Tensor, context: Tensor, weight: Tensor, drawn: Tensor, rate: float) -> None:
        kept = weight * (drawn != context) if self._negatives.drops else weight
        dV, dU = solvers.batch_gradient(self.V, self.U, center, context, drawn, weight, kept, out=(self._of_V, self._of_U))
        if self._penalty is not None:
            self._penalty.add_gradient(dV, dU, self.V, self.U)
        if self._bias:  # the columns of ones stay
            dV[:, solvers.ONES[0]] = dU[:, solvers.ONES[1]] = 0.0
        self._optimizer.step([self._gradient], rate)


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
    rng = stream(seed, "shuffles", "expected_weights")
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

    def in_order(self, order: Tensor) -> Triples:
        """The triples that `order` (size,) tells, one after the other."""
        return Triples(self.center[order], self.context[order], self.count[order])


def small_start(
    counts: CooccurrenceCounts, negatives: Negatives, dim: int, bias: bool, scale: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Normal V and U; with `bias` [V, b, 1] and [U, 1, c], so that their product is V·Uᵀ + b + c."""
    factors = []
    for occurs in (counts.row_sums > 0, negatives.noise > 0):
        factor = torch.randn((len(occurs), dim), generator=generator, device=generator.device) * scale
        # A word that never occurs has no loss, and an arbitrary vector: zero.
        factor[torch.tensor(~occurs, device=generator.device)] = 0.0
        factors.append(factor)
    V, U = factors
    return solvers.with_biases(V, U) if bias else (V, U)
