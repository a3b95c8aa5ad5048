"""How many analogies each method answers, section by section."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from sgns_pmi.figures.questions import Title, draws
from sgns_pmi.figures.style import TARGET, colour, label, set_title, styled

WHOLE = "all"
MARK: Any = {"marker": "|", "markersize": 7, "markeredgewidth": 1.6, "color": "black"}
BAR = 0.17
"""Inches of height of one bar."""


@styled
def analogies_figure(evaluation: pd.DataFrame, *, title: str) -> Figure:
    """Accuracy of each method in each section of one set: 3CosAdd a bar, 3CosMul a black mark.

    Parameters
    ----------
    evaluation : DataFrame
        Rows of evaluation.csv of one analogy set: method, section, metric, value.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Sections in the order of the file, with the number of questions whose words are known; all of them last. Sections
        without such a question are named below.
    """
    methods, named = (list(evaluation[name].unique()) for name in ("method", "section"))
    table = evaluation.pivot(index="section", columns=["metric", "method"], values="value")
    # Which words are known is the same for every method of a run, as they have one vocabulary.
    asked, whole = table["asked", methods[0]], table["questions", methods[0]]
    sections = [section for section in named if asked[section] > 0 or section == WHOLE]
    slot = len(methods) + 0.9
    figure = Figure(figsize=(8.4, 1.5 + BAR * slot * len(sections)), layout="constrained")
    ax = figure.subplots()
    middle = slot * np.arange(len(sections))
    multiplied = False
    for number, method in enumerate(methods):
        at = middle + number - (len(methods) - 1) / 2
        if ("accuracy_3cosadd", method) in table:
            ax.barh(at, table["accuracy_3cosadd", method].reindex(sections), height=0.86, color=colour(method))
        if ("accuracy_3cosmul", method) in table:
            multiplied = True
            values = table["accuracy_3cosmul", method].reindex(sections)
            ax.plot(values, at, linestyle="none", **MARK)
    names = [
        f"{'all sections' if section == WHOLE else section}  ({asked[section]:,.0f} of {whole[section]:,.0f})"
        for section in sections
    ]
    ax.set_yticks(middle, names, parse_math=False)
    if len(sections) > 1:
        ax.axhline(middle[-1] - slot / 2, color=TARGET, linewidth=0.8)
    ax.set(ylim=(middle[-1] + slot / 2, -slot / 2), xlabel="accuracy, of the questions whose words are known")
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="x")
    handles: list[Patch | Line2D] = [Patch(color=colour(method), label=f"{label(method)}, 3CosAdd") for method in methods]
    if multiplied:
        handles.append(Line2D([], [], label="3CosMul", linestyle="none", **MARK))
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    if without := [section for section in named if section not in sections]:
        note = "No question with known words: " + ", ".join(f"{section} ({whole[section]:,.0f})" for section in without)
        figure.supxlabel(textwrap.fill(note, 110), fontsize=7.5, color="#555555", x=0.01, ha="left", parse_math=False)
    set_title(figure, title)
    return figure


@draws("analogy")
def analogies_figures(rows: pd.DataFrame, title: Title) -> Iterator[tuple[str, Figure]]:
    """analogies_SET of each set."""
    for name, own in rows.groupby("set", sort=False):
        yield f"analogies_{name}", analogies_figure(own, title=title(f"Analogies, {name}"))
