"""Minimises a sum of cell losses from one start: the engine of methods that have a loss of their own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sgns_pmi.factorise.base import Float
from sgns_pmi.factorise.expected import NEWTON_TOLERANCE, PRECISIONS, QUASI_NEWTON_TOLERANCE
from sgns_pmi.factorise.newton import Newton
from sgns_pmi.factorise.objective import SeparableObjective
from sgns_pmi.factorise.quasi_newton import Metric, QuasiNewton
from sgns_pmi.factorise.solution import History, Solution
from sgns_pmi.factorise.threads import threads_for
from sgns_pmi.progress import Progress

NEWTON_WORK = 5e7  # words x contexts x dim² up to which second order is used
RIDGE = 1e-3  # added to each row's Hessian, relative to its mean diagonal
INVERTED_ROWS = 1024  # Hessians that are inverted at once


class RowQuasiNewton(QuasiNewton):
    """L-BFGS in the metric of the rows' own Hessians.

    Where the curvature of a cell grows with its count, rows differ in more than scale, and the separable metric of ℓ does not
    serve; each row's own dim x dim Hessian does. With `majorant` curvatures it also keeps a first step from overshooting.
    Renewing it costs dim/6 gradients, and memory (words + contexts) x dim².
    """

    def _metric(self) -> Metric:
        exact = self.exact
        # What multiplies a free column of one side: the other side's same column.
        U, V = self.factors[1][:, self.free[0]], self.factors[0][:, self.free[1]]
        pairs_U, pairs_V = _pairs(U, exact.col_weight), _pairs(V, exact.row_weight)
        packed = [pairs_U.new_empty(exact.shape[0], pairs_U.shape[1]), pairs_V.new_zeros(exact.shape[1], pairs_V.shape[1])]
        for block in exact.blocks(*self.factors):
            S = exact.majorant(block)
            torch.mm(S, pairs_U, out=packed[0][block.rows])
            packed[1].addmm_(S.T, pairs_V[block.rows])
        weights = exact.row_weight / exact.total, exact.col_weight / exact.total
        inverses = [_inverses(rows, weight) for rows, weight in zip(packed, weights, strict=True)]

        def apply(gradient: Tensor) -> Tensor:
            parts = zip(inverses, self._parts(gradient), strict=True)
            return torch.cat([(inverse @ part[:, :, None]).reshape(-1) for inverse, part in parts])

        return apply


def _pairs(features: Tensor, weight: Tensor) -> Tensor:
    """w φ_f φ_g for f ≤ g, (size, dim (dim + 1) / 2): one product with it gives all rows' Hessians, upper halves."""
    first, second = torch.triu_indices(features.shape[1], features.shape[1], device=features.device)
    return (features * weight[:, None])[:, first] * features[:, second]


def _inverses(packed: Tensor, weight: Tensor) -> Tensor:
    """Inverses (size, dim, dim) of weight · Hessian, given as upper halves; of a word that never occurs, the identity."""
    dim = int((2 * packed.shape[1]) ** 0.5)
    first, second = torch.triu_indices(dim, dim, device=packed.device)
    unit = torch.eye(dim, dtype=packed.dtype, device=packed.device)
    inverses = packed.new_empty(len(packed), dim, dim)
    for low in range(0, len(packed), INVERTED_ROWS):
        rows = slice(low, low + INVERTED_ROWS)
        hessians = packed.new_empty(len(packed[rows]), dim, dim)
        hessians[:, first, second] = hessians[:, second, first] = packed[rows] * weight[rows, None]
        scale = hessians.diagonal(dim1=-2, dim2=-1).mean(-1)
        scale = torch.where(scale > 0, scale, 1.0)[:, None, None]
        # Scaled to one, as weights of rare words are tiny in float32.
        factor = torch.linalg.cholesky_ex(hessians / scale + RIDGE * unit)[0]
        inverses[rows] = torch.where((weight[rows] > 0)[:, None, None], torch.cholesky_inverse(factor) / scale, unit)
    return inverses


def minimise(
    title: str,
    objective: Callable[[torch.dtype], SeparableObjective],
    start: tuple[Float, Float],
    history: History,
    *,
    bias: bool = False,
    max_steps: int,
    verbose: bool = False,
) -> Solution:
    """From one start to a minimum over V and U, and over biases when asked; Ctrl-C keeps what was found so far.

    Second order, to machine precision, where words x contexts x dim² is at most `NEWTON_WORK`; elsewhere L-BFGS, first as far
    as float32 goes, then in float64.

    Parameters
    ----------
    title : str
        For the progress bar.
    objective : callable
        The sum of cell losses, in a precision.
    start : (V, U), ndarrays (words, dim) and (contexts, dim)
    history : History
        The record to write; its clock may have begun before the start was found.
    bias : bool, default False
        Whether scores are V·Uᵀ + b + c; biases start from 0.
    max_steps : int
        Most steps on V and U together.
    verbose : bool, default False
    """
    (words, dim), contexts = start[0].shape, len(start[1])
    newton = words * contexts * (dim + bias) ** 2 <= NEWTON_WORK
    engine: type[Newton] | type[RowQuasiNewton] = Newton if newton else RowQuasiNewton
    tolerance = NEWTON_TOLERANCE if newton else QUASI_NEWTON_TOLERANCE
    first, *more = (torch.float64,) if newton else PRECISIONS["auto"]
    interrupted = False
    with threads_for((words, contexts)), Progress(title, max_steps, verbose) as progress:
        descent = engine(objective(first), [start], bias, history)
        try:
            if newton:
                descent.approach()
            descent.converge(tolerance, max_steps, progress)
            for precision in more:
                if (left := max_steps - len(history.rows)) > 0:
                    descent.continue_in(objective(precision))
                    descent.converge(tolerance, left, progress)
        except KeyboardInterrupt:
            interrupted = True
    return descent.solution(interrupted)
