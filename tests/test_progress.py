"""Progress: log lines where there is no terminal, a bar where there is one, silence on request."""

from __future__ import annotations

import io
import logging
import re
import threading
import time
from functools import partial

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi import progress
from sgns_pmi.factorise.methods import qwem, svd
from sgns_pmi.problems import PROBLEMS, problem
from sgns_pmi.progress import Progress, beating


class Clock:
    """A monotonic clock that moves only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_every_few_seconds(clock, caplog):
    with caplog.at_level(logging.INFO, "sgns_pmi"), Progress("fit", 10, every=10) as bar:
        clock.now += 9
        bar.update()
        assert caplog.messages == []
        clock.now += 1
        bar.update(objective=2.5)
        assert caplog.messages == ["fit: 2 of 10 steps, objective 2.5, 40 s left at most"]
        clock.now += 5
        bar.update(3)
        assert len(caplog.messages) == 1
        clock.now += 5
        bar.update(3)
    assert caplog.messages[1] == "fit: 8 of 10 steps, 5 s left at most"


def test_silence(clock, caplog, capsys):
    with caplog.at_level(logging.INFO, "sgns_pmi"), Progress("fit", 10, shown=False) as bar:
        clock.now += 1000
        bar.update()
    assert caplog.messages == []
    assert capsys.readouterr().err == ""


def test_no_steps_yet(clock, caplog):
    with caplog.at_level(logging.INFO, "sgns_pmi"), Progress("fit", 10) as bar:
        clock.now += 20
        bar.update(0)
    assert caplog.messages[0].startswith("fit: 0 of 10 steps")


def test_bar_on_a_terminal(monkeypatch, caplog):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with caplog.at_level(logging.INFO, "sgns_pmi"), Progress("fit", 4) as bar:
        bar.update(1, objective=2.5)
        bar.update(3)
    assert "fit" in terminal.getvalue()
    assert caplog.messages == []


def test_bar_is_closed_when_the_step_fails(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    shown = Progress("fit", 4)
    with pytest.raises(RuntimeError, match="stopped"), shown:
        raise RuntimeError("stopped")
    assert shown._bar is not None
    assert shown._bar.disable


def test_a_script_or_notebook_without_a_log_is_told_too(clock, monkeypatch, capsys):
    for log in (logging.getLogger(), logging.getLogger("sgns_pmi")):
        monkeypatch.setattr(log, "handlers", [])
    with Progress("fit", 4) as bar:
        clock.now += 10
        bar.update(3, objective=2.5)
        bar.update(1)
    assert capsys.readouterr().err.splitlines() == [
        "fit: 3 of 4 steps, objective 2.5, 3 s left at most",
        "fit: 4 of 4 steps in 10.0 s",
    ]
    with Progress("fit", 4, shown=False) as bar:
        bar.update(4)
    assert capsys.readouterr().err == ""


def test_more_steps_than_were_foreseen(clock, caplog):
    with caplog.at_level(logging.INFO, "sgns_pmi"), Progress("fit", 500) as bar:
        clock.now += 20
        bar.update(823)
    assert caplog.messages == ["fit: 823 of 823 steps, 0 s left at most"]


def test_a_step_that_says_nothing_is_said_to_run(caplog):
    """As one long call of LAPACK, scikit-learn's t-SNE or a comparison."""
    said = threading.Event()
    with caplog.at_level(logging.INFO, "sgns_pmi"), beating("svd", first=0.01, every=0.01):
        while len(caplog.messages) < 3:
            said.wait(0.01)
    assert all(re.fullmatch(r"svd: \d+ s so far", message) for message in caplog.messages)
    known = len(caplog.messages)
    said.wait(0.05)
    assert len(caplog.messages) <= known + 1  # one may have been on its way


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("PMISVD", lambda: sp.PMISVD(dim=1, verbose=True).fit(np.eye(3) + 1)),
        ("SPPMISVD", lambda: sp.SPPMISVD(dim=1, k=1, verbose=True).fit(np.eye(3) + 1)),
        ("QWEM", lambda: sp.QWEM(dim=1, verbose=True).fit(np.eye(3) + 1)),
        ("softmax problem", lambda: sp.softmax_problem(words=5, pairs=100)),
        ("attributes problem", lambda: PROBLEMS["attributes"](attributes=3, pairs=100)),
    ],
)
def test_long_steps_in_scripts_say_that_they_run(said, step, caplog, monkeypatch):
    """LAPACK, and draws of a large truth, say nothing themselves."""
    for module in (svd, qwem, problem):
        monkeypatch.setattr(module, "beating", partial(beating, first=0.0, every=0.001))
    with caplog.at_level(logging.INFO, "sgns_pmi"):
        for _ in range(100):  # until the thread that says so has had its turn
            step()
            if caplog.messages:
                break
    assert re.fullmatch(rf"{said}: \d+ s so far", caplog.messages[0])
    Progress.heard = 0.0


def test_nothing_is_said_of_a_step_that_has_ended(monkeypatch):
    """A thread that a busy machine woke late spoke into the next step (and into the next test)."""
    begun, said = threading.Event(), []

    def say_slowly(line: str) -> None:
        begun.set()
        time.sleep(0.05)
        said.append(line)

    monkeypatch.setattr(progress, "_say", say_slowly)
    with beating("svd", first=0.0, every=1000):
        assert begun.wait(10)
    assert said == ["svd: 0 s so far"]
    Progress.heard = 0.0


def test_a_step_inside_a_step_is_said_once(caplog, monkeypatch):
    with caplog.at_level(logging.INFO, "sgns_pmi"), beating("run", first=1.0, every=1.0), beating("svd", first=0.05, every=0.05):
        time.sleep(1.2)
    assert {message.partition(":")[0] for message in caplog.messages} == {"svd"}
    Progress.heard = 0.0


def test_a_step_that_shows_its_progress_is_left_alone(caplog, monkeypatch):
    monkeypatch.setattr(Progress, "heard", time.monotonic() + 1000)
    with caplog.at_level(logging.INFO, "sgns_pmi"):
        with beating("fit", first=0.01, every=0.01):
            time.sleep(0.1)
        monkeypatch.setattr(Progress, "heard", 0.0)
        with beating("fit", shown=False, first=0.01, every=0.01):
            time.sleep(0.1)
    assert caplog.messages == []


def test_what_progress_says_is_heard(clock, caplog):
    with caplog.at_level(logging.INFO, "sgns_pmi"), Progress("fit", 10) as bar:
        clock.now += 20
        bar.update()
    assert Progress.heard == clock.now
    Progress.heard = 0.0
