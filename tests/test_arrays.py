"""Arrays of strangers: what SciPy's and NumPy's readers believe, and what the process then dies of, is refused in one line."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse

import sgns_pmi as sp
from sgns_pmi import arrays, unpack
from sgns_pmi.errors import InputError

CSR = {
    "format": np.array(b"csr"),
    "shape": np.array([3, 4]),
    "data": np.array([1.0, 2.0]),
    "indices": np.array([0, 3]),
    "indptr": np.array([0, 1, 1, 2]),
}
COO = {"format": np.array(b"coo"), "shape": np.array([3, 4]), "data": np.ones(1), "row": np.array([2]), "col": np.array([3])}
DIA = {"format": np.array(b"dia"), "shape": np.array([3, 4]), "data": np.ones((1, 4)), "offsets": np.array([1])}
BSR = {**CSR, "format": np.array(b"bsr"), "shape": np.array([2, 4]), "data": np.ones((1, 2, 2)), "indptr": np.array([0, 1])}
BSR["indices"] = np.array([1])


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        sp.read_triples(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    return caught.value


@pytest.mark.parametrize("whole", [CSR, COO, DIA, BSR], ids=["csr", "coo", "dia", "bsr"])
def test_the_undamaged_are_read_as_scipy_reads_them(tmp_path, whole):
    np.savez(tmp_path / "c.npz", **whole)
    expected = sparse.load_npz(tmp_path / "c.npz").toarray()
    np.testing.assert_array_equal(sp.read_triples(tmp_path / "c.npz").matrix.toarray(), expected)


@pytest.mark.parametrize(
    ("whole", "damage"),
    [
        (CSR, {"indptr": np.array([0, 10**8, 1, 2])}),  # SciPy alone: SIGSEGV
        (CSR, {"indptr": np.array([0, 2, 1, 2])}),
        (CSR, {"indptr": np.array([1, 1, 1, 2])}),
        (CSR, {"indptr": np.array([0, 1, 1, 3])}),
        (CSR, {"indptr": np.array([0, 1, 2])}),
        (CSR, {"indptr": np.array([0, 1, 1, 2.0])}),
        (CSR, {"indptr": np.array([[0, 1, 1, 2]])}),
        (CSR, {"indptr": np.array([0, 1, 1, 2**64 - 1], np.uint64)}),
        (CSR, {"indices": np.array([0, 4])}),
        (CSR, {"indices": np.array([0, -1])}),
        (CSR, {"indices": np.array([0])}),
        (CSR, {"indices": np.array(["a", "b"])}),
        (CSR, {"shape": np.array(3)}),
        (CSR, {"shape": np.array([3, 4, 5])}),
        (CSR, {"shape": np.array([3, -4])}),
        (CSR, {"shape": np.array([3, 0])}),
        (CSR, {"shape": np.array([3, 2**40])}),
        (CSR, {"shape": np.array([3.0, 4.0])}),
        (CSR, {"format": np.array(b"lil")}),
        (CSR, {"format": np.array([b"csr", b"csr"])}),
        (CSR, {"data": np.ones((2, 2))}),
        (CSR, {"data": np.array(["a", "b"])}),
        (CSR, {"data": np.array([1, 2], "M8[s]")}),
        (CSR, {"data": np.array([1, 2], "m8[s]")}),
        (CSR, {"data": np.array([1.0, np.nan])}),
        (CSR, {"vocab": np.array(["a", "b"])}),
        (CSR, {"vocab": np.array([1, 2, 3])}),
        (COO, {"row": np.array([3])}),
        (COO, {"col": np.array([-1])}),
        (COO, {"row": np.array([0, 1])}),
        (DIA, {"offsets": np.array([9])}),
        (DIA, {"data": np.ones(4)}),
        (BSR, {"indices": np.array([2])}),
        (BSR, {"data": np.ones((1, 2, 3))}),
        (BSR, {"data": np.ones((1, 0, 2))}),
    ],
)
def test_sparse_arrays_that_contradict_each_other(tmp_path, whole, damage):
    np.savez(tmp_path / "c.npz", **{**whole, **damage})
    refusal(tmp_path / "c.npz")


@pytest.mark.parametrize("name", ["format", "shape", "data", "indices", "indptr"])
def test_missing_arrays(tmp_path, name):
    np.savez(tmp_path / "c.npz", **{key: array for key, array in CSR.items() if key != name})
    assert name in str(refusal(tmp_path / "c.npz"))


def test_a_damaged_matrix_in_memory():
    matrix = sparse.csr_array(np.eye(3))
    matrix.indptr[1] = 10**8
    with pytest.raises(InputError, match="damaged"):
        sp.CooccurrenceCounts.from_matrix(matrix)
    matrix = sparse.csr_array(np.eye(3))
    matrix.indices[1] = 7
    with pytest.raises(InputError, match="damaged"):
        sp.CooccurrenceCounts.from_matrix(matrix)


def header(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    """A .npy file that promises an array of this shape, with 24 bytes of it."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 24


