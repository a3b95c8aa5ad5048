"""What the recovery figure and the grid show: the very cells, the diagonal, and a note of what is left out."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import LogNorm, to_hex

from sgns_pmi.figures import GridPanel, grid_figure, recovery_figure, recovery_panels, style


def drawn_cells(ax):
    """(target, estimate, count) of every point, sorted; unseen points have count 0."""
    rows = []
    for scatter in ax.collections:
        assert isinstance(scatter, PathCollection)
        count = scatter.get_array()
        offsets = np.asarray(scatter.get_offsets())
        rows.append(np.column_stack([offsets, np.zeros(len(offsets)) if count is None else count]))
    return np.array(sorted(map(tuple, np.concatenate(rows))))


def panels_of(figure):
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def bar_of(figure):
    return next(ax for ax in figure.axes if ax.get_label() == "<colorbar>")


def draw(run, kind="corrected", **changes):
    data = run.data | changes
    metrics = data["metrics"]
    chosen = metrics[(metrics["estimate"] == kind) & (metrics["cells"] == "all")]
    return recovery_figure(
        {m: pair[kind] for m, pair in data["estimates"].items()},
        data["target"],
        data["counts"],
        chosen,
        target_name=data["target_name"],
        title=run.title.of("Recovery"),
    )


def test_every_finite_cell_stands_at_target_and_estimate_with_its_count(run):
    figure = draw(run)
    target, counts = run.data["target"], run.data["counts"]
    assert len(panels_of(figure)) == 3
    for ax, pair in zip(panels_of(figure), run.data["estimates"].values(), strict=True):
        estimate = pair["corrected"]
        shown = np.isfinite(estimate)
        expected = sorted(zip(target[shown], estimate[shown], counts[shown], strict=True))
        np.testing.assert_array_equal(drawn_cells(ax), expected)


def test_counts_are_coloured_on_one_log_scale_and_unseen_cells_are_grey(run):
    figure = draw(run)
    counts = run.data["counts"]
    norms = [c.norm for ax in panels_of(figure) for c in ax.collections if c.get_array() is not None]
    assert all(isinstance(n, LogNorm) and (n.vmin, n.vmax) == (1.0, max(counts.max(), 10)) for n in norms)
    grey = panels_of(figure)[0].collections[0]
    assert len(grey.get_offsets()) == (counts == 0).sum()
    assert to_hex(grey.get_facecolor()[0]) == style.UNSEEN_COLOUR.lower()
    assert bar_of(figure).get_ylabel() == "count n (grey: n = 0)"


def test_identity_line_and_equal_limits_everywhere(run):
    figure = draw(run)
    limits = {(*ax.get_xlim(), *ax.get_ylim()) for ax in panels_of(figure)}
    assert len(limits) == 1
    x0, x1, y0, y1 = limits.pop()
    assert (x0, x1) == (y0, y1)
    for ax in panels_of(figure):
        (line,) = [line for line in ax.lines if line.get_label() == "estimate = target"]
        np.testing.assert_array_equal(line.get_xdata(), line.get_ydata())
        assert tuple(line.get_xdata()) == (x0, x1)
        assert ax.get_aspect() == 1


def test_titles_and_labels_say_what_is_seen(run):
    figure = draw(run)
    for fact in ("softmax, 12 words", "k = 7", "dim = 2", "rank of true PMI = 3", "noise = unigram^0.75"):
        assert fact in figure.get_suptitle()
    metrics = run.data["metrics"]
    metrics = metrics[(metrics["method"] == "sgns_expected") & (metrics["estimate"] == "corrected") & (metrics["cells"] == "all")]
    values = metrics.set_index("metric")["value"]
    titles = [ax.get_title() for ax in panels_of(figure)]
    assert titles[0] == f"SGNS (expected)\nRMSE {values['rmse']:#.3g}, r = {values['pearson']:.4f}"
    assert titles[1].startswith("SPPMI-SVD\nRMSE")
    assert "r =" not in titles[1]  # a constant has no correlation
    assert titles[2] == "Empirical PMI\nRMSE ∞"
    assert panels_of(figure)[0].get_xlabel() == "true PMI (nats)"
    assert panels_of(figure)[0].get_ylabel() == "estimated PMI (nats)"


def test_panels_have_their_methods_colour(run):
    for ax, method in zip(panels_of(draw(run)), run.data["estimates"], strict=True):
        assert to_hex(ax.spines["top"].get_edgecolor()) == style.COLOURS[method].lower()


def test_cells_at_minus_infinity_are_left_out_and_counted(run):
    notes = [ax.texts[0].get_text() for ax in panels_of(draw(run))]
    unseen = int((run.data["counts"] == 0).sum())
    assert notes == ["", "", f"{unseen} unseen cells at −∞ not shown"]
    empirical = run.data["estimates"]["empirical"]["corrected"]
    notes = [ax.texts[0].get_text() for ax in panels_of(draw(run, target=empirical, target_name="empirical"))]
    assert notes == [f"{unseen} unseen cells at −∞ not shown"] * 3
    seen_infinite = run.data["target"].copy()
    seen_infinite[np.unravel_index(run.data["counts"].argmax(), seen_infinite.shape)] = np.inf
    notes = [ax.texts[0].get_text() for ax in panels_of(draw(run, target=seen_infinite))]
    assert notes[0] == "1 infinite cells not shown"


def test_a_wild_cell_stays_outside_and_is_counted(run):
    rng = np.random.default_rng(1)
    target = rng.normal(size=(40, 40))
    wild = target.copy()
    wild[3, 4], wild[5:7, 1] = 500.0, -90.0
    figure = recovery_figure({"a": wild}, target, np.ones_like(target), run.data["metrics"], target_name="true", title="t")
    (ax,) = panels_of(figure)
    assert ax.get_xlim()[0] > -10
    assert ax.get_xlim()[1] < 10
    assert ax.texts[0].get_text() == "1 cells above the axes\n2 cells below the axes"
    assert len(drawn_cells(ax)) == target.size


def test_raw_and_corrected_differ_by_their_offset(run):
    raw, corrected = (drawn_cells(panels_of(draw(run, kind))[0]) for kind in ("raw", "corrected"))
    np.testing.assert_allclose(raw[:, 1], corrected[:, 1] + 1.0)


def test_many_cells_become_hexagons_that_hold_each_once(run, monkeypatch):
    monkeypatch.setattr(recovery_panels, "MOST_POINTS", 100)
    figure = draw(run)
    for ax, pair in zip(panels_of(figure), run.data["estimates"].values(), strict=True):
        (hexagons,) = ax.collections
        assert isinstance(hexagons, PolyCollection)
        assert hexagons.get_array().sum() == np.isfinite(pair["corrected"]).sum()
        assert isinstance(hexagons.norm, LogNorm)
    assert len({id(ax.collections[0].norm) for ax in panels_of(figure)}) == 1
    assert bar_of(figure).get_ylabel() == "cells in a hexagon"


def test_no_finite_cell_at_all_is_drawn_as_an_empty_panel(run):
    nothing = np.full((3, 3), -np.inf)
    zero = np.zeros((3, 3))
    figure = recovery_figure({"a": nothing}, zero, zero, run.data["metrics"], target_name="true", title="t")
    (ax,) = figure.axes
    assert ax.texts[0].get_text() == "9 unseen cells at −∞ not shown"


@pytest.fixture
def grid_panels(run):
    target, counts = run.data["target"], run.data["counts"]
    return [
        GridPanel(k, dim, target + k + dim / 10, target, counts, rmse=k + dim / 10)
        for dim in (50, 2, 4)
        for k in (20, 5)
        if (k, dim) != (20, 4)
    ]


def test_grid_places_each_job_by_its_keys(grid_panels):
    figure = grid_figure(grid_panels, method="oracle", row_key="k", column_key="dim", target_name="true", title="three dims")
    axes = panels_of(figure)
    assert len(axes) == 6
    headings = [ax.get_title().split("\n")[0] for ax in axes]
    assert headings == ["k = 5, dim = 2", "k = 5, dim = 4", "k = 5, dim = 50", "k = 20, dim = 2", "", "k = 20, dim = 50"]
    by_place = {f"k = {p.row}, dim = {p.column}": p for p in grid_panels}
    for ax, heading in zip(axes, headings, strict=True):
        if heading:
            panel = by_place[heading]
            expected = sorted(zip(panel.target.ravel(), panel.estimate.ravel(), panel.counts.ravel(), strict=True))
            np.testing.assert_array_equal(drawn_cells(ax), expected)
            assert ax.get_title().endswith(f"RMSE {panel.rmse:#.3g}".rstrip("."))
            assert to_hex(ax.spines["top"].get_edgecolor()) == style.COLOURS["oracle"]
    assert figure.get_suptitle() == "Oracle: three dims"
    assert len({ax.get_xlim() for ax in axes if ax.axison}) == 1
