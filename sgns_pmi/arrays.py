"""Arrays of strangers, checked before they are used: NumPy's and SciPy's readers believe what a file says of itself."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from sgns_pmi.errors import InputError
from sgns_pmi.lazily import pd, sp
from sgns_pmi.unpack import check_unpacked, read_plain, reading

Array = NDArray[Any]
LARGEST_INDEX = 2**31 - 2
"""Indices beyond are codes, not numbers: there is one row of a matrix for every index up to the largest."""
COMPRESSED = ("csr", "csc", "bsr")
PARTS = dict.fromkeys(COMPRESSED, ("indices", "indptr")) | {"coo": ("row", "col"), "dia": ("offsets",)}
"""The formats of sparse matrices, and the arrays that each has beside data and shape."""
LETTERS = "letters"
PATTERNS = ("array", "pattern")
"""Of a matrix all of whose cells are given, a pattern says nothing."""
ROW = 10**6
"""Rows that may be empty; beyond, a matrix has at least one cell for every `SPARSEST` of its rows and columns."""
SPARSEST = 10


def read_npy(file: Path, field: str = "path") -> Array:
    """The array of a .npy file; an `InputError` names `field`."""
    with reading(field, file, ".npy"), file.open("rb") as stream:
        return _read_array(stream, file.stat().st_size)


def read_npz(file: Path, field: str = "path") -> dict[str, Array]:
    """The arrays of a .npz file, by name; an `InputError` names `field`."""
    with reading(field, file, ".npz"), ZipFile(file) as archive:
        members = archive.infolist()
        check_unpacked(field, file, sum(member.file_size for member in members))
        arrays = {}
        for member in members:
            with archive.open(member) as stream:
                arrays[member.filename.removesuffix(".npy")] = _read_array(stream, member.file_size)
        return arrays


def _read_array(stream: IO[bytes], size: int) -> Array:
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the format")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    if dtype.kind not in "biufcUSMm":
        raise ValueError(f"an array of {dtype}, not of numbers or words (pickles are not opened)")
    said = math.prod(shape) * dtype.itemsize
    held = size - stream.tell()
    if said != held or min(shape, default=0) < 0 or (dtype.itemsize == 0 and shape):
        raise ValueError(f"an array of shape {shape} has {said:,} bytes, and {held:,} are there")
    stream.seek(0)
    return npy.read_array(stream, allow_pickle=False)


def pack_words(name: str, words: Sequence[str]) -> dict[str, Array]:
    """Words as arrays of a .npz file: as NumPy keeps text, which forgets a NUL at its end; then the lengths as well."""
    arrays = {name: np.array(words, dtype=np.str_)}
    if any(word.endswith("\0") for word in words):
        arrays[f"{name}_{LETTERS}"] = np.array([len(word) for word in words])
    return arrays


def unpack_words(arrays: Mapping[str, Array], name: str) -> list[str] | None:
    """What `pack_words` packed; None where there is no such name.

    Raises
    ------
    ValueError
        For an array that is no list of words.
    """
    if name not in arrays:
        return None
    array = arrays[name]
    if array.ndim != 1 or array.dtype.kind != "U":
        raise ValueError(f"{name} is an array of {array.dtype} with {array.ndim} dimensions, not a list of words")
    words: list[str] = array.tolist()
    lengths = arrays.get(f"{name}_{LETTERS}")
    if lengths is None:
        return words
    if lengths.shape != array.shape or lengths.dtype.kind not in "iu" or (lengths > array.dtype.itemsize // 4).any():
        raise ValueError(f"{name}_{LETTERS} does not fit {name}")
    return [word.ljust(length, "\0") for word, length in zip(words, lengths.tolist(), strict=True)]


def sparse_matrix(arrays: Mapping[str, Array]) -> Any:
    """The matrix whose arrays `scipy.sparse.save_npz` writes, checked.

    Raises
    ------
    ValueError
        For arrays that are missing, or are no such matrix.
    """
    named = arrays["format"].item() if "format" in arrays and arrays["format"].size == 1 else None
    kind = named.decode() if isinstance(named, bytes) else str(named)
    parts = ("coords",) if kind == "coo" and "coords" in arrays else PARTS.get(kind, ())
    missing = [name for name in ("format", "shape", "data", *parts) if name not in arrays]
    if missing:
        raise ValueError(f"has no array {missing[0]}, as scipy.sparse.save_npz writes it; there are: {', '.join(arrays)}")
    shape = _shape(arrays["shape"])
    data = _values(arrays["data"])
    if kind in COMPRESSED:
        return compressed_matrix(kind, data, arrays["indices"], arrays["indptr"], shape)
    if kind == "coo":
        places = arrays["coords"] if "coords" in arrays else [arrays["row"], arrays["col"]]
        if len(places) != 2:
            raise ValueError(f"coords has {len(places)} rows, and a matrix two dimensions")
        row, col = places
        return sp.coo_array((_vector("data", data), (_index("row", row, shape[0]), _index("col", col, shape[1]))), shape=shape)
    if kind == "dia":
        offsets = _index("offsets", arrays["offsets"], shape[1], least=-shape[0])
        if data.ndim != 2 or len(data) != len(offsets):
            raise ValueError(f"data of shape {data.shape} for {len(offsets)} offsets")
        return sp.dia_array((data, offsets), shape=shape)
    raise ValueError(f"format {kind}: must be one of {', '.join(PARTS)}")


def compressed_matrix(kind: str, data: Array, indices: Array, indptr: Array, shape: tuple[int, int]) -> Any:
    """A sparse matrix of compressed rows ("csr"), columns ("csc") or blocks ("bsr"), its arrays checked.

    Raises
    ------
    ValueError
        For indptr that does not ascend from 0 within the entries, indices outside the shape, or arrays of other sizes.
    """
    data = _values(data)
    if data.ndim != (3 if kind == "bsr" else 1):
        raise ValueError(f"data of {data.ndim} dimensions")
    block = data.shape[1:] if kind == "bsr" else (1, 1)
    if 0 in block or shape[0] % block[0] or shape[1] % block[1]:
        raise ValueError(f"blocks of shape {block} in a matrix of shape {shape}")
    major, minor = shape[0] // block[0], shape[1] // block[1]
    if kind == "csc":
        major, minor = minor, major
    starts = _index("indptr", indptr, len(data) + 1)
    if len(starts) != major + 1 or starts[0] != 0 or (np.diff(starts) < 0).any() or starts[-1] > len(indices):
        raise ValueError(f"indptr must ascend from 0 in {major + 1:,} numbers")
    columns = _index("indices", indices[: starts[-1]], minor)
    make = {"csr": sp.csr_array, "csc": sp.csc_array, "bsr": sp.bsr_array}[kind]
    return make((data[: starts[-1]], columns, starts), shape=shape)


def checked_sparse(matrix: Any) -> Any:
    """A SciPy sparse matrix of two dimensions, as coo, its index arrays checked: SciPy itself trusts them.

    Raises
    ------
    ValueError
        For arrays that contradict each other.
    """
    if matrix.ndim == 2 and matrix.format in COMPRESSED:
        matrix = compressed_matrix(matrix.format, matrix.data, matrix.indices, matrix.indptr, matrix.shape)
    return sp.coo_array(matrix)


def check_extent(field: str, size: int, cells: int) -> None:
    """Raise `InputError` where nearly all of `size` rows or columns are empty: their numbers are codes."""
    if size > ROW and size > SPARSEST * cells:
        remedy = (
            f"means {size:,} rows, nearly all of them empty, for {cells:,} cells ({8e-9 * size:.2g} GB for each dimension);"
            " number the words from 0 without gaps, or take the numbers for words: data.ids=words"
        )
        raise InputError(field, size - 1, remedy)


def _shape(array: Array) -> tuple[int, int]:
    if array.shape != (2,) or array.dtype.kind not in "iu" or not ((array >= 1) & (array <= LARGEST_INDEX + 1)).all():
        raise ValueError(f"shape {array.tolist() if array.size < 9 else array.shape}: must be two whole numbers above 0")
    return int(array[0]), int(array[1])


def _values(data: Array) -> Array:
    """Numbers of a kind that SciPy makes matrices of: not of half precision, nor of another machine's order of bytes."""
    if data.dtype.kind not in "biufc":
        raise ValueError(f"data is an array of {data.dtype}, not of numbers")
    return data.astype(np.promote_types(data.dtype, np.float64), copy=False)


