"""Costs of counting in shards, of sums and of row blocks, from a million tokens on: processor seconds and bytes.

The texts are a Markov chain over the words of text8's prefix, so that the vocabulary stays as they grow. Each command runs in a
process of its own with one thread; what loading the program costs is that of counting a text of a thousand tokens.
"""

from __future__ import annotations

import lzma
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.counting import DATA, PREFIX

TOKENS = (1_000_000, 3_000_000, 10_000_000, 30_000_000)
LINE = 1000
SHARDS = 4
KEYS = ("data.max_size=50000", "data.min_count=1")
THREADS = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def write_chain(words: list[str], file: Path, tokens: int, seed: int) -> None:
    """Lines of a Markov chain: after a word comes what follows one of its occurrences in `words`, drawn at random."""
    index: dict[str, int] = {}
    ids = np.fromiter((index.setdefault(word, len(index)) for word in words), np.int64, len(words))
    distinct = np.array(list(index), dtype=object)
    places = np.argsort(ids, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(ids))])
    rng = np.random.default_rng(seed)
    at = rng.integers(len(ids), size=tokens // LINE)
    chain = np.empty((len(at), LINE), np.int32)
    for step in range(LINE):
        word = ids[(at + 1) % len(ids)]
        chain[:, step] = word
        at = places[first[word] + (rng.random(len(at)) * (first[word + 1] - first[word])).astype(np.int64)]
    with file.open("w") as stream:
        stream.writelines(" ".join(distinct[line].tolist()) + "\n" for line in chain)


def measured(*command: str) -> float:
    """Processor seconds of one command and the processes that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=os.environ | THREADS, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def shards(*arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-m", "sgns_pmi.shards", *map(str, arguments))


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def rows(data: Path = DATA) -> list[dict[str, Any]]:
    """A row for each size and command."""
    if not (data / PREFIX).is_file():
        return []
    with lzma.open(data / PREFIX, "rt") as stream:
        words = stream.read().split()
    found = []

    def run(what: str, tokens: int, folder: Path | None, *command: str) -> None:
        row: dict[str, Any] = {"part": "shards", "what": what, "tokens": tokens, "cpu_seconds": measured(*command)}
        if folder is not None:
            row["bytes"] = size_of(folder)
        print(row, file=sys.stderr, flush=True)
        found.append(row)

    for tokens in (LINE, *TOKENS):
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            write_chain(words, place / "text", tokens, 0)
            path = f"data.path={place / 'text'}"
            run("words", tokens, None, *shards("words", place / "w", path, *KEYS))
            run("count", tokens, place / "c", *shards("count", place / "c", f"words={place / 'w'}", path, *KEYS))
            if tokens == TOKENS[2]:
                for number in range(1, SHARDS + 1):
                    run(
                        "count a shard",
                        tokens // SHARDS,
                        place / f"s{number}",
                        *shards("count", place / f"s{number}", path, *KEYS, f"shard={number}/{SHARDS}"),
                    )
                own = [place / f"s{number}" for number in range(1, SHARDS + 1)]
                run("merge", tokens, place / "m", *shards("merge", place / "m", *own, "memory=1GB"))
            if tokens == TOKENS[0]:
                few = "data.max_size=5000", "data.min_count=1"
                measured(*shards("count", place / "f", path, *few))
                fit = place / "f", place / "v.npz", "dim=50"
                for processes in (1, 2):
                    start = (
                        sys.executable,
                        "-m",
                        "torch.distributed.run",
                        "--standalone",
                        f"--nproc-per-node={processes}",
                        "-m",
                        "sgns_pmi.shards",
                    )
                    for steps in (1, 11):
                        run(
                            f"factorise, {steps} steps, {processes} processes",
                            tokens,
                            None,
                            *start,
                            *map(str, ("factorise", *fit, f"max_steps={steps}")),
                        )
    return found
