"""Word vectors as other programs read them: projectors, word2vec's formats, safetensors, plain tables for R."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sgns_pmi.compare.words.files import write_vectors
from sgns_pmi.compare.words.neighbours import nearest
from sgns_pmi.compare.words.vectors import WordVectors
from sgns_pmi.compare.words.word_map import project
from sgns_pmi.errors import missing_extra
from sgns_pmi.files import atomic_path
from sgns_pmi.lazily import pd

NEIGHBOURS = 10
Sides = Mapping[str, WordVectors]
"""V, and U where there is one, by these names; not sparse, not normalised."""


def write_projector(sides: Sides, stem: Path) -> list[Path]:
    """TensorBoard's projector: STEM.tsv, a word's vector a line, and STEM_words.tsv, its words; of V."""
    vectors = sides["V"]
    lines = ["\t".join(row) for row in vectors.matrix.astype(str)]
    # The projector splits lines at tabs, and takes a file of one column for words without a heading.
    words = [" ".join(word.split()) for word in vectors.words]
    return [_write(stem.with_name(f"{stem.name}.tsv"), lines), _write(stem.with_name(f"{stem.name}_words.tsv"), words)]


def write_word2vec_text(sides: Sides, stem: Path) -> list[Path]:
    """word2vec's text format, STEM.txt, which gensim's KeyedVectors read; of V."""
    return _word2vec(sides, stem, ".txt")


def write_word2vec_binary(sides: Sides, stem: Path) -> list[Path]:
    """word2vec's binary format, STEM.bin, which gensim's KeyedVectors read; of V, in float32."""
    return _word2vec(sides, stem, ".bin")


def write_safetensors(sides: Sides, stem: Path) -> list[Path]:
    """STEM.safetensors: V and U, and as metadata their words, JSON lists under ``V_words`` and ``U_words``.

    Raises
    ------
    InputError
        Where the package safetensors is not installed.
    """
    try:
        from safetensors.numpy import save_file
    except ImportError:
        raise missing_extra("safetensors", "safetensors", "to write .safetensors") from None
    target = stem.with_name(f"{stem.name}.safetensors")
    arrays = {name: np.ascontiguousarray(own.matrix) for name, own in sides.items()}
    with atomic_path(target) as beside:
        save_file(arrays, beside, metadata={f"{name}_words": json.dumps(own.words) for name, own in sides.items()})
    return [target]


def write_tables(sides: Sides, stem: Path) -> list[Path]:
    """STEM_V.csv and STEM_U.csv, a word and its vector a line; in R: ``as.matrix(read.csv(FILE, row.names = 1))``."""
    written = []
    for name, own in sides.items():
        heading = ",".join(["word", *(f"d{place}" for place in range(1, own.matrix.shape[1] + 1))])
        words = ['"' + word.replace('"', '""') + '"' for word in own.words]
        lines = [",".join([word, *row]) for word, row in zip(words, own.matrix.astype(str), strict=True)]
        written.append(_write(stem.with_name(f"{stem.name}_{name}.csv"), [heading, *lines]))
    return written


def write_atlas(sides: Sides, stem: Path) -> list[Path]:
    """STEM.parquet for ``embedding-atlas STEM.parquet --text word --x x --y y --neighbors neighbors``; of V.

    Columns word, x and y (PCA of the unit vectors), and neighbors: the rows and cosine distances of the ten nearest words.
    """
    vectors = replace(sides["V"], normalize="row")
    x, y = project(vectors, len(vectors)).T
    near: list[dict[str, list[Any]]] = []
    for cosines, order in nearest(vectors, np.arange(len(vectors)), NEIGHBOURS):
        ids = order[np.isfinite(cosines[order])]
        near.append({"ids": ids.tolist(), "distances": (1 - cosines[ids]).tolist()})
    target = stem.with_name(f"{stem.name}.parquet")
    with atomic_path(target) as beside:
        pd.DataFrame({"word": vectors.words, "x": x, "y": y, "neighbors": near}).to_parquet(beside)
    return [target]


EXPORTS: dict[str, Callable[[Sides, Path], list[Path]]] = {
    "projector": write_projector,
    "word2vec": write_word2vec_text,
    "binary": write_word2vec_binary,
    "safetensors": write_safetensors,
    "csv": write_tables,
    "atlas": write_atlas,
}
"""What writes each format: given vectors, and a path without an ending, the files it wrote."""


def _word2vec(sides: Sides, stem: Path, ending: str) -> list[Path]:
    target = stem.with_name(f"{stem.name}{ending}")
    write_vectors(sides["V"], target)
    return [target]


def _write(target: Path, lines: list[str]) -> Path:
    with atomic_path(target) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


__all__ = ["EXPORTS", "Sides"]
