"""Singular values of the target and of every estimate: what rank each of them has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MultipleLocator, NullLocator
from numpy.typing import NDArray

from sgns_pmi.compare.singular import leading_singular_values
from sgns_pmi.figures.registry import RunFrames, run_figure
from sgns_pmi.figures.style import TARGET, colour, decades, label, marker, plain, set_title, styled

Array = NDArray[np.floating[Any]]

LEADING = 50
"""How many singular values are shown, at least."""
FLOOR = 1e-4
"""Singular values below this share of the target's largest are rounding or nearly so, and left out."""
MOST_LINEAR = 12
"""Beyond so many singular values their index has a log scale."""


@run_figure()
def spectrum_figures(run: RunFrames) -> Iterator[tuple[str, Figure]]:
    """spectrum, of matrices alone: single cells have none."""
    shown = run.shown
    if shown.target.ndim == 2:
        figure = spectrum_figure(
            shown.estimates("corrected"),
            shown.target,
            target_name=shown.target_name,
            dim=run.title.dim,
            pmi_rank=run.title.pmi_rank,
            title=run.title.of("Singular values"),
        )
        yield "spectrum", figure


@styled
def spectrum_figure(
    estimates: Mapping[str, Array], target: Array, *, target_name: str, dim: int, pmi_rank: int | None, title: str
) -> Figure:
    """Leading singular values of the target PMI and of each method's estimate, on a log scale.

    An SGNS estimate V·Uᵀ + log k, with its column correction, can have rank dim + 2 where the fit did not come close.

    Parameters
    ----------
    estimates : mapping of method name to array, (rows, contexts)
    target : array, (rows, contexts)
        Infinite cells, of it or of an estimate, count as 0, and the figure says so.
    target_name : str
        "true" or "empirical".
    dim : int
        Dimension of the factors; a vertical line.
    pmi_rank : int or None
        Rank of the true PMI where known; a vertical line.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    count = min(max(LEADING, int(1.2 * dim)), min(target.shape))
    figure = Figure(figsize=(8.4, 4.2), layout="constrained")
    ax = figure.subplots()
    top = leading_singular_values(target, count)
    floor = FLOOR * (top[0] or 1.0)
    kept = top[top > floor]
    ax.plot(
        np.arange(1, len(kept) + 1),
        kept,
        color=TARGET,
        marker="s",
        markersize=9,
        markerfacecolor="none",
        linestyle="none",
        label=f"{target_name} PMI",
        zorder=4,
    )
    shown = max(dim, pmi_rank or 0, len(kept))
    for method, estimate in estimates.items():
        values = leading_singular_values(estimate, count)
        values = values[values > floor]
        ax.plot(np.arange(1, len(values) + 1), values, color=colour(method), marker=marker(method), label=label(method))
        shown = max(shown, len(values))
    if pmi_rank is not None and pmi_rank != dim:
        ax.axvline(pmi_rank, color=TARGET, linestyle="--", linewidth=1, label=f"rank of true PMI = {pmi_rank}", zorder=0)
    both = " = rank of true PMI" if pmi_rank == dim else ""
    ax.axvline(dim, color=TARGET, linestyle=":", linewidth=1.4, label=f"dim{both} = {dim}", zorder=0)
    ax.set_yscale("log")
    decades(ax.yaxis)
    if shown > MOST_LINEAR:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlim(0.85, 1.2 * shown)
    else:
        ax.xaxis.set_major_locator(MultipleLocator(1))
        ax.set_xlim(0.5, shown + 0.5)
    ax.xaxis.set_major_formatter(plain)
    ax.set(xlabel="index of singular value", ylabel="singular value (nats)")
    ax.grid(True)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    if not all(np.isfinite(matrix).all() for matrix in (target, *estimates.values())):
        ax.text(0.98, 0.97, "cells at −∞ taken as 0", transform=ax.transAxes, ha="right", va="top", fontsize=7, color="#555555")
    set_title(figure, title)
    return figure
