"""The bulk launcher: a line for each job in place of a folder, and the tables of every other launcher."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from command import TINY, Command, written

import sgns_pmi as sp
from sgns_pmi import bulk, worker
from sgns_pmi.results.chunks import ChunkWriter, Work, read_lines
from sgns_pmi.sweep import main as sweep_main

BULK = ("hydra/launcher=bulk", "hydra.sweep.dir=out", "--multirun")
GRID = (*TINY[:2], "k=1,5", "dim=1,2", "seed=0,1", "method=[sppmi_svd,oracle]", "figures=false")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, monkeypatch, capsys)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The only worker is this process: starting others takes seconds. How many jobs each launch has."""
    launched: list[int] = []

    def work(sweep: Path, count: int, jobs: int, threads: int) -> None:
        launched.append(jobs)
        worker.work(sweep)

    monkeypatch.setattr(bulk, "_run_workers", work)
    return launched


def test_tables_do_not_depend_on_the_launcher(command: Command, here: list[int]) -> None:
    assert command(*GRID, *BULK).code == 0
    assert command(*GRID, "hydra.sweep.dir=folders", "--multirun").code == 0
    for name in ("sweep.csv", "summary.csv", "differences.csv"):
        assert (command.folder / "out" / name).read_bytes() == (command.folder / "folders" / name).read_bytes()
    assert here == [8]
    sweep, folders = sp.Sweep.open("out"), sp.Sweep.open("folders")
    assert (sweep.status, sweep.count) == ("complete", "8 of 8 jobs")
    for job, other in zip(sweep.jobs, folders.jobs, strict=True):
        assert job.config == other.config
        assert job.summary["methods"] == other.summary["methods"]
        assert job.value("oracle", "rmse") == other.value("oracle", "rmse")
        pd.testing.assert_frame_equal(job.budget, other.budget)
    assert {name.partition("/")[0] for name in written(command.folder / "out")} == {
        *("chunks", "jobs.json", "multirun.yaml", "report.html", "summary.csv", "differences.csv", "sweep.csv")
    }


