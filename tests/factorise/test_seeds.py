"""Seeds of methods: no start knows the truth, no two methods share a stream, and a seed may be of any size."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import sgns_pmi as sp
from sgns_pmi.compare.words.vectors import WordVectors
from sgns_pmi.compare.words.word_map import clusters, project
from sgns_pmi.factorise import METHODS, linalg
from sgns_pmi.factorise.methods import cbow, glove, numpy_sgns, ro_sgns
from sgns_pmi.factorise.solvers import expected
from sgns_pmi.problems.text import as_corpus
from sgns_pmi.streams import stream

PACKAGE = Path(sp.__file__).parent
SEEDED = [name for name, method in METHODS.items() if "seed" in method.estimator.parameters()]
SHORT = {"epochs": 1, "max_steps": 1, "k": 60}  # at K = 60 no cell of SPPMI is positive, and ro_sgns starts at random
VAST = [2**32, 2**64 + 1, 12345678901234567890123]


class Recorder:
    """A generator that keeps what it draws."""

    def __init__(self, drawn: list[np.ndarray], seed: int, *purpose: str) -> None:
        self._drawn, self._generator = drawn, stream(seed, *purpose)

    def __getattr__(self, name: str) -> Any:
        def draw(*args: Any, **kwargs: Any) -> Any:
            self._drawn.append(np.asarray(found := getattr(self._generator, name)(*args, **kwargs)))
            return found

        return draw


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What methods draw, in NumPy or PyTorch, from first to last."""
    found: list[np.ndarray] = []
    modules: list[ModuleType] = [linalg, expected, cbow, glove, numpy_sgns, ro_sgns]
    for module in modules:
        monkeypatch.setattr(module, "stream", lambda seed, *purpose: Recorder(found, seed, *purpose))
    randn = torch.randn

    def recorded(*args: Any, **kwargs: Any) -> torch.Tensor:
        found.append((values := randn(*args, **kwargs)).double().cpu().numpy())
        return values

    monkeypatch.setattr(torch, "randn", recorded)
    return found


def fit(name: str, problem: sp.Problem, seed: int) -> sp.Factorisation:
    method = METHODS[name]
    estimator = method.build()
    if name.startswith("sgns_") and method.solver:
        options = {"epochs": 1} if "epochs" in method.solver.__dataclass_fields__ else {"starts": 3, "max_steps": 1}
        estimator.set_params(solver=method.solver(**options))
    short = {key: value for key, value in SHORT.items() if key in estimator.parameters()}
    estimator.set_params(dim=2, seed=seed, **short)
    counts = problem.counts
    if method.needs == "text":
        return estimator.fit(as_corpus([["a", "b", "c", "d"] * 10, ["d", "c", "a"] * 5]))
    if method.needs == "words":
        vocab = [f"word{'abcdefghij'[i // 10]}{'abcdefghij'[i % 10]}" for i in range(counts.shape[0])]
        counts = sp.CooccurrenceCounts.from_matrix(counts.matrix, vocab)
    return estimator.fit(problem.pmi if method.needs == "truth" else counts)


@pytest.mark.parametrize("name", SEEDED)
def test_no_start_knows_the_truth(name: str, drawn: list[np.ndarray]) -> None:
    """Ten seeds, each for the data and for the method: draws and V₀, U₀ of the same shape are uncorrelated.

    A correlation of 80 independent pairs has standard deviation 1/√80, its mean over ten seeds 1/√800.
    """
    correlations = defaultdict(list)
    for seed in range(10):
        drawn.clear()
        problem = sp.softmax_problem(words=40, rank=2, pairs=20_000, seed=seed)
        fit(name, problem, seed)
        assert problem.truth is not None
        for number, values in enumerate(draw for draw in drawn if draw.size >= 80 and draw.dtype.kind == "f"):
            for side, truth in (("V", problem.truth.nominal_left), ("U", problem.truth.nominal_right)):
                correlations[number, side].append(np.corrcoef(values.ravel()[:80], truth.ravel())[0, 1])
    means = {key: np.mean(found) for key, found in correlations.items()}
    assert all(abs(mean) < 4.5 / np.sqrt(800) for mean in means.values()), means
    # Words of the text are fewer than 40, and the SVD of a small matrix draws nothing.
    draws_nothing = {"sgns_stream", "cbow", "sppmi_svd", "pmi_svd", "qwem", "oracle", "sgns_ridge"}
    assert bool(means) == (name not in draws_nothing)


@pytest.mark.parametrize("seed", VAST)
@pytest.mark.parametrize("name", SEEDED)
def test_a_seed_may_be_of_any_size(name: str, seed: int) -> None:
    problem = sp.softmax_problem(words=20, rank=1, pairs=2000, seed=0)
    first, again = (fit(name, problem, seed) for _ in range(2))
    np.testing.assert_array_equal(first.V_, again.V_)


@pytest.mark.parametrize("seed", VAST)
@pytest.mark.parametrize("projection", ["pca", "tsne"])
def test_a_map_takes_the_same_seeds(projection: str, seed: int) -> None:
    vectors = WordVectors([f"w{i}" for i in range(60)], np.random.default_rng(0).normal(size=(60, 5)))
    assert np.isfinite(project(vectors, 60, projection, seed)).all()
    assert len(clusters(vectors, 60, seed)) == 60


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    tree = ast.parse(path.read_text())
    return [(ast.unparse(node.func).split(".")[-1], node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("room", ["factorise", "compare"])
def test_all_randomness_comes_from_streams_each_of_its_own_purpose(room: str) -> None:
    purposes = defaultdict(set)
    for path in sorted((PACKAGE / room).rglob("*.py")):
        for name, call in calls(path):
            assert name != "default_rng", path
            if name == "manual_seed":
                assert ast.unparse(call.args[0]).startswith("torch_seed("), path
            if name in ("stream", "torch_seed", "seed_sequence"):
                purposes[tuple(part.value for part in call.args[1:] if isinstance(part, ast.Constant))].add(path.name)
    shared = {purpose for purpose, files in purposes.items() if len(files) > 1}
    assert len(purposes) > 3
    # ℓ on the way is estimated from the same contexts by all that estimate it.
    assert shared <= {("recorded objective",)}
