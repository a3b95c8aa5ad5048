"""The recipes of docs/howto/machines.md that one machine can run: each has the hash of counting the whole text at once."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from manual import ROOT, blocks

from sgns_pmi.problems.data_sets import DataSet
from sgns_pmi.shards import main

PAGE = ROOT / "docs" / "howto" / "machines.md"
LAUNCHERS = ("xargs", "joblib", "submitit", "ray")


@pytest.mark.study
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_recipe_counts_what_one_process_counts(launcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb", reason="needs the extra shards")
    if launcher != "xargs" and find_spec(launcher) is None:
        pytest.skip(f"needs {launcher}")
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("\n".join(f"a b{i % 7} c{i % 3} d e{i % 11}" for i in range(500)))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), "PATH": path}
    if launcher == "xargs":
        command = ["sh", "-e", "-c", blocks(PAGE, "sh")[0]]
    else:
        (code,) = (
            text for text in blocks(PAGE, "python", run=False) if f"import {launcher}" in text or f"from {launcher}" in text
        )
        command = [sys.executable, "-c", code.replace('"slurm"', '"local"')]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    if not Path("counts").exists():
        main(["merge", "counts", *(f"s{number}" for number in range(1, 8))])
    main(["count", "whole", "data.path=corpus.txt"])
    assert DataSet("counts").hash() == DataSet("whole").hash()
