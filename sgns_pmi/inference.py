"""Intervals for the PMI estimates of a finished run: ``python -m sgns_pmi.inference RUN king``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from sgns_pmi.arrays import read_npz
from sgns_pmi.compare.cosines import cosine_inference, nearest
from sgns_pmi.compare.dispersion import dispersion, warnings
from sgns_pmi.compare.inference import BY_FORMULA, assumed, inference
from sgns_pmi.config import Config, check_no_key, keys_among, keys_given
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, check_integer, check_share, shown
from sgns_pmi.factorise import METHODS, Factorisation
from sgns_pmi.output import arguments_or_usage, lasting_output
from sgns_pmi.problems import Problem
from sgns_pmi.results.run import Run
from sgns_pmi.results.tables import write_csv

USAGE = """\
Standard errors, intervals and tests of PMI = 0 for the estimates of a finished run.

  python -m sgns_pmi.inference RUN king queen     every context of a word, or of each of several, the most certain first
  python -m sgns_pmi.inference RUN 0 1            the same where centers are numbers, from 0
  python -m sgns_pmi.inference RUN                every cell
  python -m sgns_pmi.inference RUN king of=cosines    the words nearest to a word, with the errors of their cosines

Prints the first of them and writes all into RUN/intervals.csv: method, center, context, estimate, se, lower, upper, z,
p_value (PMI = 0) and q_value (Benjamini-Hochberg). Pairs of a text, or of triples with a column unit, are taken as
dependent within their unit (data.unit of the run), and RUN/dispersion.csv says how much more counts vary between
units than those of independent pairs. The data are made or read again, and the methods fitted again, as the
run was told; paths in its configuration are relative to the current folder.

Keys (key=value):
  method=NAME      one method of the run; if not given, all whose variance has a formula (SGNS and softmax_mle).
                   Any other is fitted to 200 resamples
  level=0.95       how often the interval is to hold the value
  corrected=true   false takes the raw estimate, V.U + log k
  of=pmi           cosines: of the centres' vectors, balanced; RUN/cosines.csv has method, word, other, cosine, se, lower
                   and upper. Only where there is a formula
  count=10         nearest words
"""
SHOWN = 20
"""Rows printed of a method."""
INTERVALS_FILE, COSINES_FILE, DISPERSION_FILE = "intervals.csv", "cosines.csv", "dispersion.csv"
SUBJECTS = ("pmi", "cosines")
FLAGS = {"true": True, "false": False}


@dataclass(frozen=True)
class Choices:
    """The keys of the command."""

    method: str | None = None
    level: float = 0.95
    corrected: bool = True
    of: str = "pmi"
    count: int = 10

    @classmethod
    def from_arguments(cls, given: Sequence[str]) -> Choices:
        """Choices from ``key=value`` arguments; an `InputError` for an unknown key or a value that it cannot have."""
        chosen: dict[str, Any] = dict(keys_given(given, cls))
        if "level" in chosen:
            try:
                chosen["level"] = check_share("level", float(chosen["level"]))
            except ValueError:
                raise InputError("level", chosen["level"], "must be between 0 and 1, as 0.95") from None
        if "corrected" in chosen:
            chosen["corrected"] = FLAGS[check_choice("corrected", chosen["corrected"].lower(), FLAGS)]
        if "of" in chosen:
            check_choice("of", chosen["of"], SUBJECTS)
        if "count" in chosen:
            chosen["count"] = check_integer("count", int(chosen["count"]) if chosen["count"].isdecimal() else chosen["count"])
        return cls(**chosen)


def intervals(run: Run, words: Sequence[str], choices: Choices) -> tuple[pd.DataFrame, Problem]:
    """The table of intervals.csv, or of cosines.csv, and the problem, made again.

    Raises
    ------
    InputError
        For a run without a configuration, data that have changed since, an unknown method or word, or cells that are too many.
    """
    if not run.config:
        raise InputError("run", run.folder, "has no .hydra/config.yaml, which says how its counts were made")
    config = Config.from_tree(run.config)
    if choices.method is not None:
        check_choice("method", choices.method, config.methods)
    if choices.of == "cosines" and not words:
        raise InputError("of", choices.of, "are those of a word; name one, or several")
    problem = config.problem()
    estimators, _ = config.estimators(problem)
    centers = centers_of(words, problem.counts)
    tables = []
    for name in _asked(estimators, choices.method):
        _check_same(run, name, problem.counts)
        estimator = METHODS[name].fit(estimators[name], problem)
        if getattr(estimator, "status_", "") == "interrupted":  # which a fit keeps for itself
            raise KeyboardInterrupt
        table = _cosines if choices.of == "cosines" else _cells
        tables.append(table(problem, estimator, centers, choices).assign(method=name))
    whole = pd.concat(tables, ignore_index=True)
    return whole[["method", *whole.columns.drop("method")]], problem


def _cells(problem: Problem, estimator: Factorisation, centers: Sequence[int], choices: Choices) -> pd.DataFrame:
    """Every context of the centers, or every cell where none is asked for, the most certain first."""
    contexts = np.arange(problem.counts.shape[1])
    cells = np.column_stack([np.repeat(centers, len(contexts)), np.tile(contexts, len(centers))]) if centers else None
    found = inference(estimator, problem.counts, problem.units, cells, choices.level, corrected=choices.corrected)
    # Cells of words that never occur have no z, and come last.
    return found.sort_values("z", key=np.abs, ascending=False, kind="stable")


def _cosines(problem: Problem, estimator: Factorisation, centers: Sequence[int], choices: Choices) -> pd.DataFrame:
    """The words nearest to each center, and the centers' own cosines with each other."""
    pairs = list(combinations(centers, 2))
    for center in centers:
        near = (int(other) for other in nearest(estimator, problem.counts, center, choices.count))
        pairs += [(center, other) for other in near if not {(center, other), (other, center)} & set(pairs)]
    return cosine_inference(estimator, problem.counts, pairs, problem.units, choices.level)


