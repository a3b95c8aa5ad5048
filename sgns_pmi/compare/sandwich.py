"""The sandwich: how much one pair of the counts moves a low-rank estimate of PMI, and from it every cell's variance.

Estimates X̂ = V Uᵀ (+ b + c) that minimise a sum of losses of cells are M-estimates. With P = n/N, p its row sums and ν the noise
distribution, itself a function of the counts, they solve

    Jᵀ G = 0,      G_ij = P_ij a'(x_ij) + p_i ν_j b'(x_ij),      J = ∂X/∂θ,  θ = (V, U[, b, c]).

For SGNS a' = −σ(−x) and b' = K σ(x); for the multinomial likelihood a' = −1 and b' = eˣ. A pair (a, b) more among N moves θ̂ by
−A⁺ s_ab / N, where (A is the Hessian, D the direction A⁺ J_ij of a cell seen as a matrix, D_ab = J_ab A⁺ J_ijᵀ)

    A = Jᵀ diag(P a'' + p νᵀ b'') J + Σ_ij G_ij ∂²X_ij/∂θ²  (+ λ diag(ω, η)),
    s_ab = a'_ab J_ab + Σ_j ν_j b'_aj J_aj + Σ_ij p_i b'_ij J_ij ∂ν_j/∂P_ab.

The middle term is there because the row sums are counted, the last because the noise is: for ν ∝ c^α, ∂ν_j/∂c_b = α ν_j (δ_jb −
ν_b) / c_b. A corrected estimate X̂ + log K + log ν_j − log c_j moves with that offset besides. So the influence of a pair on a
cell is a number φ, and the variance of the cell's estimate is Var φ / N over pairs, or N⁻² Σ_g (Σ φ − mean)² over units g of
pairs that are not independent.

References: Huber, "The behavior of maximum likelihood estimates under nonstandard conditions" (1967); van der Vaart, "Asymptotic
Statistics" (1998), sections 5.3 and 20.1; Gutmann & Hyvärinen, JMLR 13 (2012); Liang & Zeger, Biometrika 73 (1986), for units.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sgns_pmi.compare.curvature import Curvature, Direction
from sgns_pmi.compare.training import Training
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.lazily import sp
from sgns_pmi.problems.sampling import row_blocks
from sgns_pmi.streams import stream

Float = NDArray[np.float64]
Ints = NDArray[np.integer]
Side = Literal["center", "context"]

DENSE_PARAMETERS = 2_000  # up to which A⁺ is computed whole, in a few seconds
NUMBERS = 20_000_000  # of directions, of influences on pairs, or of scores of units, held at once where A⁺ is not
PROBES = 8  # random directions of each side by which noise is measured
LOCAL_NUMBERS = 4_000_000  # of covariances between the parameters of single cells, held at once


@dataclass(frozen=True)
class Loss:
    """Derivatives of the loss of a cell, P a(x) + p ν b(x), for scores x (rows, contexts).

    Parameters
    ----------
    k : float or None
        K of SGNS; None for the multinomial likelihood in its Poisson form.
    dropped : ndarray, (contexts,), optional
        ν, where SGNS drops negatives equal to the positive, of which a cell then has K (p − P) ν.
    """

    k: float | None
    dropped: Float | None = None

    def slopes(self, x: Float) -> tuple[Float, Float]:
        """a'(x) and b'(x)."""
        if self.k is None:
            return np.full_like(x, -1.0), np.exp(x)
        sigma = expit(x)
        negative = self.k * sigma
        positive = sigma - 1
        return positive if self.dropped is None else positive - self.dropped * negative, negative

    def curvatures(self, x: Float) -> tuple[Float, Float]:
        """a''(x) and b''(x)."""
        if self.k is None:
            return np.zeros_like(x), np.exp(x)
        sigma = expit(x)
        positive = sigma * (1 - sigma)
        negative = self.k * positive
        return positive if self.dropped is None else positive - self.dropped * negative, negative


@dataclass(frozen=True)
class Noise:
    """The noise distribution ν (contexts,), and how it follows the counts.

    Parameters
    ----------
    distribution : ndarray, (contexts,)
    exponent : float
        α where ν is proportional to a power of a margin; 0 where it does not follow the counts.
    side : {"center", "context"}
        Whose margin that is.
    """

    distribution: Float
    exponent: float = 0.0
    side: Side = "context"


@dataclass(frozen=True)
class LowRankFit:
    """A stationary point X = V Uᵀ (+ b + c) of a sum of losses of cells, and what its estimate of PMI adds to X.

    Parameters
    ----------
    V, U : ndarray, (words, dim) and (contexts, dim)
    row_bias, col_bias : ndarray, (words,) and (contexts,), or None
    loss, noise
    corrected : bool
        Whether the estimate adds log ν_j − log c_j (and undoes dropped negatives), which varies with the counts too.
    ridge : Ridge, optional
        The penalty, its weights held fixed.
    training : Training, optional
        How it was trained, where negatives were drawn; None where ℓ itself is minimised.
    """

    V: Float
    U: Float
    row_bias: Float | None
    col_bias: Float | None
    loss: Loss
    noise: Noise
    corrected: bool
    ridge: Ridge | None = None
    training: Training | None = None

    def scores(self, rows: slice | Ints = slice(None)) -> Float:
        """X of the given rows, dense (rows, contexts)."""
        x = self.V[rows] @ self.U.T
        if self.row_bias is not None and self.col_bias is not None:
            x = x + self.row_bias[rows][:, None] + self.col_bias
        return x


class Pairs(NamedTuple):
    """The distribution of pairs that φ varies over: cells (cells,), rows ascending, and their probabilities."""

    center: NDArray[np.int32]
    context: NDArray[np.int32]
    share: Float


class Sandwich:
    """Variances of the cells of a low-rank fit.

    Parameters
    ----------
    fit : LowRankFit
    counts : CooccurrenceCounts
        What it was fitted to; N·P, the population's counts, for a prediction.
    units : iterable of sparse arrays, (units, seen cells), optional
        Counts of each unit in the seen cells, in CSR order, some units after others, as often as asked; without them all pairs
        are independent.
    population : bool, default False
        Whether the counts are N·P without sampling noise.
    """

    def __init__(
        self, fit: LowRankFit, counts: CooccurrenceCounts, units: Iterable[sp.csr_array] | None = None, population: bool = False
    ) -> None:
        self.fit, self.counts, self.units, self.population = fit, counts, units, population
        n = counts.matrix
        center = np.repeat(np.arange(counts.shape[0], dtype=np.int32), np.diff(n.indptr))
        self.pairs = Pairs(center, n.indices.astype(np.int32, copy=False), n.data / counts.total)
        self.left: Float
        self.right: Float
        self.left, self.right = fit.V, fit.U
        if fit.row_bias is not None:
            self.left, self.right = (np.hstack([side, np.ones((len(side), 1))]) for side in (fit.V, fit.U))
        self.p, self.q = counts.row_sums / counts.total, counts.col_sums / counts.total
        self.dim, self.columns = fit.V.shape[1], self.left.shape[1]
        self.parameters = sum(counts.shape) * self.columns

    @cached_property
    def curvature(self) -> Curvature:
        """A at the fit."""
        return Curvature(self)

    def blocks(self) -> Iterator[tuple[slice, Float, Float]]:
        """Rows, their scores X and their shares P, dense, some rows at a time."""
        for rows in row_blocks(*self.counts.shape):
            yield rows, self.fit.scores(rows), self.counts.matrix[rows].toarray() / self.counts.total

    @cached_property
    def _positive_slope(self) -> Float:
        """a' at the pairs (cells,)."""
        return np.concatenate([self.fit.loss.slopes(x)[0][share > 0] for _, x, share in self.blocks()])

    def negative_slopes(self) -> Iterator[tuple[slice, Float, Float]]:
        """Rows, their b', and p_i b', the slope of what is drawn from ν, dense, some rows at a time."""
        for rows, x, share in self.blocks():
            slope = self.fit.loss.slopes(x)[1]
            # Where negatives equal to the positive are dropped, p_i is p_i − P_ij in what ν multiplies.
            drawn = (self.p[rows][:, None] - share if self.fit.loss.dropped is not None else self.p[rows][:, None]) * slope
            yield rows, slope, drawn

    def _pull(self, direction: Direction) -> tuple[Float, Float]:
        """Σ_j ν_j b'_aj D_aj of each centre (k, words), and Σ_i p_i b'_ib D_ib of each context (k, contexts)."""
        rows, cols = (np.zeros((len(direction.rows), size)) for size in self.counts.shape)
        nu = self.fit.noise.distribution
        for block, slope, drawn in self.negative_slopes():
            slope *= nu
            y, left = direction.rows[:, block], self.left[block]
            rows[:, block] = np.einsum("kaf,af->ka", y, slope @ self.right) + np.einsum(
                "af,kaf->ka", left, slope @ direction.cols
            )
            cols += np.einsum("kbf,bf->kb", direction.cols, drawn.T @ left) + np.einsum("bf,kbf->kb", self.right, drawn.T @ y)
        return rows, cols

    def _margins(self, direction: Direction, offset: Float | None, center: Float | None) -> tuple[Float, Float]:
        """What of φ the pair's centre alone decides (k, words), and what its context alone (k, contexts); as in `influence`."""
        noise = self.fit.noise
        of_rows, of_cols = self._pull(direction)
        # What log ν_j does to the functional: through the fit, and through the offset.
        through = -of_cols * noise.distribution
        if offset is not None:
            through = through + offset[:, :, 0]
        margin = self.p if noise.side == "center" else self.q
        # ∂log ν_j / ∂log margin_b = α (δ_jb − ν_b).
        moved = noise.exponent * (through - through.sum(1, keepdims=True) * noise.distribution)
        of_center, of_context = -of_rows, np.zeros_like(of_cols)
        if noise.side == "center":
            of_center = of_center + divided(moved, margin)
        else:
            of_context = divided(moved, margin)
        if offset is not None:
            of_context = of_context + divided(offset[:, :, 1], self.q)
        if center is not None:
            of_center = of_center + divided(center, self.p)
        return of_center, of_context

    def influence(self, direction: Direction, offset: Float | None = None, center: Float | None = None) -> Float:
        """φ of each functional on each pair (k, cells), up to a constant: −(direction of A⁺)·s_ab and what an offset adds.

        Parameters
        ----------
        direction : Direction
            A⁺ times the functionals' gradients.
        offset : ndarray, (k, contexts, 2), optional
            The functionals' derivatives along log ν_j and along log c_j.
        center : ndarray, (k, words), optional
            Those along log p_i.
        """
        of_center, of_context = self._margins(direction, offset, center)
        rows, cols, _ = self.pairs
        phi = of_center[:, rows] + of_context[:, cols]
        starts = self.counts.matrix.indptr
        for block in row_blocks(*self.counts.shape):
            cells = slice(starts[block.start], starts[block.stop])
            at = rows[cells] - block.start, cols[cells]
            for own, y, z in zip(phi, direction.rows, direction.cols, strict=True):
                moves = y[block] @ self.right.T + self.left[block] @ z.T
                own[cells] -= self._positive_slope[cells] * moves[at]
        return phi

    def covariance(self, direction: Direction, offset: Float | None = None, center: Float | None = None) -> Float:
        """Covariance (k, k) of functionals as `influence` has them."""
        if self.units is not None:
            return self._unit_covariance(direction, *self._margins(direction, offset, center))
        phi = self.influence(direction, offset, center)
        centred = phi - (phi @ self.pairs.share)[:, None]
        return (centred * self.pairs.share) @ centred.T / self.counts.total

    def _unit_covariance(self, direction: Direction, of_center: Float, of_context: Float) -> Float:
        """N⁻² Σ_g (Σ φ − mean)², by the units' scores: φ is linear in what a pair adds to these, so its sums are."""
        assert self.units is not None
        weights = np.dstack([-direction.rows, of_center]), np.dstack([-direction.cols, of_context])
        mean = _summed(self.whole_scores, weights)[0] / self.counts.total
        weights[0][:, :, -1] -= mean[:, None]  # the scores count a unit's pairs at their centres
        squares, height = np.zeros((len(mean), len(mean))), max(1, NUMBERS // (weights[0][0].size + weights[1][0].size))
        for some in self.units:
            for low in range(0, some.shape[0], height):
                sums = _summed(self.unit_scores(some[low : low + height]), weights)
                squares += sums.T @ sums
        return squares / self.counts.total**2

    @cached_property
    def whole_scores(self) -> tuple[Float, Float]:
        """The scores of all pairs together, as of one unit."""
        return self.unit_scores(sp.csr_array((self.counts.matrix.data, np.arange(self.counts.nnz), [0, self.counts.nnz])))

    def unit_scores(self, units: sp.csr_array) -> tuple[Float, Float]:
        """Of each unit Σ n (a' R_b, 1) at the centres (units, words, f + 1), and Σ n (a' L_a, 1) at the contexts."""
        from sgns_pmi.compare.unit_scores import unit_scores

        rows, cols = (np.zeros((units.shape[0], size, self.columns + 1)) for size in self.counts.shape)
        unit_scores(
            units.indptr.astype(np.int64),
            units.indices.astype(np.int32),
            units.data.astype(np.float64),
            self.pairs.center,
            self.pairs.context,
            self._positive_slope,
            self.left,
            self.right,
            rows,
            cols,
        )
        return rows, cols

    def drawn_covariance(self, direction: Direction) -> Float:
        """What the negatives that one epoch of triples draws add to the covariance (k, k) of functionals with directions D.

        (K / N²) Σ_a (Σ_b n_ab²) Cov_{j~ν}(σ_aj D_aj). Negatives that are dropped count as if they were kept.
        """
        assert self.fit.loss.k is not None
        nu, size = self.fit.noise.distribution, len(direction.rows)
        squares = (self.counts.matrix**2).sum(1)
        added = np.zeros((size, size))
        height = max(1, LOCAL_NUMBERS // (size * len(nu)))
        for low in range(0, self.counts.shape[0], height):
            rows = slice(low, min(low + height, self.counts.shape[0]))
            moves = direction.rows[:, rows] @ self.right.T + self.left[rows] @ direction.cols.swapaxes(-1, -2)
            moves *= expit(self.fit.scores(rows))
            moves -= (moves @ nu)[:, :, None]
            cells = moves.reshape(size, -1)
            added += (cells * (squares[rows][:, None] * nu).ravel()) @ cells.T
        return self.fit.loss.k * added / self.counts.total**2

    def trained_covariance(self, direction: Direction) -> Float:
        """What training adds to the covariance (k, k).

        Of more than 2,000 parameters it is that of an optimum of all that was drawn, which is less.
        """
        training = self.fit.training
        assert training is not None
        if self.parameters > DENSE_PARAMETERS:
            return self.drawn_covariance(direction) / training.epochs
        flat = np.hstack([side.reshape(len(side), -1) for side in direction])
        gradient = flat @ self.curvature.matrix
        return np.asarray(gradient @ self._last_steps @ gradient.T, dtype=np.float64)

    @cached_property
    def _last_steps(self) -> Float:
        """Covariance of θ by the draws of training, (parameters, parameters)."""
        training = self.fit.training
        assert training is not None
        each, words = self.zero(self.parameters), self.counts.shape[0]
        place = np.arange(self.parameters)
        split = words * self.columns
        each.rows.reshape(self.parameters, -1)[place[:split], place[:split]] = 1.0
        each.cols.reshape(self.parameters, -1)[place[split:], place[split:] - split] = 1.0
        return training.covariance(self.curvature.matrix, self.drawn_covariance(each), self._shuffled(training))

    def _shuffled(self, training: Training) -> Float:
        """Variance of a step's gradient by which triples its batch has, (parameters,)."""
        n, triples = self.counts.matrix, self.counts.nnz
        batch = -(-triples // training.batches)
        if batch >= triples:
            return np.zeros(self.parameters)
        squares = [np.zeros((size, self.columns)) for size in self.counts.shape]
        nu = self.fit.noise.distribution
        for rows, x, _ in self.blocks():
            (positive, negative), counted = self.fit.loss.slopes(x), n[rows].toarray()
            weight = counted**2
            drawn = nu * negative
            mean = drawn @ self.right
            # Of a triple (a, b): a' R_b + Σ_j ν_j b' R_j to the row, ν_j b' L_a to every column and a' L_a to its own.
            of_rows = weight * positive**2 @ self.right**2 + 2 * (weight * positive @ self.right) * mean
            squares[0][rows] = of_rows + weight.sum(1)[:, None] * mean**2
            own = weight * ((positive + drawn) ** 2 - drawn**2) + weight.sum(1)[:, None] * drawn**2
            squares[1] += own.T @ self.left[rows] ** 2
        chosen = batch / triples * (1 - (batch - 1) / (triples - 1)) * (training.batches / self.counts.total) ** 2
        return chosen * np.concatenate([side.ravel() for side in squares])

    @cached_property
    def signal(self) -> float:
        """How far the weakest component of the low-rank product stands above the noise that turns it; ∞ where there is none.

        With S the curvature, and τ a bᵀ the components of the singular value decomposition of V Uᵀ in the weights √(S 1) of rows
        and √(Sᵀ 1) of columns (with biases, after what these can hold is taken out), that of the least τ² Σ S a² b² has

            signal² = τ² Σ S a² b² / (Σ_j Var(s · a e_jᵀ) / Σ_i S_ij a_i² + Σ_i Var(s · e_i bᵀ) / Σ_j S_ij b_j²),

        the sums over the directions in which it can turn, estimated by random signs. A component of noise alone is the largest of
        all directions, with (√words + √contexts) / √(words + contexts), or 1.4 in a square table. The sandwich takes components
        to turn little, and errors are larger than it says by about the signal's inverse square.
        """
        if not self.dim:
            return np.inf
        occurs = [np.flatnonzero(margin > 0) for margin in (self.p, self.q)]
        S = self.curvature.S.astype(np.float64)
        bases: list[Float] = []
        triangles: list[Float] = []
        weights: list[Float] = []
        for axis, (side, own) in enumerate(zip((self.fit.V, self.fit.U), occurs, strict=True)):
            weight = S.sum(1 - axis)[own]
            centre = 0.0 if self.fit.row_bias is None else np.average(side[own], axis=0, weights=weight)
            basis, triangle = np.linalg.qr((side[own] - centre) * np.sqrt(weight)[:, None])
            bases.append(basis)
            triangles.append(triangle)
            weights.append(np.sqrt(weight)[:, None])
        a, values, b = np.linalg.svd(triangles[0] @ triangles[1].T)
        left, right = np.zeros((self.counts.shape[0], len(values))), np.zeros((self.counts.shape[1], len(values)))
        left[occurs[0]], right[occurs[1]] = bases[0] @ a / weights[0], bases[1] @ b.T / weights[1]
        energy = values**2 * ((S.T @ left**2) * right**2).sum(0)
        least = int(np.argmin(energy))
        a, b, rng = left[:, least], right[:, least], stream(0, "signal")
        turned = self.zero(2 * PROBES)
        # Changes y bᵀ of X as changes of V and its bias, and a zᵀ as those of U: b is a combination of the columns of U and 1.
        rows, cols = turned.rows[:PROBES], turned.cols[PROBES:]
        for part, curved, basis, side in ((rows, S @ b**2, self.right, b), (cols, a**2 @ S, self.left, a)):
            signs = rng.choice([-1.0, 1.0], (PROBES, len(curved)))
            part[:] = divided(signs, np.sqrt(curved))[:, :, None] * (np.linalg.pinv(basis) @ side)
        noise = np.diag(self.direction_covariance(turned)).sum() / PROBES
        return float(np.sqrt(energy[least] / noise))

    def cell_variances(self, center: Ints, context: Ints) -> Float:
        """Variances (cells,) of the estimates of single cells."""
        if self.parameters <= DENSE_PARAMETERS:
            return self._of_cells(self.parameter_covariance, center, context, offsets=self.fit.corrected)
        return np.concatenate([np.diag(self.cell_covariance(center[own], context[own])) for own in self.batches(len(center))])

    def batches(self, functionals: int) -> Iterator[slice]:
        """As many of so many functionals at a time as have room; each batch reads the units once."""
        size = max(1, NUMBERS // max(self.parameters, self.counts.nnz if self.units is None else 0))
        return (slice(start, start + size) for start in range(0, functionals, size))

    def cell_covariance(self, center: Ints, context: Ints) -> Float:
        """Covariance (cells, cells) of the estimates of some cells, each by its own solution of A."""
        number, factor = np.arange(len(center)), self.chain(center, context)[:, None]
        gradient, offset = self.zero(len(center)), None
        gradient.rows[number, center] = factor * self.right[context]
        gradient.cols[number, context] = factor * self.left[center]
        if self.fit.corrected:
            offset = np.zeros((len(center), self.counts.shape[1], 2))
            offset[number, context] = np.hstack([factor, -np.ones_like(factor)])
        return self.direction_covariance(self.curvature.solve(gradient), offset)

    def direction_covariance(self, direction: Direction, offset: Float | None = None, center: Float | None = None) -> Float:
        """Covariance (k, k) of functionals as `influence` has them, with what training adds."""
        covariance = self.covariance(direction, offset, center)
        return covariance if self.fit.training is None else covariance + self.trained_covariance(direction)

    def zero(self, size: int) -> Direction:
        """`size` directions that go nowhere, to be filled."""
        words, contexts = self.counts.shape
        return Direction(np.zeros((size, words, self.columns)), np.zeros((size, contexts, self.columns)))

    def chain(self, center: Ints, context: Ints) -> Float:
        """∂PMI_ij / ∂x_ij of the estimate: 1, and 1 / (1 + K ν_j eˣ) where dropped negatives are corrected for."""
        if self.fit.loss.dropped is None or not self.fit.corrected:
            return np.ones(len(center))
        assert self.fit.loss.k is not None
        x = (self.fit.V[center] * self.fit.U[context]).sum(1)
        if self.fit.row_bias is not None and self.fit.col_bias is not None:
            x += self.fit.row_bias[center] + self.fit.col_bias[context]
        return expit(-x - np.log(self.fit.loss.k * self.fit.noise.distribution[context]))

    @cached_property
    def parameter_covariance(self) -> Float:
        """Covariance of θ = (V[, b]; U[, c]) and of the offsets log ν_j and log c_j, (parameters + 2 contexts) squared."""
        (words, contexts), f = self.counts.shape, self.columns
        size = self.parameters
        offsets = 2 * contexts if self.fit.corrected else 0
        inverse = self.curvature.pseudo_inverse
        direction = self.zero(size + offsets)
        direction.rows[:size] = inverse[:, : words * f].reshape(size, words, f)
        direction.cols[:size] = inverse[:, words * f :].reshape(size, contexts, f)
        offset = np.zeros((size + offsets, contexts, 2))
        for which in range(2 if offsets else 0):
            offset[size + which * contexts + np.arange(contexts), np.arange(contexts), which] = 1.0
        return self.direction_covariance(direction, offset)

    def trained_variances(self, center: Ints, context: Ints) -> Float:
        """What of the variances of single cells (cells,) training adds, of at most 2,000 parameters."""
        return self._of_cells(self._last_steps, center, context, offsets=False)

    def _of_cells(self, covariance: Float, center: Ints, context: Ints, offsets: bool) -> Float:
        """Variances (cells,) from the covariance of all parameters, and of the offsets where it has them."""
        (words, contexts), f = self.counts.shape, self.columns
        own = np.arange(f)
        at = [center[:, None] * f + own, words * f + context[:, None] * f + own]
        chain = self.chain(center, context)
        gradients = [chain[:, None] * self.right[context], chain[:, None] * self.left[center]]
        if offsets:
            at.append(self.parameters + np.column_stack([context, contexts + context]))
            gradients.append(np.column_stack([chain, -np.ones(len(center))]))
        index, gradient = np.hstack(at), np.hstack(gradients)
        variances = np.empty(len(center))
        height = max(1, LOCAL_NUMBERS // index.shape[1] ** 2)
        for low in range(0, len(center), height):
            cells = slice(low, low + height)
            local = covariance[index[cells, :, None], index[cells, None, :]]
            variances[cells] = np.einsum("cf,cfg,cg->c", gradient[cells], local, gradient[cells])
        return variances


def _summed(scores: tuple[Float, Float], weights: tuple[Float, Float]) -> Float:
    """Products (units, k) of scores (units, words or contexts, f + 1) and weights (k, words or contexts, f + 1), both sides."""
    rows, cols = (np.tensordot(own, weight, ([1, 2], [1, 2])) for own, weight in zip(scores, weights, strict=True))
    return np.asarray(rows + cols, dtype=np.float64)


def divided(values: Float, margin: Float) -> Float:
    """values / margin, and 0 where the margin is."""
    return np.divide(values, margin, out=np.zeros_like(values), where=margin > 0)
