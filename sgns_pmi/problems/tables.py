"""Tables of other people: text with separators or parquet, read as rows of as many fields each, nothing guessed."""

from __future__ import annotations

import csv
import io
import os.path
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.arrays import read_npy, read_npz
from sgns_pmi.errors import InputError, missing_extra
from sgns_pmi.lazily import pd
from sgns_pmi.unpack import COMPRESSIONS, UTF8_MARK, check_unpacked, compression, open_plain, reading

Float = NDArray[np.float64]
TEXT_TABLES = (".csv", ".tsv", ".txt")
SEPARATORS = {".csv": ",", ".tsv": "\t"}
"""What separates the fields of a text file by its ending."""
NAMED_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "space": " ", "bar": "|"}
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
DECIMAL_COMMA = r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?"
NUMBERS = ("string", "integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty")
"""What pandas calls columns whose values may be numbers."""
LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Table:
    """The rows of a file.

    Parameters
    ----------
    file : Path
    first : tuple of str
        The fields of its first line, which may be headings; empty heading for a column of row names. Of parquet, the names.
    rows : DataFrame
        What follows, a column for each field, indexed by "line" (or "row"). Of a text file all cells are str.
    separator : str
        Of the fields; empty for parquet, whose columns have types of their own.
    """

    file: Path
    first: tuple[str, ...]
    rows: pd.DataFrame
    separator: str = ""

    def with_first(self) -> pd.DataFrame:
        """All rows, where the first line is not of headings."""
        first = pd.DataFrame([self.first], columns=self.rows.columns, index=[self.rows.attrs["first line"]], dtype=str)
        return pd.concat([first, self.rows]).rename_axis(index="line")


def ending(file: Path) -> str:
    """The ending of a file's name before that of its compression: .csv of a.csv.gz."""
    return Path(file.stem).suffix.lower() if compression(file) else file.suffix.lower()


def existing(field: str, path: str | Path) -> Path:
    """The file at `path`, which must have contents; an `InputError` names `field`."""
    file = Path(str(path))
    if not os.path.isfile(file):
        raise InputError(field, path, "there is no such file; paths are relative to the current folder")
    if file.stat().st_size == 0:
        raise InputError(field, path, "the file is empty")
    return file


def read_table(file: Path, separator: str | None = None, field: str = "path") -> Table:
    """The table of a .csv, .tsv or .txt file (also packed, as `COMPRESSIONS`) or of a .parquet file.

    Parameters
    ----------
    file : Path
    separator : str, optional
        Of a text file; by default the one of its ending or, where the first line has none such, the first of tab, semicolon,
        comma and space that it has. Spaces count once in a row.
    field : str
        What an error names.

    Raises
    ------
    InputError
        For a file that cannot be read, or a row of more fields than the first: but R writes row names under no heading, and
        where these are the numbers of the rows they are known for what they are.
    """
    if ending(file) == ".parquet" and not compression(file):
        return _parquet(file, field)
    with reading(field, file, f"{ending(file)} of UTF-8"):
        with open_plain(file, field) as stream:
            first, at = _line(stream, 1)
            second, line = _line(stream, at + 1)
        if first is None:
            raise InputError(field, file, "the file is empty")
        separator = _separator(separator, first, ending(file))
        headings = _fields(first, separator)
        rows = pd.DataFrame(columns=range(len(headings)), dtype=str)
        if second is not None:
            with open_plain(file, field) as stream:
                # Without a header, which has been read, the parser refuses a line with more fields than the one before.
                rows = pd.read_csv(
                    stream,
                    sep=r"\s+" if separator == " " else separator,
                    engine="c" if separator.isascii() else "python",  # to which it turns anyway, with a warning
                    header=None,
                    skiprows=line - 1,
                    dtype=str,
                    keep_default_na=False,
                    na_filter=False,
                    skipinitialspace=True,
                    skip_blank_lines=False,
                ).fillna("")
    rows.index = pd.RangeIndex(line, len(rows) + line, name="line")
    rows = rows[(rows != "").any(axis=1)]
    if second is not None and rows.shape[1] == len(headings) + 1 and _are_row_names(rows[0], headings, second):
        headings = ["", *headings]
    if rows.shape[1] != len(headings):
        remedy = f"has {rows.shape[1]} fields in line {line} and {len(headings)} in line {at}; must have as many in each"
        raise InputError(field, file, remedy)
    rows.attrs["first line"] = at
    return Table(file, tuple(headings), rows, separator)


