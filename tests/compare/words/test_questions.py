"""A question that is added from outside is read, asked, shown and drawn as the others are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from command import Command, written
from matplotlib.figure import Figure

import sgns_pmi as sp
from sgns_pmi.compare.words.evaluation import answer_tables, answers_from
from sgns_pmi.compare.words.questions import HEADLINE_COLUMNS, QUESTIONS, Question, Subjects, register_question
from sgns_pmi.figures.questions import DRAWERS, Title, draws
from sgns_pmi.results.sweep import questions_table


@dataclass(frozen=True)
class Initials(Question):
    """How many words begin with a letter."""

    initial: str = ""
    name = "initials"

    def read(self) -> str:
        if len(self.initial) > 1:
            raise sp.InputError("initial", self.initial, "must be one letter")
        return self.initial

    def ask(self, asked: str, subjects: Subjects) -> pd.DataFrame:
        rows = [
            (method, asked, "all", "share", sum(word.startswith(asked) for word in own.words) / len(own))
            for method, own in subjects.vectors.items()
        ]
        return pd.DataFrame(rows, columns=["method", "set", "section", "metric", "value"])

    @classmethod
    def headline(cls, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(known="all")[HEADLINE_COLUMNS]


def initials_figures(rows: pd.DataFrame, title: Title) -> Iterator[tuple[str, Figure]]:
    figure = Figure()
    figure.subplots().bar(rows["method"], rows["value"])
    figure.suptitle(title("Initials"))
    yield "initials", figure


@pytest.fixture
def invented(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (QUESTIONS, DRAWERS):
        for name, own in registry.items():
            monkeypatch.setitem(registry, name, own)  # what the test adds is taken out again
        monkeypatch.delitem(registry, "initials", raising=False)
    register_question(Initials)
    draws("initials")(initials_figures)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, monkeypatch, capsys)


@pytest.mark.usefixtures("invented")
def test_a_question_is_one_file_of_code(command: Command) -> None:
    (command.folder / "pairs.txt").write_text("apple banana 9\ndog cat 8\napple cat 1\n")
    asked = ["data=toy", "dim=2", "k=1", "method=[sppmi_svd,pmi_svd]", "eval.maps=[]", "eval.similarity=[pairs.txt]"]
    outcome = command(*asked, "+eval.initial=a", "hydra.run.dir=out")
    assert outcome.code == 0, outcome.stderr
    rows = pd.read_csv(command.folder / "out" / "evaluation.csv")
    own = rows[rows["task"] == "initials"]
    assert own["method"].tolist() == ["sppmi_svd", "pmi_svd"]
    assert own["metric"].tolist() == ["share", "share"]
    assert (own["value"] > 0).all()
    # Beside the other sets, on the console and in a sweep's table.
    assert re.search(r"pairs +spearman +\S+ +\S+ +\S+\n +a +share +all +(\S+) +\1\n", outcome.stdout)
    table = questions_table(rows.assign(job=0), [])
    assert table.columns.tolist() == ["pairs: spearman", "a: share"]
    assert table["a: share"].tolist() == own["value"].tolist()
    assert "figures/initials.png" in written(command.folder / "out")

    outcome = command(*asked, "+eval.initial=ab", "hydra.run.dir=refused")
    assert outcome.code == 2
    assert "eval.initial=ab: must be one letter" in outcome.stderr


@pytest.mark.usefixtures("invented")
def test_names_and_keys_belong_to_one_question() -> None:
    with pytest.raises(sp.InputError, match="question=initials: is the name of another question"):
        register_question(Initials)

    @dataclass(frozen=True)
    class Other(Initials):
        name = "other"

    with pytest.raises(sp.InputError, match="key=initial: is a key of the question initials"):
        register_question(Other)
    assert list(QUESTIONS) == ["similarity", "analogy", "sentiment", "neighbours", "word_map", "initials"]


def test_answers_stand_method_by_method() -> None:
    columns = ["method", "task", "set", "section", "metric", "value"]
    frames = {
        task: pd.DataFrame([(method, task, "s", "all", "m", 1.0) for method in methods], columns=columns)
        for task, methods in {"similarity": "ba", "analogy": "ba", "sentiment": "bax"}.items()
    }
    tables = answer_tables(frames)
    table = tables["evaluation"]
    assert tables["neighbours"] is tables["maps"] is None
    assert table is not None
    assert list(zip(table["method"], table["task"], strict=True)) == [
        ("b", "similarity"),
        ("b", "analogy"),
        ("a", "similarity"),
        ("a", "analogy"),
        ("b", "sentiment"),
        ("a", "sentiment"),
        ("x", "sentiment"),
    ]
    again = answers_from({"evaluation": table})
    assert list(again) == list(frames)
    for task, rows in again.items():
        pd.testing.assert_frame_equal(rows, frames[task])
