"""InfoNCE: which context of a batch is a centre's own? Exact at infinite batch, or trained on batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_dim, check_flag, check_integer, check_real, check_seed
from sgns_pmi.factorise import losses, solvers
from sgns_pmi.factorise.base import Factorisation, Float
from sgns_pmi.factorise.devices import resolve_device, threads_for
from sgns_pmi.factorise.linalg import balanced, plus_terms
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.solvers.solution import History, Status
from sgns_pmi.lazily import torch
from sgns_pmi.memory import check_memory
from sgns_pmi.negatives import Negatives
from sgns_pmi.progress import Progress
from sgns_pmi.streams import torch_seed

if TYPE_CHECKING:
    from torch import Tensor

DENSE = 12
"""Arrays of words x contexts that the exact solver holds."""


@method("infonce", "InfoNCE: softmax over the contexts of a batch, in one direction or both", loss="cross-entropy (nats a pair)")
class InfoNCE(Factorisation):
    """V·Uᵀ ≈ PMI by noise-contrastive estimation with a softmax: a pair's context against those of a batch's other pairs.

    For a batch of B pairs (i_b, j_b) the loss is −(1/B) Σ_b log [exp(x_{i_b j_b}) / Σ_b' exp(x_{i_b j_b'})], X = V·Uᵀ; the
    symmetric one is the mean of it and of the same with centres and contexts exchanged (CLIP). As B → ∞ it becomes a conditional
    cross-entropy with the contexts' frequencies as noise (`InfoNCELoss`), which is minimised itself unless a `batch` is given.

    At any B the best X, of full rank, is PMI_ij + a_i (Ma & Collins 2018, for a positive ranked among negatives), and where
    symmetric PMI_ij + a. As Σ_j q_j exp(PMI_ij) = 1, the corrected estimate is X less log Σ_j q_j exp(x_ij), or less log Σ_ij p_i
    q_j exp(x_ij). Small batches cost precision, not consistency. The sigmoid loss with a bias over all pairs of a batch
    (SigLIP) is SGNS with K = B − 1 negatives and the unigram noise, its scores those with the bias.

    Parameters
    ----------
    dim : int, default 4
        Columns of V and U.
    symmetric : bool, default True
        Whether centres are told from each other as well, given the context.
    batch : int, optional
        B, of 2 or more. By default ∞: the exact loss, with all cells in memory.
    epochs : int, default 20
        With a batch: passes over as many pairs as there are counts, each pair drawn anew.
    lr : float, default 0.02
        With a batch: learning rate of Adam, which falls linearly to 0.
    max_steps : int, default 300
        Most steps of the exact solver.
    seed : int, default 0
        Of the start and the draws.
    device : str, default "cpu"
        "cpu", "cuda" or "auto".
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
        The raw estimate V_·U_ᵀ, balanced by the words' frequencies. Words that never occur have zero vectors.
    objective_ : float
        The exact loss at infinite batch, in nats a pair.
    history_ : DataFrame
        step, epoch, seconds, objective.
    status_ : {"optimum", "no finite optimum", "step limit", "diverged", "interrupted"}
        How the fit ended; training ends at its step limit.
    note_ : str
        Empty, or what the status means for the estimate.

    References
    ----------
    van den Oord, Li & Vinyals, "Representation Learning with Contrastive Predictive Coding", arXiv:1807.03748 (2018).
    Ma & Collins, "Noise Contrastive Estimation and Negative Sampling for Conditional Models", EMNLP 2018.
    Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (CLIP), ICML 2021.
    Zhai, Mustafa, Kolesnikov & Beyer, "Sigmoid Loss for Language Image Pre-Training" (SigLIP), ICCV 2023.

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> from sgns_pmi.factorise.methods.infonce import InfoNCE
    >>> problem = sp.softmax_problem(words=20, rank=1, sampling="population", seed=0)
    >>> bool(abs(InfoNCE(dim=3).fit(problem.counts).estimate_pmi() - problem.pmi).max() < 1e-6)
    True
    """

    def __init__(
        self,
        dim: int = 4,
        symmetric: bool = True,
        batch: int | None = None,
        epochs: int = 20,
        lr: float = 0.02,
        max_steps: int = 300,
        seed: int = 0,
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.symmetric = symmetric
        self.batch = batch
        self.epochs = epochs
        self.lr = lr
        self.max_steps = max_steps
        self.seed = seed
        self.device = device
        self.verbose = verbose

    def check(self) -> None:
        check_integer("dim", self.dim)
        check_flag("symmetric", self.symmetric)
        if self.batch is not None:
            check_integer("batch", self.batch, 2)
        check_integer("epochs", self.epochs)
        check_real("lr", self.lr, above=True)
        check_integer("max_steps", self.max_steps)
        check_seed(self.seed)
        resolve_device(self.device)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Minimise the loss of counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Ctrl-C ends the search and keeps what was found.

        Raises
        ------
        InputError
            For a parameter out of range, dim above the smaller side, or more cells than there is memory for.
        """
        self.check()
        counts = self._remember(X)
        dim, device, history = check_dim(self.dim, counts.shape), resolve_device(self.device), History()
        check_memory("X", f"{counts.shape[0]} x {counts.shape[1]} cells", 8.0 * DENSE * np.prod(counts.shape), "take fewer words")
        loss, diverged = losses.InfoNCELoss(counts, self.symmetric, device), ""
        with threads_for(counts.shape):
            if self.batch is None:
                V, U, status = self._exact(loss, counts, dim, history)
            else:
                training = _Batches(self, loss, counts, dim)
                status = solvers.train(training, history, Progress("InfoNCE", training.steps, self.verbose))
                V, U, diverged = training.V, training.U, str(training.diverged())
            self._to_pmi = loss.to_pmi(V @ U.T).cpu().numpy()
        self._to_pmi[counts.row_sums == 0] = 0.0
        self.V_: Float
        self.U_: Float
        margins = counts.row_sums / counts.total, counts.col_sums / counts.total
        self.V_, self.U_ = balanced(V.cpu().numpy(), U.cpu().numpy(), *margins)
        self.objective_, self.history_ = history.objective, history.frame()
        unfinished = "" if self.batch else f"InfoNCE has not converged at dim = {dim}: its loss still falls"
        self._ended(status, unfinished, diverged=diverged)
        return self

    def _exact(
        self, loss: losses.InfoNCELoss, counts: CooccurrenceCounts, dim: int, history: History
    ) -> tuple[Tensor, Tensor, Status]:
        # At K = 1 the optimum of SGNS is the PMI too.
        start = solvers.spectral_start(counts, dim, Negatives.of(counts, 1), self.seed)
        V, U = (torch.tensor(side, device=loss.p.device) for side in start)
        progress = Progress("InfoNCE", int(self.max_steps), self.verbose)
        place, status = solvers.minimise_coupled(loss, V, U, history, int(self.max_steps), progress)
        if status != "interrupted" and solvers.runs_off(place, loss):
            status = "no finite optimum"
        return place.V, place.U, status

    def product(self, corrected: bool = True) -> tuple[Float, Float]:
        if not corrected:
            return self.V_, self.U_
        return plus_terms(self.V_, self.U_, np.zeros(len(self.U_)), self._to_pmi)