@pytest.mark.parametrize("shape", [(10**12,), (4,), (2,), (10**12, 10**12, 0, 5), (-3,)])
def test_headers_that_promise_other_sizes(tmp_path, shape):
    (tmp_path / "a.npy").write_bytes(header(shape))
    with pytest.raises(InputError, match=r"cannot be read as \.npy"):
        arrays.read_npy(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.npy", header(shape))
    with pytest.raises(InputError, match=r"cannot be read as \.npz"):
        arrays.read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("descr", ["|O", "<U0", "|V8"])
def test_headers_of_other_types(tmp_path, descr):
    (tmp_path / "a.npy").write_bytes(header((3,), descr))
    with pytest.raises(InputError, match=r"cannot be read as \.npy"):
        arrays.read_npy(tmp_path / "a.npy")


def test_archives_that_unpack_out_of_proportion(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "LARGE", 10**6)
    np.savez_compressed(tmp_path / "bomb.npz", **{**CSR, "data": np.zeros(10**6)})
    assert "unpacks to" in str(refusal(tmp_path / "bomb.npz"))
    np.savez_compressed(tmp_path / "dense.npz", **CSR, noise=np.random.default_rng(0).normal(size=10**6))
    assert sp.read_triples(tmp_path / "dense.npz").nnz == 2


MARKET = "%%MatrixMarket matrix "


@pytest.mark.parametrize(
    "content",
    [
        "array real general\n0 2\n",  # SciPy alone: SIGFPE
        "array real general\n2 0\n",
        "array real general\n3 3\n1\n2\n",
        "coordinate real general\n0 0 0\n",
        "coordinate real general\n2 2 22134988630\n1 1 1\n",
        "coordinate real general\n2 2 -1\n1 1 1\n",
        "coordinate real general\n99999999999999999999 2 1\n1 1 1\n",
        "coordinate real general\n2 2\n1 1 1\n",
        "coordinate real general\n3 2 1\n3 3 1\n",
        "coordinate real general\n2 2 1\n0 1 1\n",
        "coordinate real symmetric\n2 3 1\n1 1 1\n",
        "coordinate complex general\n2 2 1\n1 1 1 1\n",
        "coordinate real general\n2 2 1\n1 1 x\n",
        "coordinate real general\n2000000000 2000000000 1\n1 1 1\n",
        "diagonal real general\n2 2 1\n1 1 1\n",
        "coordinate real general\n",
        "",
    ],
)
def test_matrix_market_that_cannot_be(tmp_path, content):
    (tmp_path / "c.mtx").write_text(MARKET + content)
    refusal(tmp_path / "c.mtx")


def test_whole_numbers_beyond_64_bits(tmp_path):
    (tmp_path / "c.mtx").write_text(MARKET + "coordinate integer general\n% a comment\n2 2 1\n1 2 99999999999999999999\n")
    assert sp.read_triples(tmp_path / "c.mtx").matrix[0, 1] == pytest.approx(1e20, rel=1e-15)


@pytest.mark.parametrize(
    "index", [[2147483646, 0], [1234567, 7654321], np.array([2**31 - 2, 0]), np.ma.masked_array([1, 2], [False, True])]
)
def test_numbers_that_are_codes(index):
    """Two triples of seven-digit ids would be a matrix of millions of empty rows."""
    with pytest.raises(InputError, match=r"data\.ids=words|masked") as caught:
        sp.CooccurrenceCounts.from_triples(index, [0, 1], [1, 2])
    assert caught.value.field == "center"


def test_wide_matrices_of_many_cells_stay():
    size, cells = 2_000_000, 400_000
    rng = np.random.default_rng(0)
    counts = sp.CooccurrenceCounts.from_triples(rng.integers(0, size, cells), rng.integers(0, 10, cells), np.ones(cells))
    assert counts.total == cells


@pytest.mark.parametrize(
    "matrix",
    [
        np.ma.masked_array([[1.0, 2], [3, 4]], [[False, True], [False, False]]),
        np.array([[1, 2], [3, 4]], "M8[s]"),
        np.array([[1, 2], [3, 4]], "m8[s]"),
        pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": [1, 2]}),
        pd.DataFrame({"a": [pd.NaT, pd.NaT]}),
        [[10**400, 1]],
        [["1", "2"]],
        np.array([["1_000", 2]], dtype=object),
        [[1.7e308, 1.7e308]],
    ],
    ids=["mask", "dates", "spans", "NA", "NaT", "beyond floats", "text", "text among numbers", "sum beyond floats"],
)
def test_what_is_no_count(matrix):
    with pytest.raises(InputError) as caught:
        sp.CooccurrenceCounts.from_matrix(matrix)
    assert caught.value.field == "count"


@pytest.mark.parametrize("words", [["a\0", "b"], ["a\0\0", "a\0"], ["\0", "a"], ["a b", '"='], ["\u200fא", "a\u0301"]])
def test_words_survive_as_they_are(tmp_path, words):
    counts = sp.CooccurrenceCounts.from_matrix(np.eye(2), words)
    for suffix in (".npz", ".parquet"):
        sp.write_triples(counts, tmp_path / f"c{suffix}")
        assert sp.read_triples(tmp_path / f"c{suffix}").vocab == tuple(words)


@pytest.mark.parametrize("words", [["a", None], ["a", np.nan], {"a", "b"}, ["a", "\udc00"], ["a", "b\rc"], ["a", "b\nc"]])
def test_what_are_no_words(words):
    with pytest.raises(InputError) as caught:
        sp.CooccurrenceCounts.from_matrix(np.eye(2), words)
    assert caught.value.field == "vocab"


@pytest.mark.parametrize("kind", ["f2", ">f4", ">f8", ">i4", "i1", "?"])
def test_numbers_of_other_machines(tmp_path, kind):
    """SciPy makes no matrix of half precision, nor of another order of bytes."""
    data = np.array([3, 2]).astype(kind)
    np.savez(tmp_path / "c.npz", **CSR | {"data": data, "indices": CSR["indices"].astype(">i4")})
    assert sp.read_triples(tmp_path / "c.npz").matrix.toarray().tolist() == [[data[0], 0, 0, 0], [0] * 4, [0, 0, 0, data[1]]]


@pytest.mark.parametrize("left_out", ["indices", "indptr", "shape", "data", "format"])
def test_a_part_that_is_missing_is_named(tmp_path, left_out):
    np.savez(tmp_path / "c.npz", **{name: own for name, own in CSR.items() if name != left_out})
    assert f"has no array {left_out}" in str(refusal(tmp_path / "c.npz"))


@pytest.mark.parametrize("kind", ["real", "integer", "pattern"])
def test_a_symmetric_market_has_one_half(tmp_path, kind):
    """The half above the diagonal is as good; both halves would double every count."""
    value = "" if kind == "pattern" else " 3"
    for cells in ("2 1{0}\n2 2{0}\n", "1 2{0}\n2 2{0}\n"):
        (tmp_path / "c.mtx").write_text(f"{MARKET}coordinate {kind} symmetric\n2 2 2\n" + cells.format(value))
        counts = sp.read_triples(tmp_path / "c.mtx").matrix.toarray()
        np.testing.assert_array_equal(counts, (1 if kind == "pattern" else 3) * np.array([[0, 1], [1, 1]]))
    (tmp_path / "c.mtx").write_text(f"{MARKET}coordinate {kind} symmetric\n2 2 2\n" + f"2 1{value}\n1 2{value}\n")
    with pytest.raises(InputError, match="both sides of the diagonal"):
        sp.read_triples(tmp_path / "c.mtx")


@pytest.mark.parametrize("end", ["", "\n", " "])
@pytest.mark.parametrize("number", ["1E-", "1e+", "1e", "0x", "infinit", "nan(", "1_0", "1,5", "1.5x"])
def test_what_is_no_number_in_a_market(tmp_path, number, end):
    """SciPy's parser reads 1 of most of these, and at the end of a file, or before a blank there, beyond it."""
    for header in ("coordinate real general\n2 2 1\n1 2 ", "array real general\n1 1\n"):
        (tmp_path / "c.mtx").write_text(MARKET + header + number + end)
        refusal(tmp_path / "c.mtx")
        (tmp_path / "c.mtx").write_text(MARKET + header + "1.5" + end)
        assert sp.read_triples(tmp_path / "c.mtx").total == 1.5
