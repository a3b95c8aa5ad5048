"""The Cramér–Rao bound of each task, by the model that a method's estimates make; computed once and kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgns_pmi import compare
from sgns_pmi.factorise.linalg import truncated_svd
from sgns_pmi.results.identity import code_version, job_key
from sgns_pmi.results.tables import write_json
from sgns_pmi.suite.contenders import Model
from sgns_pmi.suite.tasks import INDEPENDENT_DRAWS, Task

Float = NDArray[np.float64]
BOUNDS = "bounds"
MOST_PARAMETERS = 4_000
"""Of a model, up to which its bound takes less than a minute."""


def bounds(folder: Path, task: Task) -> dict[Model, float]:
    """The least P-weighted RMSE of unbiased estimates, of free factors at the PMI's rank and of an interaction with effects.

    Empty where the PMI is of full rank or 0, pairs were not drawn one by one from P, or words are too many to compute it.
    """
    parameters = 2 * task.words * (task.rank + 1)
    if not task.exact or task.rank == 0 or task.generator not in INDEPENDENT_DRAWS or parameters > MOST_PARAMETERS:
        return {}
    file = folder / BOUNDS / f"{task.name}.json"
    known = {"key": job_key({"task": [task.generator, task.own]}), "code": code_version()}
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["key"] == known["key"]:
            return dict(kept["bounds"])
    found = compute(task)
    write_json({**known, "bounds": found}, file)
    return found


def compute(task: Task) -> dict[Model, float]:
    """The bounds of both models."""
    problem = task.problem(seed=0)
    assert problem.pmi is not None
    assert problem.joint is not None
    centred = problem.pmi - problem.pmi.mean(axis=0)
    centred -= centred.mean(axis=1, keepdims=True)
    pairs = task.data["pairs"]
    return {
        "free": compare.cramer_rao_rmse(*_factors(problem.pmi, task.rank), problem.joint, pairs, "free"),
        "effects": compare.cramer_rao_rmse(*_factors(centred, task.interaction), problem.joint, pairs, "effects"),
    }


def _factors(matrix: Float, rank: int) -> tuple[Float, Float]:
    """V and U with V Uᵀ the matrix, of that rank."""
    left, values, right = truncated_svd(matrix, rank)
    return left * np.sqrt(values), right * np.sqrt(values)


__all__ = ["bounds"]
