"""The penalised optimum: found at the rank that it has, with a proof that it is the global one, and λ chosen by held-out ℓ.

    ℓ_λ(V, U, b, c) = ℓ(V Uᵀ + b 1ᵀ + 1 cᵀ) + (λ/2)(Σ_i ω_i |v_i|² + Σ_j η_j |u_j|²)

With enough columns this is the convex problem ℓ(X) + λ ‖Ω^½ X H^½‖_* (Srebro, Rennie & Jaakkola 2004), so that a stationary
point is the global minimum if no rank-one direction leads down: σ_max(Ω^−½ G H^−½) ≤ λ, with G = ∂ℓ/∂X. Columns are added
along those that do, and the search ends where there are none, or where `dim` columns are used. See docs/math.md, "Penalty".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.checkpoints import current
from sgns_pmi.factorise.linalg import balanced, truncated_svd
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.factorise.solvers.biases import Parts, given, parts, with_biases
from sgns_pmi.factorise.solvers.newton import Newton
from sgns_pmi.factorise.solvers.quasi_newton import QuasiNewton
from sgns_pmi.factorise.solvers.solution import History, Status
from sgns_pmi.factorise.solvers.starts import NEARLY
from sgns_pmi.lazily import pd, sp
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems.units import hold_out
from sgns_pmi.progress import Progress
from sgns_pmi.streams import stream

Float = NDArray[np.float64]

PROVEN = 1e-6  # above 1, up to which σ_max/λ counts as at most 1: rounding of the stationary point
RANK = 1e-6  # singular values of the solution, relative to the largest, that count
CERTIFIED_CELLS = 25_000_000  # words x contexts up to which G is formed
NEW_COLUMNS = 5  # added at a time
MOST_ROUNDS = 40
HALVINGS = 30
HELD_OUT = 0.2  # share of the counts that λ and the rank are judged by
STEP, STRIDE = 0.5, 2  # from one λ to the next, and how many of them the path first goes at once
WORSE = 2  # ranks in a row that bring no better held-out ℓ end the search
MOST_PATH = 30
PATH_TOLERANCE = 1e-6  # of ℓ, promised by a path's last step; held-out ℓ is then off by 1e-4 at most, and near ties are luck
PATH_STEPS, REFIT_STEPS = 60, 100


@dataclass(frozen=True)
class RidgeFit:
    """A stationary point of ℓ_λ.

    Parameters
    ----------
    factors : Parts
        V (words, width) and U (contexts, width), width at most `dim`, and the biases.
    objective : float
        ℓ_λ there.
    certificate : float
        σ_max(Ω^−½ G H^−½) / λ: at most 1, but for rounding, at the global minimum; NaN where there is no room for G.
    rank : int
        Of V Uᵀ.
    converged, interrupted : bool
        Whether the search came to its end; whether Ctrl-C ended it.
    """

    factors: Parts
    objective: float
    certificate: float
    rank: int
    converged: bool
    interrupted: bool

    @property
    def status(self) -> Status:
        """An optimum is one with a proof; without one, it is one of perhaps several, as `dim` is below the optimum's rank."""
        if self.interrupted:
            return "interrupted"
        if not self.converged:
            return "step limit"
        return "optimum" if self.certificate <= 1 + PROVEN else "local optima"


@dataclass(frozen=True)
class Choice:
    """What held-out counts say.

    Parameters
    ----------
    ridge : float
        The λ of the path with the least held-out ℓ.
    dim : int
        The least rank whose refit without penalty is, within a standard error, as good as the best one's.
    path, dims : DataFrame
        Columns ridge, rank, held_out, objective, certificate; and dim, held_out, se (of the difference to the best).
    start : Parts
        The penalised factors at `ridge`, of the counts that were not held out.
    fits : tuple of Parts
        Those of every λ of the path.
    """

    ridge: float
    dim: int
    path: pd.DataFrame
    dims: pd.DataFrame
    start: Parts
    fits: tuple[Parts, ...]


