"""A sweep command repeated does what is missing; its tables hold its own jobs; every job is checked before the first."""

from __future__ import annotations

import errno
import json
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command import TINY, Command, Outcome, written

import sgns_pmi as sp
from sgns_pmi import run as run_module
from sgns_pmi import sweep as sweep_module
from sgns_pmi.config import Config
from sgns_pmi.files import is_temporary
from sgns_pmi.progress import Progress
from sgns_pmi.results.identity import job_key, same_configuration
from sgns_pmi.results.lock import FolderLock
from sgns_pmi.results.plan import folder_name


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders of the jobs that run, in order."""
    folders: list[str] = []
    real = run_module.run

    def noted(config: Config, directory: Path, *rest: Any, **more: Any) -> Any:
        folders.append(directory.name)
        return real(config, directory, *rest, **more)

    monkeypatch.setattr("sgns_pmi.run.run", noted)
    return folders


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sgns_pmi.figures.finished.sweep_figures", lambda *args, **kwargs: [])
    monkeypatch.setattr("sgns_pmi.figures.finished.grid_figures", lambda *args, **kwargs: [])
    return Command(tmp_path, monkeypatch, capsys)


def sweep(command: Command, *arguments: str) -> Outcome:
    return command(*TINY[:2], *arguments, "hydra.sweep.dir=out", "--multirun")


def table(command: Command) -> pd.DataFrame:
    return pd.read_csv(command.folder / "out" / "sweep.csv")


def test_a_sweep_repeated_does_nothing_again(command: Command, ran: list[str]) -> None:
    assert sweep(command, "k=1,2", "dim=2", "method=qwem").code == 0
    assert ran == ["k=1", "k=2"]
    files = {name: (command.folder / "out" / name).read_bytes() for name in written(command.folder / "out")}
    ran.clear()
    outcome = sweep(command, "k=1,2", "dim=2", "method=qwem")
    assert (outcome.code, ran) == (0, [])
    assert "2 of 2 jobs are complete; resume=false runs them again" in outcome.stderr
    assert "2 of 2 jobs: out" in outcome.stdout
    again = {name: (command.folder / "out" / name).read_bytes() for name in written(command.folder / "out")}
    assert again == files
    sweep(command, "k=1,2", "dim=2", "method=qwem", "resume=false")
    assert ran == ["k=1", "k=2"]


def test_new_values_of_a_key_run_alone(command: Command, ran: list[str]) -> None:
    sweep(command, "k=1,3", "dim=2", "method=qwem")
    sweep(command, "k=1,2,3", "dim=2", "method=qwem")
    assert ran == ["k=1", "k=3", "k=2"]
    assert table(command)[["k", "job"]].drop_duplicates().to_numpy().tolist() == [[1, 0], [2, 1], [3, 2]]
    resumed = (command.folder / "out" / "sweep.csv").read_bytes()
    # A job is known by what it computes: in another grid its folder stays where it is.
    ran.clear()
    sweep(command, "k=1,2", "dim=2,3", "method=qwem")
    assert ran == ["k=1,dim=3", "k=2,dim=3"]
    # Jobs that this command did not ask for are no part of its table.
    assert table(command)[["k", "dim"]].drop_duplicates().to_numpy().tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]
    # The first command once more: the table of an undisturbed sweep.
    sweep(command, "k=1,2,3", "dim=2", "method=qwem")
    assert len(ran) == 2
    assert (command.folder / "out" / "sweep.csv").read_bytes() == resumed
    fresh = command(*TINY[:2], "k=1,2,3", "dim=2", "method=qwem", "hydra.sweep.dir=fresh", "--multirun")
    assert fresh.code == 0
    assert (command.folder / "fresh" / "sweep.csv").read_bytes() == resumed
    assert (command.folder / "fresh" / "summary.csv").read_bytes() == (command.folder / "out" / "summary.csv").read_bytes()


def test_a_sweep_without_a_folder_of_its_own_goes_on(command: Command, ran: list[str]) -> None:
    arguments = (*TINY[:2], "k=1,2", "dim=2", "method=qwem", "hydra.sweep.dir='sweeps/${now:%Y}/${now:%H}'", "--multirun")
    assert command(*arguments).code == 0
    (folder,) = command.folder.glob("sweeps/*/*")
    (folder / "k=2" / "summary.json").unlink()
    ran.clear()
    outcome = command(*arguments)
    assert (outcome.code, ran) == (0, ["k=2"])
    assert f"goes on with {folder.relative_to(command.folder)}; resume=false begins anew" in outcome.stderr
    with FolderLock(folder, "hydra.sweep.dir"):  # as while the first command still runs
        command(*arguments)
    command("resume=false", *arguments)
    assert ran == ["k=2", "k=1", "k=2", "k=1", "k=2"]
    names = sorted(place.name[2:] for place in command.folder.glob("sweeps/*/*"))
    assert names == ["", "-2", "-3"]


def test_a_sweep_that_goes_on_keeps_its_folder(command: Command, ran: list[str]) -> None:
    """Its jobs too, whatever the time is by then, and where another sweep began in the same second."""
    arguments = (*TINY[:2], "k=1,2", "dim=2", "method=qwem", "hydra.sweep.dir='sweeps/${now:%S%f}'", "--multirun")
    assert command(*arguments).code == 0
    (folder,) = command.folder.glob("sweeps/*")
    (folder / "k=2" / "summary.json").unlink()
    assert command(*arguments).code == 0
    assert [place.parent for place in command.folder.glob("sweeps/*/sweep.csv")] == [folder]
    assert sp.Sweep.open(folder).status == "complete"
    arguments = (*arguments[:-2], "hydra.sweep.dir='same/${now:%Y}'", "--multirun")
    for name in ("", "-2"):
        assert command(*arguments, "resume=false").code == 0
        (folder,) = command.folder.glob(f"same/????{name}")
        assert sp.Sweep.open(folder).count == "2 of 2 jobs"


def test_a_full_disk_is_one_line_and_leaves_whole_files(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the tables of the sweep find no room; what fitted stays, and the rest goes on."""
    real = Path.replace

    def replace(place: Path, target: Path) -> Path:
        if "k=2" in str(target) or target.name == "sweep.csv":
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return real(place, target)

    monkeypatch.setattr(Path, "replace", replace)
    for _ in range(2):  # the first job is not run again
        outcome = sweep(command, "k=1,2", "dim=2", "method=qwem")
        assert outcome.code == 2
        assert outcome.stderr.endswith("No space left on device; what is there is whole, and the same command goes on\n")
        assert "Traceback" not in outcome.stderr
    assert sp.Run.open("out/k=1").status == "complete"
    assert not [file for file in (command.folder / "out").rglob(".*") if is_temporary(file)]
    monkeypatch.setattr(Path, "replace", real)
    assert sweep(command, "k=1,2", "dim=2", "method=qwem").code == 0
    assert sp.Sweep.open("out").status == "complete"


