"""CooccurrenceCounts: how often each context was seen beside each centre; the type that every part speaks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence, Set
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgns_pmi.arrays import LARGEST_INDEX, check_extent, checked_sparse
from sgns_pmi.errors import InputError, check_integer
from sgns_pmi.lazily import pd, sp
from sgns_pmi.memory import check_memory

Float = NDArray[np.float64]
LEAST, MOST = 1e-30, 1e20
"""Bounds of a fit, of the sums of words that occur and of a count: beyond, squares and products with K leave float32's range."""
_Array = TypeVar("_Array", bound=NDArray[Any])


class CooccurrenceCounts:
    """Immutable co-occurrence counts n_ij ≥ 0 of (centre i, context j).

    Build one with `from_triples` or `from_matrix`; both sum duplicates and drop zero cells. Counts may be whole
    numbers or reals (weights, expected counts). Totals are float64.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array, (words, contexts)
        The counts n, float64, sorted indices, no stored zeros, read-only.
    row_sums, col_sums : ndarray, (words,) and (contexts,)
        r_i and c_j of docs/math.md, "Notation".
    total : float
        N, the sum of all counts.
    shape : (int, int)
        (words, contexts).
    nnz : int
        Number of cells with n_ij > 0.
    vocab, context_vocab : tuple of str, or None
        Names of the rows and of the columns.
    """

    def __init__(
        self, matrix: sp.csr_array, vocab: Sequence[str] | None = None, context_vocab: Sequence[str] | None = None
    ) -> None:
        self.matrix = _validated(matrix)
        self.shape: tuple[int, int] = (int(matrix.shape[0]), int(matrix.shape[1]))
        self.nnz = int(self.matrix.nnz)
        self.vocab = _names("vocab", vocab, self.shape[0])
        self.context_vocab = _names("context_vocab", context_vocab, self.shape[1])
        with np.errstate(over="ignore"):
            self.row_sums: Float = _frozen(np.asarray(self.matrix.sum(axis=1), dtype=np.float64).ravel())
            self.col_sums: Float = _frozen(np.asarray(self.matrix.sum(axis=0), dtype=np.float64).ravel())
            self.total = float(self.row_sums.sum())
        if not np.isfinite(self.total):
            remedy = "is one of counts whose sum is beyond any number; divide all by one number, which changes no PMI"
            raise InputError("count", self.matrix.data.max(), remedy)
        self._derived: dict[Hashable, NDArray[Any]] = {}

    @classmethod
    def from_triples(
        cls,
        center: ArrayLike,
        context: ArrayLike,
        count: ArrayLike,
        shape: tuple[int, int] | None = None,
        vocab: Sequence[str] | None = None,
        context_vocab: Sequence[str] | None = None,
    ) -> CooccurrenceCounts:
        """Counts from parallel arrays of centres, contexts and counts.

        Parameters
        ----------
        center, context : array-like, (n,)
            Whole numbers from 0, or words. Words are looked up in `vocab` and `context_vocab`; where these are not
            given, the names are the distinct words in sorted order (one list for the rows and one for the columns).
            With `vocab` alone, it names the contexts as well.
        count : array-like, (n,)
            Numbers ≥ 0; the counts of a repeated (centre, context) are summed.
        shape : (int, int), optional
            (words, contexts); by default as large as the vocabularies, or the largest indices, demand.
        vocab, context_vocab : sequence of str, optional
            Names of rows and columns.

        Raises
        ------
        InputError
            For negative, non-finite or all-zero counts, unequal lengths, indices outside `shape`, unknown words; and without a
            `shape`, for indices so far apart that nearly all rows or columns would be empty.
        """
        values = _as_counts(count)
        if vocab is not None and context_vocab is None:
            context_vocab = vocab
        rows, vocab = _indices("center", center, vocab)
        cols, context_vocab = _indices("context", context, context_vocab)
        if not rows.shape == cols.shape == values.shape:
            raise InputError("count", values.shape, f"needs one count for each of {len(rows)} centers and {len(cols)} contexts")
        if len(values) == 0:
            raise InputError("count", "[]", "no triples; give at least one with a count above 0")
        if shape is None:
            for field, index, names in (("center", rows, vocab), ("context", cols, context_vocab)):
                if names is None:
                    check_extent(field, int(index.max()) + 1, len(index))
            shape = (
                len(vocab) if vocab is not None else int(rows.max()) + 1,
                len(context_vocab) if context_vocab is not None else int(cols.max()) + 1,
            )
        shape = _shape(shape)
        for field, index, size in (("center", rows, shape[0]), ("context", cols, shape[1])):
            if index.max() >= size:
                raise InputError(field, int(index.max()), f"must be below {size}, the size of that side (indices start at 0)")
        coo = sp.coo_array((values, (rows, cols)), shape=shape)
        return cls(coo.tocsr(), vocab, context_vocab)

    @classmethod
    def from_matrix(
        cls, matrix: Any, vocab: Sequence[str] | None = None, context_vocab: Sequence[str] | None = None
    ) -> CooccurrenceCounts:
        """Counts from a dense (words, contexts) array, any scipy sparse matrix or a DataFrame; the input is copied.

        Index and columns of a DataFrame, as of `pandas.crosstab`, become words and contexts where none are given, unless
        they only number its rows and columns.

        Raises
        ------
        InputError
            For an array that is not two-dimensional, negative, non-finite, masked or all-zero counts, and a sparse matrix whose
            arrays contradict each other or whose rows or columns are nearly all empty.
        """
        if hasattr(matrix, "columns") and hasattr(matrix, "index"):
            vocab = _labels(matrix.index) if vocab is None else vocab
            context_vocab = _labels(matrix.columns) if context_vocab is None else context_vocab
            matrix = matrix.to_numpy()
        if sp.issparse(matrix):
            for size in matrix.shape:
                check_extent("matrix", size, matrix.nnz)
            try:
                coo = checked_sparse(matrix)
            except ValueError as error:
                raise InputError("matrix", type(matrix).__name__, f"is damaged: {error}") from None
            if coo.ndim != 2:
                raise InputError("matrix", f"array of {coo.ndim} dimensions", "must be two-dimensional: words x contexts")
            # A new matrix of checked values: making it CSR sums duplicates, which would hide a negative one.
            csr = sp.coo_array((_as_counts(coo.data), coo.coords), shape=coo.shape).tocsr()
        else:
            dense = _as_counts(matrix)
            if dense.ndim != 2:
                raise InputError("matrix", f"array of {dense.ndim} dimensions", "must be two-dimensional: words x contexts")
            csr = sp.csr_array(dense)
        return cls(csr, vocab, context_vocab)

    @cached_property
    def triples(self) -> pd.DataFrame:
        """The cells as a frame of center, context, count, in CSR order (integer indices from 0)."""
        coo = self.matrix.tocoo()
        return pd.DataFrame({"center": coo.coords[0], "context": coo.coords[1], "count": coo.data})

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Dense mask (words, contexts) of the cells with n_ij > 0."""
        mask = np.zeros(self.shape, dtype=bool)
        coo = self.matrix.tocoo()
        mask[coo.coords[0], coo.coords[1]] = True
        return _frozen(mask)

    def derived(self, key: Hashable, make: Callable[[], _Array]) -> _Array:
        """What `make` returns, made at the first call with this key and kept, read-only: counts do not change."""
        if key not in self._derived:
            self._derived[key] = _frozen(make())
        kept: Any = self._derived[key]
        return kept

    @property
    def centers(self) -> NDArray[np.integer[Any]]:
        """The centre of each seen cell (nnz,), in CSR order; their contexts are `matrix.indices`."""
        return np.repeat(np.arange(self.shape[0], dtype=self.matrix.indices.dtype), np.diff(self.matrix.indptr))

    def with_values(self, values: NDArray[Any]) -> sp.csr_array:
        """A sparse matrix (words, contexts) of one value for each seen cell, in CSR order; it shares the counts' indices."""
        return sp.csr_array((values, self.matrix.indices, self.matrix.indptr), shape=self.shape)

    @cached_property
    def digest(self) -> bytes:
        """What tells these counts from others: a hash of the matrix."""
        hashed = hashlib.blake2b(repr(self.shape).encode(), digest_size=16)
        for array in (self.matrix.indptr, self.matrix.indices, self.matrix.data):
            hashed.update(np.ascontiguousarray(array))
        return hashed.digest()

    def thinned(self, share: float, rng: np.random.Generator) -> tuple[CooccurrenceCounts, CooccurrenceCounts]:
        """The counts in two, each pair falling into the second with probability `share`; independent for independent draws.

        A count that is no whole number keeps its fraction in the first.

        Raises
        ------
        InputError
            Where one of the two would be empty.
        """
        n = self.matrix.data
        held = rng.binomial(np.floor(n).astype(np.int64), share).astype(np.float64)
        first, second = (
            CooccurrenceCounts(self.with_values(values).copy(), self.vocab, self.context_vocab) for values in (n - held, held)
        )
        return first, second

    def __repr__(self) -> str:
        return f"CooccurrenceCounts({self.shape[0]} x {self.shape[1]}, {self.nnz} cells, total {self.total:g})"


