"""Minimises a sum of cell losses: the solver of methods that have a loss of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from sgns_pmi.factorise.losses.cells import SeparableObjective
from sgns_pmi.factorise.solvers.descent import PRECISIONS, Start, descend
from sgns_pmi.factorise.solvers.newton import Newton
from sgns_pmi.factorise.solvers.quasi_newton import RowQuasiNewton
from sgns_pmi.factorise.solvers.solution import History, Solution
from sgns_pmi.factorise.solvers.starts import BATCH

NEWTON_WORK = 5e7  # words x contexts x dim² up to which second order is used


def minimise(
    title: str,
    objective: Callable[[torch.dtype], SeparableObjective],
    start: Start,
    history: History,
    *,
    others: Iterable[Start] = (),
    bias: bool = False,
    max_steps: int,
    verbose: bool = False,
) -> Solution:
    """From a start to a minimum over V and U, and over biases when asked; Ctrl-C keeps what was found so far.

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
    others : iterable of (V, U), default none
        Other starts, a batch at most, which follow the first where second order is used.
    bias : bool, default False
        Whether scores are V·Uᵀ + b + c; biases start from 0.
    max_steps : int
        Most steps on V and U together.
    verbose : bool, default False
    """
    (words, dim), contexts = start[0].shape, len(start[1])
    newton = words * contexts * (dim + bias) ** 2 <= NEWTON_WORK
    return descend(
        title,
        objective,
        start,
        history,
        engine=Newton if newton else RowQuasiNewton,
        precisions=(torch.float64,) if newton else PRECISIONS["auto"],
        others=others,
        most=BATCH if newton and others else 0,
        near=newton,
        max_steps=max_steps,
        bias=bias,
        verbose=verbose,
    )
