"""Multinomial maximum likelihood with low-rank logits: the model that the synthetic counts are drawn from."""

from __future__ import annotations

from itertools import count
from typing import Any, Self

from sgns_pmi.errors import InputError, check_dim, check_integer, check_seed
from sgns_pmi.factorise import losses, solvers
from sgns_pmi.factorise.base import Factorisation, Float
from sgns_pmi.factorise.devices import resolve_device
from sgns_pmi.factorise.linalg import balanced, plus_terms
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.negatives import Negatives
from sgns_pmi.streams import stream

EFFECTS = 2


@method("softmax_mle", "multinomial maximum likelihood with low-rank logits", loss="negative log-likelihood (nats a pair)")
class SoftmaxMLE(Factorisation):
    """PMI of rank dim, by maximum likelihood.

    The counts are one multinomial draw from P = exp(M + a + b) / Z with M of rank dim − 2, a an effect of each row and b of
    each column (Goodman's RC association model). This is what the synthetic data are: for both generators M = V₀U₀ᵀ, and
    PMI = M − log Z − log p_i − log q_j is M and two effects. `dim` counts the columns of V and U, the effects' two
    among them, so that at any dim the estimate of PMI has the rank that SGNS's has. At dim = 2 it is independence, PMI = 0.

    What is known about M + a + b is used: SGNS at that dim spends as many columns but lets all of them vary freely. Its own
    bound is `cramer_rao_rmse`.

    Parameters
    ----------
    dim : int, default 4
        Rank of the PMI, columns of V and U: two for the effects and the rest for M; 2 or more.
    max_steps : int, default 300
        Most steps on V and U together.
    seed : int, default 0
        Of the starts: a randomised SVD and, on small problems, random ones beside it.
    device : str, default "cpu"
        "cpu", "cuda" or "auto".
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
        V_·U_ᵀ estimates PMI. The effects are not columns of their own: the factors are those of the SVD of the product in
        weights r and c, shared equally. Words that never occur have zero vectors.
    objective_ : float
        −(1/N) log-likelihood of the counts' cells, nats a pair (without the multinomial coefficient).
    history_ : DataFrame
        step, epoch, seconds, objective.
    status_ : {"optimum", "local optima", "no finite optimum", "step limit", "interrupted"}
        How the search ended.
    note_ : str
        Empty, or that no maximum was reached.

    References
    ----------
    Goodman, "The analysis of cross-classified data having ordered and/or unordered categories: association models,
    correlation models, and asymmetry models for contingency tables with or without missing entries", Ann. Stat. 13 (1985).

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> from sgns_pmi.factorise.methods.softmax_mle import SoftmaxMLE
    >>> problem = sp.softmax_problem(words=20, rank=1, sampling="population", seed=0)
    >>> bool(abs(SoftmaxMLE(dim=3).fit(problem.counts).estimate_pmi() - problem.pmi).max() < 1e-6)
    True
    """

    def __init__(self, dim: int = 4, max_steps: int = 300, seed: int = 0, device: str = "cpu", verbose: bool = False) -> None:
        self.dim = dim
        self.max_steps = max_steps
        self.seed = seed
        self.device = device
        self.verbose = verbose

    def check(self) -> None:
        if check_integer("dim", self.dim) < EFFECTS:
            raise InputError("dim", self.dim, "must be 2 or more for softmax_mle: two columns are the row and column effects")
        check_integer("max_steps", self.max_steps)
        check_seed(self.seed)
        resolve_device(self.device)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Maximise the likelihood of counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Ctrl-C ends the search and keeps what was found.

        Raises
        ------
        InputError
            For a parameter out of range or dim above the smaller side.
        """
        self.check()
        counts = self._remember(X)
        dim, device, history = check_dim(self.dim, counts.shape), resolve_device(self.device), History()
        # At K = 1 the optimum of SGNS is the PMI too.
        negatives, seed = Negatives.of(counts, 1), check_seed(self.seed)
        start = solvers.spectral_start(counts, dim - EFFECTS, negatives, seed)
        rngs = (stream(seed, "start", "softmax_mle", str(number)) for number in count(1))
        solution = solvers.minimise(
            "Softmax MLE",
            lambda dtype: losses.MultinomialLikelihood(counts, dtype, device),
            start,
            history,
            others=(solvers.random_start(counts, dim - EFFECTS, negatives, rng) for rng in rngs),
            bias=True,
            max_steps=check_integer("max_steps", self.max_steps),
            verbose=self.verbose,
        )
        assert solution.row_bias is not None
        assert solution.col_bias is not None
        left, right = plus_terms(solution.V, solution.U, solution.col_bias, solution.row_bias)
        left[counts.row_sums == 0], right[counts.col_sums == 0] = 0.0, 0.0
        self.V_: Float
        self.U_: Float
        self.V_, self.U_ = balanced(left, right, counts.row_sums / counts.total, counts.col_sums / counts.total)
        self.objective_, self.history_ = solution.objective, solution.history
        self._ended(solution.status, f"Softmax MLE has not converged at dim = {dim}: the likelihood still rises")
        return self

    def product(self, corrected: bool = True) -> tuple[Float, Float]:
        return self.V_, self.U_
