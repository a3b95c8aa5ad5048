"""The figures of one run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sgns_pmi.figures.convergence import convergence_figure, losses_figure
from sgns_pmi.figures.recovery import recovery_figure
from sgns_pmi.figures.spectrum import spectrum_figure
from sgns_pmi.figures.style import save
from sgns_pmi.figures.title import RunTitle

Array = NDArray[np.floating[Any]]
FORMULAS = {"corrected": "corrected estimate", "raw": "raw estimate, $VU^T + \\log k$"}


def run_figures(
    directory: str | Path,
    title: RunTitle,
    *,
    target_name: str,
    target: Array,
    estimates: Mapping[str, Mapping[str, Array]],
    counts: Array,
    metrics: pd.DataFrame,
    history: pd.DataFrame,
    losses: Mapping[str, str] | None = None,
    note: str = "",
    svg: bool = False,
) -> list[Path]:
    """Write the figures of one run.

    Parameters
    ----------
    directory : str or Path
        Where the files go (``figures/`` of the run directory); made if absent.
    title : RunTitle
        For the titles.
    target_name : {"true", "empirical"}
        What `target` is, by the name it has in `metrics`: the true PMI, or the empirical one where no truth is known.
    target : array, (rows, contexts) or (cells,)
        The PMI that estimates are held against; −inf cells (unseen, empirical) are left out and counted in a note.
    estimates : mapping of method name to {"raw": array, "corrected": array}, each of the target's shape
        In the order in which panels shall stand. Where the problem is large, give the same choice of rows of every
        matrix.
    counts : array, (rows, contexts) or (cells,)
        Counts n of the same cells.
    metrics : DataFrame
        Rows of metrics.csv (method, estimate, target, cells, metric, value): the RMSE and correlation of each panel's
        title, and the objective that the best curve reaches.
    history : DataFrame
        Rows of history.csv (method, step, epoch, seconds, objective); may be empty.
    losses : mapping of method name to str, optional
        What `history` holds of the methods that do not minimise ℓ; they get a panel each.
    note : str, default ""
        What was left out, for the title of the recovery figures.
    svg : bool, default False
        Whether to write .svg files as well.

    Returns
    -------
    list of Path
        recovery.png; recovery_raw.png if for some method raw and corrected differ (by more than rounding); spectrum.png, of
        matrices alone; convergence.png and losses.png if `history` has rows for them; and their .svg on request.
    """
    folder = Path(directory)
    kinds = ["corrected"]
    # Unigram noise has a correction of 0, up to rounding: the same picture again.
    if not all(np.allclose(pair["raw"], pair["corrected"], rtol=0, atol=1e-9) for pair in estimates.values()):
        kinds.append("raw")
    written = []
    for kind in kinds:
        chosen = metrics[(metrics["estimate"] == kind) & (metrics["target"] == target_name) & (metrics["cells"] == "all")]
        figure = recovery_figure(
            {method: pair[kind] for method, pair in estimates.items()},
            target,
            counts,
            chosen,
            target_name=target_name,
            title=title.of(f"Recovery of PMI ({FORMULAS[kind]}{f'; {note}' if note else ''})"),
        )
        written += save(figure, folder / ("recovery" if kind == "corrected" else "recovery_raw"), svg)
    if target.ndim == 2:
        figure = spectrum_figure(
            {method: pair["corrected"] for method, pair in estimates.items()},
            target,
            target_name=target_name,
            dim=title.dim,
            pmi_rank=title.pmi_rank,
            title=title.of("Singular values"),
        )
        written += save(figure, folder / "spectrum", svg)
    own = history["method"].isin(losses or {})
    history, others = history[~own], history[own]
    if len(history):
        reached = metrics.loc[(metrics["target"] == "objective") & (metrics["metric"] == "value"), ["method", "value"]]
        # Only these methods minimise ℓ, and only their optimum is bound to this dim.
        best = min(history["objective"].min(), reached.loc[reached["method"].isin(history["method"]), "value"].min())
        figure = convergence_figure(history, best=float(best), title=title.of("Convergence"))
        written += save(figure, folder / "convergence", svg)
    if losses and len(others):
        figure = losses_figure(others, losses, title=title.of("What other methods minimise"))
        written += save(figure, folder / "losses", svg)
    return written
