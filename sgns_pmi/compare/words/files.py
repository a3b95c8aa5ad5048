"""Word vectors in files: a run's own .npz, word2vec's text and binary formats, gensim's KeyedVectors."""

from __future__ import annotations

import codecs
import gzip
import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.arrays import pack_words, read_npz, sparse_matrix, unpack_words
from sgns_pmi.compare.words.vectors import WordVectors, word_vectors
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, missing_extra
from sgns_pmi.factorise import Factorisation
from sgns_pmi.factorise.subwords import Hashing, Subwords
from sgns_pmi.files import atomic_path
from sgns_pmi.lazily import sp
from sgns_pmi.problems.tables import existing
from sgns_pmi.unpack import read_plain, reading

log = logging.getLogger("sgns_pmi")
Float32 = NDArray[np.float32]
TEXT_SUFFIXES = (".txt", ".vec")
BINARY_SUFFIX = ".bin"
FACTORS = ("V", "U", "row_bias", "col_bias")
SPARSE = ("data", "indices", "indptr", "shape", "format")
ERRORS = ("strict", "replace")
SPACED = "the binary format holds no words with spaces, and no file that is cut or that another program changed"
PICKLE = b"\x80"
NATIVE = "is gensim's own pickled format, which can run any code when it is read; in gensim, write vectors.bin with"


def write_factors(estimator: Factorisation, counts: CooccurrenceCounts, path: Path) -> None:
    """Write V, U, biases, vocabularies and sums of rows and columns as plain arrays of one .npz file; none without vectors.

    Sparse rows (SPPMI) are written as ``scipy.sparse.save_npz`` does, in place of V; n-gram vectors (fastText) beside it.
    """
    arrays = {name: value for name in FACTORS if (value := getattr(estimator, f"{name}_", None)) is not None}
    if not arrays:
        return
    arrays |= {"row_sums": counts.row_sums, "col_sums": counts.col_sums} | _ngrams(estimator.subwords_)
    for name in ("vocab", "context_vocab"):
        if (words := getattr(counts, name)) is not None:
            arrays |= pack_words(name, words)
    _write_npz(arrays, path)


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
        arrays = {"V": vectors.matrix} | pack_words("vocab", vectors.words) | _ngrams(vectors.subwords)
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


def read_vectors(path: str | Path, vectors: str = "V", normalize: str = "row", errors: str = "strict") -> WordVectors:
    """Word vectors from a file.

    Parameters
    ----------
    path : str or Path
        A run's vectors/METHOD.npz, a file that `write_vectors` wrote, or one in word2vec's text or binary format or in GloVe's,
        which is word2vec's text without the first line, under any name (also .gz, .xz, .zst); their content tells them apart.
    vectors : {"V", "U", "V+U", "mean"}, default "V"
        As in `word_vectors`; word2vec's formats have V alone.
    normalize : {"row", "column", "both", "none"}, default "row"
    errors : {"strict", "replace"}, default "strict"
        Whether words that are not UTF-8, as word2vec.c cuts long ones, are refused, or read with U+FFFD for what is not; of
        words that are then the same the first one stays.

    Raises
    ------
    InputError
        For a missing or unreadable file, one that does not hold what its first line says,
        gensim's pickled formats, or a choice that the file does not have.
    """
    check_choice("errors", errors, ERRORS)
    file = existing("path", path)
    with file.open("rb") as stream:
        if stream.read(1) == PICKLE:
            raise InputError("path", path, f"{NATIVE} model.wv.save_word2vec_format('vectors.bin', binary=True)")
    if file.suffix == ".npz":
        with reading("path", file, "vectors"):
            return _read_npz(file, vectors, normalize)
    words, matrix = _word2vec(read_plain(file, kind="vectors"), file, errors)
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
        np.savez(beside, **arrays)


