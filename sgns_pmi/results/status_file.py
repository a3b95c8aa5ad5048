"""How far a sweep has come, in a file that another terminal can follow: a line for each job that ended."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path

from sgns_pmi.results.lock import alone_with
from sgns_pmi.results.tables import write_text

STATUS_FILE = "status.log"


def begin_status(sweep: Path, jobs: int, before: int) -> None:
    """Begin the file: how many jobs there are, and how many were complete before."""
    began = (
        f"{datetime.now():%Y-%m-%d %H:%M:%S}: {jobs} jobs, of which {before} were complete before (began at {time.time():.3f})"
    )
    write_text(began + "\n", sweep / STATUS_FILE)


def status_line(sweep: Path, name: str, status: str, seconds: float, headline: str = "") -> str | None:
    """Add a line for a job that has ended, and return it; None where the sweep keeps no such file.

    Parameters
    ----------
    sweep : Path
    name : str
        The job's folder.
    status : str
    seconds : float
        That the job took.
    headline : str, optional
        What it found.

    Returns
    -------
    str
        As "3 of 12 jobs, 1 not complete, 2 min left; dim=3: complete in 1.2 s, sgns_expected 0.58, oracle 0.11 (RMSE)".
    """
    file = sweep / STATUS_FILE
    if not file.is_file():
        return None
    with file.open("r+", encoding="utf-8") as stream, alone_with(stream):
        first, *lines = stream.read().splitlines()
        jobs, before, began = _began(first)
        ended = len(lines) + 1
        bad = sum(": complete in " not in line for line in lines) + (status != "complete")
        left = (time.time() - began) / ended * (jobs - before - ended)
        line = f"{_counts(before + ended, jobs, bad, left)}; {name}: {status} in {_duration(seconds)}" + (
            f", {headline}" if headline else ""
        )
        stream.write(line + "\n")
    return line


def add_status(sweep: Path, ended: int, bad: int, left: float) -> str:
    """Add a line for all jobs that have ended since the file began, and return it: how many, of which so many not complete."""
    file = sweep / STATUS_FILE
    with file.open("a+", encoding="utf-8") as stream:
        stream.seek(0)
        jobs, before, _ = _began(stream.readline())
        line = _counts(before + ended, jobs, bad, left)
        stream.write(line + "\n")
    return line


def _began(line: str) -> tuple[float, float, float]:
    """Of the first line how many jobs there are, how many were complete before, and when it began."""
    jobs, before, began = re.findall(r"(\d+) jobs, .* (\d+) were .* at ([\d.]+)", line)[0]
    return float(jobs), float(before), float(began)


def _counts(ended: float, jobs: float, bad: int, left: float) -> str:
    failed = f", {bad} not complete" if bad else ""
    return f"{ended:.0f} of {jobs:.0f} jobs{failed}, {_duration(left)} left"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


__all__ = ["STATUS_FILE", "add_status", "begin_status", "status_line"]
