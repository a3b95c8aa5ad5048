"""One job: files, repeatability, what a stranger's mistakes and Ctrl-C lead to."""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command import TINY, Command, written
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import sgns_pmi as sp
from sgns_pmi import compare
from sgns_pmi.command_line import check_arguments, conf_folder
from sgns_pmi.compare.dynamics import training_dynamics
from sgns_pmi.config import Config, read_noise
from sgns_pmi.factorise import METHODS, Factorisation, Parameters, method
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.sampled import Sampled
from sgns_pmi.progress import Progress
from sgns_pmi.run import as_dict


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, monkeypatch, capsys)


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgns_pmi.figures.run_figures", lambda *args, **kwargs: [])


def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return as_dict(compose("config", list(overrides)))


def metric(metrics: pd.DataFrame, method: str, estimate: str, target: str, cells: str, name: str) -> float:
    keys = ["method", "estimate", "target", "cells", "metric"]
    return float(metrics.set_index(keys)["value"][method, estimate, target, cells, name])


# Configuration


def test_defaults_are_those_of_the_design() -> None:
    config = Config.from_tree(composed())
    assert (config.k, config.dim, config.noise, config.exponent, config.seed) == (5, 4, "unigram", 1.0, 0)
    assert config.methods == ("sgns_expected", "sgns_sampled", "sgns_ridge", "sppmi_svd", "oracle")
    assert (config.bias, config.drop_positive, config.svg, config.device) == (False, False, False, "cpu")
    assert {key: config.data[key] for key in ("name", "words", "rank", "pairs")} == {
        "name": "softmax",
        "words": 100,
        "rank": 2,
        "pairs": 200_000,
    }


@pytest.mark.parametrize(("name", "solver"), [("expected", Expected), ("sampled", Sampled)])
def test_solver_files_mirror_the_solvers(name: str, solver: type[Expected | Sampled]) -> None:
    assert composed()["solver"][name] == asdict(solver())


@pytest.mark.parametrize("name", sorted(file.stem for file in (conf_folder() / "method").glob("*.yaml")))
def test_method_files_mirror_the_methods(name: str) -> None:
    options = composed(f"method={name}")["method"][name]
    defaults = METHODS[name].build(Parameters()).get_params(deep=False)
    assert options == {key: defaults[key] for key in options}


def test_every_method_has_a_file() -> None:
    assert {file.stem for file in (conf_folder() / "method").glob("*.yaml")} == set(METHODS)


@pytest.mark.parametrize("experiment", sorted(file.stem for file in (conf_folder() / "experiment").glob("*.yaml")))
def test_every_experiment_composes(experiment: str) -> None:
    if experiment == "search":
        pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="needs the extra sgns-pmi[search]")
    assert Config.from_tree(composed(f"+experiment={experiment}")).methods


@pytest.mark.parametrize("noise", sorted({file.stem for file in (conf_folder() / "noise").glob("*.yaml")} - {"file"}))
def test_every_noise_gives_a_distribution(noise: str) -> None:
    config = Config.from_tree(composed(f"noise={noise}", "data.words=30", "data.pairs=5000"))
    assert config.noise_for(config.problem()).sum() == pytest.approx(1)


def test_the_mends_of_the_r_script_add_up() -> None:
    """Each mend changes what its name says and keeps the earlier ones."""
    steps = ["r_script", "r_script_normalization", "r_script_noise", "r_script_dim", "r_script_rate"]
    trees = [composed(f"+experiment={step}") for step in steps]
    changed = [{key for key in before if before[key] != after[key]} for before, after in pairwise(trees)]
    assert changed == [{"solver"}, {"noise"}, {"dim"}, {"solver"}]
    script = trees[0]["solver"]["sampled"]
    assert (trees[0]["noise"], trees[0]["k"], trees[0]["dim"]) == ("zero_share", 20, 2)
    assert (script["batch_size"], script["epochs"], script["lr"], script["optimizer"]) == (64, 200, 1e-3, "adam")
    assert (script["normalization"], script["init"], script["decay"]) == ("batch", "normal", "none")
    assert trees[1]["solver"]["sampled"] == {**script, "normalization": "epoch"}
    assert trees[-1]["solver"]["sampled"] == asdict(Sampled())


def test_a_noise_group_keeps_the_users_exponent() -> None:
    assert composed("noise=unigram075")["exponent"] == 0.75
    assert composed("noise=unigram075", "exponent=0.5")["exponent"] == 0.5
    assert composed("exponent=0.5", "noise=center_unigram")["exponent"] == 0.5


def test_methods_not_composed_have_their_defaults() -> None:
    config = Config.from_tree(composed("methods=[pmi_svd]", "k=7"))
    estimators, _ = config.estimators(sp.softmax_problem(words=10, pairs=1000))
    assert list(estimators) == ["pmi_svd"]
    assert estimators["pmi_svd"].get_params()["k"] == 7


