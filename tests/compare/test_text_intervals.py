"""Intervals on a text: units long enough give error bars that longer ones do not widen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sgns_pmi as sp

PAIRS = [
    ("king", "queen"),
    ("king", "son"),
    ("war", "army"),
    ("french", "france"),
    ("music", "rock"),
    ("god", "church"),
    ("two", "three"),
    ("united", "states"),
    ("language", "english"),
    ("north", "south"),
]
TOPICAL = ("computer", "system")
"""Of articles that follow each other, on a topic of their own."""


@pytest.mark.study
def test_study_longer_units_do_not_widen_the_intervals_of_a_text(published: Path):
    """Pairs of text8's prefix: by 30,000 tokens at most some 15 % wider than by 10,000, and well above independent pairs.

    Nine of the ten are within 15 %, north and south are 15.3 % wider. For words of one topic, which fills neighbouring articles,
    10,000 tokens are too few.
    """
    problem = sp.text_problem(published / "text/text8_prefix.txt.xz", max_size=1000, unit="block:10000", cache=False)
    estimator = sp.SGNS(dim=10, k=5, bias=True, solver=sp.Expected(starts=1)).fit(problem.counts)
    widths = {}
    for name, units in (("short", problem.units), ("long", replace(problem.units, kind=30_000)), ("independent", None)):
        table = sp.inference(estimator, problem.counts, units, [*PAIRS, TOPICAL])
        widths[name] = (table["upper"] - table["lower"]).to_numpy()
    wider = widths["long"] / widths["short"]
    assert (np.abs(wider[:-1] - 1) < 0.15).sum() >= 9
    assert np.abs(wider[:-1] - 1).max() < 0.16
    assert 1.15 < wider[-1] < 1.4
    assert (widths["short"] > 1.3 * widths["independent"]).all()
