"""What earlier runs left in a folder: a run begins without it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sgns_pmi.compare.table import RUN_TABLES
from sgns_pmi.files import is_temporary

RUN_FILES = (
    "summary.json",
    "metrics.csv",
    "history.csv",
    "evaluation.csv",
    "neighbours.csv",
    "maps.csv",
    *(f"{name}.csv" for name in RUN_TABLES),
    "cosines.csv",
    "report.html",
    "shown.npz",
    "vectors/*.npz",
    "vectors/*.txt",
    "figures/*.png",
    "figures/*.svg",
    "figures/*.pdf",
)
"""What a run writes, as patterns: files of other names are the user's, and stay."""
CHECKPOINTS = ("checkpoints/*.npz",)
"""What of a run that has not ended is left: its fits go on from there."""
SWEEP_FILES = (
    "sweep.csv",
    "summary.csv",
    "differences.csv",
    "evaluation.csv",
    "report.html",
    "figures/*.png",
    "figures/*.svg",
    "figures/*.pdf",
)


def clear(folder: Path | None, patterns: tuple[str, ...] = RUN_FILES) -> None:
    """Remove what an earlier run wrote into a folder, if there is one, and what killed ones had half written."""
    if folder is None:
        return
    remove_temporaries(folder)
    # The summary first: what says "complete" does not outlive what it speaks of.
    for pattern in patterns:
        for file in folder.glob(pattern):
            file.unlink(missing_ok=True)
    for own in ("vectors", "figures", "checkpoints"):
        with suppress(OSError):  # absent, or with files of the user's
            (folder / own).rmdir()


def remove_temporaries(folder: Path) -> None:
    """Remove the hidden files of killed writers; for a folder that no other process writes into."""
    for file in [*folder.glob(".*"), *folder.glob("*/.*")]:
        if is_temporary(file):
            file.unlink(missing_ok=True)


__all__ = ["CHECKPOINTS", "RUN_FILES", "SWEEP_FILES", "clear", "remove_temporaries"]
