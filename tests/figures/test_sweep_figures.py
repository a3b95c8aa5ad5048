"""What the figures of a sweep show, and which figure a sweep gets."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.colors import LogNorm, to_hex

from sgns_pmi.figures import heatmap_figure, lines_figure, style, sweep, sweep_figures

SCALE = {"sgns_expected": 1.0, "sgns_sampled": 1.5, "empirical": np.inf}


def sweep_frame(**keys):
    """Rows as in sweep.csv, with a value that tells job, method, estimate, target and cells apart."""
    rows = []
    for job, values in enumerate(product(*keys.values())):
        for method, scale in SCALE.items():
            for estimate, target, cells in product(("raw", "corrected"), ("true", "empirical"), ("all", "seen")):
                value = scale * (job + 1) + 100 * (estimate == "raw") + 200 * (target == "empirical") + 400 * (cells == "seen")
                rows.append((job, *values, method, estimate, target, cells, "rmse", value))
                rows.append((job, *values, method, estimate, target, cells, "mae", -1.0))
            gap = {"sgns_expected": 0.0, "sgns_sampled": 0.01 * (job + 1), "empirical": -0.05}[method]
            rows.append((job, *values, method, "corrected", "objective", "all", "gap", gap))
            rows.append((job, *values, method, "corrected", "objective", "all", "value", 3.0))
    return pd.DataFrame(rows, columns=["job", *keys, "method", "estimate", "target", "cells", "metric", "value"])


def rmse(frame):
    wanted = {"metric": "rmse", "estimate": "corrected", "target": "true", "cells": "all"}
    return frame[np.logical_and.reduce([frame[column] == value for column, value in wanted.items()])]


@pytest.fixture
def figures(monkeypatch):
    """Figures that `sweep_figures` saves, by file name, instead of files."""
    kept = {}

    def keep(figure, path, svg=False):
        kept[path.name] = figure
        return [path]

    monkeypatch.setattr(sweep, "save", keep)
    return kept


def panels_of(figure):
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def annotations(ax):
    """What stands written in each cell, by its column and row."""
    return {(int(x), int(y)): text.get_text() for text in ax.texts for x, y in [text.get_position()]}


def test_two_keys_make_heat_maps_with_the_values_in_their_cells(figures, tmp_path):
    sweep_figures(sweep_frame(k=[20, 5], dim=[2, 50]), tmp_path, title="toy problem")
    assert set(figures) == {"rmse_all", "rmse_seen", "objective_gap"}
    figure = figures["rmse_all"]
    panels = dict(zip(SCALE, panels_of(figure), strict=True))
    # Jobs in order: (20, 2), (20, 50), (5, 2), (5, 50), with values 1, 2, 3, 4; rows are k, ascending.
    assert annotations(panels["sgns_expected"]) == {(0, 0): "3.00", (1, 0): "4.00", (0, 1): "1.00", (1, 1): "2.00"}
    assert annotations(panels["sgns_sampled"]) == {(0, 0): "4.50", (1, 0): "6.00", (0, 1): "1.50", (1, 1): "3.00"}
    assert set(annotations(panels["empirical"]).values()) == {"∞"}
    for method, ax in panels.items():
        assert ax.get_title() == style.label(method)
        assert [t.get_text() for t in ax.get_xticklabels()] == ["2", "50"]
        assert [t.get_text() for t in ax.get_yticklabels()] == ["5", "20"]
        assert ax.yaxis_inverted()
        assert to_hex(ax.spines["top"].get_edgecolor()) == style.COLOURS[method].lower()
    meshes = {method: next(c for c in ax.collections if isinstance(c, QuadMesh)) for method, ax in panels.items()}
    np.testing.assert_array_equal(meshes["sgns_expected"].get_array(), [[3, 4], [1, 2]])
    assert meshes["empirical"].get_array().mask.all()
    assert {(m.norm.vmin, m.norm.vmax) for m in meshes.values()} == {(1.0, 6.0)}
    assert panels["sgns_expected"].get_ylabel() == "k"
    assert panels["sgns_expected"].get_xlabel() == "dim"
    assert figure.axes[-1].get_ylabel() == "RMSE (nats)"
    assert figure.get_suptitle() == "RMSE of the corrected estimate against the true PMI, all cells\ntoy problem"
    assert annotations(panels_of(figures["rmse_seen"])[0])[0, 1] == "401"


@pytest.mark.parametrize(("least", "extend"), [(1e-15, "min"), (0.5, "neither")])
def test_the_bar_of_a_heat_map_tells_that_values_lie_below_it(least, extend):
    frame = pd.DataFrame({"method": "oracle", "k": [5, 20] * 2, "dim": [2, 2, 50, 50], "value": [1.0, 20.0, 3.0, least]})
    figure = heatmap_figure(frame, "dim", "k", title="t", value_label="RMSE (nats)")
    assert figure.axes[0].texts[0].get_text() == "1.00"
    assert figure.axes[-1]._colorbar.extend == extend


def test_gap_is_in_percent_and_leaves_its_own_reference_out(figures, tmp_path):
    sweep_figures(sweep_frame(dim=[1, 2]), tmp_path)
    (ax,) = figures["objective_gap"].axes
    lines = {line.get_label(): line for line in ax.lines}
    assert set(lines) == {"SGNS (sampled)", "Empirical PMI"}
    np.testing.assert_allclose(lines["SGNS (sampled)"].get_ydata(), [1.0, 2.0])
    np.testing.assert_allclose(lines["Empirical PMI"].get_ydata(), [-5.0, -5.0])
    assert ax.get_ylabel() == "objective gap (%)"


def test_one_key_makes_a_line_a_method_in_its_colour(figures, tmp_path):
    frame = sweep_frame(dim=[50, 1, 4])
    sweep_figures(frame, tmp_path)
    (ax,) = figures["rmse_all"].axes
    lines = {line.get_label(): line for line in ax.lines}
    assert set(lines) == {"SGNS (expected)", "SGNS (sampled)", "Empirical PMI (∞)"}
    for method in ("sgns_expected", "sgns_sampled"):
        line = lines[style.label(method)]
        np.testing.assert_array_equal(line.get_xdata(), [1, 4, 50])
        np.testing.assert_allclose(line.get_ydata(), np.array([2, 3, 1]) * SCALE[method])
        assert line.get_color() == style.COLOURS[method]
    assert np.isnan(np.asarray(lines["Empirical PMI (∞)"].get_ydata(), float)).all()
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()) == ("log", "dim", "RMSE (nats)")
    assert sorted(ax.get_xticks()) == [1, 4, 50]
    assert not [c for c in ax.collections if isinstance(c, PolyCollection)]  # one seed has no range
    legend = ax.get_legend()
    assert legend.get_title().get_text() == ""


T = {2: 12.7062047, 3: 4.3026527}
"""Student's t at 97.5 % for a mean of so many values, from a printed table."""


