"""The cells that a run's figures show, in a file: figures can be drawn again, and gathered, without the problem."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sgns_pmi.arrays import read_npz
from sgns_pmi.compare.shown import ShownCells
from sgns_pmi.files import atomic_path
from sgns_pmi.unpack import reading

SHOWN_FILE = "shown.npz"
KINDS = ("corrected", "raw")


def write_shown(shown: ShownCells, path: Path) -> None:
    """Write plain arrays: at, target, counts, target_name, note, places of single cells, and KIND/METHOD of each estimate."""
    arrays = {name: getattr(shown, name) for name in ("at", "target", "counts")}
    arrays |= {name: np.array(getattr(shown, name), dtype=np.str_) for name in ("target_name", "note")}
    arrays |= {f"{kind}/{method}": own for kind in KINDS for method, own in getattr(shown, kind).items()}
    if shown.places is not None:
        arrays["places"] = shown.places
    with atomic_path(path) as beside:
        np.savez(beside, allow_pickle=False, **arrays)


def read_shown(path: Path) -> ShownCells:
    """What `write_shown` wrote."""
    arrays = read_npz(path, "file")
    with reading("file", path, "the cells of a run"):
        corrected, raw = (
            {name.removeprefix(f"{kind}/"): arrays[name] for name in arrays if name.startswith(f"{kind}/")} for kind in KINDS
        )
        target_name, note = str(arrays["target_name"]), str(arrays["note"])
        places = arrays.get("places")
        return ShownCells(arrays["at"], target_name, arrays["target"], arrays["counts"], note, corrected, raw, places)


__all__ = ["SHOWN_FILE", "read_shown", "write_shown"]