def _vector(name: str, array: Array) -> Array:
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions")
    return array


def _index(name: str, array: Array, size: int, least: int = 0) -> Array:
    """A vector of whole numbers from `least` and below `size`."""
    if _vector(name, array).dtype.kind not in "iu":
        raise ValueError(f"{name} is an array of {array.dtype}, not of whole numbers")
    if len(array) and not (int(array.min()) >= least and int(array.max()) < size):
        raise ValueError(f"{name} has {array.min()} to {array.max()}; must be from {least} to {size - 1:,}")
    return array if array.dtype in (np.int32, np.int64) else array.astype(np.int64)


def read_matrix_market(file: Path, field: str = "path") -> Any:
    """The matrix of a Matrix Market file (.mtx, also packed) of real or whole numbers, or of a pattern: sparse, or dense.

    SciPy's own parser reads 1 where 1_0 or 1e- stands, and beyond the file's end where that is its last number.

    Raises
    ------
    InputError
        For a header that promises what the file cannot hold, and cells that it did not promise; it names `field`.
    """
    with reading(field, file, ".mtx"):
        content = read_plain(file, field)
        market, start = _market(content)
        columns = market.columns
        cells = pd.read_csv(
            io.BytesIO(content[start:] or b"%"),
            sep=r"\s+",
            header=None,
            names=None if market.entries else columns,
            comment="%",
            quoting=csv.QUOTE_NONE,
            dtype={place: np.float64 if name == "value" else np.int64 for place, name in enumerate(columns)},
        )
        if cells.shape != (market.entries, len(columns)):
            found = f"has {cells.shape[0]:,} lines of {cells.shape[1]} numbers"
            raise ValueError(f"{found}; its header promises {market.entries:,} of {len(columns)}")
        numbers = [cells[column].to_numpy() for column in cells]
        return market.dense(numbers[0]) if market.layout == "array" else market.sparse(*numbers)


