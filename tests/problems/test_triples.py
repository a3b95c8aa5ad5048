"""The user's own counts: every format says the same, every slip is one line."""

from __future__ import annotations

import gzip
import lzma
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sparse
from backports import zstd

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.problems.triples import read_triples, triples_problem

DENSE = np.array([[0, 2.5, 0], [1, 0, 4], [0, 0, 7], [3, 0, 1e-3]])
FORMATS = ["csv", "tsv", "csv.gz", "csv.xz", "tsv.gz", "tsv.xz", "parquet", "npz", "mtx", "mtx.gz", "mtx.xz"]
HEADER = "center,context,count\n"


def write(folder: Path, ending: str, frame: pd.DataFrame) -> Path:
    """A table or, for the matrix formats, the matrix of its (whole-number) triples."""
    file = folder / f"counts.{ending}"
    kind = ending.split(".")[0]
    if kind in ("csv", "tsv"):
        frame.to_csv(file, sep="," if kind == "csv" else "\t", index=False)
    elif kind == "parquet":
        frame.to_parquet(file)
    else:
        matrix = sparse.coo_array((frame["count"], (frame["center"], frame["context"])))
        if kind == "npz":
            sparse.save_npz(file, matrix.tocsr())
        else:
            plain = folder / "plain.mtx"
            scipy.io.mmwrite(plain, matrix)
            pack = {"mtx": bytes, "mtx.gz": gzip.compress, "mtx.xz": lzma.compress}[ending]
            file.write_bytes(pack(plain.read_bytes()))
    return file


def frame_of(dense: np.ndarray, base: int = 0) -> pd.DataFrame:
    rows, cols = np.nonzero(dense)
    order = np.random.default_rng(0).permutation(len(rows))
    rows, cols = rows[order], cols[order]
    return pd.DataFrame({"center": rows + base, "context": cols + base, "count": dense[rows, cols]})


def text(folder: Path, content: str | bytes, name: str = "counts.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def refusal(path: object, **kwargs: object) -> InputError:
    with pytest.raises(InputError) as caught:
        read_triples(path, **kwargs)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    return caught.value


# Formats


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_holds_the_same_counts(tmp_path, ending):
    counts = read_triples(write(tmp_path, ending, frame_of(DENSE)))
    np.testing.assert_array_equal(counts.matrix.toarray(), DENSE)
    assert counts.vocab is None
    assert counts.context_vocab is None


@pytest.mark.parametrize("ending", ["csv", "tsv.gz", "parquet"])
def test_indices_from_one(tmp_path, ending):
    counts = read_triples(write(tmp_path, ending, frame_of(DENSE, base=1)), index_base=1)
    np.testing.assert_array_equal(counts.matrix.toarray(), DENSE)


def test_matrix_formats_know_their_base(tmp_path):
    """Matrix Market counts from 1 in the file; index_base does not shift it again."""
    counts = read_triples(write(tmp_path, "mtx", frame_of(DENSE)), index_base=1)
    np.testing.assert_array_equal(counts.matrix.toarray(), DENSE)


@pytest.mark.parametrize("symmetry", ["symmetric", "general"])
def test_symmetric_matrix_market(tmp_path, symmetry):
    dense = np.array([[1.0, 2.0], [2.0, 0.0]])
    scipy.io.mmwrite(tmp_path / "counts.mtx", sparse.coo_array(dense), symmetry=symmetry)
    np.testing.assert_array_equal(read_triples(tmp_path / "counts.mtx").matrix.toarray(), dense)


def test_dense_matrix_market(tmp_path):
    scipy.io.mmwrite(tmp_path / "counts.mtx", DENSE)
    np.testing.assert_array_equal(read_triples(tmp_path / "counts.mtx").matrix.toarray(), DENSE)


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "csv.xz", "parquet"])
def test_words(tmp_path, ending):
    """Nothing is taken for a missing value, and no word loses a sign of its own."""
    words = ["NA", "null", "nan", "None", "inf", "a,b", "tab\tbed", '"', "'", "#", "ü", "1", "-"]
    frame = pd.DataFrame({"center": words, "context": words[::-1], "count": range(1, len(words) + 1)})
    counts = read_triples(write(tmp_path, ending, frame))
    assert counts.vocab == counts.context_vocab == tuple(sorted(words))
    for center, context, count in frame.itertuples(index=False):
        assert counts.matrix[counts.vocab.index(center), counts.context_vocab.index(context)] == count


def test_one_vocabulary_only_where_both_sides_have_the_same_words(tmp_path):
    counts = read_triples(text(tmp_path, HEADER + "b,x,1\na,y,2\nb,y,3\n"))
    assert counts.vocab == ("a", "b")
    assert counts.context_vocab == ("x", "y")
    np.testing.assert_array_equal(counts.matrix.toarray(), [[0, 2], [1, 3]])


def test_words_beside_numbers(tmp_path):
    """A column with one word is words; the other may still hold indices."""
    counts = read_triples(text(tmp_path, HEADER + "10,0,1\nten,2,2\n9,0,4\n"))
    assert counts.vocab == ("10", "9", "ten")
    assert counts.context_vocab is None
    np.testing.assert_array_equal(counts.matrix.toarray(), [[1, 0, 0], [4, 0, 0], [0, 0, 2]])


