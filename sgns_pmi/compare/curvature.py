"""The curvature A of a low-rank fit, the Hessian of the sum of losses of cells that it minimises, and solutions of it.

Of few parameters A⁺ is computed whole. Of more, the blocks of the columns are eliminated, which leaves for the rows

    C = A_rr − A_rc A_cc⁻¹ A_cr.

Conjugate gradients solve it for a few right-hand sides; for many, where it has room, its Cholesky factor.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from sgns_pmi.memory import free_bytes

if TYPE_CHECKING:
    from sgns_pmi.compare.sandwich import Sandwich

Float = NDArray[np.float64]

DOUBLE_CELLS = 25_000_000  # words x contexts up to which curvatures are kept in float64, 0.2 GB each
NULL = 1e-10  # eigenvalues of the scaled A below this belong to the gauge, which no cell sees
JITTER = 1e-12  # relative to a block's mean diagonal: keeps the inverse of a singular block finite
CG_TOLERANCE = {np.dtype(np.float64): 1e-7, np.dtype(np.float32): 1e-4}  # of the residual, relative, in the preconditioner's norm
MOST_CG_STEPS = 1_000
MOST_FACTORISED = 12_000  # parameters of the rows up to which C is factorised, in 1.2 GB
FACTOR_WORK = 5_000  # as many right-hand sides as words · f² over this take conjugate gradients as long as the factor
GAUGE = 1e-11  # relative to the diagonal of A_rr: above the rounding of C, below what a cell sees of it
CONTEXTS = 64  # eliminated at once


class Direction(NamedTuple):
    """Directions of θ: changes of (V[, b]) (k, words, f) and of (U[, c]) (k, contexts, f)."""

    rows: Float
    cols: Float


class Curvature:
    """A = Jᵀ diag(S) J + Σ G ∂²X (+ λ diag(ω, η)), S = P a'' + p νᵀ b''; where large, only S and G are kept.

    With rows i and columns j of X = L Rᵀ, L = [V, 1] and R = [U, 1], A acts on directions (y, z) as

        M = y Rᵀ + L zᵀ,      A (y, z) = ((S ∘ M) R + G z,  (S ∘ M)ᵀ L + Gᵀ y)        (G z of the columns of V and U alone),

    with block diagonals A_i = Σ_j S_ij R_j R_jᵀ and A_j = Σ_i S_ij L_i L_iᵀ. The blocks of one side are eliminated, the rest is
    solved by conjugate gradients preconditioned by the other's (Reid 1972, SIAM J. Numer. Anal. 9), or by its Cholesky factor. A
    is singular along the gauge, but the gradient of X is not in its null space.

    G of drawn counts has sampling noise even where the model holds and its expectation is zero. With none of it 95 % intervals
    of a dim whose weakest component is little above the noise cover 94 %, with all of it 97 %, with half of it 95 % (50 words
    with Zipf margins, N = 150,000, 48 draws). So G is multiplied by (1 + ρ) / 2, ρ = 1 − Σ P a'² / (N Σ G²) the share of G that
    is no noise: all of G where dim is below the rank.
    """

    def __init__(self, sandwich: Sandwich) -> None:
        fit, counts = sandwich.fit, sandwich.counts
        words, contexts = counts.shape
        dtype = np.dtype(np.float64 if words * contexts <= DOUBLE_CELLS else np.float32)
        self.dim, self.left, self.right = sandwich.dim, sandwich.left.astype(dtype), sandwich.right.astype(dtype)
        noise = 0.0
        self.S, self.G, self._cells = (np.empty(counts.shape, dtype=dtype) for _ in range(3))
        for rows, x, share in sandwich.blocks():
            drawn = sandwich.p[rows][:, None] * fit.noise.distribution
            (slope, drawn_slope), (bend, drawn_bend) = fit.loss.slopes(x), fit.loss.curvatures(x)
            self.S[rows] = share * bend + drawn * drawn_bend
            self.G[rows] = share * slope + drawn * drawn_slope
            noise += float((share * slope**2).sum()) / counts.total
        if not sandwich.population:
            misfit = float(np.einsum("ij,ij->", self.G, self.G, dtype=np.float64))
            self.G *= (1 + max(0.0, 1 - noise / misfit if misfit > 0 else 0.0)) / 2
        self._tolerance = CG_TOLERANCE[dtype]
        self._blocks = [_grams(self.S, self.right), _grams(self.S.T, self.left)]
        if fit.ridge is not None:
            for blocks, weights in zip(self._blocks, (fit.ridge.row_weights, fit.ridge.col_weights), strict=True):
                blocks[:, range(self.dim), range(self.dim)] += fit.ridge.strength * weights[:, None]
        self._inverses = [_inverses(blocks) for blocks in self._blocks]

    def _weighted(self, rows: Float, cols: Float) -> Float:
        """S ∘ (rows colsᵀ), in memory that is used again and again: new pages cost as much as the product."""
        return np.multiply(self.S, np.matmul(rows, cols.T, out=self._cells), out=self._cells)

    def _across(self, y: Float) -> Float:
        """What a change y (words, f) of the rows does to the gradient of the columns, (contexts, f)."""
        product = self._weighted(y, self.right).T @ self.left
        product[:, : self.dim] += self.G.T @ y[:, : self.dim]
        return product

    def _back(self, z: Float) -> Float:
        """What a change z (contexts, f) of the columns does to the gradient of the rows, (words, f)."""
        product = self._weighted(self.left, z) @ self.right
        product[:, : self.dim] += self.G @ z[:, : self.dim]
        return product

    @cached_property
    def matrix(self) -> Float:
        """A, dense, of the parameters (V[, b]; U[, c]) in row-major order."""
        words, f = self.left.shape
        contexts = len(self.right)
        across = self.S[:, None, :, None] * self.right.T[None, :, :, None] * self.left[:, None, None, :]
        across[:, range(self.dim), :, range(self.dim)] += self.G
        A = np.zeros((words + contexts, f, words + contexts, f))
        A[range(words), :, range(words)] = self._blocks[0]
        A[range(words, words + contexts), :, range(words, words + contexts)] = self._blocks[1]
        A[:words, :, words:] = across
        A[words:, :, :words] = across.transpose(2, 3, 0, 1)
        return A.reshape((words + contexts) * f, -1)

    @cached_property
    def pseudo_inverse(self) -> Float:
        """A⁺, dense, in the same order."""
        return scaled_pseudo_inverse(self.matrix)

    def solve(self, gradient: Direction) -> Direction:
        """A⁻ times the gradients of functionals of X: of a few by conjugate gradients, of many by the factor of C."""
        words, f = self.left.shape
        many = len(gradient.rows) * FACTOR_WORK >= words * f**2
        if many and words * f <= MOST_FACTORISED and self.factor is not None:
            return self.solve_by_factor(gradient)
        solved = [self._solve(y, z) for y, z in zip(*(side.astype(self.S.dtype) for side in gradient), strict=True)]
        return Direction(*(np.array(side, dtype=np.float64) for side in zip(*solved, strict=True)))

    @cached_property
    def factor(self) -> tuple[Float, Float] | None:
        """The Cholesky factor of C, scaled by the diagonal of A_rr, and that scale; None if C has no room, or is not definite.

        C is singular along the gauge: `GAUGE` keeps it definite, and what it adds to a solution no functional of X sees.
        """
        (words, f), dim = self.left.shape, self.dim
        if 10.0 * (words * f) ** 2 > free_bytes():  # 8 bytes each, and some contexts' part
            return None
        diagonal = np.einsum("aff->af", self._blocks[0]).ravel().astype(np.float64)
        scale = np.divide(1.0, np.sqrt(diagonal), out=np.zeros_like(diagonal), where=diagonal > 0)
        C = np.zeros((words * f, words * f))
        C.reshape(words, f, words, f)[range(words), :, range(words)] = self._blocks[0]
        C *= scale[:, None]
        C *= scale
        C[np.diag_indices_from(C)] += GAUGE + (scale == 0)
        try:
            roots = np.linalg.inv(np.linalg.cholesky(_padded(self._blocks[1])[0].astype(np.float64))).swapaxes(1, 2)
            for low in range(0, len(self.right), CONTEXTS):
                own = slice(low, low + CONTEXTS)
                across = self.S.T[own, :, None, None] * self.right[own, None, :, None] * self.left[:, None, :]
                across[:, :, range(dim), range(dim)] += self.G.T[own, :, None]
                whitened = across.reshape(-1, words * f, f) @ roots[own]
                whitened *= scale[:, None]
                packed = np.ascontiguousarray(whitened.swapaxes(1, 2)).reshape(-1, words * f)
                C = scipy.linalg.blas.dsyrk(-1.0, packed.T, beta=1.0, c=C.T, lower=True, overwrite_c=True).T
            return scipy.linalg.cholesky(C.T, lower=True, overwrite_a=True, check_finite=False), scale
        except np.linalg.LinAlgError:  # no minimum there, or rounding
            return None

    def solve_by_factor(self, gradient: Direction) -> Direction:
        """The same by the factor of C, which has to be there."""
        assert self.factor is not None
        factor, scale = self.factor
        own = _apply(self._inverses[1], gradient.cols)
        residual = gradient.rows - np.array([self._back(z) for z in own])
        flat = (residual.reshape(len(residual), -1) * scale).T
        solved = scipy.linalg.cho_solve((factor, True), flat, overwrite_b=True, check_finite=False)
        rows = (solved.T * scale).reshape(residual.shape)
        return Direction(rows, own - _apply(self._inverses[1], np.array([self._across(y) for y in rows])))

    def _solve(self, g_rows: Float, g_cols: Float) -> tuple[Float, Float]:
        by_rows, by_cols = self._inverses
        own = _apply(by_cols, g_cols)
        residual = g_rows - self._back(own)
        y, z = np.zeros_like(g_rows), _apply(by_rows, residual)
        towards, norm = z, _dot(residual, z)
        enough = self._tolerance**2 * (_dot(g_rows, _apply(by_rows, g_rows)) + _dot(g_cols, own))
        for _ in range(MOST_CG_STEPS):
            if norm <= enough:
                break
            along = _apply(self._blocks[0], towards) - self._back(_apply(by_cols, self._across(towards)))
            curvature = _dot(towards, along)
            if curvature <= 0:  # no minimum there, or rounding: more steps would lead away
                break
            y = y + (norm / curvature) * towards
            residual = residual - (norm / curvature) * along
            z = _apply(by_rows, residual)
            previous, norm = norm, _dot(residual, z)
            towards = z + (norm / previous) * towards
        return y, own - _apply(by_cols, self._across(y))


def scaled_pseudo_inverse(matrix: Float) -> Float:
    """Pseudo-inverse of a positive semi-definite matrix; scaled, so that rare words are told from null directions."""
    diagonal = np.diag(matrix)
    scale = np.divide(1.0, np.sqrt(np.maximum(diagonal, 0.0)), out=np.zeros_like(diagonal), where=diagonal > 0)
    inverse = np.linalg.pinv(matrix * scale[:, None] * scale, rcond=NULL, hermitian=True)
    return np.asarray(inverse * scale[:, None] * scale, dtype=np.float64)


def _grams(weights: Float, features: Float) -> Float:
    """Σ_j w_ij f_j f_jᵀ of each row i, (rows, f, f)."""
    pairs = features[:, :, None] * features[:, None, :]
    return (weights @ pairs.reshape(len(features), -1)).reshape(-1, *pairs.shape[1:])


def _inverses(blocks: Float) -> Float:
    """Inverses of a stack of positive semi-definite blocks; of a word that never occurs, zero."""
    padded, occurs = _padded(blocks)
    return np.asarray(np.linalg.inv(padded) * occurs[:, None, None], dtype=blocks.dtype)


def _padded(blocks: Float) -> tuple[Float, NDArray[np.bool_]]:
    """A stack of positive semi-definite blocks made definite, those of words that never occur the identity; and which occur."""
    trace = np.trace(blocks, axis1=1, axis2=2)
    occurs = trace > 0
    jitter = np.maximum(JITTER, np.finfo(blocks.dtype).eps) * trace / blocks.shape[1]
    return blocks + (jitter + ~occurs)[:, None, None] * np.eye(blocks.shape[1], dtype=blocks.dtype), occurs


def _apply(blocks: Float, vectors: Float) -> Float:
    return np.matmul(blocks, vectors[..., None])[..., 0]


def _dot(a: Float, b: Float) -> float:
    return float(a.ravel() @ b.ravel())


__all__ = ["Curvature", "Direction", "scaled_pseudo_inverse"]
