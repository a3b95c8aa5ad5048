"""What a job is known by: its configuration, the content of its input files, and the code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from sgns_pmi.version import code_version

SAME_RESULT = frozenset({"figures", "figure", "svg", "resume", "checkpoint", "replicates", "objective", "loggers"})
"""Keys that change no number of a job."""
FILES = frozenset({"path", "truth", "marginals", "similarity", "analogies", "sentiment", "noise_file", "class"})
"""Keys whose values name files; other texts, as words and separators, may be the names of files too."""


def job_key(config: Mapping[str, Any]) -> str:
    """A hash of the resolved configuration, of every file that it names, and of the code.

    Parameters
    ----------
    config : mapping
        The composed configuration of one job as nested dicts.

    Returns
    -------
    str
        Two hashes of 16 hexadecimal digits, of the configuration and of files and code: equal for two jobs that compute
        the same.
    """
    asked = {key: value for key, value in config.items() if key not in SAME_RESULT}
    files = dict(_files(config))
    return f"{_hash(asked)}-{_hash([files, code_version()])}"


def same_configuration(key: str, other: str) -> bool:
    """Whether two keys differ in files or code at most."""
    return key.partition("-")[0] == other.partition("-")[0]


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _files(group: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The files, also those in folders, that a configuration names; with a hash of the content of each."""
    for key, value in group.items():
        if isinstance(value, Mapping):
            yield from _files(value)
        elif key in FILES:
            for name in value if isinstance(value, list | tuple) else [value]:
                if isinstance(name, str) and 0 < len(name) < 4096:
                    yield from _contents(Path(name))


def _contents(place: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
        # What cannot be read its reader refuses.
        with suppress(OSError):
            if file.is_file():
                facts = file.stat()
                yield str(file), _content(file.absolute(), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=1024)
def _content(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


__all__ = ["code_version", "job_key", "same_configuration"]
