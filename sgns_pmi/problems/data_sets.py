"""Counts as a folder of Parquet files that any program reads; docs/counts.md describes the layout.

Cells stand in files sorted by centre and context, so that neither writing nor reading takes all of them at once.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, missing_extra
from sgns_pmi.files import atomic_path, is_temporary
from sgns_pmi.unpack import reading

MANIFEST = "manifest.json"
WORDS = "words.parquet"
CELLS = "cells"
WORK = ".merge"
"""The folder of DuckDB's own files while it merges."""
FORMAT, VERSION = "sgns-pmi counts", 1
CELL = np.dtype([("center", "<i4"), ("context", "<i4"), ("count", "<f8")])
"""A cell as it is hashed, and the columns of the files."""
GROUP = 1 << 20
"""Cells of a row group, of which one is held when they are written."""
BATCH = 1 << 16
"""Cells that are checked at a time, where they are hashed."""
FILE = 1 << 24
"""Cells of a file, and more by one row of the matrix at most."""


@dataclass(frozen=True)
class TextPart:
    """Which shards of a text were counted.

    Parameters
    ----------
    text : str
        What the text is known by: `FirstPass.fingerprint`.
    tokens : int
        Of the whole text.
    of : int
        The number of shards that it was cut into.
    shards : tuple of (int, int)
        Those counted, as ascending ranges, both ends included; the whole text is shard 1 of 1.
    """

    text: str
    tokens: int
    of: int
    shards: tuple[tuple[int, int], ...]

    @property
    def missing(self) -> tuple[tuple[int, int], ...]:
        """The ranges of shards that were not counted."""
        edges = [(0, 0), *self.shards, (self.of + 1, self.of + 1)]
        return tuple((a[1] + 1, b[0] - 1) for a, b in pairwise(edges) if a[1] + 1 < b[0])

    @property
    def named_missing(self) -> str:
        """The missing shards as they are asked for: 3/7, 5/7 to 6/7."""
        names = [f"{a}/{self.of}" if a == b else f"{a}/{self.of} to {b}/{self.of}" for a, b in self.missing]
        return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")

    def joined(self, other: TextPart) -> TextPart:
        """Both together; an `InputError` where they have a shard in common, or the text was cut in two ways."""
        if self.of != other.of:
            remedy = f"the same text was cut into {self.of} and into {other.of}; merge shards of one way of cutting it"
            raise InputError("shard", f"{other.shards[0][0]}/{other.of}", remedy)
        ranges: list[tuple[int, int]] = []
        for first, last in sorted([*self.shards, *other.shards]):
            if ranges and first <= ranges[-1][1]:
                raise InputError("shard", f"{first}/{self.of}", "is there twice; counts of the same text add up once")
            if ranges and first == ranges[-1][1] + 1:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((first, last))
        if ranges == [(1, self.of)]:
            return TextPart(self.text, self.tokens, 1, ((1, 1),))
        return TextPart(self.text, self.tokens, self.of, tuple(ranges))