def test_duplicates_are_summed(tmp_path):
    counts = read_triples(text(tmp_path, HEADER + "a,b,1\nb,a,2\na,b,3\n"))
    np.testing.assert_array_equal(counts.matrix.toarray(), [[0, 4], [2, 0]])


@pytest.mark.parametrize(
    "content",
    [
        "Centre,Context,Count\n0,1,2\n1,0,3\n",
        "CENTER,CONTEXT,COUNT\n0,1,2\n1,0,3\n",
        '"center","context","count"\n0,1,2\n1,0,3\n',
        '"","center","context","count"\n"1",0,1,2\n"2",1,0,3\n',
        "center,context,count\r\n0,1,2\r\n1,0,3\r\n",
        "\ufeffcenter,context,count\n0,1,2\n1,0,3\n",
        " center , context , count \n 0 , 1 , 2 \n 1 , 0 , 3 \n",
        "count,extra,context,center\n2,x,1,0\n3,y,0,1\n",
        "center,context,count\n0,1,2\n\n1,0,3\n\n\n",
        "center,context,count\n0,1,2\n1,0,3",
        "center,context,count\n0.0,1.0,2.0\n1e0,+0,3e0\n",
        "center,context,count\n0,1,2\n1,0,3\n5,5,0\n0,1,0\n",
    ],
    ids=[
        "centre",
        "upper",
        "quoted",
        "r-row-names",
        "crlf",
        "bom",
        "spaces",
        "order",
        "blank-lines",
        "no-newline",
        "floats",
        "zeros",
    ],
)
def test_headers_and_layouts(tmp_path, content):
    matrix = read_triples(text(tmp_path, content)).matrix.toarray()
    np.testing.assert_array_equal(matrix[:2, :2], [[0, 2], [3, 0]])
    assert matrix.sum() == 5


def test_r_reference(r_reference):
    counts = read_triples(r_reference.folder / "triples.csv", index_base=1)
    assert counts.shape == (100, 100)
    np.testing.assert_array_equal(counts.matrix.toarray(), r_reference.counts.matrix.toarray())


@pytest.mark.parametrize("dtype", ["int8", "uint64", "Int32", "float64", "string", "category"])
def test_column_types_of_parquet(tmp_path, dtype):
    frame = frame_of(DENSE).astype({"center": dtype, "context": dtype})
    np.testing.assert_array_equal(read_triples(write(tmp_path, "parquet", frame)).matrix.toarray(), DENSE)


# Refusals


def test_missing_file(tmp_path):
    error = refusal(tmp_path / "nowhere.csv")
    assert error.field == "path"
    assert "no such file" in str(error)
    assert "no such file" in str(refusal(tmp_path))


@pytest.mark.parametrize("ending", FORMATS)
def test_empty_file(tmp_path, ending):
    error = refusal(text(tmp_path, "", f"counts.{ending}"))
    assert error.field == "path"
    assert "empty" in str(error)


def test_empty_inside_its_packing(tmp_path):
    error = refusal(text(tmp_path, gzip.compress(b"", mtime=0), "counts.csv.gz"))
    assert "empty" in str(error)


@pytest.mark.parametrize("content", ["center,context,count", HEADER, HEADER + "\n\n"])
def test_header_only(tmp_path, content):
    assert "has a header and no triples" in str(refusal(text(tmp_path, content)))


def test_header_only_parquet(tmp_path):
    assert "no triples" in str(refusal(write(tmp_path, "parquet", frame_of(DENSE)[:0])))


@pytest.mark.parametrize("missing", ["center", "context", "count"])
def test_missing_column(tmp_path, missing):
    header = HEADER.replace(missing, "other")
    error = refusal(text(tmp_path, header + "0,1,2\n"))
    assert (error.field, error.value) == ("column", missing)
    assert "other" in str(error)


def test_the_header_found_is_shown(tmp_path):
    assert "center|context|count" in str(refusal(text(tmp_path, "center|context|count\n0|1|2\n")))


@pytest.mark.parametrize("count", ["many", "", "nan", "NA", "-1", "inf", "1 000", "0x10", "True"])
def test_bad_count_names_its_line(tmp_path, count):
    error = refusal(text(tmp_path, HEADER + f"0,1,2\n\n1,0,{count}\n2,2,-9\n"))
    assert (error.field, error.value) == ("count", count)
    assert "line 4 of" in str(error)


def test_short_line(tmp_path):
    assert "line 3 of" in str(refusal(text(tmp_path, HEADER + "0,1,2\n1,0\n")))


def test_long_line(tmp_path):
    assert "line 3" in str(refusal(text(tmp_path, HEADER + "0,1,2\n1,0,3,4\n")))


@pytest.mark.parametrize("count", [None, np.nan, -1.0, np.inf])
def test_bad_count_of_parquet_names_its_row(tmp_path, count):
    frame = frame_of(DENSE)
    frame.loc[2, "count"] = count
    assert "row 3 of" in str(refusal(write(tmp_path, "parquet", frame)))


