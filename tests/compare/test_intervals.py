"""Which methods, and which cells, have intervals in a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi.compare import intervals
from sgns_pmi.compare.found import Found, table_makers
from sgns_pmi.compare.inference import linearised
from sgns_pmi.compare.intervals import interval_metrics, interval_table
from sgns_pmi.compare.sandwich import Sandwich


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


def test_metrics_say_what_the_intervals_stand_for():
    """The mean of P se², the signal of the sandwich, and of a trained fit the part that is draws."""
    problem = sp.softmax_problem(words=12, rank=1, pairs=50_000)
    exact = sp.SGNS(dim=1, bias=True, solver=sp.Expected(starts=1)).fit(problem.counts)
    sampled = sp.SGNS(dim=1, bias=True, solver=sp.Sampled(negatives="pair", epochs=300)).fit(problem.counts)
    found = Found(
        problem, {"sgns_expected": exact, "sgns_sampled": sampled, "qwem": sp.QWEM(dim=1).fit(problem.counts)}, level=0.9
    )
    value = interval_metrics(found).set_index(["method", "metric"])["value"]
    table = interval_table(found)
    for method, fitted in (("sgns_expected", exact), ("sgns_sampled", sampled)):
        rows = table.rows[table.rows["method"] == method]
        assert value[method, "predicted"] == pytest.approx(np.sqrt(problem.joint.ravel() @ rows["se"] ** 2))
        signal = Sandwich(linearised(fitted, problem.counts), problem.counts).signal
        assert table.facts["signal"][method] == value[method, "signal"] == pytest.approx(signal)
    assert ("sgns_expected", "predicted_draws") not in value
    draws, whole = value["sgns_sampled", "predicted_draws"], value["sgns_sampled", "predicted"]
    alone = Sandwich(replace(linearised(sampled, problem.counts), training=None), problem.counts)
    variance = alone.cell_variances(*np.indices((12, 12)).reshape(2, -1))
    assert whole**2 - draws**2 == pytest.approx(problem.joint.ravel() @ variance)
    assert draws > 0
    assert "qwem" not in value
    assert not len(interval_metrics(Found(problem, {"sgns_expected": exact})))


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
