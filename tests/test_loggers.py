"""What other programs are told of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from command import TINY, Command

import sgns_pmi as sp
from sgns_pmi import loggers
from sgns_pmi.results.identity import job_key

ASKED = (*TINY[:2], "method=[sgns_expected]", "dim=1", "figures=false")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, monkeypatch, capsys)


def test_a_logger_is_told_settings_metrics_and_curves(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}

    class Fake:
        def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
            told.update(folder=folder.name, settings=settings, numbers=[])

        def number(self, name: str, value: float, step: int = 0) -> None:
            told["numbers"].append((name, value, step))

        def close(self) -> None:
            told["closed"] = True

    monkeypatch.setitem(loggers.LOGGERS, "fake", loggers.Known(Fake, "json", "fake"))
    assert command(*ASKED, "loggers=[fake]", "hydra.run.dir=out").code == 0
    assert (told["folder"], told["closed"], told["settings"]["data.words"]) == ("out", True, 12)
    run = sp.Run.open("out")
    numbers = told["numbers"]
    assert ("sgns_expected/true/all/rmse", run.value("sgns_expected", "rmse"), 0) in numbers
    curve = [(step, value) for name, value, step in numbers if name == "sgns_expected/objective"]
    assert curve == list(zip(run.history["step"], run.history["objective"], strict=True))


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_package_that_is_not_there(name: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loggers, "find_spec", lambda package: None)
    outcome = command(*ASKED, f"loggers=[{name}]")
    remedy = f"is needed for loggers=[{name}]; install it with: pip install 'sgns-pmi[{name}]'"
    assert (outcome.code, outcome.stderr) == (2, f"package={name}: {remedy}\n")


def test_what_cannot_be_used_is_refused(command: Command) -> None:
    assert command(*ASKED, "loggers=[tensorbord]").stderr.startswith("loggers=tensorbord: must be")
    assert command(*ASKED, "loggers=tensorboard").stderr.startswith("loggers=tensorboard: must be a list")


def test_loggers_make_no_other_job() -> None:
    assert job_key({"k": 1, "loggers": ["mlflow"]}) == job_key({"k": 1, "loggers": []})


def test_tensorboard(command: Command) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra sgns-pmi[tensorboard]")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):  # a run repeated leaves one record
        assert command(*ASKED, "loggers=[tensorboard]", "hydra.run.dir=out").code == 0
    events = EventAccumulator(str(command.folder / "out" / "tensorboard")).Reload()
    (rmse,) = events.Scalars("sgns_expected/true/all/rmse")
    assert rmse.value == pytest.approx(sp.Run.open("out").value("sgns_expected", "rmse"), rel=1e-6)
    assert len(events.Scalars("sgns_expected/objective")) == len(sp.Run.open("out").history)


def test_mlflow(command: Command) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs the extra sgns-pmi[mlflow]")
    assert command(*ASKED, "k=1,5", "loggers=[mlflow]", "hydra.sweep.dir=out", "--multirun").code == 0
    client = mlflow.tracking.MlflowClient(f"sqlite:///{command.folder / 'out' / 'mlflow.db'}")
    (experiment,) = [own for own in client.search_experiments() if own.name == "sgns-pmi"]
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert {name: run.data.params["k"] for name, run in runs.items()} == {"k=1": "1", "k=5": "5"}
    rmse = sp.Run.open("out/k=5").value("sgns_expected", "rmse")
    assert runs["k=5"].data.metrics["sgns_expected/true/all/rmse"] == rmse