def test_the_data_may_keep_its_seed_while_the_methods_change_theirs() -> None:
    small = ("data.words=10", "data.pairs=1000")
    first, second = (Config.from_tree(composed(*small, "+data.seed=3", f"seed={seed}")) for seed in (0, 1))
    assert (first.problem().counts.matrix != second.problem().counts.matrix).nnz == 0
    assert second.seeds == {"methods": 1, "data": 3, "draws": 3}


@pytest.mark.parametrize("key", ["draw_seed", "data.draw_seed"])
def test_the_counts_may_be_drawn_anew_from_the_same_truth(key: str) -> None:
    small = ("data.words=10", "data.pairs=1000", "seed=2")
    first, second = (Config.from_tree(composed(*small, *more)) for more in ((), (f"{key}={2**40}",)))
    assert second.seeds == {"methods": 2, "data": 2, "draws": 2**40}
    np.testing.assert_array_equal(first.problem().pmi, second.problem().pmi)
    assert (first.problem().counts.matrix != second.problem().counts.matrix).nnz > 0


def test_the_seed_of_the_data_group_comes_before_that_of_the_job() -> None:
    assert Config.from_tree(composed("draw_seed=1", "data.draw_seed=0")).seeds["draws"] == 0


def test_a_text_draws_no_counts_from_a_truth() -> None:
    with pytest.raises(sp.InputError, match=r"^draw_seed=3: data=toy draws no counts"):
        Config.from_tree(composed("data=toy", "draw_seed=3"))
    assert Config.from_tree(composed("data=toy")).seeds == {"methods": 0, "data": 0}


@pytest.mark.parametrize("value", ["-1", "one", "0.5"])
def test_wrong_draw_seeds(value: str) -> None:
    with pytest.raises(sp.InputError, match=r"^draw_seed="):
        Config.from_tree(composed(f"draw_seed={value}"))


@pytest.mark.parametrize("heading", ["", "weight\n"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".npy"])
def test_noise_files(tmp_path: Path, suffix: str, heading: str) -> None:
    file = tmp_path / f"noise{suffix}"
    if suffix == ".npy":
        np.save(file, np.array([1.0, 2.5, 0.0]))
    else:
        file.write_text(f"{heading}1\n2.5\n0\n", encoding="utf-8")
    np.testing.assert_array_equal(read_noise(file), [1.0, 2.5, 0.0])


@pytest.mark.parametrize(
    ("name", "content"),
    [("n.csv", "1,2\n3,4\n"), ("n.csv", "w\n1\nx\n"), ("n.csv", ""), ("n.npy", "not an array"), ("n.doc", "1\n")],
)
def test_noise_files_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(sp.InputError, match="noise_file="):
        read_noise(tmp_path / name)


def test_pickled_noise_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "n.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(sp.InputError, match="noise_file="):
        read_noise(tmp_path / "n.npy")


def checked(*overrides: str) -> Config:
    return Config.from_tree(composed(*overrides))


def test_whole_numbers_may_be_written_as_floats() -> None:
    config = checked(
        "data=text",
        "data.max_size=1e4",
        "k=1e1",
        "eval.neighbours=3.0",
        "solver.sampled.epochs=2e0",
        "method=[sgns_sampled,glove]",
    )
    assert (config.data["max_size"], config.k, config.solver["sampled"]["epochs"]) == (10_000, 10, 2)
    for number in (config.data["max_size"], config.k, config.solver["sampled"]["epochs"]):
        assert type(number) is int


def test_a_method_without_dim_asks_nothing_of_it() -> None:
    config = checked("method=empirical", "dim=500", "data.words=12", "data.pairs=3000")
    assert set(config.estimators(config.problem())[0]) == {"empirical"}


def test_seeds_of_any_size() -> None:
    assert checked(f"seed={10**23}", "data.words=12", "data.pairs=3000").problem().counts.total == 3000


def test_keys_may_follow_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["k=5,20", "--multirun", "hydra.sweep.dir=D", "-cn", "config", "dim=2"]
    monkeypatch.setattr(sys, "argv", ["sgns-pmi", *given])
    check_arguments()
    assert sys.argv[1:] == ["k=5,20", "hydra.sweep.dir=D", "dim=2", "--multirun", "-cn", "config"]


# A run