@pytest.mark.parametrize(("base", "index"), [(0, "-1"), (1, "0"), (1, "-3"), (0, "1.5"), (0, "-0.5"), (0, "1e-3"), (0, "")])
@pytest.mark.parametrize("side", ["center", "context"])
def test_bad_index_names_its_line(tmp_path, base, index, side):
    line = f"{index},1,2" if side == "center" else f"1,{index},2"
    error = refusal(text(tmp_path, HEADER + f"1,1,2\n{line}\n"), index_base=base)
    assert (error.field, error.value) == (side, index)
    assert "line 3 of" in str(error)


def test_missing_word_of_parquet(tmp_path):
    frame = pd.DataFrame({"center": ["a", None], "context": ["a", "b"], "count": [1, 2]})
    error = refusal(write(tmp_path, "parquet", frame))
    assert error.field == "center"
    assert "row 2 of" in str(error)


@pytest.mark.parametrize("index", ["99999999999999999999", "10000000000", "1e300"])
def test_codes_are_not_indices(tmp_path, index):
    error = refusal(text(tmp_path, HEADER + f"0,{index},1\n"))
    assert error.field == "context"
    assert "number the words from 0" in str(error)


def test_quote_mark_that_swallows_lines(tmp_path):
    """A bare quote mark opens a field that ends at the next one, lines later: a refusal, not fewer triples."""
    error = refusal(text(tmp_path, 'center\tcontext\tcount\n"\tthe\t3\nx\ty\t2\n"\tof\t4\n', "counts.tsv"))
    assert error.field == "center"
    assert "quote" in str(error)
    assert "inside string" in str(refusal(text(tmp_path, HEADER + 'a,"b,1\na,b,2\n')))


@pytest.mark.parametrize("ending", FORMATS)
def test_corrupt_file(tmp_path, ending):
    error = refusal(text(tmp_path, b"\x93\x00\xff\xfe rubbish \x80" * 20, f"counts.{ending}"))
    assert error.field in ("path", "column")
    assert f"counts.{ending}" in str(error)


@pytest.mark.parametrize("ending", ["csv.gz", "csv.xz", "parquet", "npz", "mtx", "mtx.gz", "mtx.xz"])
def test_truncated_file(tmp_path, ending):
    file = write(tmp_path, ending, frame_of(np.random.default_rng(0).uniform(1, 9, (40, 30))))
    file.write_bytes(file.read_bytes()[:-200])
    error = refusal(file)
    assert error.field == "path"
    assert "cannot be read as" in str(error)


def test_npz_of_something_else(tmp_path):
    np.savez(tmp_path / "counts.npz", a=np.ones(3))
    assert "cannot be read as .npz" in str(refusal(tmp_path / "counts.npz"))


def test_pickles_are_not_opened(tmp_path):
    np.savez(tmp_path / "counts.npz", format=np.array([{"a": 1}], dtype=object))
    assert "cannot be read" in str(refusal(tmp_path / "counts.npz"))


@pytest.mark.parametrize("ending", ["npz", "mtx"])
def test_bad_counts_of_a_matrix(tmp_path, ending):
    error = refusal(write(tmp_path, ending, frame_of(-DENSE)))
    assert error.field == "count"
    assert f"counts.{ending}" in str(error)


@pytest.mark.parametrize(
    "name", ["counts.doc", "counts", "counts.gz", "counts.csv.bz2", "counts.csv.zip", "counts.parquet.gz", "counts.npz.xz"]
)
def test_unknown_ending(tmp_path, name):
    error = refusal(text(tmp_path, "x", name))
    assert error.field == "path"
    assert "must end in one of .csv" in str(error)


def test_a_word_among_indices_from_one(tmp_path):
    """From 0, the default, such a file may be of words and numbers; from 1 it is of numbers."""
    lines = HEADER + "1,2,3\ncat,1,4\n"
    error = refusal(text(tmp_path, lines), index_base=1)
    assert (error.field, error.value) == ("center", "cat")
    assert "line 3" in error.remedy
    assert read_triples(text(tmp_path, lines)).vocab == ("1", "cat")
    assert read_triples(text(tmp_path, HEADER + "1,a,3\n2,b,4\n"), index_base=1).matrix.toarray().tolist() == [[3, 0], [0, 4]]


@pytest.mark.parametrize("base", [2, -1, 0.5, True, "1", None])
def test_bad_index_base(tmp_path, base):
    assert refusal(text(tmp_path, HEADER + "1,1,1\n"), index_base=base).field == "index_base"


def test_all_counts_zero(tmp_path):
    error = refusal(text(tmp_path, HEADER + "0,0,0\n"))
    assert error.field == "count"
    assert "counts.csv" in str(error)


