"""N-grams and their hashes against gensim's fastText and published constants; vectors made of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sgns_pmi as sp
from sgns_pmi.factorise.subwords import Hashing, Subwords, averaging, fnv1a, ngrams


@pytest.mark.parametrize(("text", "value"), [(b"", 0x811C9DC5), (b"a", 0xE40C292C), (b"foobar", 0xBF9CF968)])
def test_fnv1a_has_its_published_values(text, value):
    """http://www.isthe.com/chongo/tech/comp/fnv: test vectors of 32-bit FNV-1a, for ASCII."""
    assert fnv1a(text) == value


def test_bytes_are_signed_as_in_fasttext():
    """uint32_t(int8_t(byte)) of 0xC3 is 0xFFFFFFC3."""
    assert fnv1a(b"\xc3") == ((0x811C9DC5 ^ 0xFFFFFFC3) * 0x01000193) % 2**32


def test_ngrams_of_a_word():
    """The paper's example: where with n = 3."""
    assert ngrams("where", 3, 3) == ["<wh", "whe", "her", "ere", "re>"]
    assert ngrams("on", 3, 6) == ["<on", "<on>", "on>"]
    assert ngrams("ab", 1, 2) == ["<a", "a", "ab", "b", "b>"]  # < and > alone are none


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(word=WORDS, minn=st.integers(1, 4), more=st.integers(0, 4))
@settings(max_examples=200, deadline=None)
def test_ngrams_and_hashes_are_fasttexts(word, minn, more):
    fasttext = pytest.importorskip("gensim.models.fasttext_inner", reason="needs the extra gensim")
    own = [ngram.encode() for ngram in ngrams(word, minn, minn + more)]
    assert own == list(fasttext.compute_ngrams_bytes(word, minn, minn + more))
    assert [fnv1a(ngram) for ngram in own] == [fasttext.ft_hash_bytes(ngram) for ngram in own]


@given(words=st.lists(WORDS, min_size=1, max_size=8, unique=True), buckets=st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_averaging_is_the_mean_of_word_and_ngrams(words, buckets):
    """Repeats and collisions count as often as they occur; only used buckets have rows."""
    hashing = Hashing(2, 4, buckets)
    A, used = averaging(words, hashing)
    table = np.random.default_rng(0).normal(size=(buckets, 3))
    own = np.random.default_rng(1).normal(size=(len(words), 3))
    expected = [np.vstack([own[[i]], table[hashing(word)]]).mean(axis=0) for i, word in enumerate(words)]
    np.testing.assert_allclose(A @ np.vstack([own, table[used]]), expected, atol=1e-12)
    assert set(used) == {bucket for word in words for bucket in hashing(word)}
    assert (np.diff(used) > 0).all()


def test_a_word_is_composed_of_the_ngrams_that_are_known():
    hashing = Hashing(3, 3)
    used = np.sort(hashing("king"))
    vectors = np.random.default_rng(0).normal(size=(len(used), 4))
    subwords = Subwords(hashing, used, vectors)
    row = dict(zip(used, vectors, strict=True))
    shared = [row[fnv1a(ngram) % hashing.buckets] for ngram in (b"<ki", b"kin", b"ing")]  # ngg, gg> are not
    np.testing.assert_allclose(subwords.compose("kingg"), np.mean(shared, axis=0))
    assert "kingg" in subwords
    assert "zzz" not in subwords
    with pytest.raises(sp.InputError, match="word=zzz: is not in the vocabulary, and shares no n-gram"):
        subwords.compose("zzz")
    assert "king" not in Subwords(hashing, used[:0], vectors[:0])
