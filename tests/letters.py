"""A small text of drawn letters, which every method that reads counts, words or text can fit."""

from __future__ import annotations

import numpy as np

from sgns_pmi.problems import Problem
from sgns_pmi.problems.text import toy_problem


def letters_problem(words: int = 14, tokens: int = 400, window: int = 1, seed: int = 3) -> Problem:
    """Sentences of eight letters, drawn with falling frequencies."""
    letters = [chr(ord("a") + position) for position in range(words)]
    share = np.arange(words, 0, -1)
    drawn = np.random.default_rng(seed).choice(letters, tokens, p=share / share.sum())
    return toy_problem([" ".join(line) for line in np.array_split(drawn, tokens // 8)], window=window)
