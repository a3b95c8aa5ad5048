"""Questions to the vectors of a finished run: ``python -m sgns_pmi.query RUN king - man + woman``."""

from __future__ import annotations

import io
import os.path
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sgns_pmi.compare.words.files import read_vectors
from sgns_pmi.compare.words.neighbours import arithmetic, neighbours
from sgns_pmi.compare.words.vectors import WordVectors
from sgns_pmi.config import check_no_key, keys_among, keys_given
from sgns_pmi.errors import InputError, check_choice, check_integer, shown
from sgns_pmi.lazily import pd
from sgns_pmi.output import arguments_or_usage, lasting_output
from sgns_pmi.results.run import Run

USAGE = """\
Asks the word vectors of a finished run.

  python -m sgns_pmi.query RUN king                   the nearest neighbours of a word, or of each of several
  python -m sgns_pmi.query RUN king - man + woman     the words nearest to a sum and difference
  python -m sgns_pmi.query RUN                        a prompt, for one question after the other; "New York" is one word

Standard errors of such cosines: python -m sgns_pmi.inference RUN king of=cosines.

RUN is the folder of a run, or a file of vectors: .npz, or word2vec's text or binary format.

Keys (key=value):
  method=NAME      one method of the run; all of them, side by side, if not given
  vectors=V        V (centre vectors), U (context vectors), V+U or mean
  normalize=row    row (cosine), column, both or none
  rule=3CosAdd     how sums are scored: 3CosAdd or 3CosMul
  count=10         answers to a question
  errors=strict    replace reads words of a file that are not UTF-8, with U+FFFD for what is not
  restrict=N       only the N most frequent words can be answers
"""
TOKEN = re.compile(r'"([^"]+)"|(\S+)')
"""A word at the prompt; in quotes one with spaces."""
NUMBERS = {"count", "restrict"}


@dataclass(frozen=True)
class Choices:
    """The keys of the command."""

    method: str | None = None
    vectors: str = "V"
    normalize: str = "row"
    rule: str = "3CosAdd"
    count: int = 10
    restrict: int | None = None
    errors: str = "strict"

    @classmethod
    def from_arguments(cls, given: Sequence[str]) -> Choices:
        """Choices from ``key=value`` arguments; an `InputError` for an unknown key or a number that is none."""
        chosen: dict[str, Any] = dict(keys_given(given, cls))
        for key in chosen.keys() & NUMBERS:
            chosen[key] = check_integer(key, int(chosen[key]) if chosen[key].isdecimal() else chosen[key])
        return cls(**chosen)


def open_vectors(run: str | Path, choices: Choices) -> dict[str, WordVectors]:
    """The word vectors of a run's methods, by method, or of one file, by its name.

    Raises
    ------
    InputError
        For a path that is neither a run nor a readable file, a method that the run does not have, or a choice of vectors
        that none of the methods has.
    """
    place = Path(run)
    files = {place.stem: place}
    if os.path.isdir(place):
        files = Run.open(place).vector_files
        if choices.method is not None:
            files = {choices.method: files[check_choice("method", choices.method, files)]}
    opened, refused = {}, None
    for name, file in files.items():
        try:
            opened[name] = read_vectors(file, choices.vectors, choices.normalize, choices.errors)
        except InputError as error:
            if error.field != "vectors":
                raise
            refused = error  # this method has no context vectors; others may
    if not opened and refused is not None:
        raise refused
    return opened


def ask(vectors: Mapping[str, WordVectors], question: Sequence[str], choices: Choices) -> Iterator[tuple[str, pd.DataFrame]]:
    """Answer a question: words each on its own, or joined by + and −. A method that does not know a word is left out.

    Yields
    ------
    str
        What was asked.
    DataFrame
        One row a rank and one column a method: the answer and its similarity.

    Raises
    ------
    InputError
        For a word that no method knows, with the closest known ones, or words of which only some are joined.
    """
    plus, minus, joined = _terms(question)
    for asked in [plus] if joined else [[word] for word in plus]:
        columns = {}
        needed = [*asked, *minus] if joined else asked
        # Where nobody knows all words, the first method says so.
        knowing = [method for method, own in vectors.items() if all(word in own for word in needed)] or [*vectors][:1]
        for method in knowing:
            own = vectors[method]
            if joined:
                frame = arithmetic(own, asked, minus, choices.count, choices.rule, choices.restrict)
            else:
                frame = neighbours(own, asked, choices.count, choices.restrict)
            columns[method] = pd.Series(
                [
                    f"{shown(word)} {similarity:.3f}"
                    for word, similarity in zip(frame["neighbour"], frame["similarity"], strict=True)
                ],
                index=frame["rank"],
                dtype=str,
            )
        yield " ".join(question) if joined else asked[0], pd.DataFrame(columns)


def _terms(question: Sequence[str]) -> tuple[list[str], list[str], bool]:
    """Words added, words subtracted, and whether there was an operator."""
    terms: dict[str, list[str]] = {"+": [], "-": []}
    joined = any(token in terms for token in question)
    sign: str | None = "+"
    for token in question:
        if token in terms:
            sign = token
        elif sign is None:
            raise InputError("question", " ".join(question), f"needs + or - before {token}")
        else:
            terms[sign].append(token)
            sign = None if joined else "+"
    if question and question[-1] in terms:
        raise InputError("question", " ".join(question), f"needs a word after {question[-1]}")
    return terms["+"], terms["-"], joined


def show(vectors: Mapping[str, WordVectors], question: Sequence[str], choices: Choices) -> None:
    """Print the answers to a question."""
    for asked, table in ask(vectors, question, choices):
        print(shown(asked))
        # NaN stands for the answers that a method does not have.
        print("no other word has a vector" if table.empty else table.to_string(na_rep="", index_names=False))


def prompt(vectors: Mapping[str, WordVectors], choices: Choices) -> None:
    """Ask for questions until an empty line, the end of the input or Ctrl-C; a question that is refused does not end it."""
    with suppress(ImportError):
        import readline  # noqa: F401, lines can be edited and recalled
    print("A word, or words joined by + and -; an empty line ends.")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="backslashreplace")  # what is no UTF-8 is no word either
    with suppress(EOFError, KeyboardInterrupt):
        while question := ["".join(token) for token in TOKEN.findall(input("> "))]:
            try:
                show(vectors, question, choices)
            except InputError as error:
                print(error)
        return
    print()


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2."""
    given = arguments_or_usage(arguments, USAGE)
    run, *rest = given
    keys, question = keys_among(rest, Choices)
    try:
        choices = Choices.from_arguments(keys)
        vectors = open_vectors(run, choices)
        for token in question:
            if not any(token in own for own in vectors.values()):
                check_no_key(token, Choices)
        if question:
            show(vectors, question, choices)
        else:
            prompt(vectors, choices)
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
