"""Vectors for other programs, read back as these read them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sgns_pmi as sp
from sgns_pmi.compare.words.exports import EXPORTS
from sgns_pmi.compare.words.files import write_factors
from sgns_pmi.export import main

WORDS = ["the", "king", 'a "b", c']


@pytest.fixture
def run(tmp_path: Path) -> Path:
    counts = sp.CooccurrenceCounts.from_matrix(np.array([[9, 5, 1], [4, 6, 2], [1, 1, 7]]), vocab=WORDS, context_vocab=WORDS)
    folder = tmp_path / "run"
    for name, estimator in (("qwem", sp.QWEM(dim=2)), ("sppmi", sp.SPPMI(k=1))):
        write_factors(estimator.fit(counts), counts, folder / "vectors" / f"{name}.npz")
    return folder


def learned(run: Path, kind: str) -> np.ndarray:
    return sp.Run.open(run).vectors("qwem", kind, "none").matrix


def names(run: Path) -> tuple[str, ...]:
    return sp.Run.open(run).vectors("qwem").words


def test_a_table_has_every_digit(run: Path) -> None:
    main([str(run), "format=csv"])
    for kind in "VU":
        with (run / "exports" / f"qwem_{kind}.csv").open(newline="", encoding="utf-8") as stream:
            heading, *rows = csv.reader(stream)
        assert heading == ["word", "d1", "d2"]
        assert {row[0] for row in rows} == set(WORDS)
        np.testing.assert_array_equal([[float(cell) for cell in row[1:]] for row in rows], learned(run, kind))


def test_the_projector_has_vectors_and_words(run: Path) -> None:
    main([str(run), "format=projector"])
    np.testing.assert_array_equal(np.loadtxt(run / "exports" / "qwem.tsv", delimiter="\t"), learned(run, "V"))
    assert (run / "exports" / "qwem_words.tsv").read_text(encoding="utf-8").splitlines() == list(names(run))


def test_the_atlas_has_places_and_neighbours(run: Path) -> None:
    main([str(run), "format=atlas"])
    rows = pd.read_parquet(run / "exports" / "qwem.parquet")
    assert tuple(rows["word"]) == names(run)
    unit = sp.Run.open(run).vectors("qwem").unit
    cosines = unit @ unit.T - 3 * np.eye(len(unit))
    for row, near in enumerate(rows["neighbors"]):
        assert list(near["ids"]) == sorted(set(range(len(unit))) - {row}, key=lambda other: -cosines[row, other])
        np.testing.assert_allclose(near["distances"], 1 - cosines[row, near["ids"]], atol=1e-7)
    # PCA of points in a plane keeps their distances.
    flat = rows[["x", "y"]].to_numpy()
    np.testing.assert_allclose(np.linalg.norm(flat[0] - flat[1]), np.linalg.norm(unit[0] - unit[1]), atol=1e-7)


def test_in_the_atlas_a_word_of_zeros_has_no_neighbours_and_is_none(tmp_path: Path) -> None:
    vectors = sp.WordVectors(("a", "zeros", "c"), np.array([[1.0, 0], [0, 0], [1, 1]]))
    (file,) = EXPORTS["atlas"]({"V": vectors}, tmp_path / "own")
    assert [list(near["ids"]) for near in pd.read_parquet(file)["neighbors"]] == [[2], [], [0]]


def test_safetensors_hold_both_sides_and_their_words(run: Path) -> None:
    safetensors = pytest.importorskip("safetensors", reason="needs safetensors")
    main([str(run), "format=safetensors", "method=qwem"])
    with safetensors.safe_open(run / "exports" / "qwem.safetensors", framework="numpy") as kept:
        for kind in "VU":
            np.testing.assert_array_equal(kept.get_tensor(kind), learned(run, kind))
        assert tuple(json.loads(kept.metadata()["V_words"])) == names(run)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "format=None: must be named"),
        (["format=xls"], "format=xls"),
        (["format=csv", "method=sppmi"], "method=sppmi: has sparse rows"),
        (["format=csv", "methods=qwem"], "methods=qwem"),
        (["format=word2vec"], "has white space"),
        (["format=csv", "method=glove"], "method=glove"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    run: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(run), *arguments])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(run.glob("exports/*"))
