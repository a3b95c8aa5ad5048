"""Every method on tasks of known truth: what is tracked of a suite's folder, and the tables of its README."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pandas as pd

from sgns_pmi.suite.tables import markdown, overall

HERE = Path(__file__).parent
TRACKED = ("results.csv", "ranks.csv", "table.md", "figure.png")


def quotients(results: pd.DataFrame) -> pd.DataFrame:
    """Task x method: P-weighted RMSE over the Cramér–Rao bound of the method's own model, mean over seeds with an optimum."""
    rows = results[(results["metric"] == "bound_quotient") & (results["status"] != "no finite optimum")]
    table = rows.pivot_table(index="task", columns="method", values="value", sort=False)
    return table.map(lambda value: "" if pd.isna(value) else f"{value:.2f}").reset_index()


def main(folder: Path) -> None:
    """Copy what is tracked beside this file, and print the tables."""
    for name in TRACKED:
        shutil.copyfile(folder / name, HERE / name)
    print(
        markdown(overall(pd.read_csv(folder / "ranks.csv"))), markdown(quotients(pd.read_csv(folder / "results.csv"))), sep="\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
