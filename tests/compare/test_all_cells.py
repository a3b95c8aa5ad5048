"""Variances of every cell by what each unit moves, against those by what each cell asks."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import sgns_pmi as sp
from sgns_pmi.compare import all_cells, curvature, inference
from sgns_pmi.compare.all_cells import all_variances, unit_moves
from sgns_pmi.compare.inference import linearised
from sgns_pmi.compare.sandwich import Direction, Sandwich
from sgns_pmi.errors import InputError

WORDS = 7
ONCE = sp.Expected(starts=1)
CASES = {
    "biases": sp.SGNS(dim=2, k=5, bias=True, solver=ONCE),
    "smoothed": sp.SGNS(dim=4, k=5, exponent=0.75, solver=ONCE),
    "centers": sp.SGNS(dim=4, k=5, noise="center_unigram", exponent=0.5, solver=ONCE),
    "uniform": sp.SGNS(dim=3, k=5, noise="uniform", solver=ONCE),
    "dropped": sp.SGNS(dim=3, k=2, exponent=0.75, drop_positive=True, solver=ONCE),
    "penalised": sp.SGNS(dim=4, k=5, ridge=1e-4, solver=ONCE),
    "likelihood": sp.SoftmaxMLE(dim=4),
}


def counted(seed: int = 3) -> sp.CooccurrenceCounts:
    return sp.softmax_problem(words=WORDS, rank=2, pairs=20_000, seed=seed).counts


def in_units(counts: sp.CooccurrenceCounts, units: int = 9) -> scipy.sparse.csr_array:
    """The counts as the sum of units of many pairs, and parts of pairs."""
    shares = np.random.default_rng(0).dirichlet(np.full(units, 0.3), counts.nnz).T
    return scipy.sparse.csr_array(shares * counts.matrix.data)


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_what_units_move_is_what_functionals_feel(case, corrected):
    """φ of a functional with gradient D after A⁻ and offsets o, once by pairs added up, once by the units' moves."""
    counts, rng = counted(), np.random.default_rng(0)
    units = in_units(counts)
    whole = Sandwich(linearised(CASES[case].fit(counts), counts, corrected), counts, [units])
    direction = Direction(*(rng.normal(size=(3, WORDS, whole.columns)) for _ in range(2)))
    offset = rng.normal(size=(3, WORDS, 2))
    phi = whole.influence(direction, offset)
    expected = units @ (phi - (phi @ whole.pairs.share)[:, None]).T
    scores, offsets = unit_moves(whole, units)
    found = np.einsum("gcj,kjc->gk", offsets, offset)
    for score, own in zip(scores, direction, strict=True):
        found -= np.einsum("gaf,kaf->gk", score, own)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * abs(expected).max())


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_all_cells_at_once_have_the_variances_of_each(case, corrected, monkeypatch):
    counts = counted()
    units = in_units(counts)
    whole = Sandwich(linearised(CASES[case].fit(counts), counts, corrected), counts, [units[:4], units[4:]])
    expected = whole.cell_variances(*np.indices(counts.shape).reshape(2, -1))
    monkeypatch.setattr(all_cells, "NUMBERS", 3 * whole.parameters)  # some units at a time
    np.testing.assert_allclose(all_variances(whole).ravel(), expected, rtol=1e-6)


def test_random_combinations_stand_for_independent_pairs(monkeypatch):
    """Each variance within five of its standard errors √(2 / G), and their mean, of correlated numbers, within two."""
    counts = counted()
    whole = Sandwich(linearised(CASES["biases"].fit(counts), counts), counts)
    expected = whole.cell_variances(*np.indices(counts.shape).reshape(2, -1))
    monkeypatch.setattr(all_cells, "NUMBERS", 100 * counts.nnz)
    quotient = all_variances(whole).ravel() / expected
    error = np.sqrt(2 / all_cells.COMBINATIONS)
    assert np.abs(quotient - 1).max() < 5 * error
    assert abs(quotient.mean() - 1) < 2 * error
    assert np.abs(quotient - 1).max() > error / 10  # they are random


def test_inference_of_a_larger_table_needs_no_cells(monkeypatch):
    counts = counted()
    units = in_units(counts)
    unit, cell = units.nonzero()
    rows, cols = counts.centers[cell], counts.matrix.indices[cell]
    table = np.column_stack([unit, rows, cols, units.toarray()[unit, cell]])
    fitted = CASES["biases"].fit(counts)
    few = sp.inference(fitted, counts, table)
    monkeypatch.setattr(inference, "DENSE_PARAMETERS", 0)
    many = sp.inference(fitted, counts, table)
    np.testing.assert_allclose(many.to_numpy(dtype=float), few.to_numpy(dtype=float), rtol=1e-5, atol=1e-12)
    monkeypatch.setattr(all_cells, "MOST_CELLS", WORDS**2 - 1)
    with pytest.raises(InputError, match="name the cells; all 7 x 7 would take too long"):
        sp.inference(fitted, counts, table)
    monkeypatch.undo()
    monkeypatch.setattr(inference, "DENSE_PARAMETERS", 0)
    monkeypatch.setattr(curvature.Curvature, "factor", None)
    with pytest.raises(InputError, match="need a minimum"):
        sp.inference(fitted, counts, table)
    trained = sp.SGNS(dim=2, solver=sp.Sampled(epochs=2)).fit(counts)
    with pytest.raises(InputError, match="name the cells; what the draws of training add"):
        sp.inference(trained, counts)
    assert len(sp.inference(fitted, counts, table, cells=[(0, 1)])) == 1
