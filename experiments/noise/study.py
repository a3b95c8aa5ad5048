"""Which noise is best: the table and the figure of the noise study, from its sweep's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import sgns_pmi as sp
from sgns_pmi.compare import select
from sgns_pmi.figures import lines_figure, save
from sgns_pmi.results.replicates import paired_differences

HERE = Path(__file__).parent
THEORY = 1.0
"""The exponent of the data's own distribution."""


def main(sweep: sp.Sweep) -> None:
    """Write table.csv, differences.csv and figure.png beside this file."""
    rows = select(sweep.averaged, metric=("weighted_rmse", "rmse"), estimate="corrected", target="true", cells="all")
    figure = lines_figure(
        rows[rows["optimum"] & (rows["metric"] == "weighted_rmse")],
        "exponent",
        facets=["k"],
        value_label="P-weighted RMSE (nats)",
        title="Recovery of the true PMI against the exponent α of the noise $P_n \\propto c^\\alpha$\n"
        "marginal generator, 100 words, Zipf margins, 200,000 pairs, rank of true PMI 4, dim = 4",
        repeats=rows["seed"].nunique(),
    )
    save(figure, HERE / "figure")
    raw = select(sweep.summary, metric=("weighted_rmse", "rmse"), target="true", cells="all")
    raw.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    # An exponent in the place of a method: what a seed makes easy or hard for all of them cancels.
    paired = rows.assign(method=rows["exponent"].map("{:g}".format))
    differences = paired_differences(paired, ["k", "seed"], ["method", "metric"])
    own = differences[(differences["method"] == f"{THEORY:g}") | (differences["other"] == f"{THEORY:g}")]
    own.to_csv(HERE / "differences.csv", index=False, float_format="%.4g")
    wide = raw.assign(
        text=[f"{mean:.4g} ± {se:.2g} ({n:g})" for mean, se, n in zip(raw["mean"], raw["se"], raw["n"], strict=True)]
    )
    print(wide.pivot_table("text", ["metric", "estimate", "k"], "exponent", aggfunc="first", sort=False).to_string())
    print(own.to_string(index=False))


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
