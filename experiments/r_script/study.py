"""From the cloud to the diagonal: the table and the figure of the r_script study, from its sweep's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import sgns_pmi as sp
from sgns_pmi.figures import recovery_figure, save
from sgns_pmi.figures.style import badge
from sgns_pmi.results.replicates import mean_interval

HERE = Path(__file__).parent
STEPS = {
    "r_script": "the R script",
    "r_script_normalization": "+ unbiased batches",
    "r_script_noise": "+ unigram noise",
    "r_script_dim": "+ dim 4",
    "r_script_rate": "+ decaying rate",
}
OPTIMUM = "exact optimum"
SHOWN = 0
"""The seed whose estimates the figure shows; the table has the mean of all."""


def main(sweep: sp.Sweep) -> None:
    """Write table.csv and figure.png beside this file."""
    rows, estimates = [], {}
    # Where a context occurs with every centre the script's noise is 0 there, and the run is refused.
    for job in (job for job in sweep.jobs if job.status == "complete"):
        step = STEPS[job.asked["experiment"]]
        values = job.metrics.set_index(["method", "estimate", "target", "cells", "metric"])["value"]
        methods = {"sgns_sampled": step} | ({"sgns_expected": OPTIMUM} if step == STEPS["r_script_rate"] else {})
        for method, name in methods.items():
            if job.config["seed"] == SHOWN:
                assert job.shown is not None
                shown, problem = job.shown, job.summary["problem"]
                estimates[name] = shown.estimates("raw")[method]
            found = {"objective": values[method, "corrected", "objective", "all", "value"]}
            found["percent_above_optimum"] = 100 * values[method, "corrected", "objective", "all", "gap"]
            found |= {metric: values[method, "raw", "true", "all", metric] for metric in ("rmse", "pearson", "slope")}
            found["rmse_corrected"] = values[method, "corrected", "true", "all", "rmse"]
            at = {"step": name, "noise": job.config["noise"], "dim": job.config["dim"], "seed": job.config["seed"]}
            rows += [{**at, "metric": metric, "value": value} for metric, value in found.items()]
    every = pd.DataFrame(rows)
    table = mean_interval(every.groupby(["step", "noise", "dim", "metric"], sort=False)["value"]).reset_index()
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    texts = [f"{mean:.4g} ± {se:.2g} ({n})" for mean, se, n in zip(table["mean"], table["se"], table["n"], strict=True)]
    print(
        table.assign(text=texts).pivot_table("text", ["step", "noise", "dim"], "metric", aggfunc="first", sort=False).to_string()
    )
    drawn = every[(every["seed"] == SHOWN) & every["metric"].isin(["rmse", "pearson"])]
    long = drawn.rename(columns={"step": "method"})[["method", "metric", "value"]]
    figure = recovery_figure(
        estimates,
        shown.target,
        shown.counts,
        long,
        target_name="true",
        title="From the cloud to the diagonal: $VU^T + \\log k$ against the true PMI\n"
        f"{problem}, k = 20, seed {SHOWN}\n"
        "dim = 2, then 4; rank of true PMI = 4; noise = zero_share, then unigram",
    )
    # The panels are steps; their colours are still those of the two methods.
    for ax, name in zip(figure.axes, estimates, strict=False):
        badge(ax, "sgns_expected" if name == OPTIMUM else "sgns_sampled")
    save(figure, HERE / "figure")


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
