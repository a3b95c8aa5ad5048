"""The files of one run."""

from __future__ import annotations

import logging
import multiprocessing
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from sgns_pmi.compare.found import RunTable
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import Factorisation
from sgns_pmi.factorise.solvers.solution import HISTORY_COLUMNS
from sgns_pmi.lazily import pd, torch
from sgns_pmi.problems import Problem
from sgns_pmi.progress import beating
from sgns_pmi.results.tables import write_csv, write_json
from sgns_pmi.signals import LAST_WORDS, heed

try:
    import resource
except ImportError:  # Windows has no such module, and its summary no peak memory
    resource = None  # type: ignore[assignment]

log = logging.getLogger("sgns_pmi")

Status = Literal["running", "complete", "failed", "interrupted", "refused"]
PACKAGES = ("sgns-pmi", "numpy", "scipy", "torch")
SUMMARY_FILE = "summary.json"
RIDGE_FACTS = ("ridge", "certificate", "suggested_dim")  # of a method with a penalty
PROCESS = Path("/proc/self")
REPOSITORY = Path(__file__).resolve().parents[2]


class RunRecord:
    """What is known of a run; a context manager that keeps summary.json true from the first second to the last.

    Ctrl-C and unexpected errors end the block, not the program: `status` and the summary say so. An `InputError` is
    noted, and passes through.

    Parameters
    ----------
    directory : Path or None
        The run directory; without one nothing is written.
    seeds : mapping of str to int
        Every seed of the run, for the summary.
    job : str, default ""
        What the run is known by: `job_key` of what it was asked.

    Attributes
    ----------
    status : {"running", "complete", "failed", "interrupted", "refused"}
    tables : list of DataFrame
        What a console has room for of what was found; empty at first.
    frames : dict of str to DataFrame
        The run's tables.
    alone : bool
        Whether the console is this run's own, for its progress.
    """

    def __init__(self, directory: Path | None, seeds: Mapping[str, int], job: str = "") -> None:
        self.directory = directory
        self.status: Status = "running"
        self.tables: list[pd.DataFrame] = []
        self.frames: dict[str, pd.DataFrame] = {}
        self._written: dict[str, pd.DataFrame] = {}
        self._steps: dict[str, dict[str, Any]] = {}
        self._warnings: list[str] = []
        self._left_out: dict[str, str] = {}
        self._facts: dict[str, Any] = {}
        self._methods: dict[str, dict[str, Any]] = {}
        self._seeds = dict(seeds)
        self._job, self._start = job, now()
        # Jobs that run in parallel, or by the thousand, would draw their progress over each other.
        self.alone = directory is not None and multiprocessing.parent_process() is None

    def __enter__(self) -> RunRecord:
        LAST_WORDS.append(self._cut_short)
        self.write()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, InputError):
            self.status = "refused"
            self.warn(str(error))
        elif isinstance(error, KeyboardInterrupt):
            self.interrupted()
        elif isinstance(error, Exception):
            self.failed("the run", error)
        elif error is not None:
            self.status = "failed"
        elif self.status == "running":
            self.status = "complete"
        LAST_WORDS.remove(self._cut_short)
        self.write()
        return isinstance(error, KeyboardInterrupt | Exception) and not isinstance(error, InputError)

    def write(self) -> None:
        """Write summary.json as things stand."""
        if self.directory is not None:
            write_json(self.summary(), self.directory / SUMMARY_FILE)

    def keep(self, name: str, frame: pd.DataFrame, optional: bool = False) -> None:
        """Keep a table, and write it to NAME.csv, unless that says it already; an optional one without rows has no file."""
        self.frames[name] = frame
        written = name in self._written and frame.equals(self._written[name])
        if self.directory is not None and (len(frame) or not optional) and not written:
            write_csv(frame, self.directory / f"{name}.csv")
            self._written[name] = frame

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure the seconds of a block, and the peak memory of the process in it (up to its end where not on Linux).

        A long one says now and then that it runs. None begins where a signal has come.
        A step that comes several times has the sum, and the highest peak.
        """
        heed()
        forget_peak_memory()
        start = time.perf_counter()
        try:
            with beating(name, shown=self.alone):
                yield
        finally:
            seconds, peak = time.perf_counter() - start, peak_memory_mb()
            log.debug("%s: %.3f s", name, seconds)
            known = self._steps.setdefault(name, {"step": name, "seconds": 0.0, "peak_memory_mb": peak})
            known["seconds"] += seconds
            known["peak_memory_mb"] = max(filter(None, (known["peak_memory_mb"], peak)), default=None)
            self.write()

    def problem(self, problem: Problem, left_out: Mapping[str, str]) -> None:
        """Note, and say, what is factorised, and which methods are left out and why."""
        self._facts = {
            "problem": problem.title,
            "shape": list(problem.counts.shape),
            "pairs": problem.counts.total,
            "cells_seen": problem.counts.nnz,
            "pmi_rank": problem.pmi_rank,
        }
        log.info(problem.title)
        for method, reason in left_out.items():
            self.left_out(method, reason)

    def left_out(self, method: str, reason: str) -> None:
        """Note, and say, that a method did not run."""
        self._left_out[method] = reason
        log.info("%s is left out: it %s", method, reason)

    def fitted(self, method: str, estimator: Factorisation) -> None:
        """Note how a method ended."""
        ends = {name: getattr(estimator, f"{name}_", None) for name in ("objective", "status", *RIDGE_FACTS)}
        starts = getattr(estimator, "starts_", None)
        ends["starts"] = None if starts is None else asdict(starts)
        self._methods[method] = {name: value for name, value in ends.items() if value is not None}
        if estimator.note_:
            self._warnings.append(estimator.note_)
        if estimator.status_ == "interrupted":
            self.interrupted()
        if estimator.status_ == "diverged" and self.status == "running":
            self.status = "failed"

    def learned(self, table: RunTable) -> pd.DataFrame:
        """Note the facts of a table, and say what it has to say; its rows."""
        self._facts |= table.facts
        for line in table.said:
            log.info(line)
        return table.rows

    def interrupted(self) -> None:
        """Note that Ctrl-C ended the run."""
        self.status = "interrupted"

    def _cut_short(self) -> None:
        self.interrupted()
        self.warn("was ended by a signal before it had written all that it learned")
        self.write()

    def failed(self, what: str, error: Exception) -> None:
        """Note an error that was not foreseen: one line on the console, the traceback in the log file."""
        self.warn(log_failure(what, error))
        if self.status == "running":
            self.status = "failed"

    def warn(self, line: str) -> None:
        """Note what a reader of the results has to know."""
        self._warnings.append(line)

    def summary(self) -> dict[str, Any]:
        """What summary.json holds."""
        return {
            "status": self.status,
            "job": self._job,
            "pid": os.getpid(),
            "host": platform.node(),
            "start": self._start,
            "updated": now(),
            **self._facts,
            "methods": self._methods,
            "left_out": self._left_out,
            "warnings": self._warnings,
            "seeds": self._seeds,
            "steps": list(self._steps.values()),
            "threads": torch.get_num_threads() if "torch" in sys.modules else None,  # a refusal has no use for it
            **code_facts(),
        }


def log_failure(what: str, error: Exception) -> str:
    """Say in one line what failed; the traceback of an error that was not foreseen goes to the log file alone."""
    line = f"{what} failed: {type(error).__name__}: {' '.join(str(error).split())}"
    log.error(line)
    if not isinstance(error, InputError):
        log.debug("traceback", exc_info=error)
    return line


def ended(directory: Path | None, status: Status, reason: str, job: str = "") -> RunRecord:
    """The record of a run that ended before it had results; its summary.json is written, unless there is one."""
    record = RunRecord(directory, {}, job)
    record.status = status
    record.warn(reason)
    if directory is not None and not (directory / SUMMARY_FILE).is_file():
        record.write()
    return record


def histories(fitted: Mapping[str, Factorisation]) -> pd.DataFrame:
    """Columns method, step, epoch, seconds, objective, of the methods that keep a history."""
    frames = [estimator.history_.assign(method=name) for name, estimator in fitted.items() if hasattr(estimator, "history_")]
    columns = ["method", *HISTORY_COLUMNS]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def forget_peak_memory() -> None:
    """Measure the peak from here on, where the system can: on Linux."""
    with suppress(OSError):
        (PROCESS / "clear_refs").write_text("5")


def peak_memory_mb() -> float | None:
    """The most resident memory that this process has had, in MiB, since `forget_peak_memory`; None where no system says."""
    with suppress(OSError):
        return int(re.findall(r"VmHWM:\s*(\d+) kB", (PROCESS / "status").read_text())[0]) / 2**10
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB elsewhere


def now() -> str:
    """The time, with its zone, to the millisecond."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def versions() -> dict[str, str | None]:
    """Versions of Python, of this package and of what it computes with."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


@cache
def code_facts() -> dict[str, Any]:
    """Versions and commit of this process, found out once: a sweep has many runs."""
    return {"versions": versions(), "commit": commit()}


def commit() -> str | None:
    """The checkout's commit, ending in -dirty where files differ from it; None outside a checkout."""
    if not (REPOSITORY / ".git").exists():
        return None
    command = ["git", "-C", os.fspath(REPOSITORY), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


__all__ = ["SUMMARY_FILE", "RunRecord", "Status", "ended", "histories", "log_failure"]
