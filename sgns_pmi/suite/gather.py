"""All that is in a suite's folder, as files for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sgns_pmi import figures
from sgns_pmi.files import atomic_path
from sgns_pmi.lazily import pd
from sgns_pmi.results.overview import as_text
from sgns_pmi.results.tables import write_csv, write_text
from sgns_pmi.suite.bounds import bounds
from sgns_pmi.suite.fits import FAILED, LEFT_OUT, Fit, kept
from sgns_pmi.suite.page import page
from sgns_pmi.suite.tables import cost_rows, markdown, means, overall, ranked, result_rows, shown
from sgns_pmi.suite.tasks import Task

DIGITS = "%.6g"
"""Of results.csv: what rounding in the last places could change is not written."""


def gather(folder: Path, tasks: Sequence[Task]) -> None:
    """Write results.csv, costs.csv, table.csv, table.md, ranks.csv, figure.png and report.html, and print who is where.

    Parameters
    ----------
    folder : Path
    tasks : sequence of Task
        Those whose fits are looked for.
    """
    fits = kept(folder, tasks)
    there = {fit.task for fit in fits}
    tasks = [task for task in tasks if task.name in there]
    results = result_rows(fits, {task.name: bounds(folder, task) for task in tasks})
    costs = cost_rows(fits)
    summary, ranks = means(pd.concat([results, costs], ignore_index=True)), ranked(results)
    places, whole = overall(ranks), shown(summary, ranks)
    with atomic_path(folder / "results.csv") as beside:
        results.to_csv(beside, index=False, lineterminator="\n", float_format=DIGITS)
    write_csv(costs, folder / "costs.csv")
    write_csv(summary, folder / "table.csv")
    write_csv(ranks, folder / "ranks.csv")
    write_text("\n".join(filter(None, [markdown(places) if len(places) else "", markdown(whole)])), folder / "table.md")
    weighted = summary[summary["metric"] == "weighted_rmse"]
    chosen = ranks[ranks["metric"] == "weighted_rmse"]
    title = "P-weighted RMSE of the estimated PMI (nats), mean over seeds\nbold: none is better beyond the error bars"
    competitors = tuple(chosen["method"].unique()) or tuple(weighted["method"].unique())
    figure = figures.suite_figure(weighted, chosen[chosen["rank"] == 1], title=title, best_of=competitors)
    picture, *_ = figures.save(figure, folder / "figure")
    tables = {"Ranks, ties by error bars": places} if len(places) else {}
    write_text(page(tables, tasks, whole, notes(fits), picture), folder / "report.html")
    if len(places):
        told = {
            "tasks": "tasks",
            "first, P-weighted RMSE": "first or tied",
            "mean rank, P-weighted RMSE": "mean rank (P-weighted RMSE)",
        }
        print(as_text(places.set_index("method")[list(told)].rename(columns=told)))


def notes(fits: Sequence[Fit]) -> list[str]:
    """What a reader of the tables has to know: how to read them, and what failed or was left out and why."""
    lines = [
        "Mean ± standard error over seeds, which draw the counts anew from the same truth. Each method is fitted at the least dim"
        " at which its estimates can hold the PMI (where that is of full rank, at a dim the task names), k = 5, defaults else."
        " × Cramér–Rao is the P-weighted RMSE over the least that an unbiased estimate of the method's own model can have;"
        " held-out KL is what a pair drawn anew loses, in nats. Means leave out fits without a finite optimum, and count them."
        " Ranks are by P-weighted RMSE; methods that the 95 % interval of their difference does not part share one."
    ]
    left_out = {(fit.method, fit.note) for fit in fits if fit.status == LEFT_OUT}
    lines += [f"{method} is left out of some tasks: it {reason}." for method, reason in sorted(left_out)]
    return lines + [f"{fit.method} failed on {fit.task}, seed {fit.seed}: {fit.note}" for fit in fits if fit.status == FAILED]


__all__ = ["gather"]
