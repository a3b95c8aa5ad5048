"""Units of a text: which pairs are whose, that they sum to the counts, and what is taken by default."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from problems.corpus.brute_force import brute_force

import sgns_pmi as sp
from sgns_pmi.compare import sandwich
from sgns_pmi.errors import InputError
from sgns_pmi.problems import Problem, text
from sgns_pmi.problems.corpus import stream
from sgns_pmi.problems.text import text_problem
from sgns_pmi.problems.text_units import TextUnits, choose_unit, parse_unit

OPTIONS: dict[str, Any] = {"cache": False, "window": 3, "min_count": 1}


def units_of(problem: Problem) -> TextUnits:
    assert isinstance(problem.units, TextUnits)
    return problem.units


def by_unit(problem: Problem) -> np.ndarray:
    """Dense (units, words, words)."""
    n = problem.counts.matrix
    rows = np.repeat(np.arange(n.shape[0]), np.diff(n.indptr))
    blocks = [block.toarray() for block in units_of(problem)]
    dense = np.zeros((sum(map(len, blocks)), *n.shape))
    dense[:, rows, n.indices] = np.concatenate(blocks)
    return dense


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of 100 lines, some of them empty."""
    rng = np.random.default_rng(0)
    for name in "abc":
        words = rng.choice(list("abcdefghij"), (100, 12), p=np.arange(10, 0, -1) / 55)
        lines = [" ".join(line) if rng.random() > 0.1 else "" for line in words]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    return tmp_path


@pytest.mark.parametrize("unit", ["line", "paragraph", "document", "block:7"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"window_type": "drawn", "subsample": 0.05},
        {"window_type": "drawn", "subsample": 0.05, "readings": 3},
        {"boundary": "none", "direction": "left", "removal": "clean", "subsample": 0.05},
        {"boundary": "paragraph", "direction": "right", "max_size": 6, "window_type": "fixed"},
    ],
    ids=str,
)
def test_units_sum_to_the_counts(folder, unit, options, monkeypatch):
    monkeypatch.setattr(stream, "SEGMENT", 64)  # units that segments cut
    problem = text_problem(folder, **{**OPTIONS, **options}, unit=unit)
    np.testing.assert_allclose(by_unit(problem).sum(0), problem.counts.matrix.toarray(), rtol=1e-12)


@pytest.mark.parametrize("unit", ["line", "document"])
def test_a_unit_that_windows_stay_in_is_counted_as_if_alone(folder, unit):
    problem = text_problem(folder, **OPTIONS, unit=unit, boundary={"document": "file"}.get(unit, unit))
    texts = [file.read_text() for file in sorted(folder.iterdir())]
    alone = texts if unit == "document" else [line for part in texts for line in part.split("\n") if line]
    place = {word: index for index, word in enumerate(problem.counts.vocab)}
    found = by_unit(problem)
    assert len(found) == len(alone)
    for own, part in zip(found, alone, strict=True):
        expected = np.zeros_like(own)
        for (center, context), count in brute_force([part], min_count=1, window=3, boundary="none")[1].items():
            expected[place[center], place[context]] = count
        np.testing.assert_allclose(own, expected)


def test_pairs_belong_to_their_centres_block(tmp_path):
    (tmp_path / "text.txt").write_text("a b c a b c c")
    problem = text_problem(tmp_path / "text.txt", min_count=1, window=1, cache=False, unit="block:3")
    a, b, c = (problem.counts.vocab.index(word) for word in "abc")
    first, second, third = by_unit(problem)
    assert (first[c, a], first[a, c], second[a, c], second[c, a]) == (1, 0, 1, 0)
    assert third.sum() == third[c, c] == 1
    assert first[a, b] == second[a, b] == 1


@pytest.mark.parametrize("end", ["a b", "a b a b a d"])
def test_a_text_that_has_changed_is_refused(tmp_path, end):
    file = tmp_path / "text.txt"
    file.write_text("a b c a b c " * 50)
    problem = text_problem(file, **OPTIONS)
    file.write_text("a b c a b c " * 49 + end)
    with pytest.raises(InputError, match="has changed since it was counted"):
        by_unit(problem)


def test_which_units_are_taken():
    assert parse_unit("auto") is None
    assert parse_unit("block:500") == 500
    assert choose_unit(None, 10**6, 1) == 10_000
    assert choose_unit(None, 10**6, 20) == "document"
    assert choose_unit(None, 30_000, 1) == 1500
    assert choose_unit("line", 30_000, 1) == "line"
    for wrong in ("sentence", "block:0", "block:1e4", "block:" + "9" * 5000, [], 5):
        with pytest.raises(InputError, match="must be auto, document, paragraph, line, or block:N"):
            parse_unit(wrong)
    for whole in ("document", 20_000):
        with pytest.raises(InputError, match="is the whole text"):
            choose_unit(whole, 30_000, 1)


@pytest.mark.parametrize("dense", [2000, 0])
def test_intervals_of_a_text_by_its_units_are_those_of_the_table(folder, dense, monkeypatch):
    """Text read anew against the same counts by unit in a table, through A⁺ and by some cells at a time."""
    monkeypatch.setattr(sandwich, "DENSE_PARAMETERS", dense)
    monkeypatch.setattr(sandwich, "NUMBERS", 3000)
    problem = text_problem(folder, **OPTIONS, unit="line")
    fitted = sp.SGNS(dim=1, bias=True, solver=sp.Expected(starts=1)).fit(problem.counts)
    unit, center, context = np.nonzero(by_unit(problem))
    table = np.column_stack([unit, center, context, by_unit(problem)[unit, center, context]])
    cells = np.argwhere(np.ones(problem.counts.shape))[::2]
    found, expected = (sp.inference(fitted, problem.counts, units, cells)["se"] for units in (problem.units, table))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    with pytest.raises(InputError, match="must be those of the text that was counted"):
        sp.inference(fitted, problem.counts.matrix * 2, problem.units)


def test_standard_input_has_no_units(monkeypatch):
    pipe = text.Source("pipe", 0, lambda: io.BytesIO(b"a b a"), repeatable=False)
    monkeypatch.setattr(text, "find_sources", lambda _: [pipe])
    assert text_problem("-", **OPTIONS).units is None
