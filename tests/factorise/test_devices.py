"""Work on rows, side by side."""

from __future__ import annotations

import pytest
import torch

from sgns_pmi.factorise import devices as threads
from sgns_pmi.factorise.devices import by_rows, threads_for


@pytest.fixture
def three_threads(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)


@pytest.mark.parametrize(("rows", "contexts", "parts"), [(1_000, 1_000, 3), (2, 10**6, 2), (100, 100, 1), (150, 1_000, 2)])
def test_ranges_make_up_all_rows(three_threads, rows, contexts, parts):
    seen = []
    by_rows(lambda first, last: seen.append((first, last)), rows, contexts)
    assert len(seen) == parts
    assert [row for first, last in sorted(seen) for row in range(first, last)] == list(range(rows))


def test_an_error_in_any_range_is_raised(three_threads):
    def work(first: int, last: int) -> None:
        if last == 1_000:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        by_rows(work, 1_000, 1_000)


def test_small_problems_get_one_thread_and_others_what_there_is():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threads_for((100, 100)):
            assert torch.get_num_threads() == 1
        with threads_for((1_000, threads.SMALL_CELLS)):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
