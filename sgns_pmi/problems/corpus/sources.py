"""Where text comes from: files, plain or compressed, folders and standard input, read as blocks of whole words."""

from __future__ import annotations

import hashlib
import io
import logging
import os.path
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from itertools import chain
from pathlib import Path
from typing import IO, Any, TypeGuard

from sgns_pmi.errors import InputError
from sgns_pmi.unpack import UTF8_MARK, compression, reading, recognised, unpacked

log = logging.getLogger("sgns_pmi")
STANDARD_INPUT = "-"
Sentences = Sequence[Sequence[str]]
WHITE_SPACE = (b"\n", b" ", b"\t", b"\r", b"\v", b"\f")
"""Where a block may end; a line end if there is one."""
LONE_RETURN = re.compile(rb"\r(?!\n)")
ANY_SPACE = re.compile(b"[" + b"".join(WHITE_SPACE) + b"]")
LONG_LINE = 1 << 18
"""Bytes of a line beyond which it may be cut between two words."""
LONGEST_WORD = 1 << 20
"""Bytes without white space, beyond which a file is not taken for a text."""


@dataclass(frozen=True)
class Source:
    """One text.

    Parameters
    ----------
    name : str
        For messages: the file, or "standard input".
    size : int
        Bytes to read, as they are stored; 0 where that is not known.
    open : callable
        Returns a binary stream; called anew for each reading.
    compression : str
        One of `unpack.COMPRESSIONS`, or empty.
    repeatable : bool
        Whether the text can be read twice; standard input cannot.
    """

    name: str
    size: int
    open: Callable[[], BufferedIOBase]
    compression: str = ""
    repeatable: bool = True

    def digest(self) -> str:
        """SHA-256 of the stored bytes, with the way they are to be unpacked."""
        with self.open() as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() + self.compression


@dataclass(frozen=True)
class Block:
    """Some whole words of a text.

    Parameters
    ----------
    source : Source
    offset : int
        Bytes of the (unpacked) text before this block.
    text : bytes
    stored : int
        Bytes of the stored file that have been read since the block before.
    """

    source: Source
    offset: int
    text: bytes
    stored: int


@dataclass(frozen=True)
class Piece:
    """Some of a text: the bytes ``start ... stop - 1`` of a plain one, by default all; a packed one is read whole.

    Parameters
    ----------
    source : Source
    start, stop : int
        Places where `cut` cuts; None is the end.
    """

    source: Source
    start: int = 0
    stop: int | None = None


def find_sources(path: str | Path | Sequence[str | Path] | Sentences) -> list[Source]:
    """The texts that `path` names: a file, a folder (all files in it, sorted by name), ``-``, or a list of these; or sentences.

    Hidden files and folders are left out.

    Raises
    ------
    InputError
        For a file that is not there and a folder without files; ``field`` is ``path``.
    """
    paths: list[Any] = [path] if isinstance(path, str | Path) or not isinstance(path, Sequence) else list(path)
    if not paths:
        raise InputError("path", "[]", "give a text file, a folder, or - for standard input: data.path=FILE")
    if are_sentences(paths):
        return [from_memory(paths)]
    for each in paths:
        if not isinstance(each, str | Path) or each == "" or "\0" in str(each):
            raise InputError("path", each, "is no name of a file; one that looks like a number must be quoted: data.path='\"5\"'")
    return [source for each in paths for source in _sources(each)]


def are_sentences(text: object) -> TypeGuard[Sentences]:
    """Whether this is a text in memory: sentences as lists of words."""
    return isinstance(text, Sequence) and len(text) > 0 and isinstance(text[0], list | tuple)


def from_memory(sentences: Sentences) -> Source:
    """The text that these sentences are, a line each.

    Raises
    ------
    InputError
        For something other than lists of words, and words with white space in them.
    """
    if not all(isinstance(sentence, list | tuple) for sentence in sentences):
        raise InputError("sentences", sentences, "must be lists of words, all of them")
    for word in chain.from_iterable(sentences):
        if not isinstance(word, str) or len(word.split()) != 1:
            raise InputError("sentences", word, "must be a word without white space; a sentence is a list of words")
    try:
        text = "\n".join(map(" ".join, sentences)).encode()
    except UnicodeEncodeError as error:
        raise InputError("sentences", error.object[error.start], "is half a character, which UTF-8 does not hold") from None
    return Source("sentences", len(text), lambda: io.BytesIO(text))


