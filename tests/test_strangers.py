"""Whatever people feed the readers: it is read, or refused in one line; no other exception, no signal, no hang."""

from __future__ import annotations

import copy
import gzip
import io
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sparse
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sgns_pmi as sp
from sgns_pmi.command_line import conf_folder
from sgns_pmi.config import Config, read_noise
from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus.cache import load
from sgns_pmi.problems.marginal import marginal_problem
from sgns_pmi.problems.text import text_problem
from sgns_pmi.problems.triples import triples_problem
from sgns_pmi.run import as_dict

FEW, MANY = 20, 2500
"""Inputs of each kind by default, and in a long study."""
MATRIX = np.array([[0, 2.5, 0], [1, 0, 4], [3, 0, 1e-3]])
FRAME = pd.DataFrame({"center": [0, 1, 1, 2], "context": [1, 0, 2, 0], "count": [2.5, 1, 4, 3]})
CSV = FRAME.to_csv(index=False).encode()
WORDS = b'center,context,count\nthe,cat,3\ncat,the,2\n"a,b",the,1\n'
MARKET = io.BytesIO()
scipy.io.mmwrite(MARKET, sparse.coo_array(MATRIX))
TEXT = "the cat sat\non the mat, नमस्ते don't\nthe cat\n".encode()


def saved(save: Callable[..., Any], *arguments: Any, **arrays: Any) -> bytes:
    """What a function writes to a file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file.npz"
        save(file, *arguments, **arrays)
        return next(Path(folder).iterdir()).read_bytes()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def truth(file: Path) -> object:
    return triples_problem(file.with_name("counts.csv"), truth=file)


def counted(**options: Any) -> Callable[[Path], object]:
    return lambda file: text_problem(file, min_count=1, cache=False, memory="32MB", **options)


KEPT = {
    "indptr": np.array([0, 1, 2]),
    "columns": np.array([1, 0], np.int32),
    "values": np.ones(2),
    "words": np.frombuffer(b"a\xffb", np.uint8),
    "tokens": np.array([2, 2, 2]),
}
CSR = saved(sparse.save_npz, sparse.csr_array(MATRIX))
READERS: dict[str, tuple[str, bytes, Callable[[Path], object]]] = {
    "numbers.csv": (".csv", CSV, sp.read_triples),
    "words.csv": (".csv", WORDS, lambda file: sp.read_triples(file, ids="words")),
    "from one.tsv": (".tsv", b"center\tcontext\tcount\n1\t2\t3\n2\t1\t4\n", lambda file: sp.read_triples(file, index_base=1)),
    "places.txt": (".txt", CSV.replace(b",", b" "), lambda file: sp.read_triples(file, columns=[1, 2, 3])),
    "semicolons.csv": (".csv", CSV.replace(b",", b";"), lambda file: sp.read_triples(file, separator="semicolon")),
    "counts.csv.gz": (".csv.gz", gzip.compress(CSV, mtime=0), sp.read_triples),
    "counts.mtx": (".mtx", MARKET.getvalue(), sp.read_triples),
    "dense.mtx": (".mtx", b"%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n", sp.read_triples),
    "csr.npz": (".npz", CSR, sp.read_triples),
    "coo.npz": (".npz", saved(sparse.save_npz, sparse.coo_array(MATRIX), compressed=False), sp.read_triples),
    "named.npz": (
        ".npz",
        saved(lambda file: sp.write_triples(sp.CooccurrenceCounts.from_matrix(MATRIX, list("abc")), file)),
        sp.read_triples,
    ),
    "counts.parquet": (".parquet", saved(lambda file: FRAME.to_parquet(file)), sp.read_triples),
    "truth.csv": (".csv", b"a,b,c\n1,2,3\n4,5,6\n7,8,9\n", truth),
    "long truth.csv": (".csv", b"i,j,v\n0,0,1\n0,1,2\n0,2,2\n1,0,3\n1,1,4\n1,2,2\n2,0,1\n2,1,1\n2,2,1\n", truth),
    "truth.npy": (".npy", npy(MATRIX), truth),
    "truth.npz": (".npz", saved(np.savez, MATRIX), truth),
    "noise.csv": (".csv", b"weight\n1\n2\n3\n", read_noise),
    "noise.npy": (".npy", npy(np.ones(4)), read_noise),
    "marginals.txt": (".txt", b"1\n2\n3\n", lambda file: marginal_problem(words=3, rank=1, pairs=10, marginals=str(file))),
    "text.txt": (".txt", TEXT, counted()),
    "replaced.txt": (".txt", TEXT, counted(tokens="words", errors="replace")),
    "text.txt.gz": (".txt.gz", gzip.compress(TEXT, mtime=0), counted()),
    "kept.npz": (".npz", saved(np.savez, **KEPT), load),
    "vectors.txt": (".txt", b"2 3\nthe 1 2 3\ncat 4 5 6\n", sp.read_vectors),
}
PIECES = [
    b"",
    b"\0",
    b"\n",
    b"\r",
    b",",
    b";",
    b"\t",
    b" ",
    b'"',
    b"'",
    b"-",
    b".",
    b"0",
    b"1e5",
    b"nan",
    b"inf",
    b"NA",
    b"9" * 20,
]
PIECES += [
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x1b[2J",
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"0117",
    b"2147483647",
    b"center",
    b"\xe2\x80\xae",
    b"#",
    b"%%",
]


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with up to four edits: bytes replaced, pieces put in, stretches left out, repeated or cut off."""
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 8))
        edit = draw(st.sampled_from(["piece", "bytes", "delete", "repeat", "cut"]))
        if edit == "cut":
            content = content[:at]
            continue
        put = {
            "piece": draw(st.sampled_from(PIECES)),
            "bytes": draw(st.binary(max_size=8)),
            "delete": b"",
            "repeat": content[at : at + length] * 2,
        }
        content = content[:at] + put[edit] + content[at + length :]
    return content


