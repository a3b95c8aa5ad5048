"""Independent words: PMI is zero, and whatever an estimate shows is noise."""

from __future__ import annotations

import numpy as np

from sgns_pmi.errors import check_real
from sgns_pmi.problems.drawing import Drawing, check_factors
from sgns_pmi.problems.problem import Problem, Truth, register_problem
from sgns_pmi.problems.scaling import zipf_marginal


@register_problem("independent")
def independent_problem(
    words: int = 300,
    zipf: float = 1.0,
    pairs: int = 1_000_000,
    sampling: str = "multinomial",
    seed: int = 0,
    draw_seed: int | None = None,
) -> Problem:
    """P = p pᵀ: centre and context are independent, and PMI is 0 everywhere, of rank 0.

    Parameters
    ----------
    words : int, default 300
    zipf : float, default 1.0
        Both marginals are p_i ∝ 1 / i^zipf; 0 makes them uniform.
    pairs : int, default 1 million
        N.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
    seed : int, default 0
        Unused but as the default of `draw_seed`: the truth has no randomness.
    draw_seed : int, optional
        Of the counts.

    Raises
    ------
    InputError
        For a value out of range.
    """
    (words, _), zipf = check_factors(words, 1), check_real("zipf", zipf)
    drawing = Drawing("independent", pairs, sampling, seed, draw_seed)
    p, none = zipf_marginal(words, zipf), np.zeros((words, 1))
    margins = f"Zipf {zipf:g}" if zipf else "uniform margins"
    return drawing.problem(f"{words:,} words, {margins}", Truth(p, p, none, none))
