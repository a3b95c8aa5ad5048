"""The best dim: the rank of the PMI where there are pairs enough, and less where there are few."""

from __future__ import annotations

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.dims import heldout_dims, predicted_dims, suggested_dim, thinned

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


def test_thinning_keeps_every_pair_once_and_shares_are_binomial():
    counts = sp.softmax_problem(words=12, rank=1, pairs=100_000).counts
    kept, held = thinned(counts, 0.2, seed=3)
    np.testing.assert_array_equal((kept.matrix + held.matrix).toarray(), counts.matrix.toarray())
    assert held.total == pytest.approx(20_000, abs=4 * np.sqrt(100_000 * 0.16))
    with pytest.raises(sp.InputError, match=r"^share="):
        thinned(counts, 1.0)
    with pytest.raises(sp.InputError, match="whole numbers"):
        thinned(sp.CooccurrenceCounts.from_matrix(counts.matrix / 2), 0.2)


@pytest.mark.study
@pytest.mark.parametrize(("pairs", "right"), [(10**7, 9), (200_000, 8)])
@pytest.mark.parametrize(("bias", "rank"), [(True, 2), (False, 4)])
def test_study_suggested_dim_is_the_rank(pairs, right, bias, rank):
    """Ten seeds of 100 words."""
    method, found = sp.SGNS(k=5, bias=bias), {"predicted": 0, "held out": 0}
    for seed in range(10):
        problem = sp.softmax_problem(words=100, rank=2, pairs=pairs, seed=seed)
        dims = range(rank - 1, rank + 3)
        found["predicted"] += suggested_dim(predicted_dims(method, problem.joint, pairs, dims)) == rank
        found["held out"] += suggested_dim(heldout_dims(method, problem.counts, dims, seed=seed)) == rank
    assert min(found.values()) >= right, found
