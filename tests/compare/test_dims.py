"""The best dim: the rank of the PMI where there are pairs enough, and less where there are few."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.dims import efficient_errors, heldout_dims, predicted_dims, suggested_dim, thinned
from sgns_pmi.compare.found import Found
from sgns_pmi.compare.path import path_table

BIASED = sp.SGNS(k=5, bias=True, solver=sp.Expected(starts=1))


def test_many_pairs_suggest_the_rank_and_few_suggest_less():
    joint = sp.softmax_problem(words=12, rank=2, seed=2).joint
    assert suggested_dim(predicted_dims(BIASED, joint, 10**7, [1, 2, 3])) == 2
    assert suggested_dim(predicted_dims(BIASED, joint, 10, [1, 2, 3])) == 1


def test_heldout_pairs_suggest_the_rank():
    found = [
        suggested_dim(
            heldout_dims(BIASED, sp.softmax_problem(words=12, rank=2, pairs=10**6, seed=seed).counts, [1, 2, 3], seed=seed)
        )
        for seed in range(10)
    ]
    assert found.count(2) >= 8


def test_whole_units_are_held_out_where_they_are_given():
    """Documents in 40 copies of one another: whole ones predict the others, and tell of no noise; half of the pairs would."""
    triples = sp.softmax_problem(words=12, rank=2, pairs=3000, seed=1).counts.triples
    alike = pd.concat([triples.assign(unit=unit) for unit in range(40)])
    counts = sp.CooccurrenceCounts.from_triples(alike["center"], alike["context"], alike["count"], (12, 12))
    found = heldout_dims(BIASED, counts, [1, 2, 3], units=alike)
    assert list(found["value"]) == sorted(found["value"], reverse=True)


def test_thinning_keeps_every_pair_once_and_shares_are_binomial():
    counts = sp.softmax_problem(words=12, rank=1, pairs=100_000).counts
    kept, held = thinned(counts, 0.2, seed=3)
    np.testing.assert_array_equal((kept.matrix + held.matrix).toarray(), counts.matrix.toarray())
    assert held.total == pytest.approx(20_000, abs=4 * np.sqrt(100_000 * 0.16))
    with pytest.raises(sp.InputError, match=r"^share="):
        thinned(counts, 1.0)
    with pytest.raises(sp.InputError, match="whole numbers"):
        thinned(sp.CooccurrenceCounts.from_matrix(counts.matrix / 2), 0.2)


def test_the_closed_form_is_that_of_a_table_of_two_effects():
    """x = s a bᵀ with a, b of mean 0 and mean square 1: one component of size s, worth having if N s² > words + contexts − 1."""
    a, p = np.array([1.0, -1.0, 1.0, -1.0]), np.full(4, 0.25)
    scores = 0.1 * np.outer(a, a) + np.arange(4)  # and an effect of columns, which biases hold
    errors = efficient_errors(scores, np.outer(p, p), 1000, bias=True)
    np.testing.assert_allclose(errors["value"][:2], [0.1, np.sqrt(7 / 1000)])
    assert suggested_dim(errors) == 1
    assert suggested_dim(efficient_errors(scores, np.outer(p, p), 600, bias=True)) == 0
    assert suggested_dim(efficient_errors(scores, np.outer(p, p), 1000, bias=False)) == 2


@pytest.mark.parametrize("bias", [True, False])
def test_the_closed_form_is_near_the_methods_own_prediction(bias):
    problem, method = sp.softmax_problem(words=20, rank=2, seed=1), sp.SGNS(k=1, bias=bias, solver=BIASED.solver)
    dims = [2, 3] if bias else [4, 5]
    own = predicted_dims(method, problem.joint, 10**6, dims)["value"].to_numpy()
    closed = efficient_errors(problem.pmi, problem.joint, 10**6, bias)["value"].to_numpy()[dims]
    np.testing.assert_allclose(closed, own, rtol=0.15)


@pytest.mark.study
@pytest.mark.parametrize(("pairs", "right"), [(10**7, 9), (200_000, 8)])
@pytest.mark.parametrize(("bias", "rank"), [(True, 2), (False, 4)])
def test_study_suggested_dim_is_the_rank(pairs, right, bias, rank):
    """Ten seeds of 100 words, held out and predicted; the penalty path's rank is too large, as a penalty lets noise in."""
    found = {"held_out": 0, "predicted": 0}
    for seed in range(10):
        problem = sp.softmax_problem(words=100, rank=2, pairs=pairs, seed=seed)
        fitted = sp.SGNS(dim=6, k=5, bias=bias, ridge="auto", solver=BIASED.solver).fit(problem.counts)
        answers = path_table(Found(problem, {"sgns": fitted})).facts["suggested_dim"]["sgns"]
        assert answers["penalty_path"] >= rank
        for answer in found:
            found[answer] += answers[answer] == rank
    assert min(found.values()) >= right, found
