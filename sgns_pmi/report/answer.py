"""The answer of a run or a sweep, in sentences made from its numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sgns_pmi.compare.table import main_cells, main_target, select
from sgns_pmi.figures.looks import label
from sgns_pmi.lazily import pd
from sgns_pmi.results.replicates import other_keys
from sgns_pmi.results.run import Run
from sgns_pmi.results.sweep import NO_OPTIMUM, Sweep

REFERENCES = ("oracle", "empirical")
"""Methods that others are held against: one is told the truth, the other factorises nothing."""
BUDGET_NAMES = {
    "noise_offset": "the noise distribution's offset",
    "rank": "rank and weighting",
    "sampling": "sampling noise",
    "shrinkage": "the penalty",
}
LEAST_SHARE = 0.005
"""Of the squared error: less is not told."""
OBJECTIVE_TOLERANCE = 1e-6
"""Relative gaps below this are told as none."""
MOST_LISTED = 6
"""Values of a key that a sentence lists."""


def run_answer(run: Run) -> list[str]:
    """What a run found, a sentence a thing; what it has no numbers for is left out."""
    parts = (_best, _limit, _budget, _objective, _without_optimum, _left_out, _questions)
    return [sentence for part in parts for sentence in part(run)]


def statuses(run: Run) -> dict[str, str]:
    """How each method's fit ended, where it says so."""
    return {name: str(facts["status"]) for name, facts in run.summary.get("methods", {}).items() if "status" in facts}


def ranking(run: Run) -> pd.Series:
    """RMSE of each method's corrected estimate against the main target over the main cells, the least first.

    Without references, and without fits that have no optimum: theirs depends on where the search stopped.
    """
    values = recovered(run.metrics, "rmse", main_cells(run.metrics)[0])
    without = {method for method, status in statuses(run).items() if status == NO_OPTIMUM}
    return values.drop([*REFERENCES, *without], errors="ignore").dropna().sort_values(kind="stable")


def recovered(metrics: pd.DataFrame, metric: str, cells: str) -> pd.Series:
    """One metric of each method's corrected estimate against the main target."""
    rows = select(metrics, estimate="corrected", target=main_target(metrics), metric=metric, cells=cells)
    return pd.Series(rows["value"].to_numpy(dtype=float), index=rows["method"].to_numpy())


def _best(run: Run) -> Iterator[str]:
    order = ranking(run)
    if not len(order):
        return
    metrics = run.metrics
    cells = main_cells(metrics)
    parts = {own: recovered(metrics, "rmse", own).get(order.index[0], math.nan) for own in cells[1:]}
    told = ", ".join(f"{value:.3g} over {own} ones" for own, value in parts.items() if math.isfinite(value))
    yield (
        f"{label(order.index[0])} comes closest to the {main_target(metrics)} PMI: its RMSE is {order.iloc[0]:.3g} nats over "
        f"{cells[0]} cells{f' ({told})' if told else ''}."
    )
    if len(order) > 1:
        yield f"Next {'is' if len(order) == 2 else 'are'} {_listed(order.iloc[1:])}."


def _limit(run: Run) -> Iterator[str]:
    oracle = recovered(run.metrics, "rmse", main_cells(run.metrics)[0]).get("oracle", math.nan)
    if math.isfinite(oracle):
        rank, dim = run.summary.get("pmi_rank"), run.config.get("dim")
        if oracle < OBJECTIVE_TOLERANCE:
            yield f"A product of dim {dim} can hold the true PMI, whose rank is {rank}: what is left is noise and search."
        else:
            yield f"The best product of dim {dim}, told the truth, is {oracle:.3g} off: the true PMI has rank {rank}."


def _budget(run: Run) -> Iterator[str]:
    order, budget = ranking(run), run.budget
    if not len(order) or not len(budget):
        return
    own = budget[(budget["method"] == order.index[0]) & (budget["cells"] == "all") & (budget["metric"] == "share")]
    shares = own[own["term"] != "total"].sort_values("value", ascending=False)
    told = [
        f"{100 * value:.0f} % is {BUDGET_NAMES.get(term, term)}"
        for term, value in zip(shares["term"], shares["value"], strict=True)
        if abs(value) >= LEAST_SHARE
    ]
    if told:
        yield f"Of the squared error of {label(order.index[0])}, {_joined(told)}."


def _objective(run: Run) -> Iterator[str]:
    gaps = select(run.metrics, target="objective", metric="gap").set_index("method")["value"]
    trained = [name for name in gaps.index if name.startswith("sgns") and name != "sgns_expected"]
    for method in trained:
        gap = float(gaps[method])
        if gap > OBJECTIVE_TOLERANCE:
            yield f"The objective of {label(method)} ends {100 * gap:.2g} % above that of the exact solver."


