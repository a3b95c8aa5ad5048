"""The softmax generator: its truth against dense formulas, and the R experiment's figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.problems import sampling
from sgns_pmi.problems.softmax import softmax_problem, softmax_truth


def dense_joint(V: np.ndarray, U: np.ndarray) -> np.ndarray:
    weights = np.exp(V @ U.T - (V @ U.T).max())
    return weights / weights.sum()


def dense_pmi(joint: np.ndarray) -> np.ndarray:
    return np.log(joint / np.outer(joint.sum(1), joint.sum(0)))


@pytest.mark.parametrize("rank", [1, 2, 5])
@pytest.mark.parametrize("words", [12, 40])
def test_truth_is_the_softmax_and_its_pmi(words, rank):
    rng = np.random.default_rng(words + rank)
    V, U = rng.normal(size=(words, rank)), rng.normal(size=(words + 3, rank))
    truth, joint = softmax_truth(V, U), dense_joint(V, U)
    np.testing.assert_allclose(truth.joint(), joint, rtol=1e-11)
    np.testing.assert_allclose(truth.pmi(), dense_pmi(joint), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(truth.row_marginal, joint.sum(1), rtol=1e-12)
    np.testing.assert_allclose(truth.col_marginal, joint.sum(0), rtol=1e-12)
    np.testing.assert_allclose(truth.nominal(), V @ U.T)
    assert truth.joint().sum() == pytest.approx(1, rel=1e-12)
    assert truth.pmi_rank() == np.linalg.matrix_rank(dense_pmi(joint), tol=1e-8) == rank + 2


def test_rows_are_rows_of_the_whole():
    truth = softmax_problem(words=20).truth
    some = np.array([3, 17, 0])
    for part in (truth.pmi, truth.joint, truth.nominal):
        np.testing.assert_allclose(part(some), part()[some], rtol=1e-13)
        np.testing.assert_allclose(part(slice(4, 9)), part()[4:9], rtol=1e-13)


def test_blocks_do_not_change_the_truth(monkeypatch):
    rng = np.random.default_rng(0)
    V, U = rng.normal(size=(23, 2)), rng.normal(size=(17, 2))
    whole = softmax_truth(V, U)
    monkeypatch.setattr(sampling, "BLOCK_CELLS", 40)  # two rows at a time
    parts = softmax_truth(V, U)
    np.testing.assert_allclose(parts.pmi(), whole.pmi(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(parts.joint(), whole.joint(), rtol=1e-12)


def test_scores_beyond_exp_do_not_overflow():
    """exp(800) is infinite in float64; the softmax of scores around 800 is not."""
    V, U = np.array([[20.0], [20.1]]), np.array([[40.0], [40.2]])
    truth = softmax_truth(V, U)
    np.testing.assert_allclose(truth.joint(), dense_joint(V, U), rtol=1e-9)


def test_problem_says_what_it_is():
    problem = softmax_problem(words=30, rank=1, pairs=1000)
    assert problem.title == "softmax generator, 30 words, rank 1, 1,000 pairs"
    assert problem.pmi_rank == 3
    assert problem.counts.shape == problem.pmi.shape == problem.joint.shape == problem.nominal.shape == (30, 30)
    np.testing.assert_allclose(problem.pmi, dense_pmi(problem.joint), rtol=1e-9, atol=1e-11)
    assert np.linalg.matrix_rank(problem.nominal) == 1


def test_seed_fixes_everything():
    one, same, other = (softmax_problem(words=30, pairs=1000, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.counts.matrix.toarray(), same.counts.matrix.toarray())
    np.testing.assert_array_equal(one.pmi, same.pmi)
    assert not np.allclose(one.pmi, other.pmi)


def test_pairs_do_not_change_the_truth():
    np.testing.assert_array_equal(softmax_problem(words=20, pairs=10).pmi, softmax_problem(words=20, pairs=10**6).pmi)


def test_factors_are_standard_normal():
    """Over 20,000 entries, mean and variance are within 5 standard errors of 0 and 1."""
    truth = softmax_problem(words=5000, rank=2, pairs=1).truth
    entries = np.concatenate([truth.nominal_left.ravel(), truth.nominal_right.ravel()])
    assert abs(entries.mean()) < 5 / np.sqrt(entries.size)
    assert abs(entries.var() - 1) < 5 * np.sqrt(2 / entries.size)
    assert abs(np.corrcoef(truth.nominal_left.ravel(), truth.nominal_right.ravel())[0, 1]) < 5 / np.sqrt(10_000)


def test_r_experiment(r_reference):
    V = pd.read_csv(r_reference.folder / "v_true.csv").to_numpy()
    U = pd.read_csv(r_reference.folder / "u_true.csv").to_numpy()
    truth = softmax_truth(V, U)
    rmse = np.sqrt(np.mean((truth.nominal() - truth.pmi()) ** 2))
    assert rmse == pytest.approx(r_reference.figures["rmse_nominal_vs_pmi_true"], rel=1e-12)
    assert truth.pmi_rank() == r_reference.figures["pmi_true_rank"] == 4


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("words", 1),
        ("words", 2.5),
        ("rank", 0),
        ("pairs", 0),
        ("pairs", -5),
        ("pairs", 2**63),
        ("seed", -1),
        ("sampling", "binomial"),
    ],
)
@pytest.mark.parametrize("generator", [sp.softmax_problem, sp.marginal_problem])
def test_values_out_of_range(generator, key, value):
    with pytest.raises(InputError) as caught:
        generator(**{"words": 10, "pairs": 100, key: value})
    assert caught.value.field == key


@pytest.mark.study
def test_twenty_thousand_words_fit_in_memory():
    """20,000 x 20,000 cells and 10⁸ pairs: under 4 GB at the peak, Python and its imports included."""
    import subprocess
    import sys

    script = (
        "import resource; from sgns_pmi.problems import softmax_problem;"
        "softmax_problem(words=20_000, rank=2, pairs=10**8);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peak = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert int(peak) / 2**20 < 4  # kilobytes on Linux
