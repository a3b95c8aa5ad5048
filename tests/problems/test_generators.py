"""Every generator: PMI from brute force, rank, marginals, counts against P, seeds, configuration, wrong values."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from goodness import check_p_values, goodness_of_fit
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from scipy import stats

import sgns_pmi as sp
from sgns_pmi.command_line import conf_folder
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.problems import PROBLEMS, Problem, Truth
from sgns_pmi.problems.drawing import Drawing
from sgns_pmi.problems.sampling import sample_counts

SMALL: dict[str, dict[str, Any]] = {
    "softmax": {"words": 20},
    "marginal": {"words": 20, "scale": 0.5},
    "attributes": {"attributes": 4},
    "circulant": {"words": 15, "harmonics": 2, "symmetric": False},
    "topics": {"words": 20, "topics": 3},
    "walk": {"words": 20, "rank": 3, "points": 50},
    "sites": {"words": 24, "sites": 2, "shared": 6, "rank": 2, "scale": 0.5},
    "documents": {"words": 20, "topics": 3, "documents": 40},
    "heavy": {"words": 20, "rank": 2, "cells": 2, "scale": 0.5},
    "independent": {"words": 20},
    "corpus": {"max_size": 20, "cache": False},
}
DRAWN_PAIR_BY_PAIR = [name for name in SMALL if name not in ("sites", "documents")]
SEEDS = range(12)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words with Zipf frequencies, each likely to be followed by its like."""
    rng = np.random.default_rng(0)
    weights = 1 / np.arange(1, 26)
    words = rng.choice(25, 4000, p=weights / weights.sum())
    words[1::2] = np.where(rng.random(2000) < 0.3, words[::2], words[1::2])
    file = tmp_path_factory.mktemp("text") / "words.txt"
    file.write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.reshape(-1, 20)))
    return file


@pytest.fixture
def small(text: Path) -> Callable[..., Problem]:
    def build(name: str, **options: Any) -> Problem:
        path = {"path": str(text)} if name == "corpus" else {}
        return PROBLEMS[name](**{**SMALL[name], **path, "pairs": 20_000, **options})

    return build


@pytest.mark.parametrize("name", SMALL)
def test_public_function(name: str) -> None:
    assert getattr(sp, f"{name}_problem") is PROBLEMS[name]


@pytest.mark.parametrize("options", [{}, {"zipf": 1.2}, {"permute": True}, {"symmetric": True}, {"sampling": "population"}])
@pytest.mark.parametrize("name", SMALL)
def test_pmi_is_that_of_the_joint_distribution(small: Callable[..., Problem], name: str, options: dict[str, Any]) -> None:
    if not set(options) <= set(inspect.signature(PROBLEMS[name]).parameters):
        pytest.skip(f"{name} has no such option")
    problem = small(name, **options)
    assert problem.truth is not None
    assert problem.joint is not None
    assert problem.pmi is not None
    joint = problem.joint
    p, q = joint.sum(axis=1), joint.sum(axis=0)
    assert joint.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(problem.truth.row_marginal, p, rtol=1e-10)
    np.testing.assert_allclose(problem.truth.col_marginal, q, rtol=1e-10)
    np.testing.assert_allclose(problem.pmi, np.log(joint) - np.log(p)[:, None] - np.log(q), atol=1e-9)
    assert problem.pmi_rank == np.linalg.matrix_rank(problem.pmi, tol=1e-9 * max(1, np.abs(problem.pmi).max()))
    assert f"{'' if name == 'marginal' else name} generator, " in problem.title
    assert "20,000 pairs" in problem.title
    if "zipf" in options:
        weights = np.arange(1.0, len(p) + 1) ** -1.2
        expected = weights / weights.sum()
        if name not in ("sites", "heavy"):
            np.testing.assert_allclose((p, q), (expected, expected), rtol=1e-10)
    if "symmetric" in options:
        np.testing.assert_allclose(joint, joint.T, rtol=1e-10)


@pytest.mark.parametrize("sampling", ["multinomial", "poisson"])
@pytest.mark.parametrize("name", DRAWN_PAIR_BY_PAIR)
def test_counts_fit_the_joint_distribution(small: Callable[..., Problem], name: str, sampling: str) -> None:
    values = []
    for seed in SEEDS:
        problem = small(name, seed=seed, sampling=sampling)
        drawn = problem.counts.matrix.toarray()
        assert problem.joint is not None
        # Given its total, a table of Poisson counts is multinomial.
        values.append(goodness_of_fit(drawn, drawn.sum() * problem.joint))
    check_p_values(values)


@pytest.mark.parametrize("name", [name for name in SMALL if name != "sites"])
def test_population_counts(small: Callable[..., Problem], name: str) -> None:
    problem = small(name, sampling="population")
    assert problem.joint is not None
    np.testing.assert_allclose(problem.counts.matrix.toarray(), 20_000 * problem.joint, rtol=1e-10)


@pytest.mark.parametrize("name", SMALL)
def test_seeds(small: Callable[..., Problem], name: str) -> None:
    """`seed` fixes everything; `draw_seed` draws other counts from the same truth; both may be of any size."""
    one, same = small(name, seed=2**40), small(name, seed=2**40, draw_seed=2**40)
    redrawn, other = small(name, seed=2**40, draw_seed=2**40 + 1), small(name, seed=2**40 + 1, draw_seed=2**40)
    for problem in (same, redrawn):
        np.testing.assert_array_equal(problem.pmi, one.pmi)
    tables = [problem.counts.matrix.toarray() for problem in (one, same, redrawn)]
    np.testing.assert_array_equal(tables[0], tables[1])
    assert (tables[0] != tables[2]).any()
    if name not in ("independent", "corpus"):  # truths without randomness
        assert other.pmi is not None
        assert not np.allclose(other.pmi, one.pmi)


