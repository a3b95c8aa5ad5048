"""Counts of random texts, with every option, are those of a counter in plain Python; memory and threads change nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from problems.corpus.brute_force import brute_force

from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus.counting import Counted, count_text
from sgns_pmi.problems.corpus.settings import Limits, Settings
from sgns_pmi.problems.corpus.sources import Source
from sgns_pmi.problems.corpus.tokens import Tokenizer

AMPLE = Limits(block=1 << 20, words=1 << 30, ids=1 << 30, segment=1 << 20, piece=1 << 20, runs=1 << 30)
TIGHT = Limits(block=16, words=1 << 30, ids=0, segment=12, piece=5, runs=0)
"""Everything goes to disk, in runs of a few tokens."""

WORDS = st.sampled_from(["a", "b", "c", "dd", "e'e", "Été", "été", "don’t", "猫", "x-y", "longer_word"])
GAPS = st.sampled_from([" ", "  ", "\n", "\n\n", "\t", "\r\n", " \n \n", "\u00a0", "\u3000", "\x1c", ", ", "\n--\n", "'"])
TEXTS = st.lists(st.tuples(GAPS, WORDS), max_size=60).map(lambda parts: "".join(gap + word for gap, word in parts))
OPTIONS = st.fixed_dictionaries({
    "boundary": st.sampled_from(["line", "paragraph", "file", "none"]),
    "min_count": st.integers(1, 4),
    "max_size": st.none() | st.integers(2, 6),
    "subsample": st.sampled_from([0.0, 0.01, 0.1, 1.0]),
    "subsample_formula": st.sampled_from(["mikolov", "word2vec_c"]),
    "removal": st.sampled_from(["dirty", "clean"]),
    "window": st.integers(1, 7),
    "window_type": st.sampled_from(["fixed", "expected", "drawn"]),
    "direction": st.sampled_from(["both", "left", "right"]),
    "seed": st.integers(0, 2**70),
})  # fmt: skip
TOKENS = st.sampled_from([("whitespace", None), ("words", None), ("regex", r"\w"), ("regex", r"(\w*)-?")])


def source(text: str | bytes, name: str = "text") -> Source:
    content = text.encode() if isinstance(text, str) else text
    return Source(name, len(content), lambda: io.BytesIO(content))


def count(texts: list[str], limits: Limits = AMPLE, threads: int = 2, tokens="whitespace", pattern=None, **options) -> Counted:
    return count_text([source(t) for t in texts], Settings(Tokenizer(tokens, pattern), **options), limits, threads=threads)


def pairs(counted: Counted) -> dict[tuple[str, str], float]:
    vocab, matrix = counted.counts.vocab, counted.counts.matrix.tocoo()
    return {(vocab[i], vocab[j]): n for i, j, n in zip(*matrix.coords, matrix.data, strict=True)}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
