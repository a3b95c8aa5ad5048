"""The cells that figures show: all, or a bounded choice, with each method's estimates as they were compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi.compare import compare
from sgns_pmi.compare.shown import SHOWN_CELLS, ShownCells, shown_cells, shown_pair, shown_rows
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems import Problem

PRECISION = 1e-6


def shown_of(problem: Problem, **fitted: sp.SPPMISVD) -> ShownCells:
    return compare(problem, fitted, Negatives.of(problem.counts, 2, exponent=0.5)).shown


@pytest.mark.parametrize("shape", [(1, 1), (100, 100), (20_000, 20_000), (3, 10**7)])
def test_shown_rows(shape: tuple[int, int]) -> None:
    rows = shown_rows(shape)
    assert len(np.unique(rows)) == len(rows) == min(shape[0], max(1, SHOWN_CELLS // shape[1]))
    assert rows[0] == 0
    assert rows[-1] == (shape[0] - 1 if len(rows) > 1 else 0)


@pytest.mark.parametrize("known", [True, False])
def test_small_problems_are_shown_whole(known: bool) -> None:
    problem = sp.softmax_problem(words=12, rank=1, pairs=500, seed=0)
    target = problem.pmi if known else sp.pmi_matrix(problem.counts)
    svd = sp.SPPMISVD(dim=2, k=1, exponent=0.5).fit(problem.counts)
    shown = shown_of(problem if known else replace(problem, truth=None), svd=svd)
    assert (shown.target_name, shown.note) == ("true" if known else "empirical", "")
    np.testing.assert_allclose(shown.target, target, rtol=PRECISION)
    np.testing.assert_array_equal(shown.counts, problem.counts.matrix.toarray())
    for kind in ("raw", "corrected"):
        expected = svd.estimate_pmi(kind == "corrected")
        np.testing.assert_allclose(shown.estimates(kind)["svd"], expected, rtol=PRECISION, atol=PRECISION)


def test_large_problems_with_a_truth_show_some_centres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgns_pmi.compare.shown.SHOWN_CELLS", 40)
    problem = sp.softmax_problem(words=12, rank=1, pairs=500, seed=0)
    svd = sp.SPPMISVD(dim=2, k=1, exponent=0.5).fit(problem.counts)
    shown = shown_of(problem, svd=svd)
    assert shown.at.tolist() == [0, 5, 11]
    assert problem.pmi is not None
    np.testing.assert_allclose(shown.target, problem.pmi[shown.at], rtol=PRECISION)
    np.testing.assert_array_equal(shown.counts, problem.counts.matrix.toarray()[shown.at])
    np.testing.assert_allclose(shown.corrected["svd"], svd.estimate_pmi(rows=shown.at), rtol=PRECISION, atol=PRECISION)


@pytest.mark.parametrize("most", [40, 10**6])
def test_large_counts_without_a_truth_show_seen_cells_alone(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    problem = replace(sp.softmax_problem(words=12, rank=1, pairs=200, seed=0), truth=None)
    counts = problem.counts
    monkeypatch.setattr("sgns_pmi.compare.shown.SHOWN_CELLS", 100)
    monkeypatch.setattr("sgns_pmi.compare.shown.SHOWN_SEEN", most)
    svd = sp.SPPMISVD(dim=2, k=1, exponent=0.5).fit(counts)
    estimates = {kind: svd.estimate_pmi(kind == "corrected") for kind in ("raw", "corrected")}

    def refuse(*args: object) -> None:
        raise AssertionError("something dense was made")

    monkeypatch.setattr(svd, "_estimate", refuse)
    monkeypatch.setattr("sgns_pmi.compare.deviation.DENSE_CELLS", 100)  # ℓ of so few cells would be summed by blocks
    shown = shown_of(problem, svd=svd)
    np.testing.assert_array_equal(shown.at, shown_cells(problem).at)
    assert len(set(shown.at)) == len(shown.at) == min(most, counts.nnz)
    coo = counts.matrix.tocoo()
    cells = tuple(side[shown.at] for side in coo.coords)
    np.testing.assert_array_equal(shown.places, np.transpose(cells))
    np.testing.assert_array_equal(shown.counts, counts.matrix.toarray()[cells])
    np.testing.assert_allclose(shown.target, sp.pmi_matrix(counts)[cells], rtol=PRECISION)
    assert shown.note == ("seen cells" if most > counts.nnz else f"a sample of 40 of {counts.nnz} seen cells")
    for kind, dense in estimates.items():
        np.testing.assert_allclose(shown.estimates(kind)["svd"], dense[cells], rtol=PRECISION, atol=PRECISION)


def test_raw_estimates_are_kept_where_they_differ() -> None:
    x = np.array([1.0, -np.inf, 3.0])
    assert shown_pair(x, x + 1e-14)[0] is None  # rounding is no difference, nor are infinities that agree
    raw, corrected = shown_pair(x + 1e-6, x)
    assert raw is not None
    np.testing.assert_allclose(corrected, x, rtol=PRECISION)