def test_another_configuration_keeps_its_results(command: Command, ran: list[str]) -> None:
    sweep(command, "k=1,2", "dim=2", "method=qwem")
    first = (command.folder / "out" / "k=1" / "metrics.csv").read_bytes()
    sweep(command, "k=1,2", "dim=3", "method=qwem")
    assert [name[:4] for name in ran] == ["k=1", "k=2", "k=1-", "k=2-"]
    assert (command.folder / "out" / "k=1" / "metrics.csv").read_bytes() == first
    own = [(command.folder / "out" / name / "metrics.csv").read_text().count("\n") - 1 for name in ran[2:]]
    assert len(table(command)) == sum(own)


@pytest.mark.parametrize("change", ["file", "code", "status"])
def test_what_makes_a_job_unfinished(command: Command, ran: list[str], monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    counts = command.folder / "counts.csv"
    counts.write_text("center,context,count\n0,1,1\n1,0,2\n")
    arguments = ("data=triples", "data.path=counts.csv", "method=pmi_svd", "dim=1,2", "hydra.sweep.dir=out", "--multirun")
    assert command(*arguments).code == 0
    ran.clear()
    if change == "file":
        counts.write_text("center,context,count\n0,1,3\n1,0,2\n")
    elif change == "code":
        monkeypatch.setattr("sgns_pmi.results.identity.code_version", lambda: "another")
    else:
        summary = command.folder / "out" / "dim=1" / "summary.json"
        summary.write_text(json.dumps(json.loads(summary.read_text()) | {"status": "interrupted"}))
    assert command(*arguments).code == 0
    assert ran == (["dim=1"] if change == "status" else ["dim=1", "dim=2"])


def test_the_key_of_a_job(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("one")
    config = {"k": 5, "figures": "all", "data": {"name": "text", "path": str(file)}, "eval": {"similarity": [str(tmp_path)]}}
    key = job_key(config)
    assert job_key(config | {"figures": "sweep", "svg": True, "resume": False}) == key
    assert not same_configuration(job_key(config | {"k": 6}), key)
    file.write_text("two!")
    assert job_key(config) != key
    assert same_configuration(job_key(config), key)
    key = job_key(config)
    (tmp_path / "b.txt").write_text("another question")
    assert job_key(config) != key


def test_words_that_are_names_of_folders_are_no_files(tmp_path: Path) -> None:
    """Else the word "/" would have the whole disk read."""
    (tmp_path / "a.txt").write_text("one")
    config = {"data": {"name": "toy", "sentences": [str(tmp_path)], "separator": "/"}, "eval": {"words": [str(tmp_path)]}}
    key = job_key(config)
    (tmp_path / "a.txt").write_text("two!")
    assert job_key(config) == key


def test_folder_names() -> None:
    assert folder_name({"k": "100000", "method": "[oracle]"}, "") == "k=100000,method=oracle"
    assert folder_name({"methods": "[a,b]", "data.path": "'../x y/z.csv'"}, "") == "methods=a+b,data.path=.._x_y_z.csv"
    long = folder_name({"data.path": "ä" * 200}, "0123456789abcdef")
    assert long.endswith("ä-01234567")
    assert len(long.encode()) < 140


def test_methods_can_be_swept(command: Command, ran: list[str]) -> None:
    outcome = sweep(command, "method=[oracle],[sppmi_svd]", "dim=2")
    assert outcome.code == 0
    assert ran == ["method=oracle", "method=sppmi_svd"]
    rows = table(command)[["swept_method", "method"]].drop_duplicates().to_numpy().tolist()
    assert rows == [["[oracle]", "oracle"], ["[sppmi_svd]", "sppmi_svd"]]
    assert "[sppmi_svd]" in outcome.stdout


def test_lists_of_words_can_be_swept(command: Command, ran: list[str]) -> None:
    arguments = (
        "data=toy",
        "dim=2",
        "method=sppmi_svd",
        "eval.words=[apple,dog],[cat]",
        "data.window=1,2",
        "hydra.sweep.dir=out",
    )
    assert command(*arguments, "--multirun").code == 0
    assert ran[0] == "eval.words=apple+dog,data.window=1"
    assert list(table(command)["eval.words"].unique()) == ["[apple,dog]", "[cat]"]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("dim=2,-1,4,999", "dim=-1: must be a whole number, 1 or more"),
        ("dim=2,4,999", "dim=999: must be at most 12, the smaller side of the 12 x 12 counts"),
        ("k=5,many", "k=many: must be a whole number, 1 or more"),
        ("solver.sampled.lr=0.1,-1", "solver.sampled.lr=-1: must be a number above 0"),
        ("+data.sed=1,2", "data.sed=1: no such key; did you mean data.seed?"),
    ],
)
def test_all_jobs_are_checked_before_the_first(command: Command, ran: list[str], asked: str, line: str) -> None:
    outcome = sweep(command, asked)
    assert (outcome.code, outcome.stdout, outcome.stderr, ran) == (2, "", f"{line}\n", [])
    assert not (command.folder / "out").exists()


