"""A sweep's end: every job's rows in one table, its figures and its report."""

from __future__ import annotations

import os
from pathlib import Path

from sgns_pmi import figures as pictures
from sgns_pmi import report
from sgns_pmi.compare.table import main_cells, main_target, select
from sgns_pmi.lazily import pd
from sgns_pmi.results.leftovers import SWEEP_FILES, clear
from sgns_pmi.results.overview import as_text
from sgns_pmi.results.replicates import seeds_table
from sgns_pmi.results.sweep import Sweep, sweep_table
from sgns_pmi.results.tables import write_csv

MOST_LINES = 100
"""Of a table that a console has room for."""


def finish_sweep(directory: Path, figures: bool = True) -> set[str]:
    """Write the tables (sweep.csv, summary.csv, differences.csv, evaluation.csv), figures and report.html, and print the tables.

    Parameters
    ----------
    directory : Path
        The sweep's directory, with a directory for each job.
    figures : bool, default True
        Whether to draw, if the sweep was not asked not to.

    Returns
    -------
    set of str
        The statuses of the jobs: "complete", "failed", "interrupted", "refused", or "missing" for those that did not begin.
    """
    sweep = Sweep(directory)
    found = len(sweep.rows)  # what is damaged is refused before anything is removed
    clear(directory, SWEEP_FILES)
    if found:
        write_csv(sweep.rows, directory / "sweep.csv")
        write_csv(sweep.summary, directory / "summary.csv")
        if len(sweep.differences):
            write_csv(sweep.differences, directory / "differences.csv")
        if len(sweep.evaluation):
            write_csv(sweep.evaluation, directory / "evaluation.csv")
        tables = sweep_tables(sweep)
        if figures and sweep.config.get("figures", True):
            pictures.draw_sweep(sweep)
        for title, table in tables.items():
            print(title, as_text(table.head(MOST_LINES)), sep="\n")
            if len(table) > MOST_LINES:
                print(f"and {len(table) - MOST_LINES:,} more lines: see summary.csv and evaluation.csv")
    incomplete = [job for job in sweep.jobs if job.status != "complete"]
    for job in incomplete[:MOST_LINES]:
        print(f"job {job.number} {job.status}: see {os.path.relpath(job.folder)}")
    if len(incomplete) > MOST_LINES:
        print(f"and {len(incomplete) - MOST_LINES:,} more: python -m sgns_pmi.sweep status {os.path.relpath(directory)}")
    page = report.report_at_end(directory, sweep) if sweep.jobs else None
    print(f"{sweep.count}: {os.path.relpath(directory)}")
    for name, place in (("figures", directory / "figures"), ("report", page)):
        if place is not None and place.exists():
            print(f"{name}: {os.path.relpath(place)}")
    return {job.status for job in sweep.jobs}


def sweep_tables(sweep: Sweep) -> dict[str, pd.DataFrame]:
    """What a console has room for, by title: over seeds where there are several, else job by job."""
    frame = sweep.rows
    tables = {}
    # Both, because a dim above the rank sends the unseen cells astray and leaves the seen ones.
    for cells in main_cells(frame):
        if cells != "unseen":
            title = f"RMSE of the corrected estimate against the {main_target(frame)} PMI, {cells} cells, {sweep.count}"
            if sweep.replicated:
                chosen = select(sweep.summary, metric="rmse", cells=cells, estimate="corrected", target=main_target(frame))
                tables[f"{title}: mean ± standard error"] = seeds_table(chosen, sweep.keys)
            else:
                tables[title] = sweep_table(sweep.averaged, sweep.keys, cells)
    if len(sweep.evaluation):
        tables[f"Answers to questions, {sweep.count}"] = sweep.answers
    return tables


__all__ = ["finish_sweep", "sweep_tables"]
