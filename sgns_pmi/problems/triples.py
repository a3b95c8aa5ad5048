"""The user's own counts: triples of (center, context, count) from a file, with or without a truth."""

from __future__ import annotations

import json
import lzma
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, missing_extra
from sgns_pmi.files import atomic_path
from sgns_pmi.problems.problem import Problem, Truth, register_problem
from sgns_pmi.problems.softmax import softmax_truth

Float = NDArray[np.float64]
COLUMNS = ("center", "context", "count")
VOCABS = ("vocab", "context_vocab")
NOTES = "sgns_pmi"
TRUTH_KINDS = ("pmi", "joint", "logits")
COMPRESSIONS = (".gz", ".xz")
TEXT_FORMATS = (".csv", ".tsv", ".mtx")
TRIPLE_FORMATS = (*TEXT_FORMATS, ".parquet", ".npz")
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
UNREADABLE = (OSError, ValueError, EOFError, KeyError, IndexError, BadZipFile, lzma.LZMAError, zlib.error)


def read_triples(path: str | Path, index_base: int = 0) -> CooccurrenceCounts:
    """Counts from a file of triples, or of a sparse matrix.

    Parameters
    ----------
    path : str or Path
        .csv or .tsv with a header naming the columns center, context and count (also compressed: .gz, .xz); .parquet with
        these columns; .npz as scipy.sparse.save_npz writes it; .mtx (Matrix Market, also .gz); and what `write_triples`
        wrote. Centres and contexts are whole numbers or words; where a column holds a word, all of it is words. NA, null
        and nan are words.
    index_base : {0, 1}, default 0
        The first index of whole-number columns (R and Julia count from 1). Matrix formats know their own.

    Returns
    -------
    CooccurrenceCounts
        Duplicates summed. Words become vocabularies in sorted order (files of `write_triples` know theirs); where all
        centres and contexts are words, one vocabulary serves both sides if the two sets are the same.

    Raises
    ------
    InputError
        For a missing, empty or unreadable file, an unknown ending, a missing column; and with its line or row, a count
        that is negative or no finite number, an index that is not whole or below the base, or an empty cell.
    """
    if index_base not in (0, 1) or isinstance(index_base, bool):
        raise InputError("index_base", index_base, "must be 0 or 1: the first index of the file")
    file = _existing("path", path)
    suffix = _suffix(file)
    if suffix not in TRIPLE_FORMATS:
        raise InputError("path", path, f"must end in one of {', '.join(TRIPLE_FORMATS)} (.csv, .tsv and .mtx also .gz, .xz)")
    try:
        if suffix == ".npz":
            return _npz(file)
        if suffix == ".mtx":
            return CooccurrenceCounts.from_matrix(_matrix_market(file))
        if suffix == ".parquet" and (counts := _parquet_of_ours(file)) is not None:
            return counts
        table = _parquet(file) if suffix == ".parquet" else _text_table(file, "," if suffix == ".csv" else "\t")
    except InputError as error:
        raise _in_file(error, file) from None
    except UNREADABLE as error:
        raise InputError("path", path, f"cannot be read as {suffix}: {error}") from None
    return _from_table(table, file, index_base)


def write_triples(counts: CooccurrenceCounts, path: str | Path) -> None:
    """Write counts to a file from which `read_triples` reads the very same ones: shape and vocabularies too.

    Parameters
    ----------
    counts : CooccurrenceCounts
    path : str or Path
        .npz, which scipy.sparse.load_npz reads as well; or .parquet (extra ``parquet``) with the columns center, context
        (words, or indices from 0) and count.

    Raises
    ------
    InputError
        For another ending, or .parquet where pyarrow is not installed.
    """
    target = Path(path)
    if target.suffix == ".npz":
        names: dict[str, Any] = {
            name: np.array(words, dtype=np.str_) for name in VOCABS if (words := getattr(counts, name)) is not None
        }
        matrix = counts.matrix
        with atomic_path(target) as beside:
            np.savez(
                beside,
                format=np.array(b"csr"),
                shape=np.array(counts.shape),
                data=matrix.data,
                indices=matrix.indices,
                indptr=matrix.indptr,
                **names,
            )
    elif target.suffix == ".parquet":
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise missing_extra("pyarrow", "parquet", "to write .parquet files") from None
        coo = counts.matrix.tocoo()
        columns = {
            side: index if words is None else pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), pa.array(words))
            for side, index, words in zip(COLUMNS, coo.coords, (counts.vocab, counts.context_vocab), strict=False)
        }
        notes = {"shape": counts.shape, **{name: getattr(counts, name) for name in VOCABS}}
        table = pa.table({**columns, "count": coo.data}, metadata={NOTES: json.dumps(notes)})
        with atomic_path(target) as beside:
            pq.write_table(table, beside)
    else:
        raise InputError("path", path, "must end in .npz or .parquet")


