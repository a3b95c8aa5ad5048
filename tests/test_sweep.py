"""Sweeps: every job's rows in one table, whatever becomes of single jobs."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from command import TINY, Command, written
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from omegaconf import OmegaConf
from threadpoolctl import threadpool_limits

import sgns_pmi as sp
from sgns_pmi.compare import Comparing
from sgns_pmi.figures.__main__ import main
from sgns_pmi.negatives import Negatives
from sgns_pmi.progress import Progress

ROWS = ["method", "estimate", "target", "cells", "metric", "value"]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, monkeypatch, capsys)


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgns_pmi.figures.run_figures", lambda *args, **kwargs: [])
    monkeypatch.setattr("sgns_pmi.figures.finished.sweep_figures", lambda *args, **kwargs: [])
    monkeypatch.setattr("sgns_pmi.figures.finished.grid_figures", lambda *args, **kwargs: [])
    monkeypatch.setattr("sgns_pmi.figures.finished.sweep_budget_figures", lambda *args, **kwargs: [])


def sweep(command: Command, *arguments: str) -> Any:
    return command(*TINY, *arguments, "hydra.sweep.dir=out", "--multirun")


def triples(command: Command) -> tuple[str, ...]:
    """A sweep over counts in a file, whose shape is not known ahead: 2 x 2."""
    (command.folder / "counts.csv").write_text("center,context,count\n0,1,1\n1,0,2\n")
    return ("data=triples", "data.path=counts.csv", "method=pmi_svd", "hydra.sweep.dir=out")


def test_two_by_two(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgns_pmi.figures.run_figures", lambda *args, **kwargs: [])  # those of the sweep are drawn
    outcome = sweep(command, "k=5,20", "dim=2,3", "method=[sgns_expected,sppmi_svd]")
    assert outcome.code == 0
    out = command.folder / "out"
    frame = pd.read_csv(out / "sweep.csv")
    assert list(frame.columns) == ["k", "dim", "job", *ROWS]
    asked = frame[["k", "dim", "job"]].drop_duplicates().to_numpy().tolist()
    assert asked == [[5, 2, 0], [5, 3, 1], [20, 2, 2], [20, 3, 3]]
    # Every row of every job's own table, as it was written there.
    lines = (out / "sweep.csv").read_text().splitlines()[1:]
    own = {job: (out / f"k={k},dim={dim}" / "metrics.csv").read_text().splitlines()[1:] for k, dim, job in asked}
    jobs = [f"{k},{dim},{job},{line}" for k, dim, job in asked for line in own[job]]
    assert lines == jobs

    figures = {"figures/rmse_all.png", "figures/rmse_seen.png", "figures/grid_sgns_expected.png", "figures/budget.png"}
    assert figures | {"sweep.csv", "report.html"} <= set(written(out))
    page = (out / "report.html").read_text()
    assert all(f'<a href="{name}">' in page for name in figures)

    # The console's table has one line for each job: k, dim, job, and the RMSE of each method.
    rmse = frame.query("estimate == 'corrected' and target == 'true' and cells == 'all' and metric == 'rmse'")
    for job, (k, dim, _) in enumerate(asked):
        shown = [line.split() for line in outcome.stdout.splitlines()]
        values = next(line[3:] for line in shown if line[:3] == [str(k), str(dim), str(job)])
        assert [float(value) for value in values] == pytest.approx(rmse[rmse["job"] == job]["value"].tolist(), abs=5e-4)


def test_grid_panels_show_the_corrected_estimate(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """RMSE of what a panel draws is the RMSE that metrics.csv has for it, biases and noise offset included."""
    monkeypatch.setattr("sgns_pmi.figures.run_figures", lambda *args, **kwargs: [])
    monkeypatch.setattr("sgns_pmi.figures.finished.sweep_figures", lambda *args, **kwargs: [])
    drawn = []

    def grid(panels: Any, **facts: Any) -> None:
        drawn.extend(panels)

    monkeypatch.setattr("sgns_pmi.figures.grid.grid_figure", grid)
    monkeypatch.setattr("sgns_pmi.figures.grid.save", lambda *args: [])
    # Also on the road: counts that are drawn anew for each seed.
    assert sweep(command, "seed=0,1", "k=5,20", "method=sgns_expected", "noise=uniform", "bias=true").code == 0
    assert [(panel.row, panel.column) for panel in drawn] == [(0, 5), (0, 20), (1, 5), (1, 20)]
    for panel in drawn:
        assert ((panel.estimate - panel.target) ** 2).mean() ** 0.5 == pytest.approx(panel.rmse)


def test_grid_panels_of_large_counts_show_seen_cells(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgns_pmi.compare.shown.SHOWN_CELLS", 10)
    monkeypatch.setattr("sgns_pmi.figures.finished.sweep_figures", lambda *args, **kwargs: [])
    drawn: list[Any] = []
    monkeypatch.setattr("sgns_pmi.figures.grid.grid_figure", lambda panels, **facts: drawn.extend(panels))
    monkeypatch.setattr("sgns_pmi.figures.grid.save", lambda *args: [])
    outcome = command(
        "data=toy",
        "k=1,2",
        "dim=1,2",
        "method=sgns_sampled",
        "noise=uniform",
        "bias=true",
        "figures=all",
        "hydra.sweep.dir=out",
        "--multirun",
    )
    assert outcome.code == 0, outcome.stderr
    assert len(drawn) == 4
    for panel in drawn:
        assert panel.estimate.shape == panel.target.shape == (22,)
        assert ((panel.estimate - panel.target) ** 2).mean() ** 0.5 == pytest.approx(panel.rmse)
    figures = [name for name in written(command.folder / "out" / "k=1,dim=1") if name.startswith("figures/")]
    assert "figures/recovery.png" in figures
    assert "figures/spectrum.png" not in figures


def test_titles_say_what_the_jobs_share(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgns_pmi.figures.run_figures", lambda *args, **kwargs: [])
    titles = []

    def figures(*args: Any, title: str, **facts: Any) -> list[Path]:
        titles.append(title)
        return []

    monkeypatch.setattr("sgns_pmi.figures.finished.sweep_figures", figures)
    monkeypatch.setattr("sgns_pmi.figures.grid.grid_figure", lambda panels, **facts: titles.append(facts["title"]))
    monkeypatch.setattr("sgns_pmi.figures.grid.save", lambda *args: [])
    # One job of bad input has no say.
    arguments = ("k=1,2", "dim=2", "method=sgns_expected", "noise=unigram075,zero_share", "data.sampling=population")
    assert sweep(command, *arguments).code == 1
    problem = "softmax generator, 12 words, rank 2, 3,000 pairs without sampling noise"
    shared = f"{problem}\ndim = 2, rank of true PMI = 4, noise = unigram^0.75"
    assert titles == [f"{shared}, 2 of 4 jobs"]
    titles.clear()
    assert sweep(command, "data.rank=1,2", "noise=uniform,unigram", "method=sgns_expected", "dim=3").code == 0
    assert titles == ["k = 5, dim = 3, 4 of 4 jobs"]


@pytest.mark.usefixtures("no_figures")
def test_answers_of_all_jobs_in_one_table(command: Command) -> None:
    (command.folder / "pairs.txt").write_text("apple banana 9\napple dog 1\ncat dog 8\n")
    arguments = ("data=toy", "dim=2,3", "method=[qwem,sppmi_svd]", "noise=uniform", "hydra.sweep.dir=out")
    outcome = command(*arguments, "eval.similarity=[pairs.txt]", "--multirun")
    assert outcome.code == 0, outcome.stderr
    out = command.folder / "out"
    lines = (out / "evaluation.csv").read_text().splitlines()
    assert lines[0] == "dim,job,method,task,set,section,metric,value"
    own = [
        f"{dim},{job},{line}"
        for job, dim in enumerate((2, 3))
        for line in (out / f"dim={dim}" / "evaluation.csv").read_text().splitlines()[1:]
    ]
    assert lines[1:] == own
    page = (out / "report.html").read_text()
    assert "pairs: spearman" in page
    assert "pairs: spearman" in outcome.stdout
    # There is no truth, and the empirical PMI of seen cells is said once.
    assert [title in outcome.stdout for title in ("empirical PMI, seen cells", "all cells")] == [True, False]
    assert command(*arguments, "--multirun").code == 0
    assert not (out / "evaluation.csv").exists()


@pytest.mark.usefixtures("no_figures")
def test_group_choices_and_lists_are_columns(command: Command) -> None:
    outcome = sweep(command, "noise=unigram,unigram075", "methods=[qwem],[qwem,oracle]", "method=qwem")
    assert outcome.code == 0
    frame = pd.read_csv(command.folder / "out" / "sweep.csv")
    # Both choices set noise=unigram: what was chosen tells them apart.
    assert list(frame["noise"].unique()) == ["unigram", "unigram075"]
    assert list(frame["methods"].unique()) == ["[qwem]", "[qwem,oracle]"]


@pytest.mark.usefixtures("no_figures")
def test_keys_added_and_swept_in_a_file(command: Command) -> None:
    outcome = sweep(command, "+experiment=rank", "+data.seed=1,2", "dim=1,2", "method=qwem")
    assert outcome.code == 0
    frame = pd.read_csv(command.folder / "out" / "sweep.csv")
    assert [column for column in frame if column not in ROWS] == ["dim", "data.seed", "job"]
    assert frame["data.seed"].dtype == int


@pytest.mark.usefixtures("no_figures")
def test_an_experiment_that_sweeps_needs_no_flag(command: Command) -> None:
    outcome = command(*TINY[:2], "+experiment=rank", "dim=1,2", "method=oracle", "hydra.sweep.dir=out")
    assert outcome.code == 0
    assert list(pd.read_csv(command.folder / "out" / "sweep.csv")["dim"].unique()) == [1, 2]


@pytest.mark.usefixtures("no_figures")
def test_bad_input_in_one_job_does_not_lose_the_others(command: Command) -> None:
    outcome = command(*triples(command), "dim=1,3,2", "--multirun")
    assert outcome.code == 1
    assert "dim=3: must be at most 2" in outcome.stderr
    assert "job 1 refused" in outcome.stdout
    assert "2 of 3 jobs" in outcome.stdout
    out = command.folder / "out"
    assert list(pd.read_csv(out / "sweep.csv")["dim"].unique()) == [1, 2]
    assert written(out / "dim=3") == ["summary.json"]
    assert "job 1 refused dim=3: must be at most 2" in (out / "report.html").read_text()


@pytest.mark.usefixtures("no_figures")
def test_a_sweep_of_mistakes_alone(command: Command) -> None:
    outcome = command(*triples(command), "dim=3,4", "--multirun")
    assert outcome.code == 1
    assert not (command.folder / "out" / "sweep.csv").exists()


def test_a_key_that_does_not_exist_stops_the_sweep_before_its_jobs(command: Command) -> None:
    outcome = sweep(command, "kk=1,2")
    assert (outcome.code, outcome.stderr) == (2, "kk=1: no such key; did you mean k?\n")
    assert "jobs" not in outcome.stdout


@pytest.mark.usefixtures("no_figures")
def test_a_failed_job_does_not_stop_the_sweep(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(problem: Any, negatives: Negatives) -> Comparing:
        if negatives.k == 2:
            raise RuntimeError("a wheel came off")
        return Comparing(problem, negatives)

    monkeypatch.setattr("sgns_pmi.compare.Comparing", breaks)
    outcome = sweep(command, "k=1,2,3", "method=qwem")
    assert outcome.code == 1
    assert "job 1 failed" in outcome.stdout
    assert list(pd.read_csv(command.folder / "out" / "sweep.csv")["k"].unique()) == [1, 3]


@pytest.mark.usefixtures("no_figures")
def test_ctrl_c_ends_the_sweep_and_keeps_the_finished_jobs(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    training = []

    def update(progress: Progress, *args: Any, **kwargs: Any) -> None:
        if progress._name == "SGNS (sampled)" and progress not in training:
            training.append(progress)
            if len(training) == 2:  # in the second job
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Progress, "update", update)
    outcome = sweep(command, "k=1,2,3,4", "method=sgns_sampled")
    assert outcome.code == 130
    out = command.folder / "out"
    assert sorted(file.parent.name for file in out.glob("*/summary.json")) == ["k=1", "k=2"]
    assert json.loads((out / "k=2" / "summary.json").read_text())["status"] == "interrupted"
    assert list(pd.read_csv(out / "sweep.csv")["k"].unique()) == [1, 2]
    assert "job 1 interrupted" in outcome.stdout
    assert "job 3 missing" in outcome.stdout
    assert "2 of 4 jobs" in outcome.stdout


def test_jobs_have_the_files_that_hydra_writes(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose parts are not made anew for each."""
    texts: dict[str, dict[str, str]] = {}
    places: dict[str, str] = {}

    def job(tree: Any) -> str:
        own = HydraConfig.get()
        assert (own.job.num, own.job.id) == (len(texts), str(len(texts)))
        assert Path.cwd() == command.folder
        assert os.environ["WANTED"] == "yes"
        places[own.sweep.subdir] = own.runtime.output_dir
        asked = OmegaConf.masked_copy(tree, [key for key in tree if key != "hydra"])
        parts = {"config": asked, "hydra": OmegaConf.masked_copy(tree, ["hydra"]), "overrides": own.overrides.task}
        texts[own.sweep.subdir] = {name: OmegaConf.to_yaml(part) for name, part in parts.items()}
        logging.getLogger("sgns_pmi").info("job %d", own.job.num)
        return "complete"

    monkeypatch.setattr("sgns_pmi.run.job", job)
    sweep(command, "k=1,2", "data.words=5,6", "methods=[oracle]", "+hydra.job.env_set.WANTED=yes")
    assert list(texts) == [f"data.words={words},k={k}" for words in (5, 6) for k in (1, 2)]
    for name, own in texts.items():
        folder = command.folder / "out" / name
        assert places[name] == str(folder)
        assert {file: (folder / ".hydra" / f"{file}.yaml").read_text() for file in own} == own
        assert f"k: {name[-1]}\n" in own["config"]
        assert str(folder) in own["hydra"]
        log = [line.partition(": ")[2] for line in (folder / "run.log").read_text().splitlines()]
        assert log == [f"job {list(texts).index(name)}"]
    assert "WANTED" not in os.environ


