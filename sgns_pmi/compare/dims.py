"""The best dim of SGNS: predicted from a known distribution, for one method or for any, and found by held-out ℓ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sgns_pmi.compare.limits import predicted_rmse
from sgns_pmi.counts import CooccurrenceCounts, as_counts
from sgns_pmi.errors import InputError, check_seed, check_share
from sgns_pmi.factorise.linalg import plus_terms
from sgns_pmi.factorise.losses.sgns import sgns_objective
from sgns_pmi.factorise.methods.sgns import SGNS
from sgns_pmi.lazily import pd
from sgns_pmi.problems.problem import Units
from sgns_pmi.problems.text_units import TextUnits
from sgns_pmi.problems.units import hold_out, units_of
from sgns_pmi.streams import stream


def efficient_errors(scores: ArrayLike, joint: ArrayLike, pairs: float, bias: bool) -> pd.DataFrame:
    """P-weighted RMSE that an efficient estimate of each dim would have on `pairs` draws: columns dim, from 0 on, and value.

    Bias and variance of docs/math.md, "Best dim", in closed form. Cells weighed by p_i q_j, the best approximation of rank d is
    the truncated singular value decomposition (Eckart & Young 1936), and each parameter of rank d costs 1/N:

        value_d² = Σ_{e > d} τ_e² + (d (words + contexts) − d²) / N,      τ the singular values of √p_i x_ij √q_j.

    So a component is worth having if N τ_d² is above the words + contexts − 2d + 1 parameters that it adds. `predicted_dims`
    knows the method's own optimum and variance, at the price of fits.

    Parameters
    ----------
    scores : array-like, (words, contexts)
        x*, what V Uᵀ (+ b + c) is to hold: the PMI, shifted.
    joint : array-like, (words, contexts)
        P.
    pairs : float
        N.
    bias : bool
        Whether biases hold the effects of rows and columns.

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> problem = sp.softmax_problem(words=50, rank=2)
    >>> errors = efficient_errors(problem.pmi, problem.joint, 1e6, bias=True)
    >>> int(errors["dim"][errors["value"].idxmin()])
    2
    """
    x, P = np.asarray(scores, dtype=np.float64), np.asarray(joint, dtype=np.float64)
    p, q, (words, contexts) = P.sum(1), P.sum(0), P.shape
    if bias:
        x = x - (x @ q)[:, None]
        x = x - p @ x
    values = np.linalg.svd(np.sqrt(p)[:, None] * x * np.sqrt(q), compute_uv=False)
    dims = np.arange(len(values) + 1)
    lost = np.append(np.cumsum(values[::-1] ** 2)[::-1], 0.0)
    return pd.DataFrame({"dim": dims, "value": np.sqrt(lost + dims * (words + contexts - dims) / pairs)})


def predicted_dims(estimator: SGNS, joint: ArrayLike, pairs: float, dims: Iterable[int]) -> pd.DataFrame:
    """What each dim will give on `pairs` draws from P: columns dim and value, the P-weighted RMSE of `predicted_rmse`.

    The smallest is at d*, the dim that minimises bias² + variance: more columns lose less of the PMI and fit more noise.
    """
    values = [(dim, predicted_rmse(estimator.fresh(dim=dim), joint, pairs)) for dim in dims]
    return pd.DataFrame(values, columns=["dim", "value"])


def heldout_dims(
    estimator: SGNS,
    counts: Any,
    dims: Iterable[int],
    share: float = 0.2,
    seed: int = 0,
    units: Units | TextUnits | pd.DataFrame | ArrayLike | None = None,
) -> pd.DataFrame:
    """ℓ of each dim on pairs that were held out: columns dim and value.

    Pairs are held out one by one (binomial thinning), which is right for independent draws; or, as those of text are not, whole
    `units`, as in `inference`. K and P_n are those of the pairs that are fitted.

    Raises
    ------
    InputError
        For counts that are no whole numbers, or a share not between 0 and 1.
    """
    counts = as_counts(counts)
    if units is None:
        kept, held = thinned(counts, share, seed)
    else:
        rng = stream(check_seed(seed), "held out")
        kept, held, *_ = hold_out(counts, units_of(units, counts), check_share("share", share), rng)
    values = []
    for dim in dims:
        fitted = estimator.fresh(dim=dim).fit(kept)
        product = fitted.product(corrected=False)
        assert product is not None
        left, right = product
        V, U = plus_terms(left, right, np.full(len(right), -np.log(fitted.k)))
        loss = sgns_objective(V, U, held, fitted.k, fitted.noise_, drop_positive=fitted.drop_positive)
        values.append((dim, loss))
    return pd.DataFrame(values, columns=["dim", "value"])


def thinned(counts: CooccurrenceCounts, share: float, seed: int = 0) -> tuple[CooccurrenceCounts, CooccurrenceCounts]:
    """The counts in two: each pair is held out with probability `share`; of independent draws the two are independent."""
    share = check_share("share", share)
    n = counts.matrix.data
    if not np.array_equal(n, np.round(n)):
        raise InputError("counts", "real numbers", "must be whole numbers, pairs that can be held out one by one")
    return counts.thinned(share, stream(check_seed(seed), "held out"))


def suggested_dim(table: pd.DataFrame) -> int:
    """The dim with the smallest value in a table of `predicted_dims` or `heldout_dims`."""
    return int(table["dim"].iloc[int(np.argmin(table["value"]))])
