"""The shards command: counts on disk are those of the text, whole or in shards; what does not fit is refused in one line."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import sgns_pmi as sp
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.solvers.sharded import Processes, room
from sgns_pmi.problems import PROBLEMS, data_sets, stored
from sgns_pmi.problems.corpus.settings import Limits
from sgns_pmi.problems.data_sets import CELL, DataSet, TextPart
from sgns_pmi.shards import main

pytest.importorskip("duckdb", reason="needs the extra shards")
pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra shards")
RANDOM = ("data.boundary=none", "data.window_type=drawn", "data.subsample=0.01", "data.min_count=2", "seed=3")


class Shards:
    """Runs the command in a folder of its own; returns what it says on its last line, after checking how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> str:
        main([str(argument) for argument in arguments])
        return self._capsys.readouterr().out.strip()

    def refused(self, *arguments: object) -> str:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        said = self._capsys.readouterr()
        assert (end.value.code, said.out) == (2, "")
        assert "Traceback" not in said.err
        return said.err.splitlines()[-1]  # what stands before is progress


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shards:
    monkeypatch.chdir(tmp_path)
    return Shards(capsys)


def write_text(file: str, seed: int, tokens: int = 3000) -> str:
    """Lines of words by Zipf's law, of all lengths."""
    rng = np.random.default_rng(seed)
    words = [f"w{rank}" for rank in np.minimum(rng.zipf(1.3, tokens), 60)]
    ends = np.where(rng.random(tokens) < 0.1, "\n", " ")
    Path(file).write_text("".join(word + end for word, end in zip(words, ends, strict=True)))
    return f"data.path={file}"


def test_the_whole_and_merged_shards_have_one_hash(command):
    text = write_text("text", 0)
    command("count", "whole", text, *RANDOM)
    for number in (5, 1, 7, 3, 2, 6, 4):
        command("count", f"s{number}", text, *RANDOM, f"shard={number}/7")
    command("merge", "m", *(f"s{number}" for number in (3, 1, 2, 7, 6, 5, 4)))
    assert command("hash", "m") == command("hash", "whole") == json.loads(Path("whole/manifest.json").read_text())["hash"]
    assert Path("m/manifest.json").read_text() == Path("whole/manifest.json").read_text()
    command("merge", "left", "s1", "s4", "s7")
    command("merge", "right", "s2", "s3", "s6", "s5")
    command("merge", "both", "right", "left")
    assert command("hash", "both") == command("hash", "m")
    pd.testing.assert_frame_equal(pd.read_parquet("m/cells"), pd.read_parquet("whole/cells"))
    pd.testing.assert_frame_equal(pd.read_parquet("m/words.parquet"), pd.read_parquet("whole/words.parquet"), check_dtype=False)


@pytest.mark.parametrize("keys", [(), RANDOM], ids=["defaults", "drawn"])
def test_a_run_reads_the_counts_of_the_text(command, keys):
    text = write_text("text", 1)
    command("count", "whole", text, *keys)
    options = {key.removeprefix("data."): value for key, _, value in (key.partition("=") for key in keys)}
    types = {"subsample": float, "min_count": int, "seed": int}
    expected = sp.text_problem("text", cache=False, **{key: types.get(key, str)(value) for key, value in options.items()}).counts
    counts = PROBLEMS["counts"]("whole").counts
    assert (counts.vocab, counts.context_vocab, counts.digest) == (expected.vocab, expected.vocab, expected.digest)
    manifest = DataSet("whole").manifest
    assert (manifest.cells, manifest.words) == (expected.nnz, expected.shape[0])
    assert manifest.total == pytest.approx(expected.total, rel=1e-14)  # a sum of whole numbers, and one of fractions


