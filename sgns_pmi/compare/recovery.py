"""How far an estimate of PMI is from a target, cell by cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.errors import InputError
from sgns_pmi.lazily import pd
from sgns_pmi.streams import stream

Float = NDArray[np.float64]
MOST_RANKED = 4_000_000
"""Cells up to which all are ranked for Spearman's correlation; of more, a sample, whose standard error is below 0.0005."""


def recovery(
    estimate: ArrayLike, target: ArrayLike, weights: ArrayLike | None = None, cells: ArrayLike | None = None
) -> pd.DataFrame:
    """Metrics of an estimate against a target.

    Parameters
    ----------
    estimate, target : array-like, (words, contexts) or (cells,)
        The target is finite where it is defined; cells where it is not (−inf, an empirical PMI's unseen cells) are
        left out of every set. An infinite estimate counts: it makes rmse, mae and bias infinite.
    weights : array-like, of the same shape, optional
        The joint distribution; adds weighted_rmse = √(Σ w (x̂ − x)² / Σ w) for the set "all".
    cells : boolean array-like, of the same shape, optional
        The seen cells (n_ij > 0); adds the sets "seen" and "unseen".

    Returns
    -------
    DataFrame
        Columns cells, metric, value. With e = estimate − target over the cells of a set: rmse = √mean e²; mae = mean |e|;
        bias = mean e; centred_rmse = the standard deviation of e; pearson and spearman correlations (of more than 4 million
        cells Spearman's is that of a sample of so many, always the same); slope and intercept of the least-squares line
        estimate ≈ slope · target + intercept; r2 = 1 − Σ e² / Σ (target − mean)².
        A metric that is undefined (a correlation of a constant, anything centred with infinite values, an empty set)
        has no row.

    Raises
    ------
    InputError
        For arrays of different shapes.
    """
    return pd.DataFrame(recovery_rows(estimate, target, weights, cells), columns=["cells", "metric", "value"])


def recovery_rows(
    estimate: ArrayLike, target: ArrayLike, weights: ArrayLike | None = None, cells: ArrayLike | None = None
) -> list[tuple[str, str, float]]:
    """The rows of `recovery`, of which a run has many."""
    estimate, target = np.asarray(estimate, dtype=np.float64), np.asarray(target, dtype=np.float64)
    for name, array in (("target", target), ("weights", weights), ("cells", cells)):
        if array is not None and np.shape(array) != estimate.shape:
            raise InputError(name, f"array of shape {np.shape(array)}", f"must have the estimate's shape {estimate.shape}")
    defined = np.isfinite(target)
    sets = {"all": defined}
    if cells is not None:
        seen = np.asarray(cells, dtype=bool)
        sets |= {"seen": defined & seen, "unseen": defined & ~seen}
    every = _metrics(_within(estimate, defined), _within(target, defined)) if defined.any() else {}
    rows = [
        (name, metric, value)
        for name, mask in sets.items()
        if mask.any()
        # The other sets are parts of "all", and the same if they are as large.
        for metric, value in (every if mask.sum() == defined.sum() else _metrics(estimate[mask], target[mask])).items()
    ]
    if weights is not None and defined.any():
        w = np.asarray(weights, dtype=np.float64)[defined]
        error = estimate[defined] - target[defined]
        rows.append(("all", "weighted_rmse", float(np.sqrt(np.sum(w * error**2) / w.sum()))))
    return [row for row in rows if not np.isnan(row[2])]


def _within(array: Float, mask: NDArray[np.bool_]) -> Float:
    return array.ravel() if mask.all() else array[mask]


def _metrics(x: Float, t: Float) -> dict[str, float]:
    # Cells may be so many that each of these arrays takes a tenth of the memory: none is kept longer than needed.
    error = x - t
    squares, finite = error @ error, np.isfinite(error).all()
    ranked: Any = slice(None) if len(x) <= MOST_RANKED else stream(0, "ranked cells").choice(len(x), MOST_RANKED, replace=False)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_error = {
            "rmse": float(np.sqrt(np.mean(error**2))),
            "mae": float(np.mean(np.abs(error))),
            "bias": float(np.mean(error)),
            "centred_rmse": float(np.std(error)),
        }
        del error
        dt = t - t.mean()
        variation = dt @ dt if _varies(t) else np.nan
        slope = ((x - x.mean()) @ dt) / variation
        del dt
        return of_error | {
            "pearson": _correlation(x, t),
            "spearman": rank_correlation(x[ranked], t[ranked]),
            "slope": float(slope),
            "intercept": float(x.mean() - slope * t.mean()),
            "r2": float(1 - squares / variation) if finite else np.nan,
        }


def rank_correlation(x: Float, t: Float) -> float:
    """Spearman's correlation: Pearson's of the ranks, which ties share; NaN where either is constant."""
    return _correlation(*(np.asarray(pd.Series(own).rank(), dtype=np.float64) for own in (x, t)))


def _varies(values: Float) -> bool:
    # A constant column may vary in its last bits after a matrix product: that is no variation.
    return bool(np.ptp(values) > 1e-12 * max(1.0, np.abs(values).max()))


def _correlation(x: Float, t: Float) -> float:
    if not (np.isfinite(x).all() and _varies(x) and _varies(t)):
        return np.nan
    dx, dt = x - x.mean(), t - t.mean()
    return float(np.clip((dx @ dt) / np.sqrt((dx @ dx) * (dt @ dt)), -1.0, 1.0))
