"""A sweep, read from its directory, and the tables of its jobs."""

from __future__ import annotations

import os.path
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

from omegaconf import OmegaConf

from sgns_pmi.compare.table import METRIC_COLUMNS, main_target, select
from sgns_pmi.compare.words.evaluation import answers_from
from sgns_pmi.compare.words.questions import EVALUATION, HEADLINE_COLUMNS, QUESTIONS
from sgns_pmi.errors import InputError
from sgns_pmi.lazily import pd
from sgns_pmi.results.chunks import Line, read_lines
from sgns_pmi.results.overview import mark_cells
from sgns_pmi.results.plan import PlannedJob, read_plan
from sgns_pmi.results.replicates import over_seeds, paired_differences, replicate_axis, seeds_table
from sgns_pmi.results.run import MISSING, Run
from sgns_pmi.results.tables import read_yaml
from sgns_pmi.unpack import reading

GRAVITY = ("complete", MISSING, "refused", "interrupted", "failed", "running")
"""What a job may have come to; of a sweep's jobs the last of these says what the sweep has."""
NO_OPTIMUM = "no finite optimum"
"""What a method says of a fit that runs off to infinity."""


@dataclass(frozen=True)
class Job(Run):
    """One run of a sweep.

    Parameters
    ----------
    folder : Path
    number : int
        Its place in the sweep.
    asked : mapping of str to value
        The keys that its command line set.
    key : str, default ""
        What it is known by, where the sweep was planned: what another job left in its folder is not its own.
    """

    number: int
    asked: Mapping[str, Any]
    key: str = ""

    @cached_property
    def summary(self) -> dict[str, Any]:
        """summary.json; empty where the run left none."""
        found = Run(self.folder).summary
        return found if not self.key or found.get("job") == self.key else {}

    def _table(self, name: str, columns: Sequence[str]) -> pd.DataFrame:
        return super()._table(name, columns) if self.summary or not self.key else pd.DataFrame(columns=list(columns))


@dataclass(frozen=True)
class LineJob(Job):
    """A job without a folder, of the bulk launcher; `folder` is the file of its line.

    Parameters
    ----------
    line : Line
    """

    line: Line = field(kw_only=True)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What summary.json would hold."""
        return dict(self.line.summary)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration that the run had, as nested dicts."""
        return dict(self.line.config)

    def _table(self, name: str, columns: Sequence[str]) -> pd.DataFrame:
        found = self.line.tables.get(name)
        return pd.DataFrame(found) if found else _nothing(tuple(columns))


