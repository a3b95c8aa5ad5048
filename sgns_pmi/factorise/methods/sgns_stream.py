"""SGNS trained on the text itself, pair after pair, in place of its counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_dim, check_integer, check_real, check_seed
from sgns_pmi.factorise import kernels, losses, solvers
from sgns_pmi.factorise.devices import threads_for
from sgns_pmi.factorise.draws import alias_table, check_time
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.scores import ScoreFactorisation
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.lazily import torch
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems.text import as_corpus
from sgns_pmi.progress import Progress
from sgns_pmi.streams import stream, torch_seed

if TYPE_CHECKING:
    from torch import Tensor

LEAST_EPOCHS, LEAST_STEPS = 5, 1000
STEPS, LEAST_PAIRS, MOST_PAIRS = 1000, 1024, 16384  # of a pass, and pairs of one, which have one learning rate


@method("sgns_stream", "SGNS on the text itself, pair by pair, in place of its counts", needs="text")
class SGNSStream(ScoreFactorisation):
    """Skip-gram with negative sampling on a stream of pairs, as word2vec trains it (Mikolov et al. 2013).

    Each pass lays the windows of the text anew, drawn as their weights in the counts say; the pairs of some hundred thousand
    tokens are shuffled and visited one after the other, each with K negatives of its own. A pair comes as often as n_ij says,
    on average over passes, so that the expected gradient is that of ℓ on the counts; but a pass costs by the length of the
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
        Passes over the text; by default 5, and more where these are fewer than 1,000 steps.
    lr : float, default 0.05
        Learning rate of stochastic gradient descent, pair by pair, which falls linearly to 0.
    drop_positive : bool, default False
        Whether a negative that equals its positive is dropped, as in word2vec.c and gensim.
    seed : int, default 0
        Start, shuffles and negatives. The draws of the text's windows have their own, data.seed.
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
    objective_ : float
        The exact ℓ of the counts at the fitted factors.
    history_ : DataFrame
        step, epoch, seconds, objective; a step is a thousandth of a pass, of at least 1,024 pairs and at most 16,384, and
        epochs are counted by the pairs that the counts hold.
    noise_ : ndarray, (contexts,)
        P_n.
    status_ : {"step limit", "diverged", "interrupted"}
        Whether all steps were taken.

    Notes
    -----
    On 12.6 million words of text8 (60,230 words, window 5, dim 100, K = 5, noise exponent 0.75, subsampling 1e-4) five passes
    answer word similarity, rare words and analogies as gensim's five epochs do (three seeds; benchmarks/README.md). A rate of
    0.025 is too small for texts of a million words (WordSim-353 0.34 after five passes, 0.51 at 0.05; one seed). For small texts
    0.1 is nearer to the optimum: of 100,000 words (dim 20) ℓ ends 7.2, 4.9 and 3.0 % above it at 0.025, 0.05 and 0.1 after
    five passes, and 2.4, 1.3 and 0.8 % after twenty (one seed).

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
        lr: float = 0.05,
        drop_positive: bool = False,
        seed: int = 0,
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.k = k
        self.noise = noise
        self.exponent = exponent
        self.epochs = epochs
        self.lr = lr
        self.drop_positive = drop_positive
        self.seed = seed
        self.verbose = verbose

    def check(self) -> None:
        super().check()
        check_integer("dim", self.dim)
        if self.epochs is not None:
            check_integer("epochs", self.epochs)
        check_real("lr", self.lr, above=True)
        check_seed(self.seed)

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
        training = _Stream(self, corpus, negatives)
        with threads_for(counts.shape):
            status = solvers.train(training, history, Progress("SGNS (stream)", training.steps, self.verbose))
        self._ended(status, diverged=training.diverged())
        self.V_, self.U_ = training.V.numpy(), training.U.numpy()
        self.objective_, self.history_ = history.objective, history.frame()
        self._scores_of(counts, negatives)
        return self

    def _read(self, X: Any) -> CooccurrenceCounts:
        return X if isinstance(X, CooccurrenceCounts) else as_corpus(X).counts


class _Stream:
    """Pairs as the text brings them; iterating takes the steps of all passes."""

    def __init__(self, options: SGNSStream, corpus: Any, negatives: Negatives) -> None:
        self._options, self._corpus, self._negatives = options, corpus, negatives
        counts, dim, seed = corpus.counts, int(options.dim), check_seed(options.seed)
        self._generator = torch.Generator().manual_seed(torch_seed(seed, "fit", "sgns_stream"))
        # As word2vec begins: a word that is seldom met keeps little of a start so small, and U turns to what V sees.
        V = stream(seed, "start", "sgns_stream").uniform(-0.5 / dim, 0.5 / dim, (counts.shape[0], dim))
        self.V, self.U = torch.tensor(V, dtype=torch.float32), torch.zeros(counts.shape[1], dim)
        self.V[torch.from_numpy(counts.row_sums == 0)] = 0.0
        self._exact = losses.ExactObjective(counts, negatives, dtype=torch.float32)
        share, alias = alias_table(negatives.noise)
        self._table = share.astype(np.float32), alias.astype(np.int32)
        self._draws = stream(seed, "fit", "sgns_stream", "negatives").integers(2**64, size=1, dtype=np.uint64)
        self._pairs = int(min(max(counts.total / STEPS, LEAST_PAIRS), MOST_PAIRS))
        self.epoch_steps = math.ceil(counts.total / self._pairs)
        self._epochs = int(options.epochs or 0) or max(LEAST_EPOCHS, math.ceil(LEAST_STEPS / self.epoch_steps))
        check_time(negatives.k, self._epochs * int(counts.total))
        self.steps = self._epochs * self.epoch_steps  # about: windows are drawn, and a segment's last step is not full
        self.every = solvers.recorded_every(self.steps, counts.shape)
        self.step = 0
        # Where in the text: the pass, its segment, and the steps of that which were taken.
        self._epoch = self._segment = self._place = 0
        self._order = torch.empty(0, dtype=torch.int64)

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
        """The place in the text, the order of the pairs there, and the state of the draws."""
        place = torch.tensor([self._epoch, self._segment, self._place])
        draws = torch.from_numpy(self._draws.view(np.int64))
        return {"place": place, "order": self._order, "generator": self._generator.get_state(), "draws": draws}

    def restore(self, saved: dict[str, Tensor]) -> None:
        """Go on from there."""
        self._epoch, self._segment, self._place = saved["place"].tolist()
        self._order = saved["order"]
        self._generator.set_state(saved["generator"])
        self._draws[:] = saved["draws"].numpy().view(np.uint64)

    def __iter__(self) -> Iterator[None]:
        for epoch in range(self._epoch, self._epochs):
            self._epoch = epoch
            for segment, windows in enumerate(self._corpus.windows(epoch)):
                if segment < self._segment:
                    continue
                self._segment = segment
                sides = windows.pairs()
                if self._place == 0:
                    self._order = torch.randperm(len(sides[0]), generator=self._generator)
                center, context = (side[self._order.numpy()] for side in sides)
                for low in range(self._place * self._pairs, len(center), self._pairs):
                    own = slice(low, low + self._pairs)
                    self._take_step(center[own], context[own])
                    self.step += 1
                    self._place += 1
                    yield
                self._place = 0
            self._segment = 0

    def _take_step(self, center: NDArray[np.int32], context: NDArray[np.int32]) -> None:
        rate = np.float32(self._options.lr * max(1 - self.step / self.steps, 0.0))
        k, drops = int(self._negatives.k), self._negatives.drops
        kernels.visit_pairs(self.V.numpy(), self.U.numpy(), center, context, *self._table, k, drops, rate, self._draws)
