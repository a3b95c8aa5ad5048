"""FastText: SGNS whose centre vectors are means of the vectors of a word and its character n-grams.

    v_w = (1/m_w) (z_w + Σ_g z_g),     V = A Z

(Bojanowski, Grave, Joulin & Mikolov 2017, section 3.2; the mean is fastText's). ℓ is that of SGNS on the same counts, in Z
and U. An epoch is a pass over the rows of V and one over those of U, with negatives shared by blocks of rows (see
`solvers.blocks`). The pass over U is SGNS's. That over V finds the move δ_w that each word would make on its own, and

    Δz_g = Σ_{w ∋ g} (r_w / m_w) δ_w / Σ_{w ∋ g} r_w / m_w

moves each n-gram by the mean of what its words ask for, weighted by how often they occur. This is the minimum of
Σ_w (r_w / m_w) Σ_{g ∈ w} ‖Δz_g − δ_w‖², which bounds Σ_w r_w ‖(A Δz)_w − δ_w‖² from above, as the square is convex: a step
of majorise and minimise, without a learning rate.

As A has full row rank (each word has a vector of its own), the minimum of ℓ is that of SGNS. What n-grams bring comes from
the way there: a move is first what words with the same n-grams have in common, and only slowly their own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_dim, check_integer, check_seed
from sgns_pmi.factorise import solvers
from sgns_pmi.factorise.base import Float
from sgns_pmi.factorise.devices import resolve_device, threads_for
from sgns_pmi.factorise.linalg import balanced
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.scores import ScoreFactorisation
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.factorise.subwords import Hashing, Subwords, averaging
from sgns_pmi.lazily import sp, torch
from sgns_pmi.negatives import Negatives
from sgns_pmi.progress import Progress
from sgns_pmi.streams import torch_seed

if TYPE_CHECKING:
    from torch import Tensor

START_SCALE = 0.1


@method("fasttext", "SGNS with subwords: centre vectors are means over character n-grams", needs="words")
class FastText(ScoreFactorisation):
    """SGNS with subwords: a centre vector is the mean of a word's own vector and those of its character n-grams.

    Words that are not among the counts get vectors too, from the n-grams that they share with words that are.

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
    drop_positive : bool, default False
        The objective of fastText, which draws anew where a negative equals the positive, is closest with True.
    minn, maxn : int, default 3 and 6
        Shortest and longest n-grams of <word>, in characters.
    buckets : int, default 2,000,000
        Into which n-grams are hashed, by FNV-1a as fastText does. Only those that the words use take room.
    epochs : int, optional
        Passes over the triples; by default as many as SGNS takes with such blocks: 50 for up to a million triples, else 10.
    seed : int, default 0
        Start and draws.
    device : str, default "cpu"
        "cpu", "cuda" or "auto".
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
    word_vectors_ : ndarray, (words, dim)
        The words' own vectors z_w.
    subwords_ : Subwords
        The vectors of the n-grams.
    objective_ : float
        The exact ℓ at the fitted factors.
    history_ : DataFrame
        step, epoch, seconds, objective.
    noise_ : ndarray, (contexts,)
        P_n.
    status_ : {"step limit", "diverged", "interrupted"}
        Whether all steps were taken.

    References
    ----------
    Bojanowski, Grave, Joulin & Mikolov, "Enriching Word Vectors with Subword Information", TACL 5 (2017).

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> from sgns_pmi.factorise.methods.fasttext import FastText
    >>> words = ["walk", "walked", "talk", "talked"]
    >>> counts = sp.CooccurrenceCounts.from_matrix([[5, 1, 3, 1], [1, 5, 1, 3], [3, 1, 5, 1], [1, 3, 1, 5]], vocab=words)
    >>> FastText(dim=2).fit(counts).compose("stalked").shape
    (2,)
    """

    subwords_: Subwords

    def __init__(
        self,
        dim: int = 4,
        k: int = 5,
        noise: str | ArrayLike = "unigram",
        exponent: float = 1.0,
        drop_positive: bool = False,
        minn: int = 3,
        maxn: int = 6,
        buckets: int = 2_000_000,
        epochs: int | None = None,
        seed: int = 0,
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.k = k
        self.noise = noise
        self.exponent = exponent
        self.drop_positive = drop_positive
        self.minn = minn
        self.maxn = maxn
        self.buckets = buckets
        self.epochs = epochs
        self.seed = seed
        self.device = device
        self.verbose = verbose

    def check(self) -> None:
        super().check()
        for name in ("dim", "minn", "maxn", "buckets"):
            check_integer(name, getattr(self, name))
        if self.epochs is not None:
            check_integer("epochs", self.epochs)
        if self.maxn < self.minn:
            raise InputError("maxn", self.maxn, f"must be at least minn={self.minn}")
        check_seed(self.seed)
        resolve_device(self.device)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn Z and U from a CooccurrenceCounts whose rows are words; returns self.

        Ctrl-C ends training and keeps what was learned.

        Raises
        ------
        InputError
            For a parameter out of range, counts without words, dim above the smaller side, or a noise that is zero where a
            context occurs.
        """
        self.check()
        counts = self._remember(X)
        if counts.vocab is None:
            raise InputError("counts", "numbered rows", "need words, to take their n-grams: give the counts a vocab")
        dim = check_dim(self.dim, counts.shape)
        negatives = self.negatives_of(counts)
        history = History()
        hashing = Hashing(int(self.minn), int(self.maxn), int(self.buckets))
        A, used = averaging(counts.vocab, hashing)
        training = _Training(self, counts, negatives, A, dim)
        with threads_for(counts.shape):
            status = solvers.train(training, history, Progress("FastText", training.steps, self.verbose))
        self._ended(status, diverged=training.diverged())
        words = counts.shape[0]
        # V M = A (Z M): the map that puts V in its canonical form takes Z along.
        both, self.U_ = balanced(
            torch.cat([training.V, training.Z]).cpu().numpy(),
            training.U.cpu().numpy(),
            np.concatenate([counts.row_sums / counts.total, np.zeros(len(training.Z))]),
            negatives.noise,
        )
        self.V_, self.word_vectors_ = both[:words].copy(), both[words : 2 * words].copy()
        self.subwords_ = Subwords(hashing, used, both[2 * words :].copy())
        self.objective_, self.history_ = history.objective, history.frame()
        self._scores_of(counts, negatives)
        return self

    def compose(self, word: str) -> NDArray[np.floating[Any]]:
        """The vector (dim,) of a word that is not among the counts: the mean of those of its n-grams that are known.

        Raises
        ------
        InputError
            Where none of them is.
        """
        return self.subwords_.compose(word)


