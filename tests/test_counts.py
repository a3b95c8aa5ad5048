"""CooccurrenceCounts: what every constructor promises, against dictionaries and dense arrays."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import sgns_pmi as sp
from sgns_pmi.counts import as_counts
from sgns_pmi.errors import InputError

CELLS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 4), st.one_of(st.integers(0, 50), st.floats(0, 1e6, allow_subnormal=False))),
    min_size=1,
    max_size=40,
).filter(lambda cells: any(count > 0 for *_, count in cells))
SHAPE = (7, 5)


def summed(cells: list[tuple[int, int, float]]) -> np.ndarray:
    """Independent tally of triples in a dictionary."""
    tally: dict[tuple[int, int], float] = defaultdict(float)
    for center, context, count in cells:
        tally[center, context] += count
    dense = np.zeros(SHAPE)
    for cell, count in tally.items():
        dense[cell] = count
    return dense


@given(cells=CELLS)
@settings(max_examples=80, deadline=None)
def test_duplicates_are_summed_and_zeros_dropped(cells):
    counts = sp.CooccurrenceCounts.from_triples(*zip(*cells, strict=True), shape=SHAPE)
    dense = summed(cells)
    np.testing.assert_allclose(counts.matrix.toarray(), dense, rtol=1e-12)
    assert counts.nnz == counts.matrix.nnz == np.count_nonzero(dense)
    assert (counts.matrix.data > 0).all()
    np.testing.assert_allclose(counts.row_sums, dense.sum(1), rtol=1e-12)
    np.testing.assert_allclose(counts.col_sums, dense.sum(0), rtol=1e-12)
    assert counts.total == pytest.approx(dense.sum(), rel=1e-12)
    np.testing.assert_array_equal(counts.seen, dense > 0)


@given(cells=CELLS, order=st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_does_not_matter(cells, order):
    shuffled = list(cells)
    order.shuffle(shuffled)
    one, other = (sp.CooccurrenceCounts.from_triples(*zip(*some, strict=True), shape=SHAPE) for some in (cells, shuffled))
    np.testing.assert_array_equal(one.matrix.indices, other.matrix.indices)
    np.testing.assert_array_equal(one.matrix.indptr, other.matrix.indptr)
    np.testing.assert_allclose(one.matrix.data, other.matrix.data, rtol=1e-12)


@given(cells=CELLS)
@settings(max_examples=40, deadline=None)
def test_triples_lead_back_to_the_counts(cells):
    counts = sp.CooccurrenceCounts.from_triples(*zip(*cells, strict=True), shape=SHAPE)
    frame = counts.triples
    assert list(frame.columns) == ["center", "context", "count"]
    again = sp.CooccurrenceCounts.from_triples(frame["center"], frame["context"], frame["count"], shape=SHAPE)
    np.testing.assert_array_equal(again.matrix.toarray(), counts.matrix.toarray())


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.float32, np.float64, bool])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_array, sparse.coo_array, sparse.lil_array, list])
def test_matrix_of_any_kind(form, dtype):
    dense = np.array([[0, 1, 1], [1, 0, 0]], dtype=dtype)
    counts = sp.CooccurrenceCounts.from_matrix(form(dense))
    assert counts.matrix.dtype == np.float64
    assert counts.shape == (2, 3)
    np.testing.assert_array_equal(counts.matrix.toarray(), dense.astype(float))


def test_repeated_entries_of_a_sparse_matrix_are_summed():
    coo = sparse.coo_array(([1.0, 2.0, 0.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    counts = sp.CooccurrenceCounts.from_matrix(coo)
    assert counts.nnz == 1
    np.testing.assert_array_equal(counts.matrix.toarray(), [[0, 3], [0, 0]])


@pytest.mark.parametrize("form", [np.array, sparse.csr_array, sparse.csr_matrix])
def test_input_is_copied_and_left_alone(form):
    given_ = form(np.array([[0.0, 2.0], [3.0, 4.0]]))
    counts = sp.CooccurrenceCounts.from_matrix(given_)
    given_[0, 1] = 99
    assert counts.matrix[0, 1] == 2
    assert counts.total == 9


@pytest.mark.parametrize("name", ["row_sums", "col_sums", "seen", "matrix.data", "matrix.indices", "matrix.indptr"])
def test_counts_cannot_be_written(name):
    part: object = sp.CooccurrenceCounts.from_matrix(np.eye(2))
    for attribute in name.split("."):
        part = getattr(part, attribute)
    with pytest.raises(ValueError, match="read-only"):
        part[0] = 1  # type: ignore[index]


def test_indices_are_sorted():
    counts = sp.CooccurrenceCounts.from_triples([1, 0, 1, 0], [0, 2, 2, 1], [1, 1, 1, 1])
    np.testing.assert_array_equal(counts.matrix.indices, [1, 2, 0, 2])
    np.testing.assert_array_equal(counts.matrix.indptr, [0, 2, 4])


def test_shape_is_the_largest_index_or_what_is_asked():
    assert sp.CooccurrenceCounts.from_triples([0, 3], [1, 0], [1, 1]).shape == (4, 2)
    assert sp.CooccurrenceCounts.from_triples([0, 3], [1, 0], [1, 1], shape=(9, 6)).shape == (9, 6)


def test_words_become_sorted_vocabularies():
    counts = sp.CooccurrenceCounts.from_triples(["b", "a", "b"], ["y", "z", "y"], [1, 2, 4])
    assert counts.vocab == ("a", "b")
    assert counts.context_vocab == ("y", "z")
    np.testing.assert_array_equal(counts.matrix.toarray(), [[0, 2], [5, 0]])


def test_given_vocabulary_keeps_its_order_and_serves_both_sides():
    counts = sp.CooccurrenceCounts.from_triples(["b", "a"], ["c", "b"], [1, 2], vocab=["c", "b", "a"])
    assert counts.vocab == counts.context_vocab == ("c", "b", "a")
    np.testing.assert_array_equal(counts.matrix.toarray(), [[0, 0, 0], [1, 0, 0], [0, 2, 0]])


def test_vocabularies_of_both_sides():
    counts = sp.CooccurrenceCounts.from_triples(["b"], ["c"], [1], vocab=["a", "b"], context_vocab=["c", "d", "e"])
    assert counts.shape == (2, 3)
    assert counts.context_vocab == ("c", "d", "e")
    assert counts.matrix[1, 0] == 1


def test_integer_indices_with_names():
    counts = sp.CooccurrenceCounts.from_triples([0], [1], [1], vocab=["a", "b"])
    assert counts.shape == (2, 2)
    assert counts.vocab == ("a", "b")


def test_whole_numbers_written_as_floats_are_indices():
    counts = sp.CooccurrenceCounts.from_triples(np.array([0.0, 1.0]), np.array([1.0, 0.0]), [1, 2])
    np.testing.assert_array_equal(counts.matrix.toarray(), [[0, 1], [2, 0]])


@pytest.mark.parametrize(
    ("triples", "kwargs", "field"),
    [
        (([0], [0], [-1]), {}, "count"),
        (([0], [0], [np.nan]), {}, "count"),
        (([0], [0], [np.inf]), {}, "count"),
        (([0], [0], [0]), {}, "count"),
        (([0], [0], ["many"]), {}, "count"),
        (([0], [0], [[1]]), {}, "count"),
        (([0], [0], 1), {}, "count"),
        (([0], [0], [1j]), {}, "count"),
        (([1j], [0], [1]), {}, "center"),
        (([None], [0], [1]), {}, "center"),
        (([2**40], [0], [1]), {}, "center"),
        (([0], [np.uint64(2**63 + 1)], [1]), {}, "context"),
        (([], [], []), {}, "count"),
        (([0, 1], [0], [1]), {}, "count"),
        (([0], [0], [1, 2]), {}, "count"),
        (([-1], [0], [1]), {}, "center"),
        (([0], [-1], [1]), {}, "context"),
        (([0.5], [0], [1]), {}, "center"),
        (([0], [np.nan], [1]), {}, "context"),
        (([0], [1e30], [1]), {}, "context"),
        (([[0]], [0], [1]), {}, "center"),
        (([2], [0], [1]), {"shape": (2, 2)}, "center"),
        (([0], [2], [1]), {"shape": (2, 2)}, "context"),
        (([2], [0], [1]), {"vocab": ["a", "b"]}, "center"),
        ((["x"], ["a"], [1]), {"vocab": ["a", "b"]}, "center"),
        ((["a"], ["x"], [1]), {"vocab": ["a", "b"]}, "context"),
        (([0], [0], [1]), {"vocab": ["a", "a"]}, "vocab"),
        ((["a"], ["a"], [1]), {"vocab": ["a", "a"]}, "vocab"),
        (([0], [0], [1]), {"vocab": ["a", "b"], "shape": (3, 3)}, "vocab"),
        (([0], [0], [1]), {"vocab": ["a"], "context_vocab": ["a", "b"], "shape": (1, 3)}, "context_vocab"),
        ((["a", 1, None], ["a", "a", "a"], [1, 1, 1]), {"vocab": ["a"]}, "center"),
        (([0], [0], [1]), {"shape": (0, 1)}, "shape"),
        (([0], [0], [1]), {"shape": "ab"}, "shape"),
        (([0], [0], [1]), {"shape": (2, 2, 2)}, "shape"),
        (([0], [0], [1]), {"shape": (10**12, 2)}, "shape"),
    ],
)
def test_bad_triples(triples, kwargs, field):
    with pytest.raises(InputError) as caught:
        sp.CooccurrenceCounts.from_triples(*triples, **kwargs)
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


def test_negative_index_points_to_index_base():
    with pytest.raises(InputError, match="index_base"):
        sp.CooccurrenceCounts.from_triples([-1], [0], [1])


def test_cancelling_duplicates_are_still_refused():
    """A negative count is an error even where another of the same cell hides it in the sum."""
    with pytest.raises(InputError, match="negative"):
        sp.CooccurrenceCounts.from_triples([0, 0, 1], [0, 0, 1], [3, -1, 1])


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((2, 2)),
        np.ones(3),
        np.ones((2, 2, 2)),
        np.array([[1, -1]]),
        np.array([[1, np.nan]]),
        np.empty((0, 3)),
        np.array([[1, np.inf]]),
        sparse.csr_array((2, 2)),
        sparse.csr_array([[1.0, -2.0]]),
        [["a", "b"]],
        [[1, 2], [3]],
        np.array([[1 + 2j]]),
        sparse.csr_array([[1 + 2j]]),
        None,
        "counts",
    ],
)
def test_bad_matrix(matrix):
    with pytest.raises(InputError) as caught:
        sp.CooccurrenceCounts.from_matrix(matrix)
    assert caught.value.field in ("count", "matrix")
    assert "\n" not in str(caught.value)


def test_names_must_fit_the_matrix():
    with pytest.raises(InputError, match="vocab=1 names"):
        sp.CooccurrenceCounts.from_matrix(np.eye(2), vocab=["a"])
    with pytest.raises(InputError, match="stands twice"):
        sp.CooccurrenceCounts.from_matrix(np.eye(2), vocab=["a", "b"], context_vocab=["a", "a"])


def test_as_counts_passes_counts_through():
    counts = sp.CooccurrenceCounts.from_matrix(np.eye(2))
    assert as_counts(counts) is counts
    assert as_counts(np.eye(2)).total == 2


def test_totals_are_float64_beyond_2_to_the_27():
    """float32 tallies stop growing at 2²⁷ (gensim's loss does)."""
    counts = sp.CooccurrenceCounts.from_matrix(np.full((3, 1), 2**27 + 1, dtype=np.int64))
    assert counts.total == 3 * (2**27 + 1)


def test_repr_says_how_large():
    assert repr(sp.CooccurrenceCounts.from_matrix(np.eye(2))) == "CooccurrenceCounts(2 x 2, 2 cells, total 2)"


def test_labels_of_a_frame_are_words_and_contexts() -> None:
    seen = pd.DataFrame({"word": ["b", "a", "b", "b"], "near": ["x", "y", "x", "z"]})
    counts = sp.CooccurrenceCounts.from_matrix(pd.crosstab(seen["word"], seen["near"]))
    assert (counts.vocab, counts.context_vocab) == (("a", "b"), ("x", "y", "z"))
    np.testing.assert_array_equal(counts.matrix.toarray(), [[0, 1, 0], [2, 0, 1]])
    given = sp.CooccurrenceCounts.from_matrix(pd.crosstab(seen["word"], seen["near"]), vocab=["A", "B"])
    assert (given.vocab, given.context_vocab) == (("A", "B"), ("x", "y", "z"))


def test_a_frame_that_only_numbers_has_no_words() -> None:
    counts = as_counts(pd.DataFrame([[1, 2], [3, 4]]))
    assert (counts.vocab, counts.context_vocab) == (None, None)
    half = as_counts(pd.DataFrame([[1, 2], [3, 4]], index=[10, 20]))
    assert (half.vocab, half.context_vocab) == (("10", "20"), None)


def test_centers_and_values_of_the_seen_cells():
    counts = sp.CooccurrenceCounts.from_matrix([[0, 3, 1], [0, 0, 0], [2, 0, 0]])
    assert counts.centers.tolist() == [0, 0, 2]
    doubled = counts.with_values(2 * counts.matrix.data)
    assert doubled.toarray().tolist() == [[0, 6, 2], [0, 0, 0], [4, 0, 0]]
    assert counts.matrix.data.tolist() == [3, 1, 2]


def test_words_that_differ_in_a_last_nul_stay_apart():
    """NumPy's own texts would forget it."""
    counts = sp.CooccurrenceCounts.from_triples(["a\0", "a"], ["b", "b"], [1, 2])
    assert counts.vocab == ("a", "a\0")
    assert counts.row_sums.tolist() == [2, 1]
