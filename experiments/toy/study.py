"""Two groups in the plane: the table and the figure of the toy study, from its sweep's folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pandas as pd

import sgns_pmi as sp
from sgns_pmi.compare import select

HERE = Path(__file__).parent
FRUIT = {"apple", "banana", "orange", "fruit"}


def main(sweep: sp.Sweep) -> None:
    """Write table.csv and figure.png beside this file."""
    near = pd.concat([job.neighbours.assign(job=job.number) for job in sweep.jobs])
    near["own"] = near["word"].isin(FRUIT) == near["neighbour"].isin(FRUIT)
    first, others = near[near["rank"] == 1], near.groupby(["method", "own"], sort=False)["similarity"]
    objective = select(sweep.rows, target="objective", metric="value")
    seen = select(sweep.rows, metric="rmse", cells="seen", estimate="corrected", target="empirical")
    table = pd.DataFrame(
        {
            "seeds": first.groupby("method", sort=False)["job"].nunique(),
            "nearest is of the own group": first.groupby(["method", "job"])["own"].all().groupby("method").sum(),
            "least cosine in a group": others.min().unstack()[True],
            "largest cosine between groups": others.max().unstack()[False],
            "objective": objective.groupby("method")["value"].mean(),
            "RMSE seen": seen.groupby("method")["value"].mean(),
        }
    )
    table.to_csv(HERE / "table.csv", float_format="%.4g")
    print(table.to_string(float_format="%.4g"))
    shutil.copy(sweep.jobs[0].folder / "figures" / "words_plane_sgns_sampled.png", HERE / "figure.png")


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
