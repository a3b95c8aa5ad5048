"""How a penalty and a dim were chosen: held-out ℓ and rank against λ, held-out ℓ and predicted error against dim."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sgns_pmi.figures.registry import RunFrames, run_figure
from sgns_pmi.figures.style import TARGET, colour, label, marker, power, set_title, styled


@run_figure("path")
def path_figures(run: RunFrames) -> Iterator[tuple[str, Figure]]:
    """path, where a penalty was chosen by held-out pairs."""
    yield "path", path_figure(run.tables["path"], title=run.title.of("A penalty and a dim, chosen by held-out pairs"))


@styled
def path_figure(path: pd.DataFrame, *, title: str) -> Figure:
    """Held-out ℓ and rank against λ, held-out ℓ of refits without penalty and predicted RMSE against dim, a line a method.

    Parameters
    ----------
    path : DataFrame
        Columns method, key ("ridge" or "dim"), value, rank, held_out, se, predicted.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Three panels, or four where errors are predicted; a dashed line at the λ with the least held-out ℓ, at the least dim
        within a standard error of the best, and at the dim of the least predicted error.
    """
    known = path["predicted"].notna().any()
    figure = Figure(figsize=(13 if known else 10, 3.4), layout="constrained")
    held_out, rank, dims, *predicted = figure.subplots(1, 4 if known else 3)
    for method, own in path.groupby("method", sort=False):
        look = {"color": colour(str(method)), "marker": marker(str(method)), "label": label(str(method))}
        ridge, dim = own[own["key"] == "ridge"], own[own["key"] == "dim"]
        held_out.plot(ridge["value"], ridge["held_out"], **look)
        rank.plot(ridge["value"], ridge["rank"], **look)
        best = ridge["value"].iloc[ridge["held_out"].to_numpy(dtype=float).argmin()]
        tried = dim[dim["held_out"].notna()]
        dims.errorbar(tried["value"], tried["held_out"], tried["se"], capsize=2, **look)
        suggested = dim.loc[dim["held_out"] - dim["held_out"].min() <= dim["se"], "value"].iloc[0]
        for ax, place in ((held_out, best), (rank, best), (dims, suggested)):
            ax.axvline(place, color=TARGET, linestyle="--", linewidth=1, zorder=0)
        dims.set_title(f"suggested dim = {suggested:g}")
        held_out.set_title(f"best λ = {best:.2g}")
        rank.set_title(f"rank at the best λ = {ridge['rank'].iloc[ridge['value'].tolist().index(best)]:g}")
        for ax in predicted:
            least = dim["value"].iloc[int(np.nanargmin(dim["predicted"].to_numpy(dtype=float)))]
            ax.plot(dim["value"], dim["predicted"], **look)
            ax.axvline(least, color=TARGET, linestyle="--", linewidth=1, zorder=0)
            ax.set_title(f"predicted dim = {least:g}")
    for ax in (held_out, rank):
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(power)
        ax.set_xlabel("λ of the penalty")
    dims.set_xlabel("dim, refitted without penalty")
    for ax in predicted:
        ax.set_xlabel("dim of an efficient estimate")
        ax.set_yscale("log")
    for ax in (dims, *predicted):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    rank.yaxis.set_major_locator(MaxNLocator(integer=True))
    names = ("ℓ of held-out pairs", "rank", "ℓ of held-out pairs", "predicted RMSE, weighted by P")
    for ax, name in zip((held_out, rank, dims, *predicted), names, strict=False):
        ax.set_ylabel(name)
        ax.grid(True)
    held_out.legend()
    set_title(figure, title)
    return figure


__all__ = ["path_figure"]
