"""CBOW beside gensim's on the same text and vocabulary: analogies, similarity, and how many neighbours they share.

"word2vec" takes gensim's steps, "mean" those of the loss.

    python experiments/family/cbow_gensim.py TEXT SIMILARITY ANALOGIES

TEXT is one line of words, as text8 (.xz too); needs the extra gensim.
"""

from __future__ import annotations

import lzma
import sys
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from gensim.models import Word2Vec

import sgns_pmi as sp
from sgns_pmi.compare import Evaluation, evaluate
from sgns_pmi.compare.words.neighbours import neighbours
from sgns_pmi.compare.words.vectors import WordVectors, word_vectors
from sgns_pmi.factorise.methods.cbow import CBOW
from sgns_pmi.problems.text import text_problem

HERE = Path(__file__).parent
SEEDS = (0, 1)
DIM, WINDOW, K, SUBSAMPLE, EPOCHS, EXPONENT = 100, 5, 5, 1e-4, 5, 0.75
GENSIM_RATE = 0.05
ASKED, NEAREST = 1000, 10
METRICS = ("spearman", "accuracy_3cosadd")
SENTENCE = 10_000
"""gensim cuts longer ones."""


def nearest(vectors: WordVectors, words: list[str]) -> list[set[str]]:
    """The nearest words of each word."""
    found = neighbours(vectors, words, NEAREST)
    return [set(near) for _, near in found.groupby("word", sort=False)["neighbour"]]


def main(text: Path, similarity: str, analogies: str) -> None:
    """Print a table, and write it beside this file."""
    problem = text_problem(text, boundary="none", subsample=SUBSAMPLE, subsample_formula="word2vec_c", window=WINDOW)
    questions = Evaluation(similarity=[similarity], analogies=[analogies])
    opened = lzma.open if text.suffix == ".xz" else open
    with opened(text, "rt") as stream:
        words = stream.read().split()
    sentences = [words[low : low + SENTENCE] for low in range(0, len(words), SENTENCE)]
    asked = list(problem.counts.vocab or ())[:ASKED]
    rows, near = [], {}
    for seed in SEEDS:
        start = time.perf_counter()
        ours = {}
        for combine in ("word2vec", "mean"):
            method = CBOW(dim=DIM, k=K, exponent=EXPONENT, combine=combine, epochs=EPOCHS, drop_positive=True, seed=seed)
            ours[combine] = method.fit(problem.corpus)
        middle = time.perf_counter()
        theirs = Word2Vec(
            sentences,
            sg=0,
            cbow_mean=1,
            vector_size=DIM,
            window=WINDOW,
            negative=K,
            sample=SUBSAMPLE,
            min_count=5,
            alpha=GENSIM_RATE,
            epochs=EPOCHS,
            seed=seed + 1,
            workers=1,
        )
        end = time.perf_counter()
        for name, vectors, seconds in (
            *((name, word_vectors(cbow.V_, vocab=problem.counts.vocab), (middle - start) / 2) for name, cbow in ours.items()),
            ("gensim", sp.from_gensim(theirs.wv), end - middle),
        ):
            answers = pd.concat(evaluate({name: vectors}, questions).values())
            found = answers[(answers["section"] == "all") & answers["metric"].isin(METRICS)]
            values = dict(zip(found["set"] + " " + found["metric"], found["value"], strict=True))
            rows.append({"vectors": name, "seed": seed, **values, "seconds": seconds})
            near[f"{name} {seed}"] = nearest(vectors, asked)
    table = pd.DataFrame(rows)
    shared = [
        {"pair": f"{one} | {other}", "shared": np.mean([len(a & b) for a, b in zip(near[one], near[other], strict=True)])}
        for one, other in combinations(near, 2)
    ]
    for name, frame in (("cbow_gensim", table), ("cbow_gensim_neighbours", pd.DataFrame(shared))):
        frame.to_csv(HERE / f"{name}.csv", index=False, float_format="%.4g")
        print(frame.to_string(index=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
