"""Runs and sweeps, opened again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command import TINY, Command

import sgns_pmi as sp
from sgns_pmi.compare import select
from sgns_pmi.results.run import Run
from sgns_pmi.results.sweep import Sweep

METRICS = ["method", "estimate", "target", "cells", "metric", "value"]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sgns_pmi.figures.run_figures", lambda *args, **kwargs: [])
    monkeypatch.setattr("sgns_pmi.figures.finished.sweep_figures", lambda *args, **kwargs: [])
    monkeypatch.setattr("sgns_pmi.figures.finished.grid_figures", lambda *args, **kwargs: [])
    return Command(tmp_path, monkeypatch, capsys)


def test_what_a_run_left(command: Command) -> None:
    assert command(*TINY, "method=[sgns_expected,oracle]", "noise=unigram075", "hydra.run.dir=out").code == 0
    run = sp.Run.open("out")
    assert run.status == run.summary["status"] == "complete"
    written = (command.folder / "out" / "metrics.csv").read_text().splitlines()[1:]
    assert [",".join(map(str, row)) for row in run.metrics.itertuples(index=False)] == written
    assert list(run.history["method"].unique()) == ["sgns_expected"]
    assert (list(run.evaluation), len(run.evaluation)) == (["method", "task", "set", "section", "metric", "value"], 0)
    assert (list(run.neighbours), len(run.neighbours)) == (["method", "word", "rank", "neighbour", "similarity"], 0)
    # What refers to other keys is resolved.
    assert (run.config["k"], run.config["exponent"], run.config["methods"]) == (5, 0.75, ["sgns_expected", "oracle"])
    assert list(run.steps.index) == [
        "problem",
        "start-up",
        "sgns_expected",
        "compare",
        "oracle",
        "floors",
        "budget",
        "agreement",
        "evaluate",
        "figures",
    ]
    V = np.load(command.folder / "out" / "vectors" / "sgns_expected.npz", allow_pickle=False)["V"]
    vectors = run.vectors("sgns_expected", normalize="none")
    np.testing.assert_array_equal(vectors.matrix, V[[int(word) for word in vectors.words]])
    with pytest.raises(sp.InputError, match="did you mean oracle"):
        run.vectors("orakel")

    # The cells that its figures show: those whose errors metrics.csv has.
    assert run.shown is not None
    for kind in ("raw", "corrected"):
        rows = select(run.metrics, metric="rmse", cells="all", estimate=kind, target=run.shown.target_name)
        for method, rmse in rows[["method", "value"]].itertuples(index=False):
            error = run.shown.estimates(kind)[method] - run.shown.target
            assert np.sqrt(np.mean(error**2)) == pytest.approx(rmse, rel=1e-5, abs=1e-6)


def test_folders_that_hold_no_run(tmp_path: Path) -> None:
    job = tmp_path / "sweep" / "3"
    job.mkdir(parents=True)
    (job / "summary.json").write_text(json.dumps({"status": "failed"}))
    assert Run.open(job).status == "failed"
    for folder, remedy in (
        (tmp_path / "none", "no such folder"),
        (tmp_path / "sweep", f"give the folder of one job, as {job}"),
        (tmp_path, "give the folder of a run"),
    ):
        with pytest.raises(sp.InputError, match=remedy) as refused:
            Run.open(folder)
        assert refused.value.field == "run"
        assert "\n" not in str(refused.value)
    for folder, remedy in ((tmp_path / "none", "no such folder"), (job, "give the folder of a sweep")):
        with pytest.raises(sp.InputError, match=remedy) as refused:
            Sweep.open(folder)
        assert refused.value.field == "sweep"


def test_what_a_sweep_left(command: Command) -> None:
    (command.folder / "counts.csv").write_text("center,context,count\n0,1,1\n1,0,2\n")
    arguments = ("data=triples", "data.path=counts.csv", "method=pmi_svd", "hydra.sweep.dir=out")
    assert command(*arguments, "dim=1,99,2", "--multirun").code == 1
    sweep = sp.Sweep.open("out")
    assert [(job.number, job.asked["dim"], job.status) for job in sweep.jobs] == [
        (0, 1, "complete"),
        (1, 99, "refused"),
        (2, 2, "complete"),
    ]
    assert sweep.status == "refused"
    assert sweep.count == "2 of 3 jobs"
    assert sweep.keys == ["dim"]
    assert (list(sweep.jobs[1].metrics), len(sweep.jobs[1].metrics), sweep.jobs[1].shown) == (METRICS, 0, None)
    pd.testing.assert_frame_equal(sweep.rows, pd.read_csv("out/sweep.csv", dtype=dict.fromkeys(METRICS[:-1], str)))
    assert len(sweep.evaluation) == 0


@pytest.mark.parametrize("status", ["running", "failed", "interrupted", "refused"])
def test_a_sweep_has_the_gravest_of_its_jobs_states(tmp_path: Path, status: str) -> None:
    for number, own in enumerate(("complete", status, "complete")):
        hydra = tmp_path / str(number) / ".hydra"
        hydra.mkdir(parents=True)
        (hydra / "overrides.yaml").write_text(f"- k={number + 1}\n")
        (hydra / "config.yaml").write_text(f"k: {number + 1}\n")
        (hydra / "hydra.yaml").write_text(f"hydra: {{job: {{num: {number}}}, runtime: {{choices: {{}}}}}}\n")
        (hydra.parent / "summary.json").write_text(json.dumps({"status": own}))
    sweep = Sweep.open(tmp_path)
    assert [job.status for job in sweep.jobs] == ["complete", status, "complete"]
    assert sweep.status == status
    assert sweep.keys == ["k"]


def test_select() -> None:
    rows = [
        ("a", "raw", "true", "all", "rmse", 1.0),
        ("a", "corrected", "true", "all", "rmse", 2.0),
        ("b", "corrected", "true", "seen", "rmse", 3.0),
        ("b", "corrected", "empirical", "seen", "mae", 4.0),
    ]
    frame = pd.DataFrame(rows, columns=METRICS, index=[4, 5, 6, 7])
    assert select(frame)["value"].tolist() == [1, 2, 3, 4]
    assert select(frame, estimate="corrected", target="true").index.tolist() == [5, 6]
    assert select(frame, method="b", metric=("rmse", "mae"), cells=["seen", "all"])["value"].tolist() == [3, 4]
    assert select(frame, target="nominal").empty
    assert list(select(frame.iloc[:0], method="b")) == METRICS