def _npz(file: Path) -> CooccurrenceCounts:
    with np.load(file, allow_pickle=False) as loaded:
        names = {name: loaded[name].tolist() for name in VOCABS if name in loaded}
    return CooccurrenceCounts.from_matrix(sp.load_npz(file), **names)


def _parquet_of_ours(file: Path) -> CooccurrenceCounts | None:
    """The counts of a file of `write_triples`, which notes shape and vocabularies; None for any other."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise missing_extra("pyarrow", "parquet", "to read .parquet files") from None
    noted = (pq.read_schema(file).metadata or {}).get(NOTES.encode())
    if noted is None:
        return None
    notes = json.loads(noted)
    table = pq.read_table(file, read_dictionary=list(COLUMNS[:2]))
    sides = []
    for side, name in zip(COLUMNS[:2], VOCABS, strict=True):
        if notes[name] is None:
            sides.append(table[side].to_numpy())
            continue
        # A large file is written in parts, each with a dictionary of its own.
        column = table[side].unify_dictionaries().combine_chunks()
        places = pd.Index(notes[name]).get_indexer(column.dictionary.to_pylist())
        sides.append(places[column.indices.to_numpy()])
    matrix = sp.coo_array((table["count"].to_numpy(), tuple(sides)), shape=tuple(notes["shape"]))
    return CooccurrenceCounts.from_matrix(matrix, **{name: notes[name] for name in VOCABS})


def _in_file(error: InputError, file: Path) -> InputError:
    return InputError(error.field, error.value, f"{error.remedy} (in {file})")


def _existing(field: str, path: str | Path) -> Path:
    file = Path(path)
    if not file.is_file():
        raise InputError(field, path, "there is no such file; paths are relative to the current folder")
    if file.stat().st_size == 0:
        raise InputError(field, path, "the file is empty")
    return file


def _suffix(file: Path) -> str:
    inner, outer = Path(file.stem).suffix.lower(), file.suffix.lower()
    return inner if outer in COMPRESSIONS and inner in TEXT_FORMATS else outer


def _matrix_market(file: Path) -> sp.coo_matrix | Float:
    if file.suffix.lower() != ".xz":
        return scipy.io.mmread(file)
    with lzma.open(file) as stream:  # SciPy unpacks .gz alone
        return scipy.io.mmread(stream)


def _parquet(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(file)
    except ImportError:
        raise missing_extra("pyarrow", "parquet", "to read .parquet files") from None
    table.index = pd.RangeIndex(1, len(table) + 1, name="row")
    return table


def _text_table(file: Path, separator: str) -> pd.DataFrame:
    """The file as text, indexed by line; no value is taken for missing (NA and null are words)."""
    try:
        table = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True, skip_blank_lines=False)
    except pd.errors.EmptyDataError:
        raise InputError("path", file, "the file is empty") from None
    table.index = pd.RangeIndex(2, len(table) + 2, name="line")
    return table[(table != "").any(axis=1)]


def _from_table(table: pd.DataFrame, file: Path, index_base: int) -> CooccurrenceCounts:
    names = {str(name).strip().lower().replace("centre", "center"): name for name in table.columns}
    for column in COLUMNS:
        if column not in names:
            found = ", ".join(map(str, table.columns[:6]))
            raise InputError("column", column, f"is missing from {file}; its header has: {found}")
    if table.empty:
        raise InputError("path", file, "has a header and no triples")
    center, context = (_index(table[names[side]], index_base, side, file) for side in COLUMNS[:2])
    count = pd.to_numeric(table[names["count"]], errors="coerce").to_numpy(np.float64)
    # A count that is missing is an error, not a zero.
    bad = ~((count >= 0) & (count < np.inf))
    _refuse(bad, table[names["count"]], "count", "must be a finite number, not negative", file)
    try:
        return _same_vocabulary(center, context, count)
    except InputError as error:
        raise _in_file(error, file) from None


def _index(values: pd.Series, index_base: int, side: str, file: Path) -> Float | NDArray[np.str_]:
    """Indices from 0 where every value is a number, else words."""
    numeric = pd.api.types.is_numeric_dtype(values)
    words = values if numeric else values.astype(str).str.strip(" ")
    _refuse(values.isna() | (words == ""), values, side, "is missing", file)
    number = pd.Series(True, words.index) if numeric else words.str.fullmatch(NUMBER)
    if not number.all():
        if index_base and number.any():
            _refuse(~number, values, side, f"must be a whole number, as index_base={index_base} is for numbers", file)
        _refuse(words.str.contains("\n"), values, side, "spans lines; a word with a quote mark must be quoted", file)
        return words.to_numpy(dtype=str)
    index = pd.to_numeric(words).to_numpy(np.float64)
    # In a column of numbers 1.5 is a slip, not a word.
    bad = ~((index >= index_base) & (index == np.trunc(index)))
    _refuse(bad, values, side, f"must be a word or a whole number from index_base={index_base}", file)
    return index - index_base


def _refuse(bad: pd.Series | NDArray[np.bool_], values: pd.Series, field: str, remedy: str, file: Path) -> None:
    """Raise InputError for the first of `values` that is bad, with its place in the file."""
    if bad.any():
        at = int(np.argmax(bad))
        raise InputError(field, values.iloc[at], f"{remedy}, in {values.index.name} {values.index[at]} of {file}")


def _same_vocabulary(center: Float | NDArray[np.str_], context: Float | NDArray[np.str_], count: Float) -> CooccurrenceCounts:
    vocab = None
    if center.dtype.kind == "U" and context.dtype.kind == "U":
        words, contexts = np.unique(center), np.unique(context)
        if np.array_equal(words, contexts):
            vocab = [str(word) for word in words]
    return CooccurrenceCounts.from_triples(center, context, count, vocab=vocab)


@register_problem("triples")
def triples_problem(
    path: str | Path | None = None,
    index_base: int = 0,
    truth: str | Path | Sequence[str | Path] | None = None,
    truth_kind: str = "pmi",
    seed: int = 0,
) -> Problem:
    """Counts from a file, and optionally the truth that they came from.

    Parameters
    ----------
    path : str
        A file that `read_triples` reads.
    index_base : {0, 1}, default 0
        The first index in the file.
    truth : str, or list of two, optional
        File of a dense matrix (words, contexts), .csv or .tsv with one header line, .npy, or .npz with one array; or two
        files of factors (words, r) and (contexts, r), whose product is the matrix.
    truth_kind : {"pmi", "joint", "logits"}, default "pmi"
        What the matrix is: the PMI (the marginals are then the counts' own), the joint distribution (normalised to sum
        1), or the nominal matrix M whose softmax over all cells is the joint distribution.
    seed : int
        Unused: nothing is drawn.

    Raises
    ------
    InputError
        As `read_triples`, and for a truth that is not readable, finite or of the counts' shape.
    """
    check_choice("truth_kind", truth_kind, TRUTH_KINDS)
    if path is None:
        raise InputError("path", None, "give the file of triples: data.path=FILE")
    counts = read_triples(path, index_base)
    title = f"{Path(path).name}, {counts.shape[0]:,} x {counts.shape[1]:,}, {counts.total:,.10g} pairs"
    return Problem(counts, title, None if truth is None else _truth(truth, truth_kind, counts))


def _truth(files: str | Path | Sequence[str | Path], kind: str, counts: CooccurrenceCounts) -> Truth:
    paths = [files] if isinstance(files, str | Path) else list(files)
    if len(paths) not in (1, 2):
        raise InputError("truth", f"{len(paths)} files", "must be one matrix file or two factor files")
    parts = [_dense(path) for path in paths]
    if len(parts) == 2 and parts[0].shape[1] != parts[1].shape[1]:
        raise InputError("truth", f"factors with {parts[0].shape[1]} and {parts[1].shape[1]} columns", "must have as many")
    shape = parts[0].shape if len(parts) == 1 else (len(parts[0]), len(parts[1]))
    if shape != counts.shape:
        raise InputError("truth", f"{shape[0]} x {shape[1]}", f"must be {counts.shape[0]} x {counts.shape[1]}, the counts' shape")
    if kind == "logits":
        left, right = parts if len(parts) == 2 else (parts[0], np.eye(shape[1]))
        return softmax_truth(left, right)
    matrix = parts[0] if len(parts) == 1 else parts[0] @ parts[1].T
    if kind == "pmi":
        return Truth(counts.row_sums / counts.total, counts.col_sums / counts.total, matrix)
    if (matrix <= 0).any():
        raise InputError("truth", matrix.min(), "a joint distribution must be above 0 in every cell")
    joint = matrix / matrix.sum()
    p, q = joint.sum(axis=1), joint.sum(axis=0)
    return Truth(p, q, np.log(joint) - np.log(p)[:, None] - np.log(q))


def _dense(path: str | Path) -> Float:
    file = _existing("truth", path)
    try:
        if _suffix(file) in (".csv", ".tsv"):
            matrix = pd.read_csv(file, sep="," if _suffix(file) == ".csv" else "\t").to_numpy(np.float64)
        elif file.suffix in (".npy", ".npz"):
            loaded = np.load(file, allow_pickle=False)
            matrix = np.asarray(loaded[loaded.files[0]] if file.suffix == ".npz" else loaded, dtype=np.float64)
        else:
            raise InputError("truth", path, "must end in .csv, .tsv, .npy or .npz")
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError("truth", path, f"cannot be read as a matrix: {error}") from None
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        raise InputError("truth", path, "must hold a matrix of finite numbers")
    return matrix