@dataclass(frozen=True)
class _Market:
    """What the header of a Matrix Market file says."""

    layout: str
    kind: str
    symmetric: bool
    shape: tuple[int, int]
    entries: int

    @property
    def columns(self) -> list[str]:
        index = ["row", "column"] if self.layout == "coordinate" else []
        return index if self.kind == "pattern" else [*index, "value"]

    def sparse(self, row: Array, col: Array, value: Array | None = None) -> Any:
        value = np.ones(len(row)) if value is None else value
        row, col = (
            _index(name, index, size + 1, least=1) - 1 for name, index, size in zip("ij", (row, col), self.shape, strict=True)
        )
        if self.symmetric:
            if (row < col).any() and (row > col).any():
                raise ValueError("is symmetric and has cells on both sides of the diagonal; must have those of one side")
            beside = row != col
            row, col = np.concatenate([row, col[beside]]), np.concatenate([col, row[beside]])
            value = np.concatenate([value, value[beside]])
        return sp.coo_array((value, (row, col)), shape=self.shape)

    def dense(self, value: Array) -> Array:
        if not self.symmetric:
            return value.reshape(self.shape[::-1]).T
        matrix = np.empty(self.shape)
        first, second = np.triu_indices(self.shape[0])  # column by column, from the diagonal down
        matrix[first, second] = matrix[second, first] = value
        return matrix


def _market(content: bytes) -> tuple[_Market, int]:
    """The header, whose sizes are held against the file's length, and where the cells begin."""
    at = 0
    lines: list[str] = []
    while at < len(content) and len(lines) < 2:
        end = content.find(b"\n", at) + 1 or len(content)
        line, at = content[at:end].strip(), end
        if not lines or (line and not line.startswith(b"%")):
            lines.append(line.decode("ascii"))
    banner = lines[0].lower().split() if lines else []
    if len(banner) != 5 or banner[:2] != ["%%matrixmarket", "matrix"]:
        raise ValueError("the first line must begin with %%MatrixMarket matrix")
    layout, kind, symmetry = banner[2:]
    if kind not in ("real", "integer", "pattern") or symmetry not in ("general", "symmetric") or (layout, kind) == PATTERNS:
        raise ValueError(f"{layout} {kind} {symmetry}: must be real, integer or a coordinate pattern, general or symmetric")
    said = lines[1].split() if len(lines) > 1 else []
    if len(said) != {"coordinate": 3, "array": 2}.get(layout) or not all(size.isdecimal() for size in said):
        raise ValueError(f"{layout} of sizes {' '.join(said) or 'missing'} is no matrix; must be whole numbers")
    sizes = [int(size) for size in said]
    rows, cols = sizes[:2]
    if not (0 < rows <= LARGEST_INDEX + 1 and 0 < cols <= LARGEST_INDEX + 1):
        raise ValueError(f"{rows} x {cols}: must have rows and columns, {LARGEST_INDEX + 1:,} at most")
    symmetric = symmetry == "symmetric"
    if symmetric and rows != cols:
        raise ValueError(f"{rows} x {cols} is not square, and cannot be symmetric")
    entries = sizes[-1] if layout == "coordinate" else rows * (rows + 1) // 2 if symmetric else rows * cols
    # Each number has a digit at least, and a space or line end.
    if entries * (2 if layout == "array" else 4) > len(content) + 1:
        raise ValueError(f"the header promises {entries:,} entries, which {len(content):,} bytes cannot hold")
    return _Market(layout, kind, symmetric, (rows, cols), entries), at


__all__ = [
    "LARGEST_INDEX",
    "check_extent",
    "checked_sparse",
    "compressed_matrix",
    "pack_words",
    "read_matrix_market",
    "read_npy",
    "read_npz",
    "sparse_matrix",
    "unpack_words",
]