@dataclass(frozen=True)
class Manifest:
    """What a data set says of itself.

    Parameters
    ----------
    settings : mapping
        What decides counts of a text: `Settings.key`.
    unit : int
        Counts are whole multiples of 1 / unit.
    texts : tuple of TextPart
    read, known, kept : int
        Tokens of the texts; of these, those in the vocabulary; of these, those left by subsampling.
    words, cells : int
    total : float
        N, the sum of all counts.
    hash : str
        SHA-256 of settings, words and cells, as `DataSet.hash` makes it.
    """

    settings: Mapping[str, Any]
    unit: int
    texts: tuple[TextPart, ...]
    read: int
    known: int
    kept: int
    words: int
    cells: int
    total: float
    hash: str

    def write(self, folder: Path) -> None:
        """Write manifest.json, the last file of a data set."""
        with atomic_path(folder / MANIFEST) as beside:
            beside.write_text(
                json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=1) + "\n", encoding="utf-8"
            )

    @classmethod
    def read_from(cls, folder: str | Path) -> Manifest:
        """Read and check manifest.json.

        Raises
        ------
        InputError
            For a folder that is no data set, or a manifest that is damaged.
        """
        file = Path(folder) / MANIFEST
        if "\0" in str(folder) or not file.is_file():
            raise InputError(
                "path", folder, f"is no data set of counts: there is no {MANIFEST}; write one: sgns_pmi.shards count"
            )
        with reading("path", file, "the manifest of a data set"):
            content = json.loads(file.read_text(encoding="utf-8"))
            kind, version = content.pop("format"), content.pop("version")
            if (kind, version) != (FORMAT, VERSION):
                raise ValueError(f"{kind!r}, version {version!r}; this program knows {FORMAT!r}, version {VERSION}")
            texts = tuple(
                TextPart(**{**text, "shards": tuple((first, last) for first, last in text["shards"])})
                for text in content["texts"]
            )
            for text in texts:
                edges = [edge for shard in text.shards for edge in shard]
                if not edges or edges != sorted(edges) or edges[0] < 1 or edges[-1] > text.of:
                    raise ValueError(f"shards {list(text.shards)} of {text.of}")
            manifest = cls(**{**content, "texts": texts})
            whole = (manifest.unit, manifest.read, manifest.known, manifest.kept, manifest.words, manifest.cells)
            if not all(type(number) is int and number >= 0 for number in whole) or manifest.unit == 0:
                raise ValueError("its totals are no whole numbers")
            if not (isinstance(manifest.hash, str) and isinstance(manifest.settings, dict) and math.isfinite(manifest.total)):
                raise ValueError("hash, settings or total are of another kind")
        return manifest

    def check_whole(self, folder: str | Path) -> None:
        """Refuse counts of some shards of a text only, with the names of those that are missing."""
        for part in self.texts:
            if part.missing:
                remedy = f"holds some shards of a text only; count and merge what is missing: shard {part.named_missing}"
                raise InputError("path", folder, remedy)


class DataSet:
    """A data set that is there.

    Parameters
    ----------
    folder : str or Path

    Raises
    ------
    InputError
        For a folder that is no data set, and without pyarrow (extra ``shards``).
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = Manifest.read_from(folder)

    def words(self) -> tuple[list[str], NDArray[np.int64]]:
        """The words in the order of their ids, and how often each occurs in the text."""
        words, frequencies = read_words(self.folder)
        if len(words) != self.manifest.words:
            raise InputError("path", self.folder, f"is damaged: {len(words):,} words of {self.manifest.words:,} are there")
        return words, frequencies

    def cells(self) -> Iterator[NDArray[np.void]]:
        """The cells, as arrays of `CELL`, in ascending order of center and context.

        Raises
        ------
        InputError
            For files that are damaged; at the end, for words or cells that are not those of the manifest's hash.
        """
        hashed = Hash(self.manifest.settings, *self.words())
        seen = 0
        for cells in read_cells(self.folder, self.manifest.words, at_once=BATCH):
            seen += len(cells)
            if seen > self.manifest.cells:
                break
            hashed.update(cells)
            yield cells
        if seen != self.manifest.cells or hashed.hexdigest() != self.manifest.hash:
            raise InputError("path", self.folder, f"is damaged: words, cells or settings are not those of the hash in {MANIFEST}")

    def hash(self) -> str:
        """The manifest's hash, once everything has been read and found to be what it says."""
        for _ in self.cells():
            pass
        return self.manifest.hash


def read_words(folder: Path) -> tuple[list[str], NDArray[np.int64]]:
    """The words of words.parquet in the order of their ids, and how often each occurs; checked."""
    with reading("path", folder, "a data set of counts"):
        table = parquet().read_table(folder / WORDS, columns=["id", "word", "frequency"])
        ids, frequencies = (table[name].to_numpy() for name in ("id", "frequency"))
        words: list[str] = table["word"].to_pylist()
        if not np.array_equal(ids, np.arange(len(words))) or frequencies.dtype.kind != "i" or frequencies.min(initial=0) < 0:
            raise ValueError(f"{WORDS} must number words from 0 and have their frequencies")
        if not all(isinstance(word, str) for word in words) or len(set(words)) != len(words):
            raise ValueError(f"{WORDS} has something other than words, or a word twice")
    return words, frequencies.astype(np.int64)


