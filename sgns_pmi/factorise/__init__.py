"""Estimators: counts in, factors out. Every module of `methods` is imported, so a new method is one new file there."""

from importlib import import_module
from pkgutil import iter_modules

from sgns_pmi.factorise import methods
from sgns_pmi.factorise.base import Composes, Factorisation
from sgns_pmi.factorise.registry import METHODS, Method, Parameters, method

for _module in iter_modules(methods.__path__):
    import_module(f"{methods.__name__}.{_module.name}")

__all__ = ["METHODS", "Composes", "Factorisation", "Method", "Parameters", "method"]
