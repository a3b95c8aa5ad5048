"""The marginal generator: prescribed marginals, exact PMI, and its rank."""

from __future__ import annotations

import numpy as np
import pytest

from sgns_pmi.errors import InputError
from sgns_pmi.problems import sampling, scaling
from sgns_pmi.problems.marginal import marginal_problem
from sgns_pmi.problems.scaling import sinkhorn, zipf_marginal

SMALL = {"words": 40, "pairs": 1000}


def check_truth(problem, p: np.ndarray) -> None:
    joint = problem.joint
    assert joint.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(joint.sum(1), p, rtol=1e-11)
    np.testing.assert_allclose(joint.sum(0), p, rtol=1e-11)
    np.testing.assert_allclose(problem.pmi, np.log(joint / np.outer(joint.sum(1), joint.sum(0))), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("zipf", [0, 1, 1.5])
@pytest.mark.parametrize("symmetric", [False, True])
def test_marginals_and_pmi_are_exact(rank, zipf, symmetric):
    problem = marginal_problem(**SMALL, rank=rank, zipf=zipf, symmetric=symmetric, seed=rank)
    p = 1 / np.arange(1.0, 41) ** zipf
    check_truth(problem, p / p.sum())
    assert problem.pmi_rank == np.linalg.matrix_rank(problem.pmi, tol=1e-8) == rank + 2


def test_pmi_is_the_nominal_matrix_but_for_rows_and_columns():
    """PMI − M = (a_i − log p_i) + (b_j − log q_j): its double differences are zero."""
    problem = marginal_problem(**SMALL)
    rest = problem.pmi - problem.nominal
    np.testing.assert_allclose(rest - rest[:1] - rest[:, :1] + rest[0, 0], 0, atol=1e-10)


def test_shift_keeps_the_rank():
    problem = marginal_problem(**SMALL)
    assert np.linalg.matrix_rank(problem.pmi - np.log(20), tol=1e-8) == problem.pmi_rank == 5


def test_symmetric():
    problem = marginal_problem(**SMALL, symmetric=True)
    np.testing.assert_allclose(problem.joint, problem.joint.T, rtol=1e-10)
    np.testing.assert_allclose(problem.nominal, problem.nominal.T, rtol=1e-12)
    other = marginal_problem(**SMALL)
    assert not np.allclose(other.joint, other.joint.T)
    assert problem.title.startswith("symmetric Zipf 1 generator, 40 words, rank 3")


def test_zipf_law():
    np.testing.assert_allclose(zipf_marginal(3, 1), np.array([6, 3, 2]) / 11)
    np.testing.assert_array_equal(zipf_marginal(4, 0), np.full(4, 0.25))
    assert marginal_problem(**SMALL, zipf=0).title.startswith("uniform generator")


def test_given_marginals(tmp_path):
    weights = np.random.default_rng(0).uniform(0.5, 3, 40)
    np.savetxt(tmp_path / "marginals.txt", weights)
    array = marginal_problem(**SMALL, marginals=weights)
    file = marginal_problem(**SMALL, marginals=str(tmp_path / "marginals.txt"))
    path = marginal_problem(**SMALL, marginals=tmp_path / "marginals.txt")
    check_truth(array, weights / weights.sum())
    for other in (file, path):
        np.testing.assert_allclose(other.pmi, array.pmi, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(other.counts.matrix.toarray(), array.counts.matrix.toarray())
    assert array.title.startswith("given marginals generator")


@pytest.mark.parametrize(
    "weights", [[1, 2], np.ones((40, 1)), [0] + [1] * 39, [-1] + [1] * 39, [np.nan] + [1] * 39, ["a"] * 40, 3, [[1], [1, 2]]]
)
def test_bad_marginals(weights):
    with pytest.raises(InputError) as caught:
        marginal_problem(**SMALL, marginals=weights)
    assert caught.value.field == "marginals"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [None, "", "one\ntwo\n", "1\n2\n"])
def test_bad_marginals_file(tmp_path, text):
    file = tmp_path / "marginals.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError) as caught:
        marginal_problem(**SMALL, marginals=str(file))
    assert caught.value.field == "marginals"
    assert "\n" not in str(caught.value)


def test_scale_is_the_spread_of_a_rank_one_matrix():
    """M's entries are products of two normals of variance `scale`: their standard deviation is `scale`."""
    truth = marginal_problem(words=1500, rank=1, pairs=1, zipf=0, scale=0.3).truth
    for factor in (truth.nominal_left, truth.nominal_right):
        assert abs(factor.var() / 0.3 - 1) < 5 * np.sqrt(2 / factor.size)


def test_scaling_that_does_not_converge(monkeypatch):
    monkeypatch.setattr(scaling, "MOST_PASSES", 3)
    with pytest.raises(InputError) as caught:
        marginal_problem(**SMALL)
    assert caught.value.field == "scale"
    assert "after 3 passes at most" in str(caught.value)


def test_hopeless_scale_is_refused_not_nan():
    with pytest.raises(InputError, match=r"^scale=1000000\.0: .*choose a smaller scale"):
        marginal_problem(words=10, rank=2, pairs=10, scale=1e6)


@pytest.mark.parametrize("cached", [True, False])
def test_blocks_do_not_change_the_truth(monkeypatch, cached):
    whole = marginal_problem(**SMALL)
    monkeypatch.setattr(sampling, "BLOCK_CELLS", 120)  # three rows at a time
    if not cached:
        monkeypatch.setattr(scaling, "CACHED_CELLS", 0)
    parts = marginal_problem(**SMALL)
    np.testing.assert_allclose(parts.pmi, whole.pmi, rtol=1e-9, atol=1e-10)


def test_sinkhorn_of_a_rectangle():
    rng = np.random.default_rng(3)
    V, U = rng.normal(size=(6, 2)), rng.normal(size=(9, 2))
    p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(9))
    a, b = sinkhorn(V, U, p, q)
    joint = np.exp(V @ U.T + a[:, None] + b)
    np.testing.assert_allclose(joint.sum(1), p, rtol=1e-11)
    np.testing.assert_allclose(joint.sum(0), q, rtol=1e-11)


def test_seed_fixes_everything():
    one, same, other = (marginal_problem(**SMALL, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.counts.matrix.toarray(), same.counts.matrix.toarray())
    np.testing.assert_array_equal(one.pmi, same.pmi)
    assert not np.allclose(one.pmi, other.pmi)


@pytest.mark.parametrize(
    ("key", "value"),
    [("zipf", -1), ("zipf", "one"), ("scale", 0), ("scale", -1), ("scale", np.nan), ("symmetric", "yes"), ("symmetric", 1)],
)
def test_values_out_of_range(key, value):
    with pytest.raises(InputError) as caught:
        marginal_problem(**SMALL, **{key: value})
    assert caught.value.field == key


def test_symmetric_factors_are_the_same_and_not_opposite() -> None:
    """M = V₀V₀ᵀ has no negative eigenvalue; −V₀V₀ᵀ would be symmetric too."""
    nominal = marginal_problem(words=12, rank=2, pairs=1000, symmetric=True, seed=0).nominal
    assert nominal is not None
    values = np.linalg.eigvalsh(nominal)
    assert values[-2] > 0.1
    assert abs(values[:-2]).max() < 1e-10
