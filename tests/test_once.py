"""What a run makes, it makes once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command import TINY, Command

import sgns_pmi.pmi as pmi_module
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise import Factorisation
from sgns_pmi.factorise.registry import Method
from sgns_pmi.problems.problem import ALL, Truth


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
