"""Where the program is put: foreign configuration, broken output, a home that cannot be written, the lowest promised versions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from command import TINY, Command
from hydra import compose, initialize_config_dir

import sgns_pmi
from sgns_pmi import InputError
from sgns_pmi.command_line import check_instantiated, conf_folder, register_help

PACKAGE = Path(sgns_pmi.__file__).parent
ROOT = PACKAGE.parent


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, monkeypatch, capsys)


FOREIGN = {
    "callback": "hydra: {callbacks: {x: {_target_: os.system, command: touch caught}}}",
    "callback by a known path": "hydra: {callbacks: {folders: {_target_: sgns_pmi.folders.sys.exit}}}",
    "callback out of text": "hydra: {callbacks: {x: \"${oc.decode:'{_target_: os.system, command: touch caught}'}\"}}",
    "argument of the own callback": "hydra: {callbacks: {folders: {a: {_target_: os.system, command: touch caught}}}}",
    "launcher": "hydra: {launcher: {_target_: os.abort}}",
    "sweeper": "hydra: {sweeper: {_target_: hydra._internal.core_plugins.basic_sweeper.sys.exit}}",
    "handler of logging": "hydra: {job_logging: {handlers: {x: {class: subprocess.Popen, args: [touch, caught]}}}}",
    "factory of logging": "hydra: {hydra_logging: {formatters: {x: {(): os.system, command: touch caught}}}}",
    "logging's own modules": "hydra: {job_logging: {handlers: {x: {class: logging.os.system, command: touch caught}}}}",
    "a stream of logging": "hydra: {job_logging: {handlers: {console: {stream: 'ext://os.environ'}}}}",
    "data": "data: {_target_: os.system, command: touch caught}",
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("sweep", [(), ("k=5,6", "--multirun")], ids=["job", "sweep"])
def test_nothing_foreign_is_called_by_an_experiment_file(what: str, sweep: tuple[str, ...], command: Command) -> None:
    (command.folder / "mine" / "experiment").mkdir(parents=True)
    (command.folder / "mine" / "experiment" / "evil.yaml").write_text(f"# @package _global_\n{FOREIGN[what]}\n")
    ended = command("--config-dir", str(command.folder / "mine"), "+experiment=evil", *TINY, *sweep)
    assert ended.code == 2
    (line,) = ended.stderr.splitlines()
    assert "_target_=" in line or "hydra.job_logging" in line or "hydra.hydra_logging" in line
    assert not (command.folder / "caught").exists()
    assert not list(command.folder.rglob("summary.json"))


def test_nothing_foreign_is_called_by_an_override(command: Command) -> None:
    ended = command("+hydra.callbacks.x._target_=os.system", "+hydra.callbacks.x.command='touch caught'", *TINY)
    assert ended.code == 2
    assert ended.stderr.startswith("hydra.callbacks.x._target_=os.system: ")
    assert not (command.folder / "caught").exists()


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
@pytest.mark.parametrize("output", ["plain", "default", "none", "disabled"])
def test_what_is_shipped_may_be_called(launcher: str, output: str) -> None:
    if launcher == "joblib":
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    register_help()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        chosen = [f"hydra/launcher={launcher}", f"hydra/job_logging={output}", f"hydra/hydra_logging={output}"]
        composed = compose("config", chosen, return_hydra_config=True)
    check_instantiated(composed)
    composed.hydra.callbacks.folders._target_ = "sgns_pmi.folders.sys.exit"
    with pytest.raises(InputError, match=r"hydra\.callbacks\.folders\._target_=sgns_pmi\.folders\.sys\.exit"):
        check_instantiated(composed)


def python(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output="stdout" not in options, text=True, check=False, **options)


RUN = ("-m", "sgns_pmi.run", *TINY, "method=sppmi_svd", "figures=false", "hydra.run.dir=out")
HERE = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ({}, ["14", "3000"]),
        ({"OPENBLAS_THREAD_TIMEOUT": "20", "GOMP_SPINCOUNT": "7"}, ["20", "7"]),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, ["14", "None"]),
    ],
)
def test_idle_threads_sleep_but_for_who_wants_them_awake(own: dict[str, str], found: list[str]) -> None:
    """The libraries read these when they are loaded: the package sets them before."""
    names = "OPENBLAS_THREAD_TIMEOUT", "GOMP_SPINCOUNT"
    bare = {name: value for name, value in HERE.items() if name not in (*names, "OMP_WAIT_POLICY")}
    asked = f"import sgns_pmi, sys, os; print('numpy' in sys.modules, 'torch' in sys.modules, *map(os.environ.get, {names}))"
    assert python("-c", asked, env=bare | own).stdout.split() == ["False", "False", *found]


def test_a_reader_that_leaves_does_not_change_the_exit_code(tmp_path: Path) -> None:
    """As ``| true``."""
    reading, writing = os.pipe()
    os.close(reading)
    done = python(*RUN, cwd=tmp_path, env=HERE, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr.count("rror")) == (0, 0), done.stderr
    assert '"status": "complete"' in (tmp_path / "out" / "summary.json").read_text()


COMMANDS = ("cache", "export", "figures.__main__", "inference", "query", "report.__main__", "shards", "sweep")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_how_it_is_used(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main = import_module(f"sgns_pmi.{name}").main
    for given, code in ([], 2), (["--help"], 0), (["folder", "-h"], 0):
        with pytest.raises(SystemExit) as ended:
            main(given)
        said = capsys.readouterr()
        assert ended.value.code == code
        assert (said.err if code else said.out).count("python -m sgns_pmi.") >= 1
        assert (said.out if code else said.err) == ""

    def leaves(text: str) -> int:
        raise BrokenPipeError

    monkeypatch.setattr("sys.stdout.write", leaves)
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_does_not_change_the_exit_code(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = python(*RUN, cwd=tmp_path, env=HERE, stdout=full, stderr=full)
        assert done.returncode == 0
        assert '"status": "complete"' in (tmp_path / "out" / "summary.json").read_text()
        refused = python("-m", "sgns_pmi.run", "k=0", cwd=tmp_path, env=HERE, stdout=full, stderr=full)
        assert refused.returncode == 2
        asked = python("-m", "sgns_pmi.query", "--help", cwd=tmp_path, env=HERE, stdout=full, stderr=full)
        assert asked.returncode == 0


def test_importable_where_nothing_can_be_written(tmp_path: Path) -> None:
    """Permissions do not bind root; a folder cannot be made where a file stands, whoever asks."""
    shutil.copytree(PACKAGE, tmp_path / "sgns_pmi", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [tmp_path / "sgns_pmi", *(tmp_path / "sgns_pmi").rglob("*/")]:
        if folder.is_dir():
            (folder / "__pycache__").write_text("")
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "home")
    env = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    env |= {"HOME": nowhere, "XDG_CACHE_HOME": nowhere, "PYTHONPATH": str(tmp_path)}
    done = python(
        "-c",
        "import numpy as np, sgns_pmi as sp;"
        "assert 'file' not in sp.__file__.split('/')[-3:-1];"
        "print(sp.SGNS(dim=1).fit(np.array([[8, 2], [2, 8]])).status_, sp.__file__)",
        cwd=tmp_path,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["optimum", str(tmp_path / "sgns_pmi" / "__init__.py")]


@pytest.mark.study
def test_the_lowest_promised_versions(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv")
    environment = tmp_path / "lowest"
    subprocess.run([uv, "venv", "--python", sys.executable, environment], check=True)
    install = [uv, "pip", "install", "--python", environment / "bin" / "python", "--resolution", "lowest-direct"]
    subprocess.run([*install, f"{ROOT}[test]"], check=True)
    ended = subprocess.run([environment / "bin" / "python", "-m", "pytest", "-q", ROOT / "tests"], check=False, cwd=ROOT)
    assert ended.returncode == 0


def test_what_is_promised_of_hydra_blocks_calls_itself() -> None:
    promised = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert "hydra-core>=1.3.8,<1.4" in promised
