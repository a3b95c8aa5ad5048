"""A sweep after it has begun: ``python -m sgns_pmi.sweep status|gather|retry|work DIR``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf

from sgns_pmi.errors import InputError, check_choice
from sgns_pmi.gather import MOST_LINES, finish_sweep
from sgns_pmi.lazily import pd
from sgns_pmi.output import arguments_or_usage, lasting_output
from sgns_pmi.results.chunks import WORK_FILE
from sgns_pmi.results.lock import FolderLock
from sgns_pmi.results.overview import as_text
from sgns_pmi.results.sweep import Sweep, column_of, swept_keys
from sgns_pmi.results.tables import read_yaml
from sgns_pmi.unpack import reading

USAGE = """\
Says where a sweep stands, and goes on with it.

  python -m sgns_pmi.sweep status DIR   each job: complete, running, failed, refused, interrupted or missing, and why;
                                        of more than a hundred those that are not complete
  python -m sgns_pmi.sweep gather DIR   tables, figures and report again, from the results that are there
  python -m sgns_pmi.sweep retry DIR    the sweep's own command again: it runs the jobs that are not complete
  python -m sgns_pmi.sweep work DIR     one more worker for a sweep that hydra/launcher=bulk has begun, also on another machine

DIR is the folder of a sweep (hydra.sweep.dir).
"""


def status_table(sweep: Sweep) -> pd.DataFrame:
    """A line for each job: its swept keys, folder, status and, where it is not complete, the reason."""
    keys = swept_keys(sweep.jobs)
    rows = [[job.number, *(job.asked.get(key) for key in keys), job.folder.name, job.status, job.reason] for job in sweep.jobs]
    return pd.DataFrame(rows, columns=["job", *map(column_of, keys), "folder", "status", "reason"]).set_index("job")


def status(folder: Path) -> int:
    """Print every job's status, and how many have which."""
    sweep = Sweep.open(folder)
    table = status_table(sweep)
    if len(table) > MOST_LINES:
        table = table[table["status"] != "complete"]
    if len(table):
        print(as_text(table))
    counts = Counter(job.status for job in sweep.jobs)
    print(
        f"{counts.pop('complete', 0)} of {len(sweep.jobs)} jobs complete", *(f"{n} {own}" for own, n in counts.items()), sep=", "
    )
    return 0


def gather(folder: Path) -> int:
    """Write the tables, figures and report of a sweep from what its jobs have left."""
    Sweep.open(folder)
    with FolderLock(folder, "sweep"):
        return 1 if finish_sweep(folder) - {"complete"} else 0


def retry(folder: Path) -> int:
    """Become the sweep's own command, in the folder in which it was given."""
    Sweep.open(folder)
    asked = OmegaConf.create(read_yaml(folder / "multirun.yaml")).hydra
    own = [override for override in asked.overrides.hydra if not override.startswith(("hydra.sweep.dir=", "hydra.mode="))]
    command = ["-m", "sgns_pmi.run", *asked.overrides.task, *own, f"hydra.sweep.dir='{folder.absolute()}'", "--multirun"]
    os.chdir(asked.runtime.cwd)
    os.execv(sys.executable, [sys.executable, *command])


def work(folder: Path) -> int:
    """Take part in a sweep of the bulk launcher until all its jobs have ended."""
    from sgns_pmi import worker  # loads all that a job needs

    if not (folder / WORK_FILE).is_file():
        raise InputError("sweep", folder, "has no work to share out; begin it with hydra/launcher=bulk")
    return worker.quietly(folder)


COMMANDS = {"status": status, "gather": gather, "retry": retry, "work": work}


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2."""
    given = arguments_or_usage(arguments, USAGE)
    try:
        command = COMMANDS[check_choice("command", given[0], COMMANDS)]
        if len(given) != 2:
            raise InputError("command line", " ".join(given), f"give one folder: {given[0]} DIR")
        with reading("sweep", given[1], "the folder of a sweep"):
            code = command(Path(given[1]))
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    raise SystemExit(code)


if __name__ == "__main__":
    main()