def _sources(path: str | Path) -> list[Source]:
    if str(path) == STANDARD_INPUT:
        return [Source("standard input", 0, lambda: open(sys.stdin.fileno(), "rb", closefd=False), repeatable=False)]
    place = Path(path)
    if os.path.isdir(place):
        files = sorted(file for file in place.rglob("*") if os.path.isfile(file) and not _is_hidden(file.relative_to(place)))
        if not files:
            raise InputError("path", path, "the folder holds no files")
        return [_file(file) for file in files]
    if not os.path.exists(place):
        raise InputError("path", path, "there is no such file; paths are relative to the current folder")
    return [_file(place)]


def _is_hidden(file: Path) -> bool:
    """Whether a file, or a folder it lies in, is hidden: .git, .ipynb_checkpoints."""
    return any(part.startswith(".") for part in file.parts)


def _file(file: Path) -> Source:
    # A named pipe can be read, but once only.
    return Source(str(file), file.stat().st_size, lambda: file.open("rb"), compression(file), repeatable=file.is_file())


def cut(source: Source, at: int) -> int:
    """The first place from byte `at` on where a plain text may be cut: after a line end, or in a longer line white space."""
    if at <= 0 or at >= source.size:
        return min(max(at, 0), source.size)
    with _readable(source) as (_, stream):
        stream.seek(at - 1)
        text = stream.read(LONG_LINE)
        if (line := text.find(b"\n")) >= 0:
            return at + line
        while text:
            if found := ANY_SPACE.search(text):
                place = at + found.start()
                stream.seek(place - 1)
                return place + (stream.read(2) == b"\r\n")  # one line end, and not two
            at += len(text)
            text = stream.read(LONG_LINE)
    return source.size


def read_blocks(source: Source, size: int, start: int = 0, stop: int | None = None) -> Iterator[Block]:
    """The text, or a `Piece` of it, in blocks of about `size` bytes that end in white space; without its byte order mark.

    Raises
    ------
    InputError
        For a file that cannot be opened or unpacked, one that begins as no UTF-8 text does, and one without white space in
        `LONGEST_WORD` bytes.
    """
    offset = told = start
    rest = b""
    if not source.repeatable:
        log.info("text: waiting for %s", source.name)
    with _readable(source) as (raw, stream):
        if start:
            stream.seek(start)
        while new := stream.read(size if stop is None else min(size, stop - offset - len(rest))):
            text = rest + new
            if offset == 0 and not rest and (kind := recognised(new)):
                raise InputError("path", source.name, f"is {kind}")
            end = _end_of_words(text)
            if end == 0 and len(text) > size + LONGEST_WORD:
                raise InputError("path", source.name, f"no white space in {len(text):,} bytes from {offset:,}: is it a text?")
            position = raw.tell() if source.size else offset + end
            yield _block(source, offset, text[:end], position - told)
            offset, told, rest = offset + end, position, text[end:]
    yield _block(source, offset, rest, (stop or source.size or offset + len(rest)) - told)


def _block(source: Source, offset: int, text: bytes, stored: int) -> Block:
    skip = len(UTF8_MARK) if offset == 0 and text.startswith(UTF8_MARK) else 0
    lines = LONE_RETURN.sub(b"\n", text) if b"\r" in text else text  # old Macs end lines so
    return Block(source, offset + skip, lines[skip:], stored)


def _end_of_words(text: bytes) -> int:
    line = text.rfind(b"\n")
    # A return that is the last byte may belong to a line end of two bytes, and is not cut off from it.
    return 1 + (line if line >= 0 else max(text.rfind(space, 0, -1) for space in WHITE_SPACE))


@contextmanager
def _readable(source: Source) -> Iterator[tuple[BufferedIOBase, IO[bytes]]]:
    """The stored and the unpacked stream; what goes wrong with them is said in one line."""
    with reading("path", source.name, "text"), source.open() as raw, unpacked(raw, source.compression) as stream:
        yield raw, stream
