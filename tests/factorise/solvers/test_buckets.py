"""Training by buckets: gradients whose expectation is the exact one, ℓ near the exact optimum, the same whoever trains which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from command import count_zipf, two_processes

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.solvers.blocks import Drawn
from sgns_pmi.factorise.solvers.buckets import Bucket, Columns, gradient, solve_buckets
from sgns_pmi.factorise.solvers.sharded import Processes
from sgns_pmi.problems.data_sets import DataSet
from sgns_pmi.problems.stored import read_counts
from sgns_pmi.shards import main

K, EXPONENT, BLOCKS = 3, 0.75, 4


@pytest.fixture(scope="module")
def counts() -> sp.CooccurrenceCounts:
    """Counts of 30 words by Zipf's law, some of them in few cells."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, 31)
    return sp.CooccurrenceCounts.from_matrix(rng.poisson(40 * share[:, None] * share * rng.gamma(1, 1, (30, 30))) + np.eye(30))


def test_buckets_add_up_to_the_exact_gradient(counts: sp.CooccurrenceCounts) -> None:
    """All columns of each block taken: ℓ and its gradient to rounding. Few drawn: the same in the mean."""
    rng = np.random.default_rng(1)
    V, U = torch.from_numpy(rng.normal(size=(30, 3))), torch.from_numpy(rng.normal(size=(30, 3)))
    noise = sp.noise_distribution(counts, exponent=EXPONENT)
    exact = sp.sgns_objective(V.numpy(), U.numpy(), counts, K, noise, gradient=True)
    weight = torch.from_numpy(K * counts.row_sums)

    def total(draws: int) -> list[np.ndarray]:
        loss, dV, dU = 0.0, torch.zeros_like(V), torch.zeros_like(U)
        for number in range(BLOCKS):
            columns = Columns(number, BLOCKS, noise)
            for rows in (slice(0, 13), slice(13, 30)):
                bucket = Bucket(rows, columns.of(counts.matrix[rows]), weight[rows], counts.total)
                found, dv, du = gradient(bucket, V[rows], U[number::BLOCKS], columns.draw(draws, rng))
                loss, dV[rows] = loss + found, dV[rows] + dv
                dU[number::BLOCKS] += du
        return [np.array(loss), dV.numpy(), dU.numpy()]

    for one, other in zip(total(100), exact, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)
    many = [np.stack(parts) for parts in zip(*(total(3) for _ in range(150)), strict=True)]
    for drawn, other in zip(many, exact, strict=True):
        error = np.maximum(drawn.std(axis=0) / np.sqrt(150), 1e-12)
        assert drawn.std() > 0
        assert np.abs((drawn.mean(axis=0) - other) / error).max() < 4.5  # of up to 91 numbers


def test_draws_weigh_their_block_of_the_noise() -> None:
    noise = np.random.default_rng(2).dirichlet(np.ones(23))
    for number in range(BLOCKS):
        columns, rng = Columns(number, BLOCKS, noise), np.random.default_rng(number)
        met = np.zeros(len(noise[number::BLOCKS]))
        for _ in range(3000):
            drawn: Drawn = columns.draw(2, rng)
            assert float(drawn.weights.sum()) == pytest.approx(noise[number::BLOCKS].sum())
            met[drawn.contexts.numpy()] += drawn.weights.numpy()
        np.testing.assert_allclose(met / 3000, noise[number::BLOCKS], atol=0.01)


def test_it_ends_near_the_exact_optimum() -> None:
    counts = sp.marginal_problem(words=60, rank=2, pairs=200_000, zipf=0.5, seed=0).counts
    exact = sp.SGNS(dim=2, k=5).fit(counts)
    sums = counts.row_sums, counts.col_sums
    noise = sp.noise_distribution(counts)

    def cells(rows):
        yield slice(0, rows.stop - rows.start), counts.matrix[rows]

    for draws, above in ((2048, 1e-3), (8, 0.01)):  # of 15 columns of each block all, or 8 in 15
        V, U, losses = solve_buckets(cells, *sums, 2, 5, 1.0, Processes(60), blocks=4, draws=draws)
        loss = sp.sgns_objective(V, U, counts, 5, noise)
        assert exact.objective_ - 1e-9 <= loss <= exact.objective_ * (1 + above)
        assert losses[-1] == pytest.approx(loss, rel=0.01)
        again = solve_buckets(cells, *sums, 2, 5, 1.0, Processes(60), blocks=4, draws=draws)
        np.testing.assert_array_equal(V, again[0])
    with pytest.raises(InputError, match="blocks=61: must be a multiple of the 1 processes, at most the 60 words"):
        solve_buckets(cells, *sums, 2, 5, 1.0, Processes(60), blocks=61)


def test_two_processes_learn_what_one_learns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb", reason="needs the extra shards")
    data = str(count_zipf(tmp_path, seed=0, tokens=6000, words=39))
    keys = ("method=sgns_sampled", "dim=3", "k=2", "exponent=0.75", "max_steps=30", "blocks=4")
    main(["factorise", data, str(tmp_path / "one.npz"), *keys])
    assert "after 30 epochs" in capsys.readouterr().out
    two_processes("factorise", data, str(tmp_path / "two.npz"), *keys)
    counts = read_counts(DataSet(data))
    with np.load(tmp_path / "one.npz") as one, np.load(tmp_path / "two.npz") as two:
        np.testing.assert_allclose(one["V"], two["V"], atol=1e-10)
        np.testing.assert_allclose(one["U"], two["U"], atol=1e-10)
        noise = sp.noise_distribution(counts, exponent=0.75)
        loss = sp.sgns_objective(one["V"], one["U"], counts, 2, noise)
    assert loss <= sp.SGNS(dim=3, k=2, exponent=0.75).fit(counts).objective_ * 1.01
    for key, said in {"blocks=40": "blocks=40: must be a multiple", "tolerance=0.1": "tolerance=0.1: is no key"}.items():
        with pytest.raises(SystemExit):
            main(["factorise", data, str(tmp_path / "no.npz"), "method=sgns_sampled", key])
        assert capsys.readouterr().err.splitlines()[-1].startswith(said)
