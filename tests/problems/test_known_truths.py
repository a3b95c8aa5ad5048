"""What is special to each generator, against its own definition or closed form."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import numpy as np
import pytest
from goodness import check_p_values, goodness_of_fit
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import softmax

import sgns_pmi as sp
from sgns_pmi.compare.words.analogies import read_analogies
from sgns_pmi.problems.attributes import attribute_names, attributes_truth
from sgns_pmi.problems.circulant import circulant_truth
from sgns_pmi.problems.corpus_truth import met_words, smoothed_truth
from sgns_pmi.problems.documents import draw_documents, mixture_moments
from sgns_pmi.problems.heavy import with_heavy_cells
from sgns_pmi.problems.sites import site_words
from sgns_pmi.problems.softmax import softmax_truth
from sgns_pmi.problems.topics import topic_words
from sgns_pmi.problems.walk import walk_truth

shares = st.floats(0.05, 0.95)

# Attributes


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_attributes_are_a_kronecker_product(attributes: list[tuple[float, float]]) -> None:
    presence, correlation = np.array(attributes).T
    tables = []
    for present, rho in attributes:
        covariance = rho * present * (1 - present)
        marginal = np.array([1 - present, present])
        tables.append(np.outer(marginal, marginal) + covariance * np.array([[1, -1], [-1, 1]]))
    truth = attributes_truth(presence, correlation)
    np.testing.assert_allclose(truth.joint(), reduce(np.kron, tables), rtol=1e-10)
    terms = [np.log(table / np.outer(table.sum(1), table.sum(0))) for table in tables]
    # log of a Kronecker product: the sum of logarithms over all combinations.
    pmi = reduce(lambda one, two: np.kron(one, np.ones((2, 2))) + np.kron(np.ones(one.shape), two), terms)
    np.testing.assert_allclose(truth.pmi(), pmi, atol=1e-10)


@pytest.mark.parametrize("presence", [0.5, 0.2])
def test_rank_of_attributes(presence: float) -> None:
    assert [sp.attributes_problem(d, presence=presence, pairs=100).pmi_rank for d in (2, 5, 7)] == [3, 6, 8]


@pytest.mark.parametrize("permute", [False, True])
def test_analogies_of_attributes_are_exact(permute: bool) -> None:
    problem = sp.attributes_problem(5, presence=0.3, permute=permute, pairs=1000)
    assert problem.pmi is not None
    assert problem.counts.vocab is not None
    row = dict(zip(problem.counts.vocab, problem.pmi, strict=True))
    assert len(problem.questions) == 5 * 16 * 15
    assert len(set(problem.questions)) == len(problem.questions)
    for section, a, b, c, expected in problem.questions:
        assert len({a, b, c, expected}) == 4
        assert set(b) - set(a) == set(expected) - set(c) == {section[-1]}
        np.testing.assert_allclose(row[b] - row[a] + row[c], row[expected], atol=1e-12)


def test_questions_of_many_attributes_are_drawn() -> None:
    questions = sp.attributes_problem(9, pairs=1000).questions
    assert len(questions) == len(set(questions)) == 9 * 500


def test_attribute_names() -> None:
    assert attribute_names(2) == ["__", "_b", "a_", "ab"]


def test_questions_are_read_as_they_are_written(tmp_path: Path) -> None:
    questions = sp.attributes_problem(3, pairs=1000).questions
    sp.write_questions(questions, tmp_path / "questions.txt")
    assert [tuple(question) for question in read_analogies(tmp_path / "questions.txt")] == [tuple(q) for q in questions]


# Circulant


@given(st.integers(7, 20), st.lists(st.floats(-2, 2).filter(lambda c: abs(c) > 0.01), min_size=1, max_size=3), st.floats(0, 6))
@settings(max_examples=40, deadline=None)
def test_circulant_pmi_and_its_fourier_transform(words: int, amplitudes: list[float], phase: float) -> None:
    c, phases = np.array(amplitudes), phase * np.arange(1, len(amplitudes) + 1)
    truth = circulant_truth(words, c, phases)
    scores = [
        [sum(c[m] * np.cos(2 * np.pi * (m + 1) * (i - j) / words + phases[m]) for m in range(len(c))) for j in range(words)]
        for i in range(words)
    ]
    np.testing.assert_allclose(truth.joint(), softmax(scores), rtol=1e-10)
    np.testing.assert_allclose(truth.nominal(), scores, atol=1e-10)
    values = np.linalg.svd(truth.pmi(), compute_uv=False)
    np.testing.assert_allclose(values, np.sort(np.abs(np.fft.fft(truth.pmi()[:, 0])))[::-1], atol=1e-9)
    constant = words * np.log(np.mean(np.exp(scores[0])))
    expected = np.sort([*np.repeat(words * np.abs(c) / 2, 2), constant])[::-1]
    np.testing.assert_allclose(values[: len(expected)], expected, rtol=1e-9)
    np.testing.assert_allclose(values[len(expected) :], 0, atol=1e-9)
    assert truth.pmi_rank() == 2 * len(c) + 1


def test_circle_without_a_direction_is_symmetric() -> None:
    problem = sp.circulant_problem(words=20, pairs=100)
    np.testing.assert_allclose(problem.joint, problem.joint.T, rtol=1e-12)
    turned = sp.circulant_problem(words=20, pairs=100, symmetric=False)
    assert not np.allclose(turned.joint, turned.joint.T)


# Topics


@given(st.integers(0, 999), st.integers(2, 12), st.integers(2, 5), st.floats(0.1, 3))
@settings(max_examples=30, deadline=None)
def test_topics_mix_to_the_frequencies(seed: int, words: int, topics: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    weights, frequencies = rng.dirichlet(np.full(topics, 3)), rng.dirichlet(np.full(words, 3))
    A = topic_words(rng, weights, frequencies, spread)
    assert (A > 0).all()
    np.testing.assert_allclose(A.sum(axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(A @ weights, frequencies, rtol=1e-10)


def test_topics_are_latent_classes() -> None:
    """P has the rank of its classes, and no more non-negative rank; its PMI has full rank."""
    problem = sp.topics_problem(words=25, topics=4, pairs=100)
    assert problem.joint is not None
    assert np.linalg.matrix_rank(problem.joint, tol=1e-12) == 4
    assert problem.pmi_rank == 25
    rng = sp.streams.stream(0, "truth", "topics")
    weights, p = np.full(4, 0.25), problem.joint.sum(axis=1)
    A, B = (topic_words(rng, weights, p, 1.5) for _ in range(2))
    np.testing.assert_allclose(problem.joint, sum(0.25 * np.outer(A[:, z], B[:, z]) for z in range(4)), rtol=1e-8)


# Walk


@pytest.mark.parametrize("stay", [0.0, 0.3, 1.0])
def test_walk_is_the_sum_over_context_vectors(stay: float) -> None:
    rng = np.random.default_rng(0)
    V, C = rng.normal(size=(9, 3)), rng.normal(size=(7, 3))
    emitted = [softmax([v @ c for v in V]) for c in C]
    joint = np.zeros((9, 9))
    for i, first in enumerate(emitted):
        for j, second in enumerate(emitted):
            joint += (stay * (i == j) / 7 + (1 - stay) / 49) * np.outer(first, second)
    truth = walk_truth(V, C, stay)
    np.testing.assert_allclose(truth.joint(), joint, rtol=1e-10)
    np.testing.assert_allclose(truth.nominal(), V @ V.T / 3, rtol=1e-12)


def test_walk_is_nearly_its_nominal_matrix() -> None:
    """Arora et al., theorem 2.2: PMI = v · v' / d up to a small error, where words are many and isotropic."""
    for seed in range(10):
        problem = sp.walk_problem(words=300, rank=25, scale=0.8, points=1500, pairs=1000, seed=seed)
        assert problem.pmi is not None
        assert problem.nominal is not None
        slope = (problem.pmi * problem.nominal).sum() / (problem.nominal**2).sum()
        assert 0.9 < slope < 1
        assert (problem.pmi - problem.nominal).std() < 0.25 * problem.nominal.std()