# Columns, separators, ids


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("c.csv", "Var1,Var2,value\n0,1,2\n1,0,3\n", {"columns": ["Var1", "Var2", "value"]}),
        ("c.csv", "var1,VAR2,Value,n\n0,1,2,9\n1,0,3,9\n", {"columns": ["Var1", "Var2", "value"]}),
        ("c.csv", "note,Var1,Var2,value\nx,0,1,2\ny,1,0,3\n", {"columns": [2, 3, 4]}),
        ("c.csv", "9,0,1,2\n9,1,0,3\n", {"columns": [2, 3, 4]}),
        ("c.csv", "0,1,2\n1,0,3\n", {}),
        ("c.txt", "0 1 2\n1 0 3\n", {}),
        ("c.txt", "center context count\n0 1 2\n1  0   3\n", {}),
        ("c.txt", '"center" "context" "count"\n"1" 0 1 2\n"2" 1 0 3\n', {}),
        ("c.txt", "center context count\n1 0 1 2\n2 1 0 3\n", {}),
        ("c.tsv", "center\tcontext\tcount\n1\t0\t1\t2\n2\t1\t0\t3\n", {}),
        ("c.csv", '"center","context","count"\n"7",0,1,2\n"3",1,0,3\n', {}),
        ("c.txt", "center\tcontext\tcount\n0\t1\t2\n1\t0\t3\n", {}),
        ("c.csv", '"center";"context";"count"\n0;1;2\n1;0;3\n', {}),
        ("c.csv", '"";"center";"context";"count"\n"1";0;1;2,0\n"2";1;0;3\n', {}),
        ("c.csv", "center|context|count\n0|1|2\n1|0|3\n", {"separator": "|"}),
        ("c.txt", "center,context,count\n0,1,2\n1,0,3\n", {"separator": "comma"}),
        ("c.csv", "center\tcontext\tcount\n0\t1\t2\n1\t0\t3\n", {"separator": "\\t"}),
        ("c.csv", "count,center,context,count 2\n2,0,1,x\n3,1,0,x\n", {}),
    ],
)
def test_layouts_of_other_programs(tmp_path, name, content, options):
    matrix = read_triples(text(tmp_path, content, name), **options).matrix.toarray()
    np.testing.assert_array_equal(matrix, [[0, 2], [3, 0]])


@pytest.mark.parametrize("pack", ["gz", "xz", "zst"])
def test_packed_tables(tmp_path, pack):
    packed = {"gz": gzip.compress, "xz": lzma.compress, "zst": zstd.compress}[pack](b"center,context,count\n0,1,2\n")
    assert read_triples(text(tmp_path, packed, f"c.csv.{pack}")).matrix[0, 1] == 2


def test_decimal_commas(tmp_path):
    counts = read_triples(text(tmp_path, "center;context;count\na;b;2,5\nb;a;1,234\na;a;3\n"))
    np.testing.assert_array_equal(counts.matrix.toarray(), [[3, 2.5], [1.234, 0]])
    points = read_triples(text(tmp_path, "center;context;count\na;b;2.5\nb;a;1\n"))
    assert points.total == 3.5


@pytest.mark.parametrize(
    ("content", "options", "field"),
    [
        ("center,context,count\n3,4,10,2020\n4,3,12,2021\n", {}, "path"),
        ("center,context,count\na,b,1,234\n", {}, "path"),
        ("center,context,count\n1,2,10,2020\n", {}, "path"),
        ("center,context,count\na,b,1\nb,a,1,234\n", {}, "path"),
        ("center,context,count,count\na,b,1,9\n", {}, "column"),
        ("center,centre,context,count\na,b,c,1\n", {}, "column"),
        ("center,context,count,Count\na,b,1,9\n", {}, "column"),
        ("a,a,value\n0,1,2\n", {"columns": ["a", "b", "value"]}, "column"),
        ("Var1,Var2,value\n0,1,2\n", {}, "column"),
        ("a,b,1,x\na,b,2,x\n", {}, "column"),
        ("center;context;count\na;b;1.234,5\nb;a;2,5\n", {}, "count"),
        ("center,context,count\n0,1,2\n", {"columns": ["center", "context"]}, "columns"),
        ("center,context,count\n0,1,2\n", {"columns": "center"}, "columns"),
        ("center,context,count\n0,1,2\n", {"columns": [1, 2, 3.0]}, "columns"),
        ("center,context,count\n0,1,2\n", {"columns": [1, 1, 2]}, "columns"),
        ("center,context,count\n0,1,2\n", {"columns": [1, 2, 4]}, "columns"),
        ("center,context,count\n0,1,2\n", {"columns": [0, 1, 2]}, "columns"),
        ("center,context,count\n0,1,2\n", {"separator": "::"}, "separator"),
        ("center,context,count\n0,1,2\n", {"separator": 3}, "separator"),
        ("center,context,count\n0,1,2\n", {"separator": "\n"}, "separator"),
        ("center,context,count\n0,1,2\n", {"ids": "codes"}, "ids"),
        ("center,context,count\n0,1,2\n", {"ids": "words", "index_base": 1}, "index_base"),
        ("center,context,count\na,1,2\n", {"ids": "numbers"}, "center"),
        ("center,context,count\n01,1,2\n", {"index_base": 1}, "center"),
        ("center,context,count\na\0b,c,2\n", {}, "path"),
    ],
)
def test_layouts_that_could_be_read_in_two_ways(tmp_path, content, options, field):
    assert refusal(text(tmp_path, content), **options).field == field


@pytest.mark.parametrize("codes", [["0117", "117"], ["007.1", "250.00"], ["00", "0"], ["1.50", "1.5"], ["01", "1"]])
def test_codes_are_words(tmp_path, codes):
    one, other = codes
    counts = read_triples(text(tmp_path, HEADER + f"{one},{other},5\n{other},{one},7\n"))
    assert counts.vocab == counts.context_vocab == tuple(sorted(codes))
    assert counts.matrix[counts.vocab.index(one), counts.vocab.index(other)] == 5


