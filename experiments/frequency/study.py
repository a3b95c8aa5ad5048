"""Where in the frequency plane the error sits: the table and the figure of the frequency study, from its sweep's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import sgns_pmi as sp
from sgns_pmi.compare import select
from sgns_pmi.figures import lines_figure, save
from sgns_pmi.results.replicates import over_seeds

HERE = Path(__file__).parent
SIDE = "row_decile_"


def main(sweep: sp.Sweep) -> None:
    """Write table.csv and figure.png beside this file."""
    rows = sweep.with_optimum(sweep.budget)
    total = rows[(rows["term"] == "total") & (rows["metric"] == "rmse")]
    deciles = total[total["cells"].str.startswith(SIDE)]
    deciles = deciles.assign(decile=deciles["cells"].str.removeprefix(SIDE).astype(int))
    figure = lines_figure(
        deciles[deciles["optimum"]],
        "decile",
        facets=["data.zipf"],
        value_label="RMSE (nats)",
        title="Recovery of the true PMI against the frequency of the centre, in deciles (1: the rarest)\n"
        "marginal generator, margins ∝ 1 / rank^zipf, 100 words, 200,000 pairs, rank of true PMI 4, dim = 4, k = 5",
        repeats=deciles["seed"].nunique(),
    )
    save(figure, HERE / "figure")
    cells = [*(f"{SIDE}{number}" for number in range(1, 11)), "all", "seen", "unseen"]
    table = over_seeds(total[total["cells"].isin(cells)], sweep.keys, ["method", "cells"])
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    weighted = select(sweep.summary, metric="weighted_rmse", estimate="corrected", target="true", cells="all")
    for name, frame in (("RMSE", table), ("P-weighted RMSE", weighted)):
        texts = [f"{mean:.3g} ± {se:.2g} ({n:g})" for mean, se, n in zip(frame["mean"], frame["se"], frame["n"], strict=True)]
        index = ["method", "cells"] if name == "RMSE" else ["method"]
        wide = frame.assign(text=texts).pivot_table("text", index, "data.zipf", aggfunc="first", sort=False)
        print(name, wide.to_string(), sep="\n")


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
