"""GloVe: weighted least squares on log counts, solved by AdaGrad or by alternating exact steps.

    J = (1/nnz) Σ_seen f(n_ij) (v_i·u_j + b_i + b̃_j − log n_ij)²,     f(n) = min(1, (n / x_max)^α)

(Pennington, Socher & Manning 2014, eqs. 8 and 9), over the cells that were seen, and on request (λ/2)(‖V‖² + ‖U‖²) beside it.
"adagrad" is what glove.c does: one step for each triple, in shuffled order. "als" uses that J is quadratic in one side while
the other is held: row by row a weighted least-squares problem in dim + 1 unknowns, solved exactly, so that J never rises and
no learning rate is chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, check_dim, check_integer, check_real, check_seed
from sgns_pmi.factorise import kernels
from sgns_pmi.factorise.base import Factorisation, Float
from sgns_pmi.factorise.checkpoints import current
from sgns_pmi.factorise.devices import threads_for
from sgns_pmi.factorise.linalg import balanced, plus_terms
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.solvers.solution import History, Status
from sgns_pmi.lazily import sp, torch
from sgns_pmi.progress import Progress
from sgns_pmi.streams import stream

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_EPOCHS = {"als": 300, "adagrad": 25}
ALS_WORK = 10**8
"""triples x (dim + 1)² up to which a round of "als" takes a tenth of a second."""
TOLERANCE = 1e-8  # relative fall of J in a round of "als" below which it has converged
EXACT_FIT = 1e-16  # so small a fall is none where the fit is exact
LEAST_NORM = 1e-10  # relative to a row's mean diagonal: picks, of solutions that fit equally well, the one of least norm
LEAST_WEIGHT = 1e-250  # what is below has no weight: its square would underflow
BATCH_NUMBERS = 8 * 10**6  # in one batch of gathered vectors, which bounds memory
CHUNK = 10**6  # triples between two looks at Ctrl-C


@method("glove", "GloVe: weighted least squares on log counts, with biases", loss="GloVe loss (a cell)")
class GloVe(Factorisation):
    """Global vectors: V·Uᵀ + b + b̃ ≈ log n on the seen cells, in weighted least squares.

    As log n_ij = PMI_ij + log r_i + log c_j − log N, the fit is an estimate of PMI (corrected). The raw estimate is
    V·Uᵀ alone, the embedding as people compare it, which is PMI only as far as the biases are log r_i and log c_j − log N.

    Parameters
    ----------
    dim : int, default 4
        Columns of V and U; the biases are not among them.
    x_max : float, default 100.0
        Count from which on cells weigh alike.
    alpha : float, default 0.75
        Power of the weight below that.
    solver : {"als", "adagrad"}, optional
        By default "als" where triples x (dim + 1)² is at most 10⁸, else "adagrad".
    ridge : float, default 0
        λ of the penalty (λ/2)(‖V‖² + ‖U‖²) that is added to J; biases are free. J is a mean over cells, so that λ is no λ of ℓ.
    epochs : int, optional
        "adagrad": passes over the triples, by default 25. "als": rounds at most, by default 300.
    lr : float, default 0.05
        Learning rate of "adagrad".
    seed : int, default 0
        Of the start and of the order of the triples.
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
    row_bias_, col_bias_ : ndarray, (words,) and (contexts,)
        b and b̃.
    objective_ : float
        J at the fitted factors, without the penalty.
    history_ : DataFrame
        step (rounds, or triples visited), epoch, seconds, objective; with the penalty.
    status_ : {"optimum", "step limit", "diverged", "interrupted"}
        How the solver ended; "adagrad" has no tolerance and ends at its step limit.
    note_ : str
        Empty, or that "als" has not converged.

    Notes
    -----
    J sees V·Uᵀ + b + b̃ alone. "als" ends in canonical factors of it: weighted by what f gives to each word, V and U have
    mean zero, so that the biases hold all that one side explains, and VᵀWV = UᵀW̃U is diagonal. "adagrad" leaves them as
    its path made them, as glove.c does. Where a word has fewer cells than unknowns the least-squares solution of least
    norm is taken. A penalty sees more than the product: with one, all words weigh alike in "als"'s canonical factors, as they do
    at a minimum, so that the penalty does not rise.

    References
    ----------
    Pennington, Socher & Manning, "GloVe: Global Vectors for Word Representation", EMNLP 2014; its program glove.c.

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> from sgns_pmi.factorise.methods.glove import GloVe
    >>> problem = sp.softmax_problem(words=20, rank=1, sampling="population", seed=0)
    >>> bool(abs(GloVe(dim=1).fit(problem.counts).estimate_pmi() - problem.pmi).max() < 1e-4)
    True
    """

    def __init__(
        self,
        dim: int = 4,
        x_max: float = 100.0,
        alpha: float = 0.75,
        ridge: float = 0.0,
        solver: str | None = None,
        epochs: int | None = None,
        lr: float = 0.05,
        seed: int = 0,
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.x_max = x_max
        self.alpha = alpha
        self.ridge = ridge
        self.solver = solver
        self.epochs = epochs
        self.lr = lr
        self.seed = seed
        self.verbose = verbose

    def check(self) -> None:
        check_integer("dim", self.dim)
        check_real("x_max", self.x_max, above=True)
        check_real("alpha", self.alpha)
        check_real("ridge", self.ridge)
        if self.solver is not None:
            check_choice("solver", self.solver, DEFAULT_EPOCHS)
        if self.epochs is not None:
            check_integer("epochs", self.epochs)
        check_real("lr", self.lr, above=True)
        check_seed(self.seed)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn V, U and the biases from counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Ctrl-C ends training and keeps what was learned.

        Raises
        ------
        InputError
            For a parameter out of range, or dim above the smaller side.
        """
        self.check()
        counts = self._remember(X)
        dim = check_dim(self.dim, counts.shape)
        solver = self.solver or ("als" if counts.nnz * (dim + 1) ** 2 <= ALS_WORK else "adagrad")
        epochs = int(self.epochs or DEFAULT_EPOCHS[solver])
        rng = stream(self.seed, "fit", "glove")
        # As glove.c starts; a word that never occurs has no loss, and zeros.
        V, U = (
            (rng.random((len(sums), dim + 1)) - 0.5) / dim * (sums > 0)[:, None] for sums in (counts.row_sums, counts.col_sums)
        )
        diverged = ""
        history, progress = History(), Progress(f"GloVe ({solver})", epochs, self.verbose)
        status: Status
        v: NDArray[np.floating[Any]]
        u: NDArray[np.floating[Any]]
        if solver == "adagrad":
            v, u, loss, status, diverged = self._adagrad(counts, V, U, epochs, rng, history, progress)
        else:
            v, u, loss, status = self._als(counts, V, U, epochs, history, progress)
        als = solver == "als"
        self._ended(
            status, f"GloVe (als) has not converged in {epochs} rounds: its loss still falls" if als else "", diverged=diverged
        )
        self.V_, self.row_bias_ = v[:, :-1].copy(), v[:, -1].copy()
        self.U_, self.col_bias_ = u[:, :-1].copy(), u[:, -1].copy()
        self.objective_, self.history_ = loss, history.frame()
        # log n = PMI + log r + log c − log N.
        self._row_term = _log(counts.row_sums) - np.log(counts.total)
        self._col_term = _log(counts.col_sums)
        return self

    def weight(self, n: Float) -> Float:
        """f(n) = min(1, (n / x_max)^α)."""
        weight: Float = np.minimum(1.0, (n / self.x_max) ** self.alpha)
        if not (weight > LEAST_WEIGHT).any():
            raise InputError("alpha", self.alpha, f"leaves no count below x_max = {self.x_max:g} a weight; choose a smaller one")
        return weight

    def _penalty(self, v: NDArray[Any], u: NDArray[Any]) -> float:
        """(λ/2)(‖V‖² + ‖U‖²) of vectors with their biases."""
        return self.ridge / 2 * sum(float(np.square(side[:, :-1], dtype=np.float64).sum()) for side in (v, u))

    def _adagrad(
        self,
        counts: CooccurrenceCounts,
        V: Float,
        U: Float,
        epochs: int,
        rng: np.random.Generator,
        history: History,
        progress: Progress,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], float, Status, str]:
        """One step a triple, float32, in an order shuffled once, as the pipeline of glove.c does."""
        order = rng.permutation(counts.nnz)
        center, context = (index[order].astype(np.int32) for index in (counts.centers, counts.matrix.indices))
        n = counts.matrix.data[order]
        log_n, weight = np.log(n).astype(np.float32), self.weight(n).astype(np.float32)
        v, u = V.astype(np.float32), U.astype(np.float32)
        v_squares, u_squares = np.ones_like(v), np.ones_like(u)
        # Each of a word's cells bears a part of its penalty; of slopes glove.c leaves out the 2.
        v_decay, u_decay = (
            (self.ridge * counts.nnz / 2 / np.maximum(np.bincount(index, minlength=size), 1)).astype(np.float32)
            for index, size in ((center, len(v)), (context, len(u)))
        )
        visited = 0
        status: Status = "step limit"
        kept, diverged = (v, u), ""

        def record() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            loss = kernels.weighted_squares(v, u, center, context, log_n, weight) / counts.nnz + self._penalty(v, u)
            if not np.isfinite(loss):
                raise InputError("lr", self.lr, "training diverged; choose a smaller learning rate")
            history.add(visited, visited / counts.nnz, loss)
            return v.copy(), u.copy()

        checkpoint, learned = current(), {"v": v, "u": u, "v_squares": v_squares, "u_squares": u_squares}
        with progress:
            try:
                if (state := checkpoint.load()) is not None:
                    for name, own in learned.items():
                        own[:] = state[name]
                    history.restore(state)
                    visited, kept = history.rows[-1][0], (v.copy(), u.copy())
                else:
                    kept = record()
                for _ in range(visited // counts.nnz, epochs):
                    for low in range(0, counts.nnz, CHUNK):
                        chunk = slice(low, min(low + CHUNK, counts.nnz))
                        kernels.visit_triples(
                            v, u, v_squares, u_squares, v_decay, u_decay,
                            center[chunk], context[chunk], log_n[chunk], weight[chunk], self.lr,
                        )  # fmt: skip
                        visited += chunk.stop - chunk.start
                    kept = record()
                    progress.update(objective=history.objective)
                    if checkpoint.due:
                        checkpoint.save(learned | history.saved())
            except KeyboardInterrupt:
                status, kept = "interrupted", record()
            except InputError as error:
                status, diverged = "diverged", str(error)
        return *kept, history.objective - self._penalty(*kept), status, diverged

    def _als(
        self, counts: CooccurrenceCounts, V: Float, U: Float, rounds: int, history: History, progress: Progress
    ) -> tuple[Float, Float, float, Status]:
        """Rounds of exact least squares, of V given U and of U given V, float64."""
        status: Status = "step limit"
        v, u = torch.from_numpy(V), torch.from_numpy(U)
        sides = [_Side(matrix, self, self.dim) for matrix in (counts.matrix, counts.matrix.T.tocsr())]
        checkpoint = current()
        with threads_for(counts.shape), progress:
            try:
                if (state := checkpoint.load()) is not None:
                    v, u = torch.from_numpy(state["v"]), torch.from_numpy(state["u"])
                    history.restore(state)
                else:
                    history.add(0, 0.0, sides[0].squares(v, u) / counts.nnz + self._penalty(V, U))
                for done in range(history.rows[-1][0] + 1, rounds + 1):
                    new_v, _ = sides[0].solve(u)
                    new_u, loss = sides[1].solve(new_v)
                    v, u, before = new_v, new_u, history.objective
                    history.add(done, float(done), loss / counts.nnz + self._penalty(v.numpy(), u.numpy()))
                    progress.update(objective=history.objective)
                    if before - history.objective <= TOLERANCE * before + EXACT_FIT:
                        status = "optimum"
                        break
                    if checkpoint.due:
                        checkpoint.save({"v": v, "u": u} | history.saved())
            except KeyboardInterrupt:
                status = "interrupted"
        loss = history.objective - self._penalty(v.numpy(), u.numpy())
        weights = [(sums > 0).astype(np.float64) if self.ridge else sums for sums in (side.sums() for side in sides)]
        return *_canonical(v.numpy(), u.numpy(), *weights), loss, status

    def product(self, corrected: bool = True) -> tuple[Float, Float]:
        if not corrected:
            return self.V_.astype(np.float64), self.U_.astype(np.float64)
        return plus_terms(self.V_, self.U_, self.col_bias_ - self._col_term, self.row_bias_ - self._row_term)


class _Batch(NamedTuple):
    """Rows with about as many cells each, padded with cells of weight zero: arrays (rows, cells)."""

    rows: Tensor
    contexts: Tensor
    log_n: Tensor
    weight: Tensor

    def residuals(self, own: Tensor, other: Tensor) -> Tensor:
        """Log counts less the other side's bias and the product of the vectors with their own bias."""
        return self.targets(other) - torch.bmm(self.features(other), own[self.rows, :, None])[:, :, 0]

    def features(self, other: Tensor) -> Tensor:
        """[u_j, 1] of the cells, (rows, cells, dim + 1): what faces v_i and b_i."""
        features = other[self.contexts]
        features[:, :, -1] = 1.0
        return features

    def targets(self, other: Tensor) -> Tensor:
        """log n_ij − b̃_j."""
        return self.log_n - other[self.contexts, -1]


def _batch(n: sp.csr_array, weight: Float, rows: NDArray[np.intp], longest: int) -> _Batch:
    place = np.arange(longest)
    inside = place < np.diff(n.indptr)[rows, None]
    cells = np.where(inside, n.indptr[rows, None].astype(np.int64) + place, 0)
    arrays = rows, n.indices[cells].astype(np.int64), np.log(n.data[cells]), weight[cells] * inside
    return _Batch(*map(torch.from_numpy, arrays))


class _Side:
    """The rows of V, or of U, as least-squares problems on the vectors of the other side."""

    def __init__(self, n: sp.csr_array, glove: GloVe, dim: int) -> None:
        self._shape, self._weight = n.shape, sp.csr_array((glove.weight(n.data), n.indices, n.indptr), shape=n.shape)
        self._ridge = glove.ridge * n.nnz / 2  # of Σ f(n) residual², half of whose slopes the normal equations are
        per_row = np.diff(n.indptr)
        order = np.argsort(-per_row, kind="stable")[: np.count_nonzero(per_row)]
        self._batches = []
        while len(order):
            longest = int(per_row[order[0]])
            alike = int(np.searchsorted(-per_row[order], -longest / 2, side="right"))  # half of it is padding at most
            rows = order[: min(alike, max(1, BATCH_NUMBERS // ((dim + 1) * longest)))]
            self._batches.append(_batch(n, self._weight.data, rows, longest))
            order = order[len(rows) :]

    def sums(self) -> Float:
        """Σ_j f(n_ij) of each row."""
        return np.asarray(self._weight.sum(axis=1), dtype=np.float64)

    def squares(self, own: Tensor, other: Tensor) -> float:
        """Σ f(n) residual²."""
        return sum(float((batch.weight * batch.residuals(own, other).square()).sum()) for batch in self._batches)

    def solve(self, other: Tensor) -> tuple[Tensor, float]:
        """The rows with their biases that fit best, and Σ f(n) residual² with them."""
        own = torch.zeros((self._shape[0], other.shape[1]), dtype=other.dtype)
        loss = 0.0
        for batch in self._batches:
            features = batch.features(other)
            weighted = (features * batch.weight[:, :, None]).mT
            normal = torch.bmm(weighted, features)
            diagonal = normal.diagonal(dim1=1, dim2=2)
            mean = diagonal.mean(dim=1, keepdim=True)
            diagonal[:, :-1] += self._ridge
            diagonal += LEAST_NORM * mean + (mean < LEAST_WEIGHT)  # a row without weight has the solution 0
            right = torch.bmm(weighted, batch.targets(other)[:, :, None])
            own[batch.rows] = torch.cholesky_solve(right, torch.linalg.cholesky(normal))[:, :, 0]
            loss += float((batch.weight * batch.residuals(own, other).square()).sum())
        return own, loss


def _canonical(V: Float, U: Float, row_weight: Float, col_weight: Float) -> tuple[Float, Float]:
    """The same V·Uᵀ + b + b̃ with weighted means of V and U zero, and the factors `balanced`; biases are the last columns."""
    row_mean, col_mean = (np.average(side[:, :-1], axis=0, weights=weight) for side, weight in ((V, row_weight), (U, col_weight)))
    # A word that never occurs keeps its zeros.
    own, other = (V[:, :-1] - row_mean) * (row_weight > 0)[:, None], (U[:, :-1] - col_mean) * (col_weight > 0)[:, None]
    row_bias = V[:, -1] + V[:, :-1] @ col_mean
    col_bias = U[:, -1] + other @ row_mean
    own, other = balanced(own, other, row_weight, col_weight)
    return np.column_stack([own, row_bias]), np.column_stack([other, col_bias])


def _log(sums: Float) -> Float:
    """log, and 0 for what never occurs."""
    return np.log(np.where(sums > 0, sums, 1.0))