def test_seeds_become_mean_and_interval(figures, tmp_path):
    sweep_figures(sweep_frame(dim=[1, 2], seed=[0, 1, 2]), tmp_path)
    (ax,) = figures["rmse_all"].axes
    line = ax.lines[0]
    np.testing.assert_allclose(line.get_ydata(), [2, 5])  # jobs 1..3 at dim 1, 4..6 at dim 2
    band = ax.collections[0].get_paths()[0].vertices
    for dim, mean in ((1, 2), (2, 5)):
        at = band[band[:, 0] == dim, 1]
        half = T[3] / np.sqrt(3)  # the values lie 1 apart
        assert (at.min(), at.max()) == (pytest.approx(mean - half), pytest.approx(mean + half))
    assert ax.get_legend().get_title().get_text() == "mean and 95 % interval\nof 3 seeds"


def test_seeds_of_a_heat_map_are_averaged_and_the_title_says_so(figures, tmp_path):
    sweep_figures(sweep_frame(k=[1, 5], dim=[1, 2], seed=[0, 1]), tmp_path)
    assert annotations(panels_of(figures["rmse_all"])[0])[0, 0] == "1.50\n±0.5"
    assert figures["rmse_all"].get_suptitle().endswith("all cells, mean ± se of 2 seeds")


def test_a_sweep_of_seeds_alone_runs_along_them(figures, tmp_path):
    sweep_figures(sweep_frame(seed=[0, 1, 2]), tmp_path)
    (ax,) = figures["rmse_all"].axes
    assert ax.get_xlabel() == "seed"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 2, 3])


