"""What a factorisation is worth: recovery of PMI, the objective at its scores, and what its word vectors know."""

from typing import TYPE_CHECKING

from sgns_pmi.lazily import door

if TYPE_CHECKING:
    from sgns_pmi.compare.budget import budgets
    from sgns_pmi.compare.comparison import Comparing, Comparison, compare
    from sgns_pmi.compare.deviation import estimator_objective, objective_deviation, optimal_objective, scores_objective
    from sgns_pmi.compare.floors import limit_rows
    from sgns_pmi.compare.intervals import interval_rows
    from sgns_pmi.compare.limits import cramer_rao_rmse
    from sgns_pmi.compare.path import path_rows, suggested_dims
    from sgns_pmi.compare.spaces import agreement_rows, space_rows
    from sgns_pmi.compare.table import main_cells, main_target, select
    from sgns_pmi.compare.words.evaluation import QUESTIONS, Answers, Evaluation, evaluate, method_vectors

__getattr__ = door(__name__)

__all__ = [
    "QUESTIONS",
    "Answers",
    "Comparing",
    "Comparison",
    "Evaluation",
    "agreement_rows",
    "budgets",
    "compare",
    "cramer_rao_rmse",
    "estimator_objective",
    "evaluate",
    "interval_rows",
    "limit_rows",
    "main_cells",
    "main_target",
    "method_vectors",
    "objective_deviation",
    "optimal_objective",
    "path_rows",
    "scores_objective",
    "select",
    "space_rows",
    "suggested_dims",
]
