"""The sample_size study's claim, in small: the error of SGNS falls as 1/√N, and that is what its table says."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from studies import EXPERIMENTS

import sgns_pmi as sp

PAIRS = (10**5, 10**6, 10**7)


def test_error_falls_as_one_over_the_root_of_pairs() -> None:
    slopes = []
    for seed in range(10):
        errors = []
        for pairs in PAIRS:
            problem = sp.softmax_problem(words=20, rank=1, pairs=pairs, seed=seed)
            estimate = sp.SGNS(dim=3, solver=sp.Expected(starts=1)).fit(problem.counts).estimate_pmi()
            errors.append(np.sqrt((problem.joint * (estimate - problem.pmi) ** 2).sum()))
        slopes.append(np.polyfit(np.log(PAIRS), np.log(errors), 1)[0])
    error = np.std(slopes, ddof=1) / np.sqrt(len(slopes))
    assert error < 0.015
    assert np.mean(slopes) == pytest.approx(-0.5, abs=0.05)


def test_slopes_of_the_study_are_in_its_asymptotic_range() -> None:
    with (EXPERIMENTS / "sample_size" / "slopes.csv").open(encoding="utf-8") as file:
        slopes = {row["method"]: float(row["mean"]) for row in csv.DictReader(file)}
    for method in ("sgns_expected", "softmax_mle"):
        assert -0.55 < slopes[method] < -0.45
