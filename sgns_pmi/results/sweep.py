"""The jobs of a sweep, gathered."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from sgns_pmi.compare.words.evaluation import answers_from
from sgns_pmi.compare.words.questions import EVALUATION, HEADLINE_COLUMNS, QUESTIONS
from sgns_pmi.results.overview import main_target
from sgns_pmi.results.record import read_answer_table, read_metrics

QUESTION = (
    "Given co-occurrence counts, how well does a factorisation recover the PMI behind them, and what keeps it from doing better?"
)
STYLE = "body{font:15px sans-serif;margin:2em auto;max-width:70em}img{max-width:100%}pre{overflow-x:auto}"


@dataclass(frozen=True)
class JobResult:
    """One job of a sweep.

    Parameters
    ----------
    number : int
        Its place in the sweep.
    directory : Path
    asked : mapping of str to value
        The keys that its command line set.
    """

    number: int
    directory: Path
    asked: Mapping[str, Any]

    @property
    def status(self) -> str:
        """What summary.json says; "without result" where there is none: the job's input was refused, or it was killed."""
        file = self.directory / "summary.json"
        return json.loads(file.read_text(encoding="utf-8"))["status"] if file.is_file() else "without result"

    @property
    def metrics(self) -> pd.DataFrame | None:
        """metrics.csv, or None where the job did not come so far."""
        file = self.directory / "metrics.csv"
        return read_metrics(file) if file.is_file() else None

    @property
    def evaluation(self) -> pd.DataFrame | None:
        """evaluation.csv, or None where nothing was asked."""
        return read_answer_table(self.directory / f"{EVALUATION}.csv")


def swept_keys(jobs: Sequence[JobResult]) -> list[str]:
    """The keys whose values differ between jobs, in the order in which they were given."""
    keys = list(dict.fromkeys(key for job in jobs for key in job.asked))
    return [key for key in keys if len({repr(job.asked.get(key)) for job in jobs}) > 1]


def gather(jobs: Sequence[JobResult], table: Literal["metrics", "evaluation"] = "metrics") -> pd.DataFrame:
    """Every row of that table of every job, with the swept keys and `job` as columns in front; empty if there is none."""
    keys = swept_keys(jobs)
    frames = []
    for job in jobs:
        rows = job.metrics if table == "metrics" else job.evaluation
        if rows is not None:
            for place, (key, value) in enumerate([*((key, job.asked.get(key)) for key in keys), ("job", job.number)]):
                # A list, as methods=[a,b] has, is one value of its key.
                rows.insert(place, key, str(value) if isinstance(value, list) else value)
            frames.append(rows)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def sweep_table(frame: pd.DataFrame, keys: Sequence[str], cells: str = "all") -> pd.DataFrame:
    """Swept keys x method: RMSE of the corrected estimate over all or the seen cells, against the main target, job by job."""
    chosen = frame[
        (frame["estimate"] == "corrected")
        & (frame["target"] == main_target(frame))
        & (frame["cells"] == cells)
        & (frame["metric"] == "rmse")
    ]
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


def report(tables: Mapping[str, pd.DataFrame], jobs: Sequence[JobResult], figures: Sequence[Path]) -> str:
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


__all__ = ["JobResult", "gather", "questions_table", "report", "sweep_table", "swept_keys"]
