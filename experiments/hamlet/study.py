"""A play's words: the tables and the figures of the hamlet study, from its run's folder."""

from __future__ import annotations

import shutil
import sys
from itertools import combinations
from pathlib import Path

import pandas as pd

import sgns_pmi as sp
from sgns_pmi.compare import select

HERE = Path(__file__).parent
SHOWN = 5


def main(run: sp.Run) -> None:
    """Write table.csv, neighbours.csv and the two figures beside this file."""
    near = run.neighbours
    first = near[near["rank"] <= SHOWN].groupby(["word", "method"], sort=False)["neighbour"].agg(", ".join).unstack()
    first.to_csv(HERE / "neighbours.csv")
    print(first.to_string())

    seen = select(run.metrics, estimate="corrected", cells="seen").pivot(index="method", columns="metric", values="value")
    objective = select(run.metrics, target="objective").pivot(index="method", columns="metric", values="value")
    table = pd.concat([seen[["rmse", "pearson", "slope"]], objective[["value", "deviation_percent"]]], axis=1)
    table["seconds"] = run.steps["seconds"]
    sets = near.groupby(["method", "word"])["neighbour"].agg(set).unstack("method")
    for one, other in combinations(near["method"].unique(), 2):
        shared = [len(a & b) for a, b in zip(sets[one], sets[other], strict=True)]
        table.loc[one, f"of 10 shared with {other}"] = sum(shared) / len(shared)
        table.loc[other, f"of 10 shared with {one}"] = sum(shared) / len(shared)
    table.rename(columns={"value": "objective"}).to_csv(HERE / "table.csv", float_format="%.4g", index_label="method")
    print(table.to_string(float_format="%.4g"))
    for method, name in (("sgns_sampled", "figure"), ("numpy_sgns", "figure_numpy")):
        shutil.copy(run.folder / "figures" / f"words_tsne_{method}.png", HERE / f"{name}.png")


if __name__ == "__main__":
    main(sp.Run.open(sys.argv[1]))
