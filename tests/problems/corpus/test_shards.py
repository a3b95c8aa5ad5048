"""Shards of random texts, cut in any places and counted with every option, sum to the counts of the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from problems.corpus.test_counting import AMPLE, OPTIONS, TEXTS, TIGHT, source

from sgns_pmi.errors import InputError
from sgns_pmi.problems.corpus import shards, sources
from sgns_pmi.problems.corpus.counting import as_matrix, count_text
from sgns_pmi.problems.corpus.settings import Limits, Settings
from sgns_pmi.problems.corpus.shards import Shard, ShardCounts, count_shard, first_pass, pieces
from sgns_pmi.problems.corpus.sources import Source, cut, read_blocks
from sgns_pmi.problems.corpus.tokens import Tokenizer
from sgns_pmi.problems.corpus.workers import Workers


@pytest.fixture(scope="module", autouse=True)
def small_edges():
    """Lines are long from 20 bytes on, and 8 bytes are read beyond a cut at first: what texts of megabytes meet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "LONG_LINE", 20)
        patch.setattr(shards, "EDGE", 8)
        yield


def test_a_text_that_has_changed_is_refused():
    before, now = [source("a b a b a b\n")], [source("a b a b a\n")]
    with Workers(1) as workers:
        words = first_pass(before, Settings(min_count=1), AMPLE, Shard(1, 1), workers, shown=False)
    counting = count_shard(now, Settings(min_count=1), AMPLE, Shard(1, 1), words, threads=1)
    with pytest.raises(InputError, match="has 5 tokens in shard 1/1, and had 6"), counting:
        pass


def counted(texts: list[Source], how: Settings, limits: Limits, number: int, of: int) -> ShardCounts:
    with Workers(1) as workers:
        words = first_pass(texts, how, limits, Shard(number, of), workers, shown=False)
    with count_shard(texts, how, limits, Shard(number, of), words, threads=1) as own:
        return replace(own, cells=iter(list(own.cells)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(TEXTS, min_size=1, max_size=3), st.sampled_from(["whitespace", "words"]), OPTIONS, st.integers(1, 9), st.booleans()
)
def test_shards_sum_to_the_whole(texts, tokens, options, of, tight):
    given, how, limits = [source(text) for text in texts], Settings(Tokenizer(tokens), **options), TIGHT if tight else AMPLE
    try:
        whole = count_text(given, how, limits, threads=1)
    except InputError:
        return
    parts = [counted(given, how, limits, number, of) for number in range(1, of + 1)]
    assert {part.words for part in parts} == {whole.counts.vocab}
    # In whole numbers, as they are counted: sums of fractions would depend on their order.
    size = len(whole.counts.vocab)
    with Workers(2) as workers:
        units = sum(as_matrix(part.cells, size**2, 1, size, workers).toarray() for part in parts)
    np.testing.assert_array_equal(units / how.unit, whole.counts.matrix.toarray())
    facts = (
        sum(part.read for part in parts),
        sum(int(part.frequencies.sum()) for part in parts),
        sum(part.kept for part in parts),
    )
    assert facts == (whole.read, whole.known, whole.kept)


@given(st.lists(TEXTS, min_size=1, max_size=3), st.integers(1, 9))
def test_pieces_are_the_text_cut_between_words(texts, of):
    given = [source(text) for text in texts]
    own = [pieces(given, number, number, of) for number in range(1, of + 1)]
    blocks = [block.text for part in own for piece in part for block in read_blocks(piece.source, 16, piece.start, piece.stop)]
    assert b"".join(blocks).decode() == "".join(texts)
    assert [word for block in blocks for word in block.decode().split()] == [word for text in texts for word in text.split()]


def test_a_long_line_is_cut_at_white_space_and_a_short_one_at_its_end():
    text = source("one two\nthree four five six seven eight nine ten eleven twelve\n" + 50 * "x")
    assert [cut(text, at) for at in (0, 1, 8, 9, 63, 64, text.size)] == [0, 8, 8, 14, 63, text.size, text.size]


@pytest.mark.parametrize("letters", [18, 19, 20, 30])
def test_no_cut_parts_a_return_from_its_line_feed(letters):
    """Alone each would end a line, and both a paragraph."""
    text = source(letters * "x" + "\r\na")
    assert {cut(text, at) for at in range(1, letters + 2)} <= {letters + 2}


def test_a_packed_file_belongs_to_the_shard_in_which_it_begins(tmp_path):
    packed = [Source(f"{name}.gz", size, lambda: None, ".gz") for name, size in (("a", 30), ("b", 50), ("c", 20))]
    assert [[piece.source.name for piece in pieces(packed, number, number, 4)] for number in (1, 2, 3, 4)] == [
        ["a.gz"],
        ["b.gz"],
        [],
        ["c.gz"],
    ]
