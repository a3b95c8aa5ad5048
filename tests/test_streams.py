"""Streams: repeatable, and independent of one another by purpose and by seed."""

from __future__ import annotations

import numpy as np
import pytest

from sgns_pmi.errors import InputError
from sgns_pmi.streams import stream, torch_seed

LARGE = 10**23


def test_a_stream_is_repeatable() -> None:
    for seed in (0, 7, 2**32, LARGE):
        np.testing.assert_array_equal(stream(seed, "truth").normal(size=5), stream(seed, "truth").normal(size=5))
        assert torch_seed(seed, "negatives") == torch_seed(seed, "negatives") < 2**63


def test_no_two_purposes_and_no_two_seeds_share_a_stream() -> None:
    """Of 60 streams of 1,000 normal numbers the largest correlation is that of independent ones: below 5 / √1000."""
    seeds = [*range(10), 2**32, 2**32 + 1, 2**64, 2**64 + 1, LARGE]
    drawn = np.array(
        [stream(seed, *purpose).normal(size=1000) for seed in seeds for purpose in [(), ("truth",), ("draws",), ("start", "a")]]
    )
    correlations = np.corrcoef(drawn) - np.eye(len(drawn))
    assert np.abs(correlations).max() < 5 / np.sqrt(1000)
    assert len({torch_seed(seed, purpose) for seed in seeds for purpose in ("a", "b")}) == 2 * len(seeds)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True])
def test_a_seed_that_is_none_is_refused(seed: object) -> None:
    with pytest.raises(InputError, match="seed"):
        stream(seed, "truth")  # type: ignore[arg-type]
