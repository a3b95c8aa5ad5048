"""data=text and data=toy: from a file to counts, kept between runs; a killed count leaves nothing and harms nothing."""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest
import yaml
from problems.corpus.brute_force import brute_force

import sgns_pmi as sp
from sgns_pmi.compare.words.files import read_vectors, write_factors
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.problems import PROBLEMS
from sgns_pmi.problems import corpus as engine
from sgns_pmi.problems.corpus import counting
from sgns_pmi.problems.corpus.settings import Limits
from sgns_pmi.problems.text import text_problem, toy_problem

CONF = Path(__file__).resolve().parents[2] / "conf" / "data"
TIGHT = Limits(block=200, words=1 << 30, ids=0, segment=100, piece=50, runs=0, held=20, merge=0)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A text of 4,000 tokens of a Zipf-like vocabulary."""
    rng = np.random.default_rng(5)
    words = [f"w{int(1 / u)}" for u in rng.uniform(1e-3, 1, 4000)]
    file = tmp_path / "corpus.txt"
    file.write_text("\n".join(" ".join(words[i : i + 12]) for i in range(0, len(words), 12)))
    return file


def no_counting(*_: object, **__: object) -> None:
    raise AssertionError("counted again")


def same(counts: CooccurrenceCounts, text: str, **options: object) -> bool:
    vocabulary, expected, _ = brute_force([text], **options)
    matrix = counts.matrix.tocoo()
    found = {(counts.vocab[i], counts.vocab[j]): n for i, j, n in zip(*matrix.coords, matrix.data, strict=True)}
    return counts.vocab == tuple(vocabulary) and found == expected


def test_a_text_becomes_counts(corpus, caplog, tmp_path):
    with caplog.at_level(logging.INFO, "sgns_pmi"):
        problem = text_problem(corpus, subsample=0.01, window_type="drawn", cache=tmp_path / "cache", seed=7)
    assert same(problem.counts, corpus.read_text(), subsample=0.01, window_type="drawn", seed=7)
    assert problem.truth is None
    assert problem.title.startswith("corpus.txt, ")
    assert any(line.startswith("text: 4,000 tokens read, ") for line in caplog.messages)


def test_counts_are_kept_and_known_again_by_contents(corpus, tmp_path, monkeypatch):
    options = {"subsample": 0.01, "cache": tmp_path / "cache"}
    first = text_problem(corpus, **options)
    text = corpus.read_text()
    moved = corpus.rename(tmp_path / "moved.txt")
    os.utime(moved, (0, 0))
    with monkeypatch.context() as patch:
        patch.setattr(engine, "count_text", no_counting)
        again = text_problem(moved, **options)
        for change in ({"seed": 1}, {"window": 4}, {"tokens": "words"}, {"removal": "clean"}):
            with pytest.raises(AssertionError, match="counted again"):
                text_problem(moved, **(options | change))
        moved.write_text(text + " more")
        with pytest.raises(AssertionError, match="counted again"):
            text_problem(moved, **options)
    np.testing.assert_array_equal(again.counts.matrix.toarray(), first.counts.matrix.toarray())
    assert again.counts.vocab == first.counts.vocab


def test_a_seed_that_draws_nothing_makes_no_difference(corpus, tmp_path, monkeypatch):
    text_problem(corpus, cache=tmp_path / "cache", seed=0)
    monkeypatch.setattr(engine, "count_text", no_counting)
    text_problem(corpus, cache=tmp_path / "cache", seed=1, subsample_formula="word2vec_c")


def test_where_counts_are_kept(corpus, tmp_path, monkeypatch):
    monkeypatch.delenv("SGNS_PMI_CACHE")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / name)
    text_problem(corpus, cache=False)
    assert not (tmp_path / "sgns-pmi").exists()
    text_problem(corpus)
    assert len(list((tmp_path / "sgns-pmi" / "counts").glob("*.npz"))) == 1
    monkeypatch.setenv("SGNS_PMI_CACHE", str(tmp_path / "chosen"))
    text_problem(corpus)
    assert len(list((tmp_path / "chosen" / "counts").glob("*.npz"))) == 1


def test_damaged_cached_counts_are_counted_again(corpus, tmp_path, caplog):
    folder = tmp_path / "cache"
    first = text_problem(corpus, cache=folder)
    (file,) = folder.glob("*.npz")
    for damaged in (b"", file.read_bytes()[:1000]):
        file.write_bytes(damaged)
        again = text_problem(corpus, cache=folder)
        np.testing.assert_array_equal(again.counts.matrix.toarray(), first.counts.matrix.toarray())
        assert any("made again" in line for line in caplog.messages)
        caplog.clear()


def test_a_cache_that_cannot_be_written(corpus, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"cache=.*cannot be written"):
        text_problem(corpus, cache=tmp_path / "file")


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_in_the_third_segment(*arguments: object) -> object:
    die_in_the_third_segment.calls += 1
    if die_in_the_third_segment.calls == 3:
        die()
    return counting_segment(*arguments)


counting_segment, numpy_savez = counting.count_segment, np.savez


def save_half(file: Path, **arrays: object) -> None:
    numpy_savez(file, words=arrays["words"])
    die()


@pytest.mark.parametrize("when", ["counting", "merging", "saving"])
def test_killed_and_started_again(corpus, tmp_path, monkeypatch, when):
    monkeypatch.setattr(Limits, "within", lambda *_: TIGHT)
    folder = tmp_path / "cache"
    child = os.fork()
    if child == 0:
        die_in_the_third_segment.calls = 0
        if when == "counting":
            counting.count_segment = die_in_the_third_segment
        elif when == "merging":
            counting.merged = die
        else:
            np.savez = save_half
        try:
            text_problem(corpus, cache=folder)
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    # Neither what was spilled nor half a file has a name by which anything would find it.
    assert [file for file in folder.iterdir() if not file.name.startswith(".")] == []
    assert same(text_problem(corpus, cache=folder).counts, corpus.read_text())
    assert len([file for file in folder.iterdir() if not file.name.startswith(".")]) == 1


def test_standard_input(corpus):
    code = "from sgns_pmi.problems.text import text_problem as t; print(repr(t('-').counts))"
    done = subprocess.run([sys.executable, "-c", code], input=corpus.read_bytes(), capture_output=True, check=True)
    assert done.stdout.decode().strip() == repr(text_problem(corpus, cache=False).counts)


def test_a_path_is_asked_for():
    with pytest.raises(InputError, match=r"data\.path=FILE"):
        text_problem()


@pytest.mark.parametrize("name", ["text", "toy"])
def test_the_shipped_options_are_the_defaults(name):
    options = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    assert options.pop("name") == name
    defaults = {own.name: own.default for own in inspect.signature(PROBLEMS[name]).parameters.values()}
    assert set(options) == set(defaults) - {"seed"}
    if name == "text":
        assert options == {key: defaults[key] for key in options}


def test_the_toy_corpus():
    options = yaml.safe_load((CONF / "toy.yaml").read_text())
    counts = toy_problem(options["sentences"], options["window"]).counts
    assert sorted(counts.vocab) == sorted(["apple", "banana", "orange", "fruit", "dog", "cat", "monkey", "animal"])
    assert same(counts, "\n".join(options["sentences"]), min_count=1, window=2, window_type="fixed")
    # All words of a sentence are each other's contexts: six sentences of 3 x 2 pairs.
    assert counts.total == 36


@pytest.mark.parametrize("sentences", [[], "a b", [1, 2], ["word"]])
def test_toys_that_cannot_be(sentences):
    with pytest.raises(InputError):
        toy_problem(sentences)


def test_text8_is_counted_as_its_readme_says(published):
    """12,575,907 tokens, 213,261 types, 60,230 of them 5 times or more."""
    file = published / "text" / "text8_prefix.txt.xz"
    counts = text_problem(file, window=1, window_type="fixed", boundary="none", max_size=200_000, cache=False).counts
    assert counts.shape == (60_230, 60_230)
    assert counts.vocab[:3] == ("the", "of", "and")


def test_what_a_problem_offers() -> None:
    toy = toy_problem(["a b", "b a"])
    synthetic = sp.softmax_problem(words=5, rank=1, pairs=100, seed=0)
    assert toy.offers == {"counts", "words", "text"}
    assert synthetic.offers == {"counts", "draws", "truth"}
    assert toy.give("words") is toy.give("counts") is toy.counts
    assert toy.give("text") is toy.corpus
    np.testing.assert_array_equal(synthetic.give("truth"), synthetic.pmi)


SENTENCES = [["a", "b", "a"], ["c", "b"], ("b", "a")]


def test_sentences_in_memory_are_the_text_that_they_spell(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("\n".join(map(" ".join, SENTENCES)), encoding="utf-8")
    memory = text_problem(SENTENCES, cache=False)
    read = text_problem(file, min_count=1, cache=False)
    assert memory.counts.vocab == read.counts.vocab == ("a", "b", "c")
    assert (memory.counts.matrix != read.counts.matrix).nnz == 0
    assert memory.corpus is not None
    assert memory.offers == {"counts", "words", "text"}


@pytest.mark.parametrize("kind", [sp.CBOW, sp.SGNSStream])
def test_methods_of_texts_take_sentences(kind: Any) -> None:
    corpus = text_problem(SENTENCES, cache=False).corpus
    found, known = (kind(dim=2, k=2, epochs=2).fit(text) for text in (SENTENCES, corpus))
    np.testing.assert_array_equal(found.V_, known.V_)
    assert found.V_.shape == (3, 2)


@pytest.mark.parametrize(
    ("text", "named"),
    [([["a b", "c"]], "sentences=a b"), ([["a", 1]], "sentences=1"), ([["a"], "b c"], "sentences=.*must be lists")],
)
def test_words_with_white_space_are_none(text: Any, named: str) -> None:
    with pytest.raises(InputError, match=f"^{named}"):
        text_problem(text)


@pytest.mark.parametrize("text", ["a b c", 5, [], ["a b", "b c"]])
def test_methods_of_texts_refuse_what_is_none(text: Any) -> None:
    with pytest.raises(InputError, match="sentences as lists of words"):
        sp.CBOW(dim=2).fit(text)


def test_problems_are_shown_in_a_line() -> None:
    problem = sp.softmax_problem(words=5, rank=1, pairs=100, seed=0)
    for shown in (repr(problem), repr(problem.truth)):
        assert "array" not in shown
        assert len(shown) < 200
    assert problem.title in repr(problem)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("नमस्ते दुनिया", {"नमस्ते", "दुनिया"}),
        ("গল্প দিলে", {"গল্প", "দিলে"}),
        ("cafe\u0301 noir", {"cafe\u0301", "noir"}),
        ("می\u200cخواهم شد", {"می\u200cخواهم", "شد"}),
        ("Don't, won’t!", {"don't", "won’t"}),
        ("\u0301 a b", {"a", "b"}),
    ],
)
def test_words_keep_their_marks(tmp_path, text, words):
    (tmp_path / "t.txt").write_text(text, encoding="utf-8")
    assert set(text_problem(tmp_path / "t.txt", tokens="words", min_count=1, cache=False).counts.vocab) == words


ODD = ["a\0", "a", "\0", '"', "=1+2", "\u200fא", "a,b", "'", "e\u0301", "NA"]


def test_odd_words_survive_text_counts_and_vectors(tmp_path):
    text = tmp_path / "t.txt"
    text.write_text("\n".join(" ".join(ODD[i:] + ODD[:i]) for i in range(len(ODD))), encoding="utf-8")
    for cache in (False, tmp_path / "cache", tmp_path / "cache"):  # counted, kept, and found again
        counts = text_problem(text, min_count=1, cache=cache).counts
        assert set(counts.vocab) == set(ODD)
    write_factors(sp.SPPMISVD(dim=2, k=1).fit(counts), counts, tmp_path / "v.npz")
    assert set(read_vectors(tmp_path / "v.npz").words) == set(ODD)
    for suffix in ("npz", "parquet"):
        sp.write_triples(counts, tmp_path / f"c.{suffix}")
        assert sp.read_triples(tmp_path / f"c.{suffix}").vocab == counts.vocab


def test_damaged_arrays_of_kept_counts_are_counted_again(corpus, tmp_path, caplog):
    first = text_problem(corpus, cache=tmp_path / "cache").counts
    (file,) = (tmp_path / "cache").glob("*.npz")
    whole = dict(np.load(file))
    damages = ({"indptr": whole["indptr"] * 10**6}, {"columns": whole["columns"] + 10**6}, {"tokens": np.zeros(2)}, {"values": 1})
    for damage in damages:
        np.savez(file, **{**whole, **damage})
        again = text_problem(corpus, cache=tmp_path / "cache").counts
        np.testing.assert_array_equal(again.matrix.toarray(), first.matrix.toarray())
        assert any("made again" in line for line in caplog.messages)
        caplog.clear()


def test_whole_numbers_written_as_floats(corpus):
    counts = text_problem(corpus, min_count=2.0, max_size=4e1, window=3.0, seed=1e0, cache=False).counts
    assert counts.shape == (40, 40)


def test_a_pattern_without_end_can_be_interrupted(tmp_path):
    """Python's regular expressions heed Ctrl-C in the main thread alone."""
    (tmp_path / "t.txt").write_text("a" * 60 + "! b\n")
    code = f"from sgns_pmi.problems.text import text_problem as t; print('go', flush=True); t({str(tmp_path / 't.txt')!r}, "
    code += "tokens='regex', pattern='(?:a+)+$', cache=False)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout.readline() == b"go\n"
    while child.poll() is None:  # until the pattern is at work
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(1)
    assert b"KeyboardInterrupt" in child.stderr.read()
