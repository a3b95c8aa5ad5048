"""Standard errors, intervals and tests of every cell's PMI estimate."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from sgns_pmi.compare.all_cells import all_variances, hindrance
from sgns_pmi.compare.sandwich import DENSE_PARAMETERS, Loss, LowRankFit, Noise, Sandwich, Side
from sgns_pmi.compare.table import INTERVAL_COLUMNS
from sgns_pmi.compare.training import Training
from sgns_pmi.counts import CooccurrenceCounts, as_counts
from sgns_pmi.errors import InputError, check_flag, check_real
from sgns_pmi.factorise.base import Factorisation
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.methods.numpy_sgns import NumpySGNS
from sgns_pmi.factorise.methods.sgns import SGNS
from sgns_pmi.factorise.methods.softmax_mle import EFFECTS, SoftmaxMLE
from sgns_pmi.factorise.solvers.sampled import Sampled
from sgns_pmi.lazily import pd, sp
from sgns_pmi.problems.problem import Problem, Units
from sgns_pmi.problems.text_units import TextUnits
from sgns_pmi.problems.units import units_of
from sgns_pmi.streams import stream

log = logging.getLogger("sgns_pmi")

Float = NDArray[np.float64]
Ints = NDArray[np.integer]

BY_FORMULA = (SGNS, SoftmaxMLE)
"""Methods that minimise a sum of losses of cells."""
COLUMNS = INTERVAL_COLUMNS[1:]
REPLICATES = 200  # of the bootstrap: a standard error is then known to 5 %
LEAST_SIGNAL = 5.0  # of `Sandwich.signal`: errors are then some 4 % larger than the formula's


def inference(
    estimator: Factorisation,
    counts: Any,
    units: Units | TextUnits | pd.DataFrame | ArrayLike | None = None,
    cells: ArrayLike | None = None,
    level: float = 0.95,
    *,
    corrected: bool = True,
) -> pd.DataFrame:
    """Standard error, interval and test of PMI = 0 for cells of a fitted estimate.

    SGNS and `SoftmaxMLE` minimise a sum of losses of cells, so that their variance is the sandwich's (see
    `sgns_pmi.compare.sandwich`): also of cells that were never seen, to which a low rank lends the others' information. The
    interval is about the estimate's own population value: the true PMI if the model holds it (dim at least the PMI's rank),
    else the best approximation at that dim; with a penalty it is the shrunken value; see `error_budget`. Where ℓ has several
    local optima, or none, no local formula knows it. Training by mini-batches adds the noise of its last steps (see
    `sgns_pmi.compare.training`); how far it is from having converged no standard error knows.

    Other methods (SVDs of functions of counts that jump where a cell is first seen, which no derivative follows) are fitted
    anew to 200 resamples of the pairs or of the units; their intervals know nothing of bias.

    Parameters
    ----------
    estimator : Factorisation
        Fitted to `counts`.
    counts : CooccurrenceCounts, array or sparse matrix, (words, contexts)
    units : Units, TextUnits, DataFrame or array (n, 4), optional
        What the counts are the sum of: `Problem.units`, or columns unit, center, context (indices from 0) and count. Pairs of one
        unit (a document, a stretch of text) may depend on each other, those of different units may not. Without units every pair
        is independent, which pairs from text are not.
    cells : array-like (n, 2), optional
        Centers and contexts wanted, as indices or, where the counts have words, as words. By default all cells; where the fit
        has more than 2,000 parameters, of at most two million cells, and with standard errors that are known to 2 % if there
        are no units. For larger tables, name the cells.
    level : float, default 0.95
        Nominal coverage of the interval, estimate ± z se.
    corrected : bool, default True
        Whether the estimate is the corrected or the raw one, as in `estimate_pmi`.

    Returns
    -------
    DataFrame
        center, context (words where there are, else indices), estimate, se, lower, upper (nats), z = estimate / se, p_value
        (two-sided, of PMI = 0) and q_value (Benjamini & Hochberg 1995, over the cells of the table). Cells of words that never
        occur have no se.

    Raises
    ------
    InputError
        For counts of another shape than the fit's, units that do not sum to them, unknown cells, or too many.

    Examples
    --------
    >>> import sgns_pmi as sp
    >>> from sgns_pmi.compare.inference import inference
    >>> counts = sp.softmax_problem(words=20, rank=1, pairs=10_000).counts
    >>> inference(sp.SGNS(dim=3).fit(counts), counts, cells=[(0, 1)])[["center", "context"]].values.tolist()
    [[0, 1]]
    """
    table, sandwich = inferred(estimator, counts, units, cells, level, corrected)
    if sandwich is not None and (line := faint(sandwich.signal)):
        log.warning(line)
    return table


def inferred(
    estimator: Factorisation,
    counts: Any,
    units: Units | TextUnits | pd.DataFrame | ArrayLike | None,
    cells: ArrayLike | None,
    level: float,
    corrected: bool = True,
) -> tuple[pd.DataFrame, Sandwich | None]:
    """The table of `inference`, and what it was made from where there is a formula."""
    counts, level, corrected = as_counts(counts), _level(level), check_flag("corrected", corrected)
    estimator.check_fitted()
    if hasattr(estimator, "V_") and (fitted := (len(estimator.V_), len(estimator.U_))) != counts.shape:
        raise InputError("counts", f"of shape {counts.shape}", f"must be those that were fitted, {fitted[0]} x {fitted[1]}")
    if cells is None:
        center, context = (side.ravel() for side in np.indices(counts.shape))
    else:
        center, context = cells_of(cells, (counts.vocab, counts.context_vocab), counts.shape)
    by_unit = None if units is None else units_of(units, counts)
    order = np.lexsort((context, center))  # estimates of cells want ascending rows
    estimate, variance = np.empty(len(center)), np.empty(len(center))
    ordered = center[order], context[order]
    fit = linearised(estimator, counts, corrected)
    estimate[order] = estimator.estimate_cells(*ordered, corrected)
    sandwich = None if fit is None else Sandwich(fit, counts, by_unit)
    if sandwich is None:
        variance[order] = _bootstrap(estimator, counts, by_unit, *ordered, corrected)
    else:
        if cells is not None or sandwich.parameters <= DENSE_PARAMETERS:
            variance[order] = sandwich.cell_variances(*ordered)
        elif reason := hindrance(sandwich):
            raise InputError("cells", None, f"name the cells; {reason}")
        else:
            variance = all_variances(sandwich).ravel()
    occurs = (counts.row_sums[center] > 0) & (counts.col_sums[context] > 0)
    return _table(counts, center, context, estimate, np.where(occurs, np.sqrt(variance), np.nan), level), sandwich


def faint(signal: float) -> str:
    """A warning for a fit whose weakest component is too near to the noise for its intervals; empty for any other."""
    if signal >= LEAST_SIGNAL:
        return ""
    said = f"the weakest component of the estimate is but {signal:.1f} times its noise: errors are some {signal**-2:.0%} larger"
    return f"{said} than the intervals say; take a smaller dim, biases, a smaller k or more pairs"


def assumed(problem: Problem) -> str:
    """What the intervals of a problem take as independent."""
    if problem.units is not None:
        return f"{problem.units.what} as independent, their pairs not"
    pairs = "every pair as independent"
    return pairs if problem.truth is not None else f"{pairs}, which those of a text are not, as no units are known"


def linearised(estimator: Factorisation, counts: CooccurrenceCounts, corrected: bool = True) -> LowRankFit | None:
    """The sum of losses that an estimator minimised and the point it found; None for a method that minimises none of these."""
    if isinstance(estimator, SGNS):
        sampled, negatives = trained(estimator), estimator.negatives_
        assert negatives is not None, "a fitted SGNS has its negatives"
        if sampled:
            log.warning("SGNS was trained: standard errors have the noise of its draws, and not what training had left to learn")
        elif estimator.status_ not in ("optimum", "local optima"):
            log.warning("SGNS has not converged: standard errors are those of an optimum, and may mean nothing here")
        follows: dict[str, Side] = {"unigram": "context", "center_unigram": "center"}
        side = follows.get(estimator.noise) if isinstance(estimator.noise, str) else None
        return LowRankFit(
            np.asarray(estimator.V_, dtype=np.float64),
            np.asarray(estimator.U_, dtype=np.float64),
            estimator.row_bias_,
            estimator.col_bias_,
            Loss(estimator.k, estimator.noise_ if negatives.drops else None),
            Noise(estimator.noise_) if side is None else Noise(estimator.noise_, estimator.exponent, side),
            corrected,
            Ridge.of(counts, estimator.ridge_, estimator.ridge_weights) if getattr(estimator, "ridge_", 0.0) else None,
            training=_training(estimator, counts) if sampled else None,
        )
    if isinstance(estimator, SoftmaxMLE):
        # Its score is the PMI itself; what the theory of SGNS calls noise is the contexts' own distribution.
        noise = Noise(counts.col_sums / counts.total, 1.0)
        occurs = counts.row_sums > 0, counts.col_sums > 0
        return LowRankFit(*with_effects(estimator.V_, estimator.U_, *occurs), Loss(None), noise, corrected=False)
    return None


def trained(estimator: SGNS) -> bool:
    """Whether an SGNS was trained with drawn negatives, and did not minimise ℓ itself."""
    solver = getattr(estimator, "solver", Sampled.name)  # that by NumPy has none to choose, and trains
    return solver == Sampled.name or isinstance(solver, Sampled)


def _training(estimator: SGNS, counts: CooccurrenceCounts) -> Training | None:
    """How an SGNS was trained; None by blocks, whose draws are many or, of few contexts, all that there are."""
    end = estimator.history_.iloc[-1]
    if not end["epoch"]:
        return None
    given = {"epochs": float(end["epoch"]), "batches": max(1, round(end["step"] / end["epoch"]))}
    if isinstance(estimator, NumpySGNS):
        return Training(**given, optimizer="adam", rate=float(estimator.lr), decays=True)
    solver = Sampled() if estimator.solver == Sampled.name else estimator.solver
    assert isinstance(solver, Sampled)
    if solver.scheme(counts.nnz) == "block":
        return None
    return Training(**given, optimizer=solver.optimizer, rate=solver.first_rate, decays=solver.decay == "linear")


def with_effects(
    left: Float, right: Float, row_occurs: NDArray[np.bool_], col_occurs: NDArray[np.bool_]
) -> tuple[Float, Float, Float, Float]:
    """V, U, b and c with V Uᵀ + b + c = left · rightᵀ, V and U two columns narrower: M + b + c of rank(M) + 2, taken apart.

    Doubly centred, the product is the doubly centred M, and its effects follow. Words that never occur have zeros.
    """
    row_mean, col_mean = left[row_occurs].mean(0), right[col_occurs].mean(0)
    L, R = (left - row_mean) * row_occurs[:, None], (right - col_mean) * col_occurs[:, None]
    (q_left, r_left), (q_right, r_right) = np.linalg.qr(L), np.linalg.qr(R)
    a, values, b = np.linalg.svd(r_left @ r_right.T)
    rank = left.shape[1] - EFFECTS
    V, U = q_left @ a[:, :rank] * np.sqrt(values[:rank]), q_right @ b[:rank].T * np.sqrt(values[:rank])
    return V, U, (L @ col_mean + row_mean @ col_mean) * row_occurs, (R @ row_mean) * col_occurs


def _bootstrap(
    estimator: Factorisation,
    counts: CooccurrenceCounts,
    units: Iterable[sp.csr_array] | None,
    center: Ints,
    context: Ints,
    corrected: bool,
) -> Float:
    """Variances over resamples of the pairs, or of the units, with replacement (Efron 1979)."""
    rng = stream(getattr(estimator, "seed", 0), "bootstrap")
    n = counts.matrix
    by_unit = None if units is None else sp.vstack(list(units), format="csr")
    replicate, mean, squares = estimator.fresh(), np.zeros(len(center)), np.zeros(len(center))
    for number in range(1, REPLICATES + 1):
        if by_unit is None:
            resampled = rng.multinomial(round(counts.total), n.data / n.data.sum()).astype(np.float64)
        else:
            resampled = rng.multinomial(by_unit.shape[0], np.full(by_unit.shape[0], 1 / by_unit.shape[0])) @ by_unit
        drawn = CooccurrenceCounts(
            sp.csr_array((resampled, n.indices.copy(), n.indptr.copy()), shape=n.shape), counts.vocab, counts.context_vocab
        )
        with np.errstate(invalid="ignore"):  # cells of −∞ have no variance
            change = replicate.fit(drawn).estimate_cells(center, context, corrected) - mean
            mean += change / number
            squares += change**2 * (number - 1) / number
    return squares / (REPLICATES - 1)


def cells_of(
    cells: ArrayLike, vocabularies: tuple[tuple[str, ...] | None, tuple[str, ...] | None], shape: tuple[int, int]
) -> tuple[Ints, Ints]:
    """Indices of pairs (n, 2) that are given as indices or words; an `InputError` for one that is neither."""
    wanted = np.asarray(cells)
    if wanted.ndim != 2 or wanted.shape[1] != 2:
        raise InputError("cells", f"array of shape {wanted.shape}", "must be pairs of a center and a context, (n, 2)")
    first, second = (_indices(column, names, size) for column, names, size in zip(wanted.T, vocabularies, shape, strict=True))
    return first, second


def _indices(column: NDArray[Any], names: tuple[str, ...] | None, size: int) -> Ints:
    if column.dtype.kind in "iu":
        index, inside = column, (column >= 0) & (column < size)
        remedy = f"must be an index from 0 and below {size}"
    elif names is None:
        raise InputError("cells", column[0], "must hold indices, as these counts have no words")
    else:
        index = pd.Index(names).get_indexer(pd.Index(column.astype(str)))
        inside, remedy = index >= 0, "is not in the vocabulary of the counts"
    if not inside.all():
        raise InputError("cells", column[~inside][0], remedy)
    return index


def _table(counts: CooccurrenceCounts, center: Ints, context: Ints, estimate: Float, se: Float, level: float) -> pd.DataFrame:
    half = ndtri(0.5 + level / 2) * se
    with np.errstate(invalid="ignore", divide="ignore"):
        z = estimate / se
    p_value, tested = 2 * ndtr(-np.abs(z)), np.isfinite(z)
    q_value = np.full(len(z), np.nan)
    q_value[tested] = scipy.stats.false_discovery_control(p_value[tested]) if tested.any() else np.nan
    columns = [named(center, counts.vocab), named(context, counts.context_vocab), estimate, se, estimate - half, estimate + half]
    return pd.DataFrame(dict(zip(COLUMNS, [*columns, z, p_value, q_value], strict=True)))


def named(index: Ints, names: tuple[str, ...] | None) -> Any:
    """The words of some indices, or the indices where there are no words."""
    return index if names is None else np.asarray(names, dtype=object)[index]


def _level(level: object) -> float:
    number = check_real("level", level, above=True)
    if number >= 1:
        raise InputError("level", level, "must be between 0 and 1, as 0.95")
    return number
