"""Files, folders and compressions hold the same text; what cannot be read is said in one line with its place."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus import sources
from sgns_pmi.problems.corpus.sources import Source, find_sources, read_blocks
from sgns_pmi.problems.text import text_problem

TEXT = b"the cat\nsat on the mat\n" * 50
PACK = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstd.compress}


def write(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def whole(source: Source, size: int = 64) -> bytes:
    return b"".join(block.text for block in read_blocks(source, size))


def refusal(source: Source) -> InputError:
    with pytest.raises(InputError) as caught:
        whole(source)
    assert caught.value.field == "path"
    assert "\n" not in str(caught.value)
    return caught.value


@given(st.text("ab\n \t", max_size=200), st.integers(1, 40))
def test_blocks_are_the_text_in_whole_words(text, size):
    content = text.encode()
    blocks = list(read_blocks(Source("text", len(content), lambda: io.BytesIO(content)), size))
    assert b"".join(block.text for block in blocks) == content
    at = 0
    for block in blocks:
        assert block.offset == at
        at += len(block.text)
        assert at == len(content) or block.text == b"" or block.text[-1:].isspace()
    assert sum(block.stored for block in blocks) == len(content)


@given(st.text("ab\n\r ", max_size=200), st.integers(1, 40))
def test_lines_of_any_system_are_lines(text, size):
    content = text.encode()
    read = whole(Source("text", len(content), lambda: io.BytesIO(content)), size)
    assert read.replace(b"\r\n", b"\n").decode() == io.StringIO(text, newline=None).read()


def test_a_block_ends_with_a_line_if_it_can():
    content = b"one two\nthree four five six"
    first = next(iter(read_blocks(Source("text", len(content), lambda: io.BytesIO(content)), 20)))
    assert first.text == b"one two\n"


@pytest.mark.parametrize("suffix", PACK)
def test_compressed_files(tmp_path, suffix):
    file = write(tmp_path / f"text.txt{suffix}", PACK[suffix](TEXT[:500]) + PACK[suffix](TEXT[500:]))
    (source,) = find_sources(file)
    assert whole(source) == TEXT
    assert sum(block.stored for block in read_blocks(source, 64)) == source.size == file.stat().st_size


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
@pytest.mark.parametrize("damage", [lambda packed: packed[:-12], lambda packed: b"plain text after all"])
def test_damaged_files(tmp_path, suffix, damage):
    file = write(tmp_path / f"text{suffix}", damage(PACK[suffix](TEXT)))
    error = refusal(find_sources(file)[0])
    assert (error.value, "cannot be read" in error.remedy) == (str(file), True)


def test_zst_without_its_package(tmp_path, monkeypatch):
    file = write(tmp_path / "text.zst", zstd.compress(TEXT))
    monkeypatch.setitem(__import__("sys").modules, "backports", None)
    with pytest.raises(InputError, match=r"pip install 'sgns-pmi\[zstd\]'"):
        whole(find_sources(file)[0])


def test_a_folder_is_its_files_by_name(tmp_path):
    write(tmp_path / "b.txt", b"two")
    write(tmp_path / "a.txt.gz", gzip.compress(b"one", mtime=0))
    write(tmp_path / "c" / "d", b"three")
    write(tmp_path / ".hidden", b"none")
    assert [whole(source) for source in find_sources(tmp_path)] == [b"one", b"two", b"three"]
    assert [whole(source) for source in find_sources([tmp_path / "c", tmp_path / "b.txt"])] == [b"three", b"two"]


def test_a_byte_order_mark_is_no_part_of_the_first_word(tmp_path):
    file = write(tmp_path / "text", b"\xef\xbb\xbfthe cat")
    assert whole(find_sources(file)[0]) == b"the cat"


def test_what_is_not_there(tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "nothing", tmp_path / "empty", []):
        with pytest.raises(InputError) as caught:
            find_sources(path)
        assert caught.value.field == "path"


def test_a_file_that_may_not_be_read(tmp_path):
    file = write(tmp_path / "text", TEXT)
    (source,) = find_sources(file)
    file.unlink()
    assert "No such file" in refusal(source).remedy


def test_what_has_no_words_is_no_text(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "LONGEST_WORD", 1000)
    file = write(tmp_path / "picture", b"\x89" * 5000)
    assert "is it a text?" in refusal(find_sources(file)[0]).remedy


def test_a_named_pipe_is_read_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not find_sources(tmp_path / "pipe")[0].repeatable
    assert not find_sources("-")[0].repeatable


def test_hidden_folders_are_left_out(tmp_path):
    write(tmp_path / "a.txt", b"one")
    write(tmp_path / ".ipynb_checkpoints" / "a-checkpoint.txt", b"one")
    write(tmp_path / "c" / ".git" / "config", b"none")
    assert [whole(source) for source in find_sources(tmp_path)] == [b"one"]
    assert [whole(source) for source in find_sources(tmp_path / ".ipynb_checkpoints")] == [b"one"]  # asked for by name


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("the cat sat".encode("utf-16"), "UTF-16"),
        ("the cat sat".encode("utf-16-le"), "UTF-16"),
        ("the cat sat".encode("utf-16-be"), "UTF-16"),
        ("привет, мир и ещё раз мир".encode("utf-16-le"), "UTF-16"),
        ("नमस्ते दुनिया नमस्ते".encode("utf-16-be"), "UTF-16"),
        ("the cat sat".encode("utf-32"), "UTF-32"),
        (gzip.compress(TEXT, mtime=0), "gzip"),
        (bz2.compress(TEXT), "bzip2"),
        (lzma.compress(TEXT), "xz"),
        (zstd.compress(TEXT), "zstd"),
        (b"PK\x03\x04 rest", "zip archive"),
        (b"text".ljust(257, b"\0") + b"ustar\x0000", "tar archive"),
        (b"\x7fELF" + bytes(60), "binary data"),
        (bytes(range(128, 256)) * 4, "iconv"),
        ("привет, мир".encode("koi8-r"), "iconv"),
        (b"%PDF-1.4 rest", "PDF"),
        (b"\x80\x04\x95 rest", "pickle"),
        (b"\x80\x02]q\0(X a b c", "pickle"),
    ],
)
@pytest.mark.parametrize("name", ["text.txt", "text.bz2", "text.zip"])
@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_what_is_no_text_is_named_and_not_replaced(tmp_path, content, says, errors, name):
    file = write(tmp_path / name, content)
    with pytest.raises(InputError) as caught:
        text_problem(file, errors=errors, min_count=1, cache=False)
    assert says in str(caught.value)
    assert "data.errors" not in str(caught.value)


@pytest.mark.parametrize("path", [5, 1e5, True, ["a.txt", 5], "a\0b", {"a": 1}, "", ["a.txt", ""]])
def test_what_is_no_name_of_a_file(path):
    with pytest.raises(InputError) as caught:
        find_sources(path)
    assert caught.value.field == "path"
