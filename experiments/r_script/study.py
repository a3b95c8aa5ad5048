"""From the cloud to the diagonal: the table and the figure of the r_script study, from its sweep's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import sgns_pmi as sp
from sgns_pmi.figures import recovery_figure, save
from sgns_pmi.figures.style import badge

HERE = Path(__file__).parent
STEPS = {
    "r_script": "the R script",
    "r_script_normalization": "+ unbiased batches",
    "r_script_noise": "+ unigram noise",
    "r_script_dim": "+ dim 4",
    "r_script_rate": "+ decaying rate",
}
OPTIMUM = "exact optimum"


def main(sweep: sp.Sweep) -> None:
    """Write table.csv and figure.png beside this file."""
    jobs = {job.asked["experiment"]: job for job in sweep.jobs}
    rows, estimates = [], {}
    for experiment, step in STEPS.items():
        job = jobs[experiment]
        assert job.shown is not None
        values = job.metrics.set_index(["method", "estimate", "target", "cells", "metric"])["value"]
        methods = {"sgns_sampled": step} | ({"sgns_expected": OPTIMUM} if step == STEPS["r_script_rate"] else {})
        for method, name in methods.items():
            estimates[name] = job.shown.estimates("raw")[method]
            row = {"step": name, "noise": job.config["noise"], "dim": job.config["dim"]}
            row["objective"] = values[method, "corrected", "objective", "all", "value"]
            row["percent_above_optimum"] = 100 * values[method, "corrected", "objective", "all", "gap"]
            for metric in ("rmse", "pearson", "slope"):
                row[metric] = values[method, "raw", "true", "all", metric]
            row["rmse_corrected"] = values[method, "corrected", "true", "all", "rmse"]
            rows.append(row)
    table = pd.DataFrame(rows)
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    print(table.to_string(index=False, float_format="%.4g"))
    long = table.rename(columns={"step": "method"}).melt("method", ["rmse", "pearson"], "metric", "value")
    figure = recovery_figure(
        estimates,
        job.shown.target,
        job.shown.counts,
        long,
        target_name="true",
        title="From the cloud to the diagonal: $VU^T + \\log k$ against the true PMI\n"
        f"{job.summary['problem']}, k = 20\n"
        "dim = 2, then 4; rank of true PMI = 4; noise = zero_share, then unigram",
    )
    # The panels are steps; their colours are still those of the two methods.
    for ax, name in zip(figure.axes, estimates, strict=False):
        badge(ax, "sgns_expected" if name == OPTIMUM else "sgns_sampled")
    save(figure, HERE / "figure")


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
