"""CBOW, the continuous bag of words with negative sampling: a window's words together predict the word in its middle."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, check_dim, check_integer, check_real, check_seed
from sgns_pmi.factorise import kernels
from sgns_pmi.factorise.base import Float
from sgns_pmi.factorise.checkpoints import current
from sgns_pmi.factorise.draws import alias_table, check_time
from sgns_pmi.factorise.linalg import plus_terms
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.scores import NegativeSampling
from sgns_pmi.factorise.solvers.solution import History, Status
from sgns_pmi.problems.text import as_corpus
from sgns_pmi.progress import Progress
from sgns_pmi.streams import stream

RATES = {"mean": 0.2, "sum": 0.05, "word2vec": 0.05}
LEAST_EPOCHS, LEAST_WINDOWS = 5, 20_000
LAST_RATE = 1e-4  # the share of the learning rate that is left at the end, as in word2vec.c


@method(
    "cbow",
    "CBOW with negative sampling on the text: a window's words predict its centre",
    needs="text",
    loss="CBOW loss (nats a window)",
)
class CBOW(NegativeSampling):
    """CBOW with negative sampling on a text (Mikolov et al. 2013), with the exact gradient of its loss.

    A window of a centre i and contexts C, with h = Σ_C v_c (or that divided by the number of contexts) and negatives
    j_1 … j_K from P_n, costs softplus(−h·u_i) + Σ_k softplus(h·u_{j_k}). Windows have as many contexts as they have: none
    is padded.

    word2vec.c and gensim divide h by the number of contexts, but not its gradient, so that the steps are not those of any loss
    (İrsoy, Benton & Stratos 2021). Here they are, which needs a larger learning rate; ``combine="word2vec"`` does as they do.

    Parameters
    ----------
    dim : int, default 4
    k : int, default 5
        Number of negatives K.
    noise : str or array-like (words,), default "unigram"
        The noise distribution P_n over the words in the middle; see `noise_distribution`.
    exponent : float, default 1.0
        Power of the unigram noises.
    combine : {"mean", "sum", "word2vec"}, default "mean"
        What h is of its contexts' vectors; "word2vec" is the mean with the gradient of the sum.
    epochs : int, optional
        Passes over the text; by default 5, and more where these are fewer than 20,000 windows.
    lr : float, optional
        Learning rate of stochastic gradient descent, window by window; falls linearly. By default 0.2 with "mean", 0.05 with
        the others.
    drop_positive : bool, default False
        Whether a negative that is the centre itself is dropped, as in word2vec.c and gensim.
    seed : int, default 0
        Start and negatives. The draws of the text's windows have their own, data.seed.
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_ : ndarray, (words, dim)
        Vectors of words as contexts, the input: what is known as CBOW's word vectors.
    U_ : ndarray, (words, dim)
        Vectors of words in the middle, the output.
    objective_ : float
        Mean loss of a window, over the last pass, each before its own step.
    history_ : DataFrame
        step (windows), epoch, seconds, objective (mean since the record before).
    status_ : {"step limit", "diverged", "interrupted"}
        Whether all passes were made.

    Notes
    -----
    With windows of a single context this is SGNS with its sides exchanged: u_i·v_c estimates PMI(i, c) − log K plus the
    noise's term of the centre. With more, only the sum or mean of several scores is trained: of the sum each needs to be but
    a part, and the estimate of PMI shrinks; of the mean each must make up for the others, and it is stretched.

    The learning rates were chosen on 3 million words of text8 (27,662 words, window 5, dim 100, K = 5, five passes): of 0.05,
    0.1, 0.2, 0.4 and 0.8 with "mean", 0.2 gave the best analogies (8.1 %; WordSim-353 0.57), and 0.8 diverged; gensim's CBOW
    at its better rate of 0.05 gave 7.9 % and 0.53.

    References
    ----------
    Mikolov, Chen, Corrado & Dean, "Efficient Estimation of Word Representations in Vector Space", 2013, section 3.1.
    İrsoy, Benton & Stratos, "Corrected CBOW Performs as well as Skip-gram", Workshop on Insights from Negative Results 2021.

    Examples
    --------
    >>> from sgns_pmi.factorise.methods.cbow import CBOW
    >>> from sgns_pmi.problems import PROBLEMS
    >>> toy = PROBLEMS["toy"](sentences=["a b c", "b c a", "c c b"])
    >>> CBOW(dim=2, k=2, epochs=3).fit(toy.corpus).V_.shape
    (3, 2)
    """

    def __init__(
        self,
        dim: int = 4,
        k: int = 5,
        noise: str | ArrayLike = "unigram",
        exponent: float = 1.0,
        combine: str = "mean",
        epochs: int | None = None,
        lr: float | None = None,
        drop_positive: bool = False,
        seed: int = 0,
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.k = k
        self.noise = noise
        self.exponent = exponent
        self.combine = combine
        self.epochs = epochs
        self.lr = lr
        self.drop_positive = drop_positive
        self.seed = seed
        self.verbose = verbose

    def check(self) -> None:
        super().check()
        check_integer("dim", self.dim)
        check_choice("combine", self.combine, RATES)
        if self.epochs is not None:
            check_integer("epochs", self.epochs)
        if self.lr is not None:
            check_real("lr", self.lr, above=True)
        check_seed(self.seed)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn V and U from a text (a `Corpus`, as `Problem.corpus`, or sentences as lists of words); returns self.

        Ctrl-C ends training and keeps what was learned.

        Raises
        ------
        InputError
            For a parameter out of range, dim above the number of words, a noise that is zero where a word occurs, or a
            learning rate at which training diverges in its first pass.
        """
        self.check()
        corpus = as_corpus(X)
        counts = self._remember(corpus.counts)
        dim = check_dim(self.dim, counts.shape)
        # P_n is over the words in the middle, the rows.
        by_center = CooccurrenceCounts(counts.matrix.T.tocsr(), counts.context_vocab, counts.vocab)
        negatives = self.negatives_of(by_center)
        self.noise_ = negatives.noise
        share, alias = alias_table(negatives.noise)
        table = share.astype(np.float32), alias.astype(np.int32)
        rate = self.lr or RATES[self.combine]
        history = History()
        epochs = int(self.epochs or max(LEAST_EPOCHS, -(-LEAST_WINDOWS // corpus.tokens)))
        expected = epochs * corpus.tokens  # windows; not exactly, as subsampling is drawn
        check_time(negatives.k, expected)

        rng = stream(self.seed, "fit", "cbow")
        V = rng.uniform(-0.5 / dim, 0.5 / dim, (counts.shape[0], dim)).astype(np.float32)
        U = np.zeros_like(V)
        draws = rng.integers(2**64, size=1, dtype=np.uint64)
        checkpoint = current()
        learned: dict[str, NDArray[Any]] = {"V": V, "U": U, "draws": draws}
        status: Status = "step limit"
        visited, kept, diverged = 0, (V, U), ""
        with Progress("CBOW (words)", expected, self.verbose) as progress:
            try:
                if (state := checkpoint.load()) is not None:
                    for name, own in learned.items():
                        own[:] = state[name]
                    history.restore(state)
                    visited, kept = history.rows[-1][0], (V.copy(), U.copy())
                for epoch in range(len(history.rows), epochs):
                    loss, seen = 0.0, 0
                    for windows in corpus.windows(epoch):
                        size = len(windows.center)
                        left = [max(1 - at / expected, LAST_RATE) for at in (visited, visited + size)]
                        loss += kernels.visit_windows(
                            V,
                            U,
                            windows.center,
                            windows.indptr,
                            windows.context,
                            table[0],
                            table[1],
                            int(negatives.k),
                            self.combine != "sum",
                            self.combine != "word2vec",
                            negatives.drops,
                            rate * left[0],
                            rate * left[1],
                            draws,
                        )
                        seen, visited = seen + size, visited + size
                        progress.update(size, loss / max(seen, 1))
                    if not np.isfinite(loss):
                        raise InputError("lr", rate, f"training diverged in pass {epoch + 1}; choose a smaller learning rate")
                    history.add(visited, epoch + 1, loss / max(seen, 1))
                    kept = V.copy(), U.copy()
                    if checkpoint.due:
                        checkpoint.save(learned | history.saved())
            except KeyboardInterrupt:
                status = "interrupted"
                history.add(visited, visited / max(corpus.tokens, 1), loss / max(seen, 1))
            except InputError as error:
                if not history.rows:
                    raise
                status, diverged = "diverged", str(error)
                V, U = kept
        self._ended(status, diverged=diverged)
        self.V_, self.U_ = V, U
        self.objective_, self.history_ = history.objective, history.frame()
        self._offset = negatives.offset(by_center)
        return self

    def _read(self, X: Any) -> CooccurrenceCounts:
        return X if isinstance(X, CooccurrenceCounts) else as_corpus(X).counts

    def product(self, corrected: bool = True) -> tuple[Float, Float]:
        return plus_terms(self.U_, self.V_, np.full(len(self.V_), math.log(self.k)), self._offset * corrected)
