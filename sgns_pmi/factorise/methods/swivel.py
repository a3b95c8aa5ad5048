"""Swivel: squared error of PMI where a cell was seen, a soft upper bound where it was not."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from sgns_pmi.errors import InputError, check_dim, check_integer, check_real, check_seed
from sgns_pmi.factorise import losses, solvers
from sgns_pmi.factorise.base import Factorisation, Float
from sgns_pmi.factorise.devices import resolve_device
from sgns_pmi.factorise.linalg import balanced
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.registry import method
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.lazily import torch
from sgns_pmi.negatives import Negatives


@method("swivel", "squared error of PMI, weighted, and a soft bound on unseen cells", loss="Swivel loss (a cell)")
class Swivel(Factorisation):
    """Submatrix-wise vector embedding learner: V·Uᵀ ≈ PMI (Shazeer et al. 2016), by its exact loss.

    The published program visits submatrices one after the other with AdaGrad and adds 1 to the sums of rows and columns and to
    N; here all cells are in the loss at once, and PMI is that of the paper. A seen cell counts by its confidence f(n),
    an unseen one only where V·Uᵀ exceeds the PMI that one count would have given it: missing cells are noticed, at −∞ none is.

    Parameters
    ----------
    dim : int, default 4
        Columns of V and U.
    confidence_base, confidence_scale, confidence_exponent : float, defaults 0.1, 0.25, 0.5
        f(n) = base + scale · n^exponent, the weight of a seen cell; defaults are the published program's.
    ridge : float, default 0
        λ of the penalty (λ/2)(‖V‖² + ‖U‖²) that is added to the loss, which is a mean over cells: λ is no λ of ℓ.
    max_steps : int, default 300
        Most steps on V and U together.
    seed : int, default 0
        Of the start, a randomised SVD.
    device : str, default "cpu"
        "cpu", "cuda" or "auto".
    verbose : bool, default False
        Whether to show progress.

    Attributes
    ----------
    V_, U_ : ndarray, (words, dim) and (contexts, dim)
        V_·U_ᵀ estimates PMI; the singular values of the product are shared equally. Words that never occur have zero vectors.
    objective_ : float
        The loss, mean over the cells of words and contexts that occur, without the penalty.
    history_ : DataFrame
        step, epoch, seconds, objective; with the penalty.
    status_ : {"optimum", "step limit", "interrupted"}
        How the search ended.
    note_ : str
        Empty, or that no minimum was reached.

    References
    ----------
    Shazeer, Doherty, Evans & Waterson, "Swivel: Improving Embeddings by Noticing What's Missing", arXiv:1602.02215 (2016),
    section 3; its program, swivel.py, for the defaults of f.

    Examples
    --------
    >>> import numpy as np
    >>> from sgns_pmi.factorise.methods.swivel import Swivel
    >>> Swivel(dim=2).fit(np.array([[8, 2], [2, 8]])).estimate_pmi().round(4)
    array([[ 0.47  , -0.9163],
           [-0.9163,  0.47  ]])
    """

    def __init__(
        self,
        dim: int = 4,
        confidence_base: float = 0.1,
        confidence_scale: float = 0.25,
        confidence_exponent: float = 0.5,
        ridge: float = 0.0,
        max_steps: int = 300,
        seed: int = 0,
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.confidence_base = confidence_base
        self.confidence_scale = confidence_scale
        self.confidence_exponent = confidence_exponent
        self.ridge = ridge
        self.max_steps = max_steps
        self.seed = seed
        self.device = device
        self.verbose = verbose

    def check(self) -> None:
        check_integer("dim", self.dim)
        base = check_real("confidence_base", self.confidence_base)
        scale = check_real("confidence_scale", self.confidence_scale)
        check_real("confidence_exponent", self.confidence_exponent)
        if base + scale == 0:
            raise InputError("confidence_scale", self.confidence_scale, "must be above 0 where confidence_base is 0")
        check_real("ridge", self.ridge)
        check_integer("max_steps", self.max_steps)
        check_seed(self.seed)
        resolve_device(self.device)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Minimise the loss of counts (a CooccurrenceCounts, dense array or sparse matrix); returns self.

        Ctrl-C ends the search and keeps what was found.

        Raises
        ------
        InputError
            For a parameter out of range or dim above the smaller side.
        """
        self.check()
        counts = self._remember(X)
        dim, device, history = check_dim(self.dim, counts.shape), resolve_device(self.device), History()
        confidence = self.confidence_base, self.confidence_scale, self.confidence_exponent
        # At K = 1 the optimum of SGNS is the PMI too.
        start = solvers.spectral_start(counts, dim, Negatives.of(counts, 1), check_seed(self.seed))
        ridge = Ridge.of(counts, float(self.ridge))

        def objective(dtype: torch.dtype) -> losses.SwivelObjective:
            own = losses.SwivelObjective(counts, *confidence, dtype, device)
            return own.penalised(ridge, dim) if self.ridge else own

        solution = solvers.minimise(
            "Swivel", objective, start, history, max_steps=check_integer("max_steps", self.max_steps), verbose=self.verbose
        )
        occurs = (counts.row_sums > 0).astype(np.float64), (counts.col_sums > 0).astype(np.float64)
        self.V_: Float
        self.U_: Float
        self.V_, self.U_ = balanced(solution.V.astype(np.float64), solution.U.astype(np.float64), *occurs)
        self.objective_ = solution.objective - ridge.value(solution.V, solution.U)
        self.history_ = solution.history
        self._ended(
            solution.status, f"Swivel has not converged at dim = {dim}: its loss still falls after {self.max_steps} steps at most"
        )
        return self

    def product(self, corrected: bool = True) -> tuple[Float, Float]:
        return self.V_, self.U_
