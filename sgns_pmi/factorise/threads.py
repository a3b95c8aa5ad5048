"""How many threads a solver computes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

SMALL_CELLS = 100_000
"""words x contexts up to which threads, sharing products so small, would spend their time waiting for each other."""


@contextmanager
def threads_for(shape: tuple[int, int]) -> Iterator[None]:
    """Inside the block torch computes on one thread where the counts are small, on as many as before elsewhere."""
    threads = torch.get_num_threads()
    if shape[0] * shape[1] <= SMALL_CELLS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