def _read_npz(file: Path, vectors: str, normalize: str) -> WordVectors:
    loaded = read_npz(file)
    arrays: dict[str, Any] = {name: loaded[name] for name in ("U", "row_sums", "col_sums") if name in loaded}
    arrays |= {name: words for name in ("vocab", "context_vocab") if (words := unpack_words(loaded, name)) is not None}
    if "ngram_vectors" in loaded:
        arrays["subwords"] = _subwords(*(loaded[f"ngram_{name}"] for name in ("hashing", "buckets", "vectors")))
    if "V" in loaded:
        V = _check_array("V", loaded["V"], "fiu", (None, None))
    elif set(SPARSE) <= set(loaded):
        V = sparse_matrix(loaded).tocsr()
        _check_array("data", V.data, "fiu", (None,))
    else:
        raise InputError("path", file, f"has no array V; it has {', '.join(loaded)}")
    if "U" in arrays:
        _check_array("U", arrays["U"], "fiu", (None, V.shape[1]))
    # Rows and names of the centres, and of the contexts.
    for sums, vocab, size in (("row_sums", "vocab", V.shape[0]), ("col_sums", "context_vocab", len(arrays.get("U", ())))):
        if vocab in arrays and (vocab == "vocab" or size):
            _check_array(vocab, np.array(arrays[vocab]), "U", (size,))
        if sums in arrays and (sums == "row_sums" or size):
            _check_array(sums, arrays[sums], "fiu", (size,))
    return word_vectors(V, arrays.pop("U", None), **arrays, vectors=vectors, normalize=normalize)


def _check_array(name: str, array: NDArray[Any], kinds: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """The array; a ValueError for another kind of numbers, or another shape, in which None is any size."""
    fits = array.ndim == len(shape) and all(size in (None, own) for own, size in zip(array.shape, shape, strict=True))
    if array.dtype.kind not in kinds or not fits:
        sizes = " x ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} is an array of {array.dtype}, {' x '.join(map(str, array.shape))}, and must be {sizes}")
    return array


def _subwords(hashing: NDArray[Any], buckets: NDArray[Any], vectors: NDArray[Any]) -> Subwords:
    sizes = Hashing(*_check_array("ngram_hashing", hashing, "iu", (3,)).tolist())
    if not (0 < sizes.minn <= sizes.maxn and sizes.buckets > 0):
        raise ValueError("ngram_hashing must be three numbers above 0: shortest, longest and buckets")
    return Subwords(
        sizes,
        _check_array("ngram_buckets", buckets, "iu", (len(vectors),)),
        _check_array("ngram_vectors", vectors, "fiu", (len(buckets), None)),
    )


