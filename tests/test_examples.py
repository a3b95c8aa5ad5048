"""Every example in a docstring runs, and prints what it says."""

from __future__ import annotations

import doctest
from importlib import import_module
from pkgutil import walk_packages

import pytest

import sgns_pmi

MODULES = [module.name for module in walk_packages(sgns_pmi.__path__, "sgns_pmi.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name: str) -> None:
    module = import_module(name)
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_there_are_examples_to_run() -> None:
    found = doctest.DocTestFinder().find(import_module("sgns_pmi.factorise.methods.sgns"))
    assert any(test.examples for test in found)
