"""Minimises a sum of cell losses from one start: the engine of methods that have a loss of their own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sgns_pmi.factorise.base import Float
from sgns_pmi.factorise.devices import threads_for
from sgns_pmi.factorise.losses.sgns import SeparableObjective
from sgns_pmi.factorise.solvers.expected import NEWTON_TOLERANCE, PRECISIONS, QUASI_NEWTON_TOLERANCE
from sgns_pmi.factorise.solvers.newton import Newton
from sgns_pmi.factorise.solvers.quasi_newton import Metric, QuasiNewton
from sgns_pmi.factorise.solvers.solution import History, Solution
from sgns_pmi.progress import Progress

NEWTON_WORK = 5e7  # words x contexts x dim² up to which second order is used
RIDGE = 1e-3  # added to each row's Hessian, relative to its mean diagonal
AT_ONCE = 1024  # Hessians that are whole at a time


class RowQuasiNewton(QuasiNewton):
    """L-BFGS in the metric of the rows' own Hessians.

    Where the curvature of a cell grows with its count, rows differ in more than scale, and the separable metric of ℓ does not
    serve; each row's own dim x dim Hessian does. With `majorant` curvatures it also keeps a first step from overshooting.
    Renewing it costs some dim/6 gradients, and it holds (words + contexts) x dim² / 2 numbers.
    """

    _halves: tuple[Tensor, Tensor] | None = None  # reused: the old metric has served when the new one is made

    def _metric(self) -> Metric:
        exact = self.exact
        # What multiplies a free column of one side: the other side's same column.
        U, V = self.factors[1][:, self.free[0]], self.factors[0][:, self.free[1]]
        pairs_U = _pairs(U, exact.col_weight)
        if self._halves is None or self._halves[0].dtype != exact.dtype:
            self._halves = pairs_U.new_empty(len(V), pairs_U.shape[1]), pairs_U.new_empty(len(U), pairs_U.shape[1])
        rows, columns = self._halves
        columns.zero_()
        for block in exact.blocks(*self.factors):
            S = exact.majorant(block)
            torch.mm(S, pairs_U, out=rows[block.rows])
            columns.addmm_(S.T, _pairs(V[block.rows], exact.row_weight[block.rows]))
        del pairs_U
        dim = U.shape[1]
        _invert(rows, exact.row_weight / exact.total, dim)
        _invert(columns, exact.col_weight / exact.total, dim)

        def apply(gradient: Tensor) -> Tensor:
            parts = zip((rows, columns), self._parts(gradient), strict=True)
            return torch.cat([_multiplied(half, part).view(-1) for half, part in parts])

        return apply


def _pairs(features: Tensor, weight: Tensor) -> Tensor:
    """w φ_f φ_g for f ≤ g, (size, dim (dim + 1) / 2): one product with it gives all rows' Hessians, upper halves."""
    first, second = torch.triu_indices(features.shape[1], features.shape[1], device=features.device)
    return (features * weight[:, None])[:, first] * features[:, second]


def _whole(halves: Tensor, dim: int) -> Tensor:
    """Symmetric matrices (size, dim, dim) of upper halves."""
    first, second = torch.triu_indices(dim, dim, device=halves.device)
    place = torch.empty(dim, dim, dtype=torch.int64, device=halves.device)
    place[first, second] = place[second, first] = torch.arange(halves.shape[1], device=halves.device)
    return halves.index_select(1, place.view(-1)).view(-1, dim, dim)


def _invert(halves: Tensor, weight: Tensor, dim: int) -> None:
    """Put the inverse of weight · Hessian in place of each Hessian; of a word that never occurs, the identity."""
    first, second = torch.triu_indices(dim, dim, device=halves.device)
    unit = torch.eye(dim, dtype=halves.dtype, device=halves.device)
    for low in range(0, len(halves), AT_ONCE):
        rows = slice(low, low + AT_ONCE)
        hessians = _whole(halves[rows], dim) * weight[rows, None, None]
        scale = hessians.diagonal(dim1=-2, dim2=-1).mean(-1)
        scale = torch.where(scale > 0, scale, 1.0)[:, None, None]
        # Scaled to one, as weights of rare words are tiny in float32.
        factors = torch.linalg.cholesky_ex(hessians / scale + RIDGE * unit)[0]
        inverses = torch.where((weight[rows] > 0)[:, None, None], torch.cholesky_inverse(factors) / scale, unit)
        halves[rows] = inverses[:, first, second]


def _multiplied(halves: Tensor, vectors: Tensor) -> Tensor:
    """Each symmetric matrix, given as its upper half, times its vector (size, dim)."""
    parts = zip(torch.split(halves, AT_ONCE), torch.split(vectors, AT_ONCE), strict=True)
    return torch.cat([(_whole(half, part.shape[1]) @ part[:, :, None])[:, :, 0] for half, part in parts])


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
