"""Jobs without a folder: a line each, in a file for each chunk of a sweep's jobs, added when the job has ended.

The file of a chunk, ``chunks/LAUNCH-NUMBER.jsonl``, has the configuration that its jobs start from, then a line for each job
that has ended. Half a line, of a process that was killed, is no line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sgns_pmi.lazily import pd
from sgns_pmi.results.lock import claim
from sgns_pmi.results.tables import TEXT, write_json
from sgns_pmi.unpack import reading

FOLDER = "chunks"
WORK_FILE = f"{FOLDER}/work.json"
GATHERED = ("metrics", "budget", "evaluation")
"""Of a job's tables those that a sweep has."""


@dataclass(frozen=True)
class Work:
    """The jobs that a sweep's workers share out among themselves, chunk by chunk.

    Parameters
    ----------
    cwd : str
        Where the paths of configurations begin.
    launch : int
        How many times the sweep was launched before: workers of a launcher that was killed write to files of their own.
    size : int
        Jobs of a chunk.
    base : mapping
        A configuration.
    jobs : sequence of (str, mapping)
        Of each job what it is known by, and the top-level keys in which its configuration differs from `base`.
    """

    cwd: str
    launch: int
    size: int
    base: Mapping[str, Any]
    jobs: Collection[tuple[str, Mapping[str, Any]]]

    @classmethod
    def read(cls, sweep: Path) -> Self:
        """The work of a sweep that has begun."""
        return cls(**json.loads((sweep / WORK_FILE).read_text(encoding="utf-8")))

    def write(self, sweep: Path) -> None:
        """Write chunks/work.json."""
        write_json(asdict(self), sweep / WORK_FILE, indent=None)

    def chunks(self, sweep: Path) -> dict[Path, dict[str, Mapping[str, Any]]]:
        """The file of each chunk, with its jobs."""
        jobs = list(self.jobs)
        starts = range(0, len(jobs), self.size)
        return {
            sweep / FOLDER / f"{self.launch:05}-{number:05}.jsonl": dict(jobs[at : at + self.size])
            for number, at in enumerate(starts)
        }


def changes(config: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration differs from `base`, by top-level key; None for a key that it lacks."""
    return {key: config.get(key) for key in {**base, **config} if config.get(key) != base.get(key)}


class ChunkWriter:
    """Adds lines to a chunk's file; a context manager, inside which no other process does.

    Parameters
    ----------
    file : Path
    base : mapping
        The configuration for its first line.

    Attributes
    ----------
    mine : bool
        False where another process writes to it.
    ended : set of str
        The keys of the jobs that have a line.
    """

    def __init__(self, file: Path, base: Mapping[str, Any]) -> None:
        self._file, self._base = file, base
        self.ended: set[str] = set()

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        self.mine = claim(self._descriptor)
        if self.mine:
            content = self._file.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            os.ftruncate(self._descriptor, len(whole))
            if not whole:
                self._write({"base": self._base})
            self.ended = {json.loads(line)["job"] for line in whole.splitlines()[1:]}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._descriptor)

    def add(self, key: str, changed: Mapping[str, Any], summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> None:
        """Add the line of a job that has ended."""
        kept = {name: _columns(tables[name]) for name in GATHERED if name in tables}
        self._write({"job": key, "changes": changed, "summary": summary, "tables": kept})

    def _write(self, line: Mapping[str, Any]) -> None:
        size = os.fstat(self._descriptor).st_size
        left = memoryview(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:  # of a full disk
            os.ftruncate(self._descriptor, size)
            raise


def _columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    """The columns of a table, as the same table's .csv file would give them back."""
    return {str(name): (own.fillna("") if name in TEXT else own).tolist() for name, own in table.items()}


@dataclass(frozen=True)
class Line:
    """What is known of a job without a folder.

    Parameters
    ----------
    file : Path
        Where it stands.
    config, summary, tables : mapping
        Its configuration, what a folder's summary.json would hold, and the columns of its tables.
    """

    file: Path
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, list[Any]]]


def read_lines(sweep: Path) -> dict[str, Line]:
    """The line of each job that has one, by what the job is known by; of several the last."""
    found: dict[str, Line] = {}
    for file in sorted((sweep / FOLDER).glob("*.jsonl")):
        with reading("file", file, "lines of jobs"), file.open(encoding="utf-8") as stream:
            first, *lines = [json.loads(line) for line in stream if line.endswith("\n")] or [{}]
            for line in lines:
                found[line["job"]] = Line(file, first["base"] | line["changes"], line["summary"], line["tables"])
    return found


def complete_lines(sweep: Path) -> set[str]:
    """What the jobs are known by that have a line and are complete."""
    return {key for key, line in read_lines(sweep).items() if line.summary["status"] == "complete"}


__all__ = ["FOLDER", "WORK_FILE", "ChunkWriter", "Line", "Work", "changes", "complete_lines", "read_lines"]
