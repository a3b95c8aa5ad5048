"""Files of others as plain bytes: unpacked by their ending, known by their first bytes where they are something else."""

from __future__ import annotations

import gzip
import io
import lzma
from collections.abc import Iterable, Iterator
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
    b"PAR1": "a parquet file, whose name ends in .parquet",
    b"\x93NUMPY": "a NumPy array, whose name ends in .npy",
    b"SQLite format 3": "an SQLite database; export a table",
    b"\x89HDF": "an HDF5 file; export plain text",
}
KINDS |= dict.fromkeys(
    [b"\x80" + bytes([protocol]) for protocol in range(2, 6)],
    "a Python pickle, which can run any code when it is read; save plain text",
)
"""How files begin that are no UTF-8 text, with what to do."""
CONTROLS = {*range(32)} - {*b"\t\n\v\f\r\x1b\x1c\x1d\x1e\x1f"}
"""Bytes that texts hardly have: controls but for white space and the beginning of colours."""
UTF8_MARK = b"\xef\xbb\xbf"
LARGE = 10**9
"""Bytes from which a file that unpacks to more than `RATIO` times its size is taken for a bomb."""
RATIO = 100


def compression(file: Path) -> str:
    """The ending that says how a file is packed; empty for a plain one."""
    suffix = file.suffix.lower()
    return suffix if suffix in COMPRESSIONS else ""


def recognised(start: bytes, text: bool = True) -> str:
    """What a file is that begins with these bytes and is of another kind, with the remedy; empty for what may be plain.

    Other than a file that may hold binary data, a `text` is not of UTF-16 without a mark at its beginning, nor full of controls.
    """
    for begin, kind in KINDS.items():
        if start.startswith(begin):
            return kind
    if start[257:262] == b"ustar":
        return "a tar archive; unpack it: tar -x"
    if not text or len(start) < 4:
        return ""
    # In UTF-16 one byte of two tells the script of its letter: 0 for Latin, 4 for Cyrillic, 9 for Devanagari.
    halves = start[:4096:2], start[1:4096:2]
    low = [_share(half, range(32)) if 0 in half else 0.0 for half in halves]
    if max(low) > 0.9 and min(low) < 0.1:
        return KINDS[b"\xff\xfe"]
    return "binary data and no text" if _share(start[:4096], CONTROLS) > 0.3 else ""


def _share(data: bytes, values: Iterable[int]) -> float:
    return sum(map(data.count, values)) / len(data)


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


class _Plain(io.RawIOBase):
    """The bytes of a file, held against what it cannot have: a size out of all proportion, and in text NUL."""

    def __init__(self, stream: IO[bytes], field: str, file: Path, text: bool) -> None:
        self._stream, self._field, self._file, self._text, self._size = stream, field, file, text, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        if self._size == 0 and (kind := recognised(content, self._text)):
            raise InputError(self._field, self._file, f"is {kind}")
        if self._text and (at := content.find(0)) >= 0:
            raise InputError(self._field, self._file, f"is no text: byte {self._size + at:,} is NUL")
        self._size += len(content)
        check_unpacked(self._field, self._file, self._size)
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def open_plain(file: Path, field: str = "path", text: bool = True) -> Iterator[io.BufferedReader]:
    """A file as bytes, unpacked.

    Raises
    ------
    InputError
        For a file of another kind, a text with NUL bytes, or what unpacks out of all proportion; it names `field`.
    """
    with file.open("rb") as raw, unpacked(raw, compression(file)) as stream:
        yield io.BufferedReader(_Plain(stream, field, file, text), 1 << 20)


def read_plain(file: Path, field: str = "path", kind: str = "text") -> bytes:
    """The whole content of a file, unpacked and without a byte order mark; refused as by `open_plain`, or where it is damaged."""
    with reading(field, file, kind), open_plain(file, field, kind == "text") as stream:
        return stream.read().removeprefix(UTF8_MARK)


__all__ = [
    "COMPRESSIONS",
    "UTF8_MARK",
    "check_unpacked",
    "compression",
    "open_plain",
    "read_plain",
    "reading",
    "recognised",
    "unpacked",
]
