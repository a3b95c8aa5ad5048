"""What a factorisation is worth: recovery of PMI, the objective at its scores, and what its word vectors know."""

from typing import TYPE_CHECKING

from sgns_pmi.lazily import door

if TYPE_CHECKING:
    from sgns_pmi.compare.comparison import Comparing, Comparison, compare
    from sgns_pmi.compare.deviation import estimator_objective, objective_deviation, optimal_objective, scores_objective
    from sgns_pmi.compare.found import Found, all_metrics, table_makers
    from sgns_pmi.compare.held_out import held_out_rows
    from sgns_pmi.compare.limits import cramer_rao_rmse
    from sgns_pmi.compare.table import RUN_TABLES, main_cells, main_target, select
    from sgns_pmi.compare.words.evaluation import QUESTIONS, Answers, Evaluation, answer_tables, evaluate, method_vectors

__getattr__ = door(__name__)

__all__ = [
    "QUESTIONS",
    "RUN_TABLES",
    "Answers",
    "Comparing",
    "Comparison",
    "Evaluation",
    "Found",
    "all_metrics",
    "answer_tables",
    "compare",
    "cramer_rao_rmse",
    "estimator_objective",
    "evaluate",
    "held_out_rows",
    "main_cells",
    "main_target",
    "method_vectors",
    "objective_deviation",
    "optimal_objective",
    "scores_objective",
    "select",
    "table_makers",
]