def test_codes_on_one_side_make_words_of_both(tmp_path):
    counts = read_triples(text(tmp_path, HEADER + "0117,117,5\n0117,9,7\n"))
    assert (counts.vocab, counts.context_vocab) == (("0117",), ("117", "9"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_ids_as_asked(tmp_path, ending):
    frame = pd.DataFrame({"center": [7, 3], "context": [3, 7], "count": [1, 2]})
    file = write(tmp_path, ending, frame)
    assert read_triples(file, ids="words").vocab == ("3", "7")
    assert read_triples(file, ids="numbers").vocab is None
    typed = write(tmp_path, ending, frame.astype({"center": str, "context": str}))
    assert (read_triples(typed).vocab is None) == (ending == "csv")  # the type of a column says that it is of text
    assert read_triples(typed, ids="numbers").shape == (8, 8)
    assert read_triples(text(tmp_path, HEADER + "007,7,1\n"), ids="numbers").shape == (8, 8)


@pytest.mark.parametrize(
    "column", [pd.to_datetime(["2020-01-01", "2020-01-02"]), [b"a", b"b"], [["a"], ["b"]], pd.to_timedelta([1, 2])]
)
@pytest.mark.parametrize("name", ["center", "context", "count"])
def test_columns_of_other_types(tmp_path, name, column):
    frame = pd.DataFrame({"center": [0, 1], "context": [1, 0], "count": [1, 2]}).assign(**{name: column})
    assert refusal(write(tmp_path, "parquet", frame)).field == name


@pytest.mark.parametrize(("base", "lowest", "said"), [(0, 1, True), (0, 0, False), (1, 1, False)])
def test_an_index_0_that_never_occurs_is_said(tmp_path, caplog, base, lowest, said):
    lines = "".join(f"{i},{i % 3 + lowest},1\n" for i in range(lowest, lowest + 3))
    read_triples(text(tmp_path, HEADER + lines), index_base=base)
    assert any("data.index_base=1" in line for line in caplog.messages) == said


def test_numbers_from_one_are_names(tmp_path):
    counts = read_triples(text(tmp_path, HEADER + "1,2,3\n100,1,4\n"), index_base=1)
    assert counts.vocab == tuple(map(str, range(1, 101)))
    assert counts.context_vocab == ("1", "2")
    assert counts.matrix[counts.vocab.index("100"), counts.context_vocab.index("1")] == 4


def test_numbers_far_apart_are_refused_before_any_memory(tmp_path):
    for index in ("1234567", "2147483646"):
        assert "data.ids=words" in str(refusal(text(tmp_path, HEADER + f"{index},0,1\n0,{index},2\n")))
    assert read_triples(text(tmp_path, HEADER + "1234567,0,1\n0,1234567,2\n"), ids="words").shape == (2, 2)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("center,context,count\na,b,1\n".encode("utf-16"), "UTF-16"),
        ("center,context,count\na,b,1\n".encode("utf-16-le"), "UTF-16"),
        ("center,context,count\nпривет,мир,1\n".encode("utf-16-le"), "UTF-16"),
        (gzip.compress(b"center,context,count\na,b,1\n", mtime=0), "gzip"),
        (b"PK\x03\x04 ", "zip"),
        (b"center,context,count\n\xe4,b,1\n", "UTF-8"),
    ],
)
def test_what_is_no_utf8_is_named(tmp_path, content, says):
    assert says in str(refusal(text(tmp_path, content)))


@pytest.mark.parametrize("first", ["1e3", "1000.", "1000.0", "+1000", "01000", "-0"])
def test_spellings_of_one_number_are_not_merged(tmp_path, first):
    """Codes again, unless all of a column are spelled alike, as R writes 1e+05."""
    plain = "0" if first == "-0" else "1000"
    lines = HEADER + f"{first},0,1\n{plain},1,2\n"
    if first in ("+1000", "01000"):  # no index is spelled so, not even once
        assert set(read_triples(text(tmp_path, lines)).vocab) == {first, plain}
    else:
        assert "data.ids=words or numbers" in str(refusal(text(tmp_path, lines)))
    assert read_triples(text(tmp_path, lines), ids="words").vocab == tuple(sorted({first, plain}))
    assert read_triples(text(tmp_path, lines), ids="numbers").nnz == 2
    assert read_triples(text(tmp_path, HEADER + "1e+05,0,1\n1e+05,1,1\n99999,0,1\n")).shape == (100_001, 2)


@pytest.mark.parametrize("index", ["9007199254740993", "1e400", "2147483647"])
def test_numbers_too_large_are_named_as_they_stand(tmp_path, index):
    error = refusal(text(tmp_path, HEADER + f"0,1,1\n{index},1,1\n"))
    assert (error.field, error.value) == ("center", index)
    assert "line 3" in str(error)


def test_words_of_parquet_keep_their_blanks(tmp_path):
    frame = pd.DataFrame({"center": [" a", "a"], "context": ["a", " a"], "count": [1, 2]})
    assert read_triples(write(tmp_path, "parquet", frame)).vocab == (" a", "a")


def test_what_pandas_grouped_by_is_read(tmp_path):
    frame = pd.DataFrame({"center": ["a", "a", "b"], "context": ["b", "b", "a"], "count": [1, 2, 4]})
    grouped = frame.groupby(["center", "context"]).sum()
    for own in (grouped, grouped.reset_index("context")):
        own.to_parquet(tmp_path / "counts.parquet")
        assert read_triples(tmp_path / "counts.parquet").matrix.toarray().tolist() == [[0, 3], [4, 0]]


