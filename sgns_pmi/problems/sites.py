"""Sites that share part of a vocabulary: each counts its own words, and whole blocks of the PMI are never seen."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_choice, check_flag, check_integer, check_real
from sgns_pmi.lazily import sp
from sgns_pmi.problems.drawing import Drawing, check_factors
from sgns_pmi.problems.marginal import normal_truth
from sgns_pmi.problems.problem import Problem, Units, register_problem
from sgns_pmi.problems.sampling import sample_counts
from sgns_pmi.problems.scaling import zipf_marginal
from sgns_pmi.problems.transform import restricted

Float = NDArray[np.float64]
Index = NDArray[np.intp]
OVERLAPS = ("common", "chain")


def site_words(order: Index, sites: int, shared: int, overlap: str) -> list[Index]:
    """The words of each site, sorted: the words in `order`, cut into sites that share words.

    Parameters
    ----------
    order : ndarray, (words,)
        All words.
    sites : int
    shared : int
        How many words all sites have in common; or, in a chain, each site and the next.
    overlap : {"common", "chain"}
    """
    if overlap == "common":
        return [np.sort(np.append(order[:shared], own)) for own in np.array_split(order[shared:], sites)]
    cuts = np.linspace(0, len(order) - shared, sites + 1).round().astype(int)
    return [np.sort(order[low : high + shared]) for low, high in pairwise(cuts)]


@register_problem("sites")
def sites_problem(
    words: int = 300,
    sites: int = 3,
    shared: int = 60,
    overlap: str = "common",
    rank: int = 3,
    zipf: float = 1.0,
    scale: float = 1.0,
    pairs: int = 1_000_000,
    symmetric: bool = True,
    sampling: str = "multinomial",
    seed: int = 0,
    draw_seed: int | None = None,
) -> Problem:
    """One truth over all words; each site draws its pairs from it given that both words are in its own vocabulary.

    The truth, joint distribution and PMI, is that of all words, so that an estimate is judged on the blocks that no site saw
    as well. Counts are those of all sites together, and `Problem.units` has the counts of each site; the PMI of a site
    is the truth's plus a row and a column term, as its marginals are its own (`restricted`); the pooled counts' is
    not.

    Parameters
    ----------
    words : int, default 300
        Of all sites together.
    sites : int, default 3
    shared : int, default 60
        Words that all sites have in common, or each with the next; at least one, and one of its own for each site.
    overlap : {"common", "chain"}, default "common"
        What is shared by all (BONMI), or each site shares words with the next (CMMI).
    rank : int, default 3
        Of M; the PMI has rank + 2.
    zipf : float, default 1.0
        Marginals of the whole, p_i ∝ 1 / i^zipf.
    scale : float, default 1.0
        As in `marginal_problem`.
    pairs : int, default 1 million
        N, in equal parts to the sites.
    symmetric : bool, default True
        P_ij = P_ji.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
    seed : int, default 0
        Of M and of each site's words.
    draw_seed : int, optional
        Of the counts; the same as `seed` by default.

    Raises
    ------
    InputError
        For a value out of range.

    References
    ----------
    Zhou, Cai & Lu, "Multi-source Learning via Completion of Block-wise Overlapping Noisy Matrices" (BONMI), 2021.
    Zheng & Tang, "Chain-linked Multiple Matrix Integration via Embedding Alignment" (CMMI), 2024.
    """
    words, rank = check_factors(words, rank, least=3)
    sites, shared = check_integer("sites", sites, 2), check_integer("shared", shared)
    if shared + sites > words:
        raise InputError("shared", shared, f"must be at most {words - sites}: each of {sites} sites has a word of its own")
    check_choice("overlap", overlap, OVERLAPS)
    zipf, scale = check_real("zipf", zipf), check_real("scale", scale, above=True)
    check_flag("symmetric", symmetric)
    drawing = Drawing("sites", pairs, sampling, seed, draw_seed)
    if drawing.pairs < sites:
        raise InputError("pairs", pairs, f"must be at least {sites}, one for each site")
    truth = normal_truth(drawing.truth_stream(), rank, zipf_marginal(words, zipf), scale, symmetric)
    vocabularies = site_words(drawing.truth_stream("sites").permutation(words), sites, shared, overlap)
    draws, cuts = drawing.draw_stream(), [drawing.pairs * site // sites for site in range(sites + 1)]
    tables = []
    for own, (low, high) in zip(vocabularies, pairwise(cuts), strict=True):
        table = sample_counts(restricted(truth, own, own), high - low, sampling, draws).matrix.tocoo()
        tables.append(sp.coo_array((table.data, (own[table.coords[0]], own[table.coords[1]])), shape=(words, words)))
    units = Units.of(tables, "sites")
    seen = "all share" if overlap == "common" else "neighbours share"
    what = f"{words:,} words in {sites} sites, {seen} {shared:,}, rank {rank}, Zipf {zipf:g}"
    return Problem(units.pooled((words, words)), drawing.title(what), truth, units=units)
