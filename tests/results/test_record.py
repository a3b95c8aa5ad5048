"""What a run leaves behind, piece by piece."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp
from sgns_pmi.results.record import PROCESS, RunRecord, commit, forget_peak_memory, histories, peak_memory_mb, versions


def test_histories_of_methods_without_one() -> None:
    counts = sp.CooccurrenceCounts.from_matrix([[1, 2], [3, 4]])
    columns = ["method", "step", "epoch", "seconds", "objective"]
    assert histories({"empirical": sp.Empirical().fit(counts)}).columns.tolist() == columns
    fitted = sp.SGNS(dim=1).fit(counts)
    frame = histories({"a": fitted, "empirical": sp.Empirical().fit(counts), "b": fitted})
    assert frame.columns.tolist() == columns
    assert len(frame) == 2 * len(fitted.history_)


@pytest.mark.parametrize(
    ("error", "status"), [(None, "complete"), (KeyboardInterrupt(), "interrupted"), (RuntimeError("no"), "failed")]
)
def test_however_a_run_ends_the_summary_says_so(tmp_path: Path, error: BaseException | None, status: str) -> None:
    record = RunRecord(tmp_path, {"methods": 3})
    with record, record.step("work"):
        if error is not None:
            raise error
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["status"] == record.status == status
    assert [step["step"] for step in summary["steps"]] == ["work"]
    assert summary["seeds"] == {"methods": 3}


def test_the_summary_is_there_from_the_first_second(tmp_path: Path) -> None:
    def written() -> dict[str, Any]:
        return json.loads((tmp_path / "summary.json").read_text())

    with RunRecord(tmp_path, {"methods": 3}, "0a-0b") as record:
        first = written()
        assert (first["status"], first["pid"], first["host"], first["job"]) == ("running", os.getpid(), platform.node(), "0a-0b")
        with record.step("work"):
            pass
        second = written()
        assert [step["step"] for step in second["steps"]] == ["work"]
        assert second["start"] == first["start"] <= first["updated"] <= second["updated"]
    assert written()["status"] == "complete"


def test_a_table_is_written_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    with RunRecord(tmp_path, {}) as record:
        record.keep("history", pd.DataFrame({"step": [1], "objective": [np.nan]}))
        first = file.stat()
        record.keep("history", pd.DataFrame({"step": [1], "objective": [np.nan]}))
        assert (file.stat().st_ino, file.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
        for changed, text in (({"step": [1], "objective": [0.5]}, "step,objective\n1,0.5\n"), ({"step": [1]}, "step\n1\n")):
            record.keep("history", pd.DataFrame(changed))
            assert file.read_text() == text
            assert record.frames["history"].equals(pd.DataFrame(changed))


@pytest.mark.parametrize("error", [sp.InputError("k", 0, "must be 1 or more"), SystemExit(3)])
def test_refusals_and_exits_pass_and_are_noted(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), RunRecord(tmp_path, {}):
        raise error
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["status"] == ("refused" if isinstance(error, sp.InputError) else "failed")
    assert summary["warnings"] == (["k=0: must be 1 or more"] if isinstance(error, sp.InputError) else [])


def test_facts_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert versions()["scipy"] is not None
    monkeypatch.setattr("sgns_pmi.results.record.PACKAGES", ("no-such-package-here",))
    assert versions()["no-such-package-here"] is None
    monkeypatch.setattr("sgns_pmi.results.record.REPOSITORY", tmp_path)
    assert commit() is None  # no checkout
    (tmp_path / ".git").mkdir()
    assert commit() is None  # one that git does not know


def test_peak_memory_is_that_of_the_step(tmp_path: Path) -> None:
    record = RunRecord(tmp_path, {})
    with record.step("large"):
        np.ones(30 << 20)  # 240 MiB
    with record.step("small"):
        pass
    large, small = (step["peak_memory_mb"] for step in record.summary()["steps"])
    assert large > 240
    if PROCESS.is_dir():
        assert small < large - 200


def test_peak_memory_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = peak_memory_mb()
    monkeypatch.setattr("sgns_pmi.results.record.PROCESS", tmp_path / "none")
    forget_peak_memory()
    whole = peak_memory_mb()  # of the whole process, in the same unit
    assert here is not None
    assert whole is not None
    assert here / 2 < whole < 20 * here
    monkeypatch.setattr("sgns_pmi.results.record.resource", None)
    assert peak_memory_mb() is None