def _word2vec(content: bytes, file: Path, errors: str) -> tuple[list[str], Float32]:
    """Words and vectors of word2vec's text or binary format, or of GloVe's, which is text without a first line of sizes."""
    header, _, body = content.partition(b"\n")
    sizes = header.split()
    if len(sizes) == 2 and all(re.fullmatch(rb"-?\d+", size) for size in sizes):
        if not all(size.isdigit() and int(size[:20]) > 0 for size in sizes):
            raise InputError("path", file, "line 1 must be two whole numbers above 0, of words and dimensions")
        # A row is a letter or more, and for each number a space and a digit, or four bytes: no file holds more rows.
        most = len(body) // 2
        count, dim = (int(size) if len(size) < 20 else 10**20 for size in sizes)
        if dim > most:
            raise InputError("path", file, f"cannot hold the {_number(dim)} dimensions that its first line says")
        text = _is_text(body, dim)
        rows = (_text_rows if text else _binary_rows)(body, dim, count, file)
    elif len(sizes) > 1 and all(map(_is_number, sizes[1:])):
        body, dim = content, len(sizes) - 1
        most, count, text = len(body) // 2, body.count(b"\n") + 1, True
        rows = _text_rows(body, dim, None, file)
    else:
        remedy = "is no file of word vectors: line 1 must be two numbers, of words and dimensions, or a word and its numbers"
        raise InputError("path", file, remedy)
    words: list[str] = []
    matrix = np.empty((min(count, most // dim + 1), dim), dtype=np.float32)
    seen: set[str] = set()
    repeated = 0
    for written, row in rows:
        word, whole = _decoded(written, file, errors)
        if not whole and word in seen:
            repeated += 1
            continue
        seen.add(word)
        matrix[len(words)] = row
        words.append(word)
    largest = float(np.abs(matrix[: len(words)]).max(initial=0.0))
    if not text and not (largest == 0 or 1e-20 < largest < 1e20):
        remedy = f"has numbers up to {largest:.2g}: they are no float32 in the order (little-endian) that word2vec writes"
        raise InputError("path", file, remedy)
    if repeated:
        log.warning(
            "%s: %d words are the same as earlier ones, once what is not UTF-8 is replaced, and are left out", file, repeated
        )
    return words, matrix[: len(words)]


def _is_number(value: bytes) -> bool:
    try:
        return b"_" not in value and math.isfinite(float(value))
    except ValueError:
        return False


def _number(value: int) -> str:
    return f"{value:,}" if value < 10**20 else "10^20 or more"


def _is_text(body: bytes, dim: int) -> bool:
    """Whether the first row is a word and its numbers or, whatever is wrong with that row, the beginning is text."""
    first = body.partition(b"\n")[0].split()
    if len(first) == dim + 1 and all(map(_is_number, first[1:])):
        return True
    beginning = body[:4096]
    decoded = codecs.getincrementaldecoder("utf-8")(errors="replace").decode(beginning)
    return "\ufffd" not in decoded and not any(letter < " " and letter not in "\t\r\n" for letter in decoded)


def _text_rows(body: bytes, dim: int, count: int | None, file: Path) -> Iterator[tuple[bytes, Float32]]:
    """Words and rows; as many as `count` says, or as there are."""
    found = 0
    for number, line in enumerate(body.split(b"\n"), start=2 if count is not None else 1):
        fields = line.split()  # of bytes: at ASCII white space alone
        if not fields:
            continue
        if found == count:
            raise InputError("path", file, f"has more than the {count} words that its first line says")
        try:
            # Python takes 1_000 for a number.
            row = np.array([] if b"_" in line[len(fields[0]) :] else fields[1:], dtype=np.float32)
        except ValueError:
            row = np.empty(0, dtype=np.float32)
        if len(row) != dim:
            raise InputError("path", file, f"line {number} must be a word and {dim} numbers; words have no spaces")
        found += 1
        yield fields[0], row
    _check_end(found, count, file)


def _binary_rows(body: bytes, dim: int, count: int, file: Path) -> Iterator[tuple[bytes, Float32]]:
    """Words and rows, to the end of the file."""
    position, size, found = 0, 4 * dim, 0
    while found < count and (space := body.find(b" ", position)) >= 0 and space + 1 + size <= len(body):
        word = body[position:space]
        if not word or any(byte <= 32 for byte in word):
            raise InputError("path", file, f"word {found + 1} is {word!r}; {SPACED}")
        yield word, np.frombuffer(body, "<f4", dim, space + 1)
        position = space + 1 + size
        position += body.startswith(b"\n", position)  # some writers end each vector with a line feed, some do not
        found += 1
    _check_end(found, count, file)
    if position < len(body):
        raise InputError(
            "path", file, f"has {len(body) - position:,} bytes more than the {count} words that its first line says; {SPACED}"
        )


def _check_end(found: int, count: int | None, file: Path) -> None:
    if count is not None and found < count:
        raise InputError("path", file, f"ends after {found} of the {_number(count)} words that its first line says")


def _decoded(word: bytes, file: Path, errors: str) -> tuple[str, bool]:
    """The word, and whether it is whole."""
    try:
        return word.decode("utf-8"), True
    except UnicodeDecodeError:
        if errors == "replace":
            return word.decode("utf-8", "replace"), False
        remedy = f"has a word that is not UTF-8: {word!r}; convert the file to UTF-8, or read it with errors=replace"
        raise InputError("path", file, remedy) from None


__all__ = ["check_word2vec", "from_gensim", "read_vectors", "to_gensim", "write_factors", "write_vectors", "write_word2vec"]
