"""What the R script's cloud is made of: the table and the figure of the budget study, from the sweep of the r_script study."""

from __future__ import annotations

import sys
from pathlib import Path

import sgns_pmi as sp
from sgns_pmi.figures import save
from sgns_pmi.figures.budget import sweep_budget_figure
from sgns_pmi.results.replicates import over_seeds

HERE = Path(__file__).parent
STEPS = {
    "r_script": "script",
    "r_script_normalization": "batches",
    "r_script_noise": "noise",
    "r_script_dim": "dim 4",
    "r_script_rate": "rate",
}
METHODS = ("sgns_sampled", "sgns_expected")


def main(sweep: sp.Sweep) -> None:
    """Write table.csv and figure.png beside this file."""
    rows = sweep.budget
    rows = rows[rows["method"].isin(METHODS)].assign(step=rows["experiment"].map(STEPS))
    figure = sweep_budget_figure(
        rows,
        "step",
        title="What the cloud of the R script is made of, step by step\nsoftmax generator, 100 words, 200,000 pairs, k = 20",
    )
    save(figure, HERE / "figure")
    known = sweep.with_optimum(rows[rows["cells"].isin(["all", "seen", "unseen"])]).drop(columns="experiment")
    table = over_seeds(known, ["step", "seed"], ["method", "cells", "term", "metric"])
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    shown = table[(table["cells"] == "all") & table["metric"].isin(["rmse", "share"])]
    shown = shown.assign(
        text=[f"{mean:.3g} ± {se:.2g} ({n:g})" for mean, se, n in zip(shown["mean"], shown["se"], shown["n"], strict=True)]
    )
    print(shown.pivot_table("text", ["method", "metric", "term"], "step", aggfunc="first", sort=False).to_string())


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