def solve_ridge(
    counts: CooccurrenceCounts,
    dim: int,
    negatives: Negatives,
    ridge: Ridge,
    *,
    engine: type[Newton] | type[QuasiNewton] = Newton,
    bias: bool,
    start: Parts | None = None,
    history: History | None = None,
    tolerance: float | None = None,
    max_steps: int = 500,
    device: str = "cpu",
    progress: Progress | None = None,
) -> RidgeFit:
    """Minimise ℓ_λ over V (words, dim) and U (contexts, dim), and over free biases when asked; Ctrl-C keeps what was found.

    Parameters
    ----------
    engine : {Newton, QuasiNewton}
        The descent from each width of the factors to the next.
    start : Parts, optional
        Where to begin, of any width up to `dim`; by default at V = U = 0, which Newton steps try too where the end has no proof.
    """
    exact = ExactObjective(counts, negatives, device=device)
    history, progress = history or History(), progress or Progress("SGNS (ridge)", max_steps, False)
    tolerance = engine.tolerance if tolerance is None else tolerance
    empty, own = _empty(counts, negatives, bias), (engine, bias, max_steps, progress)
    fit = _descended(exact, dim, start or empty, history, ridge, tolerance, *own)
    if start is None or fit.interrupted or engine is not Newton or not fit.certificate > 1 + PROVEN:
        return fit
    # Along a path of λ the columns that `dim` leaves room for may be those of a larger λ for ever.
    fresh = History()
    other = _descended(exact, dim, empty, fresh, ridge, max(tolerance, NEARLY), *own)
    if other.objective < fit.objective and not other.interrupted:
        other = _descended(exact, dim, other.factors, fresh, ridge, tolerance, *own)
    if not other.objective < fit.objective:
        return replace(fit, interrupted=other.interrupted)
    history.rows[:] = fresh.rows
    return other


def _descended(
    exact: ExactObjective,
    dim: int,
    factors: Parts,
    history: History,
    ridge: Ridge,
    tolerance: float,
    engine: type[Newton] | type[QuasiNewton],
    bias: bool,
    max_steps: int,
    progress: Progress,
) -> RidgeFit:
    """The stationary point that is reached from these factors, by columns added as long as one leads down."""
    steps, converged, interrupted, objective, checkpoint = 0, False, False, math.nan, current()
    for _ in range(MOST_ROUNDS):
        factors = _compressed(factors, ridge)
        width = factors.V.shape[1]
        sigma, left, right = _slopes(exact, _tensors(factors, bias, exact), ridge, min(NEW_COLUMNS, dim - width))
        wanted = int((sigma[: dim - width] > ridge.strength * (1 + PROVEN)).sum())
        if width == wanted == 0 and not bias:  # nothing can move
            converged, objective = True, exact.value(*_tensors(factors, bias, exact))
        if interrupted or steps >= max_steps or (converged and wanted == 0):
            break
        if wanted:
            factors = _widened(factors, exact, ridge, bias, sigma[:wanted], left[:, :wanted], right[:, :wanted])
        descent = engine(exact.penalised(ridge, factors.V.shape[1]), [given(factors)], bias, history)
        try:
            descent.converge_in(checkpoint.part(), tolerance, max_steps - steps, progress)
        except KeyboardInterrupt:
            interrupted = True
        converged, objective, steps = descent.converged, descent.objective, steps + max(descent.steps, 1)
        V, U = (factor.cpu().numpy() for factor in descent.factors)
        factors = parts(V, U, bias)
    return RidgeFit(factors, objective, float(sigma[0]) / ridge.strength, width, converged and not wanted, interrupted)


def largest_ridge(counts: CooccurrenceCounts, negatives: Negatives, ridge: Ridge, bias: bool) -> float:
    """The λ from which on V Uᵀ = 0: σ_max(Ω^−½ G H^−½) where there are only biases, or nothing."""
    exact = ExactObjective(counts, negatives)
    return float(_slopes(exact, _tensors(_empty(counts, negatives, bias), bias, exact), ridge, 1)[0][0])


def thinned(counts: CooccurrenceCounts, share: float, rng: np.random.Generator) -> tuple[CooccurrenceCounts, CooccurrenceCounts]:
    """`CooccurrenceCounts.thinned`, or an `InputError` that names the ridge where there are too few counts for two parts."""
    try:
        return counts.thinned(share, rng)
    except InputError:
        remedy = f"needs counts to hold out, and there are {counts.total:g}; give ridge a number"
        raise InputError("ridge", "auto", remedy) from None


