"""Draws from a noise distribution, exact and in frequency."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.draws import NoiseSampler, alias_table
from sgns_pmi.factorise.methods.numpy_sgns import NumpySGNS
from sgns_pmi.negatives import Negatives


@given(weights=st.lists(st.floats(0, 1e3), min_size=1, max_size=30).filter(lambda w: sum(w) > 1e-3))
@settings(max_examples=100, deadline=None)
def test_alias_table_holds_the_distribution_exactly(weights):
    noise = np.array(weights) / np.sum(weights)
    share, alias = alias_table(noise)
    held = share.copy()
    np.add.at(held, alias, 1 - share)
    np.testing.assert_allclose(held / len(noise), noise, atol=1e-14)
    assert (share >= 0).all()
    assert (share <= 1).all()


def test_draws_follow_the_noise():
    noise = np.array([0.5, 0.0, 0.3, 0.15, 0.05])
    drawn = NoiseSampler(Negatives(4, noise), torch.Generator().manual_seed(0)).draw(50_000).numpy()
    share = np.bincount(drawn.ravel(), minlength=5) / drawn.size
    error = np.sqrt(noise * (1 - noise) / drawn.size)
    assert (np.abs(share - noise) <= 4 * error).all()  # and none where the noise is 0


@pytest.mark.parametrize("method", [sp.SGNS(dim=1, k=10**18, solver="sampled"), NumpySGNS(dim=1, k=10**18)])
def test_more_negatives_than_there_is_memory_for_are_refused(method):
    with pytest.raises(InputError, match=r"k=1000000000000000000: needs .* choose a smaller k"):
        method.fit(np.ones((2, 2)))
