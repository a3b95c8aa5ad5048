"""Files that are whole or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path to write in place of `path`; renamed into it when the block ends, removed if it raises.

    Parameters
    ----------
    path : str or Path
        Where the file shall be; its folder is made if absent. The temporary name ends in the same suffix, because
        NumPy, pandas and matplotlib choose a format by it.

    Yields
    ------
    Path
        An empty file in the same folder, hence on the same file system, so that the renaming is atomic.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix)
    os.close(handle)
    beside = Path(name)
    # mkstemp makes files that only their owner can read; results are ordinary files.
    umask = os.umask(0)
    os.umask(umask)
    beside.chmod(0o666 & ~umask)
    try:
        yield beside
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


__all__ = ["atomic_path"]
