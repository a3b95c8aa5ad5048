"""How a penalty and a dim were chosen: held-out ℓ, rank and error against λ, held-out ℓ and predicted error against dim."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sgns_pmi.figures.registry import RunFrames, run_figure
from sgns_pmi.figures.style import TARGET, colour, decades, label, marker, set_title, styled


@run_figure("path")
def path_figures(run: RunFrames) -> Iterator[tuple[str, Figure]]:
    """path, where a penalty was chosen by held-out pairs."""
    yield "path", path_figure(run.tables["path"], title=run.title.of("A penalty and a dim, chosen by held-out pairs"))


@styled
def path_figure(path: pd.DataFrame, *, title: str) -> Figure:
    """Held-out ℓ, rank and RMSE against λ, held-out ℓ of refits without penalty and predicted RMSE against dim, a line a method.

    Parameters
    ----------
    path : DataFrame
        Columns method, key ("ridge" or "dim"), value, rank, held_out, se, predicted, rmse.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Three panels, and one more each where errors are known and predicted; a dashed line at the λ with the least held-out ℓ,
        at the least dim within a standard error of the best, and at the dim of the least predicted error.
    """
    names = {"held_out": "ℓ of held-out pairs", "rank": "rank", "rmse": "RMSE against the truth, all cells"}
    names |= {"dims": "ℓ of held-out pairs", "predicted": "predicted RMSE, weighted by P"}
    panels = [name for name in names if name not in ("rmse", "predicted") or path[name].notna().any()]
    figure = Figure(figsize=(0.4 + 3.2 * len(panels), 3.4), layout="constrained")
    of = dict(zip(panels, figure.subplots(1, len(panels)), strict=True))
    held_out, rank, dims = (of[name] for name in ("held_out", "rank", "dims"))
    errors, predicted = ([of[name]] if name in of else [] for name in ("rmse", "predicted"))
    for method, own in path.groupby("method", sort=False):
        look = {"color": colour(str(method)), "marker": marker(str(method)), "label": label(str(method))}
        ridge, dim = own[own["key"] == "ridge"], own[own["key"] == "dim"]
        held_out.plot(ridge["value"], ridge["held_out"], **look)
        rank.plot(ridge["value"], ridge["rank"], **look)
        for ax in errors:
            ax.plot(ridge["value"], ridge["rmse"], **look)
        best = ridge["value"].iloc[ridge["held_out"].to_numpy(dtype=float).argmin()]
        tried = dim[dim["held_out"].notna()]
        dims.errorbar(tried["value"], tried["held_out"], tried["se"], capsize=2, **look)
        suggested = dim.loc[dim["held_out"] - dim["held_out"].min() <= dim["se"], "value"].iloc[0]
        for ax, place in ((held_out, best), (rank, best), *((ax, best) for ax in errors), (dims, suggested)):
            ax.axvline(place, color=TARGET, linestyle="--", linewidth=1, zorder=0)
        dims.set_title(f"suggested dim = {suggested:g}")
        held_out.set_title(f"best λ = {best:.2g}")
        rank.set_title(f"rank at the best λ = {ridge['rank'].iloc[ridge['value'].tolist().index(best)]:g}")
        for ax in predicted:
            least = dim["value"].iloc[int(np.nanargmin(dim["predicted"].to_numpy(dtype=float)))]
            ax.plot(dim["value"], dim["predicted"], **look)
            ax.axvline(least, color=TARGET, linestyle="--", linewidth=1, zorder=0)
            ax.set_title(f"predicted dim = {least:g}")
    for ax in (held_out, rank, *errors):
        ax.set_xscale("log")
        decades(ax.xaxis)
        ax.set_xlabel("λ of the penalty")
    dims.set_xlabel("dim, refitted without penalty")
    for ax in predicted:
        ax.set_xlabel("dim of an efficient estimate")
        ax.set_yscale("log")
        decades(ax.yaxis)
    for ax in (dims, *predicted):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    rank.yaxis.set_major_locator(MaxNLocator(integer=True))
    for name, ax in of.items():
        ax.set_ylabel(names[name])
        ax.grid(True)
    held_out.legend()
    set_title(figure, title)
    return figure


__all__ = ["path_figure"]
