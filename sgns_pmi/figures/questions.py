"""The figures of what a run's word vectors were asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sgns_pmi.compare import Answers
from sgns_pmi.compare.words.word_map import WordMap
from sgns_pmi.figures.analogies import analogies_figure
from sgns_pmi.figures.neighbours import neighbours_figure
from sgns_pmi.figures.sentiment import sentiment_figure
from sgns_pmi.figures.style import label, save
from sgns_pmi.figures.title import RunTitle
from sgns_pmi.figures.word_map import words_figure

PROJECTION_NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "plane": "both dimensions as they are"}


def question_figures(
    directory: str | Path, title: RunTitle, *, answers: Answers, maps: Mapping[tuple[str, str], WordMap], svg: bool = False
) -> list[Path]:
    """Write the figures of a run's questions.

    Parameters
    ----------
    directory : str or Path
        Where the files go; made if absent.
    title : RunTitle
        For the titles.
    answers : Answers
        Rows of evaluation.csv and neighbours.csv; either may be empty.
    maps : mapping of (method, projection) to WordMap
    svg : bool, default False
        Whether to write .svg files as well.

    Returns
    -------
    list of Path
        analogies_SET.png of each analogy set, sentiment_SET.png of each set of documents, neighbours.png,
        words_PROJECTION_METHOD.png of each map; those that there are.
    """
    folder = Path(directory)
    written = []
    for (method, projection), own in maps.items():
        subject = f"{label(method)}, the {len(own.words)} most frequent words, {PROJECTION_NAMES[projection]}"
        figure = words_figure(own.panels, own.words, own.clusters, title=title.of(subject), origin=projection == "plane")
        written += save(figure, folder / f"words_{projection}_{method}", svg)
    asked = answers.evaluation
    if len(asked):
        for name, rows in asked[asked["task"] == "analogy"].groupby("set", sort=False):
            figure = analogies_figure(rows, title=title.of(f"Analogies, {name}"))
            written += save(figure, folder / f"analogies_{name}", svg)
        for name, rows in asked[asked["task"] == "sentiment"].groupby("set", sort=False):
            figure = sentiment_figure(rows, title=title.of(f"Sentiment, {name}"))
            written += save(figure, folder / f"sentiment_{name}", svg)
    if len(answers.neighbours):
        figure = neighbours_figure(answers.neighbours, title=title.of("Nearest neighbours"))
        written += save(figure, folder / "neighbours", svg)
    return written
