"""Counts of real text for the benchmarks: the text8 prefix beside the project, where it is."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import sgns_pmi as sp
from sgns_pmi.problems.text import text_problem

TEXT8 = Path(__file__).resolve().parents[2] / "shared" / "data" / "text" / "text8_prefix.txt.xz"


@lru_cache
def frequent_words(words: int) -> sp.CooccurrenceCounts | None:
    """The text8 prefix' most frequent words, window 5; None where the file is absent."""
    if not TEXT8.is_file():
        return None
    return text_problem(TEXT8, boundary="none", min_count=5, max_size=words, window=5).counts
