"""A sweep's end: every job's rows in one table, its figures and its report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from sgns_pmi.compare.table import main_cells, main_target
from sgns_pmi.figures import grid_figures, settings, sweep_figures
from sgns_pmi.results.overview import as_text
from sgns_pmi.results.sweep import Job, Sweep, questions_table, report, sweep_table
from sgns_pmi.results.tables import write_csv, write_text


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
    sweep = Sweep(directory)
    jobs, frame = sweep.jobs, sweep.rows
    if len(frame):
        write_csv(frame, directory / "sweep.csv")
        svg = OmegaConf.load(directory / "multirun.yaml").svg
        title = shared_title(jobs)
        figures = sweep_figures(frame, directory / "figures", title=title, svg=svg)
        figures += grid_figures(sweep, directory / "figures", title=title, svg=svg)
        # Both, because a dim above the rank sends the unseen cells astray and leaves the seen ones.
        tables = {
            f"RMSE of the corrected estimate against the {main_target(frame)} PMI, {cells} cells": sweep_table(
                frame, sweep.keys, cells
            )
            for cells in main_cells(frame)
            if cells != "unseen"
        }
        # One of an earlier sweep does not stay in its place.
        (directory / "evaluation.csv").unlink(missing_ok=True)
        if len(sweep.evaluation):
            write_csv(sweep.evaluation, directory / "evaluation.csv")
            tables["Answers to questions"] = questions_table(sweep.evaluation, sweep.keys)
        write_text(report(tables, jobs, [figure for figure in figures if figure.suffix == ".png"]), directory / "report.html")
        for title, table in tables.items():
            print(title, as_text(table), sep="\n")
    for job in jobs:
        if job.status != "complete":
            print(f"job {job.number} {job.status}: see {os.path.relpath(job.folder)}")
    print(f"{len(jobs)} jobs: {os.path.relpath(directory)}")
    return {job.status for job in jobs}


def shared_title(jobs: Sequence[Job]) -> str:
    """What is the same in all jobs that have a result: the problem; then k, dim, rank and noise."""
    told: list[dict[str, Any]] = []
    for job in jobs:
        if job.summary:
            noise = "file" if job.config.get("noise_file") is not None else job.config["noise"]
            found = {"problem": job.summary.get("problem"), "pmi_rank": job.summary.get("pmi_rank"), "noise": noise}
            told.append(found | {key: job.config[key] for key in ("k", "dim", "exponent")})
    shared = {key: value for key, value in told[0].items() if all(own[key] == value for own in told)} if told else {}
    return "\n".join(filter(None, [shared.pop("problem", ""), settings(**shared)]))


__all__ = ["SweepStart", "finish_sweep"]