def test_names_stand_side_by_side_and_are_not_joined(figures, tmp_path):
    names = ["unigram", "zero_share", None]
    sweep_figures(sweep_frame(noise=names), tmp_path)
    (ax,) = figures["rmse_all"].axes
    assert [t.get_text() for t in ax.get_xticklabels()] == ["unigram", "zero_share", "none"]
    for line in ax.lines:
        assert line.get_linestyle() == "None"
        assert (np.abs(np.asarray(line.get_xdata()) - np.arange(3)) < 0.3).all()
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 2, 3])
    assert len({tuple(line.get_xdata()) for line in ax.lines}) == len(SCALE)


def test_names_repeated_over_seeds_show_their_interval(figures, tmp_path):
    sweep_figures(sweep_frame(noise=["unigram", "uniform"], seed=[0, 1]), tmp_path)
    (ax,) = figures["rmse_all"].axes
    segments = ax.collections[0].get_segments()
    half = T[2] / 2  # of two values 1 apart
    np.testing.assert_allclose([sorted(s[:, 1]) for s in segments], [[1.5 - half, 1.5 + half], [3.5 - half, 3.5 + half]])


def test_numbers_and_names_make_a_heat_map_along_the_numbers(figures, tmp_path):
    sweep_figures(sweep_frame(noise=["unigram", "uniform", "zero_share"], k=[1, 5]), tmp_path)
    ax = panels_of(figures["rmse_all"])[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("k", "noise")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["unigram", "uniform", "zero_share"]
    assert annotations(ax)[1, 2] == "6.00"


def test_more_keys_make_panels(figures, tmp_path):
    frame = sweep_frame(k=[1, 5], dim=[1, 2, 4], noise=["unigram", "uniform"])
    sweep_figures(frame, tmp_path)
    axes = figures["rmse_all"].axes
    assert [ax.get_title() for ax in axes] == [f"k = {k}, noise = {noise}" for k in (1, 5) for noise in ("unigram", "uniform")]
    for ax in axes:
        k, noise = ax.get_title().removeprefix("k = ").split(", noise = ")
        rows = rmse(frame)
        rows = rows[(rows["k"] == int(k)) & (rows["noise"] == noise) & (rows["method"] == "sgns_sampled")]
        line = next(line for line in ax.lines if line.get_label() == "SGNS (sampled)")
        np.testing.assert_allclose(line.get_ydata(), rows["value"])
        np.testing.assert_array_equal(line.get_xdata(), rows["dim"])
    assert len({ax.get_ylim() for ax in axes}) == 1


def test_a_long_key_makes_lines_not_a_heat_map(figures, tmp_path):
    sweep_figures(sweep_frame(k=[5, 20], dim=list(range(1, 51))), tmp_path)
    axes = figures["rmse_all"].axes
    assert [ax.get_title() for ax in axes] == ["k = 5", "k = 20"]
    ticks = axes[0].get_xticks()
    assert set(ticks) <= set(range(1, 51))
    assert {1, 50} <= set(ticks)
    assert len(ticks) <= 13


def test_without_a_truth_only_seen_cells_against_the_empirical_pmi(figures, tmp_path):
    frame = sweep_frame(dim=[1, 2])
    sweep_figures(frame[frame["target"] != "true"], tmp_path)
    assert set(figures) == {"rmse_seen", "objective_gap"}
    assert "empirical PMI, seen cells" in figures["rmse_seen"].get_suptitle()
    np.testing.assert_allclose(figures["rmse_seen"].axes[0].lines[0].get_ydata(), [601, 602])


def test_without_gaps_no_gap_figure_and_without_keys_no_figure(figures, tmp_path):
    frame = sweep_frame(dim=[1, 2])
    sweep_figures(frame[frame["metric"] != "gap"], tmp_path)
    assert set(figures) == {"rmse_all", "rmse_seen"}
    assert sweep_figures(sweep_frame(dim=[4]), tmp_path) == []


def test_bounds_are_dashed_lines_of_their_methods(figures, tmp_path):
    frame = sweep_frame(dim=[1, 2])
    own = rmse(frame)[lambda rows: rows["method"] != "empirical"]
    bounds = own.assign(metric="cramer_rao", value=own["dim"] * 0.5)
    sweep_figures(pd.concat([frame, own.assign(metric="weighted_rmse"), bounds]), tmp_path)
    (ax,) = figures["rmse_weighted"].axes
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert [line.get_color() for line in dashed] == [style.colour(name) for name in ("sgns_expected", "sgns_sampled")]
    for line in dashed:
        np.testing.assert_array_equal(line.get_xydata(), [[1, 0.5], [2, 1.0]])
    assert not [line for line in figures["rmse_all"].axes[0].lines if line.get_linestyle() == "--"]
    assert "dashed" in figures["rmse_weighted"].get_suptitle()
    assert "dashed" not in figures["rmse_all"].get_suptitle()


def test_heat_maps_speak_of_no_dashed_bound_which_they_do_not_have(figures, tmp_path):
    frame = sweep_frame(k=[1, 5], dim=[1, 2])
    own = rmse(frame)[lambda rows: rows["method"] != "empirical"]
    bounds = own.assign(metric="cramer_rao", value=own["dim"] * 0.5)
    sweep_figures(pd.concat([frame, own.assign(metric="weighted_rmse"), bounds]), tmp_path)
    assert "dashed" not in figures["rmse_weighted"].get_suptitle()


def test_files(tmp_path):
    written = sweep_figures(sweep_frame(dim=[1, 2]), tmp_path / "figures", svg=True)
    names = [f"{name}.{suffix}" for name in ("rmse_all", "rmse_seen", "objective_gap") for suffix in ("png", "svg")]
    assert [p.name for p in written] == names
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == sorted(names)


def test_heat_map_leaves_a_missing_cell_empty_and_scales_wide_values_by_logarithm():
    frame = pd.DataFrame({"method": "oracle", "k": [1, 1, 5], "dim": [1, 2, 1], "value": [0.01, 10.0, 1.0]})
    figure = heatmap_figure(frame, "dim", "k", title="t", value_label="v")
    ax = panels_of(figure)[0]
    assert annotations(ax) == {(0, 0): "0.0100", (1, 0): "10.0", (0, 1): "1.00"}
    norm = next(c for c in ax.collections if isinstance(c, QuadMesh)).norm
    assert isinstance(norm, LogNorm)
    assert (norm.vmin, norm.vmax) == (0.01, 10.0)


def test_exact_recovery_stands_at_the_edge_and_keeps_its_number_in_heat_maps():
    frame = pd.DataFrame({"method": "oracle", "k": 1, "dim": [1, 2, 4], "value": [3.0, 0.3, 1e-15]})
    (ax,) = lines_figure(frame, "dim", title="t", value_label="RMSE").axes
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [3.0, 0.3, 1e-4])
    assert ax.get_ylabel() == "RMSE, 0.0001 or less at the edge"
    ax = panels_of(heatmap_figure(frame, "dim", "k", title="t", value_label="RMSE"))[0]
    assert annotations(ax)[2, 0] == "1.00e−15"
    mesh = next(c for c in ax.collections if isinstance(c, QuadMesh))
    assert (mesh.norm.vmin, mesh.norm.vmax) == (1e-4, 3.0)


def test_a_method_infinite_in_one_panel_only_is_not_called_infinite():
    frame = pd.DataFrame({"method": "oracle", "k": [1, 1, 5, 5], "dim": [1, 2, 1, 2], "value": [np.inf, np.inf, 1.0, 2.0]})
    figure = lines_figure(frame, "dim", facets=["k"], title="t", value_label="v")
    assert [ax.lines[0].get_label() for ax in figure.axes] == ["Oracle", "Oracle"]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1, 2, 3], "linear"),
        ([1, 2, 30], "log"),
        ([-5, 0.3, 50], "symlog"),
        ([0, 0], "linear"),
        ([np.inf, 2], "linear"),
        ([0, 1, 2], "linear"),
    ],
)
def test_lines_take_the_scale_that_tells_values_apart(values, scale):
    frame = pd.DataFrame({"method": "oracle", "dim": range(1, len(values) + 1), "value": values})
    figure = lines_figure(frame, "dim", title="t", value_label="v")
    figure.canvas.draw()
    (ax,) = figure.axes
    assert ax.get_yscale() == scale
    low, high = ax.get_ylim()
    finite = np.array(values, float)[np.isfinite(values)]
    assert low < finite.min()
    assert high > finite.max()