class _Batches:
    """Batches of pairs drawn from the counts, one Adam step each; iterating takes the steps of all epochs."""

    def __init__(self, options: InfoNCE, loss: losses.InfoNCELoss, counts: CooccurrenceCounts, dim: int) -> None:
        device = loss.p.device
        assert options.batch is not None
        self._options, self._loss, self._batch = options, loss, int(options.batch)
        self._generator = torch.Generator(device).manual_seed(torch_seed(options.seed, "fit", "infonce"))
        negatives = Negatives.of(counts, 1)
        small = solvers.small_start(counts, negatives, dim, False, 0.1, self._generator)
        self.V, self.U = (side.double() for side in small)
        self._optimizer = solvers.Adam((self.V, self.U))
        self._center, self._context = (
            torch.tensor(index.astype("int64"), device=device) for index in (counts.centers, counts.matrix.indices)
        )
        self._shares = torch.cumsum(loss.share, 0)
        # The scores of all pairs of a batch, or those of all cells: the fewer.
        self._gradient = by_pairs if self._batch**2 <= np.prod(counts.shape) else by_cells
        self.epoch_steps = max(1, round(counts.total / self._batch))
        self.steps = int(options.epochs) * self.epoch_steps
        self.every = solvers.recorded_every(self.steps, counts.shape)
        self.step = 0

    def objective(self, exact: bool) -> float:
        """The exact loss at infinite batch, asked for or not; at the level of a PMI, which batches leave open."""
        X = self.V @ self.U.T
        return self._loss.at(X + self._loss.to_pmi(X)[:, None]).loss

    def state(self) -> tuple[Tensor, Tensor]:
        """All that training learns."""
        return self.V, self.U

    def diverged(self) -> InputError:
        """The error for a loss that rose without bound."""
        return solvers.too_fast(self._options.lr, self)

    def saved(self) -> dict[str, Tensor]:
        """The state of the draws, and the optimiser's moments."""
        return {"generator": self._generator.get_state()} | self._optimizer.saved()

    def restore(self, saved: dict[str, Tensor]) -> None:
        """Go on from there."""
        self._generator.set_state(saved["generator"])
        self._optimizer.restore(saved)

    def __iter__(self) -> Iterator[None]:
        while self.step < self.steps:
            uniform = torch.rand(self._batch, dtype=torch.float64, generator=self._generator, device=self._shares.device)
            drawn = torch.searchsorted(self._shares, uniform * self._shares[-1], right=True).clamp_(max=len(self._shares) - 1)
            _, dV, dU = self._gradient(self.V, self.U, self._center[drawn], self._context[drawn], self._options.symmetric)
            self._optimizer.step((dV, dU), self._options.lr * (1 - self.step / self.steps))
            self.step += 1
            yield


