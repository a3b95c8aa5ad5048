"""What the page of a sweep says: means over seeds first, its jobs folded."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import numpy as np

from sgns_pmi.compare.table import main_cells, main_target
from sgns_pmi.figures.looks import label
from sgns_pmi.lazily import pd
from sgns_pmi.report.answer import REFERENCES, means, setting_keys, sweep_answer
from sgns_pmi.report.cells import MOST_CELLS, MOST_NUMBERS, plot_cells
from sgns_pmi.report.charts import Chart, recovery_chart, sweep_budget_chart, sweep_chart
from sgns_pmi.report.page import Page
from sgns_pmi.report.provenance import changed, configuration, facts, sweep_command
from sgns_pmi.report.tables import Column, Table, frame_table, table
from sgns_pmi.results.overview import FOOTNOTE
from sgns_pmi.results.replicates import budget_parts
from sgns_pmi.results.sweep import Job, Sweep, sweep_table, swept_keys

MOST_TOLD = 5
MOST_JOBS = 500
"""Rows of a page's table, which a browser sorts and filters at once."""
MOST_BARS = 24
"""Settings whose budgets can be told apart in one chart."""


def sweep_page(sweep: Sweep) -> Page:
    """The page of a sweep, whatever became of its jobs."""
    problems = list(dict.fromkeys(job.summary["problem"] for job in sweep.jobs if job.summary.get("problem")))
    title = problems[0] if len(problems) == 1 else f"{len(problems)} problems" if problems else sweep.folder.name
    page = Page(f"Sweep of {', '.join(sweep.keys) or 'one setting'}: {title}", sweep.status, _incomplete(sweep))
    page.answer = sweep_answer(sweep)
    page.facts = sweep_facts(sweep)
    asked = {key: value for key, value in sweep.config.items() if key != "hydra"}
    page.configuration, page.changed = configuration(asked), changed(asked) if asked else None
    if len(sweep.rows):
        for cells in main_cells(sweep.rows):
            page.tables.append(means_table(sweep, cells))
        if len(sweep.evaluation):
            answers = sweep.answers.reset_index().rename_axis(columns=None)
            more = f"The first {MOST_JOBS} of {len(answers):,} rows; evaluation.csv has all." if len(answers) > MOST_JOBS else ""
            page.tables.append(frame_table("Questions to the vectors", answers.head(MOST_JOBS), more))
        page.charts, page.cells = charts(sweep)
    page.folded.append(jobs_table(sweep))
    return page


def _incomplete(sweep: Sweep) -> str:
    """Which jobs are not complete, and why, as far as a line holds it; the table of jobs has all."""
    told = [f"job {job.number} {job.status} {job.reason}".strip() for job in sweep.jobs if job.status != "complete"]
    more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return "; ".join(told[:MOST_TOLD]) + more


def means_table(sweep: Sweep, cells: str) -> Table:
    """A row a setting, a column a method: mean RMSE over seeds ± standard error; the best method of each setting is marked."""
    rows, keys = means(sweep, cells), setting_keys(sweep)
    # Settings and methods stand in their own order.
    named = rows.assign(setting="all jobs").set_index([*(keys or ["setting"]), "method"])
    wide = named[["mean", "se", "without_optimum"]].unstack("method", sort=False)
    lost, settings = int(rows["without_optimum"].sum()), len(wide)
    wide = wide.head(MOST_JOBS)
    found = wide["mean"]
    compete = found.drop(columns=[*REFERENCES], errors="ignore").where(wide["without_optimum"] == 0)
    compete = compete[np.isfinite(compete).sum(axis="columns") > 1]
    best = compete.idxmin(axis="columns").reindex(found.index) if len(compete) else pd.Series(None, index=found.index)
    columns = [Column(str(key), found.index.get_level_values(level).tolist()) for level, key in enumerate(found.index.names)]
    for method in found.columns:
        columns.append(
            Column(
                label(method),
                found[method].tolist(),
                errors=wide["se"][method].tolist(),
                best=set(np.flatnonzero((best == method).to_numpy())),
            )
        )
    notes = [
        f"Means of {rows['n'].max()} seeds ± standard error." if sweep.replicated else "",
        f"{lost} fits without an optimum are left out of the means." if lost else "",
        f"The first {MOST_JOBS} of {settings:,} settings; summary.csv has all." if settings > MOST_JOBS else "",
        "The best method of each setting is marked; references and methods that lack an optimum there do not compete.",
    ]
    return table(f"RMSE against the {main_target(sweep.rows)} PMI, {cells} cells", columns, " ".join(filter(None, notes)))


