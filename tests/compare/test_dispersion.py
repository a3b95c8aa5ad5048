"""Dispersion: one of independent pairs, what doubling makes of it, and what is warned of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.dispersion import dispersion, dispersion_table, warnings
from sgns_pmi.compare.found import Found, table_makers
from sgns_pmi.problems import PROBLEMS


def thrown(counts: np.ndarray, lengths: np.ndarray, seed: int) -> np.ndarray:
    """Rows of unit, center, context and count: each pair falls into a unit by itself, with probability ∝ its length."""
    rng = np.random.default_rng(seed)
    split = rng.multinomial(counts.ravel(), lengths / lengths.sum())
    cell, unit = np.nonzero(split)
    return np.column_stack([unit, *np.unravel_index(cell, counts.shape), split[cell, unit]])


def test_independent_pairs_have_one_and_pairs_in_threes_three():
    rng = np.random.default_rng(0)
    counts, lengths = rng.integers(8, 2000, (20, 20)), rng.uniform(1, 5, 30)
    rows = pd.concat([dispersion(counts, thrown(counts, lengths, seed)) for seed in range(10)])
    mean = rows.groupby("from")["mean"].mean()  # cells x 29 degrees of freedom, ten times
    cells = rows.groupby("from")["n"].first()
    assert (abs(mean - 1) < 4 * np.sqrt(2 / (29 * 10 * cells))).all()
    assert cells.sum() == 400
    tripled = thrown(counts, lengths, 0) * [1, 1, 1, 3]
    assert dispersion(3 * counts, tripled)["mean"].mean() == pytest.approx(3, abs=0.2)


def test_classes_are_those_of_the_counts():
    counts = np.array([[1, 7], [8, 31], [32, 2**13]])
    rows = dispersion(counts, thrown(counts, np.ones(4), 0))
    assert rows[["from", "below", "n"]].values.tolist() == [[8, 32, 2], [32, 128, 1], [2**13, 2**15, 1]]
    assert (rows["units"] == 4).all()


def test_what_is_warned_of():
    problem = PROBLEMS["documents"](words=12, topics=3, documents=30, pairs=20_000)
    found = Found(problem, {}, level=0.95)
    assert "dispersion" in dict(table_makers(found))
    five = PROBLEMS["documents"](words=12, topics=3, documents=5, pairs=20_000)
    few, apart = dispersion_table(Found(five, {}, level=0.95)).said
    assert few.startswith("5 documents are few")
    assert "times as much between documents as those of independent pairs" in apart
    assert len(dispersion_table(found).said) == 1
    assert "dispersion" not in dict(table_makers(Found(sp.softmax_problem(words=12, pairs=1000), {}, level=0.95)))
    assert "dispersion" not in dict(table_makers(Found(problem, {})))
    assert warnings(pd.DataFrame({"units": [20], "mean": [1.2]}), "lines") == ()
