"""Random streams: one seed, and from it an independent stream for every purpose."""

from __future__ import annotations

import zlib

import numpy as np

from sgns_pmi.errors import check_seed


def seed_sequence(seed: int, *purpose: str) -> np.random.SeedSequence:
    """The child of `seed` that serves one purpose, as ("start", "sgns_expected").

    Spawned by name and not by order, so that a new purpose leaves every other stream as it was. No two purposes and no two
    seeds share a stream (O'Neill's hash, as in `numpy.random.SeedSequence`); a seed may be of any size.

    Raises
    ------
    InputError
        For a seed that is no whole number from 0.
    """
    return np.random.SeedSequence(check_seed(seed), spawn_key=tuple(zlib.crc32(part.encode()) for part in purpose))


def stream(seed: int, *purpose: str) -> np.random.Generator:
    """NumPy's generator for one purpose of a seed."""
    return np.random.default_rng(seed_sequence(seed, *purpose))


def torch_seed(seed: int, *purpose: str) -> int:
    """The same for `torch.Generator.manual_seed`: a whole number below 2⁶³."""
    return int(seed_sequence(seed, *purpose).generate_state(1, np.uint64)[0]) >> 1
