"""What a factorisation is worth: recovery of PMI, and the objective at its scores."""

from sgns_pmi.compare.deviation import objective_deviation, optimal_objective, scores_objective
from sgns_pmi.compare.recovery import recovery
from sgns_pmi.compare.table import compare

__all__ = ["compare", "objective_deviation", "optimal_objective", "recovery", "scores_objective"]