def test_other_programs_read_the_files_as_they_are(command):
    """Columns, types and order of docs/counts.md; the frequencies are those of the words in the text."""
    command("count", "whole", write_text("text", 2), "data.min_count=1")
    cells, words = pd.read_parquet("whole/cells"), pd.read_parquet("whole/words.parquet")
    assert {name: str(kind) for name, kind in cells.dtypes.items()} == {"center": "int32", "context": "int32", "count": "float64"}
    assert list(cells.columns) == list(CELL.names)
    assert pd.MultiIndex.from_frame(cells[["center", "context"]]).is_monotonic_increasing
    assert dict(zip(words["word"], words["frequency"], strict=True)) == Counter(Path("text").read_text().split())
    assert words["id"].tolist() == [*range(len(words))]
    manifest = json.loads(Path("whole/manifest.json").read_text())
    assert (manifest["read"], manifest["total"]) == (3000, pytest.approx(cells["count"].sum()))


def test_sites_add_up_without_sharing_text(command):
    """Different texts, with different words: as if both had been counted together."""
    for name, seed in (("a", 3), ("b", 4)):
        write_text(name, seed)
        Path(name).write_text(Path(name).read_text().replace("w7", f"only_{name}"))
        command("count", f"c{name}", f"data.path={name}", "data.min_count=1")
    command("count", "both", "data.path=[a,b]", "data.min_count=1")
    command("merge", "m", "ca", "cb")
    assert command("hash", "m") == command("hash", "both")
    assert PROBLEMS["counts"]("m").counts.digest == PROBLEMS["counts"]("both").counts.digest
    assert len(DataSet("m").manifest.texts) == 2


def test_packed_files_are_counted_in_the_shard_in_which_they_begin(command):
    Path("texts").mkdir()
    for name in "abc":
        write_text("plain", ord(name))
        Path(f"texts/{name}.gz").write_bytes(gzip.compress(Path("plain").read_bytes()))
    command("count", "whole", "data.path=texts")
    for number in (1, 2):
        command("count", f"s{number}", "data.path=texts", f"shard={number}/2")
    command("merge", "m", "s1", "s2")
    assert command("hash", "m") == command("hash", "whole")


def test_many_files_and_row_groups_hold_the_same(command, monkeypatch):
    text = write_text("text", 5)
    command("count", "whole", text)
    monkeypatch.setattr(data_sets, "FILE", 300)
    monkeypatch.setattr(data_sets, "GROUP", 70)
    monkeypatch.setattr("sgns_pmi.problems.merging.FILE", 300)
    command("count", "cut", text)
    command("merge", "merged", "whole")
    for folder in ("cut", "merged"):
        assert len(list(Path(folder, "cells").iterdir())) > 3
        assert command("hash", folder) == command("hash", "whole")
        assert PROBLEMS["counts"](folder).counts.digest == PROBLEMS["counts"]("whole").counts.digest


WITHIN = """
import sys
from pathlib import Path
from sgns_pmi.shards import main

def kilobytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

command, few, many, *keys = sys.argv[1:]
main([command, *few.split(), *keys])  # loads the program
Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
before = kilobytes("VmRSS")
main([command, *many.split(), *keys])
print(kilobytes("VmHWM") - before)
"""


def peak(command: str, few: str, many: str, *keys: str) -> int:
    """Bytes beyond those of a process that has run the command on a few that it takes for many."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("needs Linux")
    done = subprocess.run(
        [sys.executable, "-c", WITHIN, command, few, many, *keys], stdout=subprocess.PIPE, text=True, check=True
    )
    return int(done.stdout.splitlines()[-1]) * 1024


@pytest.mark.study
def test_counting_stays_within_its_memory(command):
    """Cells of 16 bytes, that are nearly four times the memory; beside it, a row group as it is gathered and as it is encoded."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(3000)])
    for name, lines in (("few", 10), ("many", 1500)):
        Path(name).write_text("".join(" ".join(line) + "\n" for line in words[rng.integers(len(words), size=(lines, 1000))]))
    memory = 32 * 10**6
    found = peak("count", "few_counted data.path=few", "many_counted data.path=many", "data.memory=32MB")
    assert DataSet("many_counted").manifest.cells * CELL.itemsize > 3.5 * memory
    assert found < memory + 2 * data_sets.GROUP * CELL.itemsize
    command("count", "ample", "data.path=many", "data.memory=2GB")
    assert DataSet("ample").manifest == DataSet("many_counted").manifest


