"""The inference command: the table it writes, what it refuses, and that the public function stays a function."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command import TINY

import sgns_pmi as sp
from sgns_pmi.compare.cosines import cosine_inference
from sgns_pmi.inference import main
from sgns_pmi.run import main as run_main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a method with a formula for its variance and one without."""
    place = tmp_path_factory.mktemp("inference") / "out"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["sgns-pmi", *TINY, "dim=2", "method=[sgns_expected,sppmi_svd]", "figures=false"])
        sys.argv.append(f"hydra.run.dir={place}")
        with pytest.raises(SystemExit) as ended:
            run_main()
    assert ended.value.code == 0
    return place


def test_table_is_that_of_the_function(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder), "3", "1", "level=0.9", "corrected=false"])
    said = capsys.readouterr().out
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
    assert "sgns_expected" in said
    assert "24 rows" in said


def test_every_cell_where_no_word_is_asked(folder: Path) -> None:
    main([str(folder)])
    assert len(pd.read_csv(folder / "intervals.csv")) == 12 * 12


def test_cosines_of_a_word_are_those_of_its_nearest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder), "3", "1", "of=cosines", "count=4"])
    table = pd.read_csv(folder / "cosines.csv")
    problem = sp.softmax_problem(words=12, pairs=3000, seed=0)
    fitted = sp.SGNS(dim=2).fit(problem.counts)
    every = cosine_inference(fitted, problem.counts, [(3, other) for other in range(12) if other != 3])
    expected = every.nlargest(4, "cosine").set_index("other")
    own = table[(table["word"] == 3) & table["other"].isin(expected.index)].set_index("other")
    assert len(own) == 4
    pd.testing.assert_frame_equal(own.drop(columns="method").loc[expected.index], expected, rtol=1e-6, check_dtype=False)
    assert ((table["word"] == 3) & (table["other"] == 1)).any()  # that of the two that were named
    assert len(table) == len(table[["word", "other"]].drop_duplicates())
    assert "cosine" in capsys.readouterr().out


def test_refusals_take_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = {
        "king": "they are 0 to 11",
        "0 method=glove": "method",
        "0 level=2": "level",
        "0 level=high": "level",
        "0 corrected=maybe": "corrected",
        "0 levle=0.9": "did you mean level",
        "of=cosines": "name one",
        "0 of=angles": "cosines",
        "0 of=cosines count=none": "count",
    }
    (folder / "intervals.csv").unlink(missing_ok=True)
    changed = folder.parent / "changed"
    shutil.copytree(folder, changed)
    told = changed / ".hydra" / "config.yaml"
    told.write_text(told.read_text().replace("pairs: 3000", "pairs: 3001"))
    asked = {(str(folder), *given.split()): line for given, line in said.items()}
    asked |= {(str(changed), "0"): "changed since", (str(changed.parent), "0"): "holds no run"}
    for arguments, expected in asked.items():
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        found = capsys.readouterr()
        assert (ended.value.code, found.out, found.err.count("\n")) == (2, "", 1)
        assert expected in found.err
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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
