"""Tables of a run's directory, written whole and read back exactly as they were written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from sgns_pmi.compare.table import INTERVAL_COLUMNS, METRIC_COLUMNS
from sgns_pmi.files import atomic_path
from sgns_pmi.lazily import pd
from sgns_pmi.unpack import reading

TEXT = dict.fromkeys(
    (
        *METRIC_COLUMNS[:-1],
        "term",
        "key",
        "other",
        "component",
        "center",
        "context",
        "task",
        "set",
        "section",
        "word",
        "neighbour",
        "projection",
        "panel",
    ),
    str,
)
"""Columns of names: "true" alone in a column would be read as a boolean, and NA, null and nan are words."""


def number(text: str) -> float:
    """A number as it was written: only Python's own float reads back the very same one in every pandas."""
    return float(text or "nan")


NUMBERS = dict.fromkeys(
    (
        *("value", "seconds", "objective", "similarity", "x", "y"),
        *(*INTERVAL_COLUMNS[4:], "truth", "held_out", "predicted", "rmse", "median", "mean"),
    ),
    number,
)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame without its index; words as they are, floats in the shortest form that reads back as the same number."""
    with atomic_path(path) as beside:
        frame.to_csv(beside, index=False, lineterminator="\n")


def read_csv(path: Path) -> pd.DataFrame | None:
    """The rows of one file of a run or a sweep; None where there is no such file."""
    if not path.is_file():
        return None
    with reading("file", path, "a table of a run"):
        return pd.read_csv(path, dtype=TEXT, converters=NUMBERS, keep_default_na=False)


def read_json(path: Path) -> dict[str, Any]:
    """What a file of JSON says, by key; empty where there is no such file, an `InputError` where it is damaged."""
    return _by_key(path, "JSON", lambda: json.loads(path.read_text(encoding="utf-8")))


def read_yaml(path: Path, resolve: bool = False) -> dict[str, Any]:
    """A configuration, as nested dicts; empty where there is no such file, an `InputError` where it is damaged."""
    return _by_key(path, "a configuration", lambda: OmegaConf.to_container(OmegaConf.load(path), resolve=resolve))


def _by_key(path: Path, kind: str, read: Callable[[], Any]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    with reading("file", path, kind):
        content = read()
        if not isinstance(content, dict):
            raise ValueError("it has no keys")
    return content


def write_json(content: Mapping[str, Any], path: Path, indent: int | None = 2) -> None:
    """Write JSON that a person can read, or in one line."""
    write_text(json.dumps(content, indent=indent) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Write a text file."""
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8")


__all__ = ["TEXT", "read_csv", "read_json", "read_yaml", "write_csv", "write_json", "write_text"]