def _asked(estimators: dict[str, Factorisation], method: str | None) -> list[str]:
    learned = [name for name in estimators if METHODS[name].needs not in ("truth", "text")]
    if method is not None:
        return [check_choice("method", method, learned)]
    by_formula = [name for name in learned if isinstance(estimators[name], BY_FORMULA)]
    if not by_formula:
        raise InputError("method", None, f"must be named, as one of {', '.join(learned)}, each fitted to 200 resamples")
    return by_formula


def centers_of(words: Sequence[str], counts: CooccurrenceCounts) -> list[int]:
    """The centers asked for, by index, each once."""
    names = [str(center) for center in range(counts.shape[0])] if counts.vocab is None else list(counts.vocab)
    places = {name: index for index, name in enumerate(names)}
    for word in words:
        if word not in places:
            check_no_key(word, Choices)
            raise InputError("word", word, f"is not a center of this run; they are {shown(names[0])} to {shown(names[-1])}")
    return [places[word] for word in dict.fromkeys(words)]


def _check_same(run: Run, method: str, counts: CooccurrenceCounts) -> None:
    """Refuse counts that are not those of the run, as far as their margins tell."""
    file = run.folder / "vectors" / f"{method}.npz"
    if not file.is_file():
        return
    kept = read_npz(file, "file")
    for side in ("row_sums", "col_sums"):
        if not np.array_equal(kept.get(side, []), getattr(counts, side)):
            raise InputError("run", run.folder, "its data have changed since; run it again")


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2."""
    given = arguments_or_usage(arguments, USAGE)
    logging.basicConfig(format="%(message)s")
    folder, *rest = given
    keys, words = keys_among(rest, Choices)
    try:
        choices = Choices.from_arguments(keys)
        run = Run.open(folder)
        table, problem = intervals(run, words, choices)
        file = run.folder / (COSINES_FILE if choices.of == "cosines" else INTERVALS_FILE)
        write_csv(table, file)
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    for method, rows in table.groupby("method", sort=False):
        print(method)
        print(rows.drop(columns="method").head(SHOWN).map(_shown).to_string(index=False))
    print(f"{len(table)} rows in {file}, which take {assumed(problem)}")
    if problem.units is not None:
        rows = dispersion(problem.counts, problem.units)
        write_csv(rows, run.folder / DISPERSION_FILE)
        print(f"\nVariance of counts between {problem.units.what} over that of independent pairs")
        print(rows.map(_shown).to_string(index=False))
        for line in warnings(rows, problem.units.what):
            print(line)


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else shown(str(value))


class _Callable(ModuleType):
    """The command's module, which as an attribute of the package stands where the public function does."""

    def __call__(self, *arguments: Any, **options: Any) -> pd.DataFrame:
        return inference(*arguments, **options)


if __name__ == "__main__":
    main()
else:
    # Importing a module of a package sets the package's attribute of that name.
    sys.modules[__name__].__class__ = _Callable
