"""What sampled SGNS and QWEM learn when: runs what the dynamics study asks, and makes its table and its figure."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import sgns_pmi as sp
from sgns_pmi.compare.dynamics import training_dynamics
from sgns_pmi.figures import save
from sgns_pmi.figures.dynamics import dynamics_figure

HERE = Path(__file__).parent
SEEDS, SHOWN = 10, 0
ABOVE = 4
"""Times the largest singular value of noise, from which on a component of SGNS is taken to have begun."""
PAIRS, DIMS = (200_000, 20_000), (4, 12)
ROWS = {"sgns_sampled": sp.SGNS(k=5, solver="sampled"), "qwem": sp.QWEM()}


def dynamics() -> Iterator[pd.DataFrame]:
    """The rows of each seed, number of pairs, dim and method."""
    for seed in range(SEEDS):
        for pairs in PAIRS:
            problem = sp.softmax_problem(words=100, rank=2, pairs=pairs, seed=seed)
            for dim in DIMS:
                for method, estimator in ROWS.items():
                    fitted = estimator.fresh(dim=dim, seed=seed).fit(problem.counts)
                    yield training_dynamics(problem, fitted).assign(method=method, pairs=pairs, dim=dim, seed=seed)
                print(f"seed {seed}, {pairs:,} pairs, dim {dim}", flush=True)


def numbers(rows: pd.DataFrame) -> dict[str, float]:
    """What one seed of one setting says: the least error and when, that at the end, that of the optimum, and halves."""
    total = rows[(rows["metric"] == "rmse") & (rows["component"] == "total")]
    least, last = total.iloc[int(total["value"].to_numpy().argmin())], total.iloc[-1]
    level = rows[rows["step"].isna() & (rows["metric"] == "rmse")].set_index("component")["value"]
    noise = float(rows.loc[rows["metric"] == "noise", "value"].max())
    values = rows[(rows["metric"] == "singular_value") & (rows["value"] > ABOVE * noise)]
    begun = values.groupby("component")["step"].min()
    half = rows[rows["metric"] == "half"].set_index("component")["step"]
    return {
        "least": least["value"],
        "share of training": least["step"] / last["step"],
        "last": last["value"],
        "optimum": level.get("optimum", np.nan),
        "excess at the end": last["value"] / least["value"] - 1,
        **{f"begins {component}": begun.get(component, np.nan) for component in ("1", "2", "3")},
        **{f"half {component}": half.get(component, np.nan) / last["step"] for component in ("1", "2", "3", "4")},
    }


def main(file: Path | None = None) -> None:
    """Write table.csv and figure.png beside this file; from the rows in `file`, where they have been kept."""
    logging.getLogger("sgns_pmi").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", UserWarning)
    if file is not None and file.is_file():
        rows = pd.read_csv(file, dtype={"component": str})
    else:
        rows = pd.concat(dynamics(), ignore_index=True)
        if file is not None:
            rows.to_csv(file, index=False)
    by = ["method", "pairs", "dim"]
    each = pd.DataFrame(
        [dict(zip([*by, "seed"], key, strict=True)) | numbers(own) for key, own in rows.groupby([*by, "seed"], sort=False)]
    )
    groups = each.drop(columns="seed").melt(by, var_name="number").groupby([*by, "number"], sort=False)["value"]
    table = groups.agg(["mean", "sem", "count"]).rename(columns={"sem": "se", "count": "n"}).reset_index()
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    print(table.to_string())
    shown = rows[rows["seed"] == SHOWN]
    settings = [(200_000, 4, "sgns_sampled"), (20_000, 12, "sgns_sampled"), (200_000, 4, "qwem")]
    frames = [
        shown[(shown["pairs"] == pairs) & (shown["dim"] == dim) & (shown["method"] == method)].assign(
            method=f"{'sampled SGNS' if method == 'sgns_sampled' else 'QWEM'}, dim {dim}, {pairs:,} pairs"
        )
        for pairs, dim, method in settings
    ]
    figure = dynamics_figure(
        pd.concat(frames), title="What is learned when: softmax generator, 100 words, rank of true PMI 4, k = 5, noise = unigram"
    )
    save(figure, HERE / "figure")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
