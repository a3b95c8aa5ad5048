"""Counts on disk: data sets made of a text, shard by shard, and read for a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.lazily import sp
from sgns_pmi.memory import check_memory
from sgns_pmi.problems import corpus
from sgns_pmi.problems.corpus.spool import Spool
from sgns_pmi.problems.data_sets import (
    CELL,
    MANIFEST,
    DataSet,
    Manifest,
    TextPart,
    check_new,
    finish,
    parquet,
    prepare,
    read_cells,
    write_cells,
    write_words,
)
from sgns_pmi.problems.first_passes import first_pass_of
from sgns_pmi.problems.problem import Problem, register_problem
from sgns_pmi.problems.text import TextTask

if TYPE_CHECKING:
    from sgns_pmi.problems.corpus.counting import Rows

RowBlock = tuple[slice, "sp.csr_array"]
"""Consecutive rows, and their counts (rows, contexts)."""
AT_ONCE = 1 << 18
"""Cells of a block of rows, more or less: reading them takes some 80 MB, and of a whole row group it would be 190."""
CELL_BYTES = 16
"""Of a cell in memory, while its indices are being read."""


@register_problem("counts")
def counts_problem(path: str | Path | None = None, seed: int = 0) -> Problem:
    """Counts from a folder of Parquet files, as docs/counts.md describes it.

    Parameters
    ----------
    path : str
        The folder.
    seed : int
        Unused: nothing is drawn.

    Raises
    ------
    InputError
        For a folder that is no data set, holds some shards of a text only, is damaged, or takes more memory than is free; and
        without pyarrow (extra ``shards``).
    """
    if not isinstance(path, str | Path):
        raise InputError("path", path, "give the folder of a data set of counts: data.path=FOLDER")
    stored = DataSet(path)
    stored.manifest.check_whole(path)
    counts = read_counts(stored)
    title = f"{Path(path).name}, {counts.shape[0]:,} words, {counts.total:,.10g} pairs"
    return Problem(counts, title)


def read_counts(stored: DataSet) -> CooccurrenceCounts:
    """The counts of a data set, read file by file into the arrays in which they stay."""
    size, n = stored.manifest.words, stored.manifest.cells
    check_memory("path", stored.folder, CELL_BYTES * n, "count with data.max_size or data.min_count, which leave fewer cells")
    words, _ = stored.words()
    index = np.int32 if n < 2**31 else np.int64
    contexts, counts, in_row = np.empty(n, index), np.empty(n), np.zeros(size, np.int64)
    at = 0
    for cells in stored.cells():
        contexts[at : at + len(cells)], counts[at : at + len(cells)] = cells["context"], cells["count"]
        in_row += np.bincount(cells["center"], minlength=size)
        at += len(cells)
    starts = np.concatenate([[0], np.cumsum(in_row)]).astype(index)
    return CooccurrenceCounts(sp.csr_array((counts, contexts, starts), shape=(size, size)), words, words)


def row_blocks(stored: DataSet, centers: slice) -> Iterator[RowBlock]:
    """The counts of a range of centers, block by block as they are read, never all at once.

    Yields
    ------
    rows : slice
        Consecutive centers, numbered from the first of the range, all of whose cells are in this block. Blocks are in order.
    matrix : csr_array, (rows, contexts)
    """
    size = stored.manifest.words
    low, high, _ = centers.indices(size)
    begun, row = np.empty(0, CELL), low

    def block(cells: NDArray[np.void], end: int) -> RowBlock:
        starts = np.searchsorted(cells["center"], np.arange(row, end + 1))
        matrix = sp.csr_array((cells["count"].copy(), cells["context"].copy(), starts), shape=(end - row, size))
        return slice(row - low, end - low), matrix

    for cells in read_cells(stored.folder, size, centers, at_once=AT_ONCE):
        cells = np.concatenate([begun, cells])
        if len(cells) == 0:
            continue
        last = int(cells["center"][-1])  # its row may go on in what is read next
        whole = np.searchsorted(cells["center"], last)
        if last > row:
            yield block(cells[:whole], last)
            row = last
        begun = cells[whole:]
    if row < high:
        yield block(begun, high)


@contextmanager
def rows_kept(stored: DataSet, centers: slice, memory: float = math.inf) -> Iterator[Callable[[], Iterator[RowBlock]]]:
    """A function that gives `row_blocks` again and again, from files that are read once.

    What does not fit into so many bytes lies uncompressed in a file of the system's folder for temporary files, 12 bytes a cell.
    """
    import pyarrow

    size = stored.manifest.words
    with Spool(None, memory, once=False) as spool:
        kept = [(rows, spool.put(n.data, n.indices, n.indptr)) for rows, n in row_blocks(stored, centers)]
        pyarrow.default_memory_pool().release_unused()  # what reading took, and nobody needs again

        def read() -> Iterator[RowBlock]:
            for rows, number in kept:
                arrays = tuple(array.copy() for array in spool.take(number))  # what is given may be overwritten
                yield rows, sp.csr_array(arrays, shape=(rows.stop - rows.start, size))

        yield read


def count_into(folder: Path, task: TextTask, number: int, of: int, words: Path | None = None, shown: bool = False) -> Manifest:
    """Count one shard of a text into a data set.

    Parameters
    ----------
    folder : Path
        A new one, or what a killed process has left. One that holds these counts already is left as it is.
    task : TextTask
        The text, and how it is counted.
    number, of : int
        Which shard, from 1, and of how many.
    words : Path, optional
        Where `words_into` has written the words of all shards; by default this process reads the whole text for them.
    shown : bool
        Whether to show progress.

    Raises
    ------
    InputError
        For a text that cannot be counted, or can be read once only, and a folder that holds anything else.
    """
    parquet()
    once = [source.name for source in task.sources if not source.repeatable]
    if once:
        raise InputError("path", once[0], "can be read once, and counting shards takes two readings; give a file")
    shard = corpus.Shard(number, of)
    if words is None:
        with corpus.Workers() as workers:
            known = corpus.first_pass(task.sources, task.settings, task.limits, shard, workers, shown)
    else:
        known = first_pass_of(words, task, number, of)
    text = TextPart(known.text, known.tokens, of, ((number, number),))
    if (folder / MANIFEST).is_file():
        there = Manifest.read_from(folder)
        if (there.settings, there.texts) == (task.settings.key(), (text,)):
            return there
    check_new(folder)
    with corpus.count_shard(task.sources, task.settings, task.limits, shard, known, task.folder, shown=shown) as counted:
        prepare(folder)
        write_words(folder, counted.words, counted.frequencies)
        write_cells(folder, (as_cells(rows, task.settings.unit) for rows in counted.cells))
        tokens = counted.read, int(counted.frequencies.sum()), counted.kept
    return finish(folder, task.settings.key(), task.settings.unit, (text,), *tokens)


def as_cells(rows: Rows, unit: int) -> NDArray[np.void]:
    """Rows as they are stored."""
    cells = np.empty(len(rows.columns), CELL)
    cells["center"], cells["context"] = rows.centers, rows.columns
    np.divide(rows.values, unit, out=cells["count"])
    return cells


__all__ = ["count_into", "counts_problem", "read_counts", "row_blocks", "rows_kept"]
