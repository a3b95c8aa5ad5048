"""sgns-pmi: given co-occurrence counts, how well does a factorisation recover the PMI behind them?"""

from sgns_pmi.compare import objective_deviation, recovery
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.empirical import Empirical
from sgns_pmi.factorise.expected import Expected
from sgns_pmi.factorise.objective import sgns_objective
from sgns_pmi.factorise.oracle import Oracle
from sgns_pmi.factorise.qwem import QWEM
from sgns_pmi.factorise.sampled import Sampled
from sgns_pmi.factorise.sgns import SGNS
from sgns_pmi.factorise.svd import PMISVD, SPPMISVD
from sgns_pmi.pmi import noise_distribution, pmi_matrix, sppmi_matrix
from sgns_pmi.problems import Problem, marginal_problem, read_triples, softmax_problem

__all__ = [
    "PMISVD",
    "QWEM",
    "SGNS",
    "SPPMISVD",
    "CooccurrenceCounts",
    "Empirical",
    "Expected",
    "InputError",
    "Oracle",
    "Problem",
    "Sampled",
    "marginal_problem",
    "noise_distribution",
    "objective_deviation",
    "pmi_matrix",
    "read_triples",
    "recovery",
    "sgns_objective",
    "softmax_problem",
    "sppmi_matrix",
]