def outcome(read: Callable[[], object]) -> str:
    """How reading ended: "read", or "refused" in one line; anything else is raised."""
    try:
        read()
    except InputError as error:
        text = str(error)
        assert "\n" not in text
        assert "\x1b" not in text
        assert len(text) < 3000
        return "refused"
    return "read"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        Path(place, "counts.csv").write_bytes(CSV + b"2,2,1\n")
        yield Path(place)


def feed(name: str, folder: Path, examples: int) -> Counter[str]:
    suffix, content, read = READERS[name]
    ends: Counter[str] = Counter()
    file = folder / f"file{suffix}"

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(damaged(content))
    def one(given: bytes) -> None:
        file.write_bytes(given)
        ends[outcome(lambda: read(file))] += 1

    one()
    return ends


@pytest.mark.parametrize("name", READERS)
def test_the_undamaged_are_read(name: str, folder: Path) -> None:
    suffix, content, read = READERS[name]
    file = folder / f"whole{suffix}"
    file.write_bytes(content)
    read(file)


@pytest.mark.parametrize("name", READERS)
def test_damaged_files(name: str, folder: Path) -> None:
    assert feed(name, folder, FEW).total() >= FEW // 2  # a file that no edit changes is not tried twice


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**18, 10**30, -1, 0, 0.5, 1e4, "5", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(tree: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every key of nested dicts."""
    return [
        each for key in tree for each in ((*path, key), *(places(tree[key], (*path, key)) if isinstance(tree[key], dict) else ()))
    ]


def tree_of(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3"):
        return as_dict(compose("config", overrides=list(overrides)))


def ask(examples: int) -> Counter[str]:
    trees = [
        tree_of(),
        tree_of("data=text", "method=[glove,swivel,numpy_sgns,sgns_sampled]"),
        tree_of("data=triples", "method=[cbow,qwem]"),
    ]
    ends: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def one(data: st.DataObject) -> None:
        tree = copy.deepcopy(data.draw(st.sampled_from(trees)))
        for _ in range(data.draw(st.integers(1, 3))):
            *above, key = data.draw(st.sampled_from(places(tree)))
            node = tree
            for step in above:
                node = node[step]
            edit = data.draw(st.sampled_from(["value", "value", "value", "gone", "more"]))
            if edit == "gone":
                del node[key]
            else:
                node[key if edit == "value" else key + "x"] = data.draw(VALUES)
        ends[outcome(lambda: Config.from_tree(tree))] += 1

    one()
    return ends


def test_damaged_configurations() -> None:
    assert ask(10 * FEW)["refused"] > FEW


@pytest.mark.study
@pytest.mark.parametrize("name", [*READERS, "configuration"])
def test_very_many(name: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ends = ask(MANY) if name == "configuration" else feed(name, folder, MANY)
    with capfd.disabled():
        print(f"{name}: {ends.total():,} inputs, {ends['read']:,} read, {ends['refused']:,} refused in one line")