def jobs_table(sweep: Sweep) -> Table:
    """A row a job: its values of the swept keys, where it lies, what became of it, and its RMSE by each method.

    Where there are too many, those come first that are not complete.
    """
    jobs = sorted(sweep.jobs, key=lambda job: job.status == "complete") if len(sweep.jobs) > MOST_JOBS else sweep.jobs
    jobs = sorted(jobs[:MOST_JOBS], key=lambda job: job.number)
    names = [job.folder.relative_to(sweep.folder).as_posix() for job in jobs]
    links = {
        row: f"{quote(name)}/{'report.html' if (jobs[row].folder / 'report.html').is_file() else ''}"
        for row, name in enumerate(names)
    }
    keys = swept_keys(sweep.jobs)
    columns = [
        Column("job", [job.number for job in jobs], links=links),
        *(Column(key, [job.asked.get(key) for job in jobs]) for key in keys),
        Column("folder", names, links=links),
        Column("status", [job.status for job in jobs]),
        Column("seconds", [float(sum(step["seconds"] for step in job.summary.get("steps", []))) for job in jobs]),
    ]
    note = ""
    if len(sweep.rows):
        cells = main_cells(sweep.rows)[0]
        found = sweep_table(sweep.rows, [], cells).reindex([job.number for job in jobs])
        rows = {job.number: row for row, job in enumerate(jobs)}
        lost = sweep.averaged.loc[~sweep.averaged["optimum"], ["job", "method"]].drop_duplicates()
        for method in sweep.rows["method"].unique():
            own = {rows[number] for number in lost.loc[lost["method"] == method, "job"]}
            note = f"{FOOTNOTE}." if own else note
            values = found.get(method, np.full(len(jobs), np.nan)).tolist()
            columns.append(Column(f"{label(method)}, {cells} cells", values, doubtful=own))
    columns.append(Column("why", [job.reason for job in jobs]))
    if len(sweep.jobs) > len(jobs):
        note = f"The first {MOST_JOBS}, those that are not complete before others; sweep.csv has all. {note}"
    return table(f"{len(sweep.jobs):,} jobs", columns, note)


def charts(sweep: Sweep) -> tuple[list[Chart], dict[str, object] | None]:
    """The charts of a sweep, and the cells that its recovery plot shows: of one job a setting."""
    keys = setting_keys(sweep)
    drawn = [
        chart
        for cells in main_cells(sweep.rows)
        if cells != "unseen"
        if (chart := sweep_chart(means(sweep, cells), keys, cells, main_target(sweep.rows))) is not None
    ]
    parts = budget_parts(sweep.budget, keys) if keys and len(sweep.budget) else pd.DataFrame()
    if len(parts) and len(parts[keys].drop_duplicates()) <= MOST_BARS:
        drawn.append(sweep_budget_chart(parts, keys))
    jobs = list(_one_a_setting(sweep))
    methods = list(sweep.rows["method"].unique())
    most = min(MOST_CELLS, MOST_NUMBERS // (max(1, len(jobs)) * (len(methods) + 4)))
    cells = [(job, own) for job in jobs if (own := plot_cells(job, most)) is not None]
    if not cells:
        return drawn, None
    shown = cells[0][0].shown
    assert shown is not None
    note = f"At most {most:,} cells of each job. Grey: unseen cells."
    drawn.append(recovery_chart(methods, shown.target_name, [own for _, own in cells], note))
    asked = [{key: job.asked.get(key) for key in setting_keys(sweep)} for job, _ in cells]
    return drawn, {"settings": asked, "jobs": [own for _, own in cells]}


def _one_a_setting(sweep: Sweep) -> Iterator[Job]:
    """The first job with a result of each combination of the swept keys other than the seed."""
    known = set()
    for job in sweep.jobs:
        setting = tuple(repr(job.asked.get(key)) for key in setting_keys(sweep))
        if setting not in known and job.shown is not None:
            known.add(setting)
            yield job


def sweep_facts(sweep: Sweep) -> list[tuple[str, str]]:
    """What its jobs say together of how they came about."""
    summaries = [job.summary for job in sweep.jobs if job.summary]
    if not summaries:
        return facts({}, sweep_command(sweep), sweep.folder)
    first = dict(summaries[0])
    first["start"] = min((own["start"] for own in summaries if own.get("start")), default=None)
    first["updated"] = max((own["updated"] for own in summaries if own.get("updated")), default=None)
    for name in ("host", "commit"):
        first[name] = ", ".join(dict.fromkeys(str(own[name]) for own in summaries if own.get(name)))
    first["seeds"] = {
        "of methods": ", ".join(dict.fromkeys(str(own["seeds"]["methods"]) for own in summaries if own.get("seeds")))
    }
    first["steps"] = [step for own in summaries for step in own.get("steps", [])]
    return facts(first, sweep_command(sweep), sweep.folder)


__all__ = ["jobs_table", "means_table", "sweep_page"]