def test_parallel_jobs_give_the_same_rows(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="needs the extra sgns-pmi[parallel]")
    arguments = ("k=1,2", "method=[sgns_expected,sppmi_svd]")
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    parallel = command(*TINY, *arguments, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=two", "--multirun")
    assert parallel.code == 0
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            assert command(*TINY, *arguments, "hydra.sweep.dir=one", "--multirun").code == 0
    finally:
        torch.set_num_threads(threads)
    assert (command.folder / "two" / "sweep.csv").read_bytes() == (command.folder / "one" / "sweep.csv").read_bytes()
    summaries = [json.loads(file.read_text()) for file in (command.folder / "two").glob("*/summary.json")]
    assert all(2 * summary["threads"] <= max(2, os.cpu_count() or 1) for summary in summaries)


def test_a_parallel_worker_remembers_its_last_jobs(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """As problems and decompositions are made once; what jobs share comes to it once, and its libraries are no garbage."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="needs the extra sgns-pmi[parallel]")
    ended: list[str] = []

    def job(tree: Any) -> str:  # is sent by value, as all functions of `python -m sgns_pmi.run`
        folder = Path(HydraConfig.get().runtime.output_dir)
        seen = {"k": tree.k, "pid": os.getpid(), "jobs": len(ended), "state": id(Singleton._instances)}
        seen["frozen"] = gc.get_freeze_count() > 0
        (folder / "seen.json").write_text(json.dumps(seen))
        ended.append(folder.name)
        return "complete"

    monkeypatch.setattr("sgns_pmi.run.job", job)
    out = command.folder / "out"  # absolute, as the workers may be those of another test, in its folder
    command(*TINY, "k=1,2,3,4,5,6", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", f"hydra.sweep.dir={out}", "--multirun")
    assert ended == []
    seen = sorted((json.loads(file.read_text()) for file in out.glob("*/seen.json")), key=lambda own: own["k"])
    assert [own["k"] for own in seen] == [1, 2, 3, 4, 5, 6]
    for pid in {own["pid"] for own in seen}:
        one = [own for own in seen if own["pid"] == pid]
        assert [own["jobs"] for own in one] == list(range(len(one)))
        assert len({own["state"] for own in one}) == 1
        assert all(own["frozen"] for own in one[1:])


@pytest.mark.study
@pytest.mark.parametrize(("launcher", "extra"), [("submitit_local", "slurm"), ("ray", "ray")])
def test_submitted_jobs_give_the_same_rows(launcher: str, extra: str, tmp_path: Path) -> None:
    """submitit's local executor goes the way of its Slurm one; Ray starts a cluster of this machine."""
    plugin = f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher"
    pytest.importorskip(plugin, reason=f"needs the extra sgns-pmi[{extra}]")
    path = os.environ | {"PYTHONPATH": str(Path(sp.__file__).parents[1]), "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-m", "sgns_pmi.run", *TINY, "k=1,2", "method=[sgns_sampled,sppmi_svd]", "figures=false"]
    for own in (f"hydra/launcher={launcher}", "hydra/launcher=basic"):
        folder = f"hydra.sweep.dir={own.partition('=')[2]}"
        done = subprocess.run([*command, own, folder, "--multirun"], cwd=tmp_path, env=path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / launcher / "sweep.csv").read_bytes() == (tmp_path / "basic" / "sweep.csv").read_bytes()


@pytest.mark.usefixtures("no_figures")
def test_a_search_finds_the_best_of_its_jobs(command: Command) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="needs the extra sgns-pmi[search]")
    keys = ("hydra.sweeper.n_trials=3", "hydra.sweeper.params={dim: 'choice(1, 2, 3)'}", "hydra.sweep.dir=out")
    outcome = command(*TINY, "+experiment=search", *keys)
    assert outcome.code == 0, outcome.stderr
    best = OmegaConf.load(command.folder / "out" / "optimization_results.yaml")
    frame = pd.read_csv(command.folder / "out" / "sweep.csv")
    rows = frame.query("metric == 'held_out_nats' and target == 'objective'")
    assert len(rows) == 3
    assert best.best_value == rows["value"].min()
    # A sampler is chosen by name: nothing else is called so.
    outcome = command(*TINY, "+experiment=search", "hydra.sweeper.sampler._target_=os.system", "hydra.sweep.dir=none")
    assert (outcome.code, (command.folder / "none").exists()) == (2, False)
    assert outcome.stderr.startswith("hydra.sweeper.sampler._target_=os.system: ")


def test_figures_that_were_not_drawn_are_drawn_later(command: Command) -> None:
    """The same pictures, from what a run keeps; a sweep draws its own, and those of its jobs on request."""
    (command.folder / "pairs.txt").write_text("apple banana 9\napple dog 1\ncat dog 8\n")
    own = ("data=toy", "dim=2", "method=[sgns_expected,glove]", "noise=uniform", "eval.similarity=[pairs.txt]")
    assert command(*own, "hydra.run.dir=run").code == 0
    folder = command.folder / "run" / "figures"
    drawn = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert {"recovery.png", "convergence.png", "losses.png"} < drawn.keys()
    for file in folder.iterdir():
        file.unlink()
    assert figures_command("run") == 0
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == drawn
    assert figures_command("none") == 2
    (command.folder / "run" / "shown.npz").unlink()
    assert figures_command("run") == 2

    assert command(*own, "k=1,2", "method=sppmi_svd", "hydra.sweep.dir=out", "figures=false", "--multirun").code == 0
    assert [name for name in written(command.folder / "out") if "figures" in name] == []
    assert figures_command("out") == 0
    assert {"figures/rmse_seen.png", "k=1/figures/recovery.png"} <= set(written(command.folder / "out"))
    assert figures_command("out", "figure.format=pdf", "figure.width=3.3", "figure.parameters=false") == 0
    assert {"figures/rmse_seen.pdf", "k=1/figures/recovery.pdf"} <= set(written(command.folder / "out"))
    assert figures_command("out", "figure.format=jpg") == figures_command("out", "format=pdf") == 2


def figures_command(*arguments: str) -> int:
    """The exit code of the command that draws later."""
    try:
        main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0