def test_files_of_a_run(command: Command) -> None:
    outcome = command(*TINY, "hydra.run.dir=out", "bias=true", "noise=uniform")
    assert outcome.code == 0
    out = command.folder / "out"
    methods = ["sgns_expected", "sgns_sampled", "sgns_ridge", "sppmi_svd", "oracle"]
    assert set(written(out)) >= {
        "metrics.csv",
        "agreement.csv",
        "path.csv",
        "budget.csv",
        "history.csv",
        "summary.json",
        "shown.npz",
        "figures/recovery.png",
        "figures/recovery_raw.png",
        "figures/agreement.png",
        "figures/path.png",
        "figures/budget.png",
        *(f"vectors/{method}.npz" for method in methods),
    }
    assert not [name for name in written(out) if Path(name).name.startswith(".")]  # nothing half written

    metrics = pd.read_csv(out / "metrics.csv")
    assert list(metrics.columns) == ["method", "estimate", "target", "cells", "metric", "value"]
    assert list(metrics["method"].unique()) == methods
    history = pd.read_csv(out / "history.csv")
    assert list(history.columns) == ["method", "step", "epoch", "seconds", "objective"]
    assert set(history["method"]) == {"sgns_expected", "sgns_sampled", "sgns_ridge"}

    # The vectors are those that the metrics speak of.
    problem = sp.softmax_problem(words=12, pairs=3000)
    with np.load(out / "vectors" / "sgns_expected.npz", allow_pickle=False) as arrays:
        raw = arrays["V"] @ arrays["U"].T + arrays["row_bias"][:, None] + arrays["col_bias"] + np.log(5)
    error = raw - problem.pmi
    assert metric(metrics, "sgns_expected", "raw", "true", "all", "rmse") == pytest.approx(np.sqrt(np.mean(error**2)))
    offset = np.log(1 / 12) - np.log(problem.counts.col_sums / problem.counts.total)
    corrected = np.sqrt(np.mean((error + offset) ** 2))
    assert metric(metrics, "sgns_expected", "corrected", "true", "all", "rmse") == pytest.approx(corrected)

    budget = sp.Run.open(out).budget
    assert list(budget.columns) == ["method", "term", "cells", "metric", "value"]
    assert list(budget["method"].unique()) == methods
    total = budget[(budget["term"] == "total") & (budget["metric"] == "rmse") & (budget["cells"] == "all")]
    for own, value in zip(total["method"], total["value"], strict=True):
        assert value == pytest.approx(metric(metrics, own, "corrected", "true", "all", "rmse"), rel=1e-9, abs=1e-12)

    summary = json.loads((out / "summary.json").read_text())
    assert summary["status"] == "complete"
    path = sp.Run.open(out).path
    assert list(path.columns) == ["method", "key", "value", "rank", "held_out", "se", "predicted", "rmse"]
    suggested = summary["suggested_dim"]["sgns_ridge"]
    assert suggested["held_out"] == summary["methods"]["sgns_ridge"]["suggested_dim"]
    ridges = path[path["key"] == "ridge"]
    best = ridges.loc[ridges["held_out"].idxmin()]
    assert suggested["predicted"] == path.loc[path["predicted"].idxmin(), "value"]
    assert (suggested["penalty_path"], summary["methods"]["sgns_ridge"]["ridge"]) == (best["rank"], best["value"])
    assert summary["budget"] == {"optimum": dict.fromkeys(methods, "own"), "left_out": {}}
    tables = ["budget", "agreement", "path"]
    steps = ["problem", "start-up", methods[0], "compare", *methods[1:], "floors", *tables, "evaluate", "figures"]
    assert [step["step"] for step in summary["steps"]] == steps
    assert all(step["seconds"] >= 0 and step["peak_memory_mb"] > 0 for step in summary["steps"])
    assert summary["pmi_rank"] == 4
    assert summary["seeds"] == {"methods": 0, "data": 0, "draws": 0}
    assert summary["versions"]["numpy"] == np.__version__
    assert summary["threads"] >= 1

    for word in ("rmse all", "rmse seen", "rmse unseen", "pearson", "objective", "gap", *methods, "complete: out"):
        assert word in outcome.stdout


def test_the_last_lines_say_where_everything_is(command: Command) -> None:
    outcome = command(*TINY, "method=[oracle]", "hydra.run.dir=out")
    assert outcome.stdout.splitlines()[-3:] == ["complete: out", "figures: out/figures", "report: out/report.html"]


def test_a_typing_mistake_leaves_no_folder(command: Command) -> None:
    for mistake in (["dim=abc"], ["dim=1,abc", "--multirun"], ["dimm=3"]):
        assert command(*TINY, *mistake).code == 2
        assert [path for path in command.folder.rglob("*") if "20" in path.name] == []
    assert command("dim=abc", "hydra.run.dir=mine").code == 2
    assert json.loads((command.folder / "mine" / "summary.json").read_text())["status"] == "refused"


@pytest.mark.usefixtures("no_figures")
def test_same_seed_same_metrics(command: Command) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert command(*TINY, f"seed={seed}", f"hydra.run.dir={name}").code == 0
    first, second, other = (((command.folder / name) / "metrics.csv").read_bytes() for name in "abc")
    assert first == second
    assert first != other


