"""Run benchmarks and write their tables and pictures: ``python -m benchmarks [PART ...]``.

Parts are a to g, passes, intervals, family, counting, shards, sweeps and words (see README.md); without one all run. A part's
rows go to results/PART.csv, all tables to results/tables.md, the pictures beside them.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pandas as pd
import torch

from benchmarks import (
    counting,
    family,
    gensim_text8,
    gradient,
    growth,
    intervals,
    optima,
    optimum,
    passes,
    sampled,
    shards,
    svd,
    sweeps,
    words,
)
from benchmarks.pictures import draw
from sgns_pmi.files import atomic_path

RESULTS = Path(__file__).parent / "results"
PARTS = {
    "a": (gradient, "exact ℓ and gradient against its three matrix products"),
    "b": (optimum, "time to the optimum"),
    "c": (sampled, "sampled solver against the literal R port"),
    "d": (gensim_text8, "sampled solver against gensim on the text8 prefix"),
    "words": (words, "vectors of text: quality, seconds and memory beside gensim's and fastText's"),
    "passes": (passes, "an epoch of the sampled solver against its products alone"),
    "e": (growth, "growth with words, triples, dim and K"),
    "f": (svd, "truncated SVD against scipy's"),
    "g": (optima, "fits that are called optima against 50 random starts of L-BFGS-B"),
    "intervals": (intervals, "standard errors and intervals of every cell"),
    "family": (family, "maximum likelihood and Swivel at size"),
    "counting": (counting, "text to counts"),
    "shards": (shards, "counts and factors shard by shard"),
    "sweeps": (sweeps, "sweeps beyond the steps of their jobs"),
}


def machine() -> str:
    """Processor, cores and versions, for the head of the tables."""
    name = platform.machine()
    if Path("/proc/cpuinfo").is_file():
        models = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"


def as_markdown(frame: pd.DataFrame) -> str:
    """A table of the columns that have values, numbers in three significant digits."""
    shown = frame.drop(columns="part", errors="ignore").dropna(axis=1, how="all")
    cells = [[_cell(value) for value in row] for row in shown.itertuples(index=False)]
    lines = [list(shown.columns), ["---"] * shown.shape[1], *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return "" if value is None else str(value)


def main() -> None:
    """Run the parts named on the command line."""
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        raise SystemExit(f"{unknown[0]}: no such part; there are {', '.join(PARTS)}")
    RESULTS.mkdir(exist_ok=True)
    for name in chosen:
        frame = pd.DataFrame(PARTS[name][0].rows())
        if frame.empty:
            print(f"{name}: the text8 prefix is not here; left out")
            continue
        with atomic_path(RESULTS / f"{name}.csv") as path:
            frame.to_csv(path, index=False)
        print(f"({name}) {PARTS[name][1]}\n\n{as_markdown(frame)}\n", flush=True)
    tables = {name: pd.read_csv(RESULTS / f"{name}.csv") for name in PARTS if (RESULTS / f"{name}.csv").is_file()}
    sections = [f"## ({name}) {PARTS[name][1]}\n\n{as_markdown(frame)}\n" for name, frame in tables.items()]
    with atomic_path(RESULTS / "tables.md") as path:
        path.write_text("\n".join([f"# Results\n\n{machine()}\n", *sections]), encoding="utf-8")
    draw(tables, RESULTS)


if __name__ == "__main__":
    main()
