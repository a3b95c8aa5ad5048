"""The sum of several data sets of counts, by DuckDB, which sorts on disk what its memory does not hold."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sgns_pmi.errors import InputError, missing_extra
from sgns_pmi.files import atomic_path
from sgns_pmi.problems.data_sets import (
    FILE,
    GROUP,
    WORDS,
    WORK,
    DataSet,
    Manifest,
    TextPart,
    cells_file,
    cells_files,
    finish,
    prepare,
)
from sgns_pmi.unpack import reading


def merge(out: str | Path, parts: Sequence[str | Path], memory: int) -> Manifest:
    """Write the sum of data sets: what counting all their texts at once would have written, with the same hash.

    Words are united, in the order of `text_problem`. Where each text chose its own vocabulary, counting at once would choose
    another: of words that are rare in each and frequent enough in all.

    Parameters
    ----------
    out : path
        A new folder.
    parts : sequence of path
    memory : int
        Bytes that DuckDB may take.

    Raises
    ------
    InputError
        For folders that are no data sets, settings that differ, and the same shard twice, before anything is written; for
        files that are damaged.
    """
    duckdb = _duckdb()
    sets = [DataSet(part) for part in parts]
    for other in sets[1:]:
        _check_settings(sets[0], other)
    texts = joined([text for one in sets for text in one.manifest.texts])
    for one in sets:
        _check_files(duckdb, one)
    folder = Path(out)
    prepare(folder)
    work = folder / WORK
    work.mkdir()
    first = sets[0].manifest
    try:
        with duckdb.connect(str(work / "cells.duckdb")) as database:
            database.execute(f"SET memory_limit = '{memory // 10**6}MB'")
            database.execute(f"SET temp_directory = '{_quoted(work / 'spilled')}'")
            _write_words(database, sets, folder)
            _write_cells(database, sets, first.unit, folder)
    except duckdb.Error as error:  # such as a full disk
        raise InputError("out", folder, f"DuckDB could not merge: {error}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    read, known, kept = (sum(getattr(one.manifest, name) for one in sets) for name in ("read", "known", "kept"))
    return finish(folder, first.settings, first.unit, texts, read, known, kept)


def joined(texts: Sequence[TextPart]) -> tuple[TextPart, ...]:
    """The texts of several data sets, each once; an `InputError` for a shard that is there twice."""
    each = sorted({part.text for part in texts})
    return tuple(reduce(TextPart.joined, [part for part in texts if part.text == text]) for text in each)


def _check_settings(first: DataSet, other: DataSet) -> None:
    mine, its = first.manifest.settings, other.manifest.settings
    for name in {**mine, **its}:
        if mine.get(name) != its.get(name):
            remedy = f"in {other.folder}, and {mine.get(name)} in {first.folder}; counts add up that were made in one way"
            raise InputError(f"data.{name}", its.get(name), remedy)


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise missing_extra("duckdb", "shards", "to merge counts") from None
    return duckdb


def _quoted(path: Path) -> str:
    """A path between SQL's quotes, where it takes no parameter."""
    return str(path).replace("'", "''")


def _check_files(duckdb: Any, one: DataSet) -> None:
    """Refuse a data set whose words and cells are not those that its manifest speaks of."""
    manifest, cells = one.manifest, cells_files(one.folder)
    with reading("path", one.folder, "a data set of counts"), duckdb.connect() as database:
        words = database.execute("SELECT count(word), sum(frequency) FROM read_parquet(?)", [str(one.folder / WORDS)]).fetchall()
        if not cells or words != [(manifest.words, manifest.known)]:
            raise ValueError("its words or cells are not those of its manifest")
        ((n, low, high, total),) = database.execute(
            "SELECT count(*), min(least(center, context)), max(greatest(center, context)), sum(round(count * ?)::BIGINT)"
            " FROM read_parquet(?)",
            [manifest.unit, [str(file) for file in cells]],
        ).fetchall()
        whole = n == 0 or 0 <= low <= high < manifest.words
        if (n, (total or 0) / manifest.unit) != (manifest.cells, manifest.total) or not whole:
            raise ValueError("its cells are not those of its manifest")


def _write_words(database: Any, sets: Sequence[DataSet], folder: Path) -> None:
    """Write the united words; the table `becomes` keeps the id that each id of a data set becomes."""
    files = [(number, str(one.folder / WORDS)) for number, one in enumerate(sets)]
    database.execute("CREATE TABLE part (number INTEGER, file VARCHAR)")
    database.executemany("INSERT INTO part VALUES (?, ?)", files)
    database.execute(
        "CREATE TABLE own AS SELECT number, id, word, frequency"
        " FROM read_parquet(?, filename = 'origin') JOIN part ON origin = part.file",
        [[file for _, file in files]],
    )
    database.execute(
        "CREATE TABLE united AS SELECT (row_number() OVER (ORDER BY frequency DESC, word) - 1)::INTEGER AS id, word, frequency"
        " FROM (SELECT word, sum(frequency)::BIGINT AS frequency FROM own GROUP BY word)"
    )
    database.execute("CREATE TABLE becomes AS SELECT number, own.id AS old, united.id AS new FROM own JOIN united USING (word)")
    with atomic_path(folder / WORDS) as beside:
        database.execute(f"COPY (SELECT * FROM united ORDER BY id) TO '{_quoted(beside)}' (FORMAT parquet)")


def _write_cells(database: Any, sets: Sequence[DataSet], unit: int, folder: Path) -> None:
    """Add the cells up and write them in files of about `FILE`. Sums are of whole numbers, the same in any order."""
    files = [(number, str(file)) for number, one in enumerate(sets) for file in cells_files(one.folder)]
    database.execute("CREATE TABLE piece (number INTEGER, file VARCHAR)")
    database.executemany("INSERT INTO piece VALUES (?, ?)", files)
    (renumbered,) = database.execute("SELECT count(*) FROM becomes WHERE old <> new").fetchall()[0]
    cells = "SELECT center, context, count FROM read_parquet(?)"
    if renumbered:
        cells = (
            "SELECT a.new AS center, b.new AS context, count FROM read_parquet(?, filename = 'origin')"
            " JOIN piece ON origin = piece.file"
            " JOIN becomes AS a ON a.number = piece.number AND a.old = center"
            " JOIN becomes AS b ON b.number = piece.number AND b.old = context"
        )
    database.execute(
        f"CREATE TABLE cells AS SELECT center, context, sum(round(count * {unit})::BIGINT)::DOUBLE / {unit} AS count"
        f" FROM ({cells}) GROUP BY center, context ORDER BY center, context",
        [[file for _, file in files]],
    )
    rows = database.execute("SELECT center, count(*) FROM cells GROUP BY center ORDER BY center").fetchall()
    centers, n = np.array(rows, np.int64).reshape(-1, 2).T
    file_of = (np.cumsum(n) - n) // FILE
    starts = [0, *centers[1:][np.diff(file_of) > 0].tolist()]
    for number, (first, stop) in enumerate(pairwise([*starts, 2**31])):
        with atomic_path(cells_file(folder, number)) as beside:
            database.execute(
                f"COPY (SELECT * FROM cells WHERE center >= {first} AND center < {stop} ORDER BY center, context)"
                f" TO '{_quoted(beside)}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP})"
            )


__all__ = ["joined", "merge"]
