"""From fits to tables: a row for each number, means over seeds, and ranks that know error bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy

from sgns_pmi.factorise import METHODS
from sgns_pmi.lazily import pd
from sgns_pmi.results.replicates import LEVEL, over_seeds
from sgns_pmi.results.sweep import NO_OPTIMUM
from sgns_pmi.suite.contenders import Model
from sgns_pmi.suite.fits import FAILED, LEFT_OUT, Fit

METRICS = ("rmse", "rmse_seen", "weighted_rmse", "bound_quotient", "kl")
COSTS = ("seconds", "memory_mb")
RANKED = ("rmse", "weighted_rmse", "kl")
HEADINGS = {
    "rmse": "RMSE",
    "rmse_seen": "RMSE, seen cells",
    "weighted_rmse": "P-weighted RMSE",
    "bound_quotient": "× Cramér–Rao",
    "kl": "held-out KL",
    "seconds": "processor seconds",
    "memory_mb": "memory (MB)",
}
"""What a reader calls each metric."""
ROUNDING = 1e-9
"""A standard error so small, relative to the mean, is none."""


def result_rows(fits: Sequence[Fit], bounds: Mapping[str, Mapping[Model, float]]) -> pd.DataFrame:
    """The frame of results.csv: task, method, seed, metric, value, status; of a fit that failed, values are missing.

    `bound_quotient` is weighted_rmse over the Cramér–Rao bound of the method's own model, where there is one.
    """
    rows = []
    for fit in fits:
        if fit.status == LEFT_OUT:
            continue
        values = dict(fit.metrics)
        bound = bounds.get(fit.task, {}).get(fit.model) if fit.model else None
        if values and bound:
            values["bound_quotient"] = values["weighted_rmse"] / bound
        wanted = METRICS if bound else [metric for metric in METRICS if metric != "bound_quotient"]
        rows += [(fit.task, fit.method, fit.seed, metric, values.get(metric, np.nan), fit.status) for metric in wanted]
    return pd.DataFrame(rows, columns=["task", "method", "seed", "metric", "value", "status"])


def cost_rows(fits: Sequence[Fit]) -> pd.DataFrame:
    """The frame of costs.csv, which no two runs share: task, method, seed, metric (seconds, memory_mb), value, status."""
    made = [fit for fit in fits if fit.status not in (FAILED, LEFT_OUT)]
    rows = [(fit.task, fit.method, fit.seed, cost, getattr(fit, cost), fit.status) for fit in made for cost in COSTS]
    return pd.DataFrame(rows, columns=["task", "method", "seed", "metric", "value", "status"])


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """Over seeds: task, method, metric; mean, se, lower, upper, n; without_optimum, the seeds that are left out of the mean.

    A fit without a finite optimum has no value to average: where its solver stopped decides it.
    """
    return over_seeds(rows.assign(optimum=rows["status"] != NO_OPTIMUM), ["seed"], ["task", "method", "metric"])


def ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """Ranks of the competitors in each task: columns task, method, metric, rank.

    A method's rank is 1 + the number of others that are better beyond doubt: in the seeds that both have, whose counts are the
    same, the 95 % interval (Student's t) of the mean difference lies above 0. So methods that error bars do not part share
    a rank. What is told the truth has none, nor has anything where there is one seed.
    """
    found = [pd.DataFrame(columns=["task", "method", "metric", "rank"])]
    told = {name for name, method in METHODS.items() if method.needs == "truth"}
    chosen = rows[rows["metric"].isin(RANKED) & (rows["status"] != NO_OPTIMUM) & ~rows["method"].isin(told)]
    for (task, metric), own in chosen.groupby(["task", "metric"], sort=False):
        values = own.pivot(index="seed", columns="method", values="value").dropna(axis="columns", how="all")
        if len(values) > 1:
            ranks = {method: 1 + sum(better(values[other], values[method]) for other in values) for method in values}
            found.append(pd.DataFrame({"task": task, "method": list(ranks), "metric": metric, "rank": list(ranks.values())}))
    return pd.concat([frame for frame in found if len(frame)] or found, ignore_index=True)


def better(first: pd.Series, second: pd.Series) -> bool:
    """Whether the first's values are below the second's beyond doubt, seed by seed."""
    both = first.notna() & second.notna()
    a, b = first[both].to_numpy(), second[both].to_numpy()
    if len(a) < 2 or not np.isfinite(a).all():
        return False
    if not np.isfinite(b).all():  # then its mean is ∞
        return True
    difference = b - a
    half = scipy.stats.t.ppf((1 + LEVEL) / 2, len(a) - 1) * difference.std(ddof=1) / np.sqrt(len(a))
    return bool(difference.mean() > half)


def overall(ranks: pd.DataFrame) -> pd.DataFrame:
    """Over all tasks, a row a method, the best first: its tasks, in how many it is first or tied, its mean rank, by metric."""
    if not len(ranks):
        return pd.DataFrame()
    by = ranks.groupby(["method", "metric"], sort=False)["rank"]
    table = pd.DataFrame({"tasks": by.size(), "first": by.agg(lambda own: int((own == 1).sum())), "mean rank": by.mean()})
    wide = pd.DataFrame(table.unstack("metric"))
    columns = [("tasks", RANKED[0]), *((kind, metric) for metric in RANKED for kind in ("first", "mean rank"))]
    wide = wide[columns].sort_values(("mean rank", "weighted_rmse"), kind="stable")
    wide.columns = ["tasks" if kind == "tasks" else f"{kind}, {HEADINGS[metric]}" for kind, metric in columns]
    return wide.reset_index()


def shown(summary: pd.DataFrame, ranks: pd.DataFrame) -> pd.DataFrame:
    """What a person reads, a row for each task and method: mean ± standard error of each metric, and ranks."""
    texts = summary.assign(text=[text(*row) for row in summary[["mean", "se", "n", "without_optimum"]].itertuples(index=False)])
    wide = texts.pivot(index=["task", "method"], columns="metric", values="text")
    order = pd.MultiIndex.from_frame(summary[["task", "method"]].drop_duplicates())
    wide = wide.reindex(index=order, columns=[*METRICS, *COSTS])
    wide.insert(0, "rank", ranks[ranks["metric"] == "weighted_rmse"].set_index(["task", "method"])["rank"])
    wide["rank"] = wide["rank"].map(lambda rank: "" if pd.isna(rank) else f"{rank:.0f}")
    return wide.astype(object).where(wide.notna(), "").rename(columns=HEADINGS).reset_index()


def text(mean: float, se: float, n: int, without: int) -> str:
    """``0.137 ± 0.004``; with the number of seeds that had no optimum, where there were any."""
    lost = f" ({without} without optimum)" if without else ""
    if n == 0:
        return lost.strip(" ") or "failed"
    if np.isinf(mean):
        return f"∞{lost}"
    return f"{mean:.3g}{f' ± {se if se > ROUNDING * abs(mean) else 0:.1g}' if np.isfinite(se) else ''}{lost}"


def markdown(frame: pd.DataFrame) -> str:
    """A frame as a table of Markdown, numbers to three digits."""

    def cell(value: object) -> str:
        return (f"{value:.3g}" if isinstance(value, float) else str(value)).replace("|", "\\|")

    lines = [list(frame.columns), ["---"] * len(frame.columns), *frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)


__all__ = [
    "COSTS",
    "HEADINGS",
    "METRICS",
    "RANKED",
    "cost_rows",
    "markdown",
    "means",
    "overall",
    "ranked",
    "result_rows",
    "shown",
]
