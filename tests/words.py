"""Small word vectors with known geometry, and an independent, word-by-word reading of the rules."""

from __future__ import annotations

import numpy as np

import sgns_pmi as sp
from sgns_pmi.factorise.subwords import Hashing, Subwords


def random_vectors(words: int = 60, dim: int = 8, seed: int = 0, **options: str) -> sp.WordVectors:
    """Gaussian vectors of words w0, w1, ..."""
    matrix = np.random.default_rng(seed).normal(size=(words, dim))
    return sp.WordVectors(tuple(f"w{number}" for number in range(words)), matrix, **options)


def with_ngrams(normalize: str = "row") -> sp.WordVectors:
    """Vectors of king, queen and pear, and of the n-grams of the first and the last."""
    rng = np.random.default_rng(1)
    hashing = Hashing(3, 4, buckets=1000)
    used = np.unique(hashing("king") + hashing("pear"))
    return sp.WordVectors(
        ("king", "queen", "pear"), rng.normal(size=(3, 4)), normalize, Subwords(hashing, used, rng.normal(size=(len(used), 4)))
    )


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def answer(vectors: sp.WordVectors, a: str, b: str, c: str, rule: str, known: int | None = None) -> str:
    """The answer to a : b = c : ? by comparing one word after the other, as the papers' formulas are written."""
    table = dict(zip(vectors.words, np.asarray(vectors.matrix), strict=True))

    def score(word: str) -> float:
        to_a, to_b, to_c = (cosine(table[word], table[other]) for other in (a, b, c))
        if rule == "3CosAdd":
            return to_b - to_a + to_c
        return (to_b + 1) / 2 * (to_c + 1) / 2 / ((to_a + 1) / 2 + 0.001)

    return max((word for word in vectors.words[:known] if word not in (a, b, c)), key=score)