def choose_ridge(
    counts: CooccurrenceCounts,
    dim: int,
    negatives: Negatives,
    ridge: Ridge,
    *,
    bias: bool,
    seed: int,
    device: str = "cpu",
    units: Iterable[sp.csr_array] | None = None,
) -> Choice:
    """λ and a dim by held-out ℓ: a fifth of the counts judges fits to the others, from large λ to small, each from the last.

    Of units (units, seen cells), whose pairs may depend on each other, a fifth is held out as wholes; else of the pairs.

    λ falls by quarters until the held-out ℓ rises; then the halves on both sides of the best are tried.

    Then the penalised product at the best λ, cut to rank 1, 2, …, starts fits without penalty; the least rank whose held-out ℓ is
    within a standard error of the best one's is the suggestion. (The rank at the best λ itself is too large: a trace norm that
    keeps what is there lets noise in.)
    """
    rng, by_unit = stream(seed, "held out"), None
    if units is None:
        kept, held = thinned(counts, HELD_OUT, rng)
    else:
        kept, held, by_unit, _ = hold_out(counts, units, HELD_OUT, rng)
    exact, judge = (ExactObjective(own, negatives, device=device) for own in (kept, held))
    empty, quiet = _empty(kept, negatives, bias), Progress("", PATH_STEPS, False)
    most = largest_ridge(kept, negatives, ridge, bias) or 1.0  # 0 where independence fits best, whatever λ
    rows: dict[int, dict[str, float]] = {}
    fits: dict[int, RidgeFit] = {}

    def follow(place: int, start: Parts | None) -> Parts:
        scaled = ridge.scaled(most * STEP**place)
        # From the last λ alone: where that is not the best start, it is so by less than neighbours on the path differ.
        fit = fits[place] = _descended(
            exact, dim, start or empty, History(), scaled, PATH_TOLERANCE, Newton, bias, PATH_STEPS, quiet
        )
        if fit.interrupted:
            raise KeyboardInterrupt  # nothing is learned before λ is chosen
        held_out = judge.value(*_tensors(fit.factors, bias, judge))
        own = {"rank": fit.rank, "held_out": held_out, "objective": fit.objective, "certificate": fit.certificate}
        rows[place] = {"ridge": scaled.strength} | own
        return fit.factors

    def best() -> int:
        return min(rows, key=lambda place: rows[place]["held_out"])

    start = None
    for place in range(STRIDE, MOST_PATH + 1, STRIDE):
        start = follow(place, start)
        if best() < place:
            break
    for place in (best() - 1, best() + 1):
        follow(place, fits[place - 1].factors if place > 1 else None)
    path = pd.DataFrame([rows[place] for place in sorted(rows)]).astype({"rank": int})
    chosen, followed = best(), tuple(fits[place].factors for place in sorted(fits))
    dims = _refits(kept, held, by_unit, negatives, fits[chosen].factors, dim, bias, device)
    good = dims["held_out"] - dims["held_out"].min() <= dims["se"]
    return Choice(rows[chosen]["ridge"], int(dims.loc[good, "dim"].iloc[0]), path, dims, fits[chosen].factors, followed)


def _refits(
    kept: CooccurrenceCounts,
    held: CooccurrenceCounts,
    by_unit: sp.csr_array | None,
    negatives: Negatives,
    factors: Parts,
    dim: int,
    bias: bool,
    device: str,
) -> pd.DataFrame:
    """Held-out ℓ of fits without penalty at rank 1, 2, …, and the standard error of each one's difference to the best."""
    exact, judge = ExactObjective(kept, negatives, device=device), ExactObjective(held, negatives, device=device)
    ordered = _compressed(factors, Ridge(1.0, np.ones(len(factors.V)), np.ones(len(factors.U))))
    values, losses, checkpoint = [], [], current()
    ranks = _ranks(min(dim, max(ordered.V.shape[1], 1)))
    for rank in ranks:
        cut = ordered._replace(V=ordered.V[:, :rank], U=ordered.U[:, :rank])
        descent = Newton(exact, [given(cut)], bias, History())
        descent.converge_in(checkpoint.part(), PATH_TOLERANCE, REFIT_STEPS, Progress("", REFIT_STEPS, False))
        values.append(judge.value(*descent.factors))
        losses.append(_pair_losses(held, negatives, *descent.factors))
        if len(values) - 1 - int(np.argmin(values)) >= WORSE:
            break
    best = losses[int(np.argmin(values))]
    errors = [_error(loss - best, held, by_unit) for loss in losses]
    return pd.DataFrame({"dim": ranks[: len(values)], "held_out": values, "se": errors})


