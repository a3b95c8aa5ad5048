"""(g) Is an optimum one? Fits of 200 random problems against 50 runs each of SciPy's L-BFGS-B from random points."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize

import sgns_pmi as sp
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.negatives import Negatives

PROBLEMS, POLISHES = 200, 50
LOWER = 1e-6  # of ℓ: ends lower by more disprove an optimum
SCALES = (0.1, 0.3, 1.0)  # of the random points
MOST_STEPS, PRECISION = 3_000, 1e-11


class Problem(NamedTuple):
    """Counts (10 to 40 a side), a dim (1 to 10) and K (1 to 1,000)."""

    number: int
    law: str
    counts: sp.CooccurrenceCounts
    dim: int
    k: int


def laws_of(M: np.ndarray, rng: np.random.Generator) -> dict[str, Callable[[], np.ndarray]]:
    """Ways to draw counts shaped as M (words, contexts), those of low rank around it."""
    words, contexts = M.shape
    margins = 1 / (1 + np.arange(words))[:, None] / (1 + np.arange(contexts))
    return {
        "lognormal": lambda: np.exp(1.5 * rng.standard_normal(M.shape)),
        "Poisson, low rank": lambda: rng.poisson(3 * np.exp(M)),
        "Poisson, sparse": lambda: rng.poisson(rng.gamma(0.3, 10.0, M.shape)),
        "Zipf": lambda: rng.poisson(20_000 * margins * np.exp(M) / (margins * np.exp(M)).sum()),
        "uniform": lambda: rng.integers(1, 20, M.shape),
    }


def problems(numbers: range = range(PROBLEMS)) -> Iterator[Problem]:
    """The same problems always, each from a stream of its own."""
    for number in numbers:
        rng = np.random.default_rng([11, number])
        words, contexts = rng.integers(10, 41, size=2)
        dim, k = int(rng.integers(1, 11)), round(10 ** rng.uniform(0, 3))
        rank = int(rng.integers(1, 6))
        laws = laws_of(rng.standard_normal((words, rank)) @ rng.standard_normal((contexts, rank)).T, rng)
        law = list(laws)[number % len(laws)]
        n = np.asarray(laws[law](), dtype=float)
        n[n.sum(1) == 0, 0] = n[0, n.sum(0) == 0] = 1.0  # each word occurs
        yield Problem(number, law, sp.CooccurrenceCounts.from_matrix(n), min(dim, *n.shape), max(k, 1))


def polished(problem: Problem, noise: np.ndarray, runs: int) -> float:
    """The lowest ℓ of so many runs of L-BFGS-B."""
    exact = ExactObjective(problem.counts, Negatives(problem.k, noise))
    words, dim = problem.counts.shape[0], problem.dim

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        both = torch.from_numpy(flat).view(-1, dim)
        value, dV, dU = exact.value_and_gradient(both[:words], both[words:])
        return value, torch.cat([dV, dU]).view(-1).numpy()

    rng = np.random.default_rng([12, problem.number])
    options = {"maxiter": MOST_STEPS, "maxfun": 2 * MOST_STEPS, "ftol": PRECISION, "gtol": 1e-12}
    starts = [rng.normal(0.0, SCALES[run % len(SCALES)], dim * sum(exact.shape)) for run in range(runs)]
    return min(minimize(loss, start, jac=True, method="L-BFGS-B", options=options).fun for start in starts)


def judged(problem: Problem, runs: int = POLISHES) -> dict[str, Any]:
    """How a fit ended, and by how much another end is lower."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = sp.SGNS(dim=problem.dim, k=problem.k).fit(problem.counts)
    row = {
        "part": "g",
        "problem": problem.number,
        "law": problem.law,
        "shape": f"{problem.counts.shape[0]} x {problem.counts.shape[1]}",
        "dim": problem.dim,
        "k": problem.k,
        "status": fitted.status_,
    }
    if fitted.status_ != "optimum":
        return row
    lower = fitted.objective_ / polished(problem, fitted.noise_, runs) - 1
    return row | {"lower": lower, "disproved": lower > LOWER}


def rows() -> list[dict[str, Any]]:
    """All of (g)."""
    torch.set_num_threads(1)
    return [judged(problem) for problem in problems()]


if __name__ == "__main__":  # a part of the problems: python -m benchmarks.optima FIRST LAST
    torch.set_num_threads(1)
    for problem in problems(range(*map(int, sys.argv[1:3]))):
        print(judged(problem), flush=True)
