"""Figures of runs and sweeps that have ended, from what they keep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sgns_pmi.compare.words.evaluation import answers_from
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import METHODS
from sgns_pmi.figures.budget import sweep_budget_figures
from sgns_pmi.figures.grid import grid_figures
from sgns_pmi.figures.paper import Look, drawn_as
from sgns_pmi.figures.questions import question_figures
from sgns_pmi.figures.registry import RunFrames
from sgns_pmi.figures.run import run_figures
from sgns_pmi.figures.sweep import sweep_figures
from sgns_pmi.figures.title import RunTitle, settings
from sgns_pmi.results.run import Run
from sgns_pmi.results.sweep import Job, Sweep


def draw_run(run: Run, **looks: Any) -> list[Path]:
    """Write the figures of a run into its folder, as the run itself does.

    `looks` are keys under ``figure.`` (`Look`), in place of the run's own.

    Raises
    ------
    InputError
        For a run that has not come so far as to have anything to show.
    """
    if run.shown is None:
        raise InputError("run", run.folder, f"is {run.status}, and has nothing to show; run it again")
    config, folder = run.config, run.folder / "figures"
    title = RunTitle(
        run.summary["problem"], config["k"], config["dim"], noise_name(config), config["exponent"], run.summary["pmi_rank"]
    )
    losses = {name: METHODS[name].loss for name in run.shown.corrected if name in METHODS and METHODS[name].loss}
    frames = RunFrames(title, run.shown, losses, run.tables)
    answers = answers_from({"evaluation": run.evaluation, "neighbours": run.neighbours, "maps": run.maps})
    with drawn_as(Look.of(config.get("figure", {}) | looks)):
        written = run_figures(folder, frames, svg=config["svg"])
        return written + question_figures(folder, title, answers=answers, svg=config["svg"])


def draw_sweep(sweep: Sweep, **looks: Any) -> list[Path]:
    """Write the figures of a sweep into its folder; their titles say how many of its jobs they show. `looks`: see `draw_run`."""
    svg, folder = sweep.config.get("svg", False), sweep.folder / "figures"
    asked = Look.of(sweep.config.get("figure", {}) | looks)
    title = ", ".join(filter(None, [shared_title(sweep.jobs) if asked.parameters else "", sweep.count]))
    rows = sweep.averaged
    # A mean over seeds has no place for a fit that runs off to infinity.
    own = (rows[rows["optimum"]] if sweep.replicated else rows).drop(columns="optimum")
    with drawn_as(asked):
        written = sweep_figures(own, folder, title=title, svg=svg) + grid_figures(sweep, folder, title=title, svg=svg)
        return written + sweep_budget_figures(sweep.budget, sweep.keys, folder, title=title, svg=svg)


def shared_title(jobs: Sequence[Job]) -> str:
    """What is the same in all jobs that have a result: the problem; then k, dim, rank and noise."""
    told: list[dict[str, Any]] = []
    for job in jobs:
        if len(job.metrics):
            found = {"problem": job.summary.get("problem"), "pmi_rank": job.summary.get("pmi_rank")}
            told.append(found | {"noise": noise_name(job.config)} | {key: job.config[key] for key in ("k", "dim", "exponent")})
    shared = {key: value for key, value in told[0].items() if all(own[key] == value for own in told)} if told else {}
    return "\n".join(filter(None, [shared.pop("problem", ""), settings(**shared)]))


def noise_name(config: dict[str, Any]) -> str:
    """The noise's name, for titles."""
    return "file" if config.get("noise_file") is not None else str(config["noise"])


__all__ = ["draw_run", "draw_sweep", "noise_name", "shared_title"]
