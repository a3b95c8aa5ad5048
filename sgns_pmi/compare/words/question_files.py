"""Files of questions: lines of words, in sets that people compare by name."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sgns_pmi.errors import InputError
from sgns_pmi.problems.tables import existing
from sgns_pmi.unpack import read_plain

SUFFIXES = (".txt", ".tsv")


def question_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that says something: no blank lines, no comments; any line ending.

    Comments are lines of # alone, or of # and a blank; whether another line that begins with # is a question its reader decides.

    Raises
    ------
    InputError
        For a file that is missing, is not UTF-8 (names the line) or says nothing.
    """
    content = read_plain(existing("path", path))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError("path", path, f"line {line} is not UTF-8; convert the file to UTF-8") from None
    empty = True
    for number, written in enumerate(lines_of(text), start=1):
        if (said := written.strip()) and not re.match(r"#(\s|$)", said):
            empty = False
            yield number, said
    if empty:
        raise InputError("path", path, "the file has no questions")


def lines_of(text: str) -> list[str]:
    """The lines of a text, whatever ends them; not as `splitlines`, for which characters inside words do, as Latin-1's 0x85."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def question_files(field: str, paths: Sequence[str | Path], suffixes: Sequence[str] = SUFFIXES) -> dict[str, Path]:
    """The files meant by a list of files and folders (their files of these endings), by the name of the set: the file's stem.

    Raises
    ------
    InputError
        For a path that does not exist, a folder without such files, or two files of one name.
    """
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        files = [path]
        if os.path.isdir(path):
            files = sorted(file for file in path.iterdir() if file.suffix.lower() in suffixes and not file.name.startswith("."))
            if not files:
                raise InputError(field, path, f"the folder has no {' or '.join(suffixes)} file")
        elif not os.path.isfile(path):
            raise InputError(field, path, "there is no such file or folder; paths are relative to the current folder")
        for file in files:
            if file.stem in found:
                raise InputError(field, file, f"has the name of another set, {found[file.stem]}; rename one of them")
            found[file.stem] = file
    return found


__all__ = ["lines_of", "question_files", "question_lines"]