def test_files_are_looked_for_before_the_first(command: Command, ran: list[str]) -> None:
    (command.folder / "counts.csv").write_text("center,context,count\n0,1,1\n1,0,2\n")
    arguments = ("data=triples", "data.path=counts.csv,none.csv", "dim=1", "method=pmi_svd", "hydra.sweep.dir=out")
    outcome = command(*arguments, "--multirun")
    assert (outcome.code, ran) == (2, [])
    assert outcome.stderr.startswith("data.path=none.csv: no such file")


def test_a_refused_command_leaves_the_sweep_as_it_was(command: Command) -> None:
    assert sweep(command, "k=1,2", "method=qwem", "dim=2").code == 0
    before = (command.folder / "out" / "sweep.csv").read_bytes()
    assert sweep(command, "k=1,0", "method=qwem", "dim=2").code == 2
    assert (command.folder / "out" / "sweep.csv").read_bytes() == before
    assert sp.Sweep.open("out").count == "2 of 2 jobs"


def test_a_refused_run_is_not_complete(command: Command) -> None:
    assert command(*TINY[:2], "method=qwem", "dim=2", "hydra.run.dir=out").code == 0
    assert command(*TINY[:2], "method=qwem", "dim=999", "hydra.run.dir=out").code == 2
    run = sp.Run.open("out")
    assert (run.status, run.reason) == ("refused", "dim=999: must be at most 12, the smaller side of the 12 x 12 counts")
    assert len(run.metrics) == 0
    assert written(command.folder / "out") == ["summary.json"]  # no vectors that query would answer from


