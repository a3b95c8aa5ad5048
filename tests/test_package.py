"""The wheel, whose command works from any folder; the source distribution, whole and without strays; and what is said of both."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import yaml
from command import TINY

ROOT = Path(__file__).resolve().parents[1]


def execute(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which a freshly built wheel is installed, without its dependencies."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    execute("-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(ROOT), cwd=wheels)
    (wheel,) = wheels.glob("*.whl")
    execute("-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target), str(wheel), cwd=wheels)
    return target


def test_wheel_carries_the_configuration(installed: Path) -> None:
    shipped = {file.relative_to(ROOT / "conf") for file in (ROOT / "conf").rglob("*.yaml")}
    assert {file.relative_to(installed / "sgns_pmi" / "conf") for file in (installed / "sgns_pmi").rglob("*.yaml")} == shipped
    assert (installed / "sgns_pmi" / "py.typed").is_file()


def test_command_of_the_wheel_runs_in_any_folder(installed: Path, tmp_path: Path) -> None:
    # In a new place nothing is compiled yet, which takes longer than all else.
    asked = (*TINY, "method=sppmi_svd", "figures=false", "hydra.run.dir=out")
    execute("-m", "sgns_pmi.run", *asked, cwd=tmp_path, PYTHONPATH=str(installed), NUMBA_DISABLE_JIT="1")
    assert set(pd.read_csv(tmp_path / "out" / "metrics.csv")["method"]) == {"sppmi_svd"}
    # Hydra notes where it found the configuration: in the wheel, not in this checkout.
    noted = (tmp_path / "out" / ".hydra" / "hydra.yaml").read_text()
    assert str(installed / "sgns_pmi" / "conf") in noted
    assert str(ROOT / "conf") not in noted


def test_console_script(installed: Path, tmp_path: Path) -> None:
    script = installed / "bin" / "sgns-pmi"
    shown = execute(str(script), "k=7", "--cfg", "job", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "k: 7\n" in shown


def test_the_wheel_has_its_licence(installed: Path) -> None:
    (metadata,) = installed.glob("*.dist-info/METADATA")
    assert "License-Expression: MIT\n" in metadata.read_text(encoding="utf-8")
    (licence,) = installed.glob("*.dist-info/licenses/LICENSE")
    assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()


SOURCES = {"sgns_pmi", "conf", "tests", "docs", "experiments", "benchmarks"}
PAGES = {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "mkdocs.yml", "pyproject.toml"}
KINDS = {".py", ".typed", ".yaml", ".md", ".csv", ".png", ".R", ".ipynb", ".html", ".css", ".js"}


def test_the_source_distribution_is_whole_and_has_no_strays(tmp_path: Path) -> None:
    execute("-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path), str(ROOT), cwd=tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        files = {Path(*Path(member.name).parts[1:]) for member in opened.getmembers() if member.isfile()}
    assert {file.parts[0] for file in files} == SOURCES | PAGES | {"PKG-INFO", ".gitignore"}  # the last two hatchling adds
    inside = {file for file in files if file.parts[0] in SOURCES and file.name != "LICENSE"}
    assert {file for file in inside if file.suffix not in KINDS or "__pycache__" in file.parts} == set()
    expected = [*(ROOT / "docs").glob("*.md"), *(ROOT / "tests" / "data").rglob("*.csv"), *(ROOT / "conf").rglob("*.yaml")]
    assert {file.relative_to(ROOT) for file in expected} <= files


def test_the_citation_agrees_with_the_package() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cited.keys() >= {"cff-version", "message", "title", "authors"}  # what the format requires
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
    assert cited["authors"] == project["authors"]
