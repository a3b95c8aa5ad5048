"""The least error that any estimate of PMI can have, given how many pairs were drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.errors import InputError, check_real

Float = NDArray[np.float64]
NULL = 1e-10  # eigenvalues of the scaled Fisher information below this belong to directions that no cell sees


def cramer_rao_rmse(V: ArrayLike, U: ArrayLike, joint: ArrayLike, pairs: float) -> float:
    """The Cramér–Rao bound: the smallest P-weighted RMSE that an unbiased estimate of PMI can have in the low-rank model.

    The model is that of `SoftmaxMLE` at dim = rank + 2: log P = M + a + b − log Z, M = V Uᵀ of that rank, with free effects of
    rows and columns. With J the Jacobian of the logits (cells, parameters) and J̄ = J − 1 PᵀJ that of log P,

        F = N J̄ᵀ diag(P) J̄,      K = J̄ − E[J̄ | row] − E[J̄ | column],      bound² = tr(F⁻ Kᵀ diag(P) K),

    F the Fisher information of N pairs and K the Jacobian of PMI = log P − log p − log q, since ∂log p_i = E[∂log P | i].
    Factors that give the same M make F singular, but they give the same PMI, so that any generalised inverse F⁻ will do.
    Maximum likelihood attains the bound as N grows. Dense: memory is words x contexts x (words + contexts) x (rank + 1).

    Parameters
    ----------
    V, U : array-like, (words, rank) and (contexts, rank)
        Factors of M at the truth, of full rank.
    joint : array-like, (words, contexts)
        P, positive, of the form above.
    pairs : float
        N.

    Raises
    ------
    InputError
        For shapes that do not fit, a cell with P = 0, or N not above 0.

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
    J = _log_jacobian(V, U, P)
    weight = P[:, :, None]
    row_mean = (weight * J).sum(1, keepdims=True) / P.sum(1)[:, None, None]
    col_mean = (weight * J).sum(0, keepdims=True) / P.sum(0)[None, :, None]
    fisher, spread = (_gram(jacobian, P) for jacobian in (J, J - row_mean - col_mean))
    # Scaled to a unit diagonal, so that rare words are told from directions that no cell sees.
    scale = np.sqrt(np.outer(np.diag(fisher), np.diag(fisher)))
    inverse = np.linalg.pinv(fisher / scale, rcond=NULL, hermitian=True)
    return float(np.sqrt(max((inverse * (spread / scale)).sum() / pairs, 0.0)))


def _log_jacobian(V: Float, U: Float, P: Float) -> Float:
    """∂ log P_ij / ∂ (V_i, a_i for every i; U_j, b_j for every j), (words, contexts, parameters)."""
    (words, rank), contexts = V.shape, len(U)
    J = np.zeros((words, contexts, words + contexts, rank + 1))
    J[np.arange(words), :, np.arange(words)] = np.hstack([U, np.ones((contexts, 1))])
    J[:, np.arange(contexts), words + np.arange(contexts)] = np.hstack([V, np.ones((words, 1))])[:, None]
    logits = J.reshape(words, contexts, -1)
    return logits - np.tensordot(P, logits, axes=2)


def _gram(jacobian: Float, P: Float) -> Float:
    cells = jacobian.reshape(P.size, -1)
    return cells.T @ (P.reshape(-1, 1) * cells)