@pytest.mark.study
def test_factorising_stays_within_its_memory(command):
    """Counts of 12 bytes that have no room beside a step, of whose history as many pairs as have; all of these come into use."""
    rng = np.random.default_rng(0)
    for name, size, width in (("few", 300, 20), ("many", 6000, 2500)):
        cells = np.zeros(size * width, CELL)
        cells["center"] = np.repeat(np.arange(size), width)
        cells["context"] = np.concatenate([np.sort(rng.choice(size, width, replace=False)) for _ in range(size)])
        cells["count"] = 1 + rng.poisson(2, len(cells))
        data_sets.prepare(Path(name))
        data_sets.write_words(Path(name), [f"w{number}" for number in range(size)], np.arange(size, 0, -1))
        data_sets.write_cells(Path(name), [cells])
        data_sets.finish(Path(name), {}, 1, (TextPart("made", 1, 1, ((1, 1),)),), 0, 0, 0)
    memory = 420 * 10**6
    keys = "dim=200", "precision=float32", "memory=420MB", "max_steps=12"
    pairs, left = room(memory, Processes(size), 200, torch.float32)
    assert pairs < 12
    assert left < len(cells) * 12
    assert peak("factorise", "few few.npz", "many many.npz", *keys) < memory


def test_memory_makes_no_difference(command, monkeypatch):
    """To the last byte: runs in memory, or of a few tokens each and on disk."""
    text = write_text("text", 12)
    monkeypatch.setattr(data_sets, "FILE", 300)
    monkeypatch.setattr(data_sets, "GROUP", 70)
    command("count", "ample", text)
    tight = Limits(block=500, words=1 << 20, ids=0, segment=100, piece=50, runs=0, held=20, merge=10_000)
    monkeypatch.setattr(Limits, "within", lambda *_: tight)
    command("count", "tight", text)
    files = [path.relative_to("ample") for path in Path("ample").rglob("*.*")]
    assert len(files) > 5
    for file in files:
        assert ("tight" / file).read_bytes() == ("ample" / file).read_bytes(), file