def read_cells(folder: Path, words: int, centers: slice = slice(None), at_once: int | None = None) -> Iterator[NDArray[np.void]]:
    """The cells of all files in their order, or of a range of centers alone, as arrays of `CELL`; checked.

    Of so many `at_once`; by default of row groups.
    """
    low, high, _ = centers.indices(words)
    pq, last = parquet(), -1
    with reading("path", folder, "a data set of counts"):
        for file in cells_files(folder):
            with pq.ParquetFile(file) as opened:
                groups = _groups(opened.metadata, low, high)
                for batch in opened.iter_batches(at_once or GROUP, row_groups=groups, columns=list(CELL.names or ())):
                    cells = np.empty(len(batch), CELL)
                    for name in CELL.names or ():
                        column = batch.column(name)
                        if column.null_count or column.type.to_pandas_dtype() != CELL[name].type:
                            raise ValueError(f"{name} is {column.type} with {column.null_count} gaps in {file.name}")
                        cells[name] = column.to_numpy()
                    last = _check_cells(cells, last, words)
                    yield cells[np.searchsorted(cells["center"], low) : np.searchsorted(cells["center"], high)]


def _groups(metadata: Any, low: int, high: int) -> list[int]:
    """The row groups of a file that may have centers from `low` and below `high`."""
    found = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        (column,) = (place for place in range(group.num_columns) if group.column(place).path_in_schema == "center")
        bounds = group.column(column).statistics
        if bounds is None or not bounds.has_min_max or (bounds.min < high and bounds.max >= low):
            found.append(number)
    return found


class Hash:
    """SHA-256 of settings, words with their frequencies, and cells in their order."""

    def __init__(self, settings: Mapping[str, Any], words: Sequence[str], frequencies: NDArray[np.int64]) -> None:
        self._hashed = hashlib.sha256(json.dumps([FORMAT, VERSION, settings, list(words)], sort_keys=True).encode())
        self._hashed.update(frequencies.astype("<i8").tobytes())

    def update(self, cells: NDArray[np.void]) -> None:
        """Append cells."""
        self._hashed.update(cells.tobytes())

    def hexdigest(self) -> str:
        """The hash so far."""
        return self._hashed.hexdigest()


def _check_cells(cells: NDArray[np.void], last: int, size: int) -> int:
    """Refuse cells that are no counts of `size` words in ascending order after the place `last`; the last place of these."""
    if len(cells) == 0:
        return last
    center, context, count = (cells[name] for name in ("center", "context", "count"))
    if min(center.min(), context.min()) < 0 or max(center.max(), context.max()) >= size:
        raise ValueError(f"a center or context is no id of {WORDS}")
    place = center.astype(np.int64) * size + context
    if place[0] <= last or (np.diff(place) <= 0).any():
        raise ValueError("cells are not in ascending order of center and context")
    if not (np.isfinite(count) & (count > 0)).all():
        raise ValueError("a count is not above 0")
    return int(place[-1])


