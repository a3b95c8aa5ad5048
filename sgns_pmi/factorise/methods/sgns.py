"""SGNS, skip-gram with negative sampling on aggregated counts, as an estimator."""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sgns_pmi.errors import RIDGE_WEIGHTS, InputError, check_choice, check_dim, check_flag, check_integer, check_ridge, check_seed
from sgns_pmi.factorise import solvers
from sgns_pmi.factorise.base import Float
from sgns_pmi.factorise.devices import resolve_device, threads_for
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.scores import ScoreFactorisation
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.sampled import Sampled
from sgns_pmi.factorise.solvers.solver import Solver
from sgns_pmi.lazily import pd
from sgns_pmi.pmi import ALL, Rows
from sgns_pmi.problems.problem import Units
from sgns_pmi.problems.text_units import TextUnits
from sgns_pmi.problems.units import units_of

SOLVERS: dict[str, type[Expected] | type[Sampled]] = {solver.name: solver for solver in (Expected, Sampled)}


@method("sgns_expected", "SGNS, the exact objective minimised to machine precision", solver=Expected)
@method(
    "sgns_ridge",
    "SGNS with biases and a penalty, chosen by held-out counts",
    needs="draws",
    solver=Expected,
    bias=True,
    ridge="auto",
)
@method("sgns_sampled", "SGNS trained on mini-batches with drawn negatives", solver=Sampled)
class SGNS(ScoreFactorisation):
    """Skip-gram with negative sampling: V·Uᵀ ≈ PMI − log K (Levy & Goldberg 2014).

    Minimises ℓ(X) = (1/N) Σ_ij [n_ij softplus(−x_ij) + K r_i P_n(j) softplus(x_ij)] over X = V·Uᵀ, with a penalty of
    (λ/2)(Σ_i ω_i |v_i|² + Σ_j η_j |u_j|²) on request.

    Parameters
    ----------
    dim : int, default 4
        Columns of V and U.
    k : int, default 5
        Number of negatives K.
    noise : str or array-like (contexts,), default "unigram"
        The noise distribution P_n; see `noise_distribution`.
    exponent : float, default 1.0
        Power of the unigram noises; 1 is the theory's, 0.75 word2vec's.
    solver : {"expected", "sampled"}, Expected or Sampled, default "expected"
        "expected" minimises ℓ itself to machine precision; "sampled" trains on mini-batches with drawn negatives.
        An `Expected` or `Sampled` object carries the solver's own options.
    bias : bool, default False
        Scores V·Uᵀ + b + c with a bias for each row and each column.
    drop_positive : bool, default False
        The objective of word2vec.c and gensim, which drop a negative equal to the positive.
    ridge : float or "auto", default 0
        λ of the penalty; biases are free. "auto" (with the expected solver) holds out a fifth of the counts, one by one as
        draws that are independent of each other or as whole units (see `fit`), and takes the λ that predicts them best.
    ridge_weights : {"uniform", "margins"}, default "uniform"
        ω = η = 1, or the shares r_i/N and c_j/N: the weighted trace norm (Salakhutdinov & Srebro 2010).
    seed : int, default 0
        Start and draws; the same seed gives the same result.
    device : str, default "cpu"
        "cpu", "cuda" (also "cuda:1"), or "auto": cuda where there is one.
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
    row_bias_, col_bias_ : ndarray (words,) and (contexts,), or None
    objective_ : float
        The exact ℓ at the fitted factors, without the penalty.
    history_ : DataFrame
        step, epoch, seconds, objective; of the expected solver with the penalty.
    ridge_ : float
        λ, as given or chosen.
    certificate_ : float or None
        σ_max(Ω^−½ G H^−½) / λ, G = ∂ℓ/∂X: 1 at the global minimum of the penalised objective, above where `dim` is less than its
        rank. None without a penalty, of training, and beyond 25 million words x contexts.
    suggested_dim_ : int or None
        With ridge="auto": the least dim whose fit without penalty predicts the held-out counts, within a standard error, as well
        as the best dim's.
    path_, dims_ : DataFrame or None
        With ridge="auto": ridge, rank, held_out, objective, certificate of each λ tried; and dim, held_out, se of each dim.
    noise_ : ndarray, (contexts,)
        P_n.
        self._ended(solution.status, unfinished, solution.ends, solution.diverged)
    note_ : str
        Empty, or what the status means for the estimate.

    References
    ----------
    Mikolov et al., "Distributed Representations of Words and Phrases and their Compositionality", NIPS 2013, eq. 4.
    Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NIPS 2014.

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> problem = sp.softmax_problem(words=20, rank=1, sampling="population", seed=0)
    >>> sgns = sp.SGNS(dim=3, k=5).fit(problem.counts)
    >>> bool(abs(sgns.estimate_pmi() - problem.pmi).max() < 1e-4)
    True
    """

    def __init__(
        self,
        dim: int = 4,
        k: int = 5,
        noise: str | ArrayLike = "unigram",
        exponent: float = 1.0,
        solver: str | Solver = "expected",
        bias: bool = False,
        drop_positive: bool = False,
        ridge: float | str = 0.0,
        ridge_weights: str = "uniform",
        seed: int = 0,
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.k = k
        self.noise = noise
        self.exponent = exponent
        self.solver = solver
        self.bias = bias
        self.drop_positive = drop_positive
        self.ridge = ridge
        self.ridge_weights = ridge_weights
        self.seed = seed
        self.device = device
        self.verbose = verbose

    def check(self) -> None:
        super().check()
        check_integer("dim", self.dim)
        check_flag("bias", self.bias)
        check_seed(self.seed)
        resolve_device(self.device)
        if not isinstance(self.solver, Solver):
            check_choice("solver", self.solver, SOLVERS)
        self._solver().check()
        check_choice("ridge_weights", self.ridge_weights, RIDGE_WEIGHTS)
        if check_ridge(self.ridge) == "auto" and not isinstance(self._solver(), Expected):
            raise InputError("ridge", "auto", "is for the expected solver; give ridge a number, as ridge=1e-6")

    def _solver(self) -> Solver:
        return SOLVERS[self.solver]() if isinstance(self.solver, str) else self.solver

    def fit(self, X: Any, y: Any = None, *, units: Units | TextUnits | pd.DataFrame | ArrayLike | None = None) -> Self:
        """Learn V and U from counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Ctrl-C ends training and keeps what was learned; with ridge="auto" nothing is, before λ is chosen.

        Parameters
        ----------
        X : CooccurrenceCounts, array, sparse matrix or DataFrame, (words, contexts)
        y : ignored
        units : Units, TextUnits, DataFrame or array (n, 4), optional
            What the counts are the sum of, as in `inference`: with ridge="auto" a fifth of them is held out, each as a whole, as
            pairs of one unit may depend on each other.

        Raises
        ------
        InputError
            For a parameter out of range, dim above the smaller side, or a noise that is zero where a context occurs.
        """
        self.check()
        counts = self._remember(X)
        dim = check_dim(self.dim, counts.shape)
        negatives = self.negatives_of(counts)
        solver = self._solver()
        seed, device = check_seed(self.seed), resolve_device(self.device)
        ridge = Ridge.of(counts, 1.0, self.ridge_weights)
        choice: solvers.Choice | None = None
        start = {}
        if self.ridge == "auto":
            assert isinstance(solver, Expected)
            if solver.engine(counts, dim) is not solvers.Newton:
                size = f"{counts.shape[0]} x {counts.shape[1]} x {dim}²"
                raise InputError("ridge", "auto", f"tries some 15 fits, too many for {size}; give ridge a number, as ridge=3e-7")
            wholes = None if units is None else units_of(units, counts)
            with threads_for(counts.shape):
                choice = solvers.choose_ridge(
                    counts, dim, negatives, ridge, bias=self.bias, seed=seed, device=device, units=wholes
                )
            start = {"start": choice.start}
        self.ridge_ = choice.ridge if choice else float(self.ridge)
        solution = solver.solve(
            counts,
            dim,
            negatives,
            seed=seed,
            device=device,
            bias=self.bias,
            ridge=ridge.scaled(self.ridge_) if self.ridge_ > 0 else None,
            verbose=self.verbose,
            **start,
        )
        self.certificate_ = solution.certificate
        self.suggested_dim_ = choice and choice.dim
        self.path_, self.dims_ = choice and choice.path, choice and choice.dims
        self._path_fits = choice.fits if choice else ()
        self._scores_of(counts, negatives)
        self.V_, self.U_ = solution.V, solution.U
        self.row_bias_, self.col_bias_ = solution.row_bias, solution.col_bias
        self.objective_, self.history_, self.starts_ = solution.objective, solution.history, solution.ends
        unfinished = f"SGNS (expected) has not converged at dim = {dim}: {solver.unfinished}" if solver.unfinished else ""
        self._ended(solution.status, unfinished, solution.ends, solution.diverged)
        return self

    def path_estimates(self) -> Iterator[Float]:
        """The corrected estimate (words, contexts) at each λ of `path_`, of the counts that were not held out."""
        for fit in self._path_fits:
            at = copy(self)
            at.V_, at.U_, at.row_bias_, at.col_bias_ = fit
            yield at.estimate_pmi()

    def _estimate(self, corrected: bool, rows: Rows = ALL) -> Float:
        raw: Float = self.V_[rows].astype(np.float64) @ self.U_.T.astype(np.float64)
        if self.row_bias_ is not None and self.col_bias_ is not None:
            raw += self.row_bias_[rows][:, None] + self.col_bias_
        raw += math.log(self.k)
        return self._inverse(raw) if corrected else raw