def test_decimals_of_parquet_are_numbers(tmp_path):
    """As data bases export identifiers."""
    frame = pd.DataFrame(
        {side: [Decimal(1), Decimal(0)] for side in ("center", "context")} | {"count": [Decimal("1.5"), Decimal(2)]}
    )
    counts = read_triples(write(tmp_path, "parquet", frame))
    assert (counts.vocab, counts.matrix.toarray().tolist()) == (None, [[2, 0], [0, 1.5]])


def test_a_matrix_grown_by_an_empty_word_is_said(tmp_path, caplog):
    read_triples(write(tmp_path, "npz", frame_of(DENSE, base=1)))
    assert "row and column 0" in caplog.text
    caplog.clear()
    read_triples(write(tmp_path, "npz", frame_of(DENSE)))
    assert caplog.text == ""


def test_nothing_of_a_file_commands_the_terminal_or_fills_it(tmp_path):
    error = refusal(text(tmp_path, HEADER + "\x1b[31mred,b,x\x1b[2J\n"))
    assert "\x1b" not in str(error)
    assert "\\x1b" in str(error)
    assert len(str(refusal(text(tmp_path, HEADER + "a" * 100_000 + ",b,x" * 2 + "\n")))) < 600


# The problem and its truth


def r_truth(r_reference) -> list[str]:
    return [str(r_reference.folder / "v_true.csv"), str(r_reference.folder / "u_true.csv")]


def test_problem_without_truth(tmp_path):
    problem = triples_problem(str(text(tmp_path, HEADER + "0,1,2\n1,0,3\n")))
    assert problem.title == "counts.csv, 2 x 2, 5 pairs"
    assert problem.truth is problem.pmi is problem.joint is problem.nominal is problem.pmi_rank is None


def test_logits_of_the_r_run(r_reference):
    problem = triples_problem(r_reference.folder / "triples.csv", 1, r_truth(r_reference), "logits")
    np.testing.assert_allclose(problem.pmi, r_reference.pmi, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(problem.joint, r_reference.joint, rtol=1e-10)
    assert np.sqrt(np.mean((problem.nominal - problem.pmi) ** 2)) == pytest.approx(1.3479337390419, rel=1e-12)
    assert problem.pmi_rank == 4


@pytest.mark.parametrize("ending", ["npy", "npz", "csv", "tsv", "csv.gz"])
@pytest.mark.parametrize("kind", ["logits", "joint", "pmi"])
def test_truth_as_one_matrix(r_reference, tmp_path, kind, ending):
    nominal = np.log(r_reference.joint)
    matrix = {"logits": nominal + 3, "joint": 17 * r_reference.joint, "pmi": r_reference.pmi}[kind]
    file = tmp_path / f"truth.{ending}"
    if ending == "npy":
        np.save(file, matrix)
    elif ending == "npz":
        np.savez(file, matrix)
    else:
        pd.DataFrame(matrix).to_csv(file, sep="\t" if ending == "tsv" else ",", index=False)
    problem = triples_problem(r_reference.folder / "triples.csv", 1, file, kind)
    np.testing.assert_allclose(problem.pmi, r_reference.pmi, rtol=1e-9, atol=1e-9)
    assert problem.pmi_rank == 4
    if kind == "pmi":
        np.testing.assert_allclose(problem.truth.row_marginal, r_reference.counts.row_sums / r_reference.counts.total)
        np.testing.assert_allclose(problem.truth.col_marginal, r_reference.counts.col_sums / r_reference.counts.total)
    else:
        np.testing.assert_allclose(problem.joint, r_reference.joint, rtol=1e-9)
        assert problem.joint.sum() == pytest.approx(1, rel=1e-12)


def test_pmi_as_factors(tmp_path):
    counts = text(tmp_path, HEADER + "0,0,1\n1,2,3\n")
    left, right = np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[1.0, 0.0], [2.0, 1.0], [0.5, 0.5]])
    np.save(tmp_path / "left.npy", left)
    np.save(tmp_path / "right.npy", right)
    problem = triples_problem(counts, truth=[tmp_path / "left.npy", tmp_path / "right.npy"])
    np.testing.assert_allclose(problem.pmi, left @ right.T)
    assert problem.pmi_rank == 2


