"""Progress: log lines where there is no terminal, a bar where there is one, silence on request."""

from __future__ import annotations

import io
import logging

import pytest

from sgns_pmi import progress
from sgns_pmi.progress import Progress


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