def by_pairs(V: Tensor, U: Tensor, center: Tensor, context: Tensor, symmetric: bool) -> tuple[float, Tensor, Tensor]:
    """`batch_loss` of the pairs (center_b, context_b), and its gradient in V and U, by the scores of B x B pairs."""
    loss, dv, du = batch_loss(V[center], U[context], symmetric)
    return loss, torch.zeros_like(V).index_add_(0, center, dv), torch.zeros_like(U).index_add_(0, context, du)


def by_cells(V: Tensor, U: Tensor, center: Tensor, context: Tensor, symmetric: bool) -> tuple[float, Tensor, Tensor]:
    """The same by the scores of words x contexts cells, whatever B is.

    Pairs of a cell are alike: of a batch with n_ij of them, r_i and c_j of a row and a column, the guess of a centre i is
    c_j exp(x_ij) / Σ_k c_k exp(x_ik), and the loss −(1/B) Σ n_ij [x_ij − log Σ_k c_k exp(x_ik)].
    """
    X = V @ U.T
    n = torch.bincount(center * X.shape[1] + context, minlength=X.numel()).view(X.shape).to(X.dtype)
    counts = n.sum(1, keepdim=True), n.sum(0, keepdim=True)
    sides = (0, 1) if symmetric else (1,)
    loss, slope = 0.0, torch.zeros_like(X)
    for side in sides:
        # counts[side] are those of what the guess is about; the others are the guesses made.
        scores = X + torch.log(counts[side])
        loss += float((n.sum(side) * torch.logsumexp(scores, side)).sum() - (n * X).sum())
        slope += torch.softmax(scores, side) * counts[1 - side] - n
    slope /= len(sides) * len(center)
    return loss / (len(sides) * len(center)), slope @ U, slope.T @ V


def batch_loss(v: Tensor, u: Tensor, symmetric: bool) -> tuple[float, Tensor, Tensor]:
    """InfoNCE of a batch, whose b-th pair is (v_b, u_b), and its gradient.

    Parameters
    ----------
    v, u : Tensor, (B, dim)
    symmetric : bool

    Returns
    -------
    loss : float
        −(1/B) Σ_b log softmax(v_b·u)_b, or the mean of it and of the same with v and u exchanged.
    dv, du : Tensor, (B, dim)
    """
    scores = v @ u.T
    sides = (1, 0) if symmetric else (1,)
    guesses = [torch.log_softmax(scores, side) for side in sides]
    loss = -sum(float(guess.diagonal().mean()) for guess in guesses) / len(sides)
    slope = torch.stack([guess.exp() for guess in guesses]).mean(0)
    slope.diagonal().sub_(1.0)
    slope /= len(v)
    return loss, slope @ u, slope.T @ v