def test_runs_of_the_same_second_have_folders_of_their_own(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        assert command(*TINY[:2], "method=qwem", "dim=2", "hydra.run.dir='outputs/${now:%Y}'", "figures=false").code == 0
    names = sorted(file.parent.name for file in command.folder.glob("outputs/*/metrics.csv"))
    assert [name[4:] for name in names] == ["", "-2", "-3"]


def test_status_gather_and_retry(command: Command, ran: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert sweep(command, "k=1,2,3", "dim=2", "method=qwem").code == 0
    out = command.folder / "out"
    undisturbed = (out / "sweep.csv").read_bytes()
    (out / "k=2" / "summary.json").unlink()
    running = json.loads((out / "k=3" / "summary.json").read_text()) | {"status": "running", "pid": 2**22 + 1}
    (out / "k=3" / "summary.json").write_text(json.dumps(running))

    def said(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            sweep_module.main(arguments)
        return int(ended.value.code), "".join(capsys.readouterr())

    code, text = said("status", "out")
    assert code == 0
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[1:] == [
        "0 1 k=1 complete",
        "1 2 k=2 missing has not begun",
        "2 3 k=3 interrupted its process has ended without a word",
        "1 of 3 jobs complete, 1 missing, 1 interrupted",
    ]
    (out / "sweep.csv").unlink()
    code, text = said("gather", "out")
    assert code == 1
    assert "2 of 3 jobs: out" in text
    assert list(table(command)["k"].unique()) == [1, 3]

    given: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda program, arguments: given.append(arguments[3:]))
    sweep_module.retry(Path("out"))
    ran.clear()
    assert command(*given[0]).code == 0
    assert ran == ["k=2", "k=3"]
    assert (out / "sweep.csv").read_bytes() == undisturbed
    for arguments, line in (
        (("stat", "out"), "command=stat: must be one of status, gather, retry, work (did you mean status?)\n"),
        (("status", "none"), "sweep=none: no such folder; paths are relative to the current one\n"),
        (("status",), "command line=status: give one folder: status DIR\n"),
    ):
        assert said(*arguments) == (2, line)
    assert said()[0] == 2


def test_how_far_a_sweep_has_come(command: Command) -> None:
    (command.folder / "counts.csv").write_text("center,context,count\n0,1,1\n1,0,2\n")
    arguments = ("data=triples", "data.path=counts.csv", "method=pmi_svd", "dim=1,3,2", "hydra.sweep.dir=out")
    outcome = command(*arguments, "--multirun")
    first, *lines = (command.folder / "out" / "status.log").read_text().splitlines()
    assert "3 jobs, of which 0 were complete before" in first
    assert [line.partition(" jobs")[0] for line in lines] == ["1 of 3", "2 of 3", "3 of 3"]
    assert "dim=1: complete in" in lines[0]
    assert "(rmse seen)" in lines[0]
    assert "1 not complete" in lines[1]
    assert "1 not complete" in lines[2]
    assert all(line in outcome.stderr for line in lines)


def test_replicates_are_averaged(command: Command) -> None:
    outcome = sweep(command, "k=1,5", "dim=2", "method=[sppmi_svd,oracle]", "replicates=3")
    assert outcome.code == 0, outcome.stderr
    rows = table(command)
    assert rows[["k", "seed"]].drop_duplicates().to_numpy().tolist() == [[k, seed] for k in (1, 5) for seed in (0, 1, 2)]
    summary = pd.read_csv(command.folder / "out" / "summary.csv")
    by = ["k", "method", "estimate", "target", "cells", "metric"]
    assert list(summary) == [*by, "mean", "se", "lower", "upper", "n", "without_optimum"]
    finite = summary[summary["se"].notna()]
    assert set(finite["n"]) == {3}
    for own in finite.sample(20, random_state=0).itertuples():
        values = rows[(rows[by] == [getattr(own, key) for key in by]).all(axis=1)]["value"]
        assert own.mean == pytest.approx(values.mean(), abs=1e-12)
        assert own.se == pytest.approx(values.sem(), abs=1e-12)
    assert "mean ± standard error" in outcome.stdout
    assert "(n = 3)" in outcome.stdout
    assert "6 of 6 jobs" in outcome.stdout
    assert (
        sweep(command, "seed=1,2", "replicates=2").stderr
        == "replicates=2: are seeds, and so is a swept seed; give one of the two, as one number\n"
    )
    assert command("replicates=2", "hydra.run.dir=alone").stderr == "replicates=2: are jobs of a sweep; add --multirun\n"


def test_answers_and_differences_over_seeds(command: Command) -> None:
    (command.folder / "pairs.txt").write_text("apple banana 9\napple dog 1\ncat dog 8\n")
    arguments = ("data=toy", "dim=2", "k=1,2", "method=[sgns_sampled,sppmi_svd]", "solver.sampled.epochs=2", "noise=uniform")
    assert command(*arguments, "replicates=3", "eval.similarity=[pairs.txt]", "hydra.sweep.dir=out", "--multirun").code == 0
    found = sp.Sweep.open("out")
    values = found.evaluation.query("method == 'sgns_sampled' and metric == 'spearman' and k == 1")["value"]
    assert found.answers.loc[(1, "sgns_sampled"), "pairs: spearman"].startswith(f"{values.mean():.4g}")
    assert found.answers.loc[(1, "sppmi_svd"), "pairs: spearman"].endswith("± 0 (n = 3)")
    differences = pd.read_csv(command.folder / "out" / "differences.csv")
    assert set(zip(differences["method"], differences["other"], strict=True)) == {("sgns_sampled", "sppmi_svd")}
    row = differences.query("k == 2 and metric == 'rmse' and estimate == 'raw' and cells == 'seen'").iloc[0]
    rows = table(command).query("k == 2 and metric == 'rmse' and estimate == 'raw' and cells == 'seen'")
    wide = rows.pivot(index="seed", columns="method", values="value")
    assert row["mean"] == pytest.approx((wide["sgns_sampled"] - wide["sppmi_svd"]).mean(), abs=1e-12)


def test_draws_are_repeats_too(command: Command) -> None:
    assert sweep(command, "draw_seed=0,1,2", "dim=1,2", "method=[qwem,oracle]").code == 0
    summary = pd.read_csv(command.folder / "out" / "summary.csv")
    assert list(summary)[:2] == ["dim", "method"]
    assert set(summary["n"]) == {3}


def test_a_fit_without_an_optimum_is_not_averaged(command: Command) -> None:
    assert sweep(command, "seed=0,1,2", "dim=2", "method=qwem").code == 0
    file = command.folder / "out" / "seed=1" / "summary.json"
    summary = json.loads(file.read_text())
    summary["methods"]["qwem"]["status"] = "no finite optimum"
    file.write_text(json.dumps(summary))
    found = sp.Sweep.open("out").summary.query("metric == 'rmse' and target == 'true'")
    assert set(found["n"]) == {2}
    assert set(found["without_optimum"]) == {1}


def test_a_job_returns_its_objective(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    returned: list[Any] = []
    real = run_module.job

    def noted(tree: Any) -> Any:
        returned.append(real(tree))
        return returned[-1]

    monkeypatch.setattr("sgns_pmi.run.job", noted)
    assert sweep(command, "dim=2,3", "method=sgns_expected", "objective=sgns_expected/rmse").code == 0
    rows = table(command).query("metric == 'rmse' and cells == 'all' and estimate == 'corrected' and target == 'true'")
    assert returned == list(rows["value"])
    assert sp.Run.open("out/dim=2").value("sgns_expected", "value") == pytest.approx(
        table(command).query("dim == 2 and target == 'objective' and metric == 'value'")["value"].item()
    )
    assert sweep(command, "dim=2", "objective=sgns/rmse").stderr.startswith("objective=sgns: must be one of sgns_expected")
    assert sweep(command, "dim=2", "objective=oracle").stderr == (
        "objective=oracle: must name a method and a metric, as oracle/rmse\n"
    )


def test_a_long_fit_goes_on(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of an undisturbed run, and not from the beginning; nothing of the state stays."""
    arguments = (*TINY[:2], "method=[qwem,sgns_sampled]", "dim=2", "solver.sampled.epochs=50", "figures=false", "checkpoint=1e-9")
    assert command(*arguments, "hydra.run.dir=whole").code == 0
    steps: list[int] = []
    real = Progress.update

    def update(progress: Progress, number: int = 1, *args: Any, **kwargs: Any) -> None:
        steps.append(number)
        if len(steps) == 20:
            signal.raise_signal(signal.SIGINT)
        real(progress, number, *args, **kwargs)

    monkeypatch.setattr(Progress, "update", update)
    assert command(*arguments, "hydra.run.dir=out").code == 130
    outcome = command(*arguments, "hydra.run.dir=out")
    assert outcome.code == 0
    assert f"goes on from {Path('out/checkpoints/sgns_sampled.npz')}" in outcome.stderr
    assert steps[20] > 10
    whole, out = command.folder / "whole", command.folder / "out"
    assert (out / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    assert written(out) == written(whole)
    # Another job, or resume=false, begins anew.
    for more in (("k=6",), ("resume=false",)):
        steps.clear()
        assert command(*arguments, "hydra.run.dir=out").code == 130
        steps[:] = [0] * 20
        outcome = command(*arguments, *more, "hydra.run.dir=out")
        assert (outcome.code, "goes on from" in outcome.stderr, steps[20]) == (0, False, 1)
