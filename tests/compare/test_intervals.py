"""Which methods, and which cells, have intervals in a run."""

from __future__ import annotations

import numpy as np

import sgns_pmi as sp
from sgns_pmi.compare import intervals
from sgns_pmi.compare.found import Found, table_makers
from sgns_pmi.compare.intervals import interval_table


def test_a_sample_of_many_cells_spans_the_counts(monkeypatch):
    monkeypatch.setattr(intervals, "DENSE_PARAMETERS", 100)
    problem = sp.softmax_problem(words=30, rank=1, pairs=50_000)
    fitted = {"sgns_expected": sp.SGNS(dim=1, bias=True, solver=sp.Expected(starts=1)).fit(problem.counts)}
    rows = interval_table(Found(problem, fitted, level=0.95)).rows
    assert len(rows) == intervals.SAMPLE
    n = problem.counts.matrix.toarray()[rows["center"], rows["context"]]
    assert n.min() >= 1
    assert n.max() == problem.counts.matrix.data.max()
    assert not rows.duplicated(["center", "context"]).any()
    np.testing.assert_allclose(rows["truth"], problem.pmi[rows["center"], rows["context"]])


def test_without_truth_or_optimum_or_formula():
    problem = sp.softmax_problem(words=12, rank=1, pairs=400)
    unbounded = sp.SGNS(dim=4, k=2).fit(problem.counts)
    assert unbounded.status_ == "no finite optimum"
    fitted = {"sgns_expected": unbounded, "qwem": sp.QWEM(dim=2).fit(problem.counts)}
    rows = interval_table(Found(problem, fitted, level=0.95)).rows
    assert len(rows) == 0
    unknown = sp.Problem(problem.counts, "counts of a text")
    fitted = {"softmax_mle": sp.SoftmaxMLE(dim=2).fit(problem.counts)}
    rows = interval_table(Found(unknown, fitted, level=0.95)).rows
    assert len(rows) == 144
    assert "truth" not in rows
    assert "intervals" in dict(table_makers(Found(unknown, fitted, level=0.95)))
    assert "intervals" not in dict(table_makers(Found(unknown, fitted)))
