"""(intervals) Standard errors and intervals of every cell, 1,000 words x dim 10.

Of pairs from text, by blocks of 10,000 tokens as units, and of independent ones. The floor is what the curvature takes that is
left when the contexts are eliminated: its product of matrices and its Cholesky factor, each at the speed of the library.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

import sgns_pmi as sp
from benchmarks.measure import in_own_process
from benchmarks.texts import TEXT8
from sgns_pmi.problems.text import text_problem


def floor(parameters: int) -> float:
    """Seconds of the symmetric product and the Cholesky factor of a matrix with so many rows."""
    factor = np.eye(parameters)
    begin = time.perf_counter()
    product = scipy.linalg.blas.dsyrk(1.0, factor.T, lower=True)
    scipy.linalg.cholesky(product, lower=True, overwrite_a=True, check_finite=False)
    return time.perf_counter() - begin


def row(of: Callable[[int], sp.Problem], words: int, dim: int) -> tuple[float, int]:
    """Seconds of the intervals of every cell, the fit not counted, and how many there are."""
    problem = of(words)
    fitted = sp.SGNS(dim=dim, k=5, exponent=0.75, ridge=2.5e-7).fit(problem.counts)
    begin = time.perf_counter()
    table = sp.inference(fitted, problem.counts, problem.units)
    return time.perf_counter() - begin, len(table)


def text(words: int) -> sp.Problem:
    """The text8 prefix' most frequent words."""
    return text_problem(TEXT8, max_size=words, window=5, subsample=1e-4, unit="block:10000", cache=False)


def drawn(words: int) -> sp.Problem:
    """Independent pairs of a known truth."""
    return sp.marginal_problem(words=words, rank=8, pairs=10 * words**2)


def rows(words: int = 1000, dim: int = 10) -> list[dict[str, Any]]:
    """One row for text, where it is there, and one for independent pairs."""
    least = in_own_process(floor, words * dim)[0]
    cases = {"independent pairs": drawn} | ({"text8 prefix, blocks of 10,000 tokens": text} if TEXT8.is_file() else {})
    table = []
    for case, of in cases.items():
        (seconds, cells), memory = in_own_process(row, of, words, dim)
        table.append(
            {
                "part": "intervals",
                "case": f"{case}: {cells:,} cells of {words:,} words x {dim}",
                "seconds": seconds,
                "peer": "product and factor alone",
                "peer_seconds": least,
                "ratio": seconds / least,
                "memory": memory,
            }
        )
    return table


if __name__ == "__main__":
    print(rows())
