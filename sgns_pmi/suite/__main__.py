"""The suite's command: ``python -m sgns_pmi.suite small``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from sgns_pmi.config import keys_given
from sgns_pmi.errors import InputError, check_integer, printable
from sgns_pmi.factorise import METHODS
from sgns_pmi.lazily import pd
from sgns_pmi.output import lasting_output
from sgns_pmi.results.leftovers import remove_temporaries
from sgns_pmi.results.lock import FolderLock
from sgns_pmi.results.overview import as_text
from sgns_pmi.signals import ended_as_by_ctrl_c, joblib_ends_with_this
from sgns_pmi.suite.contenders import contenders, everyone
from sgns_pmi.suite.fits import FAILED, FITS, Fit, missing, run
from sgns_pmi.suite.gather import gather
from sgns_pmi.suite.tasks import TASKS, Task, choose

USAGE = """\
Every method on tasks whose truth is known: how near does it come to the PMI, to the least error possible, at what cost?

  python -m sgns_pmi.suite                      every task: two hours on two cores
  python -m sgns_pmi.suite small                those of at most 60 words: minutes
  python -m sgns_pmi.suite medium               those of at most 500 words: half an hour
  python -m sgns_pmi.suite 'marginal_300*'      those of such a name
  python -m sgns_pmi.suite --list [PATTERN]     shows the tasks, and runs nothing

Results are kept in the folder, fit by fit: what is there is not made again, and the tables have all that is there. Writes
results.csv, costs.csv, table.csv, table.md, ranks.csv, figure.png and report.html. A folder's results.csv is the same, byte for
byte, whenever it is made anew.

Keys (key=value):
  method=[A,B]            methods, or classes of your own with fit(counts) and estimate_pmi(), as method=[module:Class];
                          all methods of the package if not given, InfoNCE up to 2,000 words
  seeds=3                 counts drawn of each truth
  jobs=1                  processes
  folder=outputs/suite    where results are kept
  text=FILE               the text that corpus tasks take their truth from; they are left out without it
"""
WIDTH = 200
"""Letters of a line of the list."""
NUMBERS = {"seeds", "jobs"}


@dataclass(frozen=True)
class Choices:
    """The keys of the command."""

    method: tuple[str, ...] = ()
    seeds: int = 3
    jobs: int = 1
    folder: Path = Path("outputs/suite")
    text: str | None = None

    @classmethod
    def from_arguments(cls, given: Sequence[str]) -> Choices:
        """Choices from ``key=value`` arguments; an `InputError` for an unknown key or a value that it cannot have."""
        chosen: dict[str, Any] = dict(keys_given(given, cls))
        for key in chosen.keys() & NUMBERS:
            chosen[key] = check_integer(key, int(chosen[key]) if chosen[key].isdecimal() else chosen[key])
        if "method" in chosen:
            names = [name.strip() for name in chosen["method"].strip("[]").split(",")]
            chosen["method"] = tuple(name for name in names if name)
            if not chosen["method"]:
                raise InputError("method", "[]", f"must name one or more of {', '.join(METHODS)}, or module:Class")
        if "folder" in chosen:
            chosen["folder"] = Path(chosen["folder"])
        if (text := chosen.get("text")) is not None and not Path(text).is_file():
            raise InputError("text", text, "no such file; paths are relative to the current folder")
        return cls(**chosen)


def listed(tasks: Iterable[Task]) -> pd.DataFrame:
    """The tasks as a table, a line each."""
    rows = [
        (
            task.name,
            task.generator,
            f"{task.words} × {task.words}",
            f"{task.rank}" if task.exact else f"full ({task.rank})",
            f"{task.data['pairs']:,}",
            "" if task.zipf is None else f"{task.zipf:g}",
            task.why,
        )
        for task in tasks
    ]
    return pd.DataFrame(rows, columns=["task", "generator", "words × contexts", "rank", "N", "Zipf", "why"])


def suite(tasks: Sequence[Task], choices: Choices) -> list[Fit]:
    """Make the fits that are missing, and the tables of all that are there; the fits that failed."""
    chosen = contenders(choices.method) if choices.method else everyone()
    folder = choices.folder
    with FolderLock(folder, "folder"):
        for place in (folder, folder / FITS):
            remove_temporaries(place)
        work = [(task, seed) for task, seed in product(tasks, range(choices.seeds)) if missing(folder, task, seed, chosen)]
        joblib_ends_with_this()
        # joblib yields results as they come, in order.
        done = Parallel(n_jobs=choices.jobs, return_as="generator")(delayed(run)(folder, *own, chosen) for own in work)
        failures = []
        for number, ((task, seed), made) in enumerate(zip(work, done, strict=True), 1):
            spent = sum(fit.seconds for fit in made)
            print(f"{number} of {len(work)}: {task.name}, seed {seed}, {len(made)} methods in {spent:.1f} s", flush=True)
            failures += [fit for fit in made if fit.status == FAILED]
        gather(folder, [task.reading(choices.text) for task in TASKS])
    return failures


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2, a method that failed with 1."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if {"-h", "--help"} & set(given):
        print(USAGE, end="")
        return
    keys = [token for token in given if "=" in token.strip("=")]
    rest = [token for token in given if token not in keys and token != "--list"]
    try:
        if flags := [token for token in rest if token.startswith("-")]:
            raise InputError("command line", flags[0], "no such option; keys are given as key=value, without dashes")
        if len(rest) > 1:
            raise InputError("pattern", " ".join(rest), "give one, in quotes where it has a *")
        choices = Choices.from_arguments(keys)
        tasks = choose(rest[0] if rest else None)
        if "--list" in given:
            print(as_text(listed(tasks).set_index("task"), width=WIDTH), f"{len(tasks)} tasks", sep="\n")
            return
        if choices.text is None and all(task.needs_text for task in tasks):
            raise InputError("text", "", "must name a file: the truth of corpus tasks is made of it, as text=FILE")
        wanted = [task.reading(choices.text) for task in tasks if choices.text is not None or not task.needs_text]
        with ended_as_by_ctrl_c():
            failures = suite(wanted, choices)
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        raise SystemExit(130) from None
    for fit in failures:
        print(printable(f"{fit.method} failed on {fit.task}, seed {fit.seed}: {fit.note}"), file=sys.stderr)
    print(f"tables, figure and report: {os.path.relpath(choices.folder)}")
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
