"""Writes the report of a run or a sweep: ``python -m sgns_pmi.report DIR``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from sgns_pmi.errors import InputError
from sgns_pmi.report.write import write_report

USAGE = """\
Writes DIR/report.html: what a run or a sweep found, in one page that needs no other file and no network.

  python -m sgns_pmi.report DIR    DIR is the folder of a run or of a sweep, whatever became of it
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in ([], ["--help"], ["-h"]):
        print(USAGE, end="", file=sys.stdout if given else sys.stderr)
        raise SystemExit(0 if given else 2)
    try:
        if len(given) > 1:
            raise InputError("command line", " ".join(given), "give one folder")
        page = write_report(given[0])
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    print(f"report: {os.path.relpath(page)}")


if __name__ == "__main__":
    main()
