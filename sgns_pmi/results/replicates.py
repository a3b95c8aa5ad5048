"""What repeats of the same job under several seeds say together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from sgns_pmi.lazily import pd

SEED = "seed"
LEVEL = 0.95
SUMMARY_COLUMNS = ("mean", "se", "lower", "upper", "n", "without_optimum")


def over_seeds(frame: pd.DataFrame, keys: Sequence[str], rows: Sequence[str]) -> pd.DataFrame:
    """Mean, standard error and 95 % interval of each row of a sweep over its seeds.

    Parameters
    ----------
    frame : DataFrame
        Columns `keys`, `rows`, value, and `optimum`: False where the fit has none, hence no value to average.
    keys : sequence of str
        The swept keys; the seed among them is averaged over.
    rows : sequence of str
        The columns that name a row: method, estimate, target, cells, metric.

    Returns
    -------
    DataFrame
        Columns: the other keys, `rows`; mean; se, the standard deviation (n − 1) over √n; lower and upper, mean ∓ Student's
        t · se; n, the seeds averaged; without_optimum, the seeds whose fit has no optimum, counted beside. se and the interval
        are NaN where n = 1.
    """
    by = [*(key for key in keys if key != SEED), *rows]
    averaged = frame.assign(value=frame["value"].where(frame["optimum"]), without=~frame["optimum"])
    groups = averaged.groupby(by, sort=False, dropna=False)
    return mean_interval(groups["value"]).assign(without_optimum=groups["without"].sum()).reset_index()


def mean_interval(values: Any) -> pd.DataFrame:
    """mean, se, lower, upper and n of each group of a grouped Series: mean ∓ Student's t · s/√n, NaN where n = 1."""
    n, mean = values.count(), values.mean()
    with np.errstate(invalid="ignore"):  # infinite errors have no spread
        se = values.std() / np.sqrt(n)
        half = scipy.stats.t.ppf((1 + LEVEL) / 2, np.maximum(n - 1, 1)) * se
    return pd.DataFrame({"mean": mean, "se": se, "lower": mean - half, "upper": mean + half, "n": n})


def seeds_table(summary: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Swept keys x method, for a console: mean ± standard error, and the number of seeds.

    Parameters
    ----------
    summary : DataFrame
        Rows of `over_seeds` of one metric.
    keys : sequence of str
        The swept keys.
    """
    others = [key for key in keys if key != SEED]
    texts = [_text(*row) for row in summary[list(SUMMARY_COLUMNS)].itertuples(index=False)]
    shown = summary[[*others, "method"]].assign(text=texts, all="all seeds")
    # Jobs and methods stand in their own order.
    return shown.set_index([*(others or ["all"]), "method"])["text"].unstack("method", sort=False)


def _text(mean: float, se: float, lower: float, upper: float, n: int, without: int) -> str:
    spread = f" ± {se:.2g}" if np.isfinite(se) else ""
    return f"{mean:.4g}{spread} (n = {n}{f', {without} without optimum' if without else ''})"


__all__ = ["SEED", "mean_interval", "over_seeds", "seeds_table"]