def as_counts(counts: Any) -> CooccurrenceCounts:
    """`counts` itself if it is a `CooccurrenceCounts`, else one made of a dense or sparse matrix or a DataFrame."""
    return counts if isinstance(counts, CooccurrenceCounts) else CooccurrenceCounts.from_matrix(counts)


def fit_counts(counts: Any) -> CooccurrenceCounts:
    """`as_counts`, of a scale that methods can compute with; a refusal names the count, or the sum, out of range."""
    counts = as_counts(counts)
    least, most = min(side[side > 0].min() for side in (counts.row_sums, counts.col_sums)), counts.matrix.data.max()
    if least < LEAST or most > MOST:
        remedy = f"counts of a word must sum to {LEAST:g} or more, and none be above {MOST:g}; multiply all by one number"
        raise InputError("count", least if least < LEAST else most, f"{remedy}, which changes no PMI")
    return counts


def _frozen(array: _Array) -> _Array:
    array.flags.writeable = False
    return array


def _as_counts(values: ArrayLike) -> Float:
    _refuse_masked("count", values)
    try:
        array = np.asarray(values)
        # Complex numbers, dates, spans of time and text, as 1_000, are numbers to NumPy.
        text = array.dtype.kind == "O" and any(isinstance(value, str | bytes) for value in array.flat)
        real = None if text or array.dtype.kind not in "biufO" else array.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError):
        real = None
    if real is None:
        raise InputError("count", values, "must be real numbers")
    return _checked(real)