@pytest.mark.parametrize(
    ("truth", "kind", "says"),
    [
        (np.ones((3, 2)), "pmi", "3 x 2: must be 2 x 2, the counts' shape"),
        (np.ones(2), "pmi", "matrix of finite numbers"),
        (np.array([[1, np.nan], [1, 1]]), "pmi", "finite"),
        (np.array([[1, 0], [1, 1]]), "joint", "above 0"),
        (np.array([[1, -1], [1, 1]]), "joint", "above 0"),
        (np.array([["a", "b"], ["c", "d"]]), "pmi", "cannot be read as a matrix"),
        (np.array([[{}, 1], [1, 1]], dtype=object), "pmi", "pickles are not opened"),
        (np.ones((2, 2)), "pnmi", "did you mean pmi"),
    ],
)
def test_bad_truth(tmp_path, truth, kind, says):
    counts = text(tmp_path, HEADER + "0,1,2\n1,0,3\n")
    np.save(tmp_path / "truth.npy", truth)
    with pytest.raises(InputError, match=says) as caught:
        triples_problem(counts, truth=tmp_path / "truth.npy", truth_kind=kind)
    assert caught.value.field in ("truth", "truth_kind")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("truth.csv", "a,b\n1,x\n", "truth=x: is no finite number, in line 2"),
        ("truth.csv", "a,b\n1,\n2,3\n", "truth=: is no finite number, in line 2"),
        ("truth.csv", "", "empty"),
        ("truth.csv", "a,b\n", "0 x 2: must be 2 x 2"),
        ("truth.doc", "1 2\n3 4\n", "must end in"),
        ("truth.npz", "rubbish", "cannot be read as .npz"),
        ("truth.npy", "rubbish", "cannot be read as .npy"),
    ],
)
def test_bad_truth_file(tmp_path, name, content, says):
    counts = text(tmp_path, HEADER + "0,1,2\n1,0,3\n")
    with pytest.raises(InputError, match=says) as caught:
        triples_problem(counts, truth=text(tmp_path, content, name))
    assert caught.value.field == "truth"
    assert "\n" not in str(caught.value)


def test_truth_files_must_be_one_or_two_and_fit(tmp_path):
    counts = text(tmp_path, HEADER + "0,1,2\n1,0,3\n")
    np.save(tmp_path / "a.npy", np.ones((2, 2)))
    np.save(tmp_path / "b.npy", np.ones((2, 3)))
    a, b = tmp_path / "a.npy", tmp_path / "b.npy"
    for files, says in (([a, a, a], "one matrix file or two"), ([], "one matrix file or two"), ([a, b], "2 and 3 columns")):
        with pytest.raises(InputError, match=says):
            triples_problem(counts, truth=files)
    with pytest.raises(InputError, match="no such file"):
        triples_problem(counts, truth=tmp_path / "nowhere.npy")


def test_path_must_be_given():
    with pytest.raises(InputError, match=r"data\.path=FILE") as caught:
        triples_problem()
    assert caught.value.field == "path"


def test_generated_counts_survive_a_file(tmp_path):
    """What a generator draws, written as triples, is read back as it was."""
    counts = sp.softmax_problem(words=30, pairs=2000).counts
    counts.triples.to_csv(tmp_path / "counts.csv", index=False)
    again = sp.read_triples(tmp_path / "counts.csv")
    np.testing.assert_array_equal(again.matrix.toarray(), counts.matrix.toarray()[: again.shape[0], : again.shape[1]])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "1,2\n3,4\n"),
        ("t.csv", "a,b\n1,2\n3,4\n"),
        ("t.csv", "0,1\n1,2\n3,4\n"),
        ("t.csv", '"","V1","V2"\n"1",1,2\n"2",3,4\n'),
        ("t.txt", '"V1" "V2"\n"1" 1 2\n"2" 3 4\n'),
        ("t.txt", "1 2\n3 4\n"),
        ("t.tsv.gz", gzip.compress(b"1\t2\n3\t4\n", mtime=0)),
        ("t.csv", "V1;V2\n1;2,0\n3;4,0\n"),
        ("t.csv", "center,context,pmi\n0,0,1\n0,1,2\n1,1,4\n1,0,3\n"),
        ("t.csv", "i,j,value\n0,0,1\n0,1,2\n1,1,4\n1,0,3\n"),
        ("t.csv", "0,0,1\n0,1,2\n1,1,4\n1,0,3\n"),
    ],
)
def test_truth_with_and_without_headings_or_cell_by_cell(tmp_path, name, content):
    counts = text(tmp_path, HEADER + "0,1,2\n1,0,3\n")
    problem = triples_problem(counts, truth=text(tmp_path, content, name))
    np.testing.assert_array_equal(problem.pmi, [[1, 2], [3, 4]])


@pytest.mark.parametrize("index_base", [0, 1])
def test_truth_cell_by_cell_has_the_ids_of_the_counts(tmp_path, index_base):
    base = str(index_base)
    counts = text(tmp_path, HEADER + f"{base},1,2\n1,{base},3\n")
    long = text(tmp_path, f"i,j,v\n{base},{base},1\n", "t.csv")
    if index_base:
        assert triples_problem(counts, 1, truth=long).pmi.tolist() == [[1]]
    words = text(tmp_path, HEADER + "b,a,2\na,b,3\n", "w.csv")
    cells = text(tmp_path, "i,j,v\nb,a,3\na,b,2\nb,b,4\na,a,1\n", "t.csv")
    np.testing.assert_array_equal(triples_problem(words, truth=cells).pmi, [[1, 2], [3, 4]])
    named = text(tmp_path, ",a,b\nb,3,4\na,1,2\n", "t.csv")
    np.testing.assert_array_equal(triples_problem(words, truth=named).pmi, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "content",
    [
        "i,j,v\na,a,1\na,b,2\nb,a,3\n",
        "i,j,v\na,a,1\na,b,2\nb,a,3\nb,a,4\n",
        "i,j,v\na,a,1\na,b,2\nb,a,3\nb,c,4\n",
        "i,j,v\na,a,1\na,b,2\nb,a,3\nb,b,x\n",
        ",a,b\na,1,2\nc,3,4\n",
        ",a,b\na,1,2\na,3,4\n",
    ],
)
def test_truth_of_other_cells(tmp_path, content):
    counts = text(tmp_path, HEADER + "b,a,2\na,b,3\n")
    with pytest.raises(InputError) as caught:
        triples_problem(counts, truth=text(tmp_path, content, "t.csv"))
    assert caught.value.field == "truth"


