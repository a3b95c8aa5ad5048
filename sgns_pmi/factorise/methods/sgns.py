"""SGNS, skip-gram with negative sampling on aggregated counts, as an estimator."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sgns_pmi.counts import as_counts
from sgns_pmi.errors import check_choice, check_dim, check_flag, check_integer, check_seed
from sgns_pmi.factorise.base import Float
from sgns_pmi.factorise.devices import resolve_device
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.scores import ScoreFactorisation
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.sampled import Sampled
from sgns_pmi.factorise.solvers.solver import Solver
from sgns_pmi.pmi import ALL, Rows

SOLVERS: dict[str, type[Expected] | type[Sampled]] = {solver.name: solver for solver in (Expected, Sampled)}


@method("sgns_expected", "SGNS, the exact objective minimised to machine precision", solver=Expected)
@method("sgns_sampled", "SGNS trained on mini-batches with drawn negatives", solver=Sampled)
class SGNS(ScoreFactorisation):
    """Skip-gram with negative sampling: V·Uᵀ ≈ PMI − log K (Levy & Goldberg 2014).

    Minimises ℓ(X) = (1/N) Σ_ij [n_ij softplus(−x_ij) + K r_i P_n(j) softplus(x_ij)] over X = V·Uᵀ.

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
        The exact ℓ at the fitted factors.
    history_ : DataFrame
        step, epoch, seconds, objective.
    noise_ : ndarray, (contexts,)
        P_n.
    status_ : {"optimum", "step limit", "interrupted"}
        How the solver ended; training has no tolerance and ends at its step limit.
    note_ : str
        Empty, or that the expected solver has not converged.

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

    def _solver(self) -> Solver:
        return SOLVERS[self.solver]() if isinstance(self.solver, str) else self.solver

    def fit(self, counts: Any) -> Self:
        """Learn V and U from counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Ctrl-C ends training and keeps what was learned.

        Raises
        ------
        InputError
            For a parameter out of range, dim above the smaller side, or a noise that is zero where a context occurs.
        """
        self.check()
        counts = as_counts(counts)
        dim = check_dim(self.dim, counts.shape)
        negatives = self._negatives(counts)
        solver = self._solver()
        solution = solver.solve(
            counts,
            dim,
            negatives,
            seed=check_seed(self.seed),
            device=resolve_device(self.device),
            bias=self.bias,
            verbose=self.verbose,
        )
        self._scores_of(counts, negatives)
        self.V_, self.U_ = solution.V, solution.U
        self.row_bias_, self.col_bias_ = solution.row_bias, solution.col_bias
        self.objective_, self.history_ = solution.objective, solution.history
        unfinished = f"SGNS (expected) has not converged at dim = {dim}: {solver.unfinished}" if solver.unfinished else ""
        self._ended(solution.status, unfinished)
        return self

    def _estimate(self, corrected: bool, rows: Rows = ALL) -> Float:
        raw: Float = self.V_[rows].astype(np.float64) @ self.U_.T.astype(np.float64)
        if self.row_bias_ is not None and self.col_bias_ is not None:
            raw += self.row_bias_[rows][:, None] + self.col_bias_
        raw += np.log(self.k)
        return self._inverse(raw) if corrected else raw