@pytest.mark.usefixtures("no_figures")
def test_noise_from_a_file_is_that_noise(command: Command) -> None:
    (command.folder / "flat.csv").write_text("weight\n" + "2\n" * 12, encoding="utf-8")
    assert command(*TINY, "method=sgns_expected", "noise=file", "noise_file=flat.csv", "hydra.run.dir=file").code == 0
    assert command(*TINY, "method=sgns_expected", "noise=uniform", "hydra.run.dir=named").code == 0
    file, named = ((command.folder / name / "metrics.csv").read_bytes() for name in ("file", "named"))
    assert file == named


@pytest.mark.usefixtures("no_figures")
def test_words_are_kept_beside_their_vectors(command: Command) -> None:
    (command.folder / "counts.csv").write_text("center,context,count\nä,x,3\nä,y,1\nb,y,2\nb,x,1\n", encoding="utf-8")
    outcome = command("data=triples", "data.path=counts.csv", "dim=1", "method=[pmi_svd,empirical,oracle]", "hydra.run.dir=out")
    assert outcome.code == 0
    assert "oracle is left out" in outcome.stderr
    out = command.folder / "out"
    assert [name for name in written(out) if name.startswith("vectors")] == ["vectors/pmi_svd.npz"]  # the others have none
    with np.load(out / "vectors" / "pmi_svd.npz", allow_pickle=False) as arrays:
        assert list(arrays["vocab"]) == ["b", "ä"]
        assert arrays["V"].shape == (2, 1)
    summary = json.loads((out / "summary.json").read_text())
    assert list(summary["left_out"]) == ["oracle"]
    assert summary["pmi_rank"] is None
    # Without a truth the empirical PMI is the target, which the empirical method meets exactly.
    metrics = pd.read_csv(out / "metrics.csv")
    assert set(metrics["target"]) == {"empirical", "objective"}
    assert metric(metrics, "empirical", "corrected", "empirical", "all", "rmse") == 0


@pytest.mark.usefixtures("no_figures")
def test_sppmi_without_a_positive_cell_is_a_result(command: Command) -> None:
    outcome = command(*TINY, "k=1000", "method=sppmi_svd", "hydra.run.dir=out")
    assert outcome.code == 0
    assert outcome.stderr.count("SPPMI has no positive cell") == 1
    summary = json.loads((command.folder / "out" / "summary.json").read_text())
    assert "no positive cell" in summary["warnings"][0]


@pytest.mark.usefixtures("no_figures")
def test_a_fit_without_an_optimum_says_so(command: Command) -> None:
    """With dim = words and unseen cells ℓ has no minimiser."""
    outcome = command(
        "data.words=12",
        "data.pairs=300",
        "dim=12",
        "method=[sgns_expected,sgns_sampled]",
        "solver.sampled.epochs=2",
        "hydra.run.dir=out",
    )
    assert outcome.code == 0
    assert outcome.stderr.count("SGNS has no finite optimum at dim = 12") == 1
    summary = summary_of(command)
    assert summary["methods"]["sgns_expected"]["status"] == "no finite optimum"
    assert summary["methods"]["sgns_sampled"]["status"] == "step limit"
    assert ["no finite optimum" in warning for warning in summary["warnings"]] == [True]
    command("data.words=12", "dim=2", "method=sgns_expected", "hydra.run.dir=out")
    found = summary_of(command)["methods"]["sgns_expected"]
    assert found["status"] == "optimum"
    assert found["starts"]["reached"] == found["starts"]["followed"] <= found["starts"]["tried"]
    assert found["starts"]["spread"] <= 1e-7
    assert summary_of(command)["warnings"] == []


def test_intervals_on_request(command: Command) -> None:
    asked = (
        "data.words=12",
        "data.pairs=30000",
        "method=[sgns_expected,softmax_mle,sppmi_svd]",
        "level=0.9",
        "hydra.run.dir=out",
    )
    assert command(*asked, "intervals=true").code == 0
    run = sp.Run.open(command.folder / "out")
    names = ["center", "context", "estimate", "se", "lower", "upper", "z", "p_value", "q_value"]
    assert list(run.intervals.columns) == ["method", *names, "truth"]
    assert list(run.intervals["method"].unique()) == ["sgns_expected", "softmax_mle"]
    problem = sp.softmax_problem(words=12, pairs=30_000)
    own = run.intervals[run.intervals["method"] == "sgns_expected"].drop(columns="method").reset_index(drop=True)
    expected = sp.inference(sp.SGNS().fit(problem.counts), problem.counts, level=0.9)
    pd.testing.assert_frame_equal(own[names], expected, rtol=1e-5)
    np.testing.assert_allclose(own["truth"], problem.pmi[own["center"], own["context"]])
    assert "figures/intervals.png" in written(command.folder / "out")
    assert command(*asked, "figures=false").code == 0
    assert not {"figures/intervals.png", "intervals.csv"} & set(written(command.folder / "out"))
    assert not len(sp.Run.open(command.folder / "out").intervals)


