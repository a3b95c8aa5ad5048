"""Counting co-occurrences in text8's prefix: tokens a second and peak memory, beside a plain NumPy version.

Both go from raw text to aggregated triples, vocabulary included: window 5 with expected dynamic weights, min_count 5,
subsampling 1e-4. They draw the same numbers, so that their counts must be equal. Every row is measured in a process of its own.
"""

from __future__ import annotations

import json
import lzma
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from sgns_pmi.problems.corpus.counting import count_text
from sgns_pmi.problems.corpus.settings import Limits, Settings, parse_memory
from sgns_pmi.problems.corpus.sources import find_sources
from sgns_pmi.problems.corpus.workers import THREADS

SETTINGS = Settings(min_count=5, subsample=1e-4, window=5, window_type="expected")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PREFIX = Path("text") / "text8_prefix.txt.xz"
REPEATS = 3
MEMORY = {"sgns_pmi": "2GB", "sgns_pmi, 100 MB": "100MB"}


def numpy_counts(file: Path) -> tuple[int, int, float]:
    """A plain version: tokens, cells and total. Tokens go through Python once; pairs are sorted by their code."""
    words = file.read_bytes().split()
    frequent = [(word, count) for word, count in Counter(words).most_common() if count >= SETTINGS.min_count]
    index = {word: number for number, (word, _) in enumerate(frequent)}
    ids = np.fromiter((index.get(word, -1) for word in words), np.int64, len(words))
    keep = SETTINGS.keep_probability(np.array([count for _, count in frequent]))
    ids = ids[(ids >= 0) & (uniform(len(ids)) < keep[ids])]

    codes, weights = [], []
    for distance, weight in enumerate(SETTINGS.weight.tolist(), start=1):
        left, right = ids[:-distance], ids[distance:]
        codes += [left * len(index) + right, right * len(index) + left]
        weights += [np.full(len(left), weight), np.full(len(left), weight)]
    code, weight = np.concatenate(codes), np.concatenate(weights)
    order = np.argsort(code)
    code, weight = code[order], weight[order]
    first = np.flatnonzero(np.concatenate([[True], code[1:] != code[:-1]]))
    counts = np.add.reduceat(weight, first) / SETTINGS.unit
    return len(words), len(first), float(counts.sum())


def uniform(n: int) -> np.ndarray:
    """The subsampling draws of the first `n` tokens, in [0, 1): SplitMix64."""
    z = SETTINGS.random_key("subsample") + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / 2.0**53


def our_counts(file: Path, memory: str) -> tuple[int, int, float]:
    """Tokens, cells and total."""
    with tempfile.TemporaryDirectory() as folder:
        counted = count_text(find_sources(file), SETTINGS, Limits.within(parse_memory(memory), THREADS), Path(folder))
    return counted.read, counted.counts.nnz, counted.counts.total


def measured(engine: str, file: Path) -> dict[str, Any]:
    """One row: the median of `REPEATS`, after a small text for which Numba loads or compiles its functions."""

    def run(text: Path) -> tuple[int, int, float]:
        return numpy_counts(text) if engine == "numpy" else our_counts(text, MEMORY[engine])

    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.txt"
        small.write_text(" ".join(map(str, range(1000))) * 50)
        run(small)
    before = peak_mb()
    seconds = []
    for repeat in range(REPEATS):
        start = time.perf_counter()
        tokens, cells, total = run(file)
        seconds.append(time.perf_counter() - start)
        if repeat == 0:
            peak = peak_mb()  # of one count; later ones find memory in pieces
    return {
        "engine": engine,
        "tokens": tokens,
        "cells": cells,
        "total": total,
        "seconds": median(seconds),
        "tokens_per_second": tokens / median(seconds),
        "peak_mb": peak,
        "peak_mb_before": before,
    }


def peak_mb() -> float:
    """Peak resident memory of this process."""
    status = Path("/proc/self/status")
    if status.is_file():  # the other figure begins with what the parent had
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def rows(data: Path = DATA) -> list[dict[str, Any]]:
    """One row for each engine, and one for unpacking the text, which the others do not contain.

    Parameters
    ----------
    data : Path
        The folder that holds text/text8_prefix.txt.xz.
    """
    if not (data / PREFIX).is_file():
        return []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text8_prefix.txt"
        start = time.perf_counter()
        file.write_bytes(lzma.decompress((data / PREFIX).read_bytes()))
        found: list[dict[str, Any]] = [{"engine": "unpacking .xz", "seconds": time.perf_counter() - start}]
        for engine in (*MEMORY, "numpy"):
            done = subprocess.run([sys.executable, __file__, engine, file], stdout=subprocess.PIPE, check=True)
            found.append(json.loads(done.stdout))
    if len({(row["tokens"], row["cells"], round(row["total"], 3)) for row in found[1:]}) != 1:
        raise AssertionError(f"the engines count differently: {found}")
    return found


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measured(sys.argv[1], Path(sys.argv[2]))))
    else:
        for row in rows(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA):
            print(json.dumps(row))
