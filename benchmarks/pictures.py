"""The benchmarks' pictures: gradient against its floor, the crossover of the two engines, growth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from sgns_pmi.factorise.solvers.expected import NEWTON_WORK
from sgns_pmi.figures.style import save, styled

LABELS = {"words": "words", "triples": "distinct triples", "dim": "dim", "k": "K"}


def draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Every picture whose table is there."""
    for name, picture in (("a", gradient), ("b", crossover), ("e", growth)):
        if name in tables:
            picture(tables[name], folder)


@styled
def gradient(table: pd.DataFrame, folder: Path) -> None:
    """Bars: ℓ and gradient in multiples of the three products."""
    figure, ax = plt.subplots(figsize=(7.2, 4.0), layout="constrained")
    ax.barh(table["case"][::-1], table["times_floor"][::-1], color="#4477AA")
    ax.axvline(1, color="#444444", linestyle="--")
    ax.set_xlabel("time of ℓ and gradient / time of the three matrix products alone")
    figure.suptitle("Exact objective and gradient against its floor")
    save(figure, folder / "gradient")


@styled
def crossover(table: pd.DataFrame, folder: Path) -> None:
    """Points: seconds to a gap of 1e-4 by problem size, for both engines."""
    both = table.dropna(subset=["work"])
    figure, ax = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
    for column, name, colour, marker in (
        ("seconds", "Newton", "#4477AA", "o"),
        ("peer_seconds", "L-BFGS in the separable metric", "#EE6677", "^"),
    ):
        for source, filled in (("softmax", True), ("text", False)):
            some = both[both["case"].str.startswith(source)]
            ax.plot(
                some["work"],
                some[column],
                marker,
                color=colour,
                markerfacecolor=colour if filled else "none",
                label=f"{name}, {'synthetic' if filled else 'text'}",
            )
    ax.axvline(NEWTON_WORK, color="#444444", linestyle="--", label="choice by size")
    ax.set(xscale="log", yscale="log", xlabel="words × contexts × dim²", ylabel="seconds to a relative gap of 1e-4")
    ax.legend(fontsize="small")
    figure.suptitle("Which engine is faster, by size")
    save(figure, folder / "crossover")


@styled
def growth(table: pd.DataFrame, folder: Path) -> None:
    """Lines: seconds of a step and of an epoch against each size."""
    figure, axes = plt.subplots(1, len(LABELS), figsize=(11, 3.4), sharey=True, layout="constrained")
    for ax, (key, label) in zip(axes, LABELS.items(), strict=True):
        for (solver, rows), colour in zip(table[table["swept"] == key].groupby("ours"), ("#4477AA", "#EE6677"), strict=True):
            ax.plot(rows[key], rows["seconds"], "o-", color=colour, label=solver)
        ax.set(xscale="log", yscale="log", xlabel=label)
        ax.set_xticks(rows[key], [f"{value:,.0f}" for value in rows[key]], rotation=30)
        ax.minorticks_off()
    axes[0].set_ylabel("seconds")
    axes[0].legend(fontsize="small")
    figure.suptitle("Growth of cost around 4,000 words, 600,000 triples, dim 50, K = 5")
    save(figure, folder / "growth")