def test_dynamics_on_request(command: Command) -> None:
    asked = ("data.words=12", "data.pairs=30000", "dim=2", "bias=true", "solver.sampled.epochs=20", "hydra.run.dir=out")
    outcome = command(*asked, "method=[sgns_sampled,qwem,sgns_expected]", "dynamics=true")
    assert outcome.code == 0
    rows = sp.Run.open(command.folder / "out").dynamics
    assert list(rows["method"].unique()) == ["sgns_sampled", "qwem"]
    problem = sp.softmax_problem(words=12, pairs=30_000)
    sampled = sp.SGNS(dim=2, bias=True, solver=sp.Sampled(epochs=20)).fit(problem.counts)
    own = rows[rows["method"] == "sgns_sampled"].drop(columns="method").reset_index(drop=True)
    pd.testing.assert_frame_equal(own, training_dynamics(problem, sampled), rtol=1e-4)
    fact = summary_of(command)["dynamics"]["sgns_sampled"]
    assert fact["least_rmse"] == own.loc[own["component"] == "total", "value"].min()
    assert f"sgns_sampled: its error is least at step {fact['least_step']:,.4g}" in outcome.stderr + outcome.stdout
    assert "figures/dynamics.png" in written(command.folder / "out")


def test_intervals_of_a_text_take_its_units(command: Command) -> None:
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(list("abcdefgh"), 12, p=rng.dirichlet(np.ones(8)))) for _ in range(200)]
    (command.folder / "text.txt").write_text("\n".join(lines))
    asked = ("data=text", "data.path=text.txt", "data.cache=false", "dim=1", "bias=true", "method=sgns_expected", "figures=false")
    outcome = command(*asked, "intervals=true", "data.unit=line", "hydra.run.dir=out")
    assert outcome.code == 0
    assert "intervals take lines as independent, their pairs not" in outcome.stderr + outcome.stdout
    assert summary_of(command)["intervals"] == "take lines as independent, their pairs not"
    run = sp.Run.open(command.folder / "out")
    assert (run.dispersion["units"].astype(int) == 200).all()
    problem = sp.text_problem(command.folder / "text.txt", cache=False, unit="line")
    fitted = sp.SGNS(dim=1, bias=True).fit(problem.counts)
    np.testing.assert_allclose(run.intervals["se"], sp.inference(fitted, problem.counts, problem.units)["se"], rtol=1e-5)
    independent = sp.inference(fitted, problem.counts)["se"]
    assert run.intervals["se"].median() > 1.5 * independent.median()


def test_help_names_every_method(command: Command) -> None:
    outcome = command("--help")
    assert outcome.code == 0
    for declared in METHODS.values():
        assert declared.name in outcome.stdout
        assert declared.summary in outcome.stdout


# A stranger's mistakes

