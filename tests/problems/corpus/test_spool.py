"""Arrays come back as they were put, from memory or from a file that nobody sees."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus.spool import Spool


@pytest.mark.parametrize("limit", [0, 100, 10**6])
def test_what_is_put_is_taken(tmp_path, limit):
    rng = np.random.default_rng(0)
    put = [
        (rng.integers(9, size=n), rng.integers(9, size=n, dtype=np.int32), np.zeros(0, np.uint16), np.full(n, 5, np.uint8))
        for n in (3, 0, 7, 40)
    ]
    folder = tmp_path / "new"
    with Spool(folder, limit) as spool:
        numbers = [spool.put(*arrays) for arrays in put]
        assert (numbers, len(spool)) == ([0, 1, 2, 3], 4)
        assert (spool.spilled > 0) == (limit < 10**6)
        assert not folder.exists() or list(folder.iterdir()) == []
        for number, arrays in reversed(list(zip(numbers, put, strict=True))):
            for taken, array in zip(spool.take(number), arrays, strict=True):
                assert taken.dtype == array.dtype
                np.testing.assert_array_equal(taken, array)


def test_a_full_disk_is_said_in_one_line(tmp_path, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: open("/dev/full", "wb"))  # noqa: SIM115
    spool = Spool(tmp_path, 0)
    with pytest.raises(InputError, match=r"cache=.*No space left"):
        spool.put(np.zeros(100_000))
