"""Where counts come from. Every module of this folder is imported, so a new problem is one new file."""

from sgns_pmi.lazily import load_all
from sgns_pmi.problems.marginal import marginal_problem
from sgns_pmi.problems.problem import PROBLEMS, Problem, Truth, register_problem
from sgns_pmi.problems.softmax import softmax_problem
from sgns_pmi.problems.triples import read_triples, write_triples

load_all(__name__)

__all__ = [
    "PROBLEMS",
    "Problem",
    "Truth",
    "marginal_problem",
    "read_triples",
    "register_problem",
    "softmax_problem",
    "write_triples",
]
