"""A small run with known numbers, for the figures of one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest

from sgns_pmi.compare.recovery import recovery
from sgns_pmi.compare.shown import ShownCells
from sgns_pmi.figures import RunFrames, RunTitle, run_figures


@pytest.fixture(autouse=True)
def _settings_untouched():
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before, "a figure left matplotlib's settings changed"


@pytest.fixture
def run():
    """What figures are drawn from, of a 12 x 15 problem of rank 3: as loose arrays and as the frames of a run."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=(12, 3)) @ rng.normal(size=(3, 15))
    counts = rng.poisson(np.exp(target)).astype(float)
    empirical = np.where(counts > 0, target + 0.1, -np.inf)
    exact = target + rng.normal(scale=0.1, size=target.shape)
    estimates = {
        "sgns_expected": {"raw": exact + 1.0, "corrected": exact},
        "sppmi_svd": {"raw": np.full_like(target, np.log(5)), "corrected": np.full_like(target, np.log(5))},
        "empirical": {"raw": empirical, "corrected": empirical},
    }
    metrics = pd.concat(
        recovery(matrix, target).assign(method=method, estimate=kind, target="true")
        for method, pair in estimates.items()
        for kind, matrix in pair.items()
    )
    history = pd.DataFrame(
        {
            "method": ["sgns_expected"] * 3 + ["sgns_sampled"] * 3,
            "step": [0, 1, 2, 0, 500, 1000],
            "epoch": [0, 1, 2, 0, 1, 2],
            "seconds": [0.0, 0.01, 0.02, 0.0, 1.0, 2.0],
            "objective": [4.0, 2.5, 2.0, 3.9, 2.2, 2.1],
        }
    )
    title = RunTitle("softmax, 12 words", k=7, dim=2, noise="unigram", exponent=0.75, pmi_rank=3)
    corrected = {method: pair["corrected"] for method, pair in estimates.items()}
    raw = {"sgns_expected": estimates["sgns_expected"]["raw"]}
    shown = ShownCells(np.arange(12), "true", target, counts, corrected=corrected, raw=raw)
    frames = RunFrames(title, shown, {}, {"metrics": metrics, "history": history})

    def with_tables(losses: dict[str, str] | None = None, **tables: pd.DataFrame) -> RunFrames:
        """The frames with other tables."""
        return replace(frames, losses=losses or {}, tables={**frames.tables, **tables})

    return SimpleNamespace(
        title=title,
        data={
            "target_name": "true",
            "target": target,
            "estimates": estimates,
            "counts": counts,
            "metrics": metrics,
            "history": history,
        },
        frames=frames,
        with_tables=with_tables,
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunFrames], set[str]]:
    """The names of the figures of a run, which are drawn and not written: that takes longest."""
    monkeypatch.setattr("sgns_pmi.figures.run.save", lambda figure, path, svg: [path])
    return lambda frames: {path.name for path in run_figures("", frames)}
