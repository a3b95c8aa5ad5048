"""A run and a sweep that a report is written of."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from report_folders import EVIL, METHODS, write_run


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run with every file that has a chart of its own."""
    folder = write_run(tmp_path / "run")
    rows = [
        (method, term, "all", metric, value)
        for method in METHODS
        for term, share in (("optimisation", 0.1), ("sampling", 0.85), ("rank", 0.05), ("total", 1.0))
        for metric, value in (("share", share), ("rmse", share / 10))
    ]
    pd.DataFrame(rows, columns=["method", "term", "cells", "metric", "value"]).to_csv(folder / "budget.csv", index=False)
    steps = [(method, step, step, step / 8, 2 + 2.0**-step) for method in ("sgns_expected", "glove") for step in range(6)]
    pd.DataFrame(steps, columns=["method", "step", "epoch", "seconds", "objective"]).to_csv(folder / "history.csv", index=False)
    places = [("glove", "pca", "V", f"word{place}", place, place % 3, place % 2) for place in range(8)]
    columns = ["method", "projection", "panel", "word", "x", "y", "cluster"]
    pd.DataFrame(places, columns=columns).to_csv(folder / "maps.csv", index=False)
    return folder


@pytest.fixture
def sweep_folder(tmp_path: Path) -> Path:
    """Two dims under two seeds, the second dim better, and a job that failed; its words would break a careless page."""
    folder = tmp_path / "sweep"
    jobs = []
    for number, (dim, seed) in enumerate([(2, 0), (2, 1), (4, 0), (4, 1), (8, 0)]):
        name = f"dim={dim},seed={seed}"
        jobs.append({"number": number, "folder": name, "key": "", "asked": {"dim": dim, "seed": seed}})
        if dim == 8:
            (folder / name).mkdir(parents=True)
            (folder / name / "summary.json").write_text(json.dumps({"status": "failed", "warnings": [EVIL]}))
        else:
            write_run(folder / name, {"sgns_expected": 1 / dim + 0.02 * seed, "oracle": 1 / dim - 0.25})
    (folder / "jobs.json").write_text(json.dumps({"jobs": jobs}))
    return folder
