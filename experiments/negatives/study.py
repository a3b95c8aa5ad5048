"""What more negatives buy: the table and the figure of the negatives study, from its sweep's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import sgns_pmi as sp
from sgns_pmi.compare import select
from sgns_pmi.compare.limits import predicted_rmse
from sgns_pmi.figures import lines_figure, save
from sgns_pmi.results.replicates import over_seeds

HERE = Path(__file__).parent
SGNS = "sgns_expected"


def predicted(sweep: sp.Sweep) -> pd.DataFrame:
    """The P-weighted RMSE that the sandwich predicts for each job's truth, before a pair is drawn."""
    rows = []
    for job in sweep.jobs:
        config = job.config
        problem = sp.softmax_problem(seed=config["seed"], **{key: config["data"][key] for key in ("words", "rank", "pairs")})
        assert problem.joint is not None
        value = predicted_rmse(sp.SGNS(dim=config["dim"], k=config["k"]), problem.joint, problem.counts.total)
        rows.append((config["k"], config["seed"], SGNS, "predicted_rmse", value))
    return pd.DataFrame(rows, columns=["k", "seed", "method", "metric", "value"]).assign(optimum=True)


def main(sweep: sp.Sweep) -> None:
    """Write table.csv and figure.png beside this file."""
    wanted = {"estimate": "corrected", "target": "true", "cells": "all"}
    measured = select(sweep.averaged, metric=("weighted_rmse", "cramer_rao", "efficiency"), **wanted)
    forecast = predicted(sweep)
    figure = lines_figure(
        select(measured, metric="weighted_rmse", method=SGNS),
        "k",
        value_label="P-weighted RMSE (nats)",
        title="Recovery of the true PMI against the number of negatives\n"
        "softmax generator, 100 words, 200,000 pairs, dim = 4, noise = unigram\n"
        "dashed: what the sandwich predicts",
        repeats=measured["seed"].nunique(),
        bounds=forecast,
    )
    save(figure, HERE / "figure")
    bound = select(measured, metric="cramer_rao", method=SGNS).set_index(["k", "seed"])["value"]
    efficiency = forecast.assign(metric="predicted_efficiency")
    efficiency["value"] = bound.loc[list(zip(efficiency["k"], efficiency["seed"], strict=True))].to_numpy() / forecast["value"]
    quotient = forecast.assign(metric="measured_over_predicted")
    reached = select(measured, metric="weighted_rmse", method=SGNS).set_index(["k", "seed"])["value"]
    quotient["value"] = reached.loc[list(zip(quotient["k"], quotient["seed"], strict=True))].to_numpy() / forecast["value"]
    every = pd.concat([measured, forecast, efficiency, quotient], ignore_index=True)
    table = over_seeds(every, ["k", "seed"], ["method", "metric"])
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    texts = table.assign(text=[f"{mean:.4g} ± {se:.2g}" for mean, se in zip(table["mean"], table["se"], strict=True)])
    print(texts.pivot_table("text", ["method", "metric"], "k", aggfunc="first", sort=False).to_string())


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
