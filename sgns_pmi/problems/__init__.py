"""Where counts come from. Every module of this folder is imported, so a new problem is one new file."""

from importlib import import_module
from pkgutil import iter_modules

from sgns_pmi.problems.marginal import marginal_problem
from sgns_pmi.problems.problem import PROBLEMS, Problem, Truth, register_problem
from sgns_pmi.problems.softmax import softmax_problem
from sgns_pmi.problems.triples import read_triples, write_triples

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

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
