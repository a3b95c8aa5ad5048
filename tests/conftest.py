"""Shared fixtures: where the reference data lies, and the R experiment's own counts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # the processes of a parallel run share the cores; libraries read this when loaded
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp

SHARED = Path(__file__).resolve().parents[2] / "shared"


@dataclass(frozen=True)
class RReference:
    """One run of the R experiment: its counts, truth, probe point, noises and figures."""

    folder: Path
    counts: sp.CooccurrenceCounts
    noise: dict[str, np.ndarray]
    V: np.ndarray
    U: np.ndarray
    figures: dict[str, float]
    pmi: np.ndarray
    joint: np.ndarray


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared data beside the project; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared, the folder of reference data beside the project, which is absent")
    return SHARED


@pytest.fixture(scope="session")
def r_reference(shared: Path) -> RReference:
    folder = shared / "r_reference"
    triples = pd.read_csv(folder / "triples.csv")
    counts = sp.CooccurrenceCounts.from_triples(triples["center"] - 1, triples["context"] - 1, triples["count"], shape=(100, 100))
    probe = pd.read_csv(folder / "probe_factors.csv").to_numpy()
    noise = pd.read_csv(folder / "noise.csv")
    figures = pd.read_csv(folder / "reference.csv").set_index("name")["value"].to_dict()
    joint = np.exp(pd.read_csv(folder / "v_true.csv").to_numpy() @ pd.read_csv(folder / "u_true.csv").to_numpy().T)
    joint /= joint.sum()
    pmi = np.log(joint / np.outer(joint.sum(1), joint.sum(0)))
    columns = {name: noise[name].to_numpy() for name in noise}
    return RReference(folder, counts, columns, probe[:, :3], probe[:, 3:], figures, pmi, joint)
