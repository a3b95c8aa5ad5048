"""What the page of one run says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sgns_pmi.compare.table import main_cells, main_target, select
from sgns_pmi.compare.words.evaluation import answers_from
from sgns_pmi.factorise import METHODS
from sgns_pmi.figures.looks import label
from sgns_pmi.lazily import pd
from sgns_pmi.report.answer import REFERENCES, recovered, run_answer, statuses
from sgns_pmi.report.cells import plot_cells
from sgns_pmi.report.charts import (
    MOST_MATRIX,
    Chart,
    budget_chart,
    convergence_chart,
    losses_chart,
    map_charts,
    recovery_chart,
    spectrum_chart,
)
from sgns_pmi.report.page import Page
from sgns_pmi.report.provenance import changed, configuration, facts, run_command, steps_table
from sgns_pmi.report.tables import DIGITS, Column, Table, frame_table, table
from sgns_pmi.results.overview import headlines_table
from sgns_pmi.results.run import Run
from sgns_pmi.results.sweep import NO_OPTIMUM
from sgns_pmi.results.tables import read_yaml


def run_page(run: Run) -> Page:
    """The page of a run, of any status."""
    summary = run.summary
    page = Page(summary.get("problem") or run.folder.name, run.status, run.reason)
    page.facts = facts(summary, run_command(run), run.folder)
    asked = _asked(run)
    page.configuration, page.changed = configuration(asked), changed(asked) if asked else None
    if len(run.metrics):
        page.answer = run_answer(run)
        page.tables.append(methods_table(run))
    cells = plot_cells(run)
    if cells is not None:
        page.cells = {"settings": [], "jobs": [cells]}
    page.charts = list(charts(run, cells))
    if (answers := answers_table(run)) is not None:
        page.tables.append(answers)
    page.folded = [own for own in (_neighbours(run), _answers(run), steps_table(run), _all_metrics(run)) if own is not None]
    return page


def methods_table(run: Run) -> Table:
    """A row a method: how well it recovers the target, its objective, how its fit ended, its seconds."""
    metrics, ended = run.metrics, statuses(run)
    methods = [str(method) for method in metrics["method"].unique()]
    compete = [row for row, name in enumerate(methods) if name not in REFERENCES and ended.get(name) != NO_OPTIMUM]
    columns = [Column("method", [label(name) for name in methods])]
    first = main_cells(metrics)[0]
    for metric, cells, name in [
        *(("rmse", cells, f"RMSE, {cells} cells") for cells in main_cells(metrics)),
        ("weighted_rmse", first, "RMSE, weighted by P"),
        ("bias", first, f"bias, {first} cells"),
        ("pearson", first, f"correlation, {first} cells"),
    ]:
        values = recovered(metrics, metric, cells).reindex(methods)
        sizes = -values if metric == "pearson" else values.abs()
        columns.append(Column(name, values.tolist(), best=_least(sizes.tolist(), compete)))
    objective = select(metrics, target="objective")
    for metric, name, scale in (
        ("value", "objective ℓ", 1.0),
        ("deviation_percent", "above ℓ* (%)", 1.0),
        ("gap", "above exact solver (%)", 100.0),
    ):
        found = select(objective, metric=metric).set_index("method")["value"].reindex(methods)
        columns.append(Column(name, (scale * found).tolist(), digits=5 if metric == "value" else DIGITS))
    seconds = run.steps["seconds"][~run.steps.index.duplicated()].reindex(methods)
    columns += [Column("seconds", seconds.tolist()), Column("fit", [ended.get(name, "") for name in methods])]
    note = "The best of a column is marked; references (oracle, empirical PMI) and fits without an optimum do not compete."
    return table(f"Methods, against the {main_target(metrics)} PMI", columns, note)


def _least(sizes: list[float], rows: list[int]) -> set[int]:
    own = [row for row in rows if sizes[row] == sizes[row]]
    return {min(own, key=lambda row: sizes[row])} if len(own) > 1 else set()


def charts(run: Run, cells: Mapping[str, Any] | None) -> Iterator[Chart]:
    """The charts that a run has data for."""
    shown = run.shown
    if shown is not None and cells is not None and len(shown.corrected):
        yield recovery_chart(list(shown.corrected), shown.target_name, [cells], _cells_note(shown.note, cells))
    if len(run.budget):
        yield budget_chart(run.budget)
    history = run.history
    losses = {name: METHODS[name].loss for name in history["method"].unique() if name in METHODS and METHODS[name].loss}
    own = history["method"].isin(losses)
    if len(history[~own]):
        reached = select(run.metrics, target="objective", metric="value", method=history[~own]["method"].unique())
        yield convergence_chart(history[~own], float(pd.concat([history[~own]["objective"], reached["value"]]).min()))
    if own.any():
        yield losses_chart(history[own], losses)
    if shown is not None and shown.target.ndim == 2 and shown.target.size <= MOST_MATRIX:
        yield spectrum_chart(shown, run.config.get("dim"), run.summary.get("pmi_rank"))
    yield from map_charts(run.maps)


def _cells_note(note: str, cells: Mapping[str, Any]) -> str:
    kept, total = len(cells["target"]), cells["total"]
    parts = [f"{note[0].upper()}{note[1:]}." if note else "", f"{kept:,} of {total:,} cells." if kept < total else ""]
    return " ".join([*filter(None, parts), "" if all(cells["count"]) else "Grey: unseen cells."]).strip()


def answers_table(run: Run) -> Table | None:
    """The headlines of questions: a row a set, a column a method, the best of each row marked."""
    found = headlines_table(answers_from({"evaluation": run.evaluation}))
    if found is None:
        return None
    methods = list(found.columns[2:])
    best = found[methods].idxmax(axis="columns") if len(methods) > 1 else pd.Series(None, index=found.index)
    columns = [Column("set", found.index.tolist()), *(Column(name, found[name].tolist()) for name in ("metric", "known"))]
    for method in methods:
        columns.append(Column(label(method), found[method].tolist(), best=set(np.flatnonzero((best == method).to_numpy()))))
    return table("Questions to the vectors", columns, "known: of how many questions the words have vectors.")


def _answers(run: Run) -> Table | None:
    return frame_table("All answers", run.evaluation) if len(run.evaluation) else None


def _neighbours(run: Run) -> Table | None:
    rows = run.neighbours
    if not len(rows):
        return None
    return frame_table("Neighbours", rows.assign(method=rows["method"].map(label)))


def _all_metrics(run: Run) -> Table | None:
    return frame_table("All metrics", run.metrics) if len(run.metrics) else None


def _asked(run: Run) -> dict[str, Any]:
    """The configuration as it was composed, not resolved."""
    return read_yaml(run.folder / ".hydra" / "config.yaml")


__all__ = ["methods_table", "run_page"]