MISTAKES = {
    "unknown key": ("dimm=3", "dimm=3", "did you mean dim?"),
    "unknown key added": ("+kk=3", "kk=3", "did you mean k?"),
    "unknown group": ("dta.words=3", "dta.words=3", "did you mean data?"),
    "unknown data key": ("data.wrds=9", "data.wrds=9", "did you mean data.words?"),
    "unknown data key added": ("+data.foo=1", "data.foo=1", "data.words"),
    "unknown solver key": ("+solver.sampled.batch=3", "solver.sampled.batch=3", "did you mean solver.sampled.batch_size?"),
    "unknown solver": ("+solver.magic.lr=3", "solver.magic", "solver.expected"),
    "unknown method key": ("+method.sppmi_svd.pwer=1", "method.sppmi_svd.pwer=1", "did you mean method.sppmi_svd.power?"),
    "key of all methods": ("+method.sgns_expected.dim=7", "method.sgns_expected.dim=7", "set dim instead"),
    "key of all methods, no plus": ("method.sgns_expected.k=7", "method.sgns_expected.k=7", "set k instead"),
    "solver's key at its method": (
        "+method.sgns_expected.starts=3",
        "method.sgns_expected.starts=3",
        "set solver.expected.starts instead",
    ),
    "solver's key at the top": ("lr=0.1", "lr=0.1", "set solver.sampled.lr instead"),
    "key of no method": ("+method.sppmi_svd.foo=1", "method.sppmi_svd.foo=1", "method.sppmi_svd.k"),
    "unknown data": ("data=sofmax", "data=sofmax", "did you mean softmax?"),
    "unknown data name": ("data.name=sofmax", "data.name=sofmax", "did you mean softmax?"),
    "unknown noise": ("noise=unigrm", "noise=unigrm", "did you mean unigram?"),
    "unknown method": ("method=sgns", "method=sgns", "sgns_expected"),
    "unknown method in list": ("methods=[qwm]", "methods=qwm", "did you mean qwem?"),
    "method twice": ("methods=[qwem,qwem]", "methods=qwem", "once"),
    "methods not a list": ("methods=qwem", "methods=qwem", "must be a list"),
    "no methods": ("methods=[]", "methods=[]", "sgns_expected"),
    "no method": ("method=[]", "method=[]", "sgns_expected"),
    "experiment without plus": ("experiment=r_script", "experiment=r_script", "+experiment=r_script"),
    "unknown experiment": ("+experiment=r_scrip", "experiment=r_scrip", "did you mean r_script?"),
    "k zero": ("k=0", "k=0", "1 or more"),
    "k text": ("k=abc", "k=abc", "whole number"),
    "k fraction": ("k=2.5", "k=2.5", "whole number"),
    "k empty": ("k=", "k=", "whole number"),
    "k removed": ("~k", "k", "not found"),
    "svg removed": ("~svg", "svg", "is missing"),
    "data overwritten": ("data.words={a:1}", "data.words={'a': 1}", "whole number"),
    "solver overwritten": ("solver.sampled=3", "solver.sampled=3", "group of keys"),
    "several values": ("k=5,20", "k=5,20", "--multirun"),
    "dashes": ("--k=5", "--k=5", "without dashes"),
    "noise a list": ("+noise=[null]", "noise=[null]", "unigram075"),
    "null for a method": ("method=null", "method=null", "must be one of cbow"),
    "methods in a list": ("method=[[oracle]]", "method=[[oracle]]", "must be some of cbow"),
    "data a number": ("data=5", "data=5", "must be one of attributes"),
    "no name": ("=5", "command line", "key=value"),
    "nothing to leave out": ("~nope", "~nope", "cannot be left out"),
    "cache a number": ("data=text data.path=short.csv data.cache=5", "data.cache=5", "a folder"),
    "sentences a number": ("data=toy data.sentences=5", "data.sentences=5", "list of sentences"),
    "path a number": ("data=text data.path=5", "data.path=5", "quoted"),
    "no equals sign": ("k", "k", "key=value"),
    "open bracket": ("k=[1", "k=[1", "key=value"),
    "unknown interpolation": ("k=${foo}", "k", "foo"),
    "dim zero": ("dim=0", "dim=0", "1 or more"),
    "dim large": ("dim=101", "dim=101", "at most 100"),
    "method's own dim large": ("+method.oracle.dim=101", "dim=101", "at most 100"),
    "seed negative": ("seed=-1", "seed=-1", "0 or more"),
    "intervals": ("intervals=some", "intervals=some", "true or false"),
    "dynamics": ("dynamics=2", "dynamics=2", "true or false"),
    "level": ("intervals=true level=95", "level=95", "below 1"),
    "exponent nan": ("exponent=nan", "exponent=nan", "number"),
    "flag": ("bias=1", "bias=1", "true or false"),
    "device": ("device=tpu", "device=tpu", "cpu"),
    "data value": ("data.words=1", "data.words=1", "2 or more"),
    "solver value": ("solver.sampled.lr=-1", "solver.sampled.lr=-1", "above 0"),
    "solver choice": ("solver.sampled.optimizer=adm", "solver.sampled.optimizer=adm", "did you mean adam?"),
    "method value": ("method.sppmi_svd.power=3", "method.sppmi_svd.power=3", "0.5"),
    "missing value": ("noise=file", "noise_file=???", "must be given"),
    "missing noise file": ("noise=file noise_file=no.csv", "noise_file=no.csv", "no such file"),
    "noise too short": ("noise=file noise_file=short.csv", "noise_file=short.csv", "100 contexts"),
    "noise zero": ("noise=zero_share data.sampling=population", "noise=zero_share", "choose noise=unigram"),
    "no path": ("data=triples", "data.path", "data.path="),
    "missing file": ("data=triples data.path=no.csv", "data.path=no.csv", "no such file"),
    "empty file": ("data=triples data.path=empty.csv", "data.", "empty"),
    "missing column": ("data=triples data.path=column.csv", "data.", "count"),
    "negative count": ("data=triples data.path=negative.csv", "count=-1", "negative"),
    "nan count": ("data=triples data.path=nan.csv", "count", ""),
    "words for counts": ("data=triples data.path=words.csv", "count", "number"),
    "oracle alone": ("data=triples data.path=good.csv method=oracle dim=1", "methods=oracle", "choose another method"),
    "unknown launcher": ("hydra/launcher=jobli", "hydra/launcher=jobli", "joblib"),
    "unknown config": ("--config-name=nope", "nope", "no such configuration"),
    "unknown config folder": ("--config-dir=nowhere", "nowhere", "not found"),
}
FILES = {
    "short.csv": "1\n2\n",
    "empty.csv": "",
    "column.csv": "center,context\n0,1\n",
    "negative.csv": "center,context,count\n0,1,-1\n1,0,2\n",
    "nan.csv": "center,context,count\n0,1,nan\n1,0,2\n",
    "words.csv": "center,context,count\n0,1,many\n1,0,2\n",
    "good.csv": "center,context,count\n0,1,1\n1,0,2\n",
}


