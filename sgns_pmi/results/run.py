"""A finished run, read from its directory."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from sgns_pmi.compare.shown import ShownCells
from sgns_pmi.compare.table import METRIC_COLUMNS, RUN_TABLES, main_cells, main_target, select
from sgns_pmi.compare.words.files import read_vectors
from sgns_pmi.compare.words.questions import EVALUATION_COLUMNS
from sgns_pmi.compare.words.vectors import WordVectors
from sgns_pmi.errors import InputError, check_choice
from sgns_pmi.lazily import pd
from sgns_pmi.results.shown_file import SHOWN_FILE, read_shown
from sgns_pmi.results.tables import read_csv, read_json, read_yaml

MISSING = "missing"
"""The status of a run that left no summary: it has not begun."""
LEFT_BY_A_RUN = (".hydra", "summary.json", "metrics.csv", "vectors")
HISTORY_COLUMNS = ("method", "step", "epoch", "seconds", "objective")
SIDES = ("center", "context")
MAP_COLUMNS = ("method", "projection", "panel", "word", "x", "y", "cluster")
NEIGHBOUR_COLUMNS = ("method", "word", "rank", "neighbour", "similarity")


@dataclass(frozen=True)
class Run:
    """The files of one run; each is read when it is first asked for.

    Parameters
    ----------
    folder : Path
        The run directory. `Run.open` says in one line what is wrong with another.

    Examples
    --------
    >>> run = Run.open("outputs/my_run")  # doctest: +SKIP
    >>> select(run.metrics, metric="rmse", target="true", cells="all", estimate="corrected")  # doctest: +SKIP
    """

    folder: Path

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """The run in a folder.

        Raises
        ------
        InputError
            For a folder that does not exist, or in which no run has left anything.
        """
        place = Path(folder)
        if not os.path.isdir(place):
            raise InputError("run", folder, "no such folder; paths are relative to the current one")
        if not any((place / name).exists() for name in LEFT_BY_A_RUN):
            jobs = sorted(str(found.parent) for name in LEFT_BY_A_RUN for found in place.glob(f"*/{name}"))
            remedy = f"give the folder of one job, as {jobs[0]}" if jobs else "give the folder of a run"
            raise InputError("run", folder, f"holds no run; {remedy}")
        return cls(place)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """summary.json; empty where the run left none."""
        return read_json(self.folder / "summary.json")

    @property
    def status(self) -> str:
        """complete, failed, interrupted, refused or running; "missing" where there is no summary.

        A run whose process was killed, on this machine, is interrupted.
        """
        status = str(self.summary.get("status", MISSING))
        return "interrupted" if status == "running" and self._killed() else status

    @property
    def reason(self) -> str:
        """Why the run is not complete, as far as it could say; empty for one that is."""
        if self.status == "complete":
            return ""
        if self.status == MISSING:
            return "has not begun"
        if self.status == "interrupted" and self.summary["status"] == "running":
            return "its process has ended without a word"
        ended = ["was ended by Ctrl-C or a signal"] if self.status == "interrupted" else []
        return "; ".join([*ended, *self.summary.get("warnings", [])])

    def _killed(self) -> bool:
        if self.summary.get("host") != platform.node() or "pid" not in self.summary:
            return False
        try:
            os.kill(self.summary["pid"], 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration that the run had, as nested dicts; empty where Hydra wrote none."""
        return read_yaml(self.folder / ".hydra" / "config.yaml", resolve=True)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """Rows of metrics.csv: method, estimate, target, cells, metric, value. As all tables, empty where there is no file."""
        return self._table("metrics", METRIC_COLUMNS)

    @cached_property
    def history(self) -> pd.DataFrame:
        """Rows of history.csv: method, step, epoch, seconds, objective."""
        return self._table("history", HISTORY_COLUMNS)

    @cached_property
    def budget(self) -> pd.DataFrame:
        """Rows of budget.csv: method, term, cells, metric, value; there are some where a truth is known."""
        return self._table("budget", RUN_TABLES["budget"])

    @cached_property
    def path(self) -> pd.DataFrame:
        """Rows of path.csv: method, key (ridge or dim), value, rank, held_out, se, predicted; some with ``ridge=auto``."""
        return self._table("path", RUN_TABLES["path"])

    @cached_property
    def dynamics(self) -> pd.DataFrame:
        """Rows of dynamics.csv: method, step, epoch, metric, component, value; some with ``dynamics=true``."""
        rows = self._table("dynamics", RUN_TABLES["dynamics"])
        return rows.assign(step=pd.to_numeric(rows["step"]), epoch=pd.to_numeric(rows["epoch"]))

    @cached_property
    def agreement(self) -> pd.DataFrame:
        """Rows of agreement.csv: method, other, metric (overlap of ten neighbours, spearman of cosines), value."""
        return self._table("agreement", RUN_TABLES["agreement"])

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """Rows of intervals.csv: method, center, context, estimate, se, lower, upper, z, p_value, q_value.

        Centers and contexts are words, or numbers where all are.
        """
        rows = self._table("intervals", RUN_TABLES["intervals"])
        numbered = len(rows) > 0 and all(rows[side].str.isdecimal().all() for side in SIDES)
        own = {"estimate": float} | (dict.fromkeys(SIDES, int) if numbered else {})
        return rows.astype(own)

    @cached_property
    def dispersion(self) -> pd.DataFrame:
        """Rows of dispersion.csv: from, below, n, median, mean, units; with intervals, where the counts come in units."""
        return self._table("dispersion", RUN_TABLES["dispersion"])

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What figures are drawn from, by name: metrics, history, and the names of `RUN_TABLES`."""
        return {name: getattr(self, name) for name in ("metrics", "history", *RUN_TABLES)}

    @cached_property
    def evaluation(self) -> pd.DataFrame:
        """Rows of evaluation.csv: method, task, set, section, metric, value."""
        return self._table("evaluation", EVALUATION_COLUMNS)

    @cached_property
    def neighbours(self) -> pd.DataFrame:
        """Rows of neighbours.csv: method, word, rank, neighbour, similarity."""
        return self._table("neighbours", NEIGHBOUR_COLUMNS)

    @cached_property
    def maps(self) -> pd.DataFrame:
        """Rows of maps.csv: method, projection, panel, word, x, y, cluster."""
        return self._table("maps", MAP_COLUMNS)

    @cached_property
    def shown(self) -> ShownCells | None:
        """The cells that figures show; None where the run did not come so far."""
        file = self.folder / SHOWN_FILE
        return read_shown(file) if file.is_file() else None

    @property
    def steps(self) -> pd.DataFrame:
        """Seconds and peak memory in MB (peak_memory_mb) of each step, by its name: the methods, problem, compare, ..."""
        return pd.DataFrame(self.summary.get("steps", []), columns=["step", "seconds", "peak_memory_mb"]).set_index("step")

    @property
    def vector_files(self) -> dict[str, Path]:
        """The file of vectors of each method that has any, by its name.

        Raises
        ------
        InputError
            Where no method has.
        """
        files = {file.stem: file for file in sorted((self.folder / "vectors").glob("*.npz"))}
        if not files:
            why = f"was {self.status} ({self.reason})" if self.status in ("refused", "failed") else "has no vectors"
            raise InputError("run", self.folder, f"{why}; give the folder of a run whose methods learn some")
        return files

    def value(self, method: str, metric: str) -> float:
        """One number of a method; NaN where the run has none.

        Parameters
        ----------
        method : str
        metric : str
            Of the corrected estimate against the main target, over all cells or the seen ones; of the objective, as gap; or
            of an answer to a question, as spearman, the first such.
        """
        target = main_target(self.metrics)
        rows = select(self.metrics, method=method, metric=metric, estimate="corrected", target=(target, "objective"))
        rows = rows[rows["cells"].isin([main_cells(self.metrics)[0], "all"])]
        answers = self.evaluation
        values = [*rows["value"], *answers[(answers["method"] == method) & (answers["metric"] == metric)]["value"]]
        return float(values[0]) if values else math.nan

    def vectors(self, method: str, vectors: str = "V", normalize: str = "row") -> WordVectors:
        """The word vectors of a method.

        Parameters
        ----------
        method : str
            One that has vectors.
        vectors : {"V", "U", "V+U", "mean"}, default "V"
        normalize : {"row", "column", "both", "none"}, default "row"
            As in `read_vectors`.

        Raises
        ------
        InputError
            For a method without vectors, or vectors that it does not have.
        """
        files = self.vector_files
        return read_vectors(files[check_choice("method", method, files)], vectors, normalize)

    def _table(self, name: str, columns: Sequence[str]) -> pd.DataFrame:
        file = self.folder / f"{name}.csv"
        rows = read_csv(file)
        if rows is None:
            return pd.DataFrame(columns=list(columns))
        if missing := [column for column in columns if column not in rows]:
            raise InputError("file", file, f"has no column {missing[0]}; it is no such table of a run")
        return rows


__all__ = ["MISSING", "Run"]
