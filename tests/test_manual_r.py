"""What the manual prints for R runs in R, and what R writes is read here as it was meant."""

from __future__ import annotations

import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command import TINY, Command
from manual import ROOT, blocks

import sgns_pmi as sp
from sgns_pmi import export

pytestmark = pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs Rscript")
HAD = """
pairs <- data.frame(center = c("a", "b", "b", "a"), context = c("x", "x", "y", "x"))
m <- Matrix::Matrix(c(2, 0, 1, 3), 2, sparse = TRUE)
joint <- matrix(1 / 4, 2, 2)
"""
"""What a reader has: pairs, a matrix, a distribution."""


def in_r(folder: Path, *texts: str) -> None:
    done = subprocess.run(["Rscript", "-e", "\n".join([HAD, *texts])], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_counts_from_r(tmp_path: Path) -> None:
    table, matrix = blocks(ROOT / "docs/howto/triples.md", "r")
    assert blocks(ROOT / "docs/tutorial.md", "r") == [table]
    in_r(tmp_path, table)
    counts = sp.read_triples(tmp_path / "counts.csv", columns=["Var1", "Var2", "Freq"])
    assert (list(counts.vocab), list(counts.context_vocab)) == (["a", "b"], ["x", "y"])
    np.testing.assert_array_equal(counts.matrix.toarray(), [[2, 0], [1, 1]])
    for kind in ("m <- as.matrix(m)", ""):
        in_r(tmp_path, kind, matrix)
        for read in (sp.read_triples(tmp_path / "counts.csv", index_base=1), sp.read_triples(tmp_path / "counts.mtx")):
            np.testing.assert_array_equal(read.matrix.toarray(), [[2, 1], [0, 3]])


def test_results_in_r(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    command = Command(tmp_path, monkeypatch, capsys)
    assert command(*TINY, "method=sgns_expected", "figures=false", "hydra.run.dir=outputs/mine").code == 0
    assert (
        command(*TINY, "method=sgns_expected", "dim=1,2", "figures=false", "--multirun", "hydra.sweep.dir=outputs/dims").code == 0
    )
    export.main(["outputs/mine", "format=csv"])
    import_module("sgns_pmi.inference").main(["outputs/mine", "1", "2"])
    page = ROOT / "docs/howto/r.md"
    exec("\n".join(blocks(page, "python")), {})
    in_r(tmp_path, *blocks(page, "r"), "write.csv(pmi, 'product.csv')")
    kept = np.load("outputs/mine/vectors/sgns_expected.npz")
    product = pd.read_csv("product.csv", index_col=0)
    product.columns = product.columns.str.removeprefix("X").astype(int)  # R's mark of names that begin with a figure
    np.testing.assert_allclose(product.sort_index().sort_index(axis=1), kept["V"] @ kept["U"].T + np.log(5), rtol=1e-6)
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "joint.csv", delimiter=","), np.full((2, 2), 0.25))
