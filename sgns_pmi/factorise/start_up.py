"""What a process loads and compiles at its first fit, loaded before the first clock runs."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

import numpy as np

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise import losses, solvers
from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.factorise.methods.sgns import SGNS
from sgns_pmi.lazily import torch


def start_up(estimators: Iterable[Factorisation]) -> None:
    """Load what fits of SGNS need, compiled kernels among it; of other methods nothing.

    Otherwise the history of the method that happens to come first would count a second or three of it as training.
    """
    if not any(isinstance(estimator, SGNS) for estimator in estimators):
        return
    for module in ("pandas", "scipy.sparse.linalg", "sgns_pmi.factorise.solvers.expected", "sgns_pmi.factorise.solvers.sampled"):
        import_module(module)
    counts = CooccurrenceCounts.from_matrix(np.ones((2, 2)))
    for dtype in (np.float32, np.float64):
        losses.sgns_objective(np.zeros((2, 1), dtype), np.zeros((2, 1), dtype), counts, 1, "unigram", gradient=True)
    one, pair = torch.zeros((1, 1)), torch.zeros((1, 1), dtype=torch.int64)
    solvers.batch_gradient(one, one, pair[0], pair, pair, one, one)
    solvers.Adam([one]).step([one], 0.0)


__all__ = ["start_up"]
