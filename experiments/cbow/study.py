"""CBOW with windows that vary: the tables and the figure of the cbow study, from its run's folder and its text."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd

import sgns_pmi as sp

HERE = Path(__file__).parent
FREQUENT, NEAREST = 150, 10
CHANGES: dict[str, dict[str, Any]] = {
    "the same": {},
    "another seed": {"seed": 1},
    "windows of 5 throughout": {"window_type": "fixed"},
    "combine=mean": {"combine": "mean"},
    "combine=sum": {"combine": "sum"},
}
"""What is changed of the run's settings."""


def nearest(text: str, config: dict[str, Any], change: dict[str, Any]) -> pd.Series:
    """The nearest words of the most frequent ones, a set each, by CBOW with the run's settings but for one."""
    seed = change.get("seed", config["seed"])
    asked = {key: value for key, value in config["data"].items() if key not in ("name", "path")}
    problem = sp.text_problem(text, **{**asked, "seed": seed, "window_type": change.get("window_type", asked["window_type"])})
    options = {**config["method"]["cbow"], "combine": change.get("combine", config["method"]["cbow"]["combine"])}
    cbow = sp.CBOW(config["dim"], config["k"], config["noise"], exponent=config["exponent"], seed=seed, **options).fit(
        problem.corpus
    )
    assert problem.counts.vocab is not None
    vectors = sp.WordVectors(problem.counts.vocab, cbow.V_)
    near = sp.neighbours(vectors, vectors.words[:FREQUENT], NEAREST)
    return near.groupby("word", sort=False)["neighbour"].agg(set)


def main(run: sp.Run, text: str) -> None:
    """Write table.csv, neighbours.csv and figure.png beside this file."""
    near = run.neighbours[run.neighbours["rank"] <= 6]
    lists = near.groupby("word", sort=False)["neighbour"].agg(", ".join)
    lists.to_csv(HERE / "neighbours.csv")
    print(lists.to_string())

    sets = {name: nearest(text, run.config, change) for name, change in CHANGES.items()}
    own = sets.pop("the same")
    shared = {name: sum(len(own[word] & other[word]) for word in own.index) / len(own) for name, other in sets.items()}
    table = pd.Series(shared, name=f"of {NEAREST} nearest words shared").rename_axis("changed")
    table.to_csv(HERE / "table.csv", float_format="%.2g")
    print(table.to_string(float_format="%.2g"))
    shutil.copy(run.folder / "figures" / "words_tsne_cbow.png", HERE / "figure.png")


if __name__ == "__main__":
    main(sp.Run.open(sys.argv[1]), sys.argv[2])
