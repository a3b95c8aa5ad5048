"""What a factorisation is worth: recovery of PMI, the objective at its scores, and what its word vectors know."""

from sgns_pmi.compare.deviation import estimator_objective, objective_deviation, optimal_objective, scores_objective
from sgns_pmi.compare.recovery import recovery
from sgns_pmi.compare.table import compare
from sgns_pmi.compare.words.evaluation import QUESTIONS, Answers, Evaluation, evaluate, method_vectors

__all__ = [
    "QUESTIONS",
    "Answers",
    "Evaluation",
    "compare",
    "estimator_objective",
    "evaluate",
    "method_vectors",
    "objective_deviation",
    "optimal_objective",
    "recovery",
    "scores_objective",
]
