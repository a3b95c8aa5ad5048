"""The user's own counts: triples of (center, context, count) from a file, with or without a truth."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.arrays import LARGEST_INDEX, pack_words, read_matrix_market, read_npz, sparse_matrix, unpack_words
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, missing_extra
from sgns_pmi.files import atomic_path
from sgns_pmi.lazily import pd, sp
from sgns_pmi.problems.problem import Problem, Truth, Units, register_problem
from sgns_pmi.problems.softmax import softmax_truth
from sgns_pmi.problems.tables import (
    NUMBER,
    NUMBERS,
    TEXT_TABLES,
    Table,
    ending,
    existing,
    find_columns,
    matrix_of,
    read_matrix,
    read_table,
    row_names,
    to_numbers,
)
from sgns_pmi.unpack import COMPRESSIONS, compression, reading

log = logging.getLogger("sgns_pmi")
Float = NDArray[np.float64]
Side = Float | NDArray[np.object_]
"""Centres or contexts of triples: indices from 0, or words."""
COLUMNS = ("center", "context", "count")
UNIT = "unit"
VOCABS = ("vocab", "context_vocab")
NOTES = "sgns_pmi"
TRUTH_KINDS = ("pmi", "joint", "logits")
IDS = ("auto", "words", "numbers")
PACKED = (*TEXT_TABLES, ".mtx")
TRIPLE_FORMATS = (*PACKED, ".parquet", ".npz")
CODE = r"-?0[0-9]+(\.[0-9]*)?|[^eE]*\.[0-9]{2,}|\+.*"
"""Numbers that nobody counts with: 0117, 007.1, 250.00, +49."""


def read_triples(
    path: str | Path,
    index_base: int = 0,
    columns: Sequence[str | int] | None = None,
    separator: str | None = None,
    ids: str = "auto",
) -> CooccurrenceCounts:
    """Counts from a file of triples, or of a sparse matrix.

    Parameters
    ----------
    path : str or Path
        .csv, .tsv or .txt with a header naming the columns center, context and count, or with these three columns and no
        header (also compressed: .gz, .xz, .zst); .parquet with these columns; .npz as scipy.sparse.save_npz
        writes it; .mtx (Matrix Market, also compressed); and what `write_triples` wrote. NA, null and nan are words.
    index_base : {0, 1}, default 0
        The first index of whole-number columns (R and Julia count from 1). Matrix formats know their own. With 1, the numbers
        of the file become the names of rows and columns.
    columns : list of three or four, optional
        The headings of centre, context and count, as in R's ``[Var1,Var2,value]``, or their places from 1, where there
        may be no header; and that of the unit.
    separator : str, optional
        Of the fields: one sign, or comma, semicolon, tab, space, bar. By default the comma in .csv and the tab in .tsv; where the
        first line has none, and in .txt, the first of tab, semicolon, comma and space that it has. Between semicolons
        (R's write.csv2) a comma is decimal.
    ids : {"auto", "words", "numbers"}, default "auto"
        Whether centres and contexts are words or whole numbers. By default a column is words where one of its values is no number
        or, in .parquet, its type is text; and both are where a value is a code, which no index is: 0117, 007.1, 250.00, +49.

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
    return _read(path, index_base, columns, separator, ids)[0]


def _read(
    path: str | Path, index_base: int, columns: Sequence[str | int] | None, separator: str | None, ids: str
) -> tuple[CooccurrenceCounts, Units | None]:
    """The counts of a file, and those of its units where it has a column for them."""
    if index_base not in (0, 1) or isinstance(index_base, bool):
        raise InputError("index_base", index_base, "must be 0 or 1: the first index of the file")
    check_choice("ids", ids, IDS)
    if ids == "words" and index_base:
        raise InputError("index_base", index_base, "is the first number of a file of numbers; give it, or ids=words")
    index_base, columns = int(index_base), _three_or_four(columns)
    file = existing("path", path)
    suffix = ending(file)
    if suffix not in TRIPLE_FORMATS or (compression(file) and suffix not in PACKED):
        packed = f"{', '.join(PACKED)} also {', '.join(COMPRESSIONS)}"
        raise InputError("path", path, f"must end in one of {', '.join(TRIPLE_FORMATS)} ({packed})")
    try:
        if suffix in (".npz", ".mtx"):
            return _matrix(file), None
        if suffix == ".parquet" and (counts := _parquet_of_ours(file)) is not None:
            return counts, None
        return _from_table(read_table(file, separator), columns, index_base, ids)
    except InputError as error:
        raise error if str(file) in f"{error.value}{error.remedy}" else _in_file(error, file) from None


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
        names: dict[str, Any] = {}
        for name in VOCABS:
            if (words := getattr(counts, name)) is not None:
                names |= pack_words(name, words)
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


def _three_or_four(columns: object) -> list[str | int] | None:
    if columns is None:
        return None
    given = list(columns) if isinstance(columns, list | tuple) else []
    different = len(given) == len(set(map(str, given)))
    if len(given) not in (3, 4) or not different or {type(column) for column in given} not in ({str}, {int}):
        remedy = "must be three headings, or places from 1, as data.columns=[Var1,Var2,value], or four, with that of the unit"
        raise InputError("columns", columns, remedy)
    return given


def _matrix(file: Path) -> CooccurrenceCounts:
    """The counts of a sparse matrix's file, which knows where its indices start."""
    arrays = read_npz(file) if ending(file) == ".npz" else {}
    with reading("path", file, ending(file)):
        matrix = sparse_matrix(arrays) if arrays else read_matrix_market(file)
        names = {name: unpack_words(arrays, name) for name in VOCABS}
    counts = CooccurrenceCounts.from_matrix(matrix, **names)
    if counts.vocab is None and counts.row_sums[0] == 0 == counts.col_sums[0]:
        log.warning("row and column 0 of %s are empty: if its indices started at 1, save it without them", file)
    return counts


def _parquet_of_ours(file: Path) -> CooccurrenceCounts | None:
    """The counts of a file of `write_triples`, which notes shape and vocabularies; None for any other."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise missing_extra("pyarrow", "parquet", "to read .parquet files") from None
    with reading("path", file, ".parquet"):
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


def _from_table(
    table: Table, columns: Sequence[str | int] | None, index_base: int, ids: str
) -> tuple[CooccurrenceCounts, Units | None]:
    headed = UNIT in [heading.strip().casefold() for heading in table.first]
    center, context, count, *unit = find_columns(table, columns, (*COLUMNS, UNIT) if headed else COLUMNS)
    rows, cols = _sides((center, context), index_base, ids, table)
    numbers = to_numbers(count, table.separator)
    # A count that is missing is an error, not a zero.
    bad = ~((numbers >= 0) & (numbers < np.inf))
    _refuse(bad, count, "count", "must be a finite number, not negative", table)
    words, contexts = ({*side} if side.dtype.kind == "O" else None for side in (rows, cols))
    vocab = sorted(words) if words is not None and words == contexts else None
    counts = CooccurrenceCounts.from_triples(rows, cols, numbers, vocab=vocab)
    units = _units(unit[0], (rows, cols), numbers, counts, table) if unit else None
    indexed = [side for side in (rows, cols) if side.dtype.kind == "f"]
    if index_base == 0:
        if indexed and all(side.min() > 0 for side in indexed):
            log.warning("index 0 never occurs in %s: if its indices start at 1, set data.index_base=1", table.file)
        return counts, units
    named = [
        [str(index_base + index) for index in range(size)] if names is None else names
        for size, names in zip(counts.shape, (counts.vocab, counts.context_vocab), strict=True)
    ]
    return CooccurrenceCounts.from_matrix(counts.matrix, *named), units


def _units(unit: pd.Series, sides: Sequence[Side], count: Float, counts: CooccurrenceCounts, table: Table) -> Units:
    """The counts of each unit, cell by cell."""
    _refuse(unit.isna() | (unit.astype(str).str.strip(" ") == ""), unit, UNIT, "is missing", table)
    vocabularies = counts.vocab, counts.context_vocab
    center, context = (
        (side if names is None else pd.Index(names).get_indexer(pd.Index(side))).astype(np.int32)
        for side, names in zip(sides, vocabularies, strict=True)
    )
    number, names = pd.factorize(unit)
    if len(names) < 2:
        raise InputError(UNIT, names[0], f"is that of all rows of {table.file}; variances need several units")
    return Units(number.astype(np.int32), center, context, count)


def _sides(columns: Sequence[pd.Series], index_base: int, ids: str, table: Table) -> list[Side]:
    """Centres and contexts: indices from 0 or words, as `ids` says."""
    texts = [_texts(values, side, table) for side, values in zip(COLUMNS, columns, strict=False)]
    codes = False
    if ids == "auto" and table.separator:
        codes = any(bool(text.str.fullmatch(CODE).any() and text.str.fullmatch(NUMBER).any()) for text in texts)
    return [
        _side(values, text, side, index_base, "words" if codes else ids, table)
        for side, values, text in zip(COLUMNS, columns, texts, strict=False)
    ]


def _texts(values: pd.Series, side: str, table: Table) -> pd.Series:
    """A column's values as text; those that are missing, span lines, or are neither words nor numbers are refused."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind not in NUMBERS or kind == "boolean":
        raise InputError(side, kind, f"must be words or whole numbers, and is a column of another type in {table.file}")
    if pd.api.types.is_float_dtype(values) and (values == np.trunc(values)).all() and (values.abs() < 2**53).all():
        values = values.astype("int64")
    texts = values.astype(str).str.strip(" ") if table.separator else values.astype(str)
    _refuse(values.isna() | (texts == ""), values, side, "is missing", table)
    _refuse(texts.str.contains("\n", regex=False), values, side, "spans lines; a word with a quote mark must be quoted", table)
    return texts


def _side(values: pd.Series, texts: pd.Series, side: str, index_base: int, ids: str, table: Table) -> Side:
    typed = pd.api.types.is_numeric_dtype(values)
    number = pd.Series(True, values.index) if typed else texts.str.fullmatch(NUMBER)
    counting = "must be a whole number, as {} is for numbers"
    if ids == "numbers" or (index_base and number.any()):
        _refuse(~number, values, side, counting.format("ids=numbers" if ids == "numbers" else f"index_base={index_base}"), table)
        if ids == "words":
            remedy = "is a code, and index_base=1 is for numbers; say data.ids=numbers"
            _refuse(texts.str.fullmatch(CODE), values, side, remedy, table)
    elif ids == "words" or not number.all() or not (typed or table.separator):
        return texts.to_numpy(dtype=object)
    index = np.asarray(values if typed else texts, dtype=np.float64)
    # In a column of numbers 1.5 is a slip, or a code.
    bad = ~((index >= index_base) & (index == np.trunc(index)))
    remedy = f"must be a word or a whole number from index_base={index_base}; of codes say data.ids=words"
    _refuse(bad, values, side, remedy, table)
    remedy = "is a code, no number; number the words from 0 without gaps, or say data.ids=words"
    _refuse(index - index_base > LARGEST_INDEX, values, side, remedy, table)
    if not typed and ids != "numbers":
        _refuse(_spelled_twice(texts, index), values, side, "is also spelled another way; say data.ids=words or numbers", table)
    return index - index_base


def _spelled_twice(texts: pd.Series, index: Float) -> NDArray[np.bool_]:
    """Which numbers are spelled otherwise where they first stand, as 250.0 and 250 or 1e3 and 1000: codes, which would merge."""
    first = texts.groupby(index).transform("first")
    return (texts != first).to_numpy(dtype=bool)


def _refuse(bad: pd.Series | NDArray[np.bool_], values: pd.Series, field: str, remedy: str, table: Table) -> None:
    """Raise InputError for the first of `values` that is bad, with its place in the file."""
    if bad.any():
        at = int(np.argmax(bad))
        raise InputError(field, values.iloc[at], f"{remedy}, in {values.index.name} {values.index[at]} of {table.file}")


@register_problem("triples")
def triples_problem(
    path: str | Path | None = None,
    index_base: int = 0,
    truth: str | Path | Sequence[str | Path] | None = None,
    truth_kind: str = "pmi",
    columns: Sequence[str | int] | None = None,
    separator: str | None = None,
    ids: str = "auto",
    seed: int = 0,
) -> Problem:
    """Counts from a file, and optionally the truth that they came from.

    Parameters
    ----------
    path : str
        A file that `read_triples` reads. A column unit, or a fourth of `columns`, says which counts may depend on each other (a
        document, a site); each unit has triples of its own.
    index_base : {0, 1}, default 0
        The first index in the file.
    truth : str, or list of two, optional
        File of a dense matrix (words, contexts), .csv, .tsv or .txt with or without headings and row names, .npy, or .npz
        with one array; of a long table of three columns, centre, context and value, one row for each cell; or two files of
        factors (words, r) and (contexts, r), whose product is the matrix.
    truth_kind : {"pmi", "joint", "logits"}, default "pmi"
        What the matrix is: the PMI (the marginals are then the counts' own), the joint distribution (normalised to sum
        1), or the nominal matrix M whose softmax over all cells is the joint distribution.
    columns, separator, ids
        As in `read_triples`.
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
    counts, units = _read(path, index_base, columns, separator, ids)
    title = f"{Path(path).name}, {counts.shape[0]:,} x {counts.shape[1]:,}, {counts.total:,.10g} pairs"
    return Problem(counts, title, None if truth is None else _truth(truth, truth_kind, counts), units=units)


def _truth(files: str | Path | Sequence[str | Path], kind: str, counts: CooccurrenceCounts) -> Truth:
    paths = [files] if isinstance(files, str | Path) else list(files) if isinstance(files, Sequence) else []
    if len(paths) not in (1, 2) or not all(isinstance(path, str | Path) for path in paths):
        raise InputError("truth", files, "must be one matrix file or two factor files")
    parts = [_whole(paths[0], counts)] if len(paths) == 1 else [_factor(*each) for each in zip(paths, counts.shape, strict=True)]
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


def _factor(path: str | Path, rows: int) -> Float:
    matrix = read_matrix(path, "truth", rows)
    if matrix.ndim != 2:
        raise InputError("truth", path, "must hold a matrix of finite numbers")
    return matrix


def _whole(path: str | Path, counts: CooccurrenceCounts) -> Float:
    """The matrix of a file, its rows and columns in the order of the counts'."""
    file = existing("truth", path)
    if ending(file) not in TEXT_TABLES:
        return _factor(path, counts.shape[0])
    table = read_table(file, field="truth")
    headings = [heading.casefold().replace("centre", "center") for heading in table.first]
    names = row_names(table)
    own = headings if names is None else headings[1:]
    fits = counts.shape[1] == 3 and len(table.rows) in (counts.shape[0] - 1, counts.shape[0])
    if len(own) == 3 and (own[:2] == ["center", "context"] or not fits):
        return _long(table, len(headings) - 3, counts)
    matrix = matrix_of(table, "truth", counts.shape[0])
    if matrix.shape != counts.shape:
        return matrix  # refused with its shape
    headed = len(table.rows) == len(matrix)
    columns = table.first if names is None else table.first[1:]
    rows = _order("row", None if names is None else names.tolist(), counts.vocab, file)
    return matrix[rows][:, _order("column", columns if headed else None, counts.context_vocab, file)]


def _order(side: str, names: Sequence[str] | None, vocab: Sequence[str] | None, file: Path) -> NDArray[np.intp] | slice:
    """Where each word of `vocab` stands among the names of a matrix's rows or columns; all in turn where these are numbered."""
    if names is None or vocab is None or (all(re.fullmatch("[VX]?[0-9]+", name) for name in names) and {*names} != {*vocab}):
        return slice(None)
    places = pd.Index(names).get_indexer(pd.Index(vocab)) if len({*names}) == len(names) else np.full(len(vocab), -1)
    if (places < 0).any():
        raise InputError("truth", vocab[int(np.argmin(places))], f"is a word of the counts, and no {side} of {file} has its name")
    return places


def _long(table: Table, skipped: int, counts: CooccurrenceCounts) -> Float:
    """A matrix given cell by cell, in rows of centre, context and value."""
    columns = find_columns(table, [skipped + 1, skipped + 2, skipped + 3], ())
    index = []
    for values, vocab, size, side in zip(columns, (counts.vocab, counts.context_vocab), counts.shape, COLUMNS, strict=False):
        known = pd.Index(map(str, range(size)) if vocab is None else vocab)
        places = known.get_indexer(pd.Index(values.str.strip(" ")))
        _refuse(places < 0, values, "truth", f"is no {side} of the counts", table)
        index.append(places)
    value = to_numbers(columns[2], table.separator)
    _refuse(~np.isfinite(value), columns[2], "truth", "must be a finite number", table)
    if len(value) != counts.shape[0] * counts.shape[1] or pd.MultiIndex.from_arrays(index).has_duplicates:
        remedy = f"gives {len(value):,} values; must give each of the {counts.shape[0]} x {counts.shape[1]} cells one"
        raise InputError("truth", table.file, remedy)
    matrix = np.empty(counts.shape)
    matrix[tuple(index)] = value
    return matrix


__all__ = ["read_triples", "triples_problem", "write_triples"]
