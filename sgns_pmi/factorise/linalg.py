"""Matrices given by their factors, by their stored cells or by products: decompositions, sums and single cells."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.lazily import sp, torch
from sgns_pmi.pmi import Indices
from sgns_pmi.streams import stream

Float = NDArray[np.float64]

OVERSAMPLES = 10  # columns that a randomised decomposition has beyond those asked for
DENSE_SIDE = 500  # smaller side up to which LAPACK's full decomposition takes well under a second
DENSE_CELLS = 25_000_000  # and the most cells it may have (0.2 GB); above, only products with the matrix are formed
DECOMPOSED: dict[bytes, tuple[Float, Float, Float]] = {}
ROUNDING = 1e-13
"""Of AᵀA's largest eigenvalue: smaller errors of any are those of rounding."""
MOST_DECOMPOSED = 50_000_000  # bytes of decompositions that are kept, beside the last
CELL_ROWS = 4096  # whose cells are computed together


def scaled_to_one(matrix: Any, axis: int = 1) -> Any:
    """A dense or scipy sparse matrix whose rows, or with `axis` 0 columns, are divided by their length; those of zeros stay."""
    squares = matrix.multiply(matrix) if sp.issparse(matrix) else np.square(matrix)
    lengths = np.sqrt(np.asarray(squares.sum(axis=axis)).ravel())
    scale = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    if sp.issparse(matrix):
        scaled = sp.diags_array(scale)
        return (scaled @ matrix if axis else matrix @ scaled).tocsr()
    return matrix * (scale[:, None] if axis else scale)


def truncated_svd(matrix: Any, dim: int, seed: int = 0) -> tuple[Float, Float, Float]:
    """The `dim` largest singular triplets of a matrix, with signs that do not depend on the algorithm.

    Small matrices are decomposed whole (LAPACK); of others only products with vectors are formed (ARPACK, to machine
    precision), so that they may be sparse or implicit.

    Parameters
    ----------
    matrix : ndarray, scipy sparse or LinearOperator, (m, n)
    dim : int
        At most min(m, n).
    seed : int, default 0
        Of ARPACK's starting vector.

    Returns
    -------
    left : ndarray, (m, dim)
    singular_values : ndarray, (dim,)
        Descending.
    right : ndarray, (n, dim)
        In each column of `left` the entry of largest magnitude is positive.
    """
    smaller = min(matrix.shape)
    # ARPACK finds fewer triplets than the smaller side has (where `left` or `right` is as large as the matrix anyway),
    # and is no faster where most of them are wanted.
    wanted_whole = smaller <= DENSE_SIDE or 2 * dim >= smaller
    if dim == smaller or (wanted_whole and math.prod(matrix.shape) <= DENSE_CELLS):
        left, values, right = _whole_svd(_dense(matrix))
    else:
        # Drawn here, because the interpretation of svds' own seed differs between SciPy versions.
        start = stream(seed, "singular vectors", "arpack").normal(size=smaller)
        left, values, right = scipy.sparse.linalg.svds(matrix, k=dim, v0=start)
        order = np.argsort(-values)
        left, values, right = left[:, order], values[order], right[order]
    left, right = _signed(left[:, :dim], right[:dim])
    return left, values[:dim].copy(), right.T


def _whole_svd(matrix: Float) -> tuple[Float, Float, Float]:
    """LAPACK's decomposition; one that was made lately is known again: in a sweep over dim all jobs cut the same."""
    name = hashlib.blake2b(repr(matrix.shape).encode() + matrix.tobytes()).digest()
    found = DECOMPOSED.pop(name, None) or scipy.linalg.svd(matrix, full_matrices=False)
    DECOMPOSED[name] = found  # the last that was used stands at the end
    while len(DECOMPOSED) > 1 and sum(part.nbytes for parts in DECOMPOSED.values() for part in parts) > MOST_DECOMPOSED:
        del DECOMPOSED[next(iter(DECOMPOSED))]
    return found


def randomized_svd(matrix: Any, dim: int, seed: int = 0, passes: int = 2) -> tuple[Float, Float, Float]:
    """About the `dim` largest singular triplets, from products with blocks of vectors, some ten times cheaper than exact ones.

    Randomised subspace iteration (Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1), for a matrix that may be implicit;
    parameters and results as of `truncated_svd`, with `passes` the number of power iterations.
    """
    width = min(dim + OVERSAMPLES, *matrix.shape)
    projected = stream(seed, "singular vectors", "randomised").normal(size=(matrix.shape[1], width))
    for _ in range(passes + 1):
        basis = np.linalg.qr(matrix @ np.linalg.qr(projected)[0])[0]
        projected = matrix.T @ basis
    right, values, left = scipy.linalg.svd(projected, full_matrices=False)
    return basis @ left[:dim].T, values[:dim], right[:, :dim]


