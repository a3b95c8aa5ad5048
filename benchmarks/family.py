"""softmax_mle and swivel at size: the whole fit of 3,000 words of text at dim 100, and two steps of 20,000 words.

`python -m benchmarks family`; the loss that each ends with is beside its seconds, as the fits end at their step limit.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from benchmarks.measure import in_own_process
from benchmarks.texts import frequent_words
from sgns_pmi.factorise.methods.softmax_mle import SoftmaxMLE
from sgns_pmi.factorise.methods.swivel import Swivel

DIM = 100
CASES = ((3_000, 300, "20 s"), (20_000, 2, ""))
METHODS = {"softmax_mle": SoftmaxMLE, "swivel": Swivel}


def fitted(method: str, words: int, steps: int) -> dict[str, Any] | None:
    """Seconds and processor seconds of a fit, and the loss at its end, after a small fit that compiles; None without a text."""
    counts = frequent_words(words)
    if counts is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        METHODS[method](dim=DIM, max_steps=1).fit(counts.matrix[:500, :500])
        clock, processor = time.perf_counter(), time.process_time()
        fit = METHODS[method](dim=DIM, max_steps=steps).fit(counts)
    return {
        "case": f"{counts.shape[0]:,} words of text, dim {DIM}, {steps} steps at most",
        "seconds": time.perf_counter() - clock,
        "processor_seconds": time.process_time() - processor,
        "objective": fit.objective_,
        "status": fit.status_,
    }


def rows() -> list[dict[str, Any]]:
    """One row for each method and size; each in a process of its own."""
    table = []
    for words, steps, target in CASES:
        for method in METHODS:
            found, memory = in_own_process(fitted, method, words, steps)
            if found is not None:
                table.append({"part": "family", "ours": method, **found, "memory": memory, "target": target})
    return table
