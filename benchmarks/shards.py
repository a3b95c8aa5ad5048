"""Costs of counting in shards, of sums and of row blocks: processor seconds, peak memory and bytes.

The texts are a Markov chain over the words of text8's prefix, so that the vocabulary stays as they grow. Each command runs in a
process of its own with one thread; what loading the program costs is that of counting a text of a thousand tokens.
"""

from __future__ import annotations

import lzma
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.counting import DATA, PREFIX
from benchmarks.measure import in_own_process

TOKENS = (1_000_000, 3_000_000, 10_000_000, 30_000_000)
LINE = 1000
CHAINS = 10_000  # lines that are written at a time
SHARDS = 4
KEYS = ("data.max_size=50000", "data.min_count=1")
THREADS = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def write_chain(file: Path, tokens: int) -> None:
    """Lines of a Markov chain: after a word comes what follows one of its occurrences in the prefix, drawn at random."""
    words = prefix_words()
    index: dict[str, int] = {}
    ids = np.fromiter((index.setdefault(word, len(index)) for word in words), np.int64, len(words))
    distinct = np.array(list(index), dtype=object)
    places = np.argsort(ids, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(ids))])
    rng = np.random.default_rng(0)
    with file.open("w") as stream:
        for begun in range(0, tokens // LINE, CHAINS):
            at = rng.integers(len(ids), size=min(CHAINS, tokens // LINE - begun))
            chain = np.empty((len(at), LINE), np.int32)
            for step in range(LINE):
                word = ids[(at + 1) % len(ids)]
                chain[:, step] = word
                at = places[first[word] + (rng.random(len(at)) * (first[word + 1] - first[word])).astype(np.int64)]
            stream.writelines(" ".join(distinct[line].tolist()) + "\n" for line in chain)


class Cost(NamedTuple):
    """Of one command and the processes that it starts."""

    cpu_seconds: float
    seconds: float
    peak_mb: float  # of the largest of its processes
    said: str


def measured(*command: str) -> Cost:
    """Run a command, each of its processes with one thread.

    Linux lets a process begin with the peak of the one that started it, which therefore has to stay small itself.
    """
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, env=os.environ | THREADS, stdout=said, stderr=errors)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begin
        for file in (said, errors):
            file.seek(0)
        if process.returncode:
            raise RuntimeError(errors.read())
        return Cost(used.ru_utime + used.ru_stime, seconds, used.ru_maxrss / 1024, said.read())


def shards(*arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-m", "sgns_pmi.shards", *map(str, arguments))


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def torchrun(processes: int, *arguments: object) -> tuple[str, ...]:
    start = (sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}")
    return (*start, "-m", "sgns_pmi.shards", *map(str, arguments))


def prefix_words() -> list[str]:
    with lzma.open(DATA / PREFIX, "rt") as stream:
        return stream.read().split()


def write_prefix(file: Path, tokens: int) -> None:
    """The first tokens of the prefix, in lines."""
    words = prefix_words()[:tokens]
    file.write_text("\n".join(" ".join(words[at : at + LINE]) for at in range(0, len(words), LINE)))


def growth(largest: int = TOKENS[-1]) -> Iterator[dict[str, Any]]:
    """A row for each command and size, up to `largest` tokens."""

    def row(what: str, tokens: int, folder: Path | None, *command: str) -> dict[str, Any]:
        found = {"what": what, "tokens": tokens, "cpu_seconds": measured(*command).cpu_seconds}
        return found if folder is None else found | {"bytes": size_of(folder)}

    for tokens in (LINE, *(size for size in TOKENS if size <= largest)):
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            in_own_process(write_chain, place / "text", tokens)
            path = f"data.path={place / 'text'}"
            yield row("words", tokens, None, *shards("words", place / "w", path, *KEYS))
            yield row("count", tokens, place / "c", *shards("count", place / "c", f"words={place / 'w'}", path, *KEYS))
            if tokens == TOKENS[2]:
                own = [place / f"s{number}" for number in range(1, SHARDS + 1)]
                for number, folder in enumerate(own, 1):
                    command = shards("count", folder, path, *KEYS, f"shard={number}/{SHARDS}")
                    yield row("count a shard", tokens // SHARDS, folder, *command)
                yield row("merge", tokens, place / "m", *shards("merge", place / "m", *own, "memory=1GB"))


def markov(tokens: int = 200_000_000, small: int = 10_000_000, memory: str = "256MB") -> Iterator[dict[str, Any]]:
    """Counting within `memory`: a large text against a small one, tokens a second beyond loading the program, and the peak."""
    loading: Cost | None = None
    for size in (LINE, small, tokens):
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            in_own_process(write_chain, place / "text", size)
            cost = measured(*shards("count", place / "c", f"data.path={place / 'text'}", f"data.memory={memory}", *KEYS))
            loading = cost if loading is None else loading
            row = {"what": f"count, memory={memory}", "tokens": size, **cost._asdict(), "bytes": size_of(place / "c")}
            if size > LINE:
                row["peak_mb_beyond_loading"] = cost.peak_mb - loading.peak_mb
                row["tokens_a_second"] = size / (cost.seconds - loading.seconds)
                row["tokens_a_cpu_second"] = size / (cost.cpu_seconds - loading.cpu_seconds)
            del row["said"]
            yield row


def processes(words: int = 20_000, dim: int = 100, steps: int = 10, tokens: int = 10**9) -> Iterator[dict[str, Any]]:
    """The exact fit of the text8 prefix, or of its first tokens, by one process and by two: ℓ, and seconds of the steps."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        in_own_process(write_prefix, place / "text", tokens)
        measured(*shards("count", place / "c", f"data.path={place / 'text'}", f"data.max_size={words}", "data.min_count=1"))
        alone: dict[str, Any] | None = None
        for number in (1, 2):
            fit = "factorise", place / "c", place / "v.npz", f"dim={dim}", f"max_steps={steps}", "tolerance=1e-14"
            cost = measured(*torchrun(number, *fit))
            ((objective, seconds),) = re.findall(r"objective (\S+) after \d+ steps in (\S+) s", cost.said)
            row: dict[str, Any] = {"what": f"factorise, {number} processes", "words": words, "dim": dim, "steps": steps}
            row |= {"seconds": float(seconds), "objective": float(objective)}
            row |= {"cpu_seconds": cost.cpu_seconds, "peak_mb": cost.peak_mb}  # of all, and with loading
            if alone is None:
                alone = row
            else:
                row |= {"faster": alone["seconds"] / row["seconds"], "apart": abs(row["objective"] / alone["objective"] - 1)}
            yield row


PARTS: dict[str, Callable[..., Iterator[dict[str, Any]]]] = {"growth": growth, "markov": markov, "processes": processes}


def told(part: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of a part, each said as soon as it is there."""
    for row in part:
        print(row, file=sys.stderr, flush=True)
        yield {"part": "shards", **row}


def rows() -> list[dict[str, Any]]:
    """The rows of all parts at their full sizes; none without the text8 prefix."""
    return [row for part in PARTS.values() for row in told(part())] if (DATA / PREFIX).is_file() else []


def main() -> None:
    """One part, of a size of its own: ``python -m benchmarks.shards PART [key=value ...]``, whose keys its function has."""
    name, *keys = sys.argv[1:] or [""]
    if name not in PARTS:
        raise SystemExit(f"{name}: no such part; there are {', '.join(PARTS)}")
    sizes = {key: value if key == "memory" else int(float(value)) for key, value in (word.split("=", 1) for word in keys)}
    for _ in told(PARTS[name](**sizes)):
        pass


if __name__ == "__main__":
    main()
