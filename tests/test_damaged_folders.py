"""Folders of runs and sweeps as disks, people and other programs leave them: each command says in one line what is wrong."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from report_folders import write_run

import sgns_pmi as sp
from sgns_pmi import export, query, sweep
from sgns_pmi.compare.words.files import write_factors
from sgns_pmi.figures import __main__ as figures
from sgns_pmi.figures import finished
from sgns_pmi.inference import main as inference
from sgns_pmi.report import __main__ as report

CONFIG = "k: 1\ndim: 2\nexponent: 1.0\nnoise: unigram\nsvg: false\n"
JOBS = '{"jobs": [{"number": 0, "folder": "run", "key": "", "asked": {"dim": 2}}]}'
MAINS: dict[str, Callable[[Path], object]] = {
    "query": lambda folder: query.main([str(folder), "a"]),
    "report": lambda folder: report.main([str(folder)]),
    "export": lambda folder: export.main([str(folder), "format=csv"]),
    "inference": lambda folder: inference([str(folder)]),
    "figures": lambda folder: figures.main([str(folder)]),
    "status": lambda folder: sweep.main(["status", str(folder)]),
    "gather": lambda folder: sweep.main(["gather", str(folder)]),
    "retry": lambda folder: sweep.main(["retry", str(folder)]),
}
RUN = ("query", "report", "export", "inference", "figures")
DAMAGES = {
    "nothing": b"",
    "half": None,
    "bytes": b"\xff\x00\xfe\x93",
    "a bracket": b"{",
    "a number": b"5",
    "a list": b"[5]",
    "other keys": b'{"a": {"b": []}}',
    "lists for keys": b'{"jobs": 5, "steps": 5, "methods": [], "hydra": 5, "k": []}',
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of one run with vectors and a configuration."""
    folder = tmp_path_factory.mktemp("whole") / "sweep"
    run = write_run(folder / "run")
    words = list("abcdefghijkl")
    counts = sp.CooccurrenceCounts.from_matrix(np.ones((12, 12)) + np.eye(12), words, words)
    write_factors(sp.PMISVD(dim=2).fit(counts), counts, run / "vectors" / "pmi_svd.npz")
    (run / ".hydra").mkdir()
    (run / ".hydra" / "config.yaml").write_text(CONFIG)
    (folder / "jobs.json").write_text(JOBS)
    (folder / "multirun.yaml").write_text("hydra: {overrides: {task: [], hydra: []}, runtime: {cwd: .}}\n")
    return folder


def ended(main: Callable[[Path], object], folder: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """The exit code; for a refusal, after one line."""
    capsys.readouterr()
    code = 0
    try:
        main(folder)
    except SystemExit as end:
        code = int(end.code or 0)
    said = capsys.readouterr()
    assert code in (0, 1, 2)
    assert code != 2 or (said.err.count("\n"), said.out) == (1, ""), said
    return code


def test_the_undamaged_are_read(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(whole, tmp_path / "sweep")
    for name in ("query", "report", "export"):
        assert ended(MAINS[name], tmp_path / "sweep" / "run", capsys) == 0, name
    for name in ("status", "report"):
        assert ended(MAINS[name], tmp_path / "sweep", capsys) == 0


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name",
    [
        "run/summary.json",
        "run/metrics.csv",
        "run/shown.npz",
        "run/vectors/pmi_svd.npz",
        "run/.hydra/config.yaml",
        "jobs.json",
        "multirun.yaml",
    ],
)
def test_a_damaged_file(
    name: str, damage: str, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep.os, "execv", lambda *_: None)  # of retry, where the damage leaves a command
    shutil.copytree(whole, tmp_path / "sweep")
    file = tmp_path / "sweep" / name
    content = DAMAGES[damage]
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if content is None else content)
    # Drawing takes seconds, and tells nothing of what was read.
    for drawn in ("run_figures", "question_figures", "sweep_figures", "grid_figures", "sweep_budget_figures"):
        monkeypatch.setattr(finished, drawn, lambda *_, **__: [])
    for command, main in MAINS.items():
        ended(main, tmp_path / "sweep" / "run" if command in RUN else tmp_path / "sweep", capsys)
        monkeypatch.chdir(tmp_path)


def test_a_folder_of_several_sweeps(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        place = tmp_path / "all" / name / "0" / ".hydra"
        place.mkdir(parents=True)
        (place / "overrides.yaml").write_text("- k=5\n")
        (place / "config.yaml").write_text(CONFIG)
        (place / "hydra.yaml").write_text("hydra: {job: {num: 0}, runtime: {choices: {}}}\n")
    for command in ("status", "gather", "report", "figures"):
        assert ended(MAINS[command], tmp_path / "all", capsys) == 2
    assert ended(MAINS["status"], tmp_path / "all" / "one", capsys) == 0


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (figures.main, ["run", "x"]),
        (figures.main, ["run", "figure.width"]),
        (figures.main, ["run", "figure.format=["]),
        (figures.main, ["run", "figure.width=1e9"]),
        (figures.main, ["run", "figure.font_size=1e-9"]),
        (report.main, ["run", "x"]),
        (inference, ["run", "level=1"]),
        (inference, ["run", "level=nan"]),
        (query.main, ["run", "count=1e99999"]),
        (sweep.main, ["status", "a", "b"]),
    ],
)
def test_arguments_that_cannot_be(
    main: Callable[[list[str]], object], arguments: list[str], whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "sweep")
    assert ended(lambda folder: main([str(folder / a) if a == "run" else a for a in arguments]), tmp_path / "sweep", capsys) == 2


def test_a_prompt_that_is_fed_other_bytes(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\na\n"), encoding="utf-8"))
    query.main([str(whole / "run")])
    said = capsys.readouterr().out
    assert "is not in the vocabulary" in said
    assert "> a\n" in said
