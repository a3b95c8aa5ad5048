"""Pure functions of counts: PMI, shifted positive PMI and noise distributions.

Notation: counts n_ij, row sums r_i, column sums c_j, total N.
L&G is Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization" (NIPS 2014).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.counts import CooccurrenceCounts, as_counts
from sgns_pmi.errors import InputError, check_choice, check_real
from sgns_pmi.lazily import sp
from sgns_pmi.memory import check_rows

Float = NDArray[np.float64]
Indices = NDArray[np.integer[Any]]
Rows = slice | NDArray[np.intp]
ALL = slice(None)
NOISES = ("unigram", "center_unigram", "uniform", "zero_share")


def pmi_cells(counts: CooccurrenceCounts, exponent: float = 1.0) -> Float:
    """PMI of the seen cells, in CSR order: log n_ij − log r_i − log c_j + log N (L&G, eq. 10).

    With `exponent` α ≠ 1 the context probability is smoothed, c_j^α / Σ c^α (Levy, Goldberg & Dagan 2015, eq. 3).
    """
    n = counts.matrix
    return pmi_of(counts, n.data, counts.centers, n.indices, exponent)


def pmi_of(counts: CooccurrenceCounts, n: Float, rows: Indices, cols: Indices, exponent: float = 1.0) -> Float:
    """PMI of some seen cells, given as parallel arrays of their counts, centres and contexts; see `pmi_cells`."""
    context = noise_distribution(counts, "unigram", exponent)
    with np.errstate(divide="ignore"):  # rows and columns that never occur have no cells
        log_context = np.log(context)
        log_row = np.log(counts.row_sums)
    return np.log(n) - log_row[rows] - log_context[cols]


def pmi_matrix(counts: Any, rows: Rows = ALL) -> Float:
    """Empirical PMI, dense (rows, contexts), natural log; −inf where a cell was not seen (L&G, eq. 10).

    Parameters
    ----------
    counts : CooccurrenceCounts, array or sparse matrix, (words, contexts)
    rows : slice or index array, default all
        The centres wanted; nothing is made of the others.
    """
    counts = as_counts(counts)
    wanted = counts.matrix[rows].tocoo()
    check_rows(*wanted.shape)
    inside, cols = wanted.coords
    pmi = np.full(wanted.shape, -np.inf)
    pmi[inside, cols] = pmi_of(counts, wanted.data, np.arange(counts.shape[0])[rows][inside], cols)
    return pmi


def sppmi_matrix(counts: Any, k: float, exponent: float = 1.0) -> sp.csr_array:
    """Shifted positive PMI, max(PMI − log k, 0), sparse (L&G, eq. 11).

    Parameters
    ----------
    counts : CooccurrenceCounts, array or sparse matrix, (words, contexts)
    k : number ≥ 1
        The shift is log k.
    exponent : float, default 1
        Context-distribution smoothing α: PMI with P(j) ∝ c_j^α.

    Returns
    -------
    csr_array, (words, contexts)
        Only cells with PMI > log k are stored; there may be none.
    """
    counts = as_counts(counts)
    shifted = pmi_cells(counts, exponent) - np.log(check_real("k", k, 1.0))
    sppmi = counts.with_values(np.maximum(shifted, 0.0)).copy()
    sppmi.eliminate_zeros()
    return sppmi


def noise_distribution(counts: Any, noise: str | ArrayLike = "unigram", exponent: float = 1.0) -> Float:
    """The distribution P_n over contexts from which negatives are drawn.

    Parameters
    ----------
    counts : CooccurrenceCounts, array or sparse matrix, (words, contexts)
    noise : str or array-like (contexts,), default "unigram"
        - "unigram": P_n(j) ∝ c_j^exponent; at exponent 1 the noise of the theory (L&G, eq. 4).
        - "center_unigram": P_n(j) ∝ r_j^exponent, the centre counts used for contexts (square counts only).
        - "uniform": 1 / contexts.
        - "zero_share": share of zero cells in row j, used for context j (square counts only): the R script's choice.
        - an array of weights ≥ 0, normalised to sum to 1.
    exponent : float, default 1
        The smoothing power α of the two unigram noises; word2vec has 0.75.

    Returns
    -------
    ndarray, (contexts,)
        Non-negative, sums to 1. A noise by name is made once for the counts, and read-only.

    Raises
    ------
    InputError
        For an unknown name, a wrong length, negative weights, or P_n(j) = 0 where context j occurs: SGNS has no
        finite optimum in that column.
    """
    counts = as_counts(counts)
    exponent = check_real("exponent", exponent)
    if isinstance(noise, str):
        name = check_choice("noise", noise, NOISES)
        # Every method of a run asks for the same.
        return counts.derived(("noise", name, exponent), lambda: _normalised(_named_noise(counts, name, exponent), name, counts))
    return _normalised(given_noise(noise, counts.shape[1]), "array", counts)


def _named_noise(counts: CooccurrenceCounts, name: str, exponent: float) -> Float:
    words, contexts = counts.shape
    if name in ("center_unigram", "zero_share") and words != contexts:
        raise InputError("noise", name, f"needs a square matrix, not {words} x {contexts}; use unigram or uniform")
    if name == "unigram":
        return _power(counts.col_sums, exponent)
    if name == "center_unigram":
        return _power(counts.row_sums, exponent)
    if name == "uniform":
        return np.ones(contexts)
    return contexts - np.diff(counts.matrix.indptr).astype(np.float64)


def _normalised(weights: Float, name: str, counts: CooccurrenceCounts) -> Float:
    empty = (weights == 0) & (counts.col_sums > 0)
    if empty.any():
        raise InputError(
            "noise",
            name,
            f"is zero at context {int(np.flatnonzero(empty)[0])}, which occurs, so that column has no finite"
            " optimum; choose noise=unigram or give every occurring context some weight",
        )
    return weights / weights.sum()


def _power(sums: Float, exponent: float) -> Float:
    # 0^0 is 1 in floating point, but a context that never occurs has no unigram noise at any exponent.
    # Relative to the largest sum, no power overflows.
    return np.where(sums > 0, (sums / sums.max()) ** exponent, 0.0)


def given_noise(noise: ArrayLike, contexts: int) -> Float:
    """Weights of the noise (contexts,) as they are; `InputError` for what cannot be weights."""
    try:
        weights = np.asarray(noise, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("noise", noise, f"must be one of {', '.join(NOISES)} or an array of weights") from None
    if weights.shape != (contexts,):
        raise InputError("noise", f"array of shape {weights.shape}", f"must have one weight for each of the {contexts} contexts")
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
        raise InputError("noise", "array", "must hold finite weights, none negative, not all zero")
    return weights
