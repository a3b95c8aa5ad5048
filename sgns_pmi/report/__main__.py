"""Writes the report of a run or a sweep: ``python -m sgns_pmi.report DIR``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from sgns_pmi.errors import InputError
from sgns_pmi.output import arguments_or_usage, lasting_output
from sgns_pmi.report.write import write_report

USAGE = """\
Writes DIR/report.html: what a run or a sweep found, in one page that needs no other file and no network.

  python -m sgns_pmi.report DIR    DIR is the folder of a run or of a sweep, whatever became of it
"""


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2."""
    given = arguments_or_usage(arguments, USAGE)
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
