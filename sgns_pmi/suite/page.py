"""The page of a suite: its tables and its figure in one file of HTML that needs no other."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from sgns_pmi.lazily import pd
from sgns_pmi.suite.tasks import Task

STYLE = (
    "body{font:15px sans-serif;margin:2em auto;max-width:80em;padding:0 1em}img{max-width:100%}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}td,th{padding:.15em .7em;text-align:right;white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}tr:nth-child(even){background:#f4f4f4}"
)


def page(
    tables: Mapping[str, pd.DataFrame], tasks: Sequence[Task], whole: pd.DataFrame, notes: Sequence[str], figure: Path
) -> str:
    """HTML of the tables by title, then each task with what it is and its rows of the whole table.

    Parameters
    ----------
    tables : mapping of title to DataFrame
    tasks : sequence of Task
    whole : DataFrame
        With a column task.
    notes : sequence of str
        What a reader has to know, a line each.
    figure : Path
        A PNG file.
    """
    picture = base64.b64encode(figure.read_bytes()).decode("ascii")
    parts = ["<h1>Tasks of known truth</h1>", *(f"<p>{escape(note)}</p>" for note in notes)]
    parts += [f"<h2>{escape(title)}</h2>{_table(table)}" for title, table in tables.items()]
    parts.append(
        f'<h2>Every method on every task</h2><img alt="errors by task and method" src="data:image/png;base64,{picture}">'
    )
    for task in tasks:
        rows = whole[whole["task"] == task.name].drop(columns="task")
        parts.append(f"<h3>{escape(task.name)}</h3><p>{escape(sentence(task))}</p>{_table(rows)}")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>sgns-pmi suite</title><style>{STYLE}</style>{''.join(parts)}</html>\n"
    )


def sentence(task: Task) -> str:
    """A task as a sentence."""
    margins = "" if task.zipf is None else f", Zipf {task.zipf:g}" if task.zipf else ", uniform margins"
    rank = f"rank {task.rank}" if task.exact else f"full rank, fitted at {task.rank}"
    return (
        f"{task.generator}, {task.words:,} × {task.words:,}, {rank}, N = {task.data['pairs']:,}{margins}: {task.why.rstrip(',')}."
    )


def _table(frame: pd.DataFrame) -> str:
    return frame.to_html(index=False, border=0, na_rep="", float_format=lambda value: f"{value:.3g}")


__all__ = ["page", "sentence"]
