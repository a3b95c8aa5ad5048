"""Table 1 of Levy & Goldberg beside ours: the table and the figure of the levy_goldberg study, from its sweep's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import sgns_pmi as sp
from sgns_pmi.compare import select
from sgns_pmi.config import Config
from sgns_pmi.figures import lines_figure, save

HERE = Path(__file__).parent
PUBLISHED = {
    ("sppmi_svd", 1): (26.1, 25.2, 24.2),
    ("sppmi_svd", 5): (95.8, 95.1, 94.9),
    ("sppmi_svd", 15): (266.0, 266.0, 265.0),
    ("sgns", 1): (31.4, 29.4, 7.40),
    ("sgns", 5): (39.3, 36.0, 7.13),
    ("sgns", 15): (7.80, 6.37, 5.97),
}
"""Percent above the optimum at dim 100, 500 and 1000 in L&G's Table 1; theirs are means over pairs of a corpus of 1.5 billion."""
DIMS = (100, 500, 1000)


def zero_rows(sweep: sp.Sweep) -> pd.DataFrame:
    """The deviation of the zero matrix at each k: what a factorisation has to beat."""
    problem = Config.from_tree(sweep.jobs[0].config).problem()
    counts = problem.counts
    noise = sp.noise_distribution(counts, "unigram")
    ks = sorted({job.config["k"] for job in sweep.jobs})
    zero = np.zeros(counts.shape)
    return pd.DataFrame(
        [("zero", k, sp.objective_deviation(zero, counts, k, noise)) for k in ks], columns=["method", "k", "value"]
    )


def main(*sweeps: sp.Sweep) -> None:
    """Write table.csv and figure.png beside this file."""
    every = [sweep.rows.assign(dim=sweep.rows.get("dim", sweep.jobs[0].config["dim"])) for sweep in sweeps]
    rows = select(pd.concat(every, ignore_index=True), target="objective", metric="deviation_percent")
    rows, zero = rows[["method", "k", "dim", "value"]], zero_rows(sweeps[0])
    published = pd.DataFrame(
        [
            (f"published_{method}", k, dim, value)
            for (method, k), values in PUBLISHED.items()
            for dim, value in zip(DIMS, values, strict=True)
        ],
        columns=["method", "k", "dim", "value"],
    )
    table = pd.concat([rows, zero.merge(pd.DataFrame({"dim": DIMS}), how="cross"), published], ignore_index=True)
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    print(table.pivot_table("value", ["k", "method"], "dim", sort=False).round(3).to_string())
    figure = lines_figure(
        rows[rows["value"] > 1e-6],
        "dim",
        facets=["k"],
        value_label="ℓ above the optimum (%)",
        title="Deviation from the optimum of SGNS's objective\ntext8 prefix, 2,000 words, window 2, noise = unigram",
    )
    save(figure, HERE / "figure")


if __name__ == "__main__":
    main(*map(sp.Sweep.open, sys.argv[1:]))
