"""Estimators: counts in, factors out. Every module of `methods` is imported, so a new method is one new file there."""

from importlib import import_module
from pkgutil import iter_modules

from sgns_pmi.factorise import methods
from sgns_pmi.factorise.base import METHODS, Factorisation, Method, Settings, register_method

for _module in iter_modules(methods.__path__):
    import_module(f"{methods.__name__}.{_module.name}")
# By name, not in the order in which modules happen to import each other: help and errors list them so.
for _name in sorted(METHODS):
    METHODS[_name] = METHODS.pop(_name)

__all__ = ["METHODS", "Factorisation", "Method", "Settings", "register_method"]
