"""Held-out ℓ and nats, against their formulas written out; what is held out is independent, or whole units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import Command

import sgns_pmi as sp
from sgns_pmi.compare.held_out import _parted, held_out_rows, prediction
from sgns_pmi.compare.table import select
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems.problem import Problem, Units


@pytest.mark.parametrize(("noise", "drops"), [("unigram", False), ("uniform", False), ("uniform", True)])
def test_the_formulas(noise: str, drops: bool) -> None:
    problem = sp.softmax_problem(words=12, rank=1, pairs=4000)
    kept, held = _parted(problem, 0.2, 0)
    negatives = Negatives.of(problem.counts, 3, noise, drops=drops)
    sgns = sp.SGNS(dim=2, k=3, noise=negatives.noise).fit(kept)
    found = prediction(sgns, kept, held, negatives)
    x, h = sgns.V_ @ sgns.U_.T, held.matrix.toarray()
    loss = 0.0
    for i in range(12):
        for j in range(12):
            drawn = 3 * negatives.noise[j] * (h[i].sum() - drops * h[i, j])
            loss += h[i, j] * np.logaddexp(0, -x[i, j]) + drawn * np.logaddexp(0, x[i, j])
    assert found["held_out"] == pytest.approx(loss / h.sum(), rel=1e-12)
    independent = np.outer(kept.row_sums, kept.col_sums) / kept.total**2
    predicted = independent * np.exp(sgns.estimate_pmi())
    predicted /= predicted.sum()
    assert found["held_out_nats"] == pytest.approx(-(h * np.log(predicted / independent)).sum() / h.sum(), rel=1e-10)


def test_the_truth_predicts_better_than_independence_and_noise() -> None:
    problem = sp.softmax_problem(words=40, rank=2, pairs=20_000)
    counts = problem.counts
    fitted = {"oracle": sp.Oracle(dim=4).fit(problem.pmi), "empirical": sp.Empirical().fit(counts)}
    fitted["sgns_expected"] = sp.SGNS(dim=4).fit(counts)
    rows = held_out_rows(problem, fitted, Negatives.of(counts, 5), 0.2)
    nats = select(rows, metric="held_out_nats").set_index("method")["value"]
    # Independence costs nothing here; the truth gains the mutual information, up to the spread of the mean.
    mutual = float((problem.joint * problem.pmi).sum())
    assert nats["oracle"] == pytest.approx(-mutual, abs=5 * np.sqrt((problem.joint * problem.pmi**2).sum() / (0.2 * 20_000)))
    assert nats["oracle"] < nats["sgns_expected"] < 0
    assert nats["empirical"] == np.inf  # some held-out pair was never seen
    assert fitted["sgns_expected"].V_.shape == (40, 4)


def test_a_method_is_fitted_to_what_is_kept() -> None:
    problem = sp.softmax_problem(words=12, rank=1, pairs=4000)
    kept, held = _parted(problem, 0.2, 7)
    np.testing.assert_array_equal(kept.matrix.toarray() + held.matrix.toarray(), problem.counts.matrix.toarray())
    assert held.total == pytest.approx(800, abs=5 * np.sqrt(4000 * 0.2 * 0.8))
    negatives = Negatives.of(problem.counts, 5)
    rows = held_out_rows(problem, {"sgns_expected": sp.SGNS(dim=2).fit(problem.counts)}, negatives, 0.2, 7)
    own = prediction(sp.SGNS(dim=2).fit(kept), kept, held, negatives)
    assert dict(zip(rows["metric"], rows["value"], strict=True)) == own


def test_units_are_held_out_as_wholes() -> None:
    cell = np.arange(30)  # each unit has pairs in a cell of its own
    units = Units(unit=cell.astype(np.int32), center=cell // 5, context=cell % 5, count=cell + 2.0)
    problem = Problem(units.pooled((6, 5)), "units", units=units)
    kept, held = _parted(problem, 0.2, 0)
    whole, out = problem.counts.matrix.toarray(), held.matrix.toarray()
    np.testing.assert_array_equal(kept.matrix.toarray() + out, whole)
    assert set(np.unique(out / whole)) == {0.0, 1.0}
    assert np.count_nonzero(out) == 6


def test_in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    command = Command(tmp_path, monkeypatch, capsys)
    asked = ("data=toy", "method=[sgns_expected,sgns_stream]", "dim=1", "figures=false", "held_out=0.3", "hydra.run.dir=out")
    outcome = command(*asked)
    assert outcome.code == 0, outcome.stderr
    run = sp.Run.open("out")
    rows = select(run.metrics, metric=("held_out", "held_out_nats"))
    assert set(rows["method"]) == {"sgns_expected"}
    assert run.value("sgns_expected", "held_out") == rows["value"].iloc[0]
    assert "sgns_stream learns from the text itself" in outcome.stderr
    assert "held out" in outcome.stdout
    assert command("data=toy", "held_out=1").stderr == "held_out=1: must be a number above 0 and below 1\n"