# Sites


@pytest.mark.parametrize(("overlap", "sizes"), [("common", [13, 13, 12]), ("chain", [13, 12, 13])])
def test_words_of_sites(overlap: str, sizes: list[int]) -> None:
    order = np.random.default_rng(0).permutation(30)
    shared = 4
    if overlap == "chain":
        sizes = [shared + size for size in np.diff(np.linspace(0, 26, 4).round()).astype(int)]
    own = site_words(order, 3, shared, overlap)
    assert set(np.concatenate(own)) == set(range(30))
    assert [len(words) for words in own] == sizes
    common = [len(np.intersect1d(own[i], own[j])) for i, j in ((0, 1), (1, 2), (0, 2))]
    assert common == ([shared] * 3 if overlap == "common" else [shared, shared, 0])


@pytest.mark.parametrize("overlap", ["common", "chain"])
def test_sites_draw_from_their_part_of_the_truth(overlap: str) -> None:
    values = []
    for seed in range(6):
        problem = sp.sites_problem(
            words=24, sites=2, shared=6, rank=2, scale=0.5, overlap=overlap, pairs=30_000, seed=seed, symmetric=False
        )
        units, seen = problem.units, np.zeros((24, 24), dtype=bool)
        assert units is not None
        assert problem.joint is not None
        for site in range(2):
            table = np.zeros((24, 24))
            at = units.unit == site
            table[units.center[at], units.context[at]] = units.count[at]
            assert table.sum() == 15_000
            words = np.unique(np.concatenate([units.center[at], units.context[at]]))
            assert len(words) == 15
            part = problem.joint[np.ix_(words, words)]
            values.append(goodness_of_fit(table[np.ix_(words, words)], 15_000 * part / part.sum()))
            seen[np.ix_(words, words)] = True
        assert (~seen).sum() == 2 * 9 * 9
        pooled = problem.counts.matrix.toarray()
        assert pooled[~seen].sum() == 0
        np.testing.assert_array_equal(units.pooled((24, 24)).matrix.toarray(), pooled)
    check_p_values(values)