class Singular(NamedTuple):
    """The largest singular values of a matrix and their right vectors, and how wrong they may be."""

    values: Float
    """(dim,), descending; each at most the true one."""
    right: Float
    """(columns, dim), orthonormal."""
    errors: Float
    """(dim,): the per-vector errors ‖AᵀA v − σ² v‖."""
    passes: int
    """Products with AᵀA that were made."""

    @property
    def bounds(self) -> Float:
        """(dim,): within so much of each of `values` there is a singular value of the matrix."""
        return np.divide(self.errors, self.values, out=np.zeros_like(self.errors), where=self.values > 0)


def shifted_power(
    gram: Callable[[Float], Float], columns: int, dim: int, seed: int = 0, tolerance: float = 1e-3, passes: int = 500
) -> Singular:
    """The `dim` largest singular values of a matrix A that is known by its products AᵀA Q alone, with bounds of their errors.

    Power iteration of AᵀA − α on a block of vectors, whose shift α rises with what is found and speeds up a spectrum that
    decays slowly (dashSVD: Feng, Yu, Xie & Tang 2024, algorithm 4). Values and vectors are the Rayleigh–Ritz ones of the block.
    Their criterion is the per-vector error |uᵀAAᵀu − σ²| against ε times the first square that is not wanted; of the unknown σ
    it is estimated there. Here it is bounded: a symmetric matrix has an eigenvalue within ‖AᵀA v − θ v‖ of θ, for |v| = 1
    (Parlett 1998, theorem 4.5.1), and the i-th Ritz value is never above the i-th eigenvalue (Cauchy). It is the i-th that is
    near it unless the random start misses a direction that all passes amplify; the error itself is of second order in the bound.

    Parameters
    ----------
    gram : function of ndarray (columns, width) that returns the like
        Q to AᵀA Q; all of the matrix may be read for it, block of rows by block of rows.
    columns : int
    dim : int
        At most `columns`.
    seed : int, default 0
        Of the start.
    tolerance : float, default 1e-3
        ε: ends when each per-vector error is at most ε σ²_dim, so that σ² are right to a relative ε.
    passes : int, default 500
        Products at most; what they have not reached, `errors` says.

    References
    ----------
    Feng, Yu, Xie & Tang, "Algorithm 1043 (dashSVD): faster randomized SVD with dynamic shifts", ACM TOMS 50, 2024.
    """
    width = min(dim + max(OVERSAMPLES, dim // 2), columns)  # theirs: half as many more
    basis = np.linalg.qr(stream(seed, "singular vectors", "shifted").normal(size=(columns, width)))[0]
    shift = 0.0
    for made in range(1, passes + 1):
        product = gram(basis)
        squares, turn = np.linalg.eigh(basis.T @ product)
        squares, turn = np.maximum(squares[: -dim - 1 : -1], 0.0), turn[:, : -dim - 1 : -1]
        right = basis @ turn
        errors = np.linalg.norm(product @ turn - right * squares, axis=0)
        if made == passes or errors.max() <= max(tolerance * squares[-1], ROUNDING * squares[0]):
            break
        basis, triangle = np.linalg.qr(product - shift * basis)
        # The least singular value is at most λ_width − α: the shift stays below half of λ_width, as it has to.
        shift = max(shift, (shift + float(np.linalg.svd(triangle, compute_uv=False)[-1])) / 2)
    return Singular(np.sqrt(squares), right, errors, made)


def _signed(left: Float, right: Float) -> tuple[Float, Float]:
    """The same triplets with the largest entry of each column of `left` positive."""
    largest = np.abs(left).argmax(axis=0)
    signs = np.sign(left[largest, np.arange(left.shape[1])])
    return left * signs, right * signs[:, None]


def _dense(matrix: Any) -> Float:
    if isinstance(matrix, scipy.sparse.linalg.LinearOperator):
        return np.asarray(matrix @ np.eye(matrix.shape[1]))
    return np.asarray(matrix.todense() if sp.issparse(matrix) else matrix, dtype=np.float64)


def plus_outer(matrix: sp.csr_array, left: Float, right: Float) -> scipy.sparse.linalg.LinearOperator:
    """The operator `matrix` + left·rightᵀ, never formed."""
    operator = scipy.sparse.linalg.aslinearoperator
    return operator(matrix) + operator(left[:, None]) @ operator(right[None, :])


def balanced(
    V: NDArray[Any], U: NDArray[Any], row_weight: NDArray[Any], col_weight: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same V Uᵀ in canonical factors, each word of them weighed as often as the negatives meet it.

    ℓ sees the product alone; which of its factorisations training ends in is an accident of the start, and cosines
    between words depend on it. With W_r, W_c the diagonal matrices of the weights and P Σ Qᵀ the SVD of
    W_r^½ V Uᵀ W_c^½, the factors are W_r^-½ P Σ^½ and W_c^-½ Q Σ^½: VᵀW_r V = UᵀW_c U = Σ.

    Parameters
    ----------
    V, U : ndarray, (words, dim) and (contexts, dim)
    row_weight, col_weight : ndarray, (words,) and (contexts,)
        r and P_n. Where a weight is zero the vector is taken along, by the same dim x dim map.
    """
    weighed = [factor * np.sqrt(weight)[:, None] for factor, weight in ((V, row_weight), (U, col_weight))]
    # PyTorch's LAPACK takes a sixth of the time of NumPy's for a tall matrix.
    r_v, r_u = (torch.linalg.qr(torch.from_numpy(factor).double(), mode="r").R.numpy() for factor in weighed)
    left, values, right = np.linalg.svd(r_v @ r_u.T)
    scale = 1 / np.sqrt(np.where(values > values[0] * 1e-12, values, np.inf))
    # V R_uᵀ Q Σ^-½ = W_r^-½ P Σ^½, without dividing by a weight.
    return (V @ (r_u.T @ (right.T * scale))).astype(V.dtype), (U @ (r_v.T @ (left * scale))).astype(U.dtype)


def plus_terms(V: ArrayLike, U: ArrayLike, column: Float, row: Float | None = None) -> tuple[Float, Float]:
    """Factors of V·Uᵀ + a term for each context + a term for each centre: [V, 1, row] and [U, column, 1]."""
    V, U = np.asarray(V, dtype=np.float64), np.asarray(U, dtype=np.float64)
    left, right = [V, np.ones((len(V), 1))], [U, column[:, None]]
    if row is not None:
        left, right = [*left, row[:, None]], [*right, np.ones((len(U), 1))]
    return np.hstack(left), np.hstack(right)


def product_cells(left: Float, right: Float, rows: Indices, cols: Indices) -> Float:
    """left_i·right_j of single cells, (cells,); `rows` ascend. A third of the time of gathering vectors in NumPy."""
    starts = np.searchsorted(rows, np.arange(len(left) + 1, dtype=rows.dtype))
    u = torch.from_numpy(right).T
    found = np.empty(len(cols))
    # Some rows at a time: PyTorch holds the cells of a call several times over.
    for low in range(0, len(left), CELL_ROWS):
        v = torch.from_numpy(left[low : low + CELL_ROWS])
        start = starts[low : low + CELL_ROWS + 1]
        own = slice(start[0], start[-1])
        if own.start == own.stop:
            continue
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR", UserWarning)  # PyTorch calls its API unsettled
            cells = torch.sparse_csr_tensor(
                # Both index arrays need one type, and counts have the smaller one where it will do.
                torch.tensor((start - start[0]).astype(cols.dtype)),
                torch.tensor(cols[own]),
                torch.zeros(len(cols[own]), dtype=torch.float64),
                (len(v), len(right)),
                check_invariants=False,
            )
        found[own] = torch.sparse.sampled_addmm(cells, v, u).values().numpy()
    return found


def sparse_cells(matrix: sp.csr_array, rows: Indices, cols: Indices, absent: float = 0.0) -> Float:
    """Single cells of a sparse matrix, (cells,), `absent` where none is stored."""
    if len(rows) == 0:
        return np.empty(0)
    numbers = np.arange(1, matrix.nnz + 1)
    # Indexing single cells of a sparse array differs between SciPy versions; indexing a sparse matrix does not.
    numbered = sp.csr_matrix((numbers, matrix.indices, matrix.indptr), shape=matrix.shape)
    return np.append(matrix.data, absent)[np.asarray(numbered[rows, cols]).ravel() - 1]
