"""Fixtures that many tests share, the R experiment's counts among them; and one line that says what was skipped, and why."""

from __future__ import annotations

import os
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # the processes of a parallel run share the cores; libraries read this when loaded
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so a shell starts what runs behind it; commands under test inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp

DATA = Path(__file__).resolve().parent / "data"
PUBLISHED = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Published data sets that are not this project's to pass on; a clone does without."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for all skips: how many, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    why = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    if why:
        reasons = "; ".join(f"{count} × {reason}" for reason, count in why.most_common())
        terminalreporter.write_line(f"skipped {len(skipped)}: {reasons}", yellow=True)


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


@pytest.fixture(scope="session", autouse=True)
def _cache_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests, and the commands that they start, find nothing that other runs have kept, and leave nothing to them."""
    os.environ["SGNS_PMI_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of published data sets beside the project; the tests that need it are skipped where it is absent."""
    if not PUBLISHED.is_dir():
        pytest.skip("needs the published data sets in ../shared/data")
    return PUBLISHED


@pytest.fixture(scope="session")
def r_reference() -> RReference:
    folder = DATA / "r_reference"
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
