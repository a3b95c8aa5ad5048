"""Means over seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp, ttest_rel

from sgns_pmi.results.replicates import over_seeds, paired_differences, replicate_axis, seeds_table

ROWS = ["method", "metric"]


def frame(values: dict[tuple[int, str], list[float]]) -> pd.DataFrame:
    rows = [(k, seed, method, "rmse", value) for (k, method), own in values.items() for seed, value in enumerate(own)]
    return pd.DataFrame(rows, columns=["k", "seed", *ROWS, "value"]).assign(optimum=True)


def test_mean_error_and_interval() -> None:
    values = {(20, "b"): [1.0, 2.0, 4.0], (20, "a"): [5.0, 5.5, 7.0], (5, "b"): [0.1, 0.2, 0.4]}
    table = over_seeds(frame(values), ["k", "seed"], ROWS)
    assert table.columns.tolist() == ["k", *ROWS, "mean", "se", "lower", "upper", "n", "without_optimum"]
    assert list(zip(table["k"], table["method"], strict=True)) == list(values)  # in the jobs' own order
    for row, own in zip(table.itertuples(), values.values(), strict=True):
        interval = ttest_1samp(own, 0).confidence_interval(0.95)
        assert (row.mean, row.se) == (pytest.approx(np.mean(own)), pytest.approx(np.std(own, ddof=1) / np.sqrt(3)))
        assert (row.lower, row.upper) == (pytest.approx(interval.low), pytest.approx(interval.high))
        assert (row.n, row.without_optimum) == (3, 0)


def test_fits_without_an_optimum_are_counted_beside() -> None:
    rows = frame({(5, "a"): [1.0, 2.0, 900.0]})
    rows.loc[2, "optimum"] = False
    (row,) = over_seeds(rows, ["k", "seed"], ROWS).itertuples()
    assert (row.mean, row.n, row.without_optimum) == (1.5, 2, 1)
    shown = seeds_table(over_seeds(rows, ["k", "seed"], ROWS), ["k", "seed"])
    assert shown.loc[5, "a"] == "1.5 ± 0.5 (n = 2, 1 without optimum)"


def test_one_value_has_no_error() -> None:
    (row,) = over_seeds(frame({(5, "a"): [1.0]}), ["k", "seed"], ROWS).itertuples()
    assert (row.mean, row.n) == (1.0, 1)
    assert np.isnan([row.se, row.lower, row.upper]).all()
    assert seeds_table(over_seeds(frame({(5, "a"): [1.0]}), ["seed"], ROWS), ["seed"]).loc["all seeds", "a"] == "1 (n = 1)"


def test_infinite_errors() -> None:
    (row,) = over_seeds(frame({(5, "a"): [np.inf, np.inf]}), ["k", "seed"], ROWS).itertuples()
    assert (row.mean, row.n) == (np.inf, 2)
    assert np.isnan(row.se)


def test_intervals_cover_the_mean() -> None:
    """Of 400 intervals at 95 % of normal samples 380 ± 3 · 4.4 hold the mean."""
    draws = np.random.default_rng(0).normal(3, 2, (400, 4))
    table = over_seeds(frame({(k, "a"): list(own) for k, own in enumerate(draws)}), ["k", "seed"], ROWS)
    covered = ((table["lower"] <= 3) & (table["upper"] >= 3)).sum()
    assert 380 - 14 <= covered <= 380 + 14


def test_differences_are_paired_by_seed() -> None:
    """What the seeds share cancels: the interval is that of a paired t test."""
    seeds = np.random.default_rng(0).normal(0, 10, 8)
    own = np.random.default_rng(1).normal(0, 0.1, (3, 8))
    values = {(5, "a"): [*(seeds + own[0])], (5, "b"): [*(seeds + own[1] + 0.2)], (20, "a"): [*own[2]], (5, "c"): [np.inf] * 8}
    found = paired_differences(frame(values), ["k", "seed"], ROWS)
    assert found.columns.tolist() == ["k", "method", "other", "metric", "mean", "se", "lower", "upper", "n", "without_optimum"]
    assert found[["k", "method", "other"]].to_numpy().tolist() == [[5, "a", "b"], [5, "a", "c"], [5, "b", "c"]]
    first = found.iloc[0]
    test = ttest_rel(values[5, "a"], values[5, "b"])
    interval = test.confidence_interval(0.95)
    assert (first["lower"], first["upper"]) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert first["n"] == 8
    assert found.iloc[1]["mean"] == -np.inf


def test_a_seed_without_an_optimum_has_no_difference() -> None:
    rows = frame({(5, "a"): [1.0, 2.0, 900.0], (5, "b"): [0.5, 1.0, 1.5]})
    rows.loc[2, "optimum"] = False
    (row,) = paired_differences(rows, ["seed"], ROWS).itertuples()
    assert (row.mean, row.n, row.without_optimum) == (0.75, 2, 1)


def test_the_axis_of_repeats() -> None:
    assert replicate_axis(["k", "dim"]) is None
    assert replicate_axis(["draw_seed", "k"]) == "draw_seed"
    # Crossed seeds are not independent: one is averaged over.
    crossed = frame({(5, "a"): [1.0, 2.0]}).rename(columns={"k": "draw_seed"})
    assert over_seeds(crossed, ["draw_seed", "seed"], ROWS).columns[0] == "draw_seed"


def test_no_seed_with_an_optimum_has_no_mean() -> None:
    rows = frame({(5, "a"): [1.0, 2.0]}).assign(optimum=False)
    assert seeds_table(over_seeds(rows, ["k", "seed"], ROWS), ["k", "seed"]).loc[5, "a"] == "– (2 without optimum)"
