"""SPPMI read block by block: its SVD is LAPACK's and scipy's within the bounds, and never is more than a block of it there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import ClassVar

import numpy as np
import pytest
from command import count_zipf
from scipy.sparse.linalg import svds

import sgns_pmi as sp
from sgns_pmi.factorise.solvers.sharded import Processes
from sgns_pmi.factorise.solvers.streamed import StreamedSPPMI, streamed_svd
from sgns_pmi.problems import data_sets
from sgns_pmi.problems import stored as stored_counts
from sgns_pmi.problems.data_sets import DataSet
from sgns_pmi.problems.stored import read_counts, row_blocks
from sgns_pmi.shards import main

pytest.importorskip("duckdb", reason="needs the extra shards")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in many files and row groups: most rows are cut."""
    place = tmp_path_factory.mktemp("streamed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_sets, "FILE", 700)
        patch.setattr(data_sets, "GROUP", 50)
        count_zipf(place, seed=1, tokens=8000, words=90)
    return place


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are read 50 at a time, as in a data set that is large."""
    monkeypatch.setattr(stored_counts, "AT_ONCE", 50)


def streamed(folder: Path, k: float, exponent: float) -> StreamedSPPMI:
    counts = DataSet(folder / "counts")
    size = counts.manifest.words
    return StreamedSPPMI(lambda: row_blocks(counts, slice(0, size)), (size, size), k, exponent, Processes(size))


@pytest.mark.usefixtures("in_blocks")
def test_blocks_are_whole_rows_of_what_is_there(folder: Path) -> None:
    data = DataSet(folder / "counts")
    whole = read_counts(data).matrix.toarray()
    for low, high in ((0, 90), (13, 57), (88, 90), (4, 5)):
        at = 0
        for rows, matrix in row_blocks(data, slice(low, high)):
            assert rows.start == at
            assert matrix.nnz <= 150  # a row of up to 90, and what was read with its end
            np.testing.assert_array_equal(matrix.toarray(), whole[low:high][rows])
            at = rows.stop
        assert at == high - low


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize(("k", "exponent"), [(1.0, 1.0), (2.5, 0.75)])
def test_the_svd_is_that_of_the_matrix(folder: Path, k: float, exponent: float) -> None:
    counts = read_counts(DataSet(folder / "counts"))
    whole = sp.sppmi_matrix(counts, k, exponent)
    matrix = streamed(folder, k, exponent)
    for rows, block in matrix:
        np.testing.assert_allclose(block.toarray(), whole.toarray()[rows], atol=1e-13)
    np.testing.assert_allclose(matrix.col_sums, counts.col_sums, rtol=1e-14)
    V, U, found = streamed_svd(matrix, 4, Processes(90), tolerance=1e-7)
    dense = np.linalg.svd(whole.toarray())
    theirs = np.sort(svds(whole, k=4, random_state=0)[1])[::-1]
    for exact in (dense[1][:4], theirs):
        assert (np.abs(found.values - exact) <= found.bounds + 1e-12).all()
    assert found.bounds.max() <= 1e-7 * found.values[-1]
    np.testing.assert_allclose(V @ U.T, (dense[0][:, :4] * dense[1][:4]) @ dense[2][:4], atol=1e-5)
    np.testing.assert_allclose(V.T @ V, np.diag(found.values), atol=1e-5)
    # The per-vector error of the literature: |uᵀAAᵀu − σ²|, of unit vectors u.
    vectors = V / np.sqrt(found.values)
    error = np.abs(((whole.T @ vectors) ** 2).sum(axis=0) - dense[1][:4] ** 2)
    assert (error <= found.errors + 1e-12).all()


class Half(Processes):
    """One of two processes, as a thread: the real ones are those of test_sharded.py and test_buckets.py."""

    meeting = Barrier(2)
    shelf: ClassVar = [None, None]

    def __init__(self, number: int) -> None:
        self.number, self.all, self.own = number, 2, (slice(0, 37), slice(37, 90))[number]

    def sum(self, own):
        self.shelf[self.number] = own
        self.meeting.wait()
        total = self.shelf[0] + self.shelf[1]
        self.meeting.wait()
        return total


def test_two_processes_find_what_one_finds(folder: Path) -> None:
    counts = DataSet(folder / "counts")

    def fit(processes: Processes):
        own = processes.own
        matrix = StreamedSPPMI(lambda: row_blocks(counts, own), (own.stop - own.start, 90), 2, 0.75, processes)
        return streamed_svd(matrix, 4, processes, tolerance=1e-9)

    with ThreadPoolExecutor(2) as threads:
        (V_0, U_0, found), (V_1, U_1, same) = threads.map(fit, (Half(0), Half(1)))
    V, U, alone = fit(Processes(90))
    for values in (found.values, same.values):
        np.testing.assert_allclose(values, alone.values, rtol=1e-12)
    np.testing.assert_allclose(np.vstack([V_0, V_1]) @ np.vstack([U_0, U_1]).T, V @ U.T, atol=1e-8)


def test_the_command_writes_what_the_method_finds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ("method=sppmi_svd", "dim=4", "k=2", "exponent=0.75", "tolerance=1e-9")
    main(["factorise", str(folder / "counts"), str(folder / "one.npz"), *keys])
    assert "singular values" in capsys.readouterr().out
    counts = read_counts(DataSet(folder / "counts"))
    exact = sp.SPPMISVD(dim=4, k=2, exponent=0.75).fit(counts)
    with np.load(folder / "one.npz") as arrays:
        np.testing.assert_allclose(arrays["singular_values"], exact.singular_values_, rtol=1e-9)
        np.testing.assert_allclose(arrays["V"] @ arrays["U"].T, exact.V_ @ exact.U_.T, atol=1e-7)
        np.testing.assert_allclose(arrays["row_sums"], counts.row_sums, rtol=1e-14)
        np.testing.assert_allclose(arrays["col_sums"], counts.col_sums, rtol=1e-14)


def test_what_it_cannot_have_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for key, said in {"method=svd": "method=svd: must be one of", "k=0.5": "k=0.5: must be"}.items():
        with pytest.raises(SystemExit):
            main(["factorise", str(folder / "counts"), str(folder / "no.npz"), key])
        assert capsys.readouterr().err.startswith(said)


def test_where_no_cell_is_positive_factors_are_zero(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["factorise", str(folder / "counts"), str(folder / "zero.npz"), "method=sppmi_svd", "dim=2", "k=1000000"])
    with np.load(folder / "zero.npz") as arrays:
        assert not arrays["V"].any()
        assert not arrays["U"].any()
        assert not arrays["singular_values"].any()
