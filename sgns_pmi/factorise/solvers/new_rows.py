"""Vectors of centres that were not fitted: ℓ in V alone, with the contexts as they are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.factorise.solvers.biases import free_columns, parts, with_biases
from sgns_pmi.factorise.solvers.newton import row_step
from sgns_pmi.negatives import Negatives

Float = NDArray[np.float64]
MOST_STEPS = 200
TOLERANCE = 1e-12  # of ℓ, which RECENT steps together must bring
RECENT = 3


class NewRows(NamedTuple):
    """V (rows, dim), biases b (rows,) or None, and ℓ there."""

    V: Float
    row_bias: Float | None
    objective: float


def fold_in(counts: CooccurrenceCounts, negatives: Negatives, U: NDArray[Any], col_bias: NDArray[Any] | None = None) -> NewRows:
    """The vectors, and biases where contexts have some, of the rows of `counts` for which ℓ is least with U as it is.

    Each row is a convex problem of its own, a weighted logistic regression on the rows of U, solved by damped Newton steps.
    Contexts that the noise never draws, such as those that the fitted counts did not have, say nothing and are left out, of ℓ
    too. Where a row has fewer contexts than dim, ℓ may have no minimum in it, and steps end at their limit.

    Parameters
    ----------
    counts : CooccurrenceCounts, (rows, contexts)
    negatives : Negatives
        Of the fit: K and P_n, over the same contexts.
    U : ndarray, (contexts, dim)
    col_bias : ndarray, (contexts,), optional
    """
    drawn = negatives.noise > 0
    counts, negatives = CooccurrenceCounts(counts.matrix[:, drawn]), replace(negatives, noise=negatives.noise[drawn])
    fixed = U[drawn].astype(np.float64)
    start = np.zeros((counts.shape[0], fixed.shape[1]))
    bias = col_bias is not None
    if col_bias is not None:
        start, fixed = with_biases(start, fixed)
        fixed[:, -1] = col_bias[drawn]
    exact = ExactObjective(counts, negatives)
    v, u, free = torch.from_numpy(start), torch.from_numpy(fixed), torch.tensor(free_columns(start.shape[1], bias)[0])
    damping, objectives = np.ones(len(start)), [math.inf] * RECENT
    for _ in range(MOST_STEPS):
        v, losses, damping = row_step(exact, v, u, free, damping)
        objectives.append(float(losses.sum()) / exact.total)
        if objectives[-1 - RECENT] - objectives[-1] <= TOLERANCE * objectives[-1]:
            break
    found = parts(v.numpy(), fixed, bias)
    return NewRows(found.V, found.row_bias, objectives[-1])
