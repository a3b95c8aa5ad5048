"""What takes long to make and little room to keep, on disk between processes: ``python -m sgns_pmi.cache show|prune``.

An entry is an .npz file of plain arrays, found by a hash of all that it was made of. Counts of texts are kept so, and what is
known of truths: their scaling to given marginals, floors and bounds. Problems that are drawn, and singular values, are not: they
are made faster than read; nor are fits, whose seconds are results.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import platformdirs
from numpy.typing import NDArray

from sgns_pmi.arrays import read_npz
from sgns_pmi.errors import InputError, check_choice
from sgns_pmi.files import atomic_path
from sgns_pmi.memory import parse_size
from sgns_pmi.output import arguments_or_usage, lasting_output
from sgns_pmi.unpack import reading
from sgns_pmi.version import code_version

try:
    import fcntl
except ImportError:  # Windows has no such module: two processes may make the same
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger("sgns_pmi")

Arrays = Mapping[str, Any]
"""Arrays of numbers by name."""
Made = TypeVar("Made")

VARIABLE = "SGNS_PMI_CACHE"
LIMIT = 10 * 10**9
"""Bytes that the entries of a folder may have together."""
WORTH = 0.05
"""Seconds that making a thing takes, from which it is kept."""
LOCK_FILE = ".lock"
USAGE = """\
Shows what is kept between runs, or removes it; it is made again where it is wanted.

  python -m sgns_pmi.cache show           how much of what is kept, and when it was last used
  python -m sgns_pmi.cache prune [SIZE]   remove all; or, down to a size as 500MB or 2GB, what was not used for longest

It lies in the user's cache folder, or in SGNS_PMI_CACHE=FOLDER.
"""


def default_folder() -> Path:
    """Where things are kept, a folder for each kind."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_cache_path("sgns-pmi")


def hash_of(*parts: str | float | NDArray[Any] | None) -> str:
    """A name for what this code has made of these."""
    found = hashlib.sha256(code_version().encode())
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(f"{part.dtype.str} {part.shape}\0".encode() + part.tobytes())
        else:
            found.update(f"{part!r}\0".encode())
    return found.hexdigest()[:32]


def of_truths() -> Cache:
    """What is known of truths."""
    return Cache(default_folder() / "truths")


@dataclass(frozen=True)
class Cache:
    """A folder of entries.

    Parameters
    ----------
    folder : Path or None
        With None nothing is kept.
    limit : int, default 10 GB
        Bytes; beyond, what was not used for longest is removed.
    """

    folder: Path | None
    limit: int = LIMIT

    def once(
        self,
        name: str,
        make: Callable[[], Made],
        pack: Callable[[Made], Arrays],
        unpack: Callable[[Arrays], Made],
        always: bool = False,
    ) -> Made:
        """What is kept under a name, or what `make` returns, which is kept if that took long enough to be worth it.

        Where another process makes it, that one is waited for. What is damaged is made again, and what cannot be written is
        not kept.

        Parameters
        ----------
        name : str
            As `hash_of` gives it, of everything that the result depends on.
        make, pack, unpack : callable
            `unpack` may raise anything at arrays that are not what `pack` gives.
        always : bool, default False
            Keep it however soon it was made.
        """
        if self.folder is None:
            return make()
        file = self.folder / f"{name}.npz"
        if (found := _read(file, unpack)) is not None:
            return found
        with _alone(self.folder, name):
            if (found := _read(file, unpack)) is not None:  # made while this process waited
                return found
            start = time.perf_counter()
            made = make()
            if always or time.perf_counter() - start >= WORTH:
                try:
                    with atomic_path(file) as beside:
                        np.savez(beside, **pack(made))
                    prune(list(self.folder.glob("*.npz")), self.limit)
                except OSError as error:
                    log.warning("%s cannot be written (%s); it is not kept", file, error.strerror)
            return made


def _read(file: Path, unpack: Callable[[Arrays], Made]) -> Made | None:
    if not os.path.isfile(file):
        return None
    try:
        with reading("cache", file, "what is kept"):
            found = unpack(read_npz(file, "cache"))
    except InputError as error:
        log.warning("%s is damaged (%s); it is made again", file, error.remedy)
        return None
    with suppress(OSError):
        os.utime(file)  # when it was last used
    return found


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """Inside the block no other process makes the entry: each locks a byte of one file, the system lets go when it ends."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        stream = (folder / LOCK_FILE).open("ab")
    except OSError:  # nothing can be written there
        yield
        return
    with stream:
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.lockf(stream, fcntl.LOCK_EX, 1, int(name[:8], 16))
        yield


def prune(files: Sequence[Path], limit: int) -> int:
    """Remove entries until their bytes are `limit` at most, what was not used for longest first; how many were removed."""
    facts = []
    for file in files:
        with suppress(OSError):  # another process has removed it
            known = file.stat()
            facts.append((known.st_mtime, known.st_size, file))
    excess, removed = sum(size for _, size, _ in facts) - limit, 0
    for _, size, file in sorted(facts):
        if excess <= 0:
            break
        file.unlink(missing_ok=True)
        excess, removed = excess - size, removed + 1
    return removed


def entries(folder: Path) -> dict[str, list[Path]]:
    """The files of each kind."""
    kinds = sorted(place for place in folder.glob("*") if place.is_dir()) if folder.is_dir() else []
    return {kind.name: files for kind in kinds if (files := sorted(kind.glob("*.npz")))}


def show(folder: Path) -> None:
    """Print how many entries of each kind there are, how large they are, and when one was last used."""
    for kind, files in entries(folder).items():
        facts = [file.stat() for file in files]
        used = datetime.fromtimestamp(max(fact.st_mtime for fact in facts))
        size = sum(fact.st_size for fact in facts) / 1e6
        print(f"{kind}: {len(files):,} files, {size:,.1f} MB, last used {used:%Y-%m-%d %H:%M}")
    print(folder)


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2."""
    given = arguments_or_usage(arguments, USAGE)
    try:
        command = check_choice("command", given[0], ("show", "prune"))
        if len(given) > (1 if command == "show" else 2):
            raise InputError("command line", " ".join(given), "give show, prune, or prune SIZE, as prune 2GB")
        if command == "prune":
            limit = parse_size("size", given[1]) if len(given) > 1 else 0
            files = [file for own in entries(default_folder()).values() for file in own]
            print(f"{prune(files, limit):,} of {len(files):,} files removed")
        show(default_folder())
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()


__all__ = ["Cache", "default_folder", "hash_of", "of_truths", "prune"]
