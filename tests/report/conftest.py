"""A run and a sweep that a report is written of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_folders import EVIL, write_run


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


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
