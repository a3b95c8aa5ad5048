"""The least error that any estimate of PMI can have, given how many pairs were drawn, and what an M-estimate's will be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import null_space

from sgns_pmi.compare.inference import linearised
from sgns_pmi.compare.sandwich import DENSE_PARAMETERS, Sandwich
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, check_real
from sgns_pmi.factorise.base import Factorisation

Float = NDArray[np.float64]
NULL = 1e-10  # eigenvalues of the scaled Fisher information below this belong to directions that no cell sees
MODELS = ("effects", "free")
SAME = 1e-6  # relative difference up to which P is that of the factors


def cramer_rao_rmse(V: ArrayLike, U: ArrayLike, joint: ArrayLike, pairs: float, model: str = "effects") -> float:
    """The Cramér–Rao bound: the smallest P-weighted RMSE that an unbiased estimate of PMI can have in a low-rank model.

    Compare a method with the bound of its own model. "effects" is that of `SoftmaxMLE` at dim = rank + 2: log P = M + a + b −
    log Z, M = V Uᵀ of that rank, with free effects of rows and columns. With J the Jacobian of the logits (cells, parameters)
    and J̄ = J − 1 PᵀJ that of log P,

        F = N J̄ᵀ diag(P) J̄,      K = J̄ − E[J̄ | row] − E[J̄ | column],      bound² = tr(F⁻ Kᵀ diag(P) K),

    F the Fisher information of N pairs and K the Jacobian of PMI = log P − log p − log q, since ∂log p_i = E[∂log P | i].
    Factors that give the same M make F singular, but they give the same PMI, so that any generalised inverse F⁻ will do.

    "free" is the model of SGNS without biases: P = p q exp(PMI) with PMI = V Uᵀ of that rank, its factors free, and margins p
    and q free but for being those of P. Its directions (∂V, ∂U, ∂log p, ∂log q) obey E[∂PMI + ∂log q | row] = 0, E[∂PMI + ∂log
    p | column] = 0 and Σ p ∂log p = 0, and the bound is that under constraints (Stoica & Ng, IEEE Signal Processing Letters 5,
    1998): with Z a basis of those directions, F⁻ = Z (Zᵀ F Z)⁻¹ Zᵀ. Maximum likelihood attains the bound as N grows. Memory is
    that of matrices of parameters², (words + contexts)² x (rank + 1)².

    Parameters
    ----------
    V, U : array-like, (words, rank) and (contexts, rank)
        Factors of M ("effects") or of the PMI ("free") at the truth, of full rank.
    joint : array-like, (words, contexts)
        P, positive, of the form above.
    pairs : float
        N.
    model : {"effects", "free"}, default "effects"

    Raises
    ------
    InputError
        For shapes that do not fit, a cell with P = 0, N not above 0, an unknown model, or, for "free", a P whose PMI is not V Uᵀ.

    Examples
    --------
    >>> import numpy as np
    >>> from sgns_pmi.compare.limits import cramer_rao_rmse
    >>> V, U = np.diag([1.0, 2.0])[:, :1], np.array([[1.0], [-1.0]])  # a table of 2 x 2: one interaction, at uniform P
    >>> round(cramer_rao_rmse(V, U, np.full((2, 2), 0.25), 100), 9)
    0.1
    """
    V, U, P = (np.asarray(array, dtype=np.float64) for array in (V, U, joint))
    pairs = check_real("pairs", pairs, above=True)
    if P.shape != (len(V), len(U)) or V.shape[1:] != U.shape[1:]:
        raise InputError("joint", f"array of shape {P.shape}", f"must be {len(V)} x {len(U)}, and V and U have one rank")
    if not (P > 0).all():
        raise InputError("joint", P.min(), "must be positive in every cell")
    if check_choice("model", model, MODELS) == "effects":
        L, R = (np.hstack([side, np.ones((len(side), 1))]) for side in (V, U))
        moments = _Moments.of(L, R, P)
        mean = P.sum(1) @ moments.of_rows
        fisher, basis = moments.second - np.outer(mean, mean), None
        # K = J̄ − E[J̄ | row] − E[J̄ | column], whose cross terms are those of the conditional means.
        across = moments.of_rows.T @ P @ moments.of_cols
        spread = fisher + across + across.T
        for means, margin in ((moments.of_rows, P.sum(1)), (moments.of_cols, P.sum(0))):
            spread -= (means.T * margin) @ means
    else:
        fisher, spread, basis = _free(V, U, P)
    # Scaled to a unit diagonal, so that rare words are told from directions that no cell sees.
    scale = 1 / np.sqrt(np.diag(fisher))
    fisher, spread = (scale[:, None] * gram * scale for gram in (fisher, spread))
    if basis is not None:
        null = null_space(basis * scale)
        fisher, spread = (null.T @ gram @ null for gram in (fisher, spread))
    inverse = np.linalg.pinv(fisher, rcond=NULL, hermitian=True)
    return float(np.sqrt(max((inverse * spread).sum() / pairs, 0.0)))


def predicted_rmse(estimator: Factorisation, joint: ArrayLike, pairs: float, *, corrected: bool = True) -> float:
    """P-weighted RMSE against the true PMI that an estimator will have on `pairs` draws, before a single one is made.

    The estimator is fitted to the population's counts N·P; the sandwich gives the variance about that optimum, and what the
    optimum itself is off (dim below the rank, another noise where the estimate is raw) is added: √(Σ P (bias² + variance)).
    With `cramer_rao_rmse` it gives the efficiency, bound / predicted.

    Parameters
    ----------
    estimator : SGNS or SoftmaxMLE
        Its parameters; it is not fitted itself.
    joint : array-like, (words, contexts)
        P.
    pairs : float
        N.
    corrected : bool, default True

    Raises
    ------
    InputError
        For a method that minimises no sum of losses of cells, or more than 2,000 parameters.
    """
    P, pairs = np.asarray(joint, dtype=np.float64), check_real("pairs", pairs, above=True)
    counts = CooccurrenceCounts.from_matrix(pairs * P / P.sum())
    fitted = estimator.fresh().fit(counts)
    fit = linearised(fitted, counts, corrected)
    if fit is None:
        raise InputError("estimator", type(estimator).__name__, "must be SGNS or SoftmaxMLE, whose errors have a formula")
    sandwich = Sandwich(fit, counts, population=True)
    if sandwich.parameters > DENSE_PARAMETERS:
        raise InputError(
            "joint", f"array of shape {P.shape}", f"gives more than {DENSE_PARAMETERS:,} parameters; take fewer words"
        )
    seen = counts.seen
    variance = sandwich.cell_variances(*np.nonzero(seen))
    weight = P[seen] / P.sum()
    bias = fitted.estimate_pmi(corrected)[seen] - np.log(weight) + np.log(np.outer(P.sum(1), P.sum(0))[seen] / P.sum() ** 2)
    return float(np.sqrt(weight @ (bias**2 + variance)))


class _Moments(NamedTuple):
    """Moments under P of J_ij = ∂(L Rᵀ)_ij / ∂(L_i for every i; R_j for every j), (parameters,), of which only L_i and R_j count.

    Parameters
    ----------
    second : ndarray, (parameters, parameters)
        Σ P J Jᵀ.
    of_rows, of_cols : ndarray, (words, parameters) and (contexts, parameters)
        E[J | row] and E[J | column].
    """

    second: Float
    of_rows: Float
    of_cols: Float

    @classmethod
    def of(cls, L: Float, R: Float, P: Float) -> _Moments:
        (words, f), contexts = L.shape, len(R)
        second = np.zeros((words + contexts, f, words + contexts, f))
        rows, cols = np.arange(words), words + np.arange(contexts)
        second[rows, :, rows] = np.einsum("ij,ja,jb->iab", P, R, R, optimize=True)
        second[cols, :, cols] = np.einsum("ij,ia,ib->jab", P, L, L, optimize=True)
        across = P[:, None, :, None] * R.T[None, :, :, None] * L[:, None, None, :]
        second[:words, :, words:], second[words:, :, :words] = across, across.transpose(2, 3, 0, 1)
        of_rows, of_cols = (np.zeros((size, words + contexts, f)) for size in (words, contexts))
        given_row, given_col = P / P.sum(1, keepdims=True), (P / P.sum(0)).T
        of_rows[rows, rows], of_rows[:, words:] = given_row @ R, given_row[:, :, None] * L[:, None]
        of_cols[cols - words, cols], of_cols[:, :words] = given_col @ L, given_col[:, :, None] * R[:, None]
        size = (words + contexts) * f
        return cls(second.reshape(size, size), of_rows.reshape(words, size), of_cols.reshape(contexts, size))


def _free(V: Float, U: Float, P: Float) -> tuple[Float, Float, Float]:
    """Σ P J Jᵀ of J = ∂log P and of ∂PMI along (V, U, log p, log q), and the constraints on these."""
    (words, contexts), p, q = P.shape, P.sum(1), P.sum(0)
    if not np.allclose(V @ U.T, np.log(P / np.outer(p, q)), rtol=SAME, atol=SAME):
        raise InputError("joint", f"array of shape {P.shape}", "must have the PMI V·Uᵀ; model=free is told factors of the PMI")
    moments = _Moments.of(V, U, P)
    with_margins = np.vstack([p[:, None] * moments.of_rows, q[:, None] * moments.of_cols])
    margins = np.block([[np.diag(p), P], [P.T, np.diag(q)]])
    fisher = np.block([[moments.second, with_margins.T], [with_margins, margins]])
    spread = np.zeros_like(fisher)
    size = len(moments.second)
    spread[:size, :size] = moments.second
    # E[∂PMI + ∂log q | row] = 0, E[∂PMI + ∂log p | column] = 0, Σ p ∂log p = 0.
    constraints = np.block(
        [
            [moments.of_rows, np.zeros((words, words)), P / p[:, None]],
            [moments.of_cols, (P / q).T, np.zeros((contexts, contexts))],
            [np.zeros((1, size)), p[None], np.zeros((1, contexts))],
        ]
    )
    return fisher, spread, constraints
