"""The jobs of a sweep as they were asked for: written before the first of them begins, so that none is lost or strange."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sgns_pmi.results.identity import code_version
from sgns_pmi.results.record import SUMMARY_FILE
from sgns_pmi.results.tables import read_json, write_json
from sgns_pmi.unpack import reading

PLAN_FILE = "jobs.json"
LONGEST_NAME = 120


@dataclass(frozen=True)
class PlannedJob:
    """One job of a sweep.

    Parameters
    ----------
    number : int
        Its place in the sweep.
    folder : str
        Where its files go, inside the sweep's folder.
    key : str
        What it is known by: `job_key`.
    asked : mapping of str to value
        The keys that the command line set.
    """

    number: int
    folder: str
    key: str
    asked: Mapping[str, Any]


def write_plan(jobs: Sequence[PlannedJob], sweep: Path, command: Sequence[str] = ()) -> None:
    """Write jobs.json: the jobs, the arguments that asked for them, and the code's version."""
    write_json({"command": _jobs_of(command), "code": code_version(), "jobs": [asdict(job) for job in jobs]}, sweep / PLAN_FILE)


def same_sweeps(plans: Iterable[Path], command: Sequence[str]) -> list[Path]:
    """The folders of sweeps that the same arguments asked of the same code, the newest first; `plans` are their jobs.json."""
    found = []
    for file in plans:
        plan = read_json(file)
        if (plan.get("command"), plan.get("code")) == (_jobs_of(command), code_version()):
            found.append(file)
    return [file.parent for file in sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)]


def read_plan(sweep: Path) -> list[PlannedJob] | None:
    """The jobs of jobs.json; None where there is no such file."""
    file = sweep / PLAN_FILE
    if not file.is_file():
        return None
    with reading("file", file, "the plan of a sweep"):
        return [PlannedJob(**job) for job in read_json(file)["jobs"]]


def _jobs_of(command: Sequence[str]) -> list[str]:
    """What of a command says which jobs there are."""
    return [argument for argument in command if not argument.startswith("resume=")]


def finished_jobs(sweep: Path) -> dict[str, str]:
    """The folders of the complete jobs in a sweep's folder, by what each job is known by."""
    found = {}
    for file in sorted(sweep.glob(f"*/{SUMMARY_FILE}")):
        summary = read_json(file)
        if summary.get("status") == "complete" and summary.get("job"):
            found[summary["job"]] = file.parent.name
    return found


def folder_name(values: Mapping[str, str], key: str) -> str:
    """A name that a person can read, as k=5,dim=2, from the text of each swept key; `key` tells apart what is cut.

    Examples
    --------
    >>> folder_name({"method": "[oracle,qwem]", "data.path": "a/b.csv"}, "")
    'method=oracle+qwem,data.path=a_b.csv'
    """
    plain = {name: text.strip("[]{}'\"").replace(",", "+") for name, text in values.items()}
    name = ",".join(f"{own}={text}" for own, text in plain.items())
    name = re.sub(r"[^\w.,=+-]+", "_", name)
    return name if len(name.encode()) <= LONGEST_NAME else f"{name.encode()[:LONGEST_NAME].decode(errors='ignore')}-{key[:8]}"


__all__ = ["PLAN_FILE", "PlannedJob", "finished_jobs", "folder_name", "read_plan", "same_sweeps", "write_plan"]
