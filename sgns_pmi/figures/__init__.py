"""Every figure, one function a file, drawn from tidy frames and plain arrays; `save` writes them.

`run_figures` writes those of one run, `sweep_figures` those of a sweep.
"""

from typing import TYPE_CHECKING

from sgns_pmi.lazily import door

if TYPE_CHECKING:
    from sgns_pmi.figures.convergence import convergence_figure, losses_figure
    from sgns_pmi.figures.finished import draw_run, draw_sweep
    from sgns_pmi.figures.grid import GridPanel, grid_figure, grid_figures
    from sgns_pmi.figures.paper import Look, drawn_as
    from sgns_pmi.figures.questions import question_figures
    from sgns_pmi.figures.recovery import recovery_figure
    from sgns_pmi.figures.registry import RunFrames
    from sgns_pmi.figures.run import run_figures
    from sgns_pmi.figures.spectrum import spectrum_figure
    from sgns_pmi.figures.style import save
    from sgns_pmi.figures.suite import suite_figure
    from sgns_pmi.figures.sweep import heatmap_figure, lines_figure, sweep_figures
    from sgns_pmi.figures.title import RunTitle, settings

__getattr__ = door(__name__)

__all__ = [
    "GridPanel",
    "Look",
    "RunFrames",
    "RunTitle",
    "convergence_figure",
    "draw_run",
    "draw_sweep",
    "drawn_as",
    "grid_figure",
    "grid_figures",
    "heatmap_figure",
    "lines_figure",
    "losses_figure",
    "question_figures",
    "recovery_figure",
    "run_figures",
    "save",
    "settings",
    "spectrum_figure",
    "suite_figure",
    "sweep_figures",
]
