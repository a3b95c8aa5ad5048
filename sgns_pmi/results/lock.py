"""A folder belongs to one process at a time."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO, Self

from sgns_pmi.errors import InputError
from sgns_pmi.files import check_folder

try:
    import fcntl
except ImportError:  # Windows has no such module, and its folders no lock
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = ".lock"


class FolderLock:
    """Holds a folder while the block runs; a context manager. The system lets go of it when the process ends, however it ends.

    Parameters
    ----------
    folder : Path
        Made if absent.
    field : str
        What the folder is to the user, for the refusal.
    patience : float, default 0
        Seconds to wait for another process to end.

    Raises
    ------
    InputError
        On entry, if another process holds the folder, or it cannot be written.
    """

    def __init__(self, folder: Path, field: str, patience: float = 0.0) -> None:
        self.folder, self._field, self._patience = folder, field, patience
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        check_folder(self._field, self.folder)
        last = time.monotonic() + self._patience
        while not self._taken():
            if time.monotonic() >= last:
                owner = "another run"
                with suppress(OSError):
                    owner = (self.folder / LOCK_FILE).read_text(encoding="utf-8") or owner
                raise InputError(self._field, self.folder, f"is in use by {owner}; wait until that ends, or give another folder")
            time.sleep(0.05)
        return self

    def __exit__(self, *error: object) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                (self.folder / LOCK_FILE).unlink()
            os.close(self._descriptor)
            self._descriptor = None

    def _taken(self) -> bool:
        self.folder.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            return True
        file = self.folder / LOCK_FILE
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last owner may have removed, just now, the file that was opened.
            if os.fstat(descriptor).st_ino != file.stat().st_ino:
                raise BlockingIOError
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {platform.node()}".encode())
        except (BlockingIOError, FileNotFoundError):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True


def claim(descriptor: int) -> bool:
    """Whether the open file is this process's own until it closes it or ends, however it ends; False where another has it."""
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@contextmanager
def alone_with(stream: IO[str]) -> Iterator[None]:
    """Inside the block no other process is in such a block with the same open file."""
    if fcntl is None:
        yield
        return
    fcntl.flock(stream, fcntl.LOCK_EX)
    try:
        yield
    finally:
        stream.flush()
        fcntl.flock(stream, fcntl.LOCK_UN)


def new_folder(wanted: Path) -> Path:
    """Make a folder that did not exist: `wanted`, or `wanted` with the first suffix -2, -3, ... that is free."""
    wanted.parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        place = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        with suppress(FileExistsError):
            place.mkdir()
            return place
    raise AssertionError("count does not end")


__all__ = ["FolderLock", "alone_with", "claim", "new_folder"]
