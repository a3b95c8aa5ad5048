"""Counts in files: what is written is read, order and all."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sgns_pmi as sp

WORDS = ("the", "Königin", "NA", "=SUM(A1)", "’tis", "new york", "12", "never")
LETTERS = st.characters(codec="utf-8", exclude_characters="\0\r\n")


def counts_of(vocab: tuple[str, ...] | None, context_vocab: tuple[str, ...] | None) -> sp.CooccurrenceCounts:
    """Counts in which the last word and the last two contexts never occur, and one count is no whole number."""
    matrix = np.zeros((8, 10))
    matrix[:7, :8] = np.random.default_rng(0).integers(0, 3, size=(7, 8))
    matrix[2, 3] = 1 / 3
    return sp.CooccurrenceCounts.from_matrix(matrix, vocab, context_vocab)


def same(one: sp.CooccurrenceCounts, other: sp.CooccurrenceCounts) -> bool:
    alike = one.shape == other.shape and (one.vocab, one.context_vocab) == (other.vocab, other.context_vocab)
    return alike and np.array_equal(one.matrix.toarray(), other.matrix.toarray())


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize("vocab", [None, WORDS])
@pytest.mark.parametrize("context_vocab", [None, (*WORDS[::-1], "a", "b")])
def test_the_very_same_counts_are_read(
    tmp_path: Path, suffix: str, vocab: tuple[str, ...] | None, context_vocab: tuple[str, ...] | None
) -> None:
    counts = counts_of(vocab, context_vocab)
    sp.write_triples(counts, tmp_path / f"c{suffix}")
    assert same(sp.read_triples(tmp_path / f"c{suffix}"), counts)
    assert same(sp.read_triples(tmp_path / f"c{suffix}", index_base=1), counts)  # the file knows its own base


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.text(LETTERS, min_size=1, max_size=4), min_size=2, max_size=6, unique=True))
def test_any_words(tmp_path: Path, words: list[str]) -> None:
    counts = sp.CooccurrenceCounts.from_matrix(np.eye(len(words)), words, words)
    for suffix in (".npz", ".parquet"):
        sp.write_triples(counts, tmp_path / f"c{suffix}")
        assert same(sp.read_triples(tmp_path / f"c{suffix}"), counts)


def test_others_read_them(tmp_path: Path) -> None:
    counts = counts_of(WORDS, (*WORDS[::-1], "a", "b"))
    sp.write_triples(counts, tmp_path / "c.npz")
    np.testing.assert_array_equal(sparse.load_npz(tmp_path / "c.npz").toarray(), counts.matrix.toarray())
    sp.write_triples(counts, tmp_path / "c.parquet")
    frame = pd.read_parquet(tmp_path / "c.parquet")
    assert frame.columns.tolist() == ["center", "context", "count"]
    table = frame.astype({"center": str, "context": str}).set_index(["center", "context"])["count"]
    assert table["NA", counts.context_vocab[3]] == 1 / 3
    assert len(table) == counts.nnz


def test_parts_of_a_large_file_have_dictionaries_of_their_own(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    counts = counts_of(WORDS, (*WORDS[::-1], "a", "b"))
    sp.write_triples(counts, tmp_path / "c.parquet")
    table = pq.read_table(tmp_path / "c.parquet")
    assert json.loads(table.schema.metadata[b"sgns_pmi"])["shape"] == [8, 10]
    pq.write_table(table.cast(table.schema), tmp_path / "parts.parquet", row_group_size=3)
    assert same(sp.read_triples(tmp_path / "parts.parquet"), counts)


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sp.InputError, match=r"must end in \.npz or \.parquet"):
        sp.write_triples(counts_of(None, None), tmp_path / "c.csv")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(sp.InputError, match=r"pip install 'sgns-pmi\[parquet\]'"):
        sp.write_triples(counts_of(None, None), tmp_path / "c.parquet")
