"""Files that are whole or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

from sgns_pmi.errors import InputError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path to write in place of `path`; renamed into it when the block ends, removed if it raises.

    Parameters
    ----------
    path : str or Path
        Where the file shall be; its folder is made if absent.

    Yields
    ------
    Path
        A new hidden name in the same folder, hence on the same file system, so that the renaming is atomic. It ends
        in the suffix of `path`, because NumPy, pandas and matplotlib choose a format by it.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.stem}-{uuid4().hex}{target.suffix}")
    try:
        yield beside
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def check_folder(field: str, folder: Path) -> None:
    """Make a folder; an `InputError` that names `field` where it cannot be made, or nothing can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(field, folder, f"cannot be written: {error.strerror}; give another") from None


def is_temporary(path: Path) -> bool:
    """Whether `atomic_path` gave this name: then a killed process has left the file half written."""
    return re.fullmatch(r"\..*-[0-9a-f]{32}(\.[^.]*)?", path.name) is not None and path.is_file()


__all__ = ["atomic_path", "check_folder", "is_temporary"]
