"""SGNS by hand: the loss, its gradients and Adam written out in NumPy, as one would derive them on a board.

One pair of a centre i and a context j, with K contexts k drawn from P_n, costs (Mikolov et al. 2013, eq. 4, negated)

    L = −log σ(x_ij) − Σ_k log σ(−x_ik),      x_ij = v_i·u_j,      σ(x) = 1 / (1 + exp(−x)).

Because σ' = σ (1 − σ) and σ(−x) = 1 − σ(x),

    d/dx [−log σ(x)] = −σ'(x) / σ(x) = σ(x) − 1,
    d/dx [−log σ(−x)] = σ'(−x) / σ(−x) = σ(x),

that is, σ(x) less the label: 1 for the pair that was seen, 0 for the ones that were drawn. The chain rule through
x = v·u does the rest: ∂x/∂v = u and ∂x/∂u = v.

A text has n_ij pairs (i, j). All of them draw from the same P_n, so that they can be taken at once, with weight n_ij
(Levy & Goldberg 2014, eqs. 2 and 3). Divided by their number N, the expected loss of all is

    ℓ = (1/N) Σ_ij [ −n_ij log σ(x_ij) − K r_i P_n(j) log σ(−x_ij) ].

Nothing here differentiates by itself; the tests hold every line against a library that does.
"""

from __future__ import annotations

import math
import time
from typing import Any, Self

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_dim, check_flag, check_integer, check_real, check_seed
from sgns_pmi.factorise import losses, solvers, watching
from sgns_pmi.factorise.base import Float
from sgns_pmi.factorise.checkpoints import current, set_state, state_of
from sgns_pmi.factorise.draws import check_draws
from sgns_pmi.factorise.methods.sgns import SGNS
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.scores import NegativeSampling
from sgns_pmi.factorise.solvers.solution import History, Status
from sgns_pmi.lazily import sp
from sgns_pmi.negatives import Negatives
from sgns_pmi.progress import Progress
from sgns_pmi.streams import stream

Indices = NDArray[np.integer[Any]]

MOST_EPOCHS, FEWEST_EPOCHS = 200, 10
VISITS = 6_000_000
"""Triples that training visits at most by default, some seconds' work; but in no fewer than `FEWEST_EPOCHS`."""
SMALL_BATCH, LARGE_BATCH = 256, 4096
BATCHES = 40
"""Batches of an epoch by default, where that makes them neither smaller nor larger than the sizes above."""
START_SCALE = 0.1
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's own constants (Kingma & Ba 2015, algorithm 1)."""


def sigmoid(x: Float) -> Float:
    """σ(x) = 1 / (1 + exp(−x))."""
    return scipy.special.expit(x)


def log_sigmoid(x: Float) -> Float:
    """log σ(x)."""
    return scipy.special.log_expit(x)


def pair_loss_and_gradient(v: Float, u_pos: Float, U_neg: Float) -> tuple[float, Float, Float, Float]:
    """Loss and gradient of one pair with its negatives.

    Parameters
    ----------
    v, u_pos : ndarray, (dim,)
        Vector of the centre and of its context.
    U_neg : ndarray, (K, dim)
        Vectors of the contexts that were drawn.

    Returns
    -------
    loss : float
        −log σ(v·u) − Σ_k log σ(−v·u_k) (Mikolov et al. 2013, eq. 4, negated).
    dv, du_pos, dU_neg : ndarray, (dim,), (dim,) and (K, dim)

    Examples
    --------
    >>> import numpy as np
    >>> loss, dv, du_pos, dU_neg = pair_loss_and_gradient(np.zeros(2), np.array([1.0, 0.0]), np.array([[0.0, 1.0]]))
    >>> round(float(loss), 4), dv.tolist()
    (1.3863, [-0.5, 0.5])
    """
    x_pos = u_pos @ v  # x_ij = v_i·u_j
    x_neg = U_neg @ v  # x_ik = v_i·u_k

    loss = -log_sigmoid(x_pos) - log_sigmoid(-x_neg).sum()  # L = −log σ(x_ij) − Σ_k log σ(−x_ik)

    g_pos = sigmoid(x_pos) - 1.0  # ∂L/∂x_ij = σ(x_ij) − 1
    g_neg = sigmoid(x_neg)  # ∂L/∂x_ik = σ(x_ik)

    dv = g_pos * u_pos + g_neg @ U_neg  # ∂L/∂v_i = (σ(x_ij) − 1) u_j + Σ_k σ(x_ik) u_k
    du_pos = g_pos * v  # ∂L/∂u_j = (σ(x_ij) − 1) v_i
    dU_neg = np.outer(g_neg, v)  # ∂L/∂u_k = σ(x_ik) v_i
    return loss, dv, du_pos, dU_neg


