"""What a job is known by: its configuration, the content of its input files, and the code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from sgns_pmi.version import __version__

PACKAGE = Path(__file__).resolve().parents[1]
SAME_RESULT = frozenset({"figures", "svg", "resume", "replicates", "objective"})
"""Keys that change no number of a job."""
WITH_FILES = ("data", "eval", "noise_file")


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
    files = {name: content for key in WITH_FILES for name, content in _files(config.get(key))}
    return f"{_hash(asked)}-{_hash([files, code_version()])}"


def same_configuration(key: str, other: str) -> bool:
    """Whether two keys differ in files or code at most."""
    return key.partition("-")[0] == other.partition("-")[0]


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _files(value: object) -> Iterator[tuple[str, str]]:
    """The files, also those in folders, among the texts of a configuration; with a hash of the content of each."""
    if isinstance(value, Mapping):
        for key, own in value.items():
            if key != "name":
                yield from _files(own)
    elif isinstance(value, list | tuple):
        for own in value:
            yield from _files(own)
    elif isinstance(value, str) and len(value) < 4096:
        place = Path(value)
        for file in sorted(place.rglob("*")) if place.is_dir() and ("/" in value or "." in value) else [place]:
            if file.is_file():
                facts = file.stat()
                yield str(file), _content(file.absolute(), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=1024)
def _content(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def code_version() -> str:
    """The version, and a hash of the package's own source: a checkout changes between versions."""
    source = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        source.update(f"{file.relative_to(PACKAGE)}\0".encode() + file.read_bytes())
    return f"{__version__} {source.hexdigest()}"


__all__ = ["code_version", "job_key", "same_configuration"]
