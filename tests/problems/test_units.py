"""Units held out as wholes: every count in one of two parts, every unit in one, one of each five."""

from __future__ import annotations

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi.problems import PROBLEMS
from sgns_pmi.problems.units import hold_out, unit_counts


@pytest.fixture(scope="module")
def problem() -> sp.Problem:
    return PROBLEMS["documents"](words=10, topics=2, documents=40, pairs=20_000, seed=3)


def test_units_are_held_out_as_wholes(problem):
    by_unit = unit_counts(problem.units, problem.counts)
    found = hold_out(problem.counts, [by_unit], 0.2, np.random.default_rng(0))
    np.testing.assert_allclose((found.kept.matrix + found.held.matrix).toarray(), problem.counts.matrix.toarray())
    assert found.by_unit.shape == (8, found.held.nnz)
    np.testing.assert_allclose(found.by_unit.sum(0), found.held.matrix.data)
    whole = by_unit.toarray()
    cells = np.flatnonzero(found.held.matrix.toarray()[problem.counts.matrix.nonzero()])
    at = [int(np.flatnonzero((whole[:, cells] == row).all(1))[0]) for row in found.by_unit.toarray()]
    assert [place // 5 for place in at] == list(range(8))
    assert found.units == at
    assert len({place % 5 for place in at}) > 1
    # However the units come, and the same again.
    parts = hold_out(problem.counts, [by_unit[:7], by_unit[7:33], by_unit[33:]], 0.2, np.random.default_rng(0))
    np.testing.assert_array_equal(parts.held.matrix.toarray(), found.held.matrix.toarray())


def test_too_few_units_are_refused(problem):
    by_unit = unit_counts(problem.units, problem.counts)[:4]
    with pytest.raises(sp.InputError, match="too few to hold one of each 5 out"):
        hold_out(problem.counts, [by_unit], 0.2, np.random.default_rng(0))