@pytest.mark.parametrize(("first", "second"), [("250", "250.0"), ("7.0", "7"), ("1.", "1")])
def test_a_number_spelled_in_two_ways_is_refused_unless_ids_say_what_it_is(tmp_path, first, second):
    """ICD-9 codes: 250 and 250.0 are two diagnoses; one number would merge them."""
    file = text(tmp_path, HEADER + f"{first},1,5\n{second},1,7\n")
    with pytest.raises(InputError, match=r"spelled another way; say data\.ids=words or numbers"):
        sp.read_triples(file)
    assert sp.read_triples(file, ids="words").vocab == tuple(sorted([first, second]))
    assert sp.read_triples(file, ids="numbers").nnz == 1


def test_pointed_numbers_alone_are_numbers_and_plus_marks_codes(tmp_path):
    assert sp.read_triples(text(tmp_path, HEADER + "1.0,2.0,5\n2.0,1.0,7\n")).matrix[1, 2] == 5
    assert sp.read_triples(text(tmp_path, HEADER + "+49,1,5\n49,1,7\n")).vocab == ("+49", "49")


def test_a_whole_index_base_of_any_type_names_the_numbers(tmp_path):
    assert sp.read_triples(text(tmp_path, HEADER + "1,2,5\n2,1,7\n"), index_base=1.0).vocab == ("1", "2")


def test_parquet_columns_of_truth_values_are_no_ids_and_words_keep_a_last_nul(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"center": [True, False], "context": [1, 2], "count": [1, 2]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="center=boolean"):
        sp.read_triples(tmp_path / "b.parquet")
    pd.DataFrame({"center": ["a\0", "a"], "context": ["a", "a\0"], "count": [1, 2]}).to_parquet(tmp_path / "n.parquet")
    assert sp.read_triples(tmp_path / "n.parquet").vocab == ("a", "a\0")


@pytest.mark.parametrize("content", [",y,x\nb,4,3\na,2,1\n", "y,x\n2,1\n4,3\n", ",V1,V2\na,1,2\nb,3,4\n", "0,1\n1,2\n3,4\n"])
def test_columns_of_a_truth_are_known_by_their_headings(tmp_path, content):
    counts = text(tmp_path, HEADER + "a,x,1\na,y,2\nb,x,3\nb,y,4\n")
    np.testing.assert_array_equal(triples_problem(counts, truth=text(tmp_path, content, "t.csv")).pmi, [[1, 2], [3, 4]])
    with pytest.raises(InputError, match="no column of"):
        triples_problem(counts, truth=text(tmp_path, ",q,x\na,1,2\nb,3,4\n", "t.csv"))


def test_a_first_line_of_a_truth_that_is_not_all_numbers_is_no_heading_where_all_rows_are_needed(tmp_path):
    counts = text(tmp_path, HEADER + "0,0,1\n0,1,2\n1,0,3\n1,1,4\n")
    with pytest.raises(InputError, match=r"truth=nan: is no finite number, in line 1"):
        triples_problem(counts, truth=text(tmp_path, "1,nan\n3,4\n", "t.csv"))


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("center,context,count,unit\na,b,2,x\nb,a,1,y\na,b,3,y\n", {}),
        ("Unit,count,context,center\nx,2,b,a\ny,1,a,b\ny,3,b,a\n", {}),
        ("w,v,n,doc\na,b,2,x\nb,a,1,y\na,b,3,y\n", {"columns": ["w", "v", "n", "doc"]}),
        ("a,b,2,x\nb,a,1,y\na,b,3,y\n", {"columns": [1, 2, 3, 4]}),
        ("center,context,count,unit\n1,2,2,7\n2,1,1,9\n1,2,3,9\n", {"index_base": 1}),
    ],
    ids=["headed", "any order", "named", "placed", "numbers"],
)
def test_a_fourth_column_is_the_unit(tmp_path, content, options):
    file = tmp_path / "units.csv"
    file.write_text(content)
    problem = triples_problem(file, **options)
    np.testing.assert_array_equal(problem.counts.matrix.toarray(), [[0, 5], [1, 0]])
    units = problem.units
    assert list(zip(units.unit, units.center, units.context, units.count, strict=True)) == [
        (0, 0, 1, 2),
        (1, 1, 0, 1),
        (1, 0, 1, 3),
    ]
    np.testing.assert_array_equal(read_triples(file, **options).matrix.toarray(), problem.counts.matrix.toarray())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("center,context,count,unit\na,b,2,x\nb,a,1,x\n", "unit=x: is that of all rows"),
        ("center,context,count,unit\na,b,2,x\nb,a,1, \n", "unit=.*is missing, in line 3"),
    ],
)
def test_units_that_cannot_be(tmp_path, content, says):
    file = tmp_path / "units.csv"
    file.write_text(content)
    with pytest.raises(InputError, match=says):
        triples_problem(file)
