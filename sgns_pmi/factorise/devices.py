"""Where a solver computes: the device, and on how many threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from itertools import pairwise
from typing import Any

from llvmlite.binding import get_host_cpu_features
from threadpoolctl import ThreadpoolController, threadpool_limits

from sgns_pmi.errors import InputError
from sgns_pmi.lazily import torch

SMALL_CELLS = 100_000
"""words x contexts up to which threads, sharing products so small, would spend their time waiting for each other."""
BFLOAT16 = "avx512bf16", "amx-bf16", "bf16"  # as LLVM calls a processor's products of bfloat16


def resolve_device(device: object) -> str:
    """The device to compute on: "auto" becomes cuda where there is one; an unknown or absent one is refused."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = str(device).partition(":")
    if kind not in ("cpu", "cuda") or (":" in str(device) and not number.isdecimal()):
        raise InputError("device", device, "must be cpu, cuda or auto")
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError("device", device, "no CUDA device is available here; use device=cpu")
    return str(device)


@cache
def shortest(device: str) -> torch.dtype:
    """bfloat16 where the device multiplies such numbers itself, two to three times as fast; else float32."""
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    features = get_host_cpu_features()
    return torch.bfloat16 if any(features.get(name) for name in BFLOAT16) else torch.float32


@contextmanager
def threads_for(shape: tuple[int, int]) -> Iterator[None]:
    """Inside the block PyTorch and BLAS compute on one thread where the counts are small, on as many as before elsewhere."""
    if shape[0] * shape[1] > SMALL_CELLS:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, "blas"):
            yield
    finally:
        torch.set_num_threads(threads)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()  # to look for them takes milliseconds


def products_on_one_thread() -> AbstractContextManager[Any]:
    """Inside the block NumPy's products take one thread each, for work that `by_rows` shares out."""
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not outlive a fork


def by_rows(work: Callable[[int, int], object], rows: int, contexts: int) -> None:
    """Call work(first, last) for ranges that make up all rows, side by side on torch's number of threads.

    `work` must release the GIL. A few rows are one range: handing over takes longer.
    """
    parts = min(torch.get_num_threads(), rows, 1 + rows * contexts // SMALL_CELLS)
    if parts == 1:
        work(0, rows)
        return
    ranges = pairwise(rows * part // parts for part in range(parts + 1))
    own = next(ranges)
    others = [_pool(parts - 1).submit(work, *other) for other in ranges]
    work(*own)
    for other in others:
        other.result()
