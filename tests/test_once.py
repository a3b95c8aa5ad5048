"""What a run makes, it makes once."""

from __future__ import annotations

import inspect
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command import TINY, Command

import sgns_pmi.pmi as pmi_module
from sgns_pmi import run
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise import Factorisation, linalg
from sgns_pmi.factorise.registry import Method
from sgns_pmi.problems.problem import ALL, PROBLEMS, Truth


def test_jobs_that_share_a_problem_make_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run.LAST_PROBLEM.clear()  # another test's, in this process, may be the same
    linalg.DECOMPOSED.clear()
    made: list[int] = []
    real = PROBLEMS["softmax"]

    def softmax(**options: Any) -> Any:
        made.append(options["seed"])
        return real(**options)

    softmax.__signature__ = inspect.signature(real)  # type: ignore[attr-defined]
    monkeypatch.setitem(PROBLEMS, "softmax", softmax)
    decomposed = Counter[bytes]()
    whole = linalg.scipy.linalg.svd

    def svd(matrix: Any, *given: Any, **named: Any) -> Any:
        decomposed[matrix.tobytes()] += 1
        return whole(matrix, *given, **named)

    monkeypatch.chdir(tmp_path)
    command = Command(tmp_path, monkeypatch, capsys)
    sweep = (*TINY[:2], "method=[pmi_svd]", "figures=false", "dim=1,2,3", "seed=0,1", "--multirun")
    with monkeypatch.context() as patch:
        patch.setattr(linalg.scipy.linalg, "svd", svd)
        assert command(*sweep, "hydra.sweep.dir=out").code == 0
    assert made == [0, 1]
    assert set(decomposed.values()) == {1}
    for seed in (0, 1):  # each job alone has the same numbers
        run.LAST_PROBLEM.clear()
        linalg.DECOMPOSED.clear()
        assert command(*sweep[:-3], "dim=2", f"seed={seed}", f"hydra.run.dir=alone{seed}").code == 0
        job = tmp_path / "out" / f"dim=2,seed={seed}" / "metrics.csv"
        assert job.read_bytes() == (tmp_path / f"alone{seed}" / "metrics.csv").read_bytes()


@pytest.mark.parametrize("data", [TINY[:2], ("data=toy", "method=[sgns_expected,sgns_sampled,sppmi_svd]")])
def test_estimators_noise_estimates_and_truth_are_made_once(
    data: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: Counter[str] = Counter()
    held: list[Any] = []  # so that no two estimators, nor counts, have one id
    estimate, cells, truth = Factorisation.estimate_pmi, Factorisation.estimate_cells, Truth.pmi
    objects: Counter[str] = Counter()
    build = Method.build

    def built(self: Method, *given: Any) -> Factorisation:
        objects[self.name] += 1
        return build(self, *given)

    def estimate_pmi(self: Factorisation, corrected: bool = True, rows: Any = ALL) -> Any:
        held.append(self)
        made[f"{id(self)} {corrected}"] += 1
        return estimate(self, corrected, rows)

    def estimate_cells(self: Factorisation, rows: Any, cols: Any, corrected: bool = True) -> Any:
        held.append(self)
        made[f"{id(self)} {corrected}"] += 1
        return cells(self, rows, cols, corrected)

    def pmi(self: Truth, rows: Any = ALL) -> Any:
        made["truth"] += rows == ALL  # counts are drawn by blocks of rows
        return truth(self, rows)

    noises: Counter[tuple[int, str]] = Counter()
    named = pmi_module._named_noise

    def named_noise(counts: CooccurrenceCounts, name: str, exponent: float) -> Any:
        held.append(counts)
        noises[id(counts), name] += 1
        return named(counts, name, exponent)

    monkeypatch.setattr(pmi_module, "_named_noise", named_noise)
    monkeypatch.setattr(Method, "build", built)
    monkeypatch.setattr(Factorisation, "estimate_pmi", estimate_pmi)
    monkeypatch.setattr(Factorisation, "estimate_cells", estimate_cells)
    monkeypatch.setattr(Truth, "pmi", pmi)
    monkeypatch.chdir(tmp_path)
    outcome = Command(tmp_path, monkeypatch, capsys)(*data, "solver.sampled.epochs=2", "noise=uniform", "hydra.run.dir=out")
    assert outcome.code == 0
    methods = 3 if "data=toy" in data else 5
    assert set(noises.values()) == {1}
    assert len(objects) == methods
    assert set(objects.values()) == {1}
    assert made.pop("truth", 0) == ("data=toy" not in data)
    assert len(made) >= 2 * methods  # and of optima that the budget is told by
    assert set(made.values()) == {1}