def _error(difference: Float, held: CooccurrenceCounts, by_unit: sp.csr_array | None) -> float:
    """Standard error of the mean over held-out pairs of a number that each seen cell has."""
    n = held.matrix.data
    if by_unit is None:  # each pair is a draw: the variance of a sum over Poisson counts is the sum of n times the square
        return math.sqrt(float(n @ difference**2)) / held.total
    mean = float(n @ difference) / held.total
    return float(np.linalg.norm(by_unit @ (difference - mean))) / held.total


def _ranks(most: int) -> list[int]:
    """1, 2, … to ten, then each a quarter above the last."""
    ranks = [1]
    while ranks[-1] < most:
        ranks.append(min(most, ranks[-1] + max(1, (ranks[-1] - 6) // 4)))
    return ranks


def _pair_losses(counts: CooccurrenceCounts, negatives: Negatives, V: Tensor, U: Tensor) -> Float:
    """What one pair of each seen cell (i, j) costs: softplus(−x_ij) + K Σ_j' P_n(j') softplus(x_ij')."""
    x = (V @ U.T).cpu().numpy()
    noise = negatives.k * (np.logaddexp(0.0, x) @ negatives.noise)
    own: Float = np.logaddexp(0.0, -x[counts.centers, counts.matrix.indices])
    return own + noise[counts.centers]


def _empty(counts: CooccurrenceCounts, negatives: Negatives, bias: bool) -> Parts:
    """No columns; with biases those of independence, x = log(c_j/N) − log(K P_n(j))."""
    words, contexts = counts.shape
    V, U = np.zeros((words, 0)), np.zeros((contexts, 0))
    if not bias:
        return Parts(V, U, None, None)
    return Parts(V, U, np.zeros(words), -negatives.offset(counts) - negatives.shift)


def _tensors(factors: Parts, bias: bool, exact: ExactObjective) -> list[Tensor]:
    own = [torch.as_tensor(part, dtype=exact.dtype, device=exact.device) for part in given(factors)]
    return list(with_biases(*own)) if bias else own


def _inverse_roots(ridge: Ridge) -> list[Float]:
    """Ω^−½ and H^−½; 0 for what never occurs, where the gradient is 0 too."""
    weights = ridge.row_weights, ridge.col_weights
    return [np.divide(1, np.sqrt(own), out=np.zeros_like(own), where=own > 0) for own in weights]


def _slopes(exact: ExactObjective, factors: list[Tensor], ridge: Ridge, count: int) -> tuple[Float, Float, Float]:
    """The `count` (at least one) largest singular values of Ω^−½ G H^−½, and Ω^−½ and H^−½ times their vectors.

    Where there is no room for G nothing is known: one singular value that is not a number.
    """
    if math.prod(exact.shape) > CERTIFIED_CELLS:
        return np.array([np.nan]), np.empty((exact.shape[0], 1)), np.empty((exact.shape[1], 1))
    rows, columns = _inverse_roots(ridge)
    G = exact.scores_gradient(*factors).cpu().numpy() * rows[:, None] * columns
    left, sigma, right = truncated_svd(G, max(1, count))
    return sigma, rows[:, None] * left, columns[:, None] * right


def _compressed(factors: Parts, ridge: Ridge) -> Parts:
    """The same product in as few columns as its rank (see `RANK`), balanced: VᵀΩV = UᵀHU, in order of their weight."""
    if factors.V.shape[1] == 0:
        return factors
    V, U = balanced(factors.V, factors.U, ridge.row_weights, ridge.col_weights)
    weight = ridge.row_weights @ V**2
    kept = weight > RANK * weight[0]
    return factors._replace(V=V[:, kept], U=U[:, kept])


def _widened(factors: Parts, exact: ExactObjective, ridge: Ridge, bias: bool, sigma: Float, left: Float, right: Float) -> Parts:
    """Columns along −u vᵀ, which leads down as σ > λ, as long as a search from σ/λ − 1 on makes them."""

    def wide(length: float) -> Parts:
        size = np.sqrt(length * (sigma / ridge.strength - 1))
        return factors._replace(V=np.hstack([factors.V, left * size]), U=np.hstack([factors.U, -right * size]))

    def value(found: Parts) -> float:
        return exact.penalised(ridge, found.V.shape[1]).value(*_tensors(found, bias, exact))

    before, length = value(factors), 1.0
    for _ in range(HALVINGS):
        if value(found := wide(length)) < before:
            return found
        length /= 4
    return found