@pytest.mark.parametrize(("arguments", "named", "remedy"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line(command: Command, arguments: str, named: str, remedy: str) -> None:
    for name, content in FILES.items():
        (command.folder / name).write_text(content, encoding="utf-8")
    outcome = command(*arguments.split(" "))
    assert outcome.code == 2
    assert outcome.stdout == ""
    line, end = outcome.stderr[:-1], outcome.stderr[-1:]
    assert end == "\n"
    assert "\n" not in line
    assert named in line
    assert remedy in line
    # What got as far as a folder of its own says there that it was refused; nothing else is written.
    left = [name for name in written(command.folder) if name not in FILES]
    assert all(name.endswith("/summary.json") for name in left)
    summaries = [json.loads((command.folder / name).read_text()) for name in left]
    assert [(summary["status"], summary["warnings"]) for summary in summaries] == [("refused", [line])] * len(left)


def test_device_without_cuda(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    outcome = command("device=cuda")
    assert (outcome.code, outcome.stderr.count("\n")) == (2, 1)
    assert "device=cuda" in outcome.stderr
    assert "device=cpu" in outcome.stderr


def test_parallel_without_the_extra(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from hydra.core.config_store import ConfigStore

    monkeypatch.delitem(ConfigStore.instance().repo["hydra"]["launcher"], "joblib.yaml", raising=False)
    monkeypatch.setattr("hydra.core.plugins.Plugins._initialize", lambda self: None)
    outcome = command("hydra/launcher=joblib", "k=1,2", "--multirun")
    assert (outcome.code, outcome.stderr.count("\n")) == (2, 1)
    assert "sgns-pmi[parallel]" in outcome.stderr


def test_whoever_asks_hydra_for_the_whole_error_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from sgns_pmi.run import main

    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr(sys, "argv", ["sgns-pmi", "kk=3"])
    with pytest.raises(Exception, match="Could not override 'kk'"):
        main()
    assert os.environ["HYDRA_FULL_ERROR"] == "1"


# Failures and Ctrl-C


class Stub(Factorisation):
    """A rank-one estimate of zeros, after whatever `before` does."""

    @staticmethod
    def before(estimator: Any) -> None:
        """Nothing."""

    def fit(self, counts: Any, y: Any = None) -> Stub:
        self.before(self)
        self.V_, self.U_ = np.zeros((counts.shape[0], 1)), np.zeros((counts.shape[1], 1))
        return self

    def _estimate(self, corrected: bool, rows: Any = slice(None)) -> np.ndarray:
        return self.V_[rows] @ self.U_.T


def stub(monkeypatch: pytest.MonkeyPatch, before: Callable[[Any], None]) -> None:
    monkeypatch.setitem(METHODS, "stub", METHODS["qwem"])  # so that the entry is taken away after the test
    method("stub", "for a test")(type("Stub", (Stub,), {"before": staticmethod(before)}))


def summary_of(command: Command) -> dict[str, Any]:
    return json.loads((command.folder / "out" / "summary.json").read_text())


@pytest.mark.usefixtures("no_figures")
def test_an_unforeseen_failure_spares_the_other_methods(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(estimator: Stub) -> None:
        raise RuntimeError("a wheel\ncame off")

    stub(monkeypatch, breaks)
    outcome = command(*TINY, "methods=[stub,qwem]", "hydra.run.dir=out")
    assert outcome.code == 1
    assert "stub failed: RuntimeError: a wheel came off\n" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "Traceback" in (command.folder / "out" / "run.log").read_text()
    assert summary_of(command)["status"] == "failed"
    assert "failed: out" in outcome.stdout
    assert set(pd.read_csv(command.folder / "out" / "metrics.csv")["method"]) == {"qwem"}


def test_a_failing_step_leaves_a_summary(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr("sgns_pmi.figures.run_figures", breaks)
    outcome = command(*TINY, "method=qwem", "hydra.run.dir=out")
    assert outcome.code == 1
    assert "RuntimeError: no ink" in outcome.stderr
    assert summary_of(command)["status"] == "failed"
    assert (command.folder / "out" / "metrics.csv").is_file()


def test_a_fault_before_the_run_is_not_called_bad_input(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(tree: Any) -> None:
        raise TypeError("a fault of ours")

    monkeypatch.setattr("sgns_pmi.run.Config.from_tree", breaks)
    outcome = command("hydra.run.dir=out")
    assert (outcome.code, outcome.stderr) == (1, "the run failed: TypeError: a fault of ours\n")
    assert "Traceback" in (command.folder / "out" / "run.log").read_text()


@pytest.mark.usefixtures("no_figures")
def test_training_that_diverges_is_one_line(command: Command) -> None:
    outcome = command(
        *TINY, "method=[sgns_sampled,qwem]", "solver.sampled.optimizer=sgd", "solver.sampled.lr=1e9", "hydra.run.dir=out"
    )
    assert outcome.code == 1
    assert "lr" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert summary_of(command)["status"] == "failed"


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("shift", [np.inf, np.nan])
def test_no_run_with_infinities_is_called_complete(command: Command, monkeypatch: pytest.MonkeyPatch, shift: float) -> None:
    """Factors that are not finite, and finite factors whose estimate is not."""
    for name, value in (("shift_", shift), ("shift", shift)):
        stub(monkeypatch, lambda estimator, name=name, value=value: setattr(estimator, name, value))
        monkeypatch.setattr(Stub, "_estimate", lambda stub, *_: stub.V_ @ stub.U_.T + getattr(stub, "shift", 0.0))
        outcome = command(*TINY, "methods=[stub,qwem]", "hydra.run.dir=out")
        assert outcome.code == 1
        assert "method=stub: " in outcome.stderr
        assert summary_of(command)["status"] == "failed"
        assert set(pd.read_csv(command.folder / "out" / "metrics.csv")["method"]) == {"qwem"}


@pytest.mark.usefixtures("no_figures")
def test_interrupted_training_keeps_what_it_learned(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(monkeypatch, lambda estimator: setattr(estimator, "status_", "interrupted"))
    outcome = command(*TINY, "methods=[qwem,stub,oracle]", "hydra.run.dir=out")
    assert outcome.code == 130
    assert "interrupted: out" in outcome.stdout
    assert set(pd.read_csv(command.folder / "out" / "metrics.csv")["method"]) == {"qwem", "stub"}
    assert summary_of(command)["status"] == "interrupted"
    assert list(summary_of(command)["left_out"]) == ["oracle"]


@pytest.mark.usefixtures("no_figures")
def test_ctrl_c_in_a_method_that_keeps_nothing(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(estimator: Stub) -> None:
        raise KeyboardInterrupt

    stub(monkeypatch, interrupt)
    assert command(*TINY, "methods=[qwem,stub,oracle]", "hydra.run.dir=out").code == 130
    assert set(pd.read_csv(command.folder / "out" / "metrics.csv")["method"]) == {"qwem"}
    assert list(summary_of(command)["left_out"]) == ["stub", "oracle"]


def test_ctrl_c_while_comparing(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sgns_pmi.compare.Comparing.add", interrupt)
    assert command(*TINY, "method=qwem", "hydra.run.dir=out").code == 130
    assert summary_of(command)["status"] == "interrupted"
    assert written(command.folder / "out") == ["history.csv", "report.html", "summary.json", "vectors/qwem.npz"]


@pytest.mark.usefixtures("no_figures")
def test_each_method_is_compared_and_written_when_it_ends(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    out, seen = command.folder / "out", []

    def look(estimator: Stub) -> None:
        for name in ("metrics", "history"):
            seen.append(set(pd.read_csv(out / f"{name}.csv")["method"]))
        seen.append({file.stem for file in (out / "vectors").iterdir()})

    stub(monkeypatch, look)
    assert command(*TINY[:2], "methods=[sgns_expected,stub,oracle]", "dim=2", "hydra.run.dir=out").code == 0
    assert seen == [{"sgns_expected"}] * 3
    assert set(pd.read_csv(out / "metrics.csv")["method"]) == {"sgns_expected", "stub", "oracle"}


def test_a_failed_comparison_leaves_the_others(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    real = compare.Comparing.add

    def breaks(comparing: compare.Comparing, method: str, estimator: Factorisation) -> None:
        if method == "qwem":
            raise RuntimeError("a wheel came off")
        real(comparing, method, estimator)

    monkeypatch.setattr("sgns_pmi.compare.Comparing.add", breaks)
    assert command(*TINY[:2], "methods=[qwem,oracle]", "dim=2", "hydra.run.dir=out").code == 1
    assert set(pd.read_csv(command.folder / "out" / "metrics.csv")["method"]) == {"oracle"}
    assert (command.folder / "out" / "vectors" / "qwem.npz").is_file()


@pytest.mark.usefixtures("no_figures")
def test_ctrl_c_reaches_real_training(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal in the middle of mini-batch training, sent at its 20th step."""
    steps = []

    def update(progress: Progress, *args: Any, **kwargs: Any) -> None:
        steps.append(progress)
        if len(steps) == 20:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Progress, "update", update)
    outcome = command(*TINY[:2], "solver.sampled.epochs=1000000", "method=[sgns_sampled,qwem]", "hydra.run.dir=out")
    assert outcome.code == 130
    assert summary_of(command)["methods"]["sgns_sampled"]["status"] == "interrupted"
    assert list(summary_of(command)["left_out"]) == ["qwem"]
    assert "sgns_sampled" in set(pd.read_csv(command.folder / "out" / "metrics.csv")["method"])


def test_config_fields_are_the_keys_of_the_configuration() -> None:
    keys = set(OmegaConf.load(conf_folder() / "config.yaml")) - {"defaults"}
    assert set(inspect.signature(Config).parameters) == keys | {"noise", "data", "method", "solver", "noise_file"}
