"""Bars of the error budget are as long as its shares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from sgns_pmi.figures.budget import TERMS, budget_figure, sweep_budget_figure, sweep_budget_figures


def rows(method, rmse, **shares):
    """Rows of budget.csv of one method, the same in all sets of cells."""
    values = [("total", "rmse", rmse), *((term, "share", share) for term, share in shares.items())]
    return pd.DataFrame(
        [(method, term, cells, metric, value) for cells in ("all", "seen", "unseen") for term, metric, value in values],
        columns=["method", "term", "cells", "metric", "value"],
    )


BUDGET = pd.concat(
    [
        rows("sgns_expected", 0.5, sampling=1.25, rank=-0.25),
        rows("sgns_sampled", 2.0, optimisation=0.75, sampling=0.25, rank=0.0),
        rows("oracle", 1e-15, rank=1.0),
        rows("empirical", np.inf),
    ]
)


def bars(ax, vertical=False):
    """Colour, begin and size of each bar along its direction, by its place."""
    found = {}
    for bar in ax.patches:
        place, begin, size = (
            (bar.get_x() + bar.get_width() / 2, bar.get_y(), bar.get_height())
            if vertical
            else (bar.get_y() + bar.get_height() / 2, bar.get_x(), bar.get_width())
        )
        found.setdefault(round(place), {})[to_hex(bar.get_facecolor()).upper()] = (begin, pytest.approx(size))
    return found


def colour(term):
    return TERMS[term][1]


def test_shares_are_stacked_and_negative_ones_go_the_other_way():
    figure = budget_figure(BUDGET, title="t")
    assert [ax.get_title() for ax in figure.axes] == ["all cells", "seen cells", "unseen cells"]
    for ax in figure.axes:
        assert bars(ax) == {
            0: {colour("sampling"): (0, 1.25), colour("rank"): (0, -0.25)},
            1: {colour("optimisation"): (0, 0.75), colour("sampling"): (0.75, 0.25)},
        }
        assert [text.get_text() for text in ax.texts] == ["RMSE 0.500", "RMSE 2.00", "exact", "cells at −∞"]
        assert ax.get_xlim() == (-0.25, 1.25)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [TERMS[term][0] for term in ("optimisation", "sampling", "rank")]


def test_a_run_with_a_truth_has_the_figure(run, drawn):
    assert "budget" in drawn(run.with_tables(budget=BUDGET))
    assert "budget" not in drawn(run.frames)


def swept(**keys):
    """A sweep over dim, two seeds: the method overfits at dim 8."""
    frames = []
    for job, (dim, seed) in enumerate((dim, seed) for dim in (2, 4, 8) for seed in (0, 1)):
        own = (
            rows("sgns_expected", 50.0 + 10 * seed, overfit=1.0, rank=0.0)
            if dim == 8
            else rows("sgns_expected", 4.0 / dim + 2 * seed, sampling=0.5, rank=0.5)
        )
        frames.append(own.assign(dim=dim, seed=seed, job=job, **keys))
    return pd.concat(frames, ignore_index=True)


def test_heights_over_a_key_are_means_of_parts_and_overfits_are_cut():
    figure = sweep_budget_figure(swept(), "dim", title="t")
    (ax,) = figure.axes
    found = bars(ax, vertical=True)
    assert found[0] == {colour("sampling"): (0, 1.5), colour("rank"): (pytest.approx(1.5), 1.5)}
    assert found[1] == {colour("sampling"): (0, 1.0), colour("rank"): (pytest.approx(1.0), 1.0)}
    assert found[2] == {colour("overfit"): (0, 55.0)}
    assert ax.get_ylim()[1] == pytest.approx(1.25 * 3.0)
    assert [text.get_text() for text in ax.texts] == ["55.0"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["2", "4", "8"]


def test_which_sweeps_have_the_figure(tmp_path):
    frame = pd.concat([swept(k=1, noise="unigram"), swept(k=5, noise="uniform")])
    assert [path.name for path in sweep_budget_figures(frame, ["dim", "seed"], tmp_path)] == ["budget.png"]
    assert [path.name for path in sweep_budget_figures(frame, ["k", "dim"], tmp_path)] == ["budget.png"]
    assert sweep_budget_figures(frame, ["k", "dim", "noise"], tmp_path) == []
    assert sweep_budget_figures(pd.DataFrame(), ["k"], tmp_path) == []
