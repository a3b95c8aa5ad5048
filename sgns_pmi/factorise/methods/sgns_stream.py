"""SGNS trained on the text itself, pair after pair, in place of its counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_dim, check_integer, check_real, check_seed
from sgns_pmi.factorise import losses, solvers
from sgns_pmi.factorise.devices import resolve_device, threads_for
from sgns_pmi.factorise.draws import NoiseSampler, check_draws
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.scores import ScoreFactorisation
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.lazily import torch
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems.text import as_corpus
from sgns_pmi.progress import Progress
from sgns_pmi.streams import torch_seed

if TYPE_CHECKING:
    from torch import Tensor

START_SCALE = 0.1
EPSILON = 1e-10
LEAST_EPOCHS, LEAST_STEPS = 5, 1000
BATCHES, LEAST_BATCH, MOST_BATCH = 1000, 1024, 16384


@method("sgns_stream", "SGNS on the text itself, pair by pair, in place of its counts", needs="text")
class SGNSStream(ScoreFactorisation):
    """Skip-gram with negative sampling on a stream of pairs, as word2vec trains it (Mikolov et al. 2013).

    Each pass lays the windows of the text anew, drawn as their weights in the counts say; the pairs of some hundred thousand
    tokens are shuffled and visited in batches, each pair with K negatives of its own. A pair comes as often as n_ij says, on
    average over passes, so that the expected gradient is that of ℓ on the counts; but a pass costs by the length of the
    text, where one over triples costs by their number. Where frequent words are subsampled each pass drops others, and sees
    pairs that the counts, which are those of one such draw, do not hold.

    Parameters
    ----------
    dim : int, default 4
        Columns of V and U.
    k : int, default 5
        Number of negatives K.
    noise : str or array-like (contexts,), default "unigram"
        The noise distribution P_n; see `noise_distribution`.
    exponent : float, default 1.0
        Power of the unigram noises.
    epochs : int, optional
        Passes over the text; by default 5, and more where these are fewer than 1,000 batches.
    batch_size : int, optional
        Pairs in a batch; by default a thousandth of a pass, at least 1,024 and at most 16,384.
    lr : float, default 0.5
        Learning rate of AdaGrad (Duchi, Hazan & Singer 2011), which falls linearly to 0; only vectors of the batch are touched.
    drop_positive : bool, default False
        Whether a negative that equals its positive is dropped, as in word2vec.c and gensim.
    seed : int, default 0
        Start, shuffles and negatives. The draws of the text's windows have their own, data.seed.
    device : str, default "cpu"
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
    objective_ : float
        The exact ℓ of the counts at the fitted factors.
    history_ : DataFrame
        step, epoch, seconds, objective; epochs are counted by the pairs that the counts hold.
    noise_ : ndarray, (contexts,)
        P_n.
    status_ : {"step limit", "diverged", "interrupted"}
        Whether all steps were taken.

    References
    ----------
    Mikolov et al., "Distributed Representations of Words and Phrases and their Compositionality", NIPS 2013, eq. 4.

    Examples
    --------
    >>> from sgns_pmi.factorise.methods.sgns_stream import SGNSStream
    >>> from sgns_pmi.problems import PROBLEMS
    >>> toy = PROBLEMS["toy"](sentences=["a b c", "b c a", "c c b"])
    >>> SGNSStream(dim=2, k=2, epochs=3).fit(toy.corpus).V_.shape
    (3, 2)
    """

    def __init__(
        self,
        dim: int = 4,
        k: int = 5,
        noise: str | ArrayLike = "unigram",
        exponent: float = 1.0,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float = 0.5,
        drop_positive: bool = False,
        seed: int = 0,
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.k = k
        self.noise = noise
        self.exponent = exponent
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.drop_positive = drop_positive
        self.seed = seed
        self.device = device
        self.verbose = verbose

    def check(self) -> None:
        super().check()
        check_integer("dim", self.dim)
        for name in ("epochs", "batch_size"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name))
        check_real("lr", self.lr, above=True)
        check_seed(self.seed)
        resolve_device(self.device)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn V and U from a text (a `Corpus`, as `Problem.corpus`, or sentences as lists of words); returns self.

        Ctrl-C ends training and keeps what was learned.

        Raises
        ------
        InputError
            For a parameter out of range, dim above the number of words, or a noise that is zero where a context occurs.
        """
        self.check()
        corpus = as_corpus(X)
        counts = self._remember(corpus.counts)
        check_dim(self.dim, counts.shape)
        negatives = self.negatives_of(counts)
        history = History()
        generator = torch.Generator(resolve_device(self.device)).manual_seed(torch_seed(self.seed, "fit", "sgns_stream"))
        training = _Stream(self, corpus, negatives, generator)
        with threads_for(counts.shape):
            status = solvers.train(training, history, Progress("SGNS (stream)", training.steps, self.verbose))
        self._ended(status, diverged=training.diverged())
        self.V_, self.U_ = training.V.cpu().numpy(), training.U.cpu().numpy()
        self.objective_, self.history_ = history.objective, history.frame()
        self._scores_of(counts, negatives)
        return self

    def _read(self, X: Any) -> CooccurrenceCounts:
        return X if isinstance(X, CooccurrenceCounts) else as_corpus(X).counts


