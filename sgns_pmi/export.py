"""Vectors of a finished run for other programs: ``python -m sgns_pmi.export RUN format=projector``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sgns_pmi.compare.words.exports import EXPORTS, Sides
from sgns_pmi.config import keys_given
from sgns_pmi.errors import InputError, check_choice
from sgns_pmi.lazily import sp
from sgns_pmi.output import arguments_or_usage, lasting_output
from sgns_pmi.results.run import Run

USAGE = """\
Writes the vectors of a finished run as other programs read them, into RUN/exports.

  python -m sgns_pmi.export RUN format=projector          one format, of every method
  python -m sgns_pmi.export RUN format=csv,word2vec method=sgns_expected

Keys (key=value):
  format=NAME,...  projector     METHOD.tsv and METHOD_words.tsv, for projector.tensorflow.org and TensorBoard
                   word2vec      METHOD.txt, for gensim's KeyedVectors and many others
                   binary        METHOD.bin, the same in float32
                   safetensors   METHOD.safetensors: V, U and their words (pip install 'sgns-pmi[safetensors]')
                   atlas         METHOD.parquet, words with coordinates and neighbours, for Embedding Atlas:
                                 embedding-atlas METHOD.parquet --text word --x x --y y --neighbors neighbors
                   csv           METHOD_V.csv and METHOD_U.csv; in R: as.matrix(read.csv(FILE, row.names = 1))
  method=NAME      one method of the run; all whose vectors are dense, if not given

Words stand in descending frequency, numbers as they were learned: not normalised.
"""
FOLDER = "exports"


@dataclass(frozen=True)
class Choices:
    """The keys of the command."""

    format: str
    method: str | None = None

    @classmethod
    def from_arguments(cls, given: Sequence[str]) -> Choices:
        """Choices from ``key=value`` arguments; an `InputError` for an unknown key, or without a format."""
        chosen = keys_given(given, cls)
        if not chosen.get("format"):
            raise InputError("format", None, f"must be named, as one of {', '.join(EXPORTS)}")
        return cls(**chosen)

    @property
    def formats(self) -> list[str]:
        """The formats, each checked."""
        return [check_choice("format", name, EXPORTS) for name in self.format.split(",")]


def export(run: Run, choices: Choices) -> list[Path]:
    """Write what is asked for; the files.

    Raises
    ------
    InputError
        For a run without vectors, an unknown method or format, words that a format cannot hold, or a method whose vectors are
        sparse.
    """
    formats, files = choices.formats, run.vector_files
    methods = [check_choice("method", choices.method, files)] if choices.method is not None else list(files)
    sides = {method: _sides(run, method) for method in methods}
    sparse = [method for method, own in sides.items() if sp.issparse(own["V"].matrix)]
    if len(sparse) == len(sides):
        raise InputError("method", sparse[0], "has sparse rows, which these formats do not hold; read its .npz")
    return [
        file
        for name in formats
        for method, own in sides.items()
        if method not in sparse
        for file in EXPORTS[name](own, run.folder / FOLDER / method)
    ]


def _sides(run: Run, method: str) -> Sides:
    found = {"V": run.vectors(method, "V", "none")}
    with suppress(InputError):  # it learns none
        found["U"] = run.vectors(method, "U", "none")
    return found


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2."""
    given = arguments_or_usage(arguments, USAGE)
    folder, *rest = given
    try:
        for file in export(Run.open(folder), Choices.from_arguments(rest)):
            print(os.path.relpath(file))
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
