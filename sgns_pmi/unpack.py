"""Files of others as plain bytes: unpacked by their ending, known by their first bytes where they are something else."""

from __future__ import annotations

import gzip
import io
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from sgns_pmi.errors import InputError, missing_extra

COMPRESSIONS = (".gz", ".xz", ".zst")
OPENERS: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
KINDS = {
    b"\xff\xfe\x00\x00": "UTF-32 text; convert it to UTF-8: iconv -f UTF-32 -t UTF-8",
    b"\x00\x00\xfe\xff": "UTF-32 text; convert it to UTF-8: iconv -f UTF-32 -t UTF-8",
    b"\xff\xfe": "UTF-16 text; convert it to UTF-8: iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "UTF-16 text; convert it to UTF-8: iconv -f UTF-16 -t UTF-8",
    b"\x1f\x8b": "gzip data; name it .gz",
    b"\xfd7zXZ\x00": "xz data; name it .xz",
    b"BZh": "bzip2 data; unpack it: bunzip2",
    b"\x28\xb5\x2f\xfd": "zstd data; name it .zst",
    b"PK\x03\x04": "a zip archive (also .docx, .xlsx, .npz); unpack it: unzip; or save it as plain text",
    b"PK\x05\x06": "an empty zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it",
    b"Rar!": "a rar archive; unpack it",
    b"%PDF-": "a PDF; save it as plain text",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"PAR1": "a parquet file; name it .parquet",
    b"\x93NUMPY": "a NumPy array; name it .npy",
    b"\x80\x04\x95": "a Python pickle, which can run any code when it is read; save plain text",
    b"SQLite format 3": "an SQLite database; export a table",
    b"\x89HDF": "an HDF5 file; export plain text",
}
"""How files begin that are no UTF-8 text, with what to do."""
LARGE = 10**9
"""Bytes from which a file that unpacks to more than `RATIO` times its size is taken for a bomb."""
RATIO = 100


def compression(file: Path) -> str:
    """The ending that says how a file is packed; empty for a plain one."""
    suffix = file.suffix.lower()
    return suffix if suffix in COMPRESSIONS else ""


def recognised(start: bytes) -> str:
    """What a file is that begins with these bytes and is no UTF-8 text, with the remedy; empty for what may be text."""
    for begin, kind in KINDS.items():
        if start.startswith(begin):
            return kind
    if start[257:262] == b"ustar":
        return "a tar archive; unpack it: tar -x"
    sample = start[:4096]
    fewer, more = sorted((sample[::2].count(0), sample[1::2].count(0)))
    if len(sample) < 4 or more <= 0.3 * len(sample):
        return ""
    # Most letters of European texts have a zero for their second byte.
    return KINDS[b"\xff\xfe"] if fewer < 0.1 * more else "binary data and no text"


@contextmanager
def reading(field: str, path: object, kind: str) -> Iterator[None]:
    """Say in one line whatever a parser raises at a file that it cannot read: an `InputError` that names `field`."""
    try:
        yield
    except InputError:
        raise
    # What damaged files make the parsers of others raise has no end: struct.error, TokenError, ArrowException, ...
    except Exception as error:
        raise InputError(field, path, f"cannot be read as {kind}: {error or type(error).__name__}") from None


@contextmanager
def unpacked(raw: Any, packed: str) -> Iterator[IO[bytes]]:
    """The stream of bytes that `raw`, packed as `compression` says, holds.

    Raises
    ------
    InputError
        For .zst where its package is not installed (extra ``zstd``).
    """
    if packed == ".zst":
        try:
            from backports import zstd
        except ImportError:
            raise missing_extra("backports.zstd", "zstd", "to read .zst files") from None
        with zstd.open(raw) as stream:
            yield cast(IO[bytes], stream)
    elif packed:
        with OPENERS[packed](raw) as stream:
            yield stream
    else:
        yield raw


def check_unpacked(field: str, file: Path, size: int) -> None:
    """Raise `InputError` for a file that unpacks to `size` bytes, out of all proportion to its own size."""
    stored = file.stat().st_size
    if size > LARGE and size > RATIO * stored:
        remedy = f"unpacks to {size / 1e9:,.1f} GB or more from {stored / 1e6:,.1f} MB, which no counts do"
        raise InputError(field, file, remedy)


class _Table(io.RawIOBase):
    """The bytes of a text file, held against what a text cannot have: NUL, and a size out of all proportion."""

    def __init__(self, stream: IO[bytes], field: str, file: Path) -> None:
        self._stream, self._field, self._file, self._size = stream, field, file, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        if self._size == 0 and (kind := recognised(content)):
            raise InputError(self._field, self._file, f"is {kind}")
        if (at := content.find(0)) >= 0:
            raise InputError(self._field, self._file, f"is no text: byte {self._size + at:,} is NUL")
        self._size += len(content)
        check_unpacked(self._field, self._file, self._size)
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def open_text(file: Path, field: str = "path") -> Iterator[io.BufferedReader]:
    """A text file as bytes, unpacked.

    Raises
    ------
    InputError
        For a file of another kind, with NUL bytes, or that unpacks out of all proportion; it names `field`.
    """
    with file.open("rb") as raw, unpacked(raw, compression(file)) as stream:
        yield io.BufferedReader(_Table(stream, field, file), 1 << 20)


__all__ = ["COMPRESSIONS", "check_unpacked", "compression", "open_text", "reading", "recognised", "unpacked"]