def parquet() -> Any:
    """The module pyarrow.parquet; an `InputError` where it is not installed."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise missing_extra("pyarrow", "shards", "for counts on disk") from None
    return pq


def check_new(folder: Path) -> list[Path]:
    """What a killed process has left of a data set in a folder; refuse one that holds counts, or files of another kind."""
    if (folder / MANIFEST).exists():
        raise InputError("out", folder, "holds counts; remove it, or give another folder")
    left = [file for file in folder.rglob("*") if not file.is_dir() and (is_temporary(file) or not file.name.startswith("."))]
    for file in left:
        if file.suffix not in (".parquet", ".json") or file.parent not in (folder, folder / CELLS):
            raise InputError("out", folder, f"holds {file.name}, which is no part of counts; give another folder")
    return left


def prepare(folder: Path) -> None:
    """Make a folder for a data set, without what a killed process has left there; an `InputError` as of `check_new`."""
    left = check_new(folder)
    try:
        shutil.rmtree(folder / WORK, ignore_errors=True)
        for file in left:
            file.unlink()
        (folder / CELLS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("out", folder, f"cannot be written: {error.strerror}") from None


def write_words(folder: Path, words: Sequence[str], frequencies: NDArray[np.int64]) -> None:
    """Write words.parquet: id, word, frequency."""
    import pyarrow as pa

    ids = np.arange(len(words), dtype=np.int32)
    with atomic_path(folder / WORDS) as beside:
        parquet().write_table(pa.table({"id": ids, "word": list(words), "frequency": frequencies}), beside)


def write_cells(folder: Path, cells: Iterable[NDArray[np.void]]) -> None:
    """Write cells, arrays of `CELL` in ascending order, in files of about `FILE` of them; a row group is held at a time."""
    pq = parquet()
    for number, pieces in groupby(_in_files(cells), key=itemgetter(0)):
        with atomic_path(cells_file(folder, number)) as beside, pq.ParquetWriter(beside, _schema(), compression="zstd") as file:
            for group in _row_groups(piece for _, piece in pieces):
                file.write_table(group, row_group_size=GROUP)


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema([(name, pa.from_numpy_dtype(CELL[name])) for name in CELL.names or ()])


def _in_files(cells: Iterable[NDArray[np.void]]) -> Iterator[tuple[int, NDArray[np.void]]]:
    """The cells with the numbers of their files: one ends before the row in which the next `FILE` cells begin."""
    file = full = before = 0
    last = -1
    yield file, np.empty(0, CELL)  # there is a file even where there are no cells
    for some in cells:
        begins = np.flatnonzero(np.diff(some["center"], prepend=np.int32(last)))
        reached = np.append(full, (before + begins) // FILE)
        edges = begins[np.diff(reached) > 0]
        yield from enumerate(np.split(some, edges), file)
        file, full, before = file + len(edges), int(reached[-1]), before + len(some)
        if len(some):
            last = int(some["center"][-1])


def _row_groups(pieces: Iterable[NDArray[np.void]]) -> Iterator[Any]:
    """The cells of a file as tables of `GROUP` of them; each is to be used up before the next."""
    import pyarrow as pa

    columns = {name: np.empty(GROUP, CELL[name]) for name in CELL.names or ()}

    def table(n: int) -> Any:
        return pa.table([pa.array(column[:n]) for column in columns.values()], _schema())

    n = written = 0
    for piece in pieces:
        while len(piece):
            some, piece = np.split(piece, [GROUP - n])
            for name, column in columns.items():
                column[n : n + len(some)] = some[name]
            n += len(some)
            if n == GROUP:
                yield table(n)
                n, written = 0, written + 1
    if n or not written:
        yield table(n)


def cells_file(folder: Path, number: int) -> Path:
    """The name of one of the files of cells; that of their order is the order of the cells."""
    return folder / CELLS / f"part-{number:05}.parquet"


def cells_files(folder: Path) -> list[Path]:
    """The files of cells, in their order."""
    return sorted((folder / CELLS).glob("part-*.parquet"))


def finish(
    folder: Path, settings: Mapping[str, Any], unit: int, texts: tuple[TextPart, ...], read: int, known: int, kept: int
) -> Manifest:
    """Read what was written, and write the manifest, which makes it a data set."""
    words, frequencies = read_words(folder)
    hashed = Hash(settings, words, frequencies)
    n = total = 0
    for cells in read_cells(folder, len(words), at_once=BATCH):
        hashed.update(cells)
        n += len(cells)
        total += int(np.rint(cells["count"] * unit).astype(np.int64).sum())
    manifest = Manifest(settings, unit, texts, read, known, kept, len(words), n, total / unit, hashed.hexdigest())
    manifest.write(folder)
    return manifest


__all__ = ["DataSet", "Manifest", "TextPart"]
