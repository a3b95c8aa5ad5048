"""How a penalty, and a dim, were chosen by held-out pairs: the rows of path.csv."""

from __future__ import annotations

import numpy as np

from sgns_pmi.compare.dims import efficient_errors
from sgns_pmi.compare.found import Found, RunTable, makes
from sgns_pmi.compare.table import PATH_COLUMNS
from sgns_pmi.factorise.methods.sgns import SGNS
from sgns_pmi.lazily import pd
from sgns_pmi.problems import Problem


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
        of the pairs that were held out), se (of its difference to the best dim's) and, where a truth is known, predicted of
        dims (`efficient_errors`, also of dims that were not tried) and rmse of the estimate at each λ, over all cells; as the
        fact "suggested_dim" what `suggested_dims` makes of them.
    """
    frames = [pd.DataFrame(columns=list(PATH_COLUMNS))]
    for name, estimator in found.fitted.items():
        path, dims = getattr(estimator, "path_", None), getattr(estimator, "dims_", None)
        if isinstance(estimator, SGNS) and path is not None and dims is not None:
            known = _errors(found.problem, estimator)
            frames.append(path.rename(columns={"ridge": "value"}).assign(method=name, key="ridge", se=float("nan"), rmse=known))
            dims = dims.merge(_predicted(found.problem, estimator), how="outer", on="dim").sort_values("dim")
            frames.append(dims.rename(columns={"dim": "value"}).assign(method=name, key="dim", rank=dims["dim"]))
    rows = pd.concat([own.reindex(columns=list(PATH_COLUMNS)) for own in frames if len(own)] or frames, ignore_index=True)
    return RunTable(rows, {"suggested_dim": suggested_dims(rows)})


def _errors(problem: Problem, estimator: SGNS) -> list[float] | float:
    """RMSE over all cells of the estimate at each λ of the path; NaN where no PMI is known that is finite."""
    pmi = problem.pmi
    if pmi is None or not np.isfinite(pmi).all():
        return float("nan")
    return [float(np.sqrt(np.mean((estimate - pmi) ** 2))) for estimate in estimator.path_estimates()]


def _predicted(problem: Problem, estimator: SGNS) -> pd.DataFrame:
    """Columns dim, from 1 to two beyond the best, and predicted; without rows where no PMI is known that is finite."""
    pmi, joint, negatives = problem.pmi, problem.joint, estimator.negatives_
    if pmi is None or joint is None or negatives is None or not np.isfinite(pmi).all():
        return pd.DataFrame({"dim": np.empty(0, dtype=int), "predicted": np.empty(0)})
    scores = pmi - negatives.shift - negatives.offset(joint)
    errors = efficient_errors(scores, joint, problem.counts.total, estimator.bias)[1:].rename(columns={"value": "predicted"})
    return errors[: int(np.argmin(errors["predicted"])) + 3]


def suggested_dims(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Each method's answers to which dim is best.

    "held_out" (`SGNS.suggested_dim_`); "penalty_path", the rank at the best λ, too large where a penalty keeps noise; and, where
    a truth is known, "predicted", the dim of the least `efficient_errors`.
    """
    answers = {}
    for name, own in rows.groupby("method", sort=False):
        path, dims = own[own["key"] == "ridge"], own[own["key"] == "dim"]
        good = dims["held_out"] - dims["held_out"].min() <= dims["se"]
        best = path["held_out"].to_numpy(dtype=float).argmin()
        found = {"held_out": int(dims.loc[good, "value"].iloc[0]), "penalty_path": int(path["rank"].iloc[best])}
        if dims["predicted"].notna().any():
            found["predicted"] = int(dims["value"].iloc[int(np.nanargmin(dims["predicted"].to_numpy(dtype=float)))])
        answers[str(name)] = found
    return answers


__all__ = ["path_table", "suggested_dims"]
