"""Convergence, spectrum, and the set of files that one run leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from sgns_pmi.figures import (
    RunTitle,
    convergence_figure,
    losses_figure,
    recovery_figure,
    run_figures,
    settings,
    spectrum_figure,
    style,
)
from sgns_pmi.figures.spectrum import leading_singular_values


def lines_of(ax):
    return {line.get_label(): line for line in ax.lines}


def test_convergence_draws_the_objective_and_its_gap_against_steps_and_seconds(run):
    history = run.data["history"]
    figure = convergence_figure(history, best=2.0, title="t")
    assert len(figure.axes) == 4
    for ax, x, y in zip(figure.axes, ["step", "seconds"] * 2, [history["objective"]] * 2 + [None] * 2, strict=True):
        for method, rows in history.groupby("method"):
            line = lines_of(ax)[style.label(method)]
            np.testing.assert_array_equal(line.get_xdata(), rows[x])
            drawn = rows["objective"] if y is not None else (rows["objective"] / 2 - 1).where(rows["objective"] > 2)
            np.testing.assert_allclose(line.get_ydata(), drawn)
            assert to_hex(line.get_color()) == style.COLOURS[method].lower()
        assert ax.get_xscale() == "symlog"
    assert figure.axes[2].get_yscale() == "log"
    best = lines_of(figure.axes[0])["lowest reached, 2"]
    assert set(best.get_ydata()) == {2.0}
    assert best.get_linestyle() == "--"
    assert "nats" in figure.axes[0].get_ylabel()
    assert figure.axes[2].get_xlabel().startswith("step")
    assert figure.axes[3].get_xlabel().startswith("seconds")


def test_convergence_of_a_single_record_at_the_start():
    history = pd.DataFrame({"method": ["sgns_sampled"], "step": [0], "epoch": [0], "seconds": [0.0], "objective": [3.0]})
    figure = convergence_figure(history, best=3.0, title="t")
    figure.canvas.draw()
    assert len(lines_of(figure.axes[0])) == 2


def test_losses_have_a_panel_and_an_axis_each(run, drawn):
    history = run.data["history"].assign(method=["glove"] * 3 + ["swivel"] * 3)
    labels = {"glove": "squares", "swivel": "squares and hinges"}
    figure = losses_figure(history, labels, title="t")
    for ax, method in zip(figure.axes, labels, strict=True):
        (line,) = ax.lines
        np.testing.assert_array_equal(line.get_xydata(), history.loc[history["method"] == method, ["seconds", "objective"]])
        assert ax.get_ylabel() == labels[method]
        assert ax.get_title() == style.label(method)
    both = pd.concat([run.data["history"], history.iloc[:3]])
    assert {"convergence", "losses"} <= drawn(run.with_tables(losses=labels, history=both))
    assert "convergence" not in drawn(run.with_tables(losses=labels, history=history))


@pytest.mark.parametrize("shape", [(40, 30), (600, 520)])
def test_leading_singular_values_are_those_prescribed(shape):
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(side, 8)))[0] for side in shape)
    prescribed = np.array([9.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.01])
    np.testing.assert_allclose(leading_singular_values((left * prescribed) @ right.T, 6), prescribed[:6], rtol=1e-8)


def test_leading_singular_values_of_nothing_are_zero():
    assert not leading_singular_values(np.zeros((600, 600)), 5).any()


def test_spectrum_shows_rank_and_dim_and_leaves_rounding_out(run):
    target = run.data["target"]
    estimates = {"oracle": target, "sgns_expected": run.data["estimates"]["sgns_expected"]["corrected"]}
    figure = spectrum_figure(estimates, target, target_name="true", dim=2, pmi_rank=3, title="t")
    (ax,) = figure.axes
    lines = lines_of(ax)
    singular = np.linalg.svd(target, compute_uv=False)[:3]
    for name in ("true PMI", "Oracle"):
        np.testing.assert_allclose(lines[name].get_ydata(), singular)  # rank 3: the other nine are rounding
        np.testing.assert_array_equal(lines[name].get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(lines["SGNS (expected)"].get_ydata(), np.linalg.svd(estimates["sgns_expected"], compute_uv=False))
    assert to_hex(lines["SGNS (expected)"].get_color()) == style.COLOURS["sgns_expected"].lower()
    assert set(lines["rank of true PMI = 3"].get_xdata()) == {3}
    assert set(lines["dim = 2"].get_xdata()) == {2}
    assert ax.get_yscale() == "log"
    assert not ax.texts


def test_spectrum_says_that_infinite_cells_count_as_zero_and_joins_equal_lines(run):
    empirical = run.data["estimates"]["empirical"]["corrected"]
    figure = spectrum_figure({"empirical": empirical}, run.data["target"], target_name="true", dim=3, pmi_rank=3, title="t")
    (ax,) = figure.axes
    filled = np.where(np.isfinite(empirical), empirical, 0)
    np.testing.assert_allclose(lines_of(ax)["Empirical PMI"].get_ydata(), np.linalg.svd(filled, compute_uv=False))
    assert [text.get_text() for text in ax.texts] == ["cells at −∞ taken as 0"]
    assert set(lines_of(ax)["dim = rank of true PMI = 3"].get_xdata()) == {3}
    assert not any(name.startswith("rank") for name in lines_of(ax))


def test_titles_leave_out_what_does_not_apply():
    title = RunTitle("toy", k=5, dim=4, noise="uniform", exponent=0.75)
    assert title.of("Recovery") == "Recovery: toy\nk = 5, dim = 4, noise = uniform"


def test_settings_that_differ_are_not_said():
    assert settings() == ""
    assert settings(dim=4, pmi_rank=3, exponent=0.75) == "dim = 4, rank of true PMI = 3"
    assert settings(k=5, noise="unigram", exponent=0.75) == "k = 5, noise = unigram^0.75"


def test_few_singular_values_have_an_index_each(run):
    def axis(dim):
        figure = spectrum_figure({}, run.data["target"], target_name="true", dim=dim, pmi_rank=3, title="t")
        figure.canvas.draw()
        low, high = figure.axes[0].get_xlim()
        ticks = figure.axes[0].xaxis.get_majorticklabels()
        return figure.axes[0].get_xscale(), [t.get_text() for t in ticks if low <= t.get_position()[0] <= high]

    assert axis(5) == ("linear", ["1", "2", "3", "4", "5"])
    assert axis(30) == ("log", ["1", "2", "5", "10", "20"])


def test_files_of_a_run(run, tmp_path):
    written = run_figures(tmp_path / "figures", run.frames)
    names = {"recovery.png", "recovery_raw.png", "spectrum.png", "convergence.png"}
    assert {p.name for p in written} == {p.name for p in (tmp_path / "figures").iterdir()} == names


def test_files_of_a_run_without_offset_or_history_and_with_svg(run, tmp_path):
    frames = replace(
        run.with_tables(history=run.data["history"].iloc[:0]),
        title=replace(run.title, pmi_rank=None),
        shown=replace(run.frames.shown, raw={}),
    )
    written = run_figures(tmp_path, frames, svg=True)
    assert {p.name for p in written} == {"recovery.png", "recovery.svg", "spectrum.png", "spectrum.svg"}


def test_raw_panels_show_raw_estimates(run, drawn, monkeypatch):
    shown = []

    def spy(estimates, *rest, **given):
        shown.append(estimates)
        return recovery_figure(estimates, *rest, **given)

    monkeypatch.setattr("sgns_pmi.figures.recovery.recovery_figure", spy)
    drawn(run.frames)
    for kind, estimates in zip(("corrected", "raw"), shown, strict=True):
        assert list(estimates) == list(run.data["estimates"])
        for method, own in estimates.items():
            np.testing.assert_array_equal(own, run.data["estimates"][method][kind])


def test_single_cells_have_a_recovery_figure_that_says_so_and_no_spectrum(run, tmp_path, monkeypatch):
    titles = {}
    monkeypatch.setattr(
        "sgns_pmi.figures.run.save", lambda figure, path, svg: titles.update({path.name: figure.get_suptitle()}) or []
    )
    shown = run.frames.shown
    single = replace(
        shown,
        target=shown.target.ravel(),
        counts=shown.counts.ravel(),
        corrected={method: x.ravel() for method, x in shown.corrected.items()},
        raw={method: x.ravel() for method, x in shown.raw.items()},
        note="a sample of cells",
    )
    run_figures(tmp_path, replace(run.frames, shown=single))
    assert set(titles) == {"recovery", "recovery_raw", "convergence"}
    assert {name for name, title in titles.items() if "a sample of cells" in title.replace("\n", " ")} == {
        "recovery",
        "recovery_raw",
    }


def test_best_objective_is_the_lower_of_history_and_metrics(run, drawn, monkeypatch):
    best = []

    def spy(history, **given):
        best.append(given["best"])
        return convergence_figure(history, **given)

    monkeypatch.setattr("sgns_pmi.figures.convergence.convergence_figure", spy)
    row = {"estimate": "corrected", "target": "objective", "cells": "all", "metric": "value"}
    more = pd.DataFrame([row | {"method": "sgns_expected", "value": 1.9}, row | {"method": "oracle", "value": 0.1}])
    drawn(run.frames)
    drawn(run.with_tables(metrics=pd.concat([run.data["metrics"], more])))
    assert best == [2.0, 1.9]  # the oracle has no history: its objective is another matter
