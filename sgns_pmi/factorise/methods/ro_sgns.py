"""RO-SGNS: Riemannian optimisation of ℓ on the manifold of matrices of rank dim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import check_dim, check_integer, check_real, check_seed
from sgns_pmi.factorise import losses, solvers
from sgns_pmi.factorise.base import Float
from sgns_pmi.factorise.checkpoints import current
from sgns_pmi.factorise.devices import resolve_device, threads_for
from sgns_pmi.factorise.linalg import truncated_svd
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.scores import ScoreFactorisation
from sgns_pmi.factorise.solvers.solution import History, Status
from sgns_pmi.lazily import torch
from sgns_pmi.pmi import sppmi_matrix
from sgns_pmi.progress import Progress
from sgns_pmi.streams import stream

if TYPE_CHECKING:
    from torch import Tensor

SMALL_CELLS = 1_000_000  # words x contexts up to which float64 costs little
MOST_HALVINGS = 40
MOST_CHANGE = 10.0  # of the step length, from one to the next
RECENT = 20  # steps which together must bring more than the tolerance
PROMISED = 10.0  # tolerances that a step in the metric of ℓ may promise at an optimum


@dataclass(frozen=True)
class Point:
    """X = left · Qᵀ of rank dim, with orthonormal Q, and what is known there."""

    left: Tensor  # (words, dim)
    Q: Tensor  # (contexts, dim)
    loss: float  # ℓ(X)
    GQ: Tensor  # (words, dim), of the gradient G = ∂(Nℓ)/∂X


class Manifold:
    """ℓ on the matrices of rank dim. G, (words, contexts), is never formed beyond a block of rows."""

    def __init__(self, exact: losses.ExactObjective) -> None:
        self.exact = exact

    def point(self, left: Tensor, Q: Tensor, other: Tensor) -> tuple[Point, Tensor]:
        """left · Qᵀ, and the product there of G with other (contexts, dim).

        [left, 0] · [Q, other]ᵀ is the same matrix, and the gradient in its left factor is G · [Q, other].
        """
        loss, products, _ = self.exact.value_and_gradient(_beside(left, torch.zeros_like(left)), _beside(Q, other))
        products, dim = self.exact.total * products, Q.shape[1]
        return Point(left, Q, loss, products[:, :dim].clone()), products[:, dim:]

    def split(self, X: Point, length: float) -> tuple[Tensor, Tensor, float]:
        """One step of projector splitting: P₊ = orth((X − λG) Q), then Q₊ R = QR of (X − λG)ᵀ P₊, and X₊ = P₊ Rᵀ Q₊ᵀ.

        Returns P₊ Rᵀ, Q₊ and ⟨G, X₊ − X⟩. (Fonarev et al. 2017, algorithm 1; Lubich & Oseledets 2014.)
        """
        P = torch.linalg.qr(X.left - length * X.GQ)[0]
        products = self.exact.value_and_gradient(_beside(X.left, P), _beside(X.Q, torch.zeros_like(X.Q)))[2]
        GP = self.exact.total * products[:, P.shape[1] :]
        right = X.Q @ (X.left.T @ P) - length * GP
        Q, R = torch.linalg.qr(right)
        return P @ R.T, Q, _inner(GP, right) - _inner(X.GQ, X.left)

    def search(self, X: Point, length: float) -> tuple[Point, float] | None:
        """The first of length, length/2, ... at which ℓ falls enough: the point there, and the length to try next."""

        def trial(length: float) -> tuple[solvers.Trial, tuple[Point, Tensor, float]]:
            left, Q, change = self.split(X, length)
            new, G_old = self.point(left, Q, X.Q)
            return solvers.Trial(new.loss, -change / self.exact.total), (new, G_old, change)

        found = solvers.backtrack(trial, X.loss, length=length, halvings=MOST_HALVINGS)
        if found is None:
            return None
        length, _, (new, G_old, change) = found
        return new, float(np.clip(barzilai_borwein(X, new, G_old, change), length / MOST_CHANGE, length * MOST_CHANGE))


def barzilai_borwein(X: Point, new: Point, G_old: Tensor, change: float) -> float:
    """⟨s, s⟩ / ⟨s, y⟩ of the step s = X₊ − X and the change y of G; infinite where ℓ is not convex along it.

    `G_old` is G₊ Q, and `change` ⟨G, s⟩. (Barzilai & Borwein, IMA J. Numer. Anal. 8, 1988.)
    """
    squared = _inner(new.left, new.left) + _inner(X.left, X.left) - 2 * _inner(new.left.T @ X.left, new.Q.T @ X.Q)
    bend = _inner(new.GQ, new.left) - _inner(G_old, X.left) - change
    return squared / bend if bend > 0 else np.inf


def _beside(left: Tensor, right: Tensor) -> Tensor:
    return torch.cat([left, right], dim=1)


def _inner(a: Tensor, b: Tensor) -> float:
    return float((a.double() * b.double()).sum())


@method("ro_sgns", "SGNS by Riemannian optimisation over matrices of rank dim")
class ROSGNS(ScoreFactorisation):
    """SGNS by Riemannian optimisation: gradient steps on the manifold of rank-dim matrices (Fonarev et al. 2017).

    Minimises the same ℓ(V·Uᵀ) as `SGNS`, over X rather than over its factors: each step follows the gradient G of ℓ by X and
    returns to the manifold by projector splitting, X₊ = P₊ Rᵀ Q₊ᵀ with P₊ = orth((X − λG) Q) and Q₊ R = QR of (X − λG)ᵀP₊. It
    starts from the truncated SVD of SPPMI, as in the paper; where that is zero from the zero matrix, with random
    orthonormal Q.

    The paper fixes λ by hand. Here by default it is found: the first guess at each point is Barzilai and Borwein's, halved until
    ℓ falls enough (Armijo), so that ℓ never rises. The geometry is the paper's, blind to the weights of the cells, whose spread
    makes the way long where words differ much in frequency.

    Parameters
    ----------
    dim : int, default 4
        Rank of X.
    k : int, default 5
        Number of negatives K.
    noise : str or array-like (contexts,), default "unigram"
        P_n; see `noise_distribution`.
    exponent : float, default 1.0
        Power of the unigram noises.
    drop_positive : bool, default False
        The objective of word2vec.c and gensim, which drop a negative equal to the positive.
    step : float, optional
        A fixed λ, multiplying the gradient of Nℓ as in the published program (5e-6 there); by default found at each point.
    max_steps : int, default 1000
    tolerance : float, default 1e-6
        Ends when 20 steps together lower ℓ by less than this share of it: at an optimum, if a step in the metric of ℓ, which
        the exact solver would take, promises less than ten times as much.
    seed : int, default 0
        Of the start.
    device : str, default "cpu"
        "cpu", "cuda" or "auto".
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
        A √Σ and B √Σ of the SVD X = A Σ Bᵀ.
    objective_ : float
        The exact ℓ.
    history_ : DataFrame
        step, epoch, seconds, objective.
    status_ : {"optimum", "step limit", "diverged", "interrupted"}
        How the descent ended.
    note_ : str
        Empty, or that it has not converged.

    References
    ----------
    Fonarev, Grinchuk, Gusev, Serdyukov & Oseledets, "Riemannian Optimization for Skip-Gram Negative Sampling", ACL 2017.
    Lubich & Oseledets, "A projector-splitting integrator for dynamical low-rank approximation", BIT 54 (2014).

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> from sgns_pmi.factorise.methods.ro_sgns import ROSGNS
    >>> counts = sp.softmax_problem(words=20, rank=1, seed=0).counts
    >>> best = sp.SGNS(dim=2).fit(counts).objective_
    >>> 0 < ROSGNS(dim=2).fit(counts).objective_ / best - 1 < 0.01
    True
    """

    def __init__(
        self,
        dim: int = 4,
        k: int = 5,
        noise: str | ArrayLike = "unigram",
        exponent: float = 1.0,
        drop_positive: bool = False,
        step: float | None = None,
        max_steps: int = 1000,
        tolerance: float = 1e-6,
        seed: int = 0,
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.k = k
        self.noise = noise
        self.exponent = exponent
        self.drop_positive = drop_positive
        self.step = step
        self.max_steps = max_steps
        self.tolerance = tolerance
        self.seed = seed
        self.device = device
        self.verbose = verbose

    def check(self) -> None:
        super().check()
        check_integer("dim", self.dim)
        if self.step is not None:
            check_real("step", self.step, above=True)
        check_integer("max_steps", self.max_steps)
        check_real("tolerance", self.tolerance)
        check_seed(self.seed)
        resolve_device(self.device)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn X from counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Ctrl-C ends training and keeps what was learned.

        Raises
        ------
        InputError
            For a parameter out of range, dim above the smaller side, or a noise that is zero where a context occurs.
        """
        self.check()
        counts = self._remember(X)
        dim, history = check_dim(self.dim, counts.shape), History()
        negatives = self.negatives_of(counts)
        large = counts.shape[0] * counts.shape[1] > SMALL_CELLS
        exact = losses.ExactObjective(
            counts, negatives, dtype=torch.float32 if large else torch.float64, device=resolve_device(self.device)
        )
        left, Q = (
            torch.as_tensor(side, dtype=exact.dtype, device=exact.device)
            for side in sppmi_start(counts, dim, negatives.k, self.seed)
        )
        # Nℓ bends nowhere more than a quarter of a cell's weight.
        first = 4 / (float(counts.matrix.data.max()) + negatives.k * float(counts.row_sums.max() * negatives.noise.max()))
        with threads_for(counts.shape), Progress("RO-SGNS", int(self.max_steps), self.verbose) as progress:
            X, status = self._descend(Manifold(exact), left, Q, first, history, progress)
        A, values, B = (part.double().cpu().numpy() for part in torch.linalg.svd(X.left, full_matrices=False))
        self.V_: Float = A * np.sqrt(values)
        self.U_: Float = X.Q.double().cpu().numpy() @ B.T * np.sqrt(values)
        self.objective_, self.history_ = X.loss, history.frame()
        steps = len(history.rows) - 1
        self._ended(
            status,
            f"RO-SGNS has not converged at dim = {dim}: ℓ still falls after {steps} steps",
            diverged=f"step={self.step}: ℓ grew tenfold by step {steps + 1}; choose a smaller one",
        )
        self._scores_of(counts, negatives)
        return self

    def _descend(
        self, manifold: Manifold, left: Tensor, Q: Tensor, length: float, history: History, progress: Progress
    ) -> tuple[Point, Status]:
        """Steps until `RECENT` of them bring too little, none brings anything, or there were enough."""
        checkpoint = current()
        if (state := checkpoint.load()) is not None:
            parts = {name: torch.from_numpy(state[name]).to(left.device) for name in ("left", "Q", "GQ")}
            X, length = Point(loss=float(state["loss"]), **parts), float(state["length"])
            history.restore(state)
        else:
            X, _ = manifold.point(left, Q, torch.zeros_like(Q))
            history.add(0, 0, X.loss)
        try:
            for step in range(len(history.rows), int(self.max_steps) + 1):
                if self.step is not None:
                    left, right, _ = manifold.split(X, self.step)
                    new, _ = manifold.point(left, right, X.Q)
                    if not new.loss < solvers.DIVERGED * history.rows[0][3]:
                        return X, "diverged"
                    X = new
                else:
                    found = manifold.search(X, length)
                    if found is None:
                        return X, self._end(manifold.exact, X)
                    X, length = found
                history.add(step, step, X.loss)
                progress.update(objective=X.loss)
                if step >= RECENT and 0 <= history.rows[-RECENT - 1][3] - X.loss <= self.tolerance * X.loss:
                    return X, self._end(manifold.exact, X)
                if checkpoint.due:
                    checkpoint.save(vars(X) | {"length": length} | history.saved())
        except KeyboardInterrupt:
            return X, "interrupted"
        return X, "step limit"

    def _end(self, exact: losses.ExactObjective, X: Point) -> Status:
        """What it is where steps bring nothing more: they may only have become short."""
        least = PROMISED * max(self.tolerance, solvers.ROUNDING[exact.dtype])
        return "optimum" if solvers.promised(exact, X.left, X.Q) <= least else "step limit"


def sppmi_start(counts: CooccurrenceCounts, dim: int, k: float, seed: int) -> tuple[Float, Float]:
    """left (words, dim) and orthonormal Q (contexts, dim) of the truncated SVD of SPPMI; where that is zero, 0 and a random Q."""
    matrix = sppmi_matrix(counts, k)
    if matrix.nnz == 0:
        random = stream(seed, "start", "ro_sgns").normal(size=(counts.shape[1], dim))
        return np.zeros((counts.shape[0], dim)), np.linalg.qr(random)[0]
    left, values, Q = truncated_svd(matrix, dim, seed)
    return left * values, Q