def test_population_counts_of_sites() -> None:
    problem = sp.sites_problem(words=12, sites=3, shared=3, pairs=999, sampling="population")
    assert problem.counts.total == pytest.approx(999)
    assert problem.units is not None
    np.testing.assert_allclose(np.bincount(problem.units.unit, problem.units.count), 333)


# Documents


def test_moments_of_a_dirichlet_distribution() -> None:
    """Four standard errors of 200,000 draws."""
    drawn = np.random.default_rng(0).dirichlet(np.full(4, 0.5), 200_000)
    products = drawn[:, :, None] * drawn[:, None, :]
    error = products.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(products.mean(axis=0) - mixture_moments(2.0, 4)) < 4 * error).all()
    assert mixture_moments(2.0, 4).sum() == pytest.approx(1)


def test_one_pair_of_each_document_fits_the_joint_distribution() -> None:
    """Pairs of different documents are independent: documents that have one pair are a plain sample."""
    values = []
    for seed in range(12):
        problem = sp.documents_problem(
            words=12, topics=3, documents=8000, pairs=8000, concentration=0.5, symmetric=False, seed=seed
        )
        units = problem.units
        assert units is not None
        assert problem.joint is not None
        length = np.bincount(units.unit, units.count)[units.unit]
        single = np.zeros((12, 12))
        np.add.at(single, (units.center[length == 1], units.context[length == 1]), 1)
        assert single.sum() > 2000
        values.append(goodness_of_fit(single, single.sum() * problem.joint))
        np.testing.assert_array_equal(units.pooled((12, 12)).matrix.toarray(), problem.counts.matrix.toarray())
    check_p_values(values)


@pytest.mark.parametrize("concentration", [0.3, 3.0])
def test_documents_are_clusters(concentration: float) -> None:
    """The centres of word i in a document of n pairs: variance n p (1 − p) + n (n − 1) ((A E[θθᵀ] Aᵀ)_ii − p²)."""
    words, topics, pairs, documents = 6, 3, 40, 4000
    weights, frequencies = np.full(topics, 1 / topics), np.full(words, 1 / words)
    ratios = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        A = topic_words(rng, weights, frequencies, 1.5)
        units = draw_documents(rng, A, A, concentration, np.full(documents, pairs))
        drawn = np.zeros((documents, words))
        np.add.at(drawn, (units.unit, units.center), units.count)
        second = np.diag(A @ mixture_moments(concentration, topics) @ A.T)
        p = frequencies
        expected = pairs * p * (1 - p) + pairs * (pairs - 1) * (second - p**2)
        ratios.append((((drawn - pairs * p) ** 2).mean(axis=0) / expected).mean())
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios, ddof=1) / np.sqrt(len(ratios))
    assert np.std(ratios) < 0.1
    multinomial = pairs * p * (1 - p)
    assert (expected > 1.5 * multinomial).all()  # clusters are what is tested


# Heavy cells


