"""The query command: what a person types, and what they are told."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.words.files import write_factors
from sgns_pmi.factorise.methods.fasttext import FastText
from sgns_pmi.query import main

WORDS = ("man", "woman", "king", "queen", "pear", "Apple")
V = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1], [-1, -1, 0.5], [-1, -0.9, 0.4]])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with two methods, of which one has context vectors."""
    counts = sp.CooccurrenceCounts.from_matrix(np.diag(range(6, 0, -1)) + 1, vocab=WORDS, context_vocab=WORDS)
    svd = sp.SPPMISVD(dim=3).fit(counts)
    svd.V_, svd.U_ = V, V[:, ::-1]
    write_factors(svd, counts, tmp_path / "out" / "vectors" / "svd.npz")
    write_factors(sp.SPPMI(k=1).fit(counts), counts, tmp_path / "out" / "vectors" / "sppmi.npz")
    return tmp_path / "out"


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_neighbours_of_every_method_side_by_side(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(run), "APPLE", "king", "count=2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "APPLE"
    assert lines[1].split() == ["sppmi", "svd"]
    assert lines[2].split()[3:] == ["pear", "0.997"]
    assert lines[4] == "king"
    assert len(lines) == 8


def test_what_is_too_long_for_a_word_is_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sp.write_vectors(sp.WordVectors(("a", "x" * 100_000), np.eye(2) + 1), tmp_path / "v.txt")
    for word in ("a", "x" * 100_000):
        main([str(tmp_path / "v.txt"), word])
        said = capsys.readouterr().out
        assert len(said) < 2000
        assert "0.800" in said


def test_sums_and_differences(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for rule in ("3CosAdd", "3CosMul"):
        main([str(run), "king", "-", "man", "+", "woman", "method=svd", "count=1", f"rule={rule}"])
        said = capsys.readouterr().out
        assert said.startswith("king - man + woman\n")
        assert said.splitlines()[2].split()[1] == "queen"


def test_context_vectors_and_restriction(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(run), "king", "vectors=U", "restrict=2"])  # sppmi has none and is left out
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["svd"]
    assert [line.split()[1] for line in lines[2:]] == ["man", "woman"]


@pytest.mark.parametrize("name", ["v.npz", "v.txt", "v.bin"])
def test_files_of_vectors(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    sp.write_vectors(sp.WordVectors(WORDS, V), tmp_path / name)
    main([str(tmp_path / name), "pear", "count=1"])
    assert "Apple 0.997" in capsys.readouterr().out


def test_the_prompt_goes_on_after_an_unknown_word(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('kingg\npear\nking +\nsvd=king\n"king" + "pear"\n\nnever read\n'))
    main([str(run), "method=svd", "count=1"])
    said = capsys.readouterr().out
    assert "word=kingg: is not in the vocabulary; did you mean king?" in said
    assert "Apple 0.997" in said
    assert "needs a word after +" in said
    assert "word=svd=king: is not in the vocabulary" in said
    assert "king + pear" in said
    monkeypatch.setattr("sys.stdin", io.StringIO("pear"))  # the input may end without an empty line
    main([str(run), "method=svd"])
    assert capsys.readouterr().out.endswith("\n")


def test_refusals(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean queen" in refusal(capsys, run, "queeen")
    assert "method=sv: must be one of sppmi, svd (did you mean svd?)" in refusal(capsys, run, "king", "method=sv")
    assert "metod=svd: no such key; did you mean method?" in refusal(capsys, run, "king", "metod=svd")
    assert "count=many: must be a whole number" in refusal(capsys, run, "king", "count=many")
    assert "restrict=0: must be a whole number" in refusal(capsys, run, "king", "restrict=0")
    assert "needs context vectors" in refusal(capsys, run, "king", "method=sppmi", "vectors=U")
    assert "needs + or - before woman" in refusal(capsys, run, "king", "-", "man", "woman")
    assert "must add at least one word" in refusal(capsys, run, "-", "man")
    assert f"give the folder of one job, as {run}" in refusal(capsys, tmp_path, "king")
    assert "holds no run; give the folder of a run" in refusal(capsys, run / "vectors", "king")
    assert "no such file" in refusal(capsys, tmp_path / "nowhere", "king")


def test_a_misspelt_word_is_answered_by_the_method_that_composes_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = sp.CooccurrenceCounts.from_matrix(np.diag(range(6, 0, -1)) + 1, vocab=WORDS, context_vocab=WORDS)
    write_factors(FastText(dim=3).fit(counts), counts, run / "vectors" / "fasttext.npz")
    main([str(run), "kingg", "count=2"])
    assert capsys.readouterr().out.splitlines()[1].split() == ["fasttext"]
    main([str(run), "kingg", "-", "man", "+", "woman", "count=2"])
    assert capsys.readouterr().out.splitlines()[1].split() == ["fasttext"]
    main([str(run), "king", "count=2"])
    assert capsys.readouterr().out.splitlines()[1].split() == ["fasttext", "sppmi", "svd"]
    assert "did you mean king" in refusal(capsys, run, "kingg", "vectors=U")


def test_words_of_any_letters_are_asked_and_cannot_command_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From counts over a run's file and the command back: NULs, spaces, quotes, =, marks of direction, escapes."""
    words = ("a", "a\0", "New York", "'\"", "=x", "x=y", "\u200fright", "\x1b[31mred", "#", "\u202eturn")
    counts = sp.CooccurrenceCounts.from_matrix(np.diag(range(10, 0, -1)) + 1, vocab=words, context_vocab=words)
    write_factors(sp.PMISVD(dim=10).fit(counts), counts, tmp_path / "v.npz")
    assert sp.read_vectors(tmp_path / "v.npz").words == words
    sp.write_vectors(sp.read_vectors(tmp_path / "v.npz"), tmp_path / "again.npz")
    assert sp.read_vectors(tmp_path / "again.npz").words == words
    for word in words:
        main([str(tmp_path / "again.npz"), word])
        said = capsys.readouterr()
        assert not {"\x1b", "\0", "\u202e"} & set(said.out + said.err)
        assert len(said.out.splitlines()) == 11
