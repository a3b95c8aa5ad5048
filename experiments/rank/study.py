"""Under- and over-fit: the table and the figure of the rank study, from its sweep's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import sgns_pmi as sp
from sgns_pmi.compare import select
from sgns_pmi.figures import lines_figure, save

HERE = Path(__file__).parent


def main(sweep: sp.Sweep) -> None:
    """Write table.csv and figure.png beside this file."""
    rmse = select(sweep.rows, metric="rmse", estimate="corrected", target="true")
    # The oracle's error is rounding from dim 4 on, sixteen decades below the rest.
    drawn = rmse[(rmse["value"] > 1e-6) & (rmse["cells"] != "all")]
    figure = lines_figure(
        drawn,
        "dim",
        facets=["cells"],
        value_label="RMSE (nats)",
        title="Recovery of the true PMI against dim: rank of M 2, rank of true PMI 4\n"
        "softmax generator, 100 words, 200,000 pairs, k = 5, noise = unigram\n"
        "the oracle is exact from dim 4 on",
    )
    save(figure, HERE / "figure")
    objective = select(sweep.rows, target="objective", metric="value").assign(cells="objective")
    table = pd.concat([rmse, objective]).pivot_table(index="dim", columns=["method", "cells"], values="value")
    table.columns = [f"{method}: {'' if cells == 'objective' else 'RMSE '}{cells}" for method, cells in table.columns]
    table.to_csv(HERE / "table.csv", float_format="%.4g")
    print(table.to_string(float_format="%.4g"))


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
