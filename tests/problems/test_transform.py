"""Transformations of truths against the same operation on the dense joint distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgns_pmi.problems import sampling
from sgns_pmi.problems.problem import Truth
from sgns_pmi.problems.softmax import softmax_truth
from sgns_pmi.problems.transform import joint_truth, permuted, restricted, symmetrised, with_margins


def random_truth(seed: int, words: int, contexts: int, dense: bool) -> Truth:
    rng = np.random.default_rng(seed)
    truth = softmax_truth(rng.normal(size=(words, 2)), rng.normal(size=(contexts, 2)))
    return joint_truth(truth.joint()) if dense else truth


def check(truth: Truth, joint: np.ndarray) -> None:
    p, q = joint.sum(axis=1), joint.sum(axis=0)
    np.testing.assert_allclose(truth.joint(), joint, rtol=1e-9)
    np.testing.assert_allclose(truth.row_marginal, p, rtol=1e-10)
    np.testing.assert_allclose(truth.col_marginal, q, rtol=1e-10)
    np.testing.assert_allclose(truth.pmi(), np.log(joint / np.outer(p, q)), atol=1e-9)


cases = given(seed=st.integers(0, 999), words=st.integers(3, 9), contexts=st.integers(3, 9), dense=st.booleans())


@cases
@settings(max_examples=25, deadline=None)
def test_permuted(seed: int, words: int, contexts: int, dense: bool) -> None:
    rng, truth = np.random.default_rng(seed), random_truth(seed, words, contexts, dense)
    rows, columns = rng.permutation(words), rng.permutation(contexts)
    after = permuted(truth, rows, columns)
    check(after, truth.joint()[np.ix_(rows, columns)])
    if not dense:
        np.testing.assert_array_equal(after.nominal(), truth.nominal()[np.ix_(rows, columns)])


@cases
@settings(max_examples=25, deadline=None)
def test_restricted(seed: int, words: int, contexts: int, dense: bool) -> None:
    rng, truth = np.random.default_rng(seed), random_truth(seed, words, contexts, dense)
    rows, columns = rng.permutation(words)[:2], rng.permutation(contexts)[:3]
    part = truth.joint()[np.ix_(rows, columns)]
    check(restricted(truth, rows, columns), part / part.sum())


@cases
@settings(max_examples=25, deadline=None)
def test_margins_change_and_odds_ratios_stay(seed: int, words: int, contexts: int, dense: bool) -> None:
    rng, truth = np.random.default_rng(seed), random_truth(seed, words, contexts, dense)
    p, q = rng.dirichlet(np.full(words, 5)), rng.dirichlet(np.full(contexts, 5))
    after = with_margins(truth, p, q)
    joint = after.joint()
    np.testing.assert_allclose(joint.sum(axis=1), p, rtol=1e-10)
    np.testing.assert_allclose(joint.sum(axis=0), q, rtol=1e-10)
    check(after, joint)
    shift = np.log(joint / truth.joint())
    np.testing.assert_allclose(shift - shift[:1] - shift[:, :1] + shift[0, 0], 0, atol=1e-9)


@given(seed=st.integers(0, 999), words=st.integers(2, 9), dense=st.booleans())
@settings(max_examples=25, deadline=None)
def test_symmetrised(seed: int, words: int, dense: bool) -> None:
    truth = random_truth(seed, words, words, dense)
    check(symmetrised(truth), (truth.joint() + truth.joint().T) / 2)


@pytest.mark.parametrize("dense", [False, True])
def test_margins_and_restriction_keep_low_rank(dense: bool) -> None:
    truth = random_truth(0, 20, 25, dense)
    assert truth.pmi_rank() == 4
    rows, columns = np.arange(15), np.arange(5, 25)
    assert restricted(truth, rows, columns).pmi_rank() == 4
    uniform = np.full(20, 1 / 20), np.full(25, 1 / 25)
    assert np.linalg.matrix_rank(with_margins(truth, *uniform).pmi(), tol=1e-8) == 4


def test_blocks_do_not_change_a_restriction(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, rows, columns = random_truth(0, 20, 25, False), np.arange(15)[::-1], np.arange(5, 25)
    whole = restricted(truth, rows, columns)
    monkeypatch.setattr(sampling, "BLOCK_CELLS", 60)
    np.testing.assert_allclose(restricted(truth, rows, columns).pmi(), whole.pmi(), atol=1e-12)