def _refuse_masked(field: str, values: ArrayLike) -> None:
    """NumPy forgets a mask, and then takes what is hidden under it for values."""
    if np.ma.is_masked(values):
        raise InputError(field, "masked", "has no value where it is masked; remove these cells or fill them")


def _checked(data: Float) -> Float:
    if not np.isfinite(data).all():
        raise InputError("count", data[~np.isfinite(data)][0], "must be finite; remove the cell or give its count")
    if (data < 0).any():
        raise InputError("count", data[data < 0][0], "must not be negative")
    return data


def _validated(matrix: sp.csr_array) -> sp.csr_array:
    _checked(matrix.data)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if matrix.nnz == 0:
        raise InputError("count", "all zero", "at least one cell needs a count above 0")
    for array in (matrix.data, matrix.indices, matrix.indptr):
        _frozen(array)
    return matrix


def _labels(index: pd.Index) -> list[str] | None:
    """The names that an index gives, or None where it only numbers."""
    return None if isinstance(index, pd.RangeIndex) else [str(label) for label in index]


def _shape(shape: object) -> tuple[int, int]:
    sizes = tuple(shape) if isinstance(shape, Sequence | np.ndarray) and not isinstance(shape, str) else ()
    if len(sizes) != 2:
        raise InputError("shape", shape, "must be two whole numbers, of words and of contexts")
    words, contexts = (check_integer("shape", size) for size in sizes)
    # The rows' starts and both sums, each made of an array of as many.
    check_memory("shape", f"{words} x {contexts}", 16.0 * (words + contexts), "give no more words and contexts than there are")
    return words, contexts


def _names(field: str, names: Sequence[str] | None, size: int) -> tuple[str, ...] | None:
    if names is None:
        return None
    if isinstance(names, Set):
        raise InputError(field, type(names).__name__, "must be a list of words, in the order of the indices, and a set has none")
    if len(names) != size:
        raise InputError(field, f"{len(names)} names", f"must name each of the {size} indices of that side")
    _check_words(field, names)
    return tuple(str(name) for name in names)


def _check_words(field: str, names: Sequence[str]) -> None:
    """Refuse names that are missing, that no file could hold, or that stand twice."""
    given = pd.Series(list(names), dtype=object)
    if (missing := given.isna()).any():
        raise InputError(field, given[missing].iloc[0], "is no word; name each index")
    letters = "".join(map(str, given))
    try:
        letters.encode()
    except UnicodeEncodeError as error:
        raise InputError(field, letters[error.start], "is half a character, which UTF-8 does not hold") from None
    if "\n" in letters or "\r" in letters:
        spans = next(name for name in map(str, given) if "\n" in name or "\r" in name)
        raise InputError(field, spans, "spans lines, which no table of words can hold")
    if (twice := given.duplicated()).any():
        raise InputError(field, given[twice].iloc[0], "must name each index once; this name stands twice")


def _indices(field: str, values: ArrayLike, names: Sequence[str] | None) -> tuple[NDArray[np.int64], Sequence[str] | None]:
    _refuse_masked(field, values)
    array = np.asarray(values)
    if array.dtype.kind == "U" and not isinstance(values, np.ndarray):
        array = np.asarray(values, dtype=object)  # NumPy's own texts forget a NUL at their end
    if array.ndim != 1:
        raise InputError(field, f"array of {array.ndim} dimensions", "must be a one-dimensional array")
    if array.dtype.kind in "OUT":
        missing = pd.isna(array)
        if missing.any():
            raise InputError(field, array[missing][0], "is no word; remove the cell or name it")
        words = [str(word) for word in array]
        if names is None:
            names = sorted(set(words))
        _check_words("vocab" if field == "center" else "context_vocab", names)
        index = pd.Index(list(names)).get_indexer(pd.Index(words))
        if (index < 0).any():
            raise InputError(field, words[int(np.argmin(index))], "is not in the vocabulary given")
        return index.astype(np.int64), names
    if array.dtype.kind not in "iuf":
        raise InputError(field, f"array of {array.dtype}", "must hold whole numbers or words")
    whole = np.isfinite(array) & (array == np.trunc(array))
    if not whole.all():
        raise InputError(field, array[~whole][0], "must be a whole number or a word")
    if len(array) and array.max() > LARGEST_INDEX:
        raise InputError(field, array.max(), f"must be at most {LARGEST_INDEX}; number the words from 0 without gaps")
    if len(array) and array.min() < 0:
        raise InputError(field, array.min(), "must not be negative; set index_base if the indices start at 1")
    return array.astype(np.int64), names
