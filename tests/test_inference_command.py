"""The inference command: the table it writes, what it refuses, and that the public function stays a function."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command import TINY

import sgns_pmi as sp


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a method with a formula for its variance and one without."""
    place = tmp_path_factory.mktemp("inference")
    done = python(
        *("-m", "sgns_pmi.run", *TINY, "dim=2", "method=[sgns_expected,sppmi_svd]", "figures=false"),
        f"hydra.run.dir={place / 'out'}",
    )
    assert done.returncode == 0, done.stderr
    return place / "out"


def test_table_is_that_of_the_function(folder: Path) -> None:
    done = python("-m", "sgns_pmi.inference", str(folder), "3", "1", "level=0.9", "corrected=false")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(folder / "intervals.csv")
    problem = sp.softmax_problem(words=12, pairs=3000, seed=0)
    fitted = sp.SGNS(dim=2).fit(problem.counts)
    cells = [(center, context) for center in (3, 1) for context in range(12)]
    expected = sp.inference(fitted, problem.counts, cells=cells, level=0.9, corrected=False)
    assert set(table["method"]) == {"sgns_expected"}
    assert list(table.columns) == ["method", *expected.columns]
    assert (np.diff(np.abs(table["z"])) <= 0).all()  # the most certain first
    keys = ["center", "context"]
    both = table.drop(columns="method").sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(*both, rtol=1e-6, check_dtype=False)
    assert "sgns_expected" in done.stdout
    assert "24 rows" in done.stdout


def test_every_cell_where_no_word_is_asked(folder: Path) -> None:
    assert python("-m", "sgns_pmi.inference", str(folder)).returncode == 0
    assert len(pd.read_csv(folder / "intervals.csv")) == 12 * 12


def test_refusals_take_one_line(folder: Path) -> None:
    """All in one process, as starting one takes seconds."""
    said = {
        "king": "they are 0 to 11",
        "0 method=glove": "method",
        "0 level=2": "level",
        "0 level=high": "level",
        "0 corrected=maybe": "corrected",
        "0 levle=0.9": "did you mean level",
    }
    (folder / "intervals.csv").unlink(missing_ok=True)
    changed = folder.parent / "changed"
    shutil.copytree(folder, changed)
    told = changed / ".hydra" / "config.yaml"
    told.write_text(told.read_text().replace("pairs: 3000", "pairs: 3001"))
    code = """
import sys
from sgns_pmi.inference import main
for arguments in sys.argv[1:]:
    try:
        main(arguments.split(";"))
    except SystemExit as end:
        assert end.code == 2
"""
    done = python("-c", code, *(";".join([str(folder), *given.split()]) for given in said), f"{changed};0", f"{changed.parent};0")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    expected = [*said.values(), "changed since", "holds no run"]
    assert all(part in line for part, line in zip(expected, done.stderr.splitlines(), strict=True)), done.stderr
    assert not (folder / "intervals.csv").exists()


def test_the_function_stays_where_the_command_is_imported() -> None:
    code = """
import sgns_pmi.inference
import sgns_pmi as sp
from sgns_pmi import inference
counts = sp.softmax_problem(words=12, pairs=3000).counts
fitted = sp.SGNS(dim=2).fit(counts)
assert sp.inference(fitted, counts, cells=[(0, 1)])["center"].tolist() == [0]
assert inference(fitted, counts, cells=[(0, 1)], level=0.9).shape == (1, 9)
"""
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
