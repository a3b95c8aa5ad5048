"""A sweep, read from its directory, and the tables of its jobs."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd
from omegaconf import Container, OmegaConf

from sgns_pmi.compare.table import main_target, select
from sgns_pmi.compare.words.evaluation import answers_from
from sgns_pmi.compare.words.questions import EVALUATION, HEADLINE_COLUMNS, QUESTIONS
from sgns_pmi.errors import InputError
from sgns_pmi.results.run import NO_RESULT, Run

GRAVITY = ("complete", NO_RESULT, "refused", "interrupted", "failed", "running")
"""What a job may have come to; of a sweep's jobs the last of these says what the sweep has."""
QUESTION = (
    "Given co-occurrence counts, how well does a factorisation recover the PMI behind them, and what keeps it from doing better?"
)
STYLE = "body{font:15px sans-serif;margin:2em auto;max-width:70em}img{max-width:100%}pre{overflow-x:auto}"


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
    """

    number: int
    asked: Mapping[str, Any]


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
        if not place.is_dir():
            raise InputError("sweep", folder, "no such folder; paths are relative to the current one")
        sweep = cls(place)
        if not sweep.jobs:
            raise InputError("sweep", folder, "holds no jobs; give the folder of a sweep, that of a --multirun")
        return sweep

    @cached_property
    def jobs(self) -> list[Job]:
        """The jobs in order, from what Hydra wrote of each when it began; one may have no result."""
        files = self.folder.rglob(".hydra/overrides.yaml")
        own = (_job(file) for file in files if file.parent.parent != self.folder)
        return sorted(own, key=lambda job: job.number)

    @cached_property
    def keys(self) -> list[str]:
        """The swept keys."""
        return swept_keys(self.jobs)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The frame of sweep.csv: every row of every metrics.csv, with the swept keys and `job` in front."""
        return gather(self.jobs, "metrics")

    @cached_property
    def evaluation(self) -> pd.DataFrame:
        """The same of every evaluation.csv; empty where nothing was asked."""
        return gather(self.jobs, "evaluation")

    @property
    def status(self) -> str:
        """That of the jobs, if all have the same; else the gravest."""
        return max(
            (job.status for job in self.jobs), key=lambda status: GRAVITY.index(status) if status in GRAVITY else len(GRAVITY)
        )


def _job(overrides: Path) -> Job:
    """A job, from the file of what its command line asked for."""
    hydra = OmegaConf.load(overrides.with_name("hydra.yaml")).hydra
    config = OmegaConf.load(overrides.with_name("config.yaml"))
    asked = [str(override).lstrip("+").partition("=") for override in OmegaConf.load(overrides)]
    values = {key: _typed(key, text, config, hydra.runtime.choices) for key, _, text in asked}
    return Job(overrides.parent.parent, int(hydra.job.num), values)


def _typed(key: str, text: str, config: Container, groups: Container) -> Any:
    """The value of a key as the job had it; for a choice of a group, such as data or experiment, its name."""
    value = None if key in groups else OmegaConf.select(config, key)
    if value is None or OmegaConf.is_dict(value):
        return text
    return list(value) if OmegaConf.is_list(value) else value


def swept_keys(jobs: Sequence[Job]) -> list[str]:
    """The keys whose values differ between jobs, in the order in which they were given."""
    keys = list(dict.fromkeys(key for job in jobs for key in job.asked))
    return [key for key in keys if len({repr(job.asked.get(key)) for job in jobs}) > 1]


def gather(jobs: Sequence[Job], table: Literal["metrics", "evaluation"]) -> pd.DataFrame:
    """Every row of that table of every job, with the swept keys and `job` as columns in front; empty if there is none."""
    keys = swept_keys(jobs)
    frames = []
    for job in jobs:
        rows: pd.DataFrame = getattr(job, table)
        if len(rows):
            own = rows.copy()
            for place, (key, value) in enumerate([*((key, job.asked.get(key)) for key in keys), ("job", job.number)]):
                # A list, as methods=[a,b] has, is one value of its key.
                own.insert(place, key, str(value) if isinstance(value, list) else value)
            frames.append(own)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def sweep_table(frame: pd.DataFrame, keys: Sequence[str], cells: str = "all") -> pd.DataFrame:
    """Swept keys x method: RMSE of the corrected estimate over all or the seen cells, against the main target, job by job."""
    chosen = select(frame, metric="rmse", cells=cells, estimate="corrected", target=main_target(frame))
    table = chosen.pivot(index=[*keys, "job"], columns="method", values="value").sort_index(level="job")
    return table[[method for method in frame["method"].unique() if method in table]]


def questions_table(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Swept keys and method x question set: the headlines of the questions, such as Spearman's correlation, job by job.

    Parameters
    ----------
    frame : DataFrame
        What `gather` makes of the jobs' evaluation.csv.
    keys : sequence of str
        The swept keys.
    """
    lines = [pd.DataFrame(columns=[*keys, "job", *HEADLINE_COLUMNS])]
    for _, rows in frame.groupby("job", sort=False):
        job = {str(key): value for key, value in rows[[*keys, "job"]].iloc[0].items()}
        answers = answers_from({EVALUATION: rows})
        lines += [QUESTIONS[name].headline(own).assign(**job) for name, own in answers.items()]
    table = pd.concat([own for own in lines if len(own)] or lines, ignore_index=True).dropna(subset="value")
    table["question"] = table["set"] + ": " + table["metric"]
    # Not sorted: jobs, methods and sets stand in their own order.
    return table.set_index([*keys, "job", "method", "question"])["value"].unstack("question", sort=False)


def report(tables: Mapping[str, pd.DataFrame], jobs: Sequence[Job], figures: Sequence[Path]) -> str:
    """A page of HTML that needs no other file: the question, the table, the figures."""
    numbers = "".join(
        f"<h2>{html.escape(title)}</h2>"
        + table.reset_index().to_html(index=False, float_format=lambda value: f"{value:.4g}", na_rep="", border=0)
        for title, table in tables.items()
    )
    states = "".join(f"<li>job {job.number}: {html.escape(job.status)}</li>" for job in jobs if job.status != "complete")
    pictures = "".join(
        f'<h2>{html.escape(figure.stem)}</h2><img alt="{html.escape(figure.stem)}" src="data:image/png;base64,'
        f'{base64.b64encode(figure.read_bytes()).decode("ascii")}">'
        for figure in figures
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>sgns-pmi sweep</title><style>{STYLE}</style>'
        f"<h1>Recovery of PMI</h1><p>{QUESTION}</p>{numbers}"
        f"{f'<ul>{states}</ul>' if states else ''}{pictures}</html>\n"
    )


__all__ = ["Job", "Sweep", "gather", "questions_table", "report", "sweep_table", "swept_keys"]
