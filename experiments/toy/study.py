"""Two groups in the plane: the table and the figure of the toy study, from its sweep's folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
FRUIT = {"apple", "banana", "orange", "fruit"}


def main(sweep: Path) -> None:
    """Write table.csv and figure.png beside this file."""
    folders = sorted(file.parent for file in sweep.glob("*/neighbours.csv"))
    near = pd.concat([pd.read_csv(folder / "neighbours.csv").assign(job=folder.name) for folder in folders])
    near["own"] = near["word"].isin(FRUIT) == near["neighbour"].isin(FRUIT)
    first, others = near[near["rank"] == 1], near.groupby(["method", "own"], sort=False)["similarity"]
    metrics = pd.read_csv(sweep / "sweep.csv").query("estimate == 'corrected'")
    table = pd.DataFrame(
        {
            "seeds": first.groupby("method", sort=False)["job"].nunique(),
            "nearest is of the own group": first.groupby(["method", "job"])["own"].all().groupby("method").sum(),
            "least cosine in a group": others.min().unstack()[True],
            "largest cosine between groups": others.max().unstack()[False],
            "objective": metrics.query("target == 'objective' and metric == 'value'").groupby("method")["value"].mean(),
            "RMSE seen": metrics.query("cells == 'seen' and metric == 'rmse'").groupby("method")["value"].mean(),
        }
    )
    table.to_csv(HERE / "table.csv", float_format="%.4g")
    print(table.to_string(float_format="%.4g"))
    shutil.copy(folders[0] / "figures" / "words_plane_sgns_sampled.png", HERE / "figure.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
