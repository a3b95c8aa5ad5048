"""Whatever people feed the readers: it is read, or refused in one line; no other exception, no signal, no hang."""

from __future__ import annotations

import copy
import gzip
import inspect
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
import yaml
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf.errors import OmegaConfBaseException

import sgns_pmi as sp
from sgns_pmi.cache import Cache
from sgns_pmi.command_line import as_input_error, conf_folder, guard_configuration, register_help
from sgns_pmi.config import Config, read_noise
from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus.cache import _unpacked
from sgns_pmi.problems.corpus.counting import Counted
from sgns_pmi.problems.marginal import marginal_problem
from sgns_pmi.problems.stored import count_into, counts_problem
from sgns_pmi.problems.text import text_problem, text_task
from sgns_pmi.problems.triples import triples_problem
from sgns_pmi.run import as_dict

FEW, MANY = 60, 2500
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


def data_set() -> dict[str, bytes]:
    """The files of counts on disk, by their place in the folder."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text"
        text.write_bytes(TEXT)
        task = text_task(**{**text_defaults(), "path": text, "min_count": 1, "memory": "32MB", "cache": False})
        count_into(Path(folder) / "counts", task, 1, 1)
        files = (Path(folder) / "counts").rglob("*")
        return {str(file.relative_to(Path(folder) / "counts")): file.read_bytes() for file in files if file.is_file()}


def text_defaults() -> dict[str, Any]:
    return {name: own.default for name, own in inspect.signature(text_problem).parameters.items()}


DATA_SET = data_set()


def in_data_set(member: str) -> Callable[[Path], object]:
    """Reads counts on disk of which one file is another."""

    def read(file: Path) -> object:
        for name, content in DATA_SET.items():
            place = file.with_name("data set") / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes() if name == member else content)
        return counts_problem(file.with_name("data set"))

    return read


KEPT = {
    "indptr": np.array([0, 1, 2]),
    "columns": np.array([1, 0], np.int32),
    "values": np.ones(2),
    "words": np.frombuffer(b"a\xffb", np.uint8),
    "tokens": np.array([2, 2, 2]),
}
CSR = saved(sparse.save_npz, sparse.csr_array(MATRIX))


NAME = 32 * "0"
"""Of an entry of the cache, a hash."""


def kept(file: Path) -> object:
    """Counts of a text from the cache; where they are damaged they are counted again, which is refused here."""

    def count() -> Counted:
        raise InputError("cache", file, "is damaged; count again")

    file.with_name(f"{NAME}.npz").write_bytes(file.read_bytes())
    return Cache(file.parent).once(NAME, count, dict, _unpacked)


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
    "kept.npz": (".npz", saved(np.savez, **KEPT), kept),
    "vectors.txt": (".txt", b"2 3\nthe 1 2 3\ncat 4 5 6\n", sp.read_vectors),
    "vectors.txt.gz": (".txt.gz", gzip.compress(b"2 3\nthe 1 2 3\ncat 4 5 6\n", mtime=0), sp.read_vectors),
} | {f"counts on disk: {name}": (Path(name).suffix, content, in_data_set(name)) for name, content in DATA_SET.items()}
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


CHOSEN: dict[str, tuple[Callable[..., object], tuple[Any, ...]]] = {
    "columns": (sp.read_triples, (["center", "context", "count"], [1, 2, 3], [3, 2, 1], ["x", "y", "z"])),
    "separator": (sp.read_triples, ("comma", "tab", ";", "\\", "^", ".", "ab", " ", "\0", "\n", "\ud800")),
    "ids": (sp.read_triples, ("words", "numbers")),
    "index_base": (sp.read_triples, (1, 1.0)),
    "truth": (triples_problem, ("counts.csv", ["counts.csv", "counts.csv"], "/", "~")),
    "truth_kind": (triples_problem, ("joint", "logits")),
    **{name: (text_problem, ()) for name in inspect.signature(text_problem).parameters if name != "cache"},
}
"""Options of readers, and values that they may take."""


def choose(folder: Path, examples: int) -> Counter[str]:
    ends: Counter[str] = Counter()
    files = [folder / "words.csv", folder / "counts.csv", folder / "text.txt"]
    for file, content in zip(files, (WORDS, CSV, TEXT), strict=True):
        file.write_bytes(content)

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def one(data: st.DataObject) -> None:
        read, _ = CHOSEN[data.draw(st.sampled_from([*CHOSEN]))]
        names = [name for name, (own, _) in CHOSEN.items() if own is read]
        options = {
            name: data.draw(VALUES | (st.sampled_from(CHOSEN[name][1]) if CHOSEN[name][1] else st.nothing()))
            for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        }
        more = {"memory": "32MB", "min_count": 1} if read is text_problem else {}
        known = (
            {"path": files[2], "cache": False, **more}
            if read is text_problem
            else {"path": data.draw(st.sampled_from(files[:2]))}
        )
        ends[outcome(lambda: read(**{**known, **options}))] += 1

    one()
    return ends


def test_options_of_readers(folder: Path) -> None:
    assert choose(folder, 10 * FEW)["refused"] > FEW


WORDS_OF_COMMANDS = [
    "k",
    "dim",
    "data",
    "method",
    "noise",
    "data.words",
    "data.path",
    "eval.words",
    "figure.width",
    "hydra.run.dir",
]
WORDS_OF_COMMANDS += [
    "+experiment",
    "~data",
    "++x",
    "hydra/launcher",
    "solver",
    "method.sppmi_svd.power",
    "",
    "hydra",
    "@",
    "k.k",
]
VALUES_OF_COMMANDS = [
    "5",
    "null",
    "[null]",
    "[]",
    "{}",
    "{a:1}",
    "x",
    "''",
    "true",
    "1e400",
    "-1",
    "softmax",
    "[oracle]",
    "${k}",
    "${",
]
VALUES_OF_COMMANDS += [
    "1,2",
    "${oc.env:HOME}",
    "[[1]]",
    "'a b'",
    "é",
    "\\",
    "choice(1,2)",
    "range(1,3)",
    "???",
    "[${k},x]",
    "a:b",
    "\n",
]


def compose_as_told(overrides: list[str]) -> object:
    """What the command makes of its arguments, before any work."""
    try:
        with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3"):
            return Config.from_tree(as_dict(compose("config", overrides=overrides)))
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError, TypeError, LookupError, OSError) as error:
        raise as_input_error(error) from None


def tell(examples: int) -> Counter[str]:
    ends: Counter[str] = Counter()
    word = st.builds(
        "{}={}".format, st.sampled_from(WORDS_OF_COMMANDS), st.sampled_from(VALUES_OF_COMMANDS) | st.text(max_size=6)
    )

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(word | st.text(max_size=6), min_size=1, max_size=2))
    def one(overrides: list[str]) -> None:
        ends[outcome(lambda: compose_as_told(overrides))] += 1

    register_help()
    guard_configuration()
    one()
    return ends


def test_arguments_of_the_command() -> None:
    assert tell(FEW)["refused"] > FEW // 4


def test_damaged_configurations() -> None:
    assert ask(10 * FEW)["refused"] > FEW


@pytest.mark.study
@pytest.mark.parametrize("name", [*READERS, "configuration", "options", "arguments"])
def test_very_many(name: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    others = {"configuration": lambda: ask(MANY), "options": lambda: choose(folder, MANY), "arguments": lambda: tell(MANY)}
    ends = others[name]() if name in others else feed(name, folder, MANY)
    with capfd.disabled():
        print(f"{name}: {ends.total():,} inputs, {ends['read']:,} read, {ends['refused']:,} refused in one line")
