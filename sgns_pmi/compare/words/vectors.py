"""Word vectors: what a factorisation says about words, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.arrays import checked_sparse
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice
from sgns_pmi.factorise import Factorisation
from sgns_pmi.factorise.linalg import scaled_to_one
from sgns_pmi.factorise.subwords import Subwords
from sgns_pmi.lazily import sp

Matrix = Any  # ndarray or csr_array; SciPy has no types
KINDS = ("V", "U", "V+U", "mean")
NORMALIZATIONS = ("row", "column", "both", "none")


@dataclass(frozen=True, eq=False, repr=False)
class WordVectors:
    """Words and their vectors, most frequent word first.

    Parameters
    ----------
    words : tuple of str, (words,)
        Distinct, in descending frequency, as word2vec writes them: "the n most frequent words" are the first n.
    matrix : ndarray or scipy.sparse.csr_array, (words, dim)
        A vector for each word; the rows of SPPMI are sparse and stay so.
    normalize : {"row", "column", "both", "none"}, default "row"
        What precedes the dot products that all questions are answered with. "row" makes rows unit vectors, and the dot
        product the cosine; "column" does so to columns; "both" to columns, then to rows (Levy, Goldberg & Dagan, TACL 2015,
        section 3.3). A zero vector remains one; it has no direction, so that questions take its word for unknown.
    subwords : Subwords, optional
        N-gram vectors that unknown words are made of, to be asked about as well.

    Raises
    ------
    InputError
        For words that repeat or are not as many as the rows, a matrix that is damaged or not finite, or an unknown
        normalisation.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = WordVectors(("king", "queen", "pear"), np.array([[2.0, 1.0], [4.0, 2.0], [-1.0, 2.0]]))
    >>> float((vectors.unit[0] @ vectors.unit[1]).round(6))
    1.0
    """

    words: tuple[str, ...]
    matrix: Matrix
    normalize: str = "row"
    subwords: Subwords | None = None

    def __post_init__(self) -> None:
        check_choice("normalize", self.normalize, NORMALIZATIONS)
        if not (sp.issparse(self.matrix) or isinstance(self.matrix, np.ndarray)) or np.ma.is_masked(self.matrix):
            remedy = "must be an array (words, dim), none of it masked, or a scipy sparse matrix"
            raise InputError("vectors", type(self.matrix).__name__, remedy)
        if sp.issparse(self.matrix):
            try:
                checked_sparse(self.matrix)
            except ValueError as error:
                raise InputError("vectors", type(self.matrix).__name__, f"are damaged: {error}") from None
        if self.matrix.dtype.kind not in "iuf":
            raise InputError("vectors", f"array of {self.matrix.dtype}", "must be real numbers")
        if any(not isinstance(word, str) for word in self.words):
            raise InputError("words", next(word for word in self.words if not isinstance(word, str)), "must be text")
        if self.matrix.ndim != 2 or len(self.words) != self.matrix.shape[0]:
            raise InputError("words", f"{len(self.words)} words", f"must name each row of a matrix of shape {self.matrix.shape}")
        if 0 in self.matrix.shape:
            raise InputError("vectors", f"array of shape {self.matrix.shape}", "must have a word and a number of it")
        if len(self._index) != len(self.words):
            twice = next(word for position, word in enumerate(self.words) if self._index[word] != position)
            raise InputError("words", twice, "stands twice; each word needs one vector")
        if not np.isfinite(self.matrix.data if sp.issparse(self.matrix) else self.matrix).all():
            raise InputError("vectors", "NaN or infinity", "must be finite numbers")

    def __repr__(self) -> str:
        return f"WordVectors({len(self):,} words x {self.matrix.shape[1]:,})"

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        """Whether there is a vector for the word: its own, in any case, or one that its n-grams compose."""
        return word.upper() in self.cases or (self.subwords is not None and word not in self._index and word in self.subwords)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: position for position, word in enumerate(self.words)}

    @cached_property
    def directed(self) -> NDArray[np.bool_]:
        """Which words have a vector other than zero, (words,)."""
        squares = self.unit.multiply(self.unit) if sp.issparse(self.unit) else np.square(self.unit)
        return np.asarray(squares.sum(axis=1) > 0).ravel()

    @cached_property
    def cases(self) -> dict[str, int]:
        """Position of the most frequent spelling of each upper-cased word, of those whose vector is not zero."""
        directed = np.flatnonzero(self.directed).tolist()
        return {self.words[position].upper(): position for position in reversed(directed)}

    @cached_property
    def unit(self) -> Matrix:
        """The matrix after `normalize`; dot products of its rows are similarities."""
        matrix = self.matrix
        if self.normalize in ("column", "both"):
            matrix = scaled_to_one(matrix, axis=0)
        return scaled_to_one(matrix, axis=1) if self.normalize in ("row", "both") else matrix

    def has_zero(self, word: str) -> bool:
        """Whether the word, in this spelling or in another case, is there and its vector is zero."""
        return word.upper() not in self.cases and word.upper() in {other.upper() for other in self.words}

    def among(self, words: Sequence[str]) -> WordVectors:
        """The vectors of these words alone, in their order; normalised columns are then those of these words."""
        rows = np.array([self._index[word] for word in words], dtype=np.intp)
        return WordVectors(tuple(words), self.matrix[rows], self.normalize)

    def position(self, word: str) -> int:
        """The row of a word: as spelled or, where that is not known, in the most frequent spelling of another case.

        Raises
        ------
        InputError
            For an unknown word; names the known words closest to it.
        """
        found = self._index.get(word)
        if found is None or not self.directed[found]:
            found = self.cases.get(word.upper())
        if found is None:
            if word in self._index:
                raise InputError("word", word, "has a zero vector here, which has no neighbours and no similarity")
            raise unknown_word(word, self.words)
        return found

    def with_composed(self, words: Iterable[str]) -> WordVectors:
        """The normalised vectors, and below them those of the unknown ones of `words` that n-grams compose; self without such.

        Composed words are there to be asked about: the answers are the first ``len(self)`` words.
        """
        unknown = [word for word in dict.fromkeys(words) if word.upper() not in self.cases and word in self]
        if self.subwords is None or not unknown:
            return self
        composed = np.stack([self.subwords.compose(word) for word in unknown])
        if self.normalize in ("column", "both"):  # by the columns of the vocabulary
            norms = np.linalg.norm(self.matrix, axis=0)
            composed /= np.where(norms > 0, norms, 1.0)
        if self.normalize in ("row", "both"):
            composed = scaled_to_one(composed)
        return WordVectors((*self.words, *unknown), np.vstack([self.unit, composed]), "none")

    def similarities(self, positions: NDArray[np.intp] | Sequence[int], among: int | None = None) -> NDArray[np.floating[Any]]:
        """Similarity of the words at `positions` with the `among` most frequent words (None: all), dense (positions, among)."""
        asked, others = self.unit[np.asarray(positions, dtype=np.intp)], self.unit[:among]
        if sp.issparse(others):  # in this order SciPy need not transpose the whole matrix
            return np.ascontiguousarray((others @ asked.T).toarray().T)
        return np.asarray(asked @ others.T)


def unknown_word(word: str, words: Sequence[str]) -> InputError:
    """The error for a word that is not among `words`: names the closest of them."""
    near = get_close_matches(word, words, n=3) or get_close_matches(word.lower(), words, n=3)
    remedy = f"; did you mean {', '.join(near)}?" if near else f" of {len(words):,} words"
    return InputError("word", word, f"is not in the vocabulary{remedy}")


def word_vectors(
    V: Matrix,
    U: NDArray[np.floating[Any]] | None = None,
    *,
    vocab: Sequence[str] | None = None,
    context_vocab: Sequence[str] | None = None,
    row_sums: NDArray[np.float64] | None = None,
    col_sums: NDArray[np.float64] | None = None,
    vectors: str = "V",
    normalize: str = "row",
    subwords: Subwords | None = None,
) -> WordVectors:
    """Word vectors made of the factors of one factorisation.

    Parameters
    ----------
    V : ndarray or csr_array, (words, dim)
        Centre vectors.
    U : ndarray, (contexts, dim), optional
        Context vectors.
    vocab, context_vocab : sequence of str, optional
        Names of the rows of V and of U; by default their numbers, from 0.
    row_sums, col_sums : ndarray, (words,) and (contexts,), optional
        Frequencies of words and contexts, which put the words in descending order; without them the order is kept.
    vectors : {"V", "U", "V+U", "mean"}, default "V"
        Centre vectors, context vectors, their sum ("w + c" of Levy, Goldberg & Dagan, TACL 2015, section 3.3, before any
        normalisation) or its half.
    normalize : {"row", "column", "both", "none"}, default "row"
        As in `WordVectors`.
    subwords : Subwords, optional
        As in `WordVectors`; of centre vectors, so that they serve vectors="V" alone.

    Raises
    ------
    InputError
        For an unknown choice, or one that needs context vectors, or the same words on both sides, where there are none.
    """
    check_choice("vectors", vectors, KINDS)
    if vectors != "V" and U is None:
        raise InputError("vectors", vectors, "needs context vectors, and there are none here; choose vectors=V")
    if vectors == "U":
        assert U is not None
        matrix, names, frequency = U, context_vocab, col_sums
    else:
        matrix, names, frequency = V, vocab, row_sums
        if vectors != "V":
            assert U is not None
            if names_of(vocab, len(V)) != names_of(context_vocab, len(U)):
                raise InputError("vectors", vectors, "needs the same words as centres and as contexts; choose vectors=V or U")
            matrix = (V + U) / (2 if vectors == "mean" else 1)
    words = names_of(names, matrix.shape[0])
    if frequency is not None:
        order = np.argsort(-frequency, kind="stable")
        words, matrix = tuple(words[position] for position in order), matrix[order]
    return WordVectors(words, matrix, normalize, subwords if vectors == "V" else None)


def names_of(vocab: Sequence[str] | None, size: int) -> tuple[str, ...]:
    """The names of rows or columns: their numbers, from 0, where there are none."""
    return tuple(map(str, range(size) if vocab is None else vocab))


def has_vectors(estimator: Factorisation) -> bool:
    """Whether a fitted method has word vectors: factors, or the sparse rows of SPPMI."""
    return hasattr(estimator, "V_")


def estimator_vectors(
    estimator: Factorisation, counts: CooccurrenceCounts, vectors: str = "V", normalize: str = "row"
) -> WordVectors:
    """The word vectors of a fitted method, words by descending frequency in the counts; see `word_vectors`."""
    return word_vectors(
        estimator.V_,
        getattr(estimator, "U_", None),
        vocab=counts.vocab,
        context_vocab=counts.context_vocab,
        row_sums=counts.row_sums,
        col_sums=counts.col_sums,
        vectors=vectors,
        normalize=normalize,
        subwords=estimator.subwords_,
    )


__all__ = [
    "KINDS",
    "NORMALIZATIONS",
    "WordVectors",
    "estimator_vectors",
    "has_vectors",
    "names_of",
    "unknown_word",
    "word_vectors",
]