def batch_loss_and_gradients(
    V: Float, U: Float, center: Indices, context: Indices, negatives: Indices, weight: Float
) -> tuple[float, Float, Float]:
    """Loss Σ_b w_b L_b of a batch of pairs, and its gradients: what `pair_loss_and_gradient` says of each, added up.

    Parameters
    ----------
    V, U : ndarray, (words, dim) and (contexts, dim)
    center, context : ndarray of int, (batch,)
        i and j of each pair.
    negatives : ndarray of int, (batch, K)
        The contexts drawn for each.
    weight : ndarray, (batch, 1) or (batch, 1 + K)
        w_b of each pair or, where some negatives are dropped, of the pair and of each of its negatives.

    Returns
    -------
    loss : float
    dV, dU : ndarray, (words, dim) and (contexts, dim)
    """
    scored = np.column_stack([context, negatives])  # j, k_1 … k_K of each pair
    label = np.zeros(scored.shape[1])
    label[0] = 1.0  # y = 1 for the pair that was seen, 0 for those that were drawn
    sign = 2 * label - 1

    x = np.einsum("bd,bmd->bm", V[center], U[scored])  # x_bm = v_i·u_m
    loss = -(weight * log_sigmoid(sign * x)).sum()  # Σ_b w_b [−log σ(x_ij) − Σ_k log σ(−x_ik)]
    residual = weight * (sigmoid(x) - label)  # ∂loss/∂x_bm = w_b (σ(x_bm) − y_m)

    # The residuals as a matrix G = ∂loss/∂X (words, contexts); those of one cell are added up in the products.
    cells = np.repeat(center, scored.shape[1]), scored.ravel()
    G = sp.coo_array((residual.ravel(), cells), shape=(len(V), len(U)))
    return float(loss), G @ U, G.T @ V  # X = V Uᵀ: ∂V = G U, ∂U = Gᵀ V


