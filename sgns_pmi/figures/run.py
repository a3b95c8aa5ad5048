"""The figures of one run."""

from __future__ import annotations

from pathlib import Path

from sgns_pmi.figures.registry import RUN_FIGURES, RunFrames
from sgns_pmi.figures.style import save
from sgns_pmi.lazily import load_all


def run_figures(directory: str | Path, frames: RunFrames, *, svg: bool = False) -> list[Path]:
    """Write the figures of one run.

    Parameters
    ----------
    directory : str or Path
        Where the files go (``figures/`` of the run directory); made if absent.
    frames : RunFrames
    svg : bool, default False
        Whether to write .svg files as well.

    Returns
    -------
    list of Path
        The files of each figure in `RUN_FIGURES` whose tables have rows, as recovery.png; and their .svg on request.
    """
    # A figure registers when its file is loaded, and nothing loads it before.
    load_all("sgns_pmi.figures")
    written = []
    for needs, draw in RUN_FIGURES:
        if frames.has(needs):
            for name, figure in draw(frames):
                written += save(figure, Path(directory) / name, svg)
    return written
