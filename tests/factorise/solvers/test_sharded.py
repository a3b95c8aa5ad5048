"""Factors shared out among processes: the same ℓ and the same scores as of one, which are those of the exact objective."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import count_zipf, two_processes

import sgns_pmi as sp
from sgns_pmi.arrays import unpack_words
from sgns_pmi.factorise.linalg import truncated_svd
from sgns_pmi.factorise.solvers.sharded import Processes, sharded_start, solve_sharded
from sgns_pmi.factorise.solvers.start import quadratic_model
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems.data_sets import DataSet
from sgns_pmi.problems.stored import read_counts, read_rows
from sgns_pmi.shards import main

pytest.importorskip("duckdb", reason="needs the extra shards")
KEYS = ("dim=3", "k=2", "exponent=0.75", "tolerance=1e-14")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 39 words, which two processes do not share evenly."""
    place = tmp_path_factory.mktemp("sharded")
    count_zipf(place, seed=0, tokens=6000, words=39)
    return place


def test_two_processes_find_what_one_finds(folder: Path) -> None:
    main(["factorise", str(folder / "counts"), str(folder / "one.npz"), *KEYS])
    said = two_processes("factorise", str(folder / "counts"), str(folder / "two.npz"), *KEYS)
    assert "processes: 2" in said
    counts = read_counts(DataSet(folder / "counts"))
    noise = sp.noise_distribution(counts, exponent=0.75)
    found = {}
    for name in ("one", "two"):
        with np.load(folder / f"{name}.npz") as arrays:
            assert unpack_words(arrays, "vocab") == list(counts.vocab)
            np.testing.assert_allclose(arrays["row_sums"], counts.row_sums, rtol=1e-14)
            np.testing.assert_allclose(arrays["col_sums"], counts.col_sums, rtol=1e-14)
            found[name] = arrays["V"] @ arrays["U"].T
            loss = sp.sgns_objective(arrays["V"], arrays["U"], counts, k=2, noise=noise)
        assert loss == pytest.approx(float(said.split("objective ")[1].split()[0]), rel=1e-10)
    np.testing.assert_allclose(found["one"], found["two"], atol=1e-5)  # ℓ is flat: its rounding moves scores by far more
    exact = sp.SGNS(dim=3, k=2, exponent=0.75).fit(counts)
    assert loss == pytest.approx(exact.objective_, rel=1e-9)


def test_the_start_is_the_spectral_one(folder: Path) -> None:
    counts = read_counts(DataSet(folder / "counts"))
    negatives = Negatives.of(counts, 2)
    processes = Processes(counts.shape[0])
    V, U = sharded_start(counts, 3, negatives, counts.total, processes, passes=40)
    matrix, left_weight, right_weight = quadratic_model(counts, negatives, counts.total)
    left, values, right = truncated_svd(matrix @ np.eye(counts.shape[1]), 3)
    best = (left * values) @ right.T
    np.testing.assert_allclose(left_weight[:, None] * (V @ U.T) * right_weight, best, atol=1e-10)
    np.testing.assert_allclose((left_weight[:, None] * V).T @ (left_weight[:, None] * V), np.diag(values), atol=1e-10)


def test_rows_are_read_alone(folder: Path) -> None:
    stored = DataSet(folder / "counts")
    whole = read_counts(stored).matrix.toarray()
    for rows in (slice(0, 7), slice(7, 39), slice(11, 12)):
        np.testing.assert_array_equal(read_rows(stored, rows).matrix.toarray(), whole[rows])


def test_rows_of_no_use_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(folder / "counts")
    for arguments, said in {
        (data,): "command line=",
        (data, "v.txt"): "command line=",
        (data, "v.npz", "dim=0"): "dim=0.0: must be a whole number",
        (data, "v.npz", "dim=40"): "dim=40: must be at most 39",
        (data, "v.npz", "dmi=4"): "dmi=4: no such key; did you mean dim?",
        (data, "v.npz", "tolerance=0"): "tolerance=0.0: must be a number above 0",
        (data, "v.npz", "k=x"): "k=x: must be a number",
        (str(folder), "v.npz"): "path=",
    }.items():
        with pytest.raises(SystemExit) as end:
            main(["factorise", *arguments])
        assert end.value.code == 2
        assert capsys.readouterr().err.startswith(said)


def test_a_fit_in_one_process_is_repeatable(folder: Path) -> None:
    counts = read_counts(DataSet(folder / "counts"))
    fits = [solve_sharded(counts, 2, 5, 1.0, Processes(counts.shape[0]), seed=seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(fits[0].V, fits[1].V)
    assert fits[2].objective == pytest.approx(fits[0].objective, rel=1e-6)