def _line(stream: io.BufferedReader, number: int) -> tuple[bytes | None, int]:
    """The next line that is not blank, without its end, and its number; None at the end of the file."""
    while line := stream.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise ValueError(f"line {number} has over {LONGEST_LINE:,} bytes")
        if number == 1:
            line = line.removeprefix(UTF8_MARK)
        if line.strip():
            return line.rstrip(b"\r\n"), number
        number += 1
    return None, number


def _separator(given: str | None, first: bytes, suffix: str) -> str:
    if given is not None:
        separator = NAMED_SEPARATORS.get(given, given) if isinstance(given, str) else ""
        if len(separator) != 1 or separator.isalnum() or separator in '"\r\n\0.':
            raise InputError("separator", given, f"must be one sign, or one of {', '.join(NAMED_SEPARATORS)}")
        return separator
    usual = SEPARATORS.get(suffix)
    candidates = [*([usual] if usual else []), "\t", ";", ","]
    return next((separator for separator in candidates if separator.encode() in first), usual or " ")


def _fields(line: bytes, separator: str) -> list[str]:
    text = line.decode().strip(" ") if separator == " " else line.decode()
    return [field.strip(" ") for field in next(csv.reader([text], delimiter=separator, skipinitialspace=True))]


def _are_row_names(names: pd.Series, headings: list[str], second: bytes) -> bool:
    """Whether R named the rows: 1, 2, ..., or in quotes, as it writes them, the numbers of those that a selection left.

    Those of a square matrix have the names of its columns.
    """
    if len(names) == len(headings) and {*names} == {*headings}:
        return True
    if second.startswith(b'"'):
        return bool(names.str.fullmatch("[0-9]+").all() and names.is_unique)
    return len(names) > 1 and names.tolist() == [str(row) for row in range(1, len(names) + 1)]


def _parquet(file: Path, field: str) -> Table:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise missing_extra("pyarrow", "parquet", "to read .parquet files") from None
    with reading(field, file, ".parquet"):
        noted = pq.read_metadata(file)
        check_unpacked(field, file, 8 * noted.num_rows * noted.num_columns)
        rows = pd.read_parquet(file)
        # What pandas has grouped by stands in the index of the frame that it saves.
        rows = rows.reset_index([name for name in rows.index.names if name is not None]).reset_index(drop=True)
    names = tuple(map(str, rows.columns))
    rows = rows.set_axis(range(len(names)), axis=1)
    for place, column in rows.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            rows[place] = column.astype(object if column.hasnans else column.cat.categories.dtype)
        elif pd.api.types.infer_dtype(column, skipna=True) == "decimal":
            rows[place] = column.astype(np.float64)
    rows.index = pd.RangeIndex(1, len(rows) + 1, name="row")
    return Table(file, names, rows)


def find_columns(table: Table, names: Sequence[str | int] | None, usual: Sequence[str]) -> list[pd.Series]:
    """The columns of these names or places (from 1); by default, of the `usual` names in any case.

    A text file needs no headings where places are given, or where it has as many columns as there are usual names: then
    its first line has a number last, and none of these names.

    Raises
    ------
    InputError
        For a name that no heading has, or that two have, and for a table without rows.
    """
    exact = [heading.strip() for heading in table.first]
    folded = [heading.casefold().replace("centre", "center") for heading in exact]
    text, width = bool(table.separator), len(table.first)
    headless = False
    if names is None:
        headless = text and width == len(usual) and is_number(exact[-1]) and not {*usual} & {*folded}
        places = [*range(width)] if headless else [_place(name, folded, table) for name in usual]
    elif all(isinstance(name, int) for name in names):
        for name in names:
            if not 1 <= int(name) <= width:
                raise InputError("columns", name, f"must be a place from 1 to {width}, or a heading of {table.file}")
        places = [int(name) - 1 for name in names]
        headless = text and is_number(exact[places[2]])  # centre, context, count, and perhaps more
    else:
        given = [str(name).strip() for name in names]
        places = [_place(*((name, exact) if name in exact else (name.casefold(), folded)), table) for name in given]
    rows = table.with_first() if headless else table.rows
    if rows.empty:
        raise InputError("path", table.file, "has a header and no triples")
    return [rows[place] for place in places]


def _place(name: str, headings: list[str], table: Table) -> int:
    found = headings.count(name)
    if found == 0:
        header = ", ".join(table.first[:6])
        remedy = f"is missing from {table.file}; its header has: {header}; name yours: data.columns=[CENTER,CONTEXT,COUNT]"
        raise InputError("column", name, remedy)
    if found > 1:
        raise InputError("column", name, f"stands {found} times in the header of {table.file}; name each column once")
    return headings.index(name)


