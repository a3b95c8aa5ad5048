"""Word vectors in files: a run's own .npz, word2vec's text and binary formats, gensim's KeyedVectors."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sgns_pmi.compare.words.vectors import WordVectors, word_vectors
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, missing_extra
from sgns_pmi.factorise import Factorisation
from sgns_pmi.factorise.base import plus_terms, product_cells
from sgns_pmi.factorise.subwords import Hashing, Subwords
from sgns_pmi.files import atomic_path

Float32 = NDArray[np.float32]
TEXT_SUFFIXES = (".txt", ".vec")
BINARY_SUFFIX = ".bin"
FACTORS = ("V", "U", "row_bias", "col_bias")
SPARSE = ("data", "indices", "indptr", "shape", "format")
PICKLE = b"\x80"
NATIVE = "is gensim's own pickled format, which can run any code when it is read; in gensim, write vectors.bin with"


def write_factors(estimator: Factorisation, counts: CooccurrenceCounts, path: Path) -> None:
    """Write V, U, biases, vocabularies and sums of rows and columns as plain arrays of one .npz file; none without vectors.

    Sparse rows (SPPMI) are written as ``scipy.sparse.save_npz`` does, in place of V; n-gram vectors (fastText) beside it.
    """
    arrays = {name: value for name in FACTORS if (value := getattr(estimator, f"{name}_", None)) is not None}
    if not arrays:
        return
    arrays |= {"row_sums": counts.row_sums, "col_sums": counts.col_sums} | _ngrams(getattr(estimator, "subwords_", None))
    for name in ("vocab", "context_vocab"):
        if (words := getattr(counts, name)) is not None:
            arrays[name] = np.array(words, dtype=np.str_)
    _write_npz(arrays, path)


def read_scores(path: Path, rows: NDArray[np.intp], cols: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
    """X = V·Uᵀ (+ b + c), from a file of `write_factors` that has V and U.

    Of the given centres, dense (rows, contexts); with `cols`, of single cells, (cells,), whose centres ascend.
    """
    with np.load(path, allow_pickle=False) as arrays:
        biases = (arrays["col_bias"], arrays["row_bias"]) if "row_bias" in arrays else (np.zeros(len(arrays["U"])),)
        left, right = plus_terms(arrays["V"], arrays["U"], *biases)
    return left[rows] @ right.T if cols is None else product_cells(left, right, rows, cols)


def write_vectors(vectors: WordVectors, path: str | Path) -> None:
    """Write word vectors to a file, in a format chosen by its ending.

    Parameters
    ----------
    vectors : WordVectors
        As they are, not normalised.
    path : str or Path
        .npz; .txt or .vec for word2vec's text format, .bin for its binary one (each also .gz). Text holds every digit of the
        numbers, binary their float32.

    Raises
    ------
    InputError
        For another ending, a word that word2vec's formats cannot hold (empty, or with white space), or sparse vectors in
        them.
    """
    target = Path(path)
    if target.suffix == ".npz":
        arrays = {"V": vectors.matrix, "vocab": np.array(vectors.words, dtype=np.str_)} | _ngrams(vectors.subwords)
        _write_npz(arrays, target)
        return
    inner = Path(target.stem).suffix if target.suffix == ".gz" else target.suffix
    if inner not in (*TEXT_SUFFIXES, BINARY_SUFFIX):
        raise InputError("path", path, f"must end in .npz, {', '.join((*TEXT_SUFFIXES, BINARY_SUFFIX))} (also .gz)")
    if sp.issparse(vectors.matrix):
        raise InputError("path", path, "cannot hold sparse vectors; write them to .npz")
    check_word2vec(vectors.words)
    with atomic_path(target) as beside, (gzip.open if target.suffix == ".gz" else open)(beside, "wb") as stream:
        stream.write("{} {}\n".format(*vectors.matrix.shape).encode())
        for word, row in zip(vectors.words, vectors.matrix, strict=True):
            if inner == BINARY_SUFFIX:
                stream.write(word.encode() + b" " + row.astype("<f4").tobytes() + b"\n")
            else:
                stream.write(f"{word} {' '.join(row.astype(str))}\n".encode())


def check_word2vec(words: Sequence[str]) -> None:
    """Raise `InputError` for a word that word2vec's formats cannot hold: one that is empty or has white space."""
    for word in words:
        if word.encode().split() != [word.encode()]:
            raise InputError("word", word, "has white space, which word2vec's formats cannot hold; write to .npz")


def write_word2vec(vectors: Mapping[str, WordVectors], folder: Path) -> None:
    """Write each method's vectors to FOLDER/METHOD.txt, in word2vec's text format, which has no place for sparse ones."""
    for method, own in vectors.items():
        if not sp.issparse(own.matrix):
            write_vectors(own, folder / f"{method}.txt")


