"""How a penalty, and a dim, were chosen by held-out pairs: the rows of path.csv."""

from __future__ import annotations

from sgns_pmi.compare.found import Found, RunTable, makes
from sgns_pmi.compare.table import PATH_COLUMNS
from sgns_pmi.lazily import pd


def chosen(found: Found) -> bool:
    """Whether a method has chosen its penalty."""
    return any(getattr(estimator, "path_", None) is not None for estimator in found.fitted.values())


@makes("path", when=chosen)
def path_table(found: Found) -> RunTable:
    """What each method with ``ridge=auto`` tried.

    Returns
    -------
    RunTable
        Columns method, key ("ridge" or "dim"), value (λ, or dim), rank (of the penalised product at λ, or the dim), held_out (ℓ
        of the pairs that were held out) and se (of its difference to the best dim's); as the fact "suggested_dim" what
        `suggested_dims` makes of them.
    """
    frames = [pd.DataFrame(columns=list(PATH_COLUMNS))]
    for name, estimator in found.fitted.items():
        path, dims = getattr(estimator, "path_", None), getattr(estimator, "dims_", None)
        if path is not None and dims is not None:
            frames.append(path.rename(columns={"ridge": "value"}).assign(method=name, key="ridge", se=float("nan")))
            frames.append(dims.rename(columns={"dim": "value"}).assign(method=name, key="dim", rank=dims["dim"]))
    rows = pd.concat([own[list(PATH_COLUMNS)] for own in frames if len(own)] or frames, ignore_index=True)
    return RunTable(rows, {"suggested_dim": suggested_dims(rows)})


def suggested_dims(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Each method's answers to which dim is best: "held_out" (`SGNS.suggested_dim_`), and "penalty_path", the rank at the best λ.

    The latter is too large where a penalty keeps noise; see `sgns_pmi.compare.dims` for what a known P predicts.
    """
    answers = {}
    for name, own in rows.groupby("method", sort=False):
        path, dims = own[own["key"] == "ridge"], own[own["key"] == "dim"]
        good = dims["held_out"] - dims["held_out"].min() <= dims["se"]
        best = path["held_out"].to_numpy(dtype=float).argmin()
        answers[str(name)] = {"held_out": int(dims.loc[good, "value"].iloc[0]), "penalty_path": int(path["rank"].iloc[best])}
    return answers


__all__ = ["path_table", "suggested_dims"]
