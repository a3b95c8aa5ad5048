"""Vectors in files: round trips, gensim on both sides, and refusals."""

from __future__ import annotations

import gzip
import lzma
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from words import random_vectors

import sgns_pmi as sp
from sgns_pmi import unpack
from sgns_pmi.compare.words.files import write_factors
from sgns_pmi.factorise.methods.fasttext import FastText

ONES = np.ones(2, dtype="<f4").tobytes()
WORDS = ("the", "Königin", "naïve", "’tis", "#", '"', "NA", "1.5", "日本")


def vectors_of(dtype: type = np.float32) -> sp.WordVectors:
    return sp.WordVectors(WORDS, np.random.default_rng(0).normal(size=(len(WORDS), 5)).astype(dtype))


@pytest.mark.parametrize("suffix", [".npz", ".txt", ".vec", ".bin", ".txt.gz", ".bin.gz"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str) -> None:
    vectors = vectors_of()
    sp.write_vectors(vectors, tmp_path / f"v{suffix}")
    found = sp.read_vectors(tmp_path / f"v{suffix}")
    assert found.words == vectors.words
    assert found.matrix.dtype == np.float32
    np.testing.assert_array_equal(found.matrix, vectors.matrix)


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_what_is_written_and_finds_the_same(tmp_path: Path, binary: bool) -> None:
    models = pytest.importorskip("gensim.models", reason="needs the extra gensim")
    vectors = random_vectors(words=50)
    file = tmp_path / ("v.bin" if binary else "v.txt")
    sp.write_vectors(vectors, file)
    keyed = models.KeyedVectors.load_word2vec_format(str(file), binary=binary)
    assert tuple(keyed.index_to_key) == vectors.words
    assert [word for word, _ in keyed.most_similar("w3", topn=9)] == sp.neighbours(vectors, ["w3"], 9)["neighbour"].tolist()


@pytest.mark.parametrize("binary", [False, True])
def test_files_of_gensim_are_read(tmp_path: Path, binary: bool) -> None:
    pytest.importorskip("gensim", reason="needs the extra gensim")
    keyed = sp.to_gensim(vectors_of())
    keyed.save_word2vec_format(str(tmp_path / "v.any"), binary=binary)
    found = sp.read_vectors(tmp_path / "v.any")
    assert found.words == WORDS
    np.testing.assert_array_equal(found.matrix, vectors_of().matrix)
    again = sp.from_gensim(keyed)
    assert again.words == WORDS
    np.testing.assert_array_equal(again.matrix, vectors_of().matrix)


def test_word2vec_c_writes_no_line_feed_or_a_space_more(tmp_path: Path) -> None:
    row = np.array([1.5, -2.0], dtype="<f4").tobytes()
    (tmp_path / "v.bin").write_bytes(b"2 2\na " + row + b"b " + row)
    assert sp.read_vectors(tmp_path / "v.bin").words == ("a", "b")
    (tmp_path / "v.txt").write_text("2 2\na 1.5 -2 \nb 1e-3 4 \n")
    np.testing.assert_allclose(sp.read_vectors(tmp_path / "v.txt").matrix, [[1.5, -2], [1e-3, 4]])


def test_factors_of_a_run(tmp_path: Path) -> None:
    counts = sp.CooccurrenceCounts.from_triples(["ä", "b", "b"], ["x", "x", "yy"], [4, 1, 2])
    est = sp.SGNS(dim=1, k=2, bias=True, seed=0).fit(counts)
    write_factors(est, counts, tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["U", "V", "col_bias", "col_sums", "context_vocab", "row_bias", "row_sums", "vocab"]
        assert arrays["vocab"].tolist() == ["b", "ä"]
        assert arrays["context_vocab"].tolist() == ["x", "yy"]
    # The most frequent word, or context, comes first.
    centers, contexts = sp.read_vectors(tmp_path / "v.npz"), sp.read_vectors(tmp_path / "v.npz", "U")
    assert (centers.words, contexts.words) == (("ä", "b"), ("x", "yy"))
    np.testing.assert_array_equal(centers.matrix, est.V_[::-1])
    np.testing.assert_array_equal(contexts.matrix, est.U_)


def test_sparse_rows_stay_sparse(tmp_path: Path) -> None:
    counts = sp.CooccurrenceCounts.from_matrix([[8, 1, 1], [1, 8, 1], [1, 1, 9]], vocab="abc")
    est = sp.SPPMI(k=1).fit(counts)
    write_factors(est, counts, tmp_path / "v.npz")
    np.testing.assert_array_equal(sparse.load_npz(tmp_path / "v.npz").toarray(), est.V_.toarray())  # SciPy reads it too
    found = sp.read_vectors(tmp_path / "v.npz")
    assert sparse.issparse(found.matrix)
    assert found.words == ("c", "a", "b")
    np.testing.assert_array_equal(found.matrix.toarray(), est.V_.toarray()[[2, 0, 1]])
    sp.write_vectors(found, tmp_path / "again.npz")
    np.testing.assert_array_equal(sp.read_vectors(tmp_path / "again.npz").matrix.toarray(), found.matrix.toarray())
    for write in (lambda: sp.write_vectors(found, tmp_path / "v.txt"), lambda: sp.to_gensim(found)):
        with pytest.raises(sp.InputError, match="sparse"):
            write()


def test_no_vectors_no_file(tmp_path: Path) -> None:
    counts = sp.CooccurrenceCounts.from_matrix([[1, 2], [3, 4]])
    write_factors(sp.Empirical().fit(counts), counts, tmp_path / "v.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.txt", b"2 2\na 1 2\nb 1\n", "line 3 must be a word and 2 numbers"),
        ("v.txt", b"2 2\na 1 2\nb 1 x\n", "line 3 must be a word and 2 numbers"),
        ("v.txt", b"2 2\na 1 2\n", "ends after 1 of the 2 words"),
        ("v.txt", b"1 2\na 1 2\nb 3 4\n", "has more than the 1 words"),
        ("v.txt", b"2 1\na 1\na 2\n", "stands twice"),
        ("v.txt", b"a b 1 2\nb 3 4\n", "line 1 must be two numbers"),
        ("v.txt", b"a 1 2\nb 3 4 5\n", "line 2 must be a word and 2 numbers; words have no spaces"),
        ("v.txt", b"1000000000000 100\na 1 2\n", "cannot hold the 100 dimensions"),
        ("v.txt", b"1000000000000 2\na 1 2\n", "ends after 1 of the 1,000,000,000,000 words"),
        ("v.txt", b"9" * 5000 + b" 2\na 1 2\n", "ends after 1 of the 10\\^20 or more words"),
        ("v.txt", b"2 " + b"9" * 5000 + b"\na 1 2\n", "cannot hold the 10\\^20 or more dimensions"),
        ("v.txt", b"-2 3\na 1 2 3\n", "line 1 must be two whole numbers above 0"),
        ("v.txt", b"0 3\n", "line 1 must be two whole numbers above 0"),
        ("v.txt", b"3 2\na 1 2\nb 3 4\n", "ends after 2 of the 3 words"),
        ("v.txt", b"2 3\n. . . 1 2 3\nb 4 5 6\n", "line 2 must be a word and 3 numbers"),
        ("v.txt", b"1 2\na nan 1\n", "NaN or infinity"),
        ("v.txt", b"1 2\na 1e999 1\n", "NaN or infinity"),
        ("v.txt", b"1 2\na 1_0 1\n", "line 2 must be a word and 2 numbers"),
        ("v.txt", gzip.compress(b"1 2\na 1 2\n", mtime=0), "is gzip data; name it .gz"),
        ("v.zip", b"PK\x03\x04 rest", "is a zip archive"),
        ("v.bin", b"1 2\nnew york " + bytes(8), "bytes more than the 1 words"),
        ("v.bin", b"2 2\nnew york " + ONES + b"\nb " + ONES + b"\n", "holds no words with spaces"),
        ("v.bin", b"1 2\na " + ONES + b"\nmore", "has 4 bytes more than the 1 words"),
        ("v.bin", b"1 2\na\0 " + ONES, "word 1 is b'a"),
        ("v.bin", b"1 2\na " + np.ones(2, ">f4").tobytes(), "numbers up to 4.6e-41: they are no float32"),
        ("v.txt", b"", "the file is empty"),
        ("v.txt", b"1 2\n\xff 1 2\n", "not UTF-8"),
        ("v.bin", b"2 2\na " + bytes(8) + b"b " + bytes(5), "ends after 1 of the 2 words"),
        ("v.npz", b"no archive", "cannot be read as .npz"),
        ("v.txt.gz", b"no archive", "cannot be read as vectors"),
        ("v.txt.gz", gzip.compress(b"1 2\na 1 2\n", mtime=0)[:-9], "cannot be read as vectors"),
        ("v.txt.gz", gzip.compress(b"1 2\na 1 2\n", mtime=0)[:12] + b"\xff" * 20, "cannot be read as vectors"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(sp.InputError, match=message):
        sp.read_vectors(tmp_path / name)


@pytest.mark.parametrize("path", [None, 5, "a\0b", ".", "x" * 5000])
def test_what_is_no_file_is_refused(path: object) -> None:
    with pytest.raises(sp.InputError, match="no such file"):
        sp.read_vectors(path)  # type: ignore[arg-type]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_packed_vectors_and_a_byte_order_mark(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / ("v.txt.gz" if pack is gzip.compress else "v.txt.xz")
    file.write_bytes(pack(b"\xef\xbb\xbf2 2\na 1 2\nb_c 3 4\n"))
    assert sp.read_vectors(file).words == ("a", "b_c")


def test_vectors_unpacked_out_of_all_proportion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "LARGE", 10**6)
    (tmp_path / "v.txt.gz").write_bytes(gzip.compress(b"1 2\na 1 2\n" + bytes(10**7)))
    with pytest.raises(sp.InputError, match="unpacks to"):
        sp.read_vectors(tmp_path / "v.txt.gz")


def test_pickles_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.kv").write_bytes(pickle.dumps({"vectors": [1.0]}, protocol=4))
    with pytest.raises(sp.InputError, match=r"save_word2vec_format\('vectors.bin', binary=True\)"):
        sp.read_vectors(tmp_path / "model.kv")
    np.savez(tmp_path / "v.npz", V=np.eye(2), vocab=np.array(["a", "b"], dtype=object))
    with pytest.raises(sp.InputError, match="pickles are not opened"):
        sp.read_vectors(tmp_path / "v.npz")


def test_other_refusals(tmp_path: Path) -> None:
    with pytest.raises(sp.InputError, match="no such file"):
        sp.read_vectors(tmp_path / "none.txt")
    with pytest.raises(sp.InputError, match=r"must end in \.npz, \.txt"):
        sp.write_vectors(vectors_of(), tmp_path / "v.csv")
    for word in ("new york", "", "tab\tbed"):
        with pytest.raises(sp.InputError, match="white space"):
            sp.write_vectors(sp.WordVectors((word,), np.eye(1)), tmp_path / "v.txt")
    np.savez(tmp_path / "v.npz", weights=np.eye(2))
    with pytest.raises(sp.InputError, match="has no array V; it has weights"):
        sp.read_vectors(tmp_path / "v.npz")


def test_ngrams_are_written_and_read(tmp_path: Path) -> None:
    words = ("walk", "walked", "talk", "talked")
    counts = sp.CooccurrenceCounts.from_matrix(np.diag([4, 3, 2, 1]) + 1, vocab=words)
    est = FastText(dim=2, minn=2, maxn=3, buckets=500, epochs=2).fit(counts)
    write_factors(est, counts, tmp_path / "fasttext.npz")
    sp.write_vectors(sp.read_vectors(tmp_path / "fasttext.npz"), tmp_path / "again.npz")
    for name in ("fasttext", "again"):
        found = sp.read_vectors(tmp_path / f"{name}.npz").subwords
        assert found is not None
        np.testing.assert_array_equal(found.compose("walker"), est.compose("walker"))
    assert sp.read_vectors(tmp_path / "fasttext.npz", "U").subwords is None


def test_text_of_glove_has_no_first_line(tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_bytes(b"the 1 2 3\nof 4 5 6\r\n5 7 8 9\n")
    found = sp.read_vectors(tmp_path / "glove.txt")
    assert found.words == ("the", "of", "5")
    np.testing.assert_array_equal(found.matrix, [[1, 2, 3], [4, 5, 6], [7, 8, 9]])


def test_words_cut_inside_a_letter_are_replaced_on_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "v.txt").write_bytes(b"3 2\na 1 2\n\xe4\xbd 3 4\n\xe4\xbe 5 6\n")
    with pytest.raises(sp.InputError, match=r"errors=replace"):
        sp.read_vectors(tmp_path / "v.txt")
    found = sp.read_vectors(tmp_path / "v.txt", errors="replace")
    assert found.words == ("a", "\ufffd")
    np.testing.assert_array_equal(found.matrix, [[1, 2], [3, 4]])
    assert "1 words are the same as earlier ones" in caplog.text
    with pytest.raises(sp.InputError, match="errors=ignore: must be one of strict, replace"):
        sp.read_vectors(tmp_path / "v.txt", errors="ignore")


SPARSE_ROWS = {
    "data": np.ones(2),
    "indices": np.array([0, 1]),
    "indptr": np.array([0, 1, 2]),
    "shape": np.array([2, 2]),
    "format": np.array(b"csr"),
    "vocab": np.array(["a", "b"]),
}


@pytest.mark.parametrize(
    "damage",
    [
        {"indptr": np.array([0, 10**8, 2])},
        {"indptr": np.array([0, -1, 2])},
        {"indptr": np.array([1, 1, 2])},
        {"indptr": np.array([0, 1, 10**9])},
        {"indptr": np.array([0, 2])},
        {"indptr": np.array([0.0, 1, 2])},
        {"indices": np.array([0, 10**8])},
        {"indices": np.array([-1, 1])},
        {"indices": np.array([0])},
        {"indices": np.array([0.0, 1.0])},
        {"data": np.ones((2, 1))},
        {"data": np.array(["x", "y"])},
        {"shape": np.array([2, -2])},
        {"shape": np.array([10**15, 2])},
        {"shape": np.array(2)},
        {"vocab": np.array(["a", "b", "c"])},
        {"vocab": np.array([1, 2])},
        {"row_sums": np.ones(3)},
        {"row_sums": np.array(["x", "y"])},
        {"V": np.ones(2)},
        {"V": np.ones((2, 2), dtype=complex)},
        {"V": np.ones((2, 2)), "U": np.ones((2, 3)), "context_vocab": np.array(["a", "b"])},
        {"V": np.ones((2, 2)), "U": np.ones((2, 2)), "context_vocab": np.array(["a"])},
        {"ngram_hashing": np.array([3, 2, 0]), "ngram_buckets": np.array([0]), "ngram_vectors": np.ones((1, 2))},
        {"ngram_hashing": np.array([3]), "ngram_buckets": np.array([0]), "ngram_vectors": np.ones((1, 2))},
        {"ngram_hashing": np.array([3, 6, 9]), "ngram_buckets": np.array([0, 1]), "ngram_vectors": np.ones((1, 2))},
    ],
)
def test_arrays_are_checked_before_use(tmp_path: Path, damage: dict[str, np.ndarray]) -> None:
    """SciPy believes indptr and indices, and crashes the process where they lie."""
    np.savez(tmp_path / "v.npz", **SPARSE_ROWS)
    assert sp.read_vectors(tmp_path / "v.npz").words == ("a", "b")
    np.savez(tmp_path / "v.npz", **(SPARSE_ROWS | damage))
    with pytest.raises(sp.InputError):
        sp.read_vectors(tmp_path / "v.npz", "U" if "U" in damage else "V")


VALID = (
    b"2 2\na 1 2\nb 3 4\n",
    b"2 2\na " + ONES + b"\nb " + ONES + b"\n",
    b"a 1 2\nb 3 4\n",
    gzip.compress(b"1 1\na 1\n", mtime=0),
)
PIECES = st.sampled_from(
    [b" ", b"\n", b"2 2\n", b"-1", b"9999999999999", b"nan", b"\0", b"\xff", b"\x1f\x8b", b"a 1 2\n", b"PK\3\4"]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(VALID),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6), PIECES | st.binary(max_size=9)), max_size=4),
    st.sampled_from(["v.txt", "v.txt.gz", "v.npz"]),
    st.sampled_from(["strict", "replace"]),
)
def test_damaged_files_are_read_or_refused(
    tmp_path: Path, content: bytes, damage: list[tuple[int, int, bytes]], name: str, errors: str
) -> None:
    for place, length, piece in damage:
        content = content[:place] + piece + content[place + length :]
    (tmp_path / name).write_bytes(content)
    with suppress(sp.InputError):
        assert np.isfinite(sp.read_vectors(tmp_path / name, errors=errors).matrix).all()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=4), st.booleans())
def test_damaged_archives_are_read_or_refused(tmp_path: Path, place: int, piece: bytes, cut: bool) -> None:
    np.savez_compressed(tmp_path / "v.npz", **SPARSE_ROWS)
    content = (tmp_path / "v.npz").read_bytes()
    place %= len(content)
    (tmp_path / "v.npz").write_bytes(content[:place] + piece + (b"" if cut else content[place + len(piece) :]))
    with suppress(sp.InputError):
        sp.read_vectors(tmp_path / "v.npz")
