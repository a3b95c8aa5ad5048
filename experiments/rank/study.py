"""Under- and over-fit: the table and the figure of the rank study, from its sweep's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import sgns_pmi as sp
from sgns_pmi.compare import select
from sgns_pmi.figures import lines_figure, save
from sgns_pmi.results.replicates import seeds_table

HERE = Path(__file__).parent


def main(sweep: sp.Sweep) -> None:
    """Write table.csv and figure.png beside this file."""
    rmse = {"metric": "rmse", "estimate": "corrected", "target": "true"}
    rows = select(sweep.averaged, **rmse)
    # The oracle's error is rounding from dim 4 on, sixteen decades below the rest; a fit without an optimum has none to average.
    drawn = rows[(rows["value"] > 1e-6) & (rows["cells"] != "all") & rows["optimum"]]
    figure = lines_figure(
        drawn,
        "dim",
        facets=["cells"],
        value_label="RMSE (nats)",
        title="Recovery of the true PMI against dim: rank of M 2, rank of true PMI 4\n"
        "softmax generator, 100 words, 200,000 pairs, k = 5, noise = unigram\n"
        "the oracle is exact from dim 4 on",
        repeats=rows["seed"].nunique(),
    )
    save(figure, HERE / "figure")
    table = pd.concat([select(sweep.summary, **rmse), select(sweep.summary, target="objective", metric="value")])
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    for cells in ("all", "seen", "unseen"):
        print(f"RMSE, cells = {cells}", seeds_table(select(sweep.summary, cells=cells, **rmse), sweep.keys).to_string(), sep="\n")


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
