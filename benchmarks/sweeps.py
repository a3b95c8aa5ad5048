"""What sweeps cost beyond the steps of their jobs, how soon they begin, and what a second process gains.

Processor seconds of the harness are those of this process outside the steps that summary.json has (problem, fits, comparison,
floors, budget, ...): loading, composing, checking, files, tables, report. Rates are seconds of the clock, of commands of their
own with one thread a job.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sgns_pmi import bulk, run, worker
from sgns_pmi.results.record import RunRecord
from sgns_pmi.results.sweep import Sweep

R_EXPERIMENT = ("method=[sgns_expected,sppmi_svd,oracle]", "k=1,5,20,50", "dim=2,4,8,16,50", "noise=unigram,uniform")
TINY = ("data=toy", "method=[sppmi_svd]", "eval.maps=[]", "dim=1,2,3,4", "data.window=1,2,3,4,5", "figures=false")
COMMAND = (sys.executable, "-m", "sgns_pmi.run")


def rows() -> list[dict[str, Any]]:
    """A row for each measurement."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        return [
            overhead("folders", 40, place / "folders", *TINY, "k=1,5"),
            overhead("bulk", 2000, place / "bulk", *TINY, "k=range(1,101)", "hydra/launcher=bulk"),
            *rates(place),
        ]


def overhead(what: str, jobs: int, folder: Path, *arguments: str) -> dict[str, Any]:
    """Processor seconds a job, of the harness and of the steps, and the files that a sweep leaves."""
    steps: list[float] = []
    real = RunRecord.step

    @contextmanager
    def step(record: RunRecord, name: str) -> Iterator[None]:
        start = time.process_time()
        with real(record, name):
            yield
        steps.append(time.process_time() - start)

    def work(sweep: Path, *_: object, **__: object) -> None:
        worker.work(sweep)

    sys.argv = ["run", *arguments, f"hydra.sweep.dir={folder}", "--multirun"]
    with patch.object(RunRecord, "step", step), patch.object(bulk, "_run_workers", work), _silence():
        start = time.process_time()
        with suppress(SystemExit):
            run.main()
        seconds = time.process_time() - start
    assert Sweep.open(folder).count == f"{jobs} of {jobs} jobs"
    files = sum(file.is_file() for file in folder.rglob("*"))
    own = {"harness_ms": (seconds - sum(steps)) / jobs * 1e3, "steps_ms": sum(steps) / jobs * 1e3}
    return {"part": "sweeps", "what": what, "jobs": jobs, **own, "files": files}


@contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
        yield


def rates(place: Path) -> list[dict[str, Any]]:
    """The R experiment's grid of 200 jobs one after the other, and two at a time."""
    found = []
    for launcher in (("basic",), ("joblib", "hydra.launcher.n_jobs=2")):
        folder = place / launcher[0]
        own = (f"hydra/launcher={launcher[0]}", *launcher[1:], "replicates=5", f"hydra.sweep.dir={folder}", "--multirun")
        begin = datetime.now().astimezone()
        subprocess.run(
            [*COMMAND, *R_EXPERIMENT, *own], env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, check=True
        )
        summaries = [json.loads(file.read_text()) for file in folder.glob("*/summary.json")]
        first, last = (
            datetime.fromisoformat(pick(own[at] for own in summaries)) for pick, at in ((min, "start"), (max, "updated"))
        )
        row = {"jobs": len(summaries), "seconds": (last - first).total_seconds(), "first_job_s": (first - begin).total_seconds()}
        found.append({"part": "sweeps", "what": f"R experiment, {launcher[0]}", **row})
    return found
