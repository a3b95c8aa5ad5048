"""Launches 10,000 tiny jobs and more: workers take them chunk by chunk, and leave a line for each in place of a folder."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Self

from omegaconf import DictConfig

from sgns_pmi.errors import InputError, check_integer
from sgns_pmi.progress import EVERY
from sgns_pmi.results.chunks import WORK_FILE, Work, changes
from sgns_pmi.results.status_file import add_status

log = logging.getLogger("sgns_pmi")

MOST_CHUNKS = 200
"""Files of a sweep's lines, unless a chunk's size is given."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class BulkLauncher:
    """``hydra/launcher=bulk``.

    Parameters
    ----------
    n_jobs : int, default -1
        Workers, each a process; -1 has one for each core.
    chunk : int, optional
        Jobs that a worker takes at a time; by default a 200th of all.
    """

    n_jobs: int = -1
    chunk: int | None = None

    @classmethod
    def of(cls, config: DictConfig) -> Self | None:
        """The launcher that a sweep asks for; None where it asks for another.

        Raises
        ------
        InputError
            For a number that cannot be used, or ``figures=all``, as jobs without a folder have no figures.
        """
        asked = dict(config.hydra.launcher)
        if asked.pop("_target_") != f"{cls.__module__}.{cls.__name__}":
            return None
        if asked["n_jobs"] != -1:
            check_integer("hydra.launcher.n_jobs", asked["n_jobs"])
        if asked["chunk"] is not None:
            check_integer("hydra.launcher.chunk", asked["chunk"])
        if config.figures == "all":
            raise InputError("figures", "all", "jobs of hydra/launcher=bulk have no folder for figures; give sweep or false")
        if config.loggers:
            raise InputError("loggers", list(config.loggers), "jobs of hydra/launcher=bulk have no folder; leave them out")
        return cls(**asked)

    def launch(self, sweep: Path, configs: Mapping[str, Mapping[str, Any]]) -> None:
        """Run jobs, given by what each is known by, and return when all have ended.

        More workers, also on other machines that see the folder, may join: ``python -m sgns_pmi.sweep work DIR``.
        """
        before = Work.read(sweep).launch if (sweep / WORK_FILE).is_file() else -1
        base = next(iter(configs.values()))
        jobs = [(key, changes(config, base)) for key, config in configs.items()]
        Work(os.getcwd(), before + 1, self.chunk or -(-len(jobs) // MOST_CHUNKS), base, jobs).write(sweep)
        cores = os.cpu_count() or 1
        count = min(cores if self.n_jobs == -1 else self.n_jobs, len(jobs))
        log.info("%d jobs, %d workers", len(jobs), count)
        _run_workers(sweep, count, len(jobs), threads=max(1, cores // count))


def _run_workers(sweep: Path, count: int, jobs: int, threads: int) -> None:
    """Start workers, and return when all have ended; they end with this process."""
    ended: SimpleQueue[str | None] = SimpleQueue()
    with tempfile.TemporaryFile("w+") as errors:
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", "sgns_pmi.worker", str(sweep), str(os.getpid())],
                env=dict.fromkeys(THREADS, str(threads)) | dict(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            for _ in range(count)
        ]
        try:
            for worker in workers:
                assert worker.stdout is not None
                threading.Thread(target=_hear, args=(worker.stdout, ended), daemon=True).start()
            _follow(sweep, ended, count, jobs)
        finally:
            for worker in workers:
                worker.terminate()
            codes = [worker.wait() for worker in workers]
        if any(codes):
            errors.seek(0)
            said = errors.read().split("\n")
            log.error("a worker ended with code %d: %s", max(codes, key=abs), next(filter(None, reversed(said)), ""))


def _hear(output: IO[str], ended: SimpleQueue[str | None]) -> None:
    """Pass on the status of each job that a worker has ended; None when the worker itself ends."""
    with output:
        for line in output:
            ended.put(line.strip())
    ended.put(None)


def _follow(sweep: Path, ended: SimpleQueue[str | None], workers: int, jobs: int) -> None:
    """Say every ten seconds how many jobs have ended, until all workers have."""
    begin = last = None
    number = bad = 0
    while workers:
        status = ended.get()
        now = time.monotonic()
        if status is None:
            workers -= 1
        else:
            number += 1
            bad += status != "complete"
            begin, last = begin or now, last or now
        if begin is not None and last is not None and (now - last >= EVERY or not workers):
            last = now
            log.info(add_status(sweep, number, bad, (now - begin) / number * (jobs - number)))


__all__ = ["BulkLauncher"]
