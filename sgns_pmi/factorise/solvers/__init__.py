"""How an objective is minimised. Names load with what they need at first use."""

from typing import TYPE_CHECKING

from sgns_pmi.lazily import door

if TYPE_CHECKING:
    from sgns_pmi.factorise.solvers.biases import ONES, Parts, given, parts, with_biases
    from sgns_pmi.factorise.solvers.blocks import (
        RECORDED_DRAWS,
        BlockTraining,
        Side,
        default_epochs,
        draws_in,
        improve,
        newton_move,
        recorded_epochs,
    )
    from sgns_pmi.factorise.solvers.coupled import minimise_coupled, runs_off
    from sgns_pmi.factorise.solvers.descent import PRECISIONS, descend
    from sgns_pmi.factorise.solvers.minimum import minimise
    from sgns_pmi.factorise.solvers.new_rows import fold_in
    from sgns_pmi.factorise.solvers.newton import Newton
    from sgns_pmi.factorise.solvers.optimizers import OPTIMIZERS, Adam, Optimizer
    from sgns_pmi.factorise.solvers.pair_gradient import batch_gradient
    from sgns_pmi.factorise.solvers.quasi_newton import QuasiNewton, promised
    from sgns_pmi.factorise.solvers.ridge import Choice, choose_ridge, solve_ridge
    from sgns_pmi.factorise.solvers.sampled import small_start
    from sgns_pmi.factorise.solvers.search import ROUNDING, Trial, backtrack
    from sgns_pmi.factorise.solvers.start import random_start, spectral_start
    from sgns_pmi.factorise.solvers.training import DIVERGED, RECORDS, recorded_every, too_fast, train

__getattr__ = door(__name__)

__all__ = [
    "DIVERGED",
    "ONES",
    "OPTIMIZERS",
    "PRECISIONS",
    "RECORDED_DRAWS",
    "RECORDS",
    "ROUNDING",
    "Adam",
    "BlockTraining",
    "Choice",
    "Newton",
    "Optimizer",
    "Parts",
    "QuasiNewton",
    "Side",
    "Trial",
    "backtrack",
    "batch_gradient",
    "choose_ridge",
    "default_epochs",
    "descend",
    "draws_in",
    "fold_in",
    "given",
    "improve",
    "minimise",
    "minimise_coupled",
    "newton_move",
    "parts",
    "promised",
    "random_start",
    "recorded_epochs",
    "recorded_every",
    "runs_off",
    "small_start",
    "solve_ridge",
    "spectral_start",
    "too_fast",
    "train",
    "with_biases",
]
