"""Texts that do not end, or take for ever: they are refused, or wait with a word, and Ctrl-C ends them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import sgns_pmi as sp


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_once_and_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("a b a b\n" * 3))
    with caplog.at_level("INFO", "sgns_pmi"):
        writer.start()
        problem = sp.text_problem(pipe, min_count=1, cache=False)
        writer.join()
    assert any(line == f"text: waiting for {pipe}" for line in caplog.messages)
    assert problem.counts.vocab == ("a", "b")
    assert problem.corpus is None  # what reads a text again and again cannot have it


@pytest.mark.parametrize("device", ["/dev/urandom", "/dev/zero"])
@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_a_device_without_end_is_refused(device: str, errors: str) -> None:
    if not Path(device).exists():
        pytest.skip(f"needs {device}")
    with pytest.raises(sp.InputError, match=r"no text|no white space"):
        sp.text_problem(device, errors=errors, min_count=1, cache=False)


def pipe(folder: Path) -> dict[str, object]:
    os.mkfifo(folder / "pipe")
    return {"path": folder / "pipe"}


def regex(folder: Path) -> dict[str, object]:
    """(?:a+)+b tries 2⁶⁰ ways to find no match in aaa…!."""
    (folder / "text").write_text("a" * 60 + "!\n")
    return {"path": folder / "text", "tokens": "regex", "pattern": "(?:a+)+b"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("endless", [pipe, regex])
def test_ctrl_c_ends_it(endless: Callable[[Path], dict[str, object]], tmp_path: Path) -> None:
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("needs the main thread, which signals go to")
    options = endless(tmp_path)
    # The alarm raises KeyboardInterrupt just as Ctrl-C does, and needs no other thread, which a regular expression keeps waiting.
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            sp.text_problem(**options, cache=False)  # type: ignore[arg-type]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
