"""Libraries that take long to load, each loaded when something is first asked of it, and packages whose names are.

A configuration is checked, and help given, in a fraction of the time that PyTorch or scikit-learn take.
"""

from __future__ import annotations

import ast
import atexit
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any

YOUNG = 50_000
# Idle threads of NumPy's and SciPy's BLAS sleep after 2¹⁴ cycles; by default they spin for 2²⁶, on cores that others could use.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "14")
# Those of PyTorch, by GNU's OpenMP, spin for 300,000 turns, milliseconds, on cores that compiled loops want.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")


class _Later(ModuleType):
    """Stands for a module, and imports it at the first question."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)

    def __reduce__(self) -> tuple[type[_Later], tuple[str]]:
        # The command's own functions go by value to the processes of parallel jobs, with what they name.
        return _Later, (self.__name__,)


if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse as sp
    import sklearn
    import torch
else:
    pd, sp, sklearn, torch = map(_Later, ("pandas", "scipy.sparse", "sklearn", "torch"))


def door(package: str) -> Callable[[str], Any]:
    """A package's `__getattr__` (PEP 562), by which each name is imported when it is first asked for.

    Names and their homes are those that the package's ``if TYPE_CHECKING:`` imports, so that they stand there once, for type
    checkers and readers as for Python.
    """
    module = sys.modules[package]
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    homes = {
        alias.asname or alias.name: (str(statement.module), alias.name)
        for block in blocks
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, original = homes[name]
        value = getattr(import_module(home), original)
        setattr(module, name, value)
        return value

    return __getattr__


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Inside the block Python looks for dead objects every `YOUNG` new ones, and as the process ends no more.

    By default it does so every few hundred, and as the libraries load it goes through all that they have made seven times, and
    twice again at the end: each a tenth of a small run.
    """
    atexit.register(gc.freeze)
    young, *older = gc.get_threshold()
    gc.set_threshold(YOUNG, *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)


@cache
def load_all(package: str) -> None:
    """Import every module of a package, itself loaded or being loaded: what a module registers is there from then on."""
    for module in iter_modules(sys.modules[package].__path__):
        import_module(f"{package}.{module.name}")


__all__ = ["door", "load_all", "pd", "seldom_collecting", "sklearn", "sp", "torch"]
