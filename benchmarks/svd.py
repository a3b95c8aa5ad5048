"""(f) The truncated SVD of SPPMI against scipy's svds as it comes, and at 60,000 words with 20 million cells.

Of the text8 prefix' words, the matrices of `sppmi_svd` and `qwem` by scipy's svds, PRIMME and randomised decompositions too,
which are judged by the neighbours that they give to words. `python -m benchmarks.svd` writes these rows alone, to
results/svd_text.csv; `words=3000` takes fewer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, svds
from sklearn.utils.extmath import randomized_svd as sklearn_randomized_svd

import sgns_pmi as sp
from benchmarks.measure import compared, in_own_process, side_by_side, zipf_counts
from benchmarks.texts import frequent_words
from sgns_pmi.compare.spaces import neighbour_overlap
from sgns_pmi.factorise.linalg import plus_outer, randomized_svd, truncated_svd
from sgns_pmi.factorise.methods.qwem import qwem_cells
from sgns_pmi.factorise.solvers.start import UNSEEN
from sgns_pmi.files import atomic_path

DIM = 100
CASES = ((5_000, 1_000_000), (20_000, 5_000_000))
REPEATS = 3
WORDS = 100_000  # all of the prefix that occur five times or more, some 60,000
COMPARED = 5_000  # of them, spread over all frequencies, whose neighbours are compared
RESULTS = Path(__file__).parent / "results" / "svd_text.csv"
Float = NDArray[np.float64]


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
        seconds = side_by_side([partial(truncated_svd, matrix, DIM), partial(svds, matrix, k=DIM)], REPEATS)
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


def primme_svds(matrix: Any, dim: int) -> tuple[Float, Float]:
    """Left vectors and singular values by PRIMME (Wu, Romero & Stathopoulos 2017), as it comes."""
    import primme

    left, values, _ = primme.svds(matrix, k=dim, tol=1e-6)
    return left, values


def sklearn_randomised(passes: int) -> Callable[[Any, int], tuple[Float, Float]]:
    """scikit-learn's randomised decomposition with so many power iterations."""

    def decompose(matrix: Any, dim: int) -> tuple[Float, Float]:
        return sklearn_randomized_svd(matrix, dim, n_iter=passes, random_state=0)[:2]

    return decompose


ENGINES: dict[str, Callable[[Any, int], tuple[Float, Float]]] = {
    "truncated_svd": lambda matrix, dim: truncated_svd(matrix, dim)[:2],
    "scipy svds": lambda matrix, dim: svds(matrix, k=dim)[:2],
    "PRIMME": primme_svds,
    "randomized_svd, 2 passes": lambda matrix, dim: randomized_svd(matrix, dim)[:2],
    "randomized_svd, 8 passes": lambda matrix, dim: randomized_svd(matrix, dim, passes=8)[:2],
    "scikit-learn, n_iter=2": sklearn_randomised(2),
    "scikit-learn, n_iter=7": sklearn_randomised(7),
}


def text_rows(words: int = WORDS) -> list[dict[str, Any]]:
    """Seconds of each engine, the largest relative difference of a singular value, and the share of ten neighbours that is right.

    The first engine, exact to rounding, is what others are compared with. A matrix and all engines are run once.
    """
    counts = frequent_words(words)
    if counts is None:
        return []
    cells = counts.with_values(qwem_cells(counts) - UNSEEN)
    matrices = {
        "sppmi_svd": sp.sppmi_matrix(counts, k=5),
        "qwem": plus_outer(cells, np.full(counts.shape[0], UNSEEN), np.ones(counts.shape[1])),
    }
    table = []
    for name, matrix in matrices.items():
        known: tuple[Float, Float] | None = None
        for engine, decompose in ENGINES.items():
            if engine == "PRIMME" and find_spec("primme") is None:
                continue
            if engine.startswith("scikit-learn") and isinstance(matrix, LinearOperator):  # which it does not take
                continue
            clock, processor = time.perf_counter(), time.process_time()
            left, values = decompose(matrix, DIM)
            seconds, processor_seconds = time.perf_counter() - clock, time.process_time() - processor
            order = np.argsort(-values)
            vectors, values = left[:, order] * np.sqrt(values[order]), values[order]
            vectors = vectors[:: max(1, len(vectors) // COMPARED)]
            known = (vectors, values) if known is None else known
            table.append(
                {
                    "part": "f",
                    "case": f"{name}, {counts.shape[0]:,} words of text, {counts.nnz:,} cells, rank {DIM}",
                    "ours": engine,
                    "seconds": seconds,
                    "processor_seconds": processor_seconds,
                    "error": float(np.abs(values / known[1] - 1).max()),
                    "shared_neighbours": neighbour_overlap(vectors, known[0]),
                }
            )
            print(table[-1], flush=True)
    return table


if __name__ == "__main__":
    asked = dict(argument.split("=", 1) for argument in sys.argv[1:])
    with atomic_path(RESULTS) as path:
        pd.DataFrame(text_rows(int(asked.get("words", WORDS)))).to_csv(path, index=False)
