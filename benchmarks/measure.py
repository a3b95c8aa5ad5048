"""How the benchmarks measure: side by side in one run, medians of ratios, memory in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

import sgns_pmi as sp


def side_by_side(functions: Sequence[Callable[[], object]], repeats: int) -> np.ndarray:
    """Seconds (repeats, functions): every round calls each function once, after one call that is not counted."""
    seconds = np.empty((repeats + 1, len(functions)))
    for row in seconds:
        for column, function in enumerate(functions):
            begin = time.perf_counter()
            function()
            row[column] = time.perf_counter() - begin
    return seconds[1:]


def compared(seconds: np.ndarray) -> dict[str, float]:
    """Of two columns, ours and the peer's: median seconds, and the median of peer / ours."""
    return {
        "seconds": float(np.median(seconds[:, 0])),
        "peer_seconds": float(np.median(seconds[:, 1])),
        "ratio": float(np.median(seconds[:, 1] / seconds[:, 0])),
    }


def seconds_to(history: pd.DataFrame, objective: float) -> float:
    """Seconds of the first record at or below an ℓ; NaN where there is none."""
    reached = history[history["objective"] <= objective]
    return float(reached["seconds"].iloc[0]) if len(reached) else float("nan")


def zipf_counts(words: int, triples: int, seed: int = 0) -> sp.CooccurrenceCounts:
    """Counts of about so many distinct cells over words with Zipf frequencies, drawn row by row: speed depends on no more."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, words + 1)
    # Frequent words meet most words, rare ones few.
    widths = np.minimum(words, np.ceil(triples * share / share.sum())).astype(int)
    while widths.sum() < 0.98 * triples:
        room = widths < words
        widths = np.minimum(words, np.ceil(widths * np.where(room, triples / widths.sum(), 1.0))).astype(int)
    contexts = np.concatenate([rng.choice(words, width, replace=False) for width in widths])
    centers = np.repeat(np.arange(words), widths)
    return sp.CooccurrenceCounts.from_triples(centers, contexts, 1.0 + rng.poisson(2.0, len(contexts)), shape=(words, words))


def peak_memory() -> float:
    """Of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _send(pipe: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    pipe.send((function(*arguments), peak_memory()))


def in_own_process(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """What a function returns in a fresh process, and the peak memory of that process in GB."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, function, arguments))
    process.start()
    sender.close()
    result = receiver.recv()
    process.join()
    return result
