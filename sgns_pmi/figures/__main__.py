"""Draws the figures of a finished run or sweep: ``python -m sgns_pmi.figures DIR``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from sgns_pmi.errors import InputError
from sgns_pmi.figures.finished import draw_run, draw_sweep
from sgns_pmi.output import arguments_or_usage, lasting_output
from sgns_pmi.results.run import Run
from sgns_pmi.results.sweep import Sweep
from sgns_pmi.unpack import reading

USAGE = """\
Draws the figures of a finished run, or of a sweep and each of its jobs.

  python -m sgns_pmi.figures DIR [KEY=VALUE ...]

Keys: figure.format=pdf, figure.width=3.3 (inches), figure.font_size=8, figure.parameters=false (titles without them).
"""


def draw(folder: Path, **looks: Any) -> list[Path]:
    """Draw what a folder holds: a run, or a sweep and its jobs. `looks` are keys under ``figure.``.

    Raises
    ------
    InputError
        For a folder that holds neither.
    """
    if Sweep(folder).jobs:
        sweep = Sweep(folder)
        written = draw_sweep(sweep, **looks) if len(sweep.rows) else []
        return written + [file for job in sweep.jobs if job.shown is not None for file in draw_run(job, **looks)]
    return draw_run(Run.open(folder), **looks)


def looks_of(keys: Sequence[str]) -> dict[str, Any]:
    """The looks that keys ask for, as figure.width=3.3; an `InputError` for any other argument."""
    for key in keys:
        if not re.match(r"figure\.\w+=", key):
            raise InputError("command line", key, "is none of the keys: figure.format, .width, .font_size or .parameters")
    with reading("command line", " ".join(keys), "keys"):
        looks: Any = OmegaConf.to_container(OmegaConf.from_dotlist(list(keys)))
    return dict(looks.get("figure", {}))


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2."""
    given = arguments_or_usage(arguments, USAGE)
    folder = Path(given[0])
    try:
        looks = looks_of(given[1:])
        with reading("folder", folder, "a run or a sweep"):
            written = draw(folder, **looks)
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    print(f"{len(written)} figures: {os.path.relpath(folder)}")


if __name__ == "__main__":
    main()
