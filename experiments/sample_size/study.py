"""How much data PMI needs: the table and the figure of the sample_size study, from its sweep's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import sgns_pmi as sp
from sgns_pmi.compare import select
from sgns_pmi.figures import lines_figure, save
from sgns_pmi.results.replicates import over_seeds

HERE = Path(__file__).parent
ASYMPTOTIC = 1_000_000
"""Pairs from which on the slope is taken."""


def slopes(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns method, mean, se: the slope of log RMSE on log N from `ASYMPTOTIC` pairs on, a line a seed."""
    found = []
    for (method, seed), own in rows[rows["data.pairs"] >= ASYMPTOTIC].groupby(["method", "seed"], sort=False):
        slope = np.polyfit(np.log(own["data.pairs"].astype(float)), np.log(own["value"]), 1)[0]
        found.append((method, seed, slope))
    each = pd.DataFrame(found, columns=["method", "seed", "value"]).assign(optimum=True)
    return over_seeds(each, ["seed"], ["method"])


def main(sweep: sp.Sweep) -> None:
    """Write table.csv, slopes.csv and figure.png beside this file."""
    wanted = {"estimate": "corrected", "target": "true", "cells": "all"}
    rows = select(sweep.averaged, metric="weighted_rmse", **wanted)
    bounds = select(sweep.averaged, metric="cramer_rao", **wanted)
    figure = lines_figure(
        rows[rows["optimum"]],
        "data.pairs",
        value_label="P-weighted RMSE (nats)",
        title="Recovery of the true PMI against the number of pairs\n"
        "softmax generator, 100 words, rank of true PMI 4, dim = 4, k = 5, noise = unigram\n"
        "dashed: the Cramér–Rao bound of the method's own model",
        repeats=rows["seed"].nunique(),
        bounds=bounds,
    )
    save(figure, HERE / "figure")
    summary = select(sweep.summary, metric=("weighted_rmse", "cramer_rao", "efficiency", "rmse"), **wanted)
    summary.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    found = slopes(rows[rows["optimum"]])
    found.to_csv(HERE / "slopes.csv", index=False, float_format="%.4g")
    print(found.to_string(index=False))
    wide = summary.pivot_table(["mean", "se", "n"], ["method", "metric"], "data.pairs", sort=False)
    print(wide["mean"].to_string(), wide["se"].to_string(), wide["n"].to_string(), sep="\n")


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
