"""A worker of the bulk launcher: takes chunks of a sweep's jobs that no other has, until none is left."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sgns_pmi.results.chunks import ChunkWriter, Work
from sgns_pmi.run import checked_run
from sgns_pmi.signals import end_with_parent, ended_as_by_ctrl_c

PATIENCE = 0.5
"""Seconds between looks at chunks that others have: one that is killed leaves its chunk."""


def work(sweep: Path) -> None:
    """Take part in a sweep, until each of its jobs has ended; print the status of each of one's own.

    Parameters
    ----------
    sweep : Path
        The folder of a sweep whose jobs the bulk launcher has launched.
    """
    shared, place = Work.read(sweep), sweep.absolute()
    os.chdir(shared.cwd)
    waiting = shared.chunks(place)
    while waiting:
        waiting = {file: jobs for file, jobs in waiting.items() if not finished(file, jobs, shared.base)}
        if waiting:
            time.sleep(PATIENCE)


def finished(file: Path, jobs: Mapping[str, Mapping[str, Any]], base: Mapping[str, Any]) -> bool:
    """Run what is left of a chunk's jobs; False where another worker has them."""
    with ChunkWriter(file, base) as chunk:
        for key, changed in jobs.items() if chunk.mine else ():
            if key not in chunk.ended:
                record = checked_run(lambda changed=changed: {**base, **changed}, None, alone=False)  # type: ignore[misc]
                if record.status == "interrupted":
                    raise KeyboardInterrupt
                chunk.add(key, changed, record.summary(), record.frames)
                print(record.status, flush=True)
        return chunk.mine


def quietly(sweep: Path) -> int:
    """Work without the log of each job, whose summary has what is to be known; the exit code."""
    log = logging.getLogger("sgns_pmi")
    log.addHandler(logging.NullHandler())
    log.setLevel(logging.INFO)
    log.propagate = False
    with ended_as_by_ctrl_c():
        try:
            work(sweep)
        except KeyboardInterrupt:
            return 130
        except OSError as error:
            print(error, file=sys.stderr)
            return 2
    return 0


def main() -> None:
    """A worker that ends with the launcher that started it."""
    sweep, launcher = sys.argv[1:]
    end_with_parent(int(launcher))
    raise SystemExit(quietly(Path(sweep)))


if __name__ == "__main__":
    main()


__all__ = ["quietly", "work"]
