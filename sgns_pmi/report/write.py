"""The report of a run or a sweep, written beside its results."""

from __future__ import annotations

from pathlib import Path

from sgns_pmi.errors import InputError
from sgns_pmi.report.page import REPORT_FILE, Page, render
from sgns_pmi.report.run import run_page
from sgns_pmi.report.sweep import sweep_page
from sgns_pmi.results.record import log_failure
from sgns_pmi.results.run import Run
from sgns_pmi.results.sweep import Sweep
from sgns_pmi.results.tables import write_text


def write_report(folder: str | Path, sweep: Sweep | None = None) -> Path:
    """Write report.html into the folder of a run or of a sweep, from what is there; the file.

    Parameters
    ----------
    folder : str or Path
        Of any status: what is missing is left out.
    sweep : Sweep, optional
        The sweep that is there, where it has been read already.

    Raises
    ------
    InputError
        For a folder that is neither a run's nor a sweep's, or with a file that cannot be read.
    """
    place = Path(folder)
    try:
        page = _page(place, sweep or Sweep(place))
    except InputError:
        raise
    # What is damaged in a file of the right form shows in many ways.
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError("run", folder, f"has a file that cannot be read: {type(error).__name__}: {error}") from error
    target = place / REPORT_FILE
    write_text(render(page, place), target)
    return target


def _page(folder: Path, sweep: Sweep) -> Page:
    if folder.is_dir() and sweep.jobs:
        return sweep_page(sweep)
    return run_page(Run.open(folder))


def report_at_end(folder: Path, sweep: Sweep | None = None) -> Path | None:
    """The report of a run or a sweep that has just ended; None where it fails, which the log says and the run outlives."""
    try:
        return write_report(folder, sweep)
    except Exception as error:
        log_failure("the report", error)
        return None


__all__ = ["report_at_end", "write_report"]
