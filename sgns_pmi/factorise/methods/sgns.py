"""SGNS, skip-gram with negative sampling on aggregated counts, as an estimator."""

from __future__ import annotations

import logging
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.counts import as_counts
from sgns_pmi.errors import InputError, check_choice, check_dim, check_flag, check_integer, check_real, check_seed
from sgns_pmi.factorise.base import Factorisation, Float, plus_terms
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.sampled import Sampled
from sgns_pmi.pmi import ALL, Rows, noise_distribution, noise_offset

log = logging.getLogger("sgns_pmi")

SOLVERS: dict[str, type[Expected] | type[Sampled]] = {solver.name: solver for solver in (Expected, Sampled)}


@method("sgns_expected", "SGNS, the exact objective minimised to machine precision", solver=Expected)
@method("sgns_sampled", "SGNS trained on mini-batches with drawn negatives", solver=Sampled)
class SGNS(Factorisation):
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
    interrupted_ : bool
        Whether Ctrl-C ended training early.
    converged_ : bool or None
        Whether the expected solver reached its tolerance; None for the sampled solver, which has none.
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
        solver: str | Expected | Sampled = "expected",
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
        check_integer("dim", self.dim)
        check_integer("k", self.k)
        check_real("exponent", self.exponent)
        check_flag("bias", self.bias)
        check_flag("drop_positive", self.drop_positive)
        check_seed(self.seed)
        resolve_device(self.device)
        if not isinstance(self.solver, Expected | Sampled):
            check_choice("solver", self.solver, SOLVERS)
        self._solver().check()

    def _solver(self) -> Expected | Sampled:
        return SOLVERS[self.solver]() if isinstance(self.solver, str) else self.solver

    def fit(self, counts: Any) -> Self:
        """Learn V and U from counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Ctrl-C ends training, keeps what was learned and sets `interrupted_`.

        Raises
        ------
        InputError
            For a parameter out of range, dim above the smaller side, or a noise that is zero where a context occurs.
        """
        self.check()
        counts = as_counts(counts)
        dim, k = check_dim(self.dim, counts.shape), check_integer("k", self.k)
        self.noise_ = noise_distribution(counts, self.noise, self.exponent)
        solution = self._solver().solve(
            counts,
            dim,
            k,
            self.noise_,
            seed=check_seed(self.seed),
            device=resolve_device(self.device),
            bias=self.bias,
            drop_positive=self.drop_positive,
            verbose=self.verbose,
        )
        self.V_, self.U_ = solution.V, solution.U
        self.row_bias_, self.col_bias_ = solution.row_bias, solution.col_bias
        self.objective_, self.history_ = solution.objective, solution.history
        self.interrupted_, self.converged_ = solution.interrupted, solution.converged
        self.note_ = ""
        if solution.converged is False and not solution.interrupted:
            self.note_ = (
                f"SGNS (expected) has not converged at dim = {dim}: ℓ still falls; it has no minimum where dim is large enough "
                "to send unseen cells to −∞, and then only seen cells can be judged"
            )
            log.warning(self.note_)
        self._offset = noise_offset(counts, self.noise_)
        return self

    def _estimate(self, corrected: bool, rows: Rows = ALL) -> Float:
        scores: NDArray[np.float64] = self.V_[rows].astype(np.float64) @ self.U_.T.astype(np.float64)
        if self.row_bias_ is not None and self.col_bias_ is not None:
            scores += self.row_bias_[rows][:, None] + self.col_bias_
        estimate = scores + np.log(self.k)
        return estimate + self._offset if corrected else estimate

    def product(self, corrected: bool = True) -> tuple[Float, Float]:
        column = np.log(self.k) + self._offset * corrected
        return plus_terms(self.V_, self.U_, column if self.col_bias_ is None else column + self.col_bias_, self.row_bias_)


def resolve_device(device: object) -> str:
    """The device to compute on: "auto" becomes cuda where there is one; an unknown or absent one is refused."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(str(device)).type
    except RuntimeError:
        kind = ""
    if kind not in ("cpu", "cuda"):
        raise InputError("device", device, "must be cpu, cuda or auto")
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError("device", device, "no CUDA device is available here; use device=cpu")
    return str(device)
