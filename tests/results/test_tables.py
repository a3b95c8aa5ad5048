"""Tables in files: whole or absent, and read back as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sgns_pmi.files import atomic_path
from sgns_pmi.results.tables import read_csv, write_csv


def half_written(target: Path) -> None:
    with atomic_path(target) as beside:
        beside.write_text("half a tab", encoding="utf-8")
        raise RuntimeError


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "new" / "table.csv"
    with pytest.raises(RuntimeError):
        half_written(target)
    assert list(target.parent.iterdir()) == []
    with atomic_path(target) as beside:
        beside.write_text("first", encoding="utf-8")
    with pytest.raises(RuntimeError):
        half_written(target)
    assert target.read_text() == "first"
    assert list(target.parent.iterdir()) == [target]


def test_floats_read_back_exactly(tmp_path: Path) -> None:
    values = [0.1 + 0.2, 1 / 3, 1e-300, np.pi * 1e20, np.inf, -np.inf]
    write_csv(pd.DataFrame({"target": "true", "value": values}), tmp_path / "t.csv")
    assert read_csv(tmp_path / "t.csv")["value"].tolist() == values
    assert set(read_csv(tmp_path / "t.csv")["target"]) == {"true"}
