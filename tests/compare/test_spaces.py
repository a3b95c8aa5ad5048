"""Spaces, against definitions computed the long way."""

from __future__ import annotations

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi.compare import spaces
from sgns_pmi.compare.found import Found


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(30, 3))


def test_angles_between_planes_are_known():
    tilt = np.array([[1.0, 0], [0, np.cos(0.3)], [0, np.sin(0.3)]])
    np.testing.assert_allclose(spaces.principal_angles(tilt, np.eye(3)[:, :2]), [0.3, 0], atol=1e-12)


def test_a_mix_of_columns_spans_the_same_space_and_a_rotation_is_no_error(vectors):
    mix = np.random.default_rng(1).normal(size=(3, 3))
    rotation = np.linalg.qr(mix)[0]
    assert spaces.principal_angles(vectors @ mix, vectors).max() < 1e-6
    assert spaces.procrustes_error(vectors @ rotation, vectors) < 1e-12
    assert spaces.procrustes_error(vectors @ mix, vectors) > 0.1
    assert spaces.procrustes_error(3 * vectors, vectors) == pytest.approx(2)


def test_pip_loss_is_the_distance_of_inner_products(vectors):
    other = np.random.default_rng(2).normal(size=(30, 5))
    expected = np.linalg.norm(vectors @ vectors.T - other @ other.T)
    assert spaces.pip_loss(vectors, other) == pytest.approx(expected, rel=1e-12)


def test_divergence_of_the_implied_distribution():
    problem = sp.softmax_problem(words=8, rank=2)
    assert spaces.implied_divergence(problem.pmi, problem.joint) == pytest.approx(0, abs=1e-12)
    p, q = problem.joint.sum(1), problem.joint.sum(0)
    # Independence implies the mutual information.
    assert spaces.implied_divergence(0 * problem.pmi, problem.joint) == pytest.approx(
        (problem.joint * problem.pmi).sum(), rel=1e-9
    )
    off = problem.pmi + np.random.default_rng(0).normal(size=(8, 8))
    implied = np.outer(p, q) * np.exp(off)
    expected = (problem.joint * np.log(problem.joint / (implied / implied.sum()))).sum()
    assert spaces.implied_divergence(off, problem.joint) == pytest.approx(expected, rel=1e-9)


def test_agreement_of_words_counted_by_hand():
    """Directions at 0, 10, 90, 110 and 0, 10, 90, 30 degrees: all but the last word agree on their nearest."""
    angles = np.array([[0, 10, 90, 110], [0, 10, 90, 25]]) * np.pi / 180  # nearest: 1, 0, 3, 2 and 1, 0, 3, 1
    first, second = (np.column_stack([np.cos(row), np.sin(row)]) for row in angles)
    assert spaces.neighbour_overlap(first, second, 1) == 0.75
    assert spaces.neighbour_overlap(first, 5 * first, 2) == 1
    assert spaces.cosine_correlation(first, 2 * first) == pytest.approx(1)
    table = spaces.agreement({"a": first, "b": second, "c": first}, 1).set_index(["method", "other", "metric"])["value"]
    assert table["a", "b", "overlap"] == 0.75
    assert table["a", "c", "overlap"] == 1
    assert len(table) == 6


def test_shapes_that_do_not_fit_are_refused(vectors):
    with pytest.raises(sp.InputError, match="same shape"):
        spaces.procrustes_error(vectors, vectors[:, :2])
    with pytest.raises(sp.InputError, match="number of rows"):
        spaces.pip_loss(vectors, vectors[:5])


def test_rows_of_a_run_say_how_far_spaces_are_apart():
    problem = sp.softmax_problem(words=14, rank=1, pairs=30_000)
    fitted = {
        "sgns_expected": sp.SGNS(dim=3, solver=sp.Expected(starts=1)).fit(problem.counts),
        "empirical": sp.Empirical().fit(problem.counts),
        "independence": sp.SoftmaxMLE(dim=2).fit(problem.counts),  # PMI 0, of rank 0
        "oracle": sp.Oracle(dim=3).fit(problem.pmi),
    }
    rows = spaces.space_rows(Found(problem, fitted))
    assert list(rows["method"].unique()) == ["sgns_expected", "oracle"]
    value = rows.set_index(["method", "metric"])["value"]
    for metric in ("row_angle", "col_angle", "procrustes", "pip_loss", "kl"):
        assert value["oracle", metric] == pytest.approx(0, abs=1e-6)
        assert value["sgns_expected", metric] > 1e-4
    estimate = fitted["sgns_expected"].estimate_pmi()
    left, _, right = np.linalg.svd(estimate)
    true_left, _, true_right = np.linalg.svd(problem.pmi)
    for metric, own, true in (("row_angle", left, true_left), ("col_angle", right.T, true_right.T)):
        cosine = np.linalg.svd(own[:, :3].T @ true[:, :3], compute_uv=False).min()
        assert value["sgns_expected", metric] == pytest.approx(np.arccos(cosine), rel=1e-5)
    implied = np.exp(estimate) * np.outer(problem.joint.sum(1), problem.joint.sum(0))
    divergence = np.sum(problem.joint * np.log(problem.joint / (implied / implied.sum())))
    assert value["sgns_expected", "kl"] == pytest.approx(divergence, rel=1e-9)


def test_methods_of_a_run_agree_with_themselves_and_zeros_with_none():
    problem = sp.softmax_problem(words=30, rank=2, pairs=30_000)
    V = sp.QWEM(dim=2).fit(problem.counts)
    fitted = {"one": V, "other": V, "zeros": sp.SPPMISVD(dim=2, k=10_000).fit(problem.counts), "empirical": sp.Empirical()}
    rows = spaces.agreement_table(Found(problem, fitted)).rows
    value = rows.set_index(["method", "other", "metric"])["value"]
    assert value["one", "other", "overlap"] == 1
    assert value["one", "other", "spearman"] == pytest.approx(1)
    assert ("one", "zeros", "spearman") not in value.index
    assert not rows.isin(["empirical"]).any().any()