class _Training:
    """Z and U in training; iterating takes the steps of all epochs, one a block of rows."""

    def __init__(self, options: FastText, counts: CooccurrenceCounts, negatives: Negatives, A: sp.csr_array, dim: int) -> None:
        device = resolve_device(options.device)
        self._generator = torch.Generator(device).manual_seed(torch_seed(options.seed, "fit", "fasttext"))
        self._sides = [solvers.Side(counts, negatives, transposed=transposed, device=device) for transposed in (False, True)]
        # A word that never occurs has no loss: zero.
        self._A = _tensor(sp.diags_array((counts.row_sums > 0).astype(np.float64)) @ A, device)
        self._shares = _tensor(shares(A, counts.row_sums), device)
        self.Z, self.U = (
            START_SCALE * torch.randn((rows, dim), generator=self._generator, device=device)
            for rows in (A.shape[1], counts.shape[1])
        )
        self.U[torch.tensor(negatives.noise == 0, device=device)] = 0.0
        self.V = self._A @ self.Z
        self._moves = torch.empty_like(self.V)
        self._epochs = int(options.epochs or 0) or solvers.default_epochs(counts.nnz)
        self.epoch_steps = sum(side.blocks for side in self._sides)
        self.steps = self._epochs * self.epoch_steps
        self.every = solvers.recorded_epochs(self._epochs) * self.epoch_steps
        self.step = 0

    def objective(self, exact: bool) -> float:
        """ℓ, with its dense part estimated, from the same contexts each time; or, when training is over, exact."""
        generator = torch.Generator(self._generator.device).manual_seed(torch_seed(0, "recorded objective"))
        return self._sides[0].objective(self.V, self.U, len(self.U) if exact else solvers.RECORDED_DRAWS, generator)

    def state(self) -> tuple[Tensor, ...]:
        """All that training learns."""
        return self.Z, self.V, self.U

    def diverged(self) -> InputError:
        """The error for an ℓ that rose without bound, or is not a number."""
        return InputError("method", "fasttext", f"training diverged by step {self.step}; use method=sgns_expected")

    def saved(self) -> dict[str, Tensor]:
        """The state of the draws, and the moves of this epoch so far."""
        return {"generator": self._generator.get_state(), "moves": self._moves}

    def restore(self, saved: dict[str, Tensor]) -> None:
        """Go on from there."""
        self._generator.set_state(saved["generator"])
        self._moves.copy_(saved["moves"])

    def __iter__(self) -> Iterator[None]:
        centers, contexts = self._sides
        done = self.step % self.epoch_steps  # blocks of this epoch
        for epoch in range(self.step // self.epoch_steps, self._epochs):
            size = solvers.draws_in(epoch, self._epochs)
            for place, block in enumerate(centers):
                if place < done:
                    continue
                draws = centers.draws(size, self._generator)
                self._moves[block.rows] = solvers.newton_move(block, self.V[block.rows], self.U, self.U, draws)
                self.step += 1
                yield
            if done <= centers.blocks:
                self.Z += self._shares @ self._moves
                self.V = self._A @ self.Z
            for place, block in enumerate(contexts, centers.blocks):
                if place < done:
                    continue
                done = 0
                solvers.improve(block, self.U, self.V, self.V, slice(None), contexts.draws(size, self._generator))
                self.step += 1
                yield


def shares(A: sp.csr_array, frequency: Float) -> sp.csr_array:
    """(rows of Z, words): how much each word's move counts in the mean that moves a row of Z; rows sum to 1, or are 0."""
    weighted = (sp.diags_array(frequency) @ A).T
    sums = np.asarray(weighted.sum(axis=1))
    return (sp.diags_array(1 / np.where(sums > 0, sums, 1.0)) @ weighted).tocsr()


def _tensor(matrix: sp.csr_array, device: str) -> Tensor:
    starts, columns = (torch.tensor(part.astype(np.int64)) for part in (matrix.indptr, matrix.indices))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR", UserWarning)  # PyTorch calls its API unsettled
        return torch.sparse_csr_tensor(
            starts, columns, torch.tensor(matrix.data.astype(np.float32)), matrix.shape, device=device, check_invariants=False
        )
