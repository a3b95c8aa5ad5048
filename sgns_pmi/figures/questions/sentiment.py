"""How well each method's averaged word vectors tell classes of documents apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from sgns_pmi.figures.questions import Title, draws
from sgns_pmi.figures.style import TARGET, colour, label, set_title, styled

BASELINES = {"random": ("random vectors", "#A9A9A9"), "tfidf": ("TF-IDF", "#6E6E6E")}
"""Names and colours of what is no method."""
FEATURES = {"mean": "mean vector", "sif": "SIF"}
PALE = 0.45
"""Opacity of SIF's bars, beside those of the plain mean."""
SPREAD: Any = {"elinewidth": 1.0, "capsize": 2.0}


@styled
def sentiment_figure(evaluation: pd.DataFrame, *, title: str) -> Figure:
    """Accuracy of each method's features as a bar from chance, with one standard deviation over the folds.

    Parameters
    ----------
    evaluation : DataFrame
        Rows of evaluation.csv of one set of documents: method, section, metric, value.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Methods in their order, the two baselines last; the share of the documents' words that have a vector beside each name.
    """
    values = evaluation.set_index(["method", "section", "metric"])["value"]
    methods = {str(name): list(rows["section"].unique()) for name, rows in evaluation.groupby("method", sort=False)}
    chance = evaluation.loc[evaluation["metric"] == "chance", "value"].iloc[0]
    figure = Figure(figsize=(8.4, 1.3 + 0.55 * len(methods)), layout="constrained")
    ax = figure.subplots()
    names, low, high = [], chance, chance
    for place, (method, sections) in enumerate(methods.items()):
        name, shade = BASELINES.get(method, (label(method), colour(method)))
        names.append(f"{name}  ({values[method, sections[0], 'known_words']:.0%} of words)")
        for section, at in zip(sections, place + np.linspace(-0.2, 0.2, len(sections)) * (len(sections) > 1), strict=True):
            accuracy, spread = values[method, section, "accuracy"], values[method, section, "accuracy_std"]
            ax.barh(
                at,
                accuracy - chance,
                left=chance,
                height=0.36,
                color=shade,
                alpha=PALE if section == "sif" else 1.0,
                xerr=spread,
                error_kw=SPREAD,
            )
            beside = max(accuracy, chance) + spread
            low, high = min(low, accuracy - spread), max(high, beside)
            ax.annotate(f"{accuracy:.1%}", (beside, at), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5)
    ax.axvline(chance, color=TARGET, linestyle="--", linewidth=1.0)
    ax.annotate(
        f"chance, {chance:.1%}",
        (chance, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=7.5,
        color=TARGET,
    )
    ax.set_yticks(range(len(methods)), names, parse_math=False)
    ax.set(
        ylim=(len(methods) - 0.5, -0.5),
        xlabel="accuracy, mean and standard deviation over the folds",
        xlim=(low - 0.04 * (high - low), high + 0.12 * (high - low)),
    )
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="x")
    handles = [
        Patch(color=TARGET, alpha=PALE if section == "sif" else 1.0, label=name)
        for section, name in FEATURES.items()
        if any(section in sections for sections in methods.values())
    ]
    if handles:
        ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    set_title(figure, title)
    return figure


@draws("sentiment")
def sentiment_figures(rows: pd.DataFrame, title: Title) -> Iterator[tuple[str, Figure]]:
    """sentiment_SET of each set."""
    for name, own in rows.groupby("set", sort=False):
        yield f"sentiment_{name}", sentiment_figure(own, title=title(f"Sentiment, {name}"))