def read_vectors(path: str | Path, vectors: str = "V", normalize: str = "row") -> WordVectors:
    """Word vectors from a file.

    Parameters
    ----------
    path : str or Path
        A run's vectors/METHOD.npz, a file that `write_vectors` wrote, or one in word2vec's text or binary format under any
        name (also .gz); text and binary are told apart by their content.
    vectors : {"V", "U", "V+U", "mean"}, default "V"
        As in `word_vectors`; word2vec's formats have V alone.
    normalize : {"row", "column", "both", "none"}, default "row"

    Raises
    ------
    InputError
        For a missing or unreadable file, gensim's pickled formats, or a choice that the file does not have.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError("path", path, "there is no such file; paths are relative to the current folder")
    try:
        if file.suffix == ".npz":
            return _read_npz(file, vectors, normalize)
        with (gzip.open if file.suffix == ".gz" else open)(file, "rb") as stream:
            content = stream.read()
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("path", path, f"cannot be read as vectors: {error}") from None
    if content.startswith(PICKLE):
        raise InputError("path", path, f"{NATIVE} model.wv.save_word2vec_format('vectors.bin', binary=True)")
    words, matrix = _word2vec(content, file)
    return word_vectors(matrix, vocab=words, vectors=vectors, normalize=normalize)


def to_gensim(vectors: WordVectors) -> Any:
    """The vectors as gensim's KeyedVectors, in the same order (float32).

    Raises
    ------
    InputError
        Where gensim is not installed (extra ``gensim``), or for sparse vectors.
    """
    if sp.issparse(vectors.matrix):
        raise InputError("vectors", "sparse", "KeyedVectors are dense; factorise first, as sppmi_svd does")
    try:
        from gensim.models import KeyedVectors  # takes a second to import: only where asked for
    except ImportError:
        raise missing_extra("gensim", "gensim", "to make KeyedVectors") from None
    keyed = KeyedVectors(vectors.matrix.shape[1])
    keyed.add_vectors(list(vectors.words), np.asarray(vectors.matrix, dtype=np.float32))
    return keyed


def from_gensim(keyed: Any, normalize: str = "row") -> WordVectors:
    """Word vectors from gensim's KeyedVectors (or a model with ``.wv``), in the same order."""
    keyed = getattr(keyed, "wv", keyed)
    return word_vectors(np.array(keyed.vectors), vocab=keyed.index_to_key, normalize=normalize)


def _ngrams(subwords: Subwords | None) -> dict[str, Any]:
    if subwords is None:
        return {}
    hashing = np.array([subwords.hashing.minn, subwords.hashing.maxn, subwords.hashing.buckets])
    return {"ngram_hashing": hashing, "ngram_buckets": subwords.used, "ngram_vectors": subwords.vectors}


def _write_npz(arrays: dict[str, Any], path: Path) -> None:
    rows = arrays["V"]
    if sp.issparse(rows):
        del arrays["V"]
        arrays |= {
            "data": rows.data,
            "indices": rows.indices,
            "indptr": rows.indptr,
            "shape": np.array(rows.shape),
            "format": np.array(b"csr"),
        }
    with atomic_path(path) as beside:
        np.savez(beside, allow_pickle=False, **arrays)


def _read_npz(file: Path, vectors: str, normalize: str) -> WordVectors:
    with np.load(file, allow_pickle=False) as loaded:
        wanted = ("U", "vocab", "context_vocab", "row_sums", "col_sums")
        arrays = {name: loaded[name] for name in wanted if name in loaded}
        if "ngram_vectors" in loaded:
            hashing = Hashing(*loaded["ngram_hashing"].tolist())
            arrays["subwords"] = Subwords(hashing, loaded["ngram_buckets"], loaded["ngram_vectors"])
        if "V" in loaded:
            V = loaded["V"]
        elif set(SPARSE) <= set(loaded):
            V = sp.csr_array((loaded["data"], loaded["indices"], loaded["indptr"]), shape=tuple(loaded["shape"]))
        else:
            raise InputError("path", file, f"has no array V; it has {', '.join(loaded)}")
    for name in ("vocab", "context_vocab"):
        if name in arrays:
            arrays[name] = arrays[name].tolist()
    return word_vectors(V, arrays.pop("U", None), **arrays, vectors=vectors, normalize=normalize)


def _word2vec(content: bytes, file: Path) -> tuple[list[str], Float32]:
    """Words and vectors of word2vec's text or binary format."""
    header, _, body = content.partition(b"\n")
    try:
        count, dim = map(int, header.split())
    except ValueError:
        raise InputError("path", file, "is no word2vec file: line 1 must be two numbers, of words and dimensions") from None
    first = body.partition(b"\n")[0].split()
    text = len(first) == dim + 1 and all(_is_number(value) for value in first[1:])
    words: list[str] = []
    rows = np.empty((count, dim), dtype=np.float32)
    for word, row in (_text_rows if text else _binary_rows)(body, dim, file):
        if len(words) == count:
            raise InputError("path", file, f"has more than the {count} words that its first line says")
        rows[len(words)] = row
        words.append(word)
    if len(words) < count:
        raise InputError("path", file, f"ends after {len(words)} of the {count} words that its first line says")
    return words, rows


def _is_number(value: bytes) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _text_rows(body: bytes, dim: int, file: Path) -> Iterator[tuple[str, Float32]]:
    for number, line in enumerate(body.split(b"\n"), start=2):
        fields = line.split()  # of bytes: at ASCII white space alone
        if not fields:
            continue
        try:
            row = np.array(fields[1:], dtype=np.float32)
        except ValueError:
            row = np.empty(0, dtype=np.float32)
        if len(row) != dim:
            raise InputError("path", file, f"line {number} must be a word and {dim} numbers")
        yield _decoded(fields[0], file), row


def _binary_rows(body: bytes, dim: int, file: Path) -> Iterator[tuple[str, Float32]]:
    position, size = 0, 4 * dim
    while (space := body.find(b" ", position)) >= 0 and space + 1 + size <= len(body):
        # Some writers end each vector with a line feed, some do not.
        yield _decoded(body[position:space].lstrip(b"\n"), file), np.frombuffer(body, "<f4", dim, space + 1)
        position = space + 1 + size


def _decoded(word: bytes, file: Path) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("path", file, f"has a word that is not UTF-8: {word!r}; convert the file to UTF-8") from None


__all__ = [
    "check_word2vec",
    "from_gensim",
    "read_scores",
    "read_vectors",
    "to_gensim",
    "write_factors",
    "write_vectors",
    "write_word2vec",
]