def test_a_file_ends_before_the_row_in_which_the_next_cells_begin(tmp_path, monkeypatch):
    """Whatever pieces the cells come in; rows of the same cells stay together, and row groups are full but the last."""
    monkeypatch.setattr(data_sets, "FILE", 10)
    monkeypatch.setattr(data_sets, "GROUP", 4)
    rng = np.random.default_rng(1)
    lengths = np.array([3, 0, 9, 25, 1, 1, 8, 0, 10, 0, 30, 2, 2])
    cells = np.empty(lengths.sum(), CELL)
    cells["center"] = np.repeat(np.arange(len(lengths)), lengths)
    cells["context"] = np.concatenate([np.arange(n) for n in lengths])
    cells["count"] = rng.random(len(cells))
    starts = np.cumsum(lengths) - lengths
    for number, cuts in enumerate(([], [4], range(len(cells)), [13, 13, 36, 37])):
        folder = tmp_path / str(number)
        data_sets.prepare(folder)
        data_sets.write_cells(folder, np.split(cells, cuts))
        read = [pq.ParquetFile(file) for file in data_sets.cells_files(folder)]
        found = [file.read().to_pandas() for file in read]
        np.testing.assert_array_equal(pd.concat(found).to_records(index=False).astype(CELL), cells)
        expected = {center: starts[center] // 10 for center in np.flatnonzero(lengths)}
        assert [sorted(set(file["center"])) for file in found] == [
            [center for center, of in expected.items() if of == number] for number in sorted(set(expected.values()))
        ]
        sizes = [[file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] for file in read]
        assert all(set(groups[:-1]) <= {4} and groups[-1] <= 4 for groups in sizes)


def test_a_shard_that_was_killed_is_counted_again(command, monkeypatch):
    text = write_text("text", 6)
    command("count", "first", text, "shard=2/3")
    with monkeypatch.context() as patch:
        patch.setattr(stored, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(SystemExit) as end:
            command("count", "again", text, "shard=2/3")
    assert end.value.code == 130
    Path("again/cells/.part-00000-" + 32 * "a" + ".parquet").write_bytes(b"half")
    assert "no data set" in command.refused("hash", "again")
    command("count", "again", text, "shard=2/3")
    assert command("hash", "again") == command("hash", "first")
    assert sorted(path.name for path in Path("again").rglob("*")) == [
        "cells",
        "manifest.json",
        "part-00000.parquet",
        "words.parquet",
    ]
    written = Path("again/manifest.json").stat().st_mtime_ns
    command("count", "again", text, "shard=2/3")  # is there
    assert Path("again/manifest.json").stat().st_mtime_ns == written


def test_words_of_all_shards_spare_reading_the_whole_text(command):
    text = write_text("text", 11)
    for number in (1, 3):
        command("words", "w", text, f"shard={number}/3")
    assert "lacks the words of shard 2/3" in command.refused("count", "s1", text, *RANDOM, "words=w", "shard=1/3")
    command("words", "w", text, "shard=2/3")
    for number in (1, 2, 3):
        command("count", f"s{number}", text, *RANDOM, "words=w", f"shard={number}/3")
    command("merge", "m", "s1", "s2", "s3")
    command("count", "whole", text, *RANDOM)
    assert Path("m/manifest.json").read_text() == Path("whole/manifest.json").read_text()
    assert "has tokens by" in command.refused("count", "new", text, "data.tokens=words", "words=w", "shard=1/3")
    assert command.refused("count", "new", text, "words=none", "shard=1/3").startswith("words=none: lacks")
    Path("w/words-2-of-3.parquet").write_bytes(b"PAR1")
    assert command.refused("count", "new", text, "words=w", "shard=1/3").startswith(
        "words=w/words-2-of-3.parquet: cannot be read"
    )
    assert not Path("new").exists()


def test_missing_shards_are_named(command):
    text = write_text("text", 7)
    for number in (2, 5):
        command("count", f"s{number}", text, f"shard={number}/7")
    assert "missing of a text: shard 1/7, 3/7 to 4/7, 6/7 to 7/7" in command("merge", "some", "s2", "s5")
    with pytest.raises(InputError, match="missing: shard 1/7, 3/7 to 4/7"):
        PROBLEMS["counts"]("some")


def test_what_cannot_be_counted_or_added_is_refused(command):
    text = write_text("text", 8)
    command("count", "whole", text)
    command("count", "s1", text, "shard=1/2")
    command("count", "other", text, "data.window=2", "shard=2/2")
    for shard in ("8/7", "0/7", "1/0", "3", "a/b", "-1/2", ""):
        assert command.refused("count", "new", text, f"shard={shard}").startswith(f"shard={shard}: must be the number")
    assert command.refused("count", "new", "data.path=none").startswith("data.path=none: there is no such file")
    assert command.refused("count", "new", text, "data.windw=2") == "data.windw=2: no such key; did you mean data.window?"
    assert command.refused("count", "new", text, "dim=2").startswith("dim=2: no such key of counting")
    assert command.refused("count", "new", text, "data.min_count=9999").startswith("data.min_count=9999: leaves 0 of")
    assert command.refused("count", text).startswith("command line=")
    assert command.refused("count", "s1", text, "shard=2/2").startswith("out=s1: holds counts")
    assert command.refused("cuont", "new").endswith("(did you mean count?)")
    assert command.refused("merge", "new").startswith("command line=merge new: give the folders")
    assert command.refused("merge", "new", "s1", "s1").startswith("shard=1/2: is there twice")
    assert command.refused("merge", "new", "whole", "s1").startswith("shard=1/2: the same text was cut into 1 and into 2")
    assert command.refused("merge", "new", "s1", "other").startswith("data.window=2: in other, and 5 in s1")
    assert command.refused("merge", "s1", "whole").startswith("out=s1: holds counts")
    assert command.refused("merge", "new", "s1", "none").startswith("path=none: is no data set")
    assert command.refused("merge", "new", "s1", "memory=1").startswith("memory=1: must be a size")
    Path("notes").mkdir()
    Path("notes/thesis.tex").write_text("all of it")
    assert command.refused("merge", "notes", "s1").startswith("out=notes: holds thesis.tex")
    assert not Path("new").exists()


def damage(folder: str, how: str) -> None:
    """Damage a data set in one way."""
    manifest, cells, words = (
        Path(folder, "manifest.json"),
        Path(folder, "cells/part-00000.parquet"),
        Path(folder, "words.parquet"),
    )
    content = json.loads(manifest.read_text())
    frame = pd.read_parquet(cells)
    if how == "manifest cut off":
        manifest.write_text(manifest.read_text()[:100])
    elif how == "manifest of another kind":
        manifest.write_text("[1, 2]")
    elif how == "key missing":
        manifest.write_text(json.dumps({key: value for key, value in content.items() if key != "unit"}))
    elif how == "shards no numbers":
        content["texts"][0]["shards"] = [["a", "b"]]
        manifest.write_text(json.dumps(content))
    elif how == "settings changed":
        content["settings"]["window"] = 3
        manifest.write_text(json.dumps(content))
    elif how == "no manifest":
        manifest.unlink()
    elif how == "cells cut off":
        cells.write_bytes(cells.read_bytes()[:-50])
    elif how == "cells missing":
        cells.unlink()
    elif how == "cells of a stranger":
        pd.DataFrame({"x": ["a"]}).to_parquet(cells)
    elif how == "cells of another type":
        frame.astype({"center": "int64"}).to_parquet(cells, index=False)
    elif how == "cells out of order":
        frame[::-1].to_parquet(cells, index=False)
    elif how == "id without a word":
        frame.assign(context=np.where(frame.index == 3, content["words"], frame["context"]).astype(np.int32)).to_parquet(cells)
    elif how == "count below zero":
        frame.assign(count=np.where(frame.index == 3, -1.0, frame["count"])).to_parquet(cells)
    elif how == "count changed":
        frame.assign(count=frame["count"] + (frame.index == 3)).to_parquet(cells)
    elif how == "words missing":
        words.unlink()
    else:
        assert how == "word twice"
        named = pd.read_parquet(words)
        named.assign(word=named["word"].where(named["id"] != 1, named["word"][0])).to_parquet(words)


HOW = ("manifest cut off", "manifest of another kind", "key missing", "shards no numbers", "settings changed", "no manifest")
HOW += ("cells cut off", "cells missing", "cells of a stranger", "cells of another type", "cells out of order")
HOW += ("id without a word", "count below zero", "count changed", "words missing", "word twice")


def test_damaged_data_sets_are_refused(command):
    command("count", "whole", write_text("text", 9))
    for how in HOW:
        shutil.copytree("whole", "damaged")
        damage("damaged", how)
        line = command.refused("hash", "damaged")
        assert line.startswith("path=damaged"), (how, line)
        with pytest.raises(InputError):
            PROBLEMS["counts"]("damaged")
        if how not in ("settings changed", "cells out of order", "cells of another type", "word twice"):
            # What DuckDB adds up; a changed order or type makes no other sum, and the hash of the sum has the words.
            assert command.refused("merge", "new", "damaged").startswith("path=damaged"), how
        assert not Path("new").exists()
        shutil.rmtree("damaged")


def test_ranges_of_shards():
    part = TextPart("t", 10, 5, ((2, 2),))
    some = part.joined(TextPart("t", 10, 5, ((4, 5),)))
    assert (some.shards, some.missing, some.named_missing) == (((2, 2), (4, 5)), ((1, 1), (3, 3)), "1/5, 3/5")
    whole = some.joined(TextPart("t", 10, 5, ((1, 1),))).joined(TextPart("t", 10, 5, ((3, 3),)))
    assert whole == TextPart("t", 10, 1, ((1, 1),))
    with pytest.raises(InputError, match="is there twice"):
        some.joined(TextPart("t", 10, 5, ((5, 5),)))
