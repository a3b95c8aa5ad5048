"""Arrays kept in memory up to a limit, and beyond it in a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError

Arrays = tuple[NDArray[Any], ...]


class Spool:
    """Holds tuples of arrays; a context manager.

    Parameters
    ----------
    folder : Path, optional
        Where the file lies, if one is needed: it has no name, so that a killed program leaves none. The system's folder for
        temporary files by default.
    limit : number
        Bytes kept in memory, counting those taken out again.
    once : bool, default True
        Whether arrays are forgotten when they are taken.

    Raises
    ------
    InputError
        If the file cannot be written, by `put`.
    """

    def __init__(self, folder: Path | None, limit: float, once: bool = True) -> None:
        self._folder, self._limit, self._once = folder, limit, once
        self._held = 0
        self._items: list[Arrays | int | None] = []  # arrays in memory, or their place in the file
        self._file: Any = None
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._items.clear()
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        """The number by which the next arrays will be taken."""
        return len(self._items)

    @property
    def spilled(self) -> int:
        """Bytes written to the file so far."""
        return self._end

    def put(self, *arrays: NDArray[Any]) -> int:
        """Keep one-dimensional `arrays`; returns the number by which to take them."""
        size = sum(array.nbytes for array in arrays)
        if self._held + size <= self._limit:
            self._held += size
            self._items.append(arrays)
        else:
            self._items.append(self._end)
            # What they are stands before them: it is not kept in memory, where they may be millions.
            kinds = np.array([[ord(array.dtype.char), len(array)] for array in arrays], np.int64).ravel()
            self._write((np.array([len(kinds)]), kinds, *arrays))
        return len(self._items) - 1

    def _write(self, arrays: Arrays) -> None:
        try:
            if self._file is None:
                if self._folder is not None:
                    self._folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            for array in arrays:
                self._file.write(array.tobytes())
                self._end += array.nbytes
            self._file.flush()  # `take` reads past the buffer
        except OSError as error:
            place = self._folder or tempfile.gettempdir()
            raise InputError("cache", place, f"cannot be written ({error}); give another folder, or more data.memory") from None

    def take(self, number: int) -> Arrays:
        """The arrays kept under `number`; several threads may take at once."""
        item = self._items[number]
        if self._once:
            self._items[number] = None
        assert item is not None, "taken before"
        if isinstance(item, tuple):
            return item
        ((n,), item) = self._read(item, np.dtype(np.int64), 1)
        kinds, item = self._read(item, np.dtype(np.int64), n)
        arrays = []
        for kind, length in kinds.reshape(-1, 2).tolist():
            array, item = self._read(item, np.dtype(chr(kind)), length)
            arrays.append(array)
        return tuple(arrays)

    def _read(self, place: int, kind: np.dtype[Any], length: int) -> tuple[NDArray[Any], int]:
        """An array of the file, and the place after it."""
        size = kind.itemsize * int(length)
        return np.frombuffer(os.pread(self._file.fileno(), size, place), kind), place + size
