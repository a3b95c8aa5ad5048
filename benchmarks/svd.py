"""(f) The truncated SVD of SPPMI against scipy's svds as it comes, and at 60,000 words with 20 million cells."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy.sparse.linalg import svds

import sgns_pmi as sp
from benchmarks.measure import compared, in_own_process, side_by_side, zipf_counts
from sgns_pmi.factorise.linalg import truncated_svd

DIM = 100
CASES = ((5_000, 1_000_000), (20_000, 5_000_000))
REPEATS = 3


def large() -> tuple[int, float]:
    """Non-zero cells, and seconds of the SVD, of 60,000 words."""
    matrix = sp.sppmi_matrix(zipf_counts(60_000, 20_000_000), k=1)
    begin = time.perf_counter()
    truncated_svd(matrix, DIM)
    return matrix.nnz, time.perf_counter() - begin


def rows() -> list[dict[str, Any]]:
    """Seconds, and the largest relative difference of a singular value."""
    table = []
    for words, triples in CASES:
        matrix = sp.sppmi_matrix(zipf_counts(words, triples), k=1)
        seconds = side_by_side([lambda m=matrix: truncated_svd(m, DIM), lambda m=matrix: svds(m, k=DIM)], REPEATS)
        values, theirs = truncated_svd(matrix, DIM)[1], np.sort(svds(matrix, k=DIM)[1])[::-1]
        table.append(
            {
                "part": "f",
                "case": f"SPPMI, {words:,} words, {matrix.nnz:,} cells, rank {DIM}",
                "ours": "truncated_svd",
                "peer": "scipy svds",
                **compared(seconds),
                "error": float(np.abs(values / theirs - 1).max()),
            }
        )
    (cells, seconds_large), memory = in_own_process(large)
    table.append(
        {
            "part": "f",
            "case": f"SPPMI, 60,000 words, {cells:,} cells, rank {DIM}",
            "ours": "truncated_svd",
            "seconds": seconds_large,
            "memory": memory,
            "target": "minutes",
        }
    )
    return table
