"""What would not fit into memory is refused before it is begun, with what to change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi import InputError, memory
from sgns_pmi.memory import check_memory, free_bytes


def test_what_is_free_is_the_least_of_what_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    monkeypatch.setattr(memory, "LIMITS", ((limit, used),))
    unlimited = free_bytes()
    assert unlimited > 0
    used.write_text("1000\n")
    limit.write_text("max\n")
    assert free_bytes() > 10**6
    limit.write_text("5000\n")
    assert free_bytes() == 4000
    used.write_text("6000\n")
    assert free_bytes() == 0


def test_a_refusal_names_need_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 2.0 * 2**30)
    check_memory("words", 5, 2.0 * 2**30, "take fewer")
    with pytest.raises(InputError, match=r"^words=5: needs 2\.5 GiB of memory, and 2\.0 GiB are free; take fewer$"):
        check_memory("words", 5, 2.5 * 2**30, "take fewer")


def test_a_dense_estimate_is_refused_at_once_and_some_rows_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    svd = sp.PMISVD(dim=1).fit(np.eye(3) + 1)
    svd.V_, svd.U_, svd._offset = np.zeros((60_000, 1)), np.zeros((60_000, 1)), np.zeros(60_000)
    monkeypatch.setattr(memory, "free_bytes", lambda: 4.0 * 2**30)
    with pytest.raises(InputError, match=r"needs 26\.8 GiB of memory, .*rows=.*estimate_cells"):
        svd.estimate_pmi()
    assert svd.estimate_pmi(rows=slice(0, 5)).shape == (5, 60_000)
    assert svd.estimate_pmi(rows=np.array([1, 7])).shape == (2, 60_000)
