"""Counts kept between runs: one file for each text and each way of counting it, found by a hash of both."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.arrays import compressed_matrix
from sgns_pmi.cache import Cache, default_folder
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.files import check_folder
from sgns_pmi.problems.corpus.counting import Counted
from sgns_pmi.problems.corpus.settings import Settings
from sgns_pmi.problems.corpus.sources import Source

log = logging.getLogger("sgns_pmi")
VERSION = 2
"""To be raised when the same text and settings would give other counts, or the file another form."""
WORD_END = b"\xff"
"""No byte of a word, which is UTF-8."""


def cache_folder(cache: bool | str | Path) -> Path | None:
    """Where counts are kept: the user's cache folder, the one given, or None for nowhere."""
    if isinstance(cache, bool):
        return default_folder() / "counts" if cache else None
    if not isinstance(cache, str | Path) or cache == "" or "\0" in str(cache):
        raise InputError("cache", cache, "must be true, false or a folder; quote one that looks like a number")
    return Path(cache)


def counted_once(folder: Path | None, sources: Sequence[Source], settings: Settings, count: Callable[[], Counted]) -> Counted:
    """The counts of these texts by these settings, as they are kept in the folder; else counted, and kept.

    Texts are known by their contents (SHA-256 of the stored bytes), not by name or date; one that can be read only once is not
    kept.

    Raises
    ------
    InputError
        For a folder that cannot be written, before anything is counted.
    """
    if folder is None or not all(source.repeatable for source in sources):
        return count()
    check_folder("cache", folder)
    what = {"version": VERSION, "settings": settings.key(), "texts": [source.digest() for source in sources]}
    name = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]
    if (file := folder / f"{name}.npz").is_file():
        log.info("text: counted before, %s", file)
    return Cache(folder).once(name, count, _packed, _unpacked, always=True)


def _packed(counted: Counted) -> dict[str, NDArray[Any]]:
    matrix = counted.counts.matrix
    words = WORD_END.join(word.encode() for word in counted.counts.vocab or ())
    return {
        "indptr": matrix.indptr,
        "columns": matrix.indices,
        "values": matrix.data,
        "words": np.frombuffer(words, np.uint8),
        "tokens": np.array([counted.read, counted.known, counted.kept]),
    }


def _unpacked(stored: Mapping[str, NDArray[Any]]) -> Counted:
    words = stored["words"].tobytes().split(WORD_END)
    shape = (len(words), len(words))
    matrix = compressed_matrix("csr", stored["values"], stored["columns"], stored["indptr"], shape)
    read, known, kept = stored["tokens"].tolist()
    names = [word.decode() for word in words]
    return Counted(CooccurrenceCounts(matrix, names, names), read, known, kept)