class Adam:
    """Adam (Kingma & Ba, ICLR 2015, algorithm 1): steps as long as gradients are steady, whatever their size.

    Parameters
    ----------
    shape : tuple of int
        Of the parameters θ.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.m, self.s, self.t = np.zeros(shape), np.zeros(shape), 0

    def step(self, theta: Float, gradient: Float, lr: float) -> None:
        """Move θ against its gradient, in place."""
        self.t += 1
        self.m += (1 - BETA_1) * (gradient - self.m)  # m_t = β₁ m + (1 − β₁) g
        self.s += (1 - BETA_2) * (gradient**2 - self.s)  # s_t = β₂ s + (1 − β₂) g²
        m_hat = self.m / (1 - BETA_1**self.t)  # both began at 0, and are this much too small
        s_hat = self.s / (1 - BETA_2**self.t)
        theta -= lr * m_hat / (np.sqrt(s_hat) + EPSILON)  # θ_t = θ − lr m̂ / (√ŝ + ε)


@method("numpy_sgns", "SGNS by hand-derived gradients in NumPy, to be read")
class NumpySGNS(SGNS):
    """Skip-gram with negative sampling by hand-derived gradients, in NumPy: SGNS to be read.

    The triples (i, j, n_ij) are visited in shuffled mini-batches, each with K negatives a pair; a batch weighs its
    triples by n_ij / (mean weight of a batch), so that its expected loss is ℓ. Adam takes the steps, at a rate that
    falls linearly to 0.

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
    bias : bool, default False
        Scores V·Uᵀ + b + c.
    drop_positive : bool, default False
        Drop a negative equal to the positive.
    epochs : int, optional
        Passes over the triples; by default 200, fewer (10 at least) where they would be more than six million visits.
    lr : float, default 0.05
        Adam's learning rate at the beginning.
    batch_size : int, optional
        Triples in a batch; by default a fortieth of them, but at least 256 and at most 4,096. A step updates all of V and U.
    seed : int, default 0
        Start and draws.
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_, U_, row_bias_, col_bias_, objective_, history_, noise_, status_
        As those of `SGNS`.

    Notes
    -----
    With the defaults ℓ ends 0.3 to 0.5 % above its optimum on the R experiment's counts (100 words, 8,590 triples, K = 20,
    dim 4; three seeds), in 4 s on one core: where `Sampled` ends, by the same recipe in PyTorch. As Adam moves all of V and U
    in each step, this is for vocabularies of some thousand words.

    References
    ----------
    Mikolov et al., "Distributed Representations of Words and Phrases and their Compositionality", NIPS 2013, eq. 4.
    Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NIPS 2014, eqs. 2 and 3.
    Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> sgns = NumpySGNS(dim=2, k=5, epochs=3000).fit(np.array([[8, 2], [2, 8]]))
    >>> bool(abs(sgns.estimate_pmi() - np.log([[1.6, 0.4], [0.4, 1.6]])).max() < 0.1)
    True
    """

    def __init__(
        self,
        dim: int = 4,
        k: int = 5,
        noise: str | ArrayLike = "unigram",
        exponent: float = 1.0,
        bias: bool = False,
        drop_positive: bool = False,
        epochs: int | None = None,
        lr: float = 0.05,
        batch_size: int | None = None,
        seed: int = 0,
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.k = k
        self.noise = noise
        self.exponent = exponent
        self.bias = bias
        self.drop_positive = drop_positive
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose

    def check(self) -> None:
        NegativeSampling.check(self)
        check_integer("dim", self.dim)
        check_flag("bias", self.bias)
        if self.epochs is not None:
            check_integer("epochs", self.epochs)
        check_real("lr", self.lr, above=True)
        if self.batch_size is not None:
            check_integer("batch_size", self.batch_size)
        check_seed(self.seed)

    def fit(self, X: Any, y: Any = None) -> Self:  # type: ignore[override]  # nothing is held out
        """Learn V and U from counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Ctrl-C ends training and keeps what was learned.

        Raises
        ------
        InputError
            For a parameter out of range, dim above the smaller side, or a noise that is zero where a context occurs.
        """
        self.check()
        counts = self._remember(X)
        dim, k = check_dim(self.dim, counts.shape), check_integer("k", self.k)
        rng = stream(self.seed, "fit", "numpy_sgns")
        negatives = self.negatives_of(counts)
        self._scores_of(counts, negatives)
        V, U = _start(counts, negatives, dim, self.bias, rng)

        center, context = counts.matrix.tocoo().coords
        n = counts.matrix.data
        batch_size = int(self.batch_size or min(max(counts.nnz // BATCHES, SMALL_BATCH), LARGE_BATCH))
        check_draws(k, min(batch_size, counts.nnz), dim)
        epochs = int(self.epochs or max(FEWEST_EPOCHS, min(MOST_EPOCHS, VISITS // counts.nnz)))
        epoch_steps = math.ceil(counts.nnz / batch_size)
        steps = epochs * epoch_steps
        mean_weight = counts.total / epoch_steps  # of a batch: what divides its loss, so that batches average to ℓ

        history = History()
        adam_V, adam_U = Adam(V.shape), Adam(U.shape)
        status: Status = "step limit"
        learned = {"V": V, "U": U, "V_m": adam_V.m, "V_s": adam_V.s, "U_m": adam_U.m, "U_s": adam_U.s}
        checkpoint, diverged = current(), ""
        if (state := checkpoint.load()) is not None:  # of the same fit, which was ended
            for name, own in learned.items():
                own[:] = state[name]
            adam_V.t = adam_U.t = int(state["t"])
            set_state(rng, state["rng"])
            history.restore(state)
            kept = state["kept_V"], state["kept_U"]
        else:
            kept = self._record(history, 0, 0.0, V, U, counts)
        watch = watching.current()
        with Progress("SGNS (NumPy)", steps, self.verbose) as progress:
            try:
                for epoch in range(adam_V.t // epoch_steps, epochs):
                    order = rng.permutation(counts.nnz)
                    for start in range(0, counts.nnz, batch_size):
                        if watch.due(adam_V.t):
                            watch.show(adam_V.t, adam_V.t / epoch_steps, V, U)
                        b = order[start : start + batch_size]
                        drawn = rng.choice(counts.shape[1], size=(len(b), k), p=negatives.noise)  # k_1 … k_K ~ P_n
                        weight = n[b, None] / mean_weight
                        if negatives.drops:
                            weight = np.hstack([weight, weight * (drawn != context[b, None])])
                        loss, dV, dU = batch_loss_and_gradients(V, U, center[b], context[b], drawn, weight)
                        if self.bias:  # the columns of ones stay
                            dV[:, solvers.ONES[0]] = dU[:, solvers.ONES[1]] = 0.0
                        lr = self.lr * (1 - adam_V.t / steps)
                        adam_V.step(V, dV, lr)
                        adam_U.step(U, dU, lr)
                        progress.update(objective=loss)
                    if (epoch + 1) % math.ceil(epochs / solvers.RECORDS) == 0 and epoch + 1 < epochs:
                        kept = self._record(history, adam_U.t, epoch + 1, V, U, counts)
                    if checkpoint.due:
                        before = {"kept_V": kept[0], "kept_U": kept[1], "t": np.array(adam_U.t), "rng": state_of(rng)}
                        checkpoint.save(learned | before | history.saved())
            except KeyboardInterrupt:
                status = "interrupted"
            except InputError as error:
                status, diverged = "diverged", str(error)
        try:
            if status != "diverged":
                kept = self._record(history, adam_U.t, adam_U.t / epoch_steps, V, U, counts)
                if watch.due(adam_U.t, last=True):
                    watch.show(adam_U.t, adam_U.t / epoch_steps, V, U)
        except InputError as error:
            status, diverged = "diverged", str(error)
        V, U = kept

        self.V_, self.U_, self.row_bias_, self.col_bias_ = solvers.parts(V, U, self.bias)
        self.objective_, self.history_ = history.objective, history.frame()
        self._ended(status, diverged=diverged)
        return self

    def _record(
        self, history: History, step: int, epoch: float, V: Float, U: Float, counts: CooccurrenceCounts
    ) -> tuple[Float, Float]:
        """Note the exact ℓ, and return what has it; an `InputError` where it rose without bound."""
        begin = time.perf_counter()
        objective = losses.sgns_objective(V, U, counts, self.k, self.noise_, drop_positive=self.drop_positive)
        history.skip(time.perf_counter() - begin)
        if history.rows and not objective < solvers.DIVERGED * history.rows[0][3]:  # also true of NaN
            raise InputError("lr", self.lr, f"training diverged by step {step}; choose a smaller learning rate")
        history.add(step, epoch, objective)
        return V.copy(), U.copy()


def _start(
    counts: CooccurrenceCounts, negatives: Negatives, dim: int, bias: bool, rng: np.random.Generator
) -> tuple[Float, Float]:
    """Normal V and U, zero for words that never occur; with `bias` [V, b, 1] and [U, 1, c], whose product is V·Uᵀ + b + c."""
    occurs = counts.row_sums > 0, negatives.noise > 0
    V, U = (rng.normal(0.0, START_SCALE, (len(side), dim)) * side[:, None] for side in occurs)
    return solvers.with_biases(V, U) if bias else (V, U)