@dataclass(frozen=True)
class Sweep:
    """The jobs of a sweep, whatever became of each, and their rows in one table.

    Parameters
    ----------
    folder : Path
        The sweep's directory. `Sweep.open` says in one line what is wrong with another.
    """

    folder: Path

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """The sweep in a folder.

        Raises
        ------
        InputError
            For a folder that does not exist, or in which no sweep has begun a job.
        """
        place = Path(folder)
        if not os.path.isdir(place):
            raise InputError("sweep", folder, "no such folder; paths are relative to the current one")
        sweep = cls(place)
        if not sweep.jobs:
            raise InputError("sweep", folder, "holds no jobs; give the folder of a sweep, that of a --multirun")
        return sweep

    @cached_property
    def jobs(self) -> list[Job]:
        """The jobs in order, each of which may have no result: those of jobs.json alone, or else all that have begun."""
        if (planned := read_plan(self.folder)) is not None:
            lines = read_lines(self.folder)
            return [self._planned(job, lines.get(job.key)) for job in planned]
        files = self.folder.rglob(".hydra/overrides.yaml")
        own = (_job(file) for file in files if file.parent.parent != self.folder)
        jobs = sorted((job for job in own if job is not None), key=lambda job: job.number)
        for one, other in pairwise(jobs):
            if one.number == other.number:
                remedy = f"holds jobs of several sweeps, as {one.folder} and {other.folder}; give the folder of one"
                raise InputError("sweep", self.folder, remedy)
        return jobs

    def _planned(self, job: PlannedJob, line: Line | None) -> Job:
        own = Job(self.folder / job.folder, job.number, job.asked, job.key)
        if line is None or own.status == "complete":
            return own
        return LineJob(line.file, job.number, job.asked, job.key, line=line)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration that the sweep was started with, before its jobs' own keys; as nested dicts, not resolved."""
        return read_yaml(self.folder / "multirun.yaml")

    @cached_property
    def keys(self) -> list[str]:
        """The columns of the swept keys."""
        return [column_of(key) for key in swept_keys(self.jobs)]

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The frame of sweep.csv: every row of every metrics.csv, with the swept keys and `job` in front."""
        return gather(self.jobs, "metrics")

    @cached_property
    def budget(self) -> pd.DataFrame:
        """The same of every budget.csv; empty where no job has one."""
        return gather(self.jobs, "budget")

    @cached_property
    def evaluation(self) -> pd.DataFrame:
        """The same of every evaluation.csv; empty where nothing was asked."""
        return gather(self.jobs, "evaluation")

    @property
    def replicated(self) -> bool:
        """Whether jobs differ in their seed: they are replicates of each other."""
        return replicate_axis(self.keys) is not None

    @cached_property
    def averaged(self) -> pd.DataFrame:
        """`rows`, with a column `optimum`: False in those of a fit that has no finite optimum."""
        return self.with_optimum(self.rows)

    def with_optimum(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows that have job and method, with that column."""
        if not len(rows):
            return rows
        none = {
            (job.number, method)
            for job in self.jobs
            for method, facts in job.summary.get("methods", {}).items()
            if facts.get("status") == NO_OPTIMUM
        }
        return rows.assign(optimum=[place not in none for place in zip(rows["job"], rows["method"], strict=True)])

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The frame of summary.csv: mean, se, lower, upper, n over seeds of each row, by the other swept keys."""
        return over_seeds(self.averaged, self.keys, METRIC_COLUMNS[:-1])

    @cached_property
    def differences(self) -> pd.DataFrame:
        """The frame of differences.csv: the same of the differences between methods, paired by seed; empty without several."""
        if not self.replicated or not len(self.rows):
            return pd.DataFrame()
        return paired_differences(self.averaged, self.keys, METRIC_COLUMNS[:-1])

    @property
    def answers(self) -> pd.DataFrame:
        """For a console: the headlines of the questions, job by job, or over seeds where there are several."""
        if not self.replicated:
            return questions_table(self.evaluation, self.keys)
        lines = self.with_optimum(headlines(self.evaluation, self.keys))
        averaged = over_seeds(lines, self.keys, ["method", "question"])
        return seeds_table(averaged, [*self.keys, "method"], "question")

    @property
    def count(self) -> str:
        """How many jobs of all have a result, as "3 of 4 jobs"."""
        return f"{self.rows['job'].nunique() if len(self.rows) else 0} of {len(self.jobs)} jobs"

    @property
    def status(self) -> str:
        """That of the jobs, if all have the same; else the gravest."""
        return max(
            (job.status for job in self.jobs), key=lambda status: GRAVITY.index(status) if status in GRAVITY else len(GRAVITY)
        )


@cache
def _nothing(columns: tuple[str, ...]) -> pd.DataFrame:
    """No rows; made once for thousands of jobs."""
    return pd.DataFrame({column: [] for column in columns})


def _job(overrides: Path) -> Job | None:
    """A job, from the file of what its command line asked for; None for a run that is none of a sweep."""
    with reading("file", overrides.parent, "the configuration of a job"):
        hydra = OmegaConf.load(overrides.with_name("hydra.yaml")).hydra
        if OmegaConf.is_missing(hydra.job, "num"):
            return None
        config = read_yaml(overrides.with_name("config.yaml"), resolve=True)
        asked = [str(override).lstrip("+").partition("=") for override in OmegaConf.load(overrides)]
        values = {key: typed_value(key, text, config, list(hydra.runtime.choices)) for key, _, text in asked}
        return Job(overrides.parent.parent, int(hydra.job.num), values)


def typed_value(key: str, text: str, config: Mapping[str, Any], groups: Collection[Any]) -> Any:
    """The value of a key as the job had it; as it was given, for a list or for a choice of a group such as data."""
    value: Any = None if key in groups else config
    for part in key.split(".") if key not in groups else ():
        value = value.get(part) if isinstance(value, Mapping) else None
    return text.strip("'\"") if value is None or isinstance(value, Mapping | list) else value


def swept_keys(jobs: Sequence[Job]) -> list[str]:
    """The keys whose values differ between jobs, in the order in which they were given."""
    keys = list(dict.fromkeys(key for job in jobs for key in job.asked))
    return [key for key in keys if len({repr(job.asked.get(key)) for job in jobs}) > 1]


def column_of(key: str) -> str:
    """The column that has the values of a swept key: its name, unless the rows of a job have a column of that name."""
    return f"swept_{key}" if key in METRIC_COLUMNS else key


def gather(jobs: Sequence[Job], table: Literal["metrics", "budget", "evaluation"]) -> pd.DataFrame:
    """Every row of that table of every job, with the swept keys and `job` as columns in front; empty if there is none."""
    found = [(job, rows) for job in jobs if len(rows := getattr(job, table))]
    if not found:
        return pd.DataFrame()
    frame: pd.DataFrame = pd.concat([rows for _, rows in found], ignore_index=True)
    values = {column_of(key): [job.asked.get(key) for job, _ in found] for key in swept_keys(jobs)}
    values["job"] = [job.number for job, _ in found]
    for place, (column, own) in enumerate(values.items()):
        # A key that some jobs lack leaves the numbers of others whole.
        each = pd.Series(own, dtype=object if None in own else None)
        frame.insert(place, column, each.repeat([len(rows) for _, rows in found]).to_numpy())
    return frame


def sweep_table(frame: pd.DataFrame, keys: Sequence[str], cells: str = "all") -> pd.DataFrame:
    """Swept keys x method: RMSE of the corrected estimate over all or the seen cells, against the main target, job by job.

    Where the frame has a column `optimum`, fits without one are marked.
    """
    chosen = select(frame, metric="rmse", cells=cells, estimate="corrected", target=main_target(frame))
    table = chosen.pivot(index=[*keys, "job"], columns="method", values="value").sort_index(level="job")
    table = table[[method for method in frame["method"].unique() if method in table]]
    if "optimum" in chosen:
        optimum = chosen.pivot(index=[*keys, "job"], columns="method", values="optimum")
        mark_cells(table, optimum.reindex_like(table).eq(False))
    return table


def questions_table(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Swept keys and method x question set: the headlines of the questions, such as Spearman's correlation, job by job.

    Parameters
    ----------
    frame : DataFrame
        What `gather` makes of the jobs' evaluation.csv.
    keys : sequence of str
        The swept keys.
    """
    values = headlines(frame, keys).set_index([*keys, "job", "method", "question"])["value"]
    # Jobs, methods and sets stand in their own order, which pandas 2.2 mistakes where `unstack` is not to sort.
    index: Any = values.index
    rows, questions = index.droplevel("question").unique(), index.unique("question")
    return values.unstack("question").reindex(index=rows, columns=questions)


def headlines(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """A row for each job, method and question: the swept keys, job, method, question and value."""
    lines = [pd.DataFrame(columns=[*keys, "job", *HEADLINE_COLUMNS])]
    for _, rows in frame.groupby("job", sort=False):
        job = {str(key): value for key, value in rows[[*keys, "job"]].iloc[0].items()}
        answers = answers_from({EVALUATION: rows})
        lines += [QUESTIONS[name].headline(own).assign(**job) for name, own in answers.items()]
    table = pd.concat([own for own in lines if len(own)] or lines, ignore_index=True).dropna(subset="value")
    table["question"] = table["set"] + ": " + table["metric"]
    return table


__all__ = ["Job", "LineJob", "Sweep", "gather", "questions_table", "sweep_table", "swept_keys", "typed_value"]
