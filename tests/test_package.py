"""The wheel: it carries the configuration, and its command works from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
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
    execute("-m", "sgns_pmi.run", *TINY, "method=sppmi_svd", "hydra.run.dir=out", cwd=tmp_path, PYTHONPATH=str(installed))
    assert set(pd.read_csv(tmp_path / "out" / "metrics.csv")["method"]) == {"sppmi_svd"}
    # Hydra notes where it found the configuration: in the wheel, not in this checkout.
    noted = (tmp_path / "out" / ".hydra" / "hydra.yaml").read_text()
    assert str(installed / "sgns_pmi" / "conf") in noted
    assert str(ROOT / "conf") not in noted


def test_console_script(installed: Path, tmp_path: Path) -> None:
    script = installed / "bin" / "sgns-pmi"
    shown = execute(str(script), "k=7", "--cfg", "job", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "k: 7\n" in shown