def is_number(text: str) -> bool:
    """Whether a field is a number, with a decimal point or comma."""
    return bool(pd.Series([text.strip()]).str.fullmatch(f"{NUMBER}|{DECIMAL_COMMA}").iloc[0])


def to_numbers(values: pd.Series, separator: str = "") -> Float:
    """A column as numbers, NaN where a cell is none; dates are none. Between semicolons, commas may be decimal."""
    if pd.api.types.infer_dtype(values, skipna=True) not in NUMBERS:
        return np.full(len(values), np.nan)
    if not pd.api.types.is_numeric_dtype(values) and separator == ";":
        commas = values.str.strip(" ").str.fullmatch(DECIMAL_COMMA)
        if commas.any():
            # Points beside decimal commas are of thousands, or a slip.
            values = values.where(commas | ~values.str.contains(".", regex=False), "").str.replace(",", ".")
    numbers = np.array(pd.to_numeric(values, errors="coerce"), dtype=np.float64)
    if not pd.api.types.is_numeric_dtype(values):
        given = ~np.isnan(numbers)
        numbers[given] = values[given].astype(np.float64)  # to the last digit, which not every pandas reads
    return numbers


def read_column(path: str | Path, field: str) -> Float:
    """The numbers of a file of one column (a heading is allowed), .csv, .tsv, .txt or .npy; an `InputError` names `field`."""
    matrix = read_matrix(path, field)
    if matrix.ndim == 2 and 1 not in matrix.shape:
        raise InputError(field, path, f"has {matrix.shape[1]} columns; must have one, of weights")
    return matrix.ravel()


def read_matrix(path: str | Path, field: str, rows: int | None = None) -> Float:
    """The numbers of a file, (rows, columns), finite.

    Parameters
    ----------
    path : str or Path
        .csv, .tsv, .txt (also packed), .npy, or .npz with one array.
    field : str
        What an error names.
    rows : int, optional
        How many there are, if that is known: a first line of numbers beyond these is of headings.
    """
    file = existing(field, path)
    suffix = ending(file)
    if suffix in TEXT_TABLES:
        return matrix_of(read_table(file, field=field), field, rows)
    if suffix not in (".npy", ".npz") or compression(file):
        raise InputError(field, path, f"must end in {', '.join(TEXT_TABLES)} (also {', '.join(COMPRESSIONS)}), .npy or .npz")
    if suffix == ".npy":
        matrix = read_npy(file, field)
    else:
        arrays = read_npz(file, field)
        if len(arrays) != 1:
            raise InputError(field, path, f"holds {len(arrays)} arrays ({', '.join(arrays)}); must hold one")
        (matrix,) = arrays.values()
    if matrix.dtype.kind not in "biuf":
        raise InputError(field, path, f"cannot be read as a matrix: it is an array of {matrix.dtype}, not of numbers")
    return _finite(matrix.astype(np.float64), field, file)


def matrix_of(table: Table, field: str, rows: int | None = None) -> Float:
    """The numbers of a table without row names; the first line is one of headings unless all of it are numbers.

    Where the number of `rows` is known, it decides on a first line of some numbers.
    """
    needed = any if len(table.rows) + 1 == rows else all  # of the rows that there are to be, a first one with a slip
    headed = len(table.rows) == rows or not needed(map(is_number, table.first))
    cells = (table.rows if headed else table.with_first()).iloc[:, 1 if row_names(table) is not None else 0 :]
    columns = [to_numbers(cells[name], table.separator) for name in cells]
    matrix = np.column_stack(columns) if columns else np.empty((len(cells), 0))
    for column, numbers in zip(cells, columns, strict=True):
        if np.isnan(numbers).any():
            at = int(np.argmax(np.isnan(numbers)))
            value = cells[column].iloc[at]
            raise InputError(field, value, f"is no finite number, in line {cells.index[at]} of {table.file}")
    return _finite(matrix, field, table.file)


def row_names(table: Table) -> pd.Series | None:
    """The first column, where it has no heading and all others have one, as R and pandas write row names; else None."""
    named = len(table.first) > 1 and table.first[0] == "" and "" not in table.first[1:]
    return table.rows[0] if named else None


def _finite(matrix: Float, field: str, file: Path) -> Float:
    if not np.isfinite(matrix).all():
        raise InputError(field, file, "must hold a matrix of finite numbers")
    return matrix


__all__ = [
    "NUMBER",
    "TEXT_TABLES",
    "Table",
    "ending",
    "existing",
    "find_columns",
    "matrix_of",
    "read_column",
    "read_matrix",
    "read_table",
    "row_names",
    "to_numbers",
]
