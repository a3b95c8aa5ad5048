"""A sweep's end: every job's rows in one table, its figures and its report."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from hydra.experimental.callback import Callback
from omegaconf import Container, DictConfig, OmegaConf

from sgns_pmi.compare.words.files import read_scores
from sgns_pmi.config import Config
from sgns_pmi.figures import GridPanel, grid_figure, save, settings, sweep_figures
from sgns_pmi.pmi import noise_offset
from sgns_pmi.problems import Problem
from sgns_pmi.results.overview import Shown, as_text, main_cells, main_target
from sgns_pmi.results.record import write_csv, write_text
from sgns_pmi.results.sweep import JobResult, gather, questions_table, report, sweep_table, swept_keys

SGNS_METHODS = ("sgns_expected", "sgns_sampled")
MOST_PANELS = 25


class SweepStart(Callback):
    """Hydra's callback that notes where the sweep's files go, so that they can be gathered however the sweep ends.

    Hydra's own callback at the end of a sweep is not called after Ctrl-C, and turns errors into warnings.
    """

    directory: ClassVar[Path | None] = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Note the sweep's directory."""
        SweepStart.directory = Path(str(config.hydra.sweep.dir)).absolute()


def finish_sweep(directory: Path) -> set[str]:
    """Write sweep.csv, evaluation.csv, the figures and report.html of the jobs that came to an end, and print the tables.

    Parameters
    ----------
    directory : Path
        The sweep's directory, with a directory for each job.

    Returns
    -------
    set of str
        The statuses that jobs ended with: "complete", "failed", "interrupted", or "without result" where the input was
        refused or the job was killed.
    """
    jobs = read_jobs(directory)
    frame = gather(jobs)
    if len(frame):
        write_csv(frame, directory / "sweep.csv")
        svg = OmegaConf.load(directory / "multirun.yaml").svg
        title = shared_title(jobs)
        figures = sweep_figures(frame, directory / "figures", title=title, svg=svg)
        figures += draw_grids(frame, jobs, title, directory / "figures", svg)
        # Both, because a dim above the rank sends the unseen cells astray and leaves the seen ones.
        keys = swept_keys(jobs)
        tables = {
            f"RMSE of the corrected estimate against the {main_target(frame)} PMI, {cells} cells": sweep_table(frame, keys, cells)
            for cells in main_cells(frame)
            if cells != "unseen"
        }
        evaluation = gather(jobs, "evaluation")
        # One of an earlier sweep does not stay in its place.
        (directory / "evaluation.csv").unlink(missing_ok=True)
        if len(evaluation):
            write_csv(evaluation, directory / "evaluation.csv")
            tables["Answers to questions"] = questions_table(evaluation, keys)
        write_text(report(tables, jobs, [figure for figure in figures if figure.suffix == ".png"]), directory / "report.html")
        for title, table in tables.items():
            print(title, as_text(table), sep="\n")
    for job in jobs:
        if job.status != "complete":
            print(f"job {job.number} {job.status}: see {os.path.relpath(job.directory)}")
    print(f"{len(jobs)} jobs: {os.path.relpath(directory)}")
    return {job.status for job in jobs}


def draw_grids(frame: pd.DataFrame, jobs: Sequence[JobResult], title: str, folder: Path, svg: bool) -> list[Path]:
    """Recovery panels of each SGNS method over two swept numbers, such as k x dim; nothing for other sweeps."""
    keys = swept_keys(jobs)
    done = [job for job in jobs if job.metrics is not None]
    numeric = all(isinstance(job.asked.get(key), int | float) for job in done for key in keys)
    if len(keys) != 2 or not numeric or len(done) > MOST_PANELS:
        return []
    target = main_target(frame)
    chosen = frame[(frame["estimate"] == "corrected") & (frame["target"] == target) & (frame["cells"] == "all")]
    rmse = chosen[chosen["metric"] == "rmse"].set_index(["method", "job"])["value"]
    problems: dict[str, Problem] = {}
    panels: dict[str, list[GridPanel]] = {}
    for job in done:
        config = read_config(job)
        drawn_from = repr((config.data, config.seeds["data"]))
        problem = problems[drawn_from] = problems.get(drawn_from) or config.problem()
        shown = Shown.of(problem)
        shift = np.log(config.k) + noise_offset(problem.counts, config.noise_for(problem))
        if shown.cols is not None:
            shift = shift[shown.cols]
        for method in SGNS_METHODS:
            file = job.directory / "vectors" / f"{method}.npz"
            if file.is_file():
                panel = GridPanel(
                    row=float(job.asked[keys[0]]),
                    column=float(job.asked[keys[1]]),
                    estimate=read_scores(file, shown.rows, shown.cols) + shift,
                    target=shown.target,
                    counts=shown.counts,
                    rmse=float(rmse[method, job.number]),
                )
                panels.setdefault(method, []).append(panel)
    written = []
    for method, drawn in panels.items():
        figure = grid_figure(
            drawn, method=method, row_key=keys[0], column_key=keys[1], target_name=target, title=title or "recovery of PMI"
        )
        written += save(figure, folder / f"grid_{method}", svg)
    return written


def read_config(job: JobResult) -> Config:
    """The configuration that a job had, from what Hydra wrote when it began."""
    tree: Any = OmegaConf.to_container(OmegaConf.load(job.directory / ".hydra" / "config.yaml"), resolve=True)
    return Config.from_tree(tree)


def read_jobs(directory: Path) -> list[JobResult]:
    """The jobs of a sweep, in order, from what Hydra wrote of each when it began."""
    jobs = []
    for file in directory.rglob(".hydra/overrides.yaml"):
        folder = file.parent
        hydra = OmegaConf.load(folder / "hydra.yaml").hydra
        config = OmegaConf.load(folder / "config.yaml")
        asked = [str(override).lstrip("+").partition("=") for override in OmegaConf.load(file)]
        values = {key: typed(key, text, config, hydra.runtime.choices) for key, _, text in asked}
        jobs.append(JobResult(int(hydra.job.num), folder.parent, values))
    return sorted(jobs, key=lambda job: job.number)


def typed(key: str, text: str, config: Container, groups: Container) -> Any:
    """The value of a key as the job had it; for a choice of a group, such as data or experiment, its name."""
    value = None if key in groups else OmegaConf.select(config, key)
    if value is None or OmegaConf.is_dict(value):
        return text
    return list(value) if OmegaConf.is_list(value) else value


def shared_title(jobs: Sequence[JobResult]) -> str:
    """What is the same in all jobs that have a result: the problem; then k, dim, rank and noise."""
    told = []
    for job in jobs:
        if job.status != "without result":
            config, summary = read_config(job), json.loads((job.directory / "summary.json").read_text(encoding="utf-8"))
            facts = {"problem": summary.get("problem"), "pmi_rank": summary.get("pmi_rank"), "noise": config.noise_name}
            told.append(facts | {key: getattr(config, key) for key in ("k", "dim", "exponent")})
    shared = {key: value for key, value in told[0].items() if all(facts[key] == value for facts in told)} if told else {}
    return "\n".join(filter(None, [shared.pop("problem", ""), settings(**shared)]))


__all__ = ["SweepStart", "finish_sweep", "read_jobs"]
