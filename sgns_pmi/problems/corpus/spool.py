"""Arrays kept in memory up to a limit, and beyond it in a file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError

Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class _Spilled:
    offset: int
    layout: tuple[tuple[np.dtype[Any], int], ...]


class Spool:
    """Holds tuples of arrays; a context manager.

    Parameters
    ----------
    folder : Path, optional
        Where the file lies, if one is needed: it has no name, so that a killed program leaves none. The system's folder for
        temporary files by default.
    limit : int
        Bytes kept in memory, counting those taken out again.
    once : bool, default True
        Whether arrays are forgotten when they are taken.

    Raises
    ------
    InputError
        If the file cannot be written, by `put`.
    """

    def __init__(self, folder: Path | None, limit: int, once: bool = True) -> None:
        self._folder, self._limit, self._once = folder, limit, once
        self._held = 0
        self._items: list[Arrays | _Spilled | None] = []
        self._file: Any = None
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._items.clear()
        if self._file is not None:
            self._file.close()

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
            self._items.append(_Spilled(self._end, tuple((array.dtype, len(array)) for array in arrays)))
            self._write(arrays)
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

    def length(self, number: int, which: int) -> int:
        """Length of one of the arrays kept under `number`, not taken yet."""
        item = self._items[number]
        assert item is not None, "taken before"
        return item.layout[which][1] if isinstance(item, _Spilled) else len(item[which])

    def take(self, number: int) -> Arrays:
        """The arrays kept under `number`; several threads may take at once."""
        item = self._items[number]
        if self._once:
            self._items[number] = None
        assert item is not None, "taken before"
        if not isinstance(item, _Spilled):
            return item
        content = memoryview(os.pread(self._file.fileno(), sum(d.itemsize * n for d, n in item.layout), item.offset))
        arrays, at = [], 0
        for dtype, length in item.layout:
            arrays.append(np.frombuffer(content, dtype, length, at))
            at += length * dtype.itemsize
        return tuple(arrays)