def _without_optimum(run: Run) -> Iterator[str]:
    without = [label(method) for method, status in statuses(run).items() if status == NO_OPTIMUM]
    if without:
        verb = "has" if len(without) == 1 else "have"
        yield (
            f"{_joined(without)} {verb} no finite optimum: the objective falls for ever while unseen cells go to −∞, so that "
            "figures depend on where the search stopped."
        )
    short = [label(method) for method, status in statuses(run).items() if status in ("step limit", "diverged", "interrupted")]
    if short:
        yield f"{_joined(short)} stopped before an optimum, at the last step that was allowed or possible."


def _left_out(run: Run) -> Iterator[str]:
    for method, reason in run.summary.get("left_out", {}).items():
        yield f"{label(method)} is left out: it {reason}."


def _questions(run: Run) -> Iterator[str]:
    rows = run.evaluation
    told = rows[(rows["section"] == "all") & rows["metric"].isin(["spearman", "accuracy_3cosadd"])]
    best: dict[tuple[str, str], list[str]] = {}
    for (name, metric), own in told.groupby(["set", "metric"], sort=False):
        values = own.set_index("method")["value"].dropna()
        if len(values):
            what = "Spearman's correlation" if metric == "spearman" else "accuracy"
            best.setdefault((label(str(values.idxmax())), what), []).append(f"{name} ({values.max():.3g})")
    for (method, what), sets in best.items():
        yield f"By {what} the vectors of {method} are the best on {', '.join(sets)}."


def sweep_answer(sweep: Sweep) -> list[str]:
    """What a sweep found: its jobs, its best setting, what each key does there, and which fits have no optimum."""
    states = Counter(job.status for job in sweep.jobs)
    others = ", ".join(f"{count} {status}" for status, count in states.items() if status != "complete")
    sentences = [f"{sweep.count} have a result{f' ({others})' if others else ''}."]
    if len(sweep.rows):
        sentences += _best_setting(sweep)
        sentences += _without_optima(sweep)
    return sentences


def means(sweep: Sweep, cells: str) -> pd.DataFrame:
    """Rows of summary.csv: RMSE of the corrected estimate against the main target."""
    return select(sweep.summary, metric="rmse", cells=cells, estimate="corrected", target=main_target(sweep.rows))


def setting_keys(sweep: Sweep) -> list[str]:
    """The swept keys that name a setting: all but the seed."""
    return other_keys(sweep.keys)


def _best_setting(sweep: Sweep) -> Iterator[str]:
    cells = main_cells(sweep.rows)[0]
    rows = means(sweep, cells)
    rows = rows[~rows["method"].isin(REFERENCES) & np.isfinite(rows["mean"]) & (rows["without_optimum"] == 0)]
    if not len(rows):
        return
    best = rows.loc[rows["mean"].idxmin()]
    keys = setting_keys(sweep)
    at = ", ".join(f"{key} = {best[key]}" for key in keys)
    seeds = f", mean of {best['n']} seeds" if sweep.replicated else ""
    yield (
        f"{label(best['method'])}{f' at {at}' if at else ''} comes closest to the {main_target(sweep.rows)} PMI: its RMSE is "
        f"{_uncertain(best['mean'], best['se'])} nats over {cells} cells{seeds}."
    )
    for key in keys:
        alike = rows["method"] == best["method"]
        for other in keys:
            if other != key:
                alike &= rows[other] == best[other]
        along = rows[alike]
        if 1 < len(along) <= MOST_LISTED:
            values = along[[key, "mean", "se"]].itertuples(index=False)
            told = _joined([f"{_uncertain(mean, se)} at {key} = {value}" for value, mean, se in values])
            yield f"With {key} alone changed, it is {told}."
        elif len(along) > MOST_LISTED:
            yield (
                f"With {key} alone changed, from {along[key].iloc[0]} to {along[key].iloc[-1]}, it lies between "
                f"{along['mean'].min():.3g} and {along['mean'].max():.3g}."
            )


def _without_optima(sweep: Sweep) -> Iterator[str]:
    counts = Counter(method for job in sweep.jobs for method, status in statuses(job).items() if status == NO_OPTIMUM)
    if counts:
        told = _joined([f"{count} of {label(method)}" for method, count in counts.items()])
        yield f"{counts.total()} fits have no finite optimum and stay out of means: {told}."


def _uncertain(mean: float, se: float) -> str:
    if not math.isfinite(se) or se <= 0:
        return f"{mean:.3g}"
    places = max(0, min(6, 1 - math.floor(math.log10(se))))
    return f"{mean:.{places}f} ± {se:.{places}f}"


def _listed(values: Mapping[Any, float] | pd.Series) -> str:
    return _joined([f"{label(str(method))} ({value:.3g})" for method, value in values.items()])


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


__all__ = ["REFERENCES", "means", "ranking", "recovered", "run_answer", "setting_keys", "statuses", "sweep_answer"]
