"""Words on a circle: PMI depends on the distance alone, and its singular values are a Fourier transform."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_flag, check_real
from sgns_pmi.problems.drawing import Drawing, check_factors
from sgns_pmi.problems.problem import Problem, Truth, register_problem

Float = NDArray[np.float64]


def circulant_truth(words: int, amplitudes: Float, phases: Float) -> Truth:
    """P_ij ∝ exp f(i − j), f(t) = Σ_m c_m cos(2π m t / words + φ_m) over the harmonics m = 1, 2, ...

    Both marginals are uniform, and PMI_ij = f(i − j) − log mean exp f: a circulant matrix, whose singular values are the
    absolute values of its first column's discrete Fourier transform: words · |c_m| / 2, twice for each harmonic, and words ·
    |log mean exp f|. Its rank is 2 · harmonics + 1. The factors are those cosines and sines, as on a clock's face.

    Parameters
    ----------
    words : int
        More than twice the harmonics.
    amplitudes, phases : ndarray, (harmonics,)
        c and φ.
    """
    harmonics = np.arange(1, len(amplitudes) + 1)
    angles = 2 * np.pi / words * (np.outer(np.arange(words), harmonics) % words)
    values = np.cos(angles + phases) @ amplitudes
    scale = np.sqrt(np.abs(amplitudes))
    constant = -np.log(np.exp(values - values.max()).mean()) - values.max()
    left = np.column_stack([scale * np.cos(angles + phases), scale * np.sin(angles + phases)])
    right = np.column_stack([np.sign(amplitudes) * scale * part(angles) for part in (np.cos, np.sin)])
    uniform = np.full(words, 1 / words)
    ones = np.ones(words)
    return Truth(uniform, uniform, np.column_stack([left, constant * ones]), np.column_stack([right, ones]), left, right)


@register_problem("circulant")
def circulant_problem(
    words: int = 120,
    harmonics: int = 3,
    decay: float = 1.0,
    scale: float = 1.0,
    pairs: int = 1_000_000,
    symmetric: bool = True,
    zipf: float | None = None,
    permute: bool = False,
    sampling: str = "multinomial",
    seed: int = 0,
    draw_seed: int | None = None,
) -> Problem:
    """Words on a circle, as months or hours: the PMI is circulant, of rank 2 · harmonics + 1; see `circulant_truth`.

    Parameters
    ----------
    words : int, default 120
    harmonics : int, default 3
        Waves around the circle, fewer than half the words.
    decay : float, default 1.0
        Harmonic m has amplitude scale / m^decay.
    scale : float, default 1.0
        Amplitude of the first harmonic.
    pairs : int, default 1 million
        N.
    symmetric : bool, default True
        P_ij = P_ji, and the truth has no randomness. Otherwise every harmonic has a random phase: context follows centre.
    zipf : float, optional
        Both marginals are p_i ∝ 1 / i^zipf in place of uniform ones; PMI is then circulant but for a row and a column term.
    permute : bool, default False
        Words in random order, rather than around the circle.
    sampling : {"multinomial", "poisson", "population"}, default "multinomial"
    seed : int, default 0
        Of the phases and the order.
    draw_seed : int, optional
        Of the counts; the same as `seed` by default.

    Raises
    ------
    InputError
        For a value out of range.

    References
    ----------
    Circulant matrices: Gray, "Toeplitz and Circulant Matrices: A Review", Foundations and Trends in Communications and
    Information Theory 2 (2006), section 3.1.
    """
    words, harmonics = check_factors(words, harmonics, "harmonics", 3)
    if 2 * harmonics >= words:
        raise InputError("harmonics", harmonics, f"must be fewer than half of the {words} words")
    decay, scale = check_real("decay", decay), check_real("scale", scale, above=True)
    check_flag("symmetric", symmetric)
    drawing = Drawing("circulant", pairs, sampling, seed, draw_seed, zipf, permute)
    phases = np.zeros(harmonics) if symmetric else drawing.truth_stream().uniform(0, 2 * np.pi, harmonics)
    truth = circulant_truth(words, scale * np.arange(1.0, harmonics + 1) ** -decay, phases)
    what = f"{words:,} words on a circle{'' if symmetric else ' with a direction'}, {harmonics} harmonics"
    return drawing.problem(what, truth)