@pytest.mark.parametrize("name", ["attributes", "circulant", "topics", "walk", "corpus"])
def test_permutation_is_the_same_on_both_sides(small: Callable[..., Problem], name: str) -> None:
    options = {"symmetric": True} if name in ("circulant", "topics") else {}
    plain, permuted = small(name, **options), small(name, permute=True, **options)
    assert plain.pmi is not None
    assert permuted.pmi is not None
    assert not np.allclose(plain.pmi, permuted.pmi)
    np.testing.assert_allclose(np.linalg.eigvalsh(permuted.pmi), np.linalg.eigvalsh(plain.pmi), atol=1e-9)
    if plain.counts.vocab is not None:
        assert permuted.counts.vocab is not None
        place = [plain.counts.vocab.index(word) for word in permuted.counts.vocab]
        np.testing.assert_allclose(permuted.pmi, plain.pmi[np.ix_(place, place)], atol=1e-12)


@pytest.mark.parametrize("name", ["softmax", "marginal"])
def test_counts_are_not_drawn_from_what_makes_a_truth(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Normal numbers from the generator that a seed's counts are drawn from are uncorrelated with every seed's factors."""
    generators = []

    def spy(truth: Truth, pairs: int, sampling: str, seed: int | np.random.Generator) -> CooccurrenceCounts:
        generators.append(copy.deepcopy(np.random.default_rng(seed)))
        return sample_counts(truth, pairs, sampling, seed)

    for module in ("drawing", "marginal"):
        monkeypatch.setattr(f"sgns_pmi.problems.{module}.sample_counts", spy)
    problems = [PROBLEMS[name](words=50, pairs=100, seed=seed) for seed in range(11)]
    scores = []
    for generator in generators:
        numbers = generator.normal(size=problems[0].truth.nominal_left.size)
        for problem in problems:
            for factor in (problem.truth.nominal_left, problem.truth.nominal_right):
                scores.append(np.corrcoef(numbers, factor.ravel())[0, 1] * np.sqrt(numbers.size))
    assert len(scores) == 11 * 22
    assert np.abs(scores).max() < stats.norm.isf(1e-4 / len(scores))


@pytest.mark.parametrize("name", SMALL)
def test_truth_and_draws_have_streams_of_their_own(name: str) -> None:
    """A generator's two streams share no number with one another, with another seed's, nor with NumPy's of the seed alone."""
    firsts = [np.random.default_rng(seed).random(50) for seed in range(12)]
    for seed in range(10):
        drawing = Drawing(name, 1, "multinomial", seed)
        firsts += [drawing.truth_stream().random(50), drawing.draw_stream().random(50)]
    assert len(np.unique(np.concatenate(firsts))) == 50 * len(firsts)


WRONG = {
    "softmax": [("words", 1), ("rank", 0)],
    "marginal": [("words", 1), ("rank", 0), ("scale", 1e6), ("zipf", -1), ("symmetric", 1)],
    "attributes": [("attributes", 1), ("attributes", 15), ("correlation", 1.0), ("correlation", 0), ("presence", 1)],
    "circulant": [("words", 2), ("harmonics", 0), ("harmonics", 8), ("decay", -1), ("scale", 0), ("symmetric", "no")],
    "topics": [("words", 1), ("topics", 1), ("spread", 0), ("spread", 1e4), ("zipf", -1), ("symmetric", 1)],
    "walk": [("words", 1.5), ("rank", 0), ("points", 0), ("scale", -1), ("stay", 1.1), ("stay", -0.1), ("zipf", "one")],
    "sites": [("sites", 1), ("shared", 0), ("shared", 23), ("overlap", "ring"), ("rank", 0), ("scale", 1e6), ("pairs", 1)],
    "documents": [("documents", 0), ("concentration", 0), ("topics", 1), ("spread", -1), ("symmetric", None)],
    "heavy": [("cells", 0), ("cells", 21), ("mass", 0), ("mass", 1), ("scale", 1e6), ("zipf", np.nan)],
    "independent": [("words", 1), ("zipf", -0.5)],
    "corpus": [("smoothing", 0), ("smoothing", 1), ("max_size", None), ("max_size", 5001), ("window", 0), ("symmetric", "x")],
}
COMMON = [("pairs", 0), ("sampling", "normal"), ("seed", -1), ("draw_seed", -1), ("draw_seed", 0.5), ("permute", "yes")]


@pytest.mark.parametrize(("name", "key", "value"), [(name, *wrong) for name in SMALL for wrong in [*WRONG[name], *COMMON]])
def test_wrong_values_are_one_line(small: Callable[..., Problem], name: str, key: str, value: object) -> None:
    if key not in inspect.signature(PROBLEMS[name]).parameters:
        pytest.skip(f"{name} has no such option")
    with pytest.raises(InputError) as caught:
        small(name, **{key: value})
    assert caught.value.field == key
    assert "\n" not in str(caught.value)


def test_corpus_needs_a_path() -> None:
    with pytest.raises(InputError) as caught:
        sp.corpus_problem()
    assert caught.value.field == "path"


@pytest.mark.parametrize("name", SMALL)
def test_configuration_has_the_defaults_of_the_function(name: str) -> None:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        keys = OmegaConf.to_container(compose("config", [f"data={name}"]).data)
    defaults = {key: value.default for key, value in inspect.signature(PROBLEMS[name]).parameters.items() if key != "seed"}
    assert keys == {"name": name, **defaults}
