"""Counts of random texts, with every option, are those of a counter in plain Python; memory and threads change nothing."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from problems.corpus.brute_force import brute_force

from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus import counting, kernels
from sgns_pmi.problems.corpus.counting import Counted, count_text
from sgns_pmi.problems.corpus.settings import Limits, Settings, parse_memory
from sgns_pmi.problems.corpus.shards import Forgetful
from sgns_pmi.problems.corpus.sources import Piece, Source
from sgns_pmi.problems.corpus.tokens import Tokenizer
from sgns_pmi.problems.corpus.vocabulary import Encoded, extend
from sgns_pmi.problems.corpus.workers import Workers

AMPLE = Limits(
    block=1 << 20, words=1 << 30, ids=1 << 30, segment=1 << 20, piece=1 << 20, runs=1 << 30, held=1 << 20, merge=1 << 30
)
TIGHT = Limits(block=16, words=1 << 30, ids=0, segment=12, piece=5, runs=0, held=3, merge=0)
"""Everything goes to disk, in runs of a few tokens, of which two are merged at once."""

WORDS = st.sampled_from(["a", "b", "c", "dd", "e'e", "Été", "été", "don’t", "猫", "x-y", "longer_word"])
GAPS = st.sampled_from([" ", "  ", "\n", "\n\n", "\t", "\r\n", " \n \n", "\u00a0", "\u3000", "\x1c", ", ", "\n--\n", "'"])
TEXTS = st.lists(st.tuples(GAPS, WORDS), max_size=60).map(lambda parts: "".join(gap + word for gap, word in parts))
OPTIONS = st.fixed_dictionaries(
    {
        "boundary": st.sampled_from(["line", "paragraph", "file", "none"]),
        "min_count": st.integers(1, 4),
        "max_size": st.none() | st.integers(2, 6),
        "subsample": st.sampled_from([0.0, 0.01, 0.1, 1.0]),
        "subsample_formula": st.sampled_from(["mikolov", "word2vec_c"]),
        "removal": st.sampled_from(["dirty", "clean"]),
        "window": st.integers(1, 7),
        "window_type": st.sampled_from(["fixed", "expected", "drawn"]),
        "direction": st.sampled_from(["both", "left", "right"]),
        "readings": st.integers(1, 3),
        "seed": st.integers(0, 2**70),
    }
)
TOKENS = st.sampled_from([("whitespace", None), ("words", None), ("regex", r"\w"), ("regex", r"(\w*)-?")])


def source(text: str | bytes, name: str = "text") -> Source:
    content = text.encode() if isinstance(text, str) else text
    return Source(name, len(content), lambda: io.BytesIO(content))


def count(texts: list[str], limits: Limits = AMPLE, threads: int = 2, tokens="whitespace", pattern=None, **options) -> Counted:
    return count_text([source(t) for t in texts], Settings(Tokenizer(tokens, pattern), **options), limits, threads=threads)


def pairs(counted: Counted) -> dict[tuple[str, str], float]:
    vocab, matrix = counted.counts.vocab, counted.counts.matrix.tocoo()
    return {(vocab[i], vocab[j]): n for i, j, n in zip(*matrix.coords, matrix.data, strict=True)}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXTS, min_size=1, max_size=3), TOKENS, OPTIONS)
@example(["a b a b\na", "b a"], ("whitespace", None), {"boundary": "none", "min_count": 1})
@example(["a b\n", "\na b"], ("whitespace", None), {"boundary": "paragraph", "min_count": 1})
def test_counts_are_those_of_a_plain_counter(texts, tokenizer, options):
    vocabulary, expected, facts = brute_force(texts, *tokenizer, **options)
    arguments = {"tokens": tokenizer[0], "pattern": tokenizer[1], **options}
    if len(vocabulary) < 2 or not expected:
        for limits in (AMPLE, TIGHT):
            with pytest.raises(InputError) as refused:
                count(texts, limits, **arguments)
            assert "\n" not in str(refused.value)
        return
    counted = count(texts, **arguments)
    assert counted.counts.vocab == counted.counts.context_vocab == tuple(vocabulary)
    assert pairs(counted) == expected
    assert (counted.read, counted.known, counted.kept) == facts
    for limits, threads in ((TIGHT, 1), (TIGHT, 3), (replace(AMPLE, segment=30), 1)):
        again = count(texts, limits, threads, **arguments)
        np.testing.assert_array_equal(again.counts.matrix.toarray(), counted.counts.matrix.toarray())
        assert (again.counts.vocab, again.read, again.known, again.kept) == (tuple(vocabulary), *facts)


@pytest.mark.parametrize(("removal", "expected"), [("dirty", 1.0), ("clean", 0.5)])
def test_a_dropped_word_widens_the_window_or_keeps_its_place(removal, expected):
    """The rare word between a and b is dropped; b then stands at distance 1 or 2 of a window of 2."""
    counted = count(["a rare b\na\nb"], min_count=2, window=2, removal=removal)
    assert pairs(counted) == {("a", "b"): expected, ("b", "a"): expected}


@pytest.mark.parametrize("window_type", ["expected", "drawn"])
def test_both_dynamic_windows_count_the_same_in_the_mean(window_type):
    """Of n pairs at distance d each is counted with probability p = (w − d + 1)/w: within 5 standard deviations of n p."""
    n, w = 20_000, 4
    text = "\n".join(f"a {'- ' * (d - 1)}b{d}" for d in range(1, w + 1) for _ in range(n))
    counts = pairs(count([text], window=w, window_type=window_type, direction="right"))
    for d in range(1, w + 1):
        p = (w - d + 1) / w
        assert counts["a", f"b{d}"] == pytest.approx(n * p, abs=5 * (n * p * (1 - p)) ** 0.5 if window_type == "drawn" else 0)


@pytest.mark.parametrize(("formula", "keep"), [("mikolov", 0.1), ("word2vec_c", 0.11)])
def test_subsampling_keeps_the_share_of_its_formula(formula, keep):
    """A word of frequency f = 1/2 and t = f/100: √(t/f) = 0.1, √(t/f) + t/f = 0.11."""
    n = 200_000
    rare = " ".join(f"r{i % 1000}" for i in range(n))
    counted = count(["frequent " * n + rare], min_count=1, subsample=0.005, subsample_formula=formula, window=1, seed=3)
    kept = counted.kept - n  # the others have f = 1/2000 < t
    assert kept == pytest.approx(n * keep, abs=5 * (n * keep * (1 - keep)) ** 0.5)


@pytest.mark.parametrize("limits", [AMPLE, replace(AMPLE, held=200), TIGHT])
def test_readings_add_up_in_parts_as_at_once(monkeypatch, limits):
    """Parts of some rows, added by threads, hold the whole sum: of as few cells as there are, and in one part."""
    text = " ".join(np.random.default_rng(0).choice([*"abcdefghij"], size=400))
    found = []
    for least, threads in ((1 << 17, 1), (1, 1), (1, 3)):
        monkeypatch.setattr(counting, "LEAST_ADDED", least)
        found.append(count([text], limits, threads, subsample=0.05, readings=3, window=3).counts.matrix)
    assert found[0].nnz > 50
    for other in found[1:]:
        assert (abs(other - found[0])).sum() == 0


def test_seeds_differ_and_repeat():
    text = "a b c d " * 300
    first, again, other = (count([text], subsample=0.01, seed=seed).counts.matrix.toarray() for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_regular_expression_may_match_white_space_but_no_line_end():
    counted = count(["New York is big\nNew\nYork"], tokens="regex", pattern=r"New\s+York|\w+", min_count=1)
    assert counted.counts.vocab == ("New", "New York", "York", "big", "is")


def test_many_distinct_words_and_long_ones():
    """The table of a block grows, and words that begin alike are told apart."""
    words = [f"{'w' * (i % 50)}{i}" for i in range(20_000)]
    counted = count([" ".join(words + words)], min_count=2)
    assert counted.counts.vocab == tuple(sorted(words))
    assert counted.counts.total == pytest.approx(2 * 3 * (40_000 - 5) + 2 * (1 + 0.8 * 0 + 14), rel=1e-3)


@pytest.mark.parametrize(
    ("text", "options", "field", "remedy"),
    [
        ("", {}, "path", "no word"),
        (" \n\t\n", {}, "path", "no word"),
        ("word word word", {"min_count": 1}, "path", "the word word alone"),
        ("a a a b c", {"min_count": 2}, "min_count", "set data.min_count=1 or less"),
        ("a b", {"min_count": 5}, "min_count", "leaves 0 of 2"),
        ("a\nb\na\nb", {"min_count": 1}, "window", "no two words"),
    ],
)
def test_texts_without_counts(text, options, field, remedy):
    with pytest.raises(InputError) as caught:
        count([text], **options)
    assert caught.value.field == field
    assert remedy in str(caught.value)


def test_more_distinct_words_than_the_memory_holds():
    with pytest.raises(InputError, match="memory"):
        count([" ".join(f"w{i}" for i in range(1000))], replace(AMPLE, words=100_000))


@pytest.mark.parametrize("tokens", ["whitespace", "words"])
def test_invalid_bytes_are_refused_with_their_place_or_replaced(tokens):
    content = b"\xef\xbb\xbfgood word\n" * 10 + b"caf\xe9 word\n" * 10
    where = content.index(b"\xe9")
    for limits in (AMPLE, TIGHT):
        with pytest.raises(InputError) as caught:
            count_text([source(content, "menu.txt")], Settings(Tokenizer(tokens)), limits)
        assert f"path=menu.txt: is not UTF-8 at byte {where}" in str(caught.value)
    counted = count_text([source(content)], Settings(Tokenizer(tokens, errors="replace")), AMPLE)
    assert ("caf\ufffd" if tokens == "whitespace" else "caf") in counted.counts.vocab


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("boundary", "sentence"),
        ("min_count", 0),
        ("max_size", 1),
        ("subsample", -1),
        ("subsample_formula", "paper"),
        ("removal", "none"),
        ("window", 0),
        ("window", 10**6),
        ("window_type", "dynamic"),
        ("direction", "up"),
        ("seed", -1),
    ],
)
def test_settings_that_cannot_be(field, value):
    with pytest.raises(InputError) as caught:
        Settings(**{field: value}).checked()
    assert (caught.value.field, caught.value.value) == (field, value)


@pytest.mark.parametrize(
    "tokenizer",
    [
        Tokenizer("tokens"),
        Tokenizer(errors="ignore"),
        Tokenizer("regex"),
        Tokenizer("words", r"\w"),
        Tokenizer("regex", "("),
        Tokenizer("regex", "(a)(b)"),
    ],
)
def test_tokenizers_that_cannot_be(tokenizer):
    with pytest.raises(InputError):
        tokenizer.check()


@pytest.mark.parametrize(("memory", "size"), [("2GB", 2e9), ("32MB", 32e6), ("1.5 gb", 1.5e9), ("0.1TB", 1e11)])
def test_memory_has_a_unit(memory, size):
    assert parse_memory(memory) == size


@pytest.mark.parametrize("memory", ["2", 2, "2G", "-2GB", "31MB", "much"])
def test_memory_that_cannot_be(memory):
    with pytest.raises(InputError, match="500MB or 2GB"):
        parse_memory(memory)


def test_rows_are_sorted_whatever_their_length():
    """Rows with a few cells and with hundreds, in the first and in later groups of columns, are those of a dense array."""
    rng = np.random.default_rng(1)
    words = 9000
    stream = np.concatenate([np.tile([7], 900), rng.integers(words, size=3000)]).astype(np.int32)
    stream[:900:2] = rng.permutation(words)[:450]  # the row of word 7 has hundreds of cells
    first, order = kernels.places(stream, 0, len(stream), words)
    weight = np.array([2, 1])
    indptr, columns, values = kernels.count_rows(stream, np.empty(0, np.int32), first, order, 0, words, weight, True, True, words)
    assert np.diff(indptr).min() < 10 < 200 < np.diff(indptr)[7]
    expected = np.zeros((words, words), np.int16)
    for distance in (1, 2):
        pair = stream[:-distance], stream[distance:]
        np.add.at(expected, pair, weight[distance - 1])
        np.add.at(expected, pair[::-1], weight[distance - 1])
    cells = np.repeat(np.arange(words), np.diff(indptr)), columns
    np.testing.assert_array_equal(np.stack(cells), np.nonzero(expected))
    np.testing.assert_array_equal(values, expected[cells])


@pytest.mark.parametrize("segment", [1 << 20, 500])
def test_cells_beyond_what_32_bits_hold_are_exact(segment):
    """Of "a b a b ..." a and b stand at all odd distances d, each N − d times, which count (w − d + 1)/w."""
    tokens, window = 4000, 3000
    counted = count(["a b " * (tokens // 2)], replace(AMPLE, segment=segment), window=window)
    units = sum((window - d + 1) * (tokens - d) for d in range(1, window + 1, 2))
    assert units > 2**32
    assert pairs(counted)["a", "b"] == pairs(counted)["b", "a"] == units / window


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda word: not set(word) & set(b" \n")), min_size=1, max_size=300))
@example([b"a", b"a\0", b"a\0\0", b"\0", b"12345678", b"123456789", b"12345678\0", b"1234567812345678", b"12345678X2345678"])
def test_tokens_are_told_apart_whatever_their_bytes(words):
    text = np.frombuffer(b" \n ".join(words), np.uint8)
    kind = np.zeros(256, np.uint8)
    kind[ord(" ")], kind[ord("\n")] = kernels.SEPARATOR, kernels.NEWLINE
    _, ids, starts, lengths, counts, leading, trailing = kernels.tokenise(text, kind, 1)
    types = [text[start : start + length].tobytes() for start, length in zip(starts, lengths, strict=True)]
    assert types == list(dict.fromkeys(words))
    assert [types[id] for id in ids[::2]] == words
    assert (ids[1::2] == kernels.BREAK).all()
    assert counts.tolist() == [words.count(word) for word in types]
    assert (leading, trailing) == (0, 0)


@pytest.mark.parametrize("words", [40_000, 70_000, 200_000])
def test_distinct_words_take_no_more_memory_than_is_said(words):
    """So many are refused as the memory does not hold, and no fewer: with 100MB a text may have a quarter of a million."""
    text = source(" ".join(f"w{number}" for number in range(words)))
    tracemalloc.start()
    try:
        with Workers(1) as workers:
            encoded = Encoded(Settings(), 10**9, Forgetful())
            extend(encoded, [Piece(text)], AMPLE, workers, shown=False)
        said = encoded.types.size
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert len(encoded.take_index()) == words
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert before < peak < said < 200 * words
