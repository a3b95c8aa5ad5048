"""Estimators: counts in, factors out. Every module of `methods` is imported, so a new method is one new file there."""

from sgns_pmi.factorise import methods
from sgns_pmi.factorise.base import Composes, Factorisation
from sgns_pmi.factorise.registry import METHODS, Method, Parameters, method
from sgns_pmi.lazily import load_all

load_all(methods.__name__)

__all__ = ["METHODS", "Composes", "Factorisation", "Method", "Parameters", "method"]
