"""Counts drawn from a known joint distribution, row block by row block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, check_integer
from sgns_pmi.lazily import sp
from sgns_pmi.problems.problem import Truth

Float = NDArray[np.float64]
SAMPLINGS = ("multinomial", "poisson", "population")
BLOCK_CELLS = 2_000_000
"""Cells of P that are held at once."""
MOST_POPULATION_CELLS = 50_000_000
"""Population counts are dense: more cells than this are refused."""
MOST_DRAWN_PAIRS = 2**53
"""The most that counts in float64 hold one by one."""


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows that hold about `BLOCK_CELLS` cells each."""
    height = max(1, BLOCK_CELLS // columns)
    for low in range(0, rows, height):
        yield slice(low, min(low + height, rows))


def sample_counts(
    truth: Truth, pairs: int, sampling: str = "multinomial", seed: int | np.random.Generator = 0
) -> CooccurrenceCounts:
    """Counts from the joint distribution P of `truth`.

    Parameters
    ----------
    truth : Truth
    pairs : int
        N: the total (multinomial), the expected total (poisson, population).
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
        multinomial(N, P); independent Poisson(N · P_ij); or the expected counts N · P themselves, without sampling noise.
    seed : int or Generator, default 0

    Raises
    ------
    InputError
        For fewer than one pair, more than 2⁵³ to draw, none drawn (poisson), an unknown sampling, or population counts of
        more than 50 million cells.
    """
    check_choice("sampling", sampling, SAMPLINGS)
    pairs = check_integer("pairs", pairs)
    words, contexts = len(truth.row_marginal), len(truth.col_marginal)
    if sampling == "population" and words * contexts > MOST_POPULATION_CELLS:
        raise InputError("sampling", sampling, f"needs a dense matrix of {words} x {contexts} cells; choose multinomial")
    if sampling != "population" and pairs > MOST_DRAWN_PAIRS:
        raise InputError("pairs", pairs, f"must be at most {MOST_DRAWN_PAIRS} to be drawn; choose sampling=population")
    rng = np.random.default_rng(seed)
    # Row totals first; given its total, a row is a multinomial of its own.
    totals = rng.multinomial(pairs, truth.row_marginal / truth.row_marginal.sum()) if sampling == "multinomial" else None
    blocks = []
    for rows in row_blocks(words, contexts):
        joint = truth.joint(rows)
        if totals is None:
            counts = float(pairs) * joint if sampling == "population" else rng.poisson(pairs * joint)
        else:
            counts = rng.multinomial(totals[rows], joint / joint.sum(axis=1, keepdims=True))
        block = sp.csr_array(counts)
        # Small types: the blocks of 10⁸ pairs stand beside their union for a moment.
        block.indices = block.indices.astype(np.int32)
        blocks.append(block if sampling == "population" else block.astype(np.int32 if pairs < 2**31 else np.int64))
    if not any(block.nnz for block in blocks):
        raise InputError("pairs", pairs, "no pair was drawn; choose more pairs, or sampling=multinomial")
    return CooccurrenceCounts(sp.vstack(blocks, format="csr", dtype=np.float64))
