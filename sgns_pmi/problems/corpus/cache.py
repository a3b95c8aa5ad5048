"""Counts kept between runs: one file for each text and each way of counting it, found by a hash of both."""

from __future__ import annotations

import hashlib
import json
import logging
import os.path
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import platformdirs

from sgns_pmi.arrays import compressed_matrix, read_npz
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.files import atomic_path
from sgns_pmi.problems.corpus.counting import Counted
from sgns_pmi.problems.corpus.settings import Settings
from sgns_pmi.problems.corpus.sources import Source
from sgns_pmi.unpack import reading

log = logging.getLogger("sgns_pmi")
VERSION = 2
"""To be raised when the same text and settings would give other counts, or the file another form."""
WORD_END = b"\xff"
"""No byte of a word, which is UTF-8."""


def cache_folder(cache: bool | str | Path) -> Path | None:
    """Where counts are kept: the user's cache folder, the one given, or None for nowhere."""
    if isinstance(cache, bool):
        return platformdirs.user_cache_path("sgns-pmi") / "counts" if cache else None
    if not isinstance(cache, str | Path) or cache == "" or "\0" in str(cache):
        raise InputError("cache", cache, "must be true, false or a folder; quote one that looks like a number")
    return Path(cache)


def cache_file(folder: Path, sources: Sequence[Source], settings: Settings) -> Path | None:
    """The file for these texts and settings; None where a text can be read only once.

    Texts are known by their contents (SHA-256 of the stored bytes), not by name or date.
    """
    if not all(source.repeatable for source in sources):
        return None
    what = {"version": VERSION, "settings": settings.key(), "texts": [source.digest() for source in sources]}
    return folder / f"{hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]}.npz"


def load(file: Path) -> Counted | None:
    """What `save` wrote; None if there is no such file, or it is damaged."""
    if not os.path.isfile(file):
        return None
    try:
        stored = read_npz(file, "cache")
        with reading("cache", file, "counts"):
            words = stored["words"].tobytes().split(WORD_END)
            shape = (len(words), len(words))
            matrix = compressed_matrix("csr", stored["values"], stored["columns"], stored["indptr"], shape)
            read, known, kept = stored["tokens"].tolist()
            names = [word.decode() for word in words]
            return Counted(CooccurrenceCounts(matrix, names, names), read, known, kept)
    except InputError as error:
        log.warning("the counts kept in %s are damaged (%s); counting again", file, error.remedy)
        return None


def save(file: Path, counted: Counted) -> None:
    """Write the counts; the file is whole or absent."""
    matrix = counted.counts.matrix
    words = WORD_END.join(word.encode() for word in counted.counts.vocab or ())
    try:
        with atomic_path(file) as beside:
            np.savez(
                beside,
                indptr=matrix.indptr,
                columns=matrix.indices,
                values=matrix.data,
                words=np.frombuffer(words, np.uint8),
                tokens=np.array([counted.read, counted.known, counted.kept]),
            )
    except OSError as error:
        raise InputError("cache", file.parent, f"cannot be written ({error}); give another folder, or data.cache=false") from None