@pytest.mark.study
def test_workers_of_a_cluster_go_on_without_the_command(command: Command) -> None:
    """HyperQueue's, as any scheduler's; the command was killed before its own worker had done all."""
    hyperqueue = pytest.importorskip("hyperqueue", reason="needs hyperqueue")
    path = os.environ | {"PYTHONPATH": str(Path(sp.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    own = (*GRID, *BULK, "hydra.launcher.n_jobs=1", "hydra.launcher.chunk=1")
    process = subprocess.Popen([sys.executable, "-m", "sgns_pmi.run", *own], env=path)
    last = time.monotonic() + 300
    while not Path("out/chunks/work.json").is_file():
        assert time.monotonic() < last
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait(60)
    with hyperqueue.LocalCluster() as cluster:
        cluster.start_worker()
        client, job = cluster.client(), hyperqueue.Job(default_env=path)
        work = [sys.executable, "-m", "sgns_pmi.sweep", "work", "out"]
        for number in range(2):
            job.program(work, cwd=os.getcwd(), stdout=f"{number}.out", stderr=f"{number}.err")
        client.wait_for_jobs([client.submit(job)])
    assert Path("0.out").read_text() + Path("1.out").read_text() != ""
    with pytest.raises(SystemExit, match="0"):
        sweep_main(["gather", "out"])
    assert command(*GRID, "hydra.sweep.dir=folders", "--multirun").code == 0
    for name in ("sweep.csv", "summary.csv", "differences.csv"):
        assert (command.folder / "out" / name).read_bytes() == (command.folder / "folders" / name).read_bytes()


def test_answers_too(command: Command, here: list[int]) -> None:
    (command.folder / "pairs.txt").write_text("apple banana 9\napple dog 1\ncat dog 8\n")
    asked = ("data=toy", "dim=1,2", "method=[sppmi_svd]", "eval.similarity=[pairs.txt]", "eval.maps=[]", "figures=false")
    assert command(*asked, *BULK).code == 0
    assert command(*asked, "hydra.sweep.dir=folders", "--multirun").code == 0
    for name in ("sweep.csv", "evaluation.csv"):
        assert (command.folder / "out" / name).read_bytes() == (command.folder / "folders" / name).read_bytes()


def test_only_what_is_missing_runs(command: Command, here: list[int]) -> None:
    assert command(*GRID, *BULK).code == 0
    undisturbed = (command.folder / "out" / "sweep.csv").read_bytes()
    first, *_, last = sorted((command.folder / "out" / "chunks").glob("*.jsonl"))
    first.unlink()
    last.write_bytes(last.read_bytes()[:-20])  # a worker was killed while it wrote
    assert sp.Sweep.open("out").count == "6 of 8 jobs"
    outcome = command(*GRID, *BULK)
    assert (outcome.code, here) == (0, [8, 2])
    assert "6 of 8 jobs are complete; resume=false runs them again" in outcome.stderr
    assert (command.folder / "out" / "sweep.csv").read_bytes() == undisturbed
    # What another launcher has done is done, and the other way round.
    assert command(*GRID, "k=1,5,20", "hydra.sweep.dir=out", "--multirun").code == 0
    assert len(list((command.folder / "out").glob("*/summary.json"))) == 4
    assert command(*GRID, "k=1,5,20", *BULK).code == 0
    assert here == [8, 2]
    assert command(*GRID, *BULK, "resume=false").code == 0
    assert here == [8, 2, 8]


def test_a_worker_takes_what_no_other_has(command: Command, here: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(*GRID, *BULK, "hydra.launcher.chunk=3").code == 0
    work = Work.read(Path("out"))
    chunks = work.chunks(Path("out"))
    assert [len(jobs) for jobs in chunks.values()] == [3, 3, 2]
    file, jobs = next(iter(chunks.items()))
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:2]) + lines[2][:30])  # of a worker that was killed
    with ChunkWriter(file, work.base) as other:
        assert (other.mine, other.ended) == (True, {next(iter(jobs))})
        assert not worker.finished(file, jobs, work.base)
    monkeypatch.setattr(worker.time, "sleep", None)  # nothing is waited for
    worker.work(Path("out"))
    assert [json.loads(line)["job"] for line in file.read_bytes().splitlines()[1:]] == list(jobs)


def test_a_full_disk_leaves_whole_lines(command: Command, here: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    real, written = os.write, []

    def write(descriptor: int, data: bytes) -> int:
        nonlocal written
        written += [1] if bytes(data[:2]) == b'{"' else []
        if len(written) == 4:
            real(descriptor, bytes(data)[:10])
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr("sgns_pmi.results.chunks.os.write", write)
    assert "No space left on device; what is there is whole" in command(*GRID, *BULK, "hydra.launcher.chunk=8").stderr
    monkeypatch.setattr("sgns_pmi.results.chunks.os.write", real)
    assert len(read_lines(Path("out"))) == 2
    (file,) = (command.folder / "out" / "chunks").glob("*.jsonl")
    assert file.read_bytes().endswith(b"\n")
    assert command(*GRID, *BULK).code == 0
    assert here == [8, 6]


def test_jobs_that_are_refused_or_fail_are_said(command: Command, here: list[int]) -> None:
    (command.folder / "counts.csv").write_text("center,context,count\n0,1,1\n1,0,2\n")
    outcome = command("data=triples", "data.path=counts.csv", "dim=1,3,2", "method=pmi_svd", "figures=false", *BULK)
    assert outcome.code == 1
    assert "2 of 3 jobs" in outcome.stdout
    refused = sp.Sweep.open("out").jobs[1]
    assert (refused.status, refused.reason) == ("refused", "dim=3: must be at most 2, the smaller side of the 2 x 2 counts")
    assert "dim=3: must be at most 2" in (command.folder / "out" / "report.html").read_text()


def test_what_it_cannot_do_is_refused(command: Command, here: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    for asked, line in (
        ("hydra.launcher.n_jobs=0", "hydra.launcher.n_jobs=0: must be a whole number, 1 or more\n"),
        ("hydra.launcher.chunk=0.5", "hydra.launcher.chunk=0.5: must be a whole number, 1 or more\n"),
        ("figures=all", "figures=all: jobs of hydra/launcher=bulk have no folder for figures; give sweep or false\n"),
    ):
        outcome = command(*TINY[:2], "k=1,2", asked, *BULK)
        assert (outcome.code, outcome.stderr) == (2, line)
    assert not (command.folder / "out").exists()
    (command.folder / "none").mkdir()
    with pytest.raises(SystemExit):
        sweep_main(["work", "none"])
    assert capsys.readouterr().err == "sweep=none: has no work to share out; begin it with hydra/launcher=bulk\n"
