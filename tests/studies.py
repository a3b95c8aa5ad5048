"""The scripts of the studies, to be tested: they stand outside the package."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


def study(name: str) -> ModuleType:
    """experiments/NAME/study.py as a module."""
    spec = spec_from_file_location(f"study_{name}", EXPERIMENTS / name / "study.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = module_from_spec(spec)  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module