@given(st.integers(0, 999), st.floats(0.01, 0.95), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_heavy_cells_are_a_mixture(seed: int, mass: float, cells: int) -> None:
    rng = np.random.default_rng(seed)
    base = softmax_truth(rng.normal(size=(9, 2)), rng.normal(size=(8, 2)))
    rows, columns = np.divmod(rng.choice(72, cells, replace=False), 8)  # two cells may share a row
    joint = (1 - mass) * base.joint()
    joint[rows, columns] += mass / cells
    truth = with_heavy_cells(base, rows, columns, mass)
    np.testing.assert_allclose(truth.joint(), joint, rtol=1e-9)
    p, q = joint.sum(1), joint.sum(0)
    np.testing.assert_allclose(truth.pmi(), np.log(joint / np.outer(p, q)), atol=1e-9)


def test_rank_and_share_of_heavy_cells() -> None:
    problem = sp.heavy_problem(words=40, rank=2, cells=4, mass=0.5, pairs=100_000)
    assert problem.joint is not None
    assert problem.pmi_rank == 2 + 2 + 4
    largest = np.sort(problem.joint, axis=None)[::-1]
    assert largest[:4].sum() > 0.5
    assert (largest[:4] >= 0.125).all()


# Independent words


@pytest.mark.parametrize("zipf", [0.0, 1.0])
def test_independent_words(zipf: float) -> None:
    problem = sp.independent_problem(words=15, zipf=zipf, pairs=100)
    p = np.arange(1.0, 16) ** -zipf
    np.testing.assert_allclose(problem.joint, np.outer(p, p) / p.sum() ** 2, rtol=1e-12)
    assert (problem.pmi == 0).all()
    assert problem.pmi_rank == 0


# Corpus


def test_smoothing_mixes_with_independence() -> None:
    counts = sp.CooccurrenceCounts.from_matrix(np.random.default_rng(0).poisson(1.0, (7, 9)) + np.eye(7, 9))
    n = counts.matrix.toarray() / counts.total
    joint = 0.8 * n + 0.2 * np.outer(n.sum(1), n.sum(0))
    truth = smoothed_truth(counts, 0.2)
    np.testing.assert_allclose(truth.joint(), joint, rtol=1e-12)
    np.testing.assert_allclose(truth.pmi(), np.log(joint / np.outer(joint.sum(1), joint.sum(0))), atol=1e-12)
    assert truth.pmi()[n == 0] == pytest.approx(np.log(0.2))


def test_words_that_meet_no_word_are_left_out() -> None:
    """Without "lone", which meets nothing, all stay; of contexts on the right, the last word's centre goes, then its like."""
    counts = sp.CooccurrenceCounts.from_matrix(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]), ["a", "b", "lone"])
    assert met_words(counts).vocab == ("a", "b")
    chain = np.zeros((4, 4))
    chain[0, 0] = chain[0, 1] = chain[1, 2] = chain[2, 3] = 1
    left = met_words(sp.CooccurrenceCounts.from_matrix(chain, list("abcd"), list("abcd")))
    assert left.vocab == ("a",)


def test_corpus_takes_the_options_of_text(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("a b c a\nb a c\nc c a b\n" * 50)
    problem = sp.corpus_problem(path=file, min_count=2, window=1, window_type="fixed", cache=False, pairs=500)
    counted = sp.text_problem(path=file, min_count=2, window=1, window_type="fixed", cache=False)
    assert problem.counts.vocab == counted.counts.vocab
    np.testing.assert_allclose(problem.truth.pmi(), smoothed_truth(counted.counts, 0.1).pmi())
    other = sp.corpus_problem(path=file, min_count=2, window=2, window_type="fixed", cache=False, pairs=500)
    assert not np.allclose(other.pmi, problem.pmi)


@pytest.mark.parametrize("name", ["attributes", "topics"])
def test_margins_pairs_and_order_are_in_the_title(name: str) -> None:
    options = {"attributes": {"attributes": 3, "zipf": 0.5}, "topics": {"words": 8, "zipf": 0.5}}[name]
    problem = getattr(sp, f"{name}_problem")(**options, permute=True, pairs=1234, sampling="poisson")
    for part in ("8 words", "Zipf 0.5", "permuted", "1,234 pairs (Poisson)"):
        assert part in problem.title


def test_pool_of_p_values() -> None:
    """The check itself: p-values of a wrong distribution are refused."""
    rng, p = np.random.default_rng(0), np.full(20, 0.05)
    wrong = np.linspace(0.045, 0.055, 20)
    fits = [goodness_of_fit(rng.multinomial(20_000, p), 20_000 * p) for _ in range(12)]
    misfits = [goodness_of_fit(rng.multinomial(20_000, wrong), 20_000 * p) for _ in range(12)]
    check_p_values(fits)
    with pytest.raises(AssertionError):
        check_p_values(misfits)
    assert stats.chi2.sf(30, 19) == pytest.approx(goodness_of_fit(100 + np.sqrt(150) * np.tile([1, -1], 10), np.full(20, 100)))