class _Stream:
    """Batches of pairs as the text brings them; iterating takes the steps of all passes."""

    def __init__(self, options: SGNSStream, corpus: Any, negatives: Negatives, generator: torch.Generator) -> None:
        self._options, self._corpus, self._negatives, self._generator = options, corpus, negatives, generator
        counts, device = corpus.counts, generator.device
        self.V, self.U = solvers.small_start(counts, negatives, int(options.dim), False, START_SCALE, generator)
        self._squares = torch.zeros_like(self.V), torch.zeros_like(self.U)
        self._exact = losses.ExactObjective(counts, negatives, dtype=torch.float32, device=device)
        self._batch_size = int(options.batch_size or min(max(counts.total / BATCHES, LEAST_BATCH), MOST_BATCH))
        check_draws(negatives.k, self._batch_size, options.dim)
        self._sampler = NoiseSampler(negatives, generator)
        self.epoch_steps = math.ceil(counts.total / self._batch_size)
        self._epochs = int(options.epochs or 0) or max(LEAST_EPOCHS, math.ceil(LEAST_STEPS / self.epoch_steps))
        self.steps = self._epochs * self.epoch_steps  # about: windows are drawn, and a segment's last batch is not full
        self.every = solvers.recorded_every(self.steps, counts.shape)
        self.step = 0
        # Where in the text: the pass, its segment, and the batches of that which were taken.
        self._epoch = self._segment = self._batch = 0
        self._order = torch.empty(0, dtype=torch.int64, device=device)

    def objective(self, exact: bool) -> float:
        """The exact ℓ of the counts, asked for or not."""
        return self._exact.value(self.V, self.U)

    def state(self) -> tuple[Tensor, ...]:
        """All that training learns."""
        return self.V, self.U

    def diverged(self) -> InputError:
        """The error for an ℓ that rose without bound."""
        return solvers.too_fast(self._options.lr, self)

    def saved(self) -> dict[str, Tensor]:
        """The place in the text, the order of the pairs there, the state of the draws, and AdaGrad's sums."""
        place = torch.tensor([self._epoch, self._segment, self._batch])
        squares = dict(zip(("squares_V", "squares_U"), self._squares, strict=True))
        return {"place": place, "order": self._order, "generator": self._generator.get_state(), **squares}

    def restore(self, saved: dict[str, Tensor]) -> None:
        """Go on from there."""
        self._epoch, self._segment, self._batch = saved["place"].tolist()
        self._order = saved["order"].to(self._order.device)
        self._generator.set_state(saved["generator"])
        for own, name in zip(self._squares, ("squares_V", "squares_U"), strict=True):
            own.copy_(saved[name])

    def __iter__(self) -> Iterator[None]:
        device = self._generator.device
        for epoch in range(self._epoch, self._epochs):
            self._epoch = epoch
            for segment, windows in enumerate(self._corpus.windows(epoch)):
                if segment < self._segment:
                    continue
                self._segment = segment
                center, context = (torch.tensor(side, dtype=torch.int64, device=device) for side in windows.pairs())
                if self._batch == 0:
                    self._order = torch.randperm(len(center), generator=self._generator, device=device)
                for batch in torch.split(self._order, self._batch_size)[self._batch :]:
                    self._take_step(center[batch], context[batch, None])
                    self.step += 1
                    self._batch += 1
                    yield
                self._batch = 0
            self._segment = 0

    def _take_step(self, center: Tensor, context: Tensor) -> None:
        rate = self._options.lr * max(1 - self.step / self.steps, 0.0)
        for factor, squares, (rows, gradient) in zip(
            (self.V, self.U), self._squares, self.batch_gradients(center, context), strict=True
        ):
            squares[rows] += gradient.square()
            factor[rows] -= rate * gradient / (squares[rows].sqrt() + EPSILON)

    def batch_gradients(self, center: Tensor, context: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The words, and the contexts, that a batch of pairs and its negatives touch; and the gradient of its mean loss there.

        center is (batch,), context (batch, 1).
        """
        drawn = self._sampler.draw(len(center))
        weight = torch.full((len(center), 1), 1 / len(center), device=center.device)
        kept = weight * (drawn != context) if self._negatives.drops else weight
        # Their vectors alone, renumbered.
        words, center = torch.unique(center, return_inverse=True)
        contexts, scored = torch.unique(torch.cat([context, drawn], dim=1), return_inverse=True)
        dV, dU = solvers.batch_gradient(self.V[words], self.U[contexts], center, scored[:, :1], scored[:, 1:], weight, kept)
        return (words, dV), (contexts, dU)
