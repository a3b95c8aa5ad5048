"""The line search: what it accepts, and when it gives up."""

from __future__ import annotations

import pytest

from sgns_pmi.factorise.solvers.search import ENOUGH, Trial, backtrack


def along(length: float) -> tuple[Trial, str]:
    """(x − 1)² from x = 0 in direction 8: the slope is −2 · 8."""
    x = 8 * length
    return Trial((x - 1) ** 2, 16 * length), f"{x}"


def test_the_first_length_that_brings_enough_is_taken():
    assert backtrack(along, 1.0, halvings=10) == (0.125, 0.0, "1.0")
    assert backtrack(along, 1.0, halvings=3) is None


@pytest.mark.parametrize(("share", "taken"), [(1.01, True), (0.99, False)])
def test_a_step_must_bring_its_share_of_the_promise(share, taken):
    fall = share * ENOUGH * 0.5
    found = backtrack(lambda length: (Trial(2 - length * fall, length * 0.5), None), 2.0, halvings=1)
    assert (found is not None) == taken


def test_a_rise_within_rounding_is_taken_and_a_step_uphill_is_not():
    rise = 1e-9
    assert backtrack(lambda length: (Trial(1 + rise, 1e-12), None), 1.0, halvings=1, rounding=1e-8) is not None
    assert backtrack(lambda length: (Trial(1 + rise, 1e-12), None), 1.0, halvings=1) is None
    assert backtrack(lambda length: (Trial(0.5, -1.0), None), 1.0, halvings=5) is None
