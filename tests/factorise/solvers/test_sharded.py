"""Factors shared out among processes: the same ℓ and the same scores as of one, which are those of the exact objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from command import count_zipf, two_processes

import sgns_pmi as sp
from sgns_pmi.arrays import unpack_words
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.linalg import truncated_svd
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.factorise.solvers.sharded import BLOCK, COPIES, Processes, ShardedObjective, room, sharded_start, solve_sharded
from sgns_pmi.factorise.solvers.start import quadratic_model
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems import stored as stored_counts
from sgns_pmi.problems.data_sets import DataSet
from sgns_pmi.problems.stored import RowBlock, read_counts, row_blocks, rows_kept
from sgns_pmi.shards import main

pytest.importorskip("duckdb", reason="needs the extra shards")
KEYS = ("dim=3", "k=2", "exponent=0.75", "tolerance=1e-14")


WORDS = 39


def reader(folder: Path) -> Callable[[], Iterator[RowBlock]]:
    return lambda: row_blocks(DataSet(folder / "counts"), slice(0, WORDS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 39 words, which two processes do not share evenly."""
    place = tmp_path_factory.mktemp("sharded")
    count_zipf(place, seed=0, tokens=6000, words=WORDS)
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
    V, U = sharded_start(reader(folder), 3, negatives, counts.total, processes, passes=40)
    matrix, left_weight, right_weight = quadratic_model(counts, negatives, counts.total)
    left, values, right = truncated_svd(matrix @ np.eye(counts.shape[1]), 3)
    best = (left * values) @ right.T
    np.testing.assert_allclose(left_weight[:, None] * (V @ U.T) * right_weight, best, atol=1e-10)
    np.testing.assert_allclose((left_weight[:, None] * V).T @ (left_weight[:, None] * V), np.diag(values), atol=1e-10)


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are read 50 at a time, as in a data set that is large, and in blocks of three rows of scores."""
    monkeypatch.setattr(stored_counts, "AT_ONCE", 50)
    monkeypatch.setattr("sgns_pmi.factorise.losses.cells.block_bytes", lambda: 3 * 8 * WORDS)


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("memory", [math.inf, 3000, 0], ids=["memory", "both", "disk"])
def test_the_objective_of_blocks_is_that_of_all_counts(folder: Path, memory: float) -> None:
    stored = DataSet(folder / "counts")
    counts = read_counts(stored)
    negatives = Negatives.of(counts, 2, exponent=0.75)
    rng = np.random.default_rng(0)
    V, U = (torch.tensor(rng.normal(size=(WORDS, 3))) for _ in range(2))
    exact = ExactObjective(counts, negatives)
    with rows_kept(stored, slice(0, WORDS), memory) as read:
        assert len(list(read())) > 3
        ours = ShardedObjective(read, counts.row_sums, negatives, counts.total, Processes(WORDS))
        assert ours.value(V, U) == pytest.approx(exact.value(V, U), rel=1e-13)
        for found, expected in zip(ours.value_and_gradient(V, U)[1:], exact.value_and_gradient(V, U)[1:], strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-15, rtol=1e-12)
        for found, expected in zip(ours.mean_curvatures(V, U), exact.mean_curvatures(V, U), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.usefixtures("in_blocks")
def test_a_fit_of_counts_on_disk_is_that_of_counts_in_memory(folder: Path) -> None:
    """To 1e-10 with as many pairs; fewer pairs and float32 come to the same end, to what they resolve."""
    stored, fits = DataSet(folder / "counts"), {}
    for name, memory, keys in (
        ("memory", math.inf, {}),
        ("disk", 0, {}),
        ("two pairs", 0, {"pairs": 2}),
        ("float32", 0, {"pairs": 3, "dtype": torch.float32, "tolerance": 1e-9}),
    ):
        with rows_kept(stored, slice(0, WORDS), memory) as read:
            fits[name] = solve_sharded(read, 3, 2, 0.75, Processes(WORDS), **({"tolerance": 1e-14} | keys))[0]
    assert fits["float32"].V.dtype == fits["float32"].U.dtype == np.float32
    for name, rounding in (("disk", 1e-10), ("two pairs", 1e-10), ("float32", 1e-6)):
        assert fits[name].objective == pytest.approx(fits["memory"].objective, rel=rounding), name
    np.testing.assert_allclose(fits["disk"].V @ fits["disk"].U.T, fits["memory"].V @ fits["memory"].U.T, atol=1e-10)


def test_memory_is_shared_out_among_pairs_and_counts(folder: Path) -> None:
    """The arithmetic of docs/scale.md: 200,000 words at dim 100."""
    processes = Processes(200_000)
    assert room(None, processes, 100, torch.float64) == (10, math.inf)
    pairs, left = room(4 * 10**9, processes, 100, torch.float32)
    assert (pairs, left) == (6, 4e9 - BLOCK - (COPIES + 2 * 6) * 160e6)
    with pytest.raises(InputError, match=r"memory=4,000MB: is too little; 5\.3GB will do"):
        room(4 * 10**9, processes, 100, torch.float64)
    processes.own = slice(0, 50_000)  # of four: a quarter of the pairs, and U of all
    pairs, left = room(4 * 10**9, processes, 100, torch.float32)
    assert (pairs, left) == (10, 4e9 - BLOCK - (COPIES + 2 * 10) * 40e6 - 4 * 60e6)
    with pytest.raises(InputError, match=r"2\.3GB will do"):  # for the start, whose arrays are of all contexts
        room(2 * 10**9, processes, 100, torch.float32)


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
        (data, "v.npz", "precision=half"): "precision=half: must be",
        (data, "v.npz", "memory=4"): "memory=4: must be a size as 500MB",
        (data, "v.npz", "memory=100MB"): "memory=100MB: is too little; 0.2GB will do",
        (data, "v.npz", "memory=1GB", "method=sppmi_svd"): "memory=1000000000: is no key of method=sppmi_svd",
        (str(folder), "v.npz"): "path=",
    }.items():
        with pytest.raises(SystemExit) as end:
            main(["factorise", *arguments])
        assert end.value.code == 2
        assert capsys.readouterr().err.startswith(said)


def test_a_fit_in_one_process_is_repeatable(folder: Path) -> None:
    fits = [solve_sharded(reader(folder), 2, 5, 1.0, Processes(WORDS), seed=seed)[0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(fits[0].V, fits[1].V)
    assert fits[2].objective == pytest.approx(fits[0].objective, rel=1e-6)
