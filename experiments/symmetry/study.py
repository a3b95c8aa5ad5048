"""When PMI's linear structure gives analogies: problems, fits, the tables and the figure of the symmetry study."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from sklearn.exceptions import ConvergenceWarning

import sgns_pmi as sp
from sgns_pmi.compare.words.analogies import Analogy
from sgns_pmi.compare.words.vectors import WordVectors, word_vectors
from sgns_pmi.factorise import Factorisation
from sgns_pmi.figures import lines_figure, save
from sgns_pmi.problems import Problem
from sgns_pmi.problems.attributes import attributes_problem
from sgns_pmi.problems.circulant import circulant_problem
from sgns_pmi.results.replicates import over_seeds

HERE = Path(__file__).parent
ATTRIBUTES = 7
PAIRS = (10_000, 100_000, 1_000_000, 10_000_000)
DIMS = (2, 4, 6, 7, 8, 9, 12)
SEEDS = range(10)
STEPS = (1, 2, 4, 8, 16, 32)
"""How far apart the words of a pair are on the circle of 120."""


def methods(dim: int) -> dict[str, Factorisation]:
    """The exact solver from one start, and the SVD of PMI and of positive PMI."""
    return {
        "sgns_expected": sp.SGNS(dim=dim, solver=sp.Expected(starts=1)),
        "sppmi_svd": sp.SPPMISVD(dim=dim, k=1),
        "pmi_svd": sp.PMISVD(dim=dim, k=1),
    }


def accuracies(vectors: WordVectors, problem: Problem) -> pd.DataFrame:
    """Columns section and value: the share of the problem's questions that 3CosAdd answers."""
    rows = sp.analogies(vectors, [Analogy(*question) for question in problem.questions])
    return rows[rows["metric"] == "accuracy_3cosadd"][["section", "value"]]


def of_attributes() -> Iterator[pd.DataFrame]:
    """Accuracy in each attribute's questions, by pairs, dim, method and seed."""
    for seed in SEEDS:
        for pairs in PAIRS:
            problem = attributes_problem(attributes=ATTRIBUTES, pairs=pairs, seed=seed)
            for dim in DIMS:
                for name, method in methods(dim).items():
                    V = method.fit(problem.counts).V_
                    found = accuracies(word_vectors(V, vocab=problem.counts.vocab), problem)
                    yield found.assign(pairs=pairs, dim=dim, method=name, seed=seed, optimum=True)


def on_a_circle() -> Iterator[pd.DataFrame]:
    """Accuracy where the analogy is a turn, not a sum: i is to i + s as j is to j + s, by s, with the true PMI's own vectors."""
    problem = circulant_problem(sampling="population")
    size = len(problem.counts.row_sums)
    assert problem.pmi_rank is not None
    oracle = sp.Oracle(dim=problem.pmi_rank).fit(problem.pmi)
    vectors = word_vectors(oracle.V_)
    for step in STEPS:
        questions = [
            Analogy("circle", *(str(word % size) for word in (i, i + step, i + turn, i + turn + step)))
            for i in range(0, size, 5)
            for turn in range(1, size)
            if turn not in (step, size - step)
        ]
        rows = sp.analogies(vectors, questions)
        value = rows[(rows["section"] == "all") & (rows["metric"] == "accuracy_3cosadd")]["value"].item()
        yield pd.DataFrame([(step, len(questions), value)], columns=["step", "questions", "accuracy"])


def main() -> None:
    """Write attributes.csv, circle.csv and figure.png beside this file."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = pd.concat(of_attributes(), ignore_index=True)
    table = over_seeds(rows, ["pairs", "dim", "seed"], ["method", "section"])
    table.to_csv(HERE / "attributes.csv", index=False, float_format="%.4g")
    figure = lines_figure(
        rows[rows["section"] == "all"],
        "dim",
        facets=["pairs"],
        value_label="analogies answered (3CosAdd)",
        title=f"Analogies of words made of {ATTRIBUTES} attributes, PMI of rank {ATTRIBUTES + 1}, against dim",
        repeats=len(SEEDS),
    )
    save(figure, HERE / "figure")
    circle = pd.concat(on_a_circle(), ignore_index=True)
    circle.to_csv(HERE / "circle.csv", index=False, float_format="%.4g")
    whole = table[table["section"] == "all"]
    texts = whole.assign(text=[f"{mean:.3f} ± {se:.2g}" for mean, se in zip(whole["mean"], whole["se"], strict=True)])
    print(texts.pivot_table("text", ["method", "pairs"], "dim", aggfunc="first", sort=False).to_string())
    million = table[(table["pairs"] == 1_000_000) & (table["method"] == "sgns_expected")]
    print(million.pivot_table("mean", "section", "dim", sort=False).round(3).to_string())
    print(circle.to_string(index=False))


if __name__ == "__main__":
    main()
