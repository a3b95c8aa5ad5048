"""The files of runs, made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from sgns_pmi.compare.shown import ShownCells
from sgns_pmi.results.shown_file import write_shown

WORDS = 12
METRICS = ["method", "estimate", "target", "cells", "metric", "value"]
METHODS = {"sgns_expected": 0.1, "sgns_sampled": 0.3, "oracle": 0.0}
EVIL = '</script><script>alert("1")</script>'


def write_run(folder: Path, errors: dict[str, float] = METHODS, problem: str = "softmax, 12 words", **facts: object) -> Path:
    """The files of a run, by hand: each method is off by a normal error of that size in every cell."""
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True)
    target = generator.normal(size=(WORDS, WORDS))
    counts = generator.poisson(1.0, size=target.shape)
    estimates = {name: target + size * generator.normal(size=target.shape) for name, size in errors.items()}
    rows = [
        (name, "corrected", "true", cells, metric, value)
        for name, size in errors.items()
        for cells in ("all", "seen", "unseen")
        for metric, value in (("rmse", size), ("bias", -size / 10), ("pearson", 1 - size / 10))
    ]
    pd.DataFrame(rows, columns=METRICS).to_csv(folder / "metrics.csv", index=False)
    write_shown(ShownCells(np.arange(WORDS), "true", target, counts, corrected=estimates), folder / "shown.npz")
    summary = {
        "status": "complete",
        "problem": problem,
        "pmi_rank": 4,
        "host": "a-host",
        "start": "2026-01-31T12:00:00.123+01:00",
        "updated": "2026-01-31T12:00:09.456+01:00",
        "commit": "0123abc",
        "versions": {"python": "3.12"},
        "seeds": {"methods": 7},
        "methods": {name: {"status": "optimum"} for name in errors},
        "steps": [{"step": name, "seconds": 2.0, "peak_memory_mb": 100.0} for name in errors],
    }
    (folder / "summary.json").write_text(json.dumps(summary | facts))
    return folder
