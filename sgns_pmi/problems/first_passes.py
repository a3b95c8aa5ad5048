"""First passes on disk: the words of each shard, made on any machine, and what counting any shard needs of all of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError
from sgns_pmi.files import atomic_path
from sgns_pmi.problems import corpus
from sgns_pmi.problems.data_sets import parquet
from sgns_pmi.problems.text import TextTask
from sgns_pmi.unpack import reading

if TYPE_CHECKING:
    from sgns_pmi.problems.corpus.shards import FirstPass

NOTES = b"sgns_pmi"
"""Key of the Parquet files' own notes."""


def words_into(folder: Path, task: TextTask, number: int, of: int, shown: bool = False) -> int:
    """Write the words of one shard, and how often each occurs in it, into a folder for all shards; returns its tokens.

    Raises
    ------
    InputError
        For a text that cannot be read; and without pyarrow (extra ``shards``).
    """
    parquet()
    with corpus.Workers() as workers:
        index, counts, tokens = corpus.words_of(
            task.sources, task.settings, task.limits, corpus.Shard(number, of), workers, shown
        )
    notes = {"tokenizer": asdict(task.settings.tokenizer), "tokens": tokens}
    _write(_file(folder, number, of), [word.decode() for word in index], counts, notes)
    return tokens


def first_pass_of(folder: Path, task: TextTask, number: int, of: int) -> FirstPass:
    """What one shard needs of the words of all, which are united where nobody has done so yet.

    Raises
    ------
    InputError
        For shards whose words are missing, with their numbers, or were made by other tokens; and as `choose_vocabulary`.
    """
    how = {"tokenizer": asdict(task.settings.tokenizer), "min_count": task.settings.min_count, "max_size": task.settings.max_size}
    key = hashlib.sha256(json.dumps([how, of], sort_keys=True).encode()).hexdigest()[:16]
    united = folder / f"vocabulary-{key}.parquet"
    if not united.is_file():
        _unite(folder, task, of, united)
    words, counts, notes = _read(united)
    with reading("words", united, "the vocabulary of a text"):
        places = notes["places"]
        position, own = places[number - 1], places[number] - places[number - 1]
        return corpus.FirstPass(notes["text"], places[-1], position, own, tuple(words), counts)


def _unite(folder: Path, task: TextTask, of: int, united: Path) -> None:
    missing = [f"{number}/{of}" for number in range(1, of + 1) if not _file(folder, number, of).is_file()]
    if missing:
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise InputError("words", folder, f"lacks the words of shard {names}; make them: python -m sgns_pmi.shards words")
    index: dict[bytes, int] = {}
    parts, places = [], [0]
    for number in range(1, of + 1):
        words, counts, notes = _read(_file(folder, number, of))
        with reading("words", folder, "words of shards"):
            if notes["tokenizer"] != asdict(task.settings.tokenizer):
                raise ValueError(f"shard {number}/{of} has tokens by {notes['tokenizer']}")
            places.append(places[-1] + int(notes["tokens"]))
        parts.append((np.array([index.setdefault(word.encode(), len(index)) for word in words], np.int64), counts))
    sums = np.zeros(len(index), np.int64)
    for own, counts in parts:
        sums[own] += counts
    corpus.check_words(index, task.sources)
    vocabulary = corpus.choose_vocabulary(index, sums, task.settings)
    notes = {"text": corpus.fingerprint(index, sums), "places": places}
    _write(united, list(vocabulary.words), vocabulary.counts, notes)


def _file(folder: Path, number: int, of: int) -> Path:
    return folder / f"words-{number}-of-{of}.parquet"


def _write(file: Path, words: list[str], frequencies: NDArray[np.int64], notes: dict[str, Any]) -> None:
    import pyarrow as pa

    table = pa.table({"word": pa.array(words, pa.string()), "frequency": frequencies}, metadata={NOTES: json.dumps(notes)})
    with atomic_path(file) as beside:
        parquet().write_table(table, beside, compression="zstd")


def _read(file: Path) -> tuple[list[str], NDArray[np.int64], dict[str, Any]]:
    with reading("words", file, "words of a shard"):
        table = parquet().read_table(file, columns=["word", "frequency"])
        return table["word"].to_pylist(), table["frequency"].to_numpy(), json.loads(table.schema.metadata[NOTES])


__all__ = ["first_pass_of", "words_into"]
