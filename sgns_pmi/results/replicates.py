"""What repeats of the same job under several seeds say together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import scipy

from sgns_pmi.lazily import pd

SEEDS = ("seed", "draw_seed", "data.seed", "data.draw_seed")
"""Keys whose values tell nothing but repeats apart."""
LEVEL = 0.95
SUMMARY_COLUMNS = ("mean", "se", "lower", "upper", "n", "without_optimum")


def replicate_axis(keys: Sequence[str]) -> str | None:
    """The swept key that is averaged over: the first of `SEEDS` among them. Others stay: what is crossed is not independent."""
    return next((seed for seed in SEEDS if seed in keys), None)


def other_keys(keys: Sequence[str]) -> list[str]:
    """The swept keys that are not averaged over."""
    return [key for key in keys if key != replicate_axis(keys)]


def over_seeds(frame: pd.DataFrame, keys: Sequence[str], rows: Sequence[str]) -> pd.DataFrame:
    """Mean, standard error and 95 % interval of each row of a sweep over its seeds.

    Parameters
    ----------
    frame : DataFrame
        Columns `keys`, `rows`, value, and `optimum`: False where the fit has none, hence no value to average.
    keys : sequence of str
        The swept keys; the seed among them (`replicate_axis`) is averaged over.
    rows : sequence of str
        The columns that name a row: method, estimate, target, cells, metric.

    Returns
    -------
    DataFrame
        Columns: the other keys, `rows`; mean; se, the standard deviation (n − 1) over √n; lower and upper, mean ∓ Student's
        t · se; n, the seeds averaged; without_optimum, the seeds whose fit has no optimum, counted beside. se and the interval
        are NaN where n = 1.
    """
    by = [*other_keys(keys), *rows]
    averaged = frame.assign(value=frame["value"].where(frame["optimum"]), without=~frame["optimum"])
    groups = averaged.groupby(by, sort=False, dropna=False)
    return mean_interval(groups["value"]).assign(without_optimum=groups["without"].sum()).reset_index()


def paired_differences(frame: pd.DataFrame, keys: Sequence[str], rows: Sequence[str]) -> pd.DataFrame:
    """Mean, standard error and 95 % interval of the differences between methods, each pair compared seed by seed.

    What two methods share of a seed, as an easy truth or a lucky draw, cancels: the interval is about the methods.

    Parameters
    ----------
    frame : DataFrame
        As in `over_seeds`; its jobs differ in a seed.
    keys, rows : sequence of str
        As in `over_seeds`; "method" is one of the rows.

    Returns
    -------
    DataFrame
        Columns: the other keys; method and other, whose value is subtracted; the other rows; mean, se, lower, upper, n and
        without_optimum, over the seeds that both have, those left out where either fit has no optimum.
    """
    seed = replicate_axis(keys)
    by = [*other_keys(keys), *(row for row in rows if row != "method")]
    methods = list(dict.fromkeys(frame["method"]))
    columns = [*other_keys(keys), "method", "other", *by[len(other_keys(keys)) :], *SUMMARY_COLUMNS]
    tables = []
    own = {method: rows.drop(columns="method") for method, rows in frame.groupby("method", sort=False)}
    for method, other in combinations(methods, 2):
        both = own[method].merge(own[other], on=[*by, seed], suffixes=("", "_other"))
        with np.errstate(invalid="ignore"):  # infinite errors have no difference
            both["value"] -= both["value_other"]
        both["optimum"] &= both["optimum_other"]
        if len(both):
            tables.append(over_seeds(both, keys, by[len(other_keys(keys)) :]).assign(method=method, other=other))
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def mean_interval(values: Any) -> pd.DataFrame:
    """mean, se, lower, upper and n of each group of a grouped Series: mean ∓ Student's t · s/√n, NaN where n = 1."""
    n, mean = values.count(), values.mean()
    with np.errstate(invalid="ignore"):  # infinite errors have no spread
        se = values.std() / np.sqrt(n)
        half = scipy.special.stdtrit(np.maximum(n - 1, 1), (1 + LEVEL) / 2) * se
    return pd.DataFrame({"mean": mean, "se": se, "lower": mean - half, "upper": mean + half, "n": n})


def seeds_table(summary: pd.DataFrame, keys: Sequence[str], column: str = "method") -> pd.DataFrame:
    """Swept keys x method, for a console: mean ± standard error, and the number of seeds.

    Parameters
    ----------
    summary : DataFrame
        Rows of `over_seeds` of one metric.
    keys : sequence of str
        What tells its rows apart, beside `column`; the seed is none of it.
    column : str, default "method"
        What the columns are.
    """
    others = other_keys(keys)
    texts = [_text(*row) for row in summary[list(SUMMARY_COLUMNS)].itertuples(index=False)]
    shown = summary[[*others, column]].assign(text=texts, all="all seeds")
    # Jobs and methods stand in their own order.
    return shown.set_index([*(others or ["all"]), column])["text"].unstack(column, sort=False)


def _text(mean: float, se: float, lower: float, upper: float, n: int, without: int) -> str:
    beside = f"{without} without optimum" if without else ""
    if n == 0:
        return f"– ({beside})" if beside else "–"
    spread = f" ± {se:.2g}" if np.isfinite(se) else ""
    return f"{mean:.4g}{spread} (n = {n}{f', {beside}' if beside else ''})"


def budget_parts(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The parts of each method's RMSE over all cells, by the error budgets of a sweep's jobs.

    Parameters
    ----------
    frame : DataFrame
        Columns job, `keys`, method, term, cells, metric, value.
    keys : sequence of str
        What tells settings apart; the jobs of a setting are averaged.

    Returns
    -------
    DataFrame
        Columns `keys`, method, term, jobs, height (share x RMSE), and overfit: whether a fit has no optimum.
    """
    chosen = frame[frame["cells"] == "all"]
    of_job = ["job", *keys, "method"]
    total = chosen[(chosen["term"] == "total") & (chosen["metric"] == "rmse")].set_index(of_job)["value"].rename("rmse")
    shares = chosen[(chosen["metric"] == "share") & (chosen["term"] != "total")].join(total, on=of_job)
    shares = shares[np.isfinite(shares["rmse"])].assign(height=lambda rows: rows["value"] * rows["rmse"])
    shares["overfit"] = shares.groupby(of_job)["term"].transform(lambda terms: (terms == "overfit").any())
    jobs = shares.groupby([*keys, "method"])["job"].nunique().rename("jobs")
    sums = shares.groupby([*keys, "method", "term"], sort=False).agg(height=("height", "sum"), overfit=("overfit", "any"))
    found = sums.reset_index().join(jobs, on=[*keys, "method"])
    return found.assign(height=found["height"] / found["jobs"])


__all__ = [
    "SEEDS",
    "budget_parts",
    "mean_interval",
    "other_keys",
    "over_seeds",
    "paired_differences",
    "replicate_axis",
    "seeds_table",
]
