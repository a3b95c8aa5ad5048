"""The figures of what a run's word vectors were asked, found by the question's name. Every module here is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from sgns_pmi.figures.style import save
from sgns_pmi.figures.title import RunTitle
from sgns_pmi.lazily import load_all

Title = Callable[[str], str]
Drawer = Callable[[pd.DataFrame, Title], Iterator[tuple[str, Figure]]]
DRAWERS: dict[str, Drawer] = {}


def draws(question: str) -> Callable[[Drawer], Drawer]:
    """Let a function draw that question: of its rows, and of what makes a title of a subject, it makes files and figures."""

    def register(drawer: Drawer) -> Drawer:
        DRAWERS[question] = drawer
        return drawer

    return register


def question_figures(
    directory: str | Path, title: RunTitle, *, answers: Mapping[str, pd.DataFrame], svg: bool = False
) -> list[Path]:
    """Write the figures of a run's questions.

    Parameters
    ----------
    directory : str or Path
        Where the files go; made if absent.
    title : RunTitle
        For the titles.
    answers : mapping of question name to DataFrame
        The rows of each question.
    svg : bool, default False
        Whether to write .svg files as well.

    Returns
    -------
    list of Path
        analogies_SET.png of each analogy set, similarity.png, sentiment_SET.png of each set of documents, neighbours.png,
        words_PROJECTION_METHOD.png of each map; those that there are.
    """
    written = []
    for question, rows in answers.items():
        if question in DRAWERS:
            for name, figure in DRAWERS[question](rows, title.of):
                written += save(figure, Path(directory) / name, svg)
    return written


load_all(__name__)

__all__ = ["DRAWERS", "draws", "question_figures"]
