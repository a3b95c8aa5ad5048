"""How well methods predict pairs that they were not fitted to: each is fitted once more, to a part of the counts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.deviation import BLOCK_CELLS, scores_objective
from sgns_pmi.compare.optima import fitted_quietly
from sgns_pmi.compare.table import METRIC_COLUMNS
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import METHODS, Factorisation
from sgns_pmi.lazily import pd
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems import Problem
from sgns_pmi.problems.units import hold_out, units_of
from sgns_pmi.streams import stream

log = logging.getLogger("sgns_pmi")

Float = NDArray[np.float64]


def held_out_rows(
    problem: Problem, fitted: Mapping[str, Factorisation], negatives: Negatives, share: float, seed: int = 0
) -> pd.DataFrame:
    """Rows of metrics.csv that say how well each method, fitted to the rest, predicts the pairs held out.

    Of independent draws each pair is held out with probability `share`; where pairs come in units (documents, blocks of a
    text), whole units are.

    Parameters
    ----------
    problem : Problem
    fitted : mapping of method name to fitted estimator
        They stay as they are. λ that ``ridge=auto`` has chosen is kept. What learns from the text itself is left out.
    negatives : Negatives
        Those of the run.
    share : float
    seed : int, default 0
        Of what is held out.

    Returns
    -------
    DataFrame
        Columns of metrics.csv, with estimate corrected, target objective, cells all. Metrics: "held_out", ℓ of the held-out
        counts at the method's scores, with the same K and P_n for all methods; and "held_out_nats", what a held-out pair costs
        in nats by P̂_ij ∝ p_i q_j exp(estimate), below what it costs by independence, p and q being the shares of the kept
        counts: log Σ_ij p_i q_j exp(estimate_ij) − the mean estimate of held-out pairs. It is less than 0 for whatever predicts
        better than independence, and, other than ℓ, can be compared between K and noises.

    Raises
    ------
    InputError
        For counts that cannot be parted.
    """
    kept, held = _parted(problem, share, seed)
    rows: list[tuple[str, str, float]] = []
    for name, estimator in fitted.items():
        needs = METHODS[name].needs
        if needs == "text":
            log.info("%s learns from the text itself, of which nothing is held out; it has no held-out ℓ", name)
            continue
        chosen = {"ridge": getattr(estimator, "ridge_", 0.0)} if estimator.get_params().get("ridge") == "auto" else {}
        again = fitted_quietly(estimator.fresh(**chosen), problem.give(needs) if needs == "truth" else kept)
        rows += [(name, metric, value) for metric, value in prediction(again, kept, held, negatives).items()]
    frame = pd.DataFrame(rows, columns=["method", "metric", "value"])
    return frame.assign(estimate="corrected", target="objective", cells="all")[list(METRIC_COLUMNS)]


def _parted(problem: Problem, share: float, seed: int) -> tuple[CooccurrenceCounts, CooccurrenceCounts]:
    rng = stream(seed, "held out", "of the run")
    try:
        if problem.units is None:
            return problem.counts.thinned(share, rng)
        return hold_out(problem.counts, units_of(problem.units, problem.counts), share, rng)[:2]
    except InputError as error:
        raise InputError("held_out", share, f"cannot part these counts: {error}") from None


def prediction(
    estimator: Factorisation, kept: CooccurrenceCounts, held: CooccurrenceCounts, negatives: Negatives
) -> dict[str, float]:
    """held_out and held_out_nats of an estimator that was fitted to `kept`."""
    p, q = kept.row_sums / kept.total, kept.col_sums / kept.total
    # The scores that the estimate was made of.
    shift = negatives.shift + negatives.offset(kept)
    words, contexts = held.shape
    height = max(1, BLOCK_CELLS // contexts)
    loss = mass = mean = 0.0
    for low in range(0, words, height):
        rows = slice(low, min(low + height, words))
        estimate: Any = np.asarray(estimator.estimate_pmi(True, rows), dtype=np.float64)
        loss += scores_objective(estimate - shift, held, negatives, rows)
        n = held.matrix[rows].tocoo()
        with np.errstate(over="ignore"):
            mass += float(p[rows] @ (np.exp(estimate) @ q))
        mean += float(n.data @ estimate[n.coords]) / held.total
    return {"held_out": loss, "held_out_nats": float(np.log(mass)) - mean}


__all__ = ["held_out_rows", "prediction"]
