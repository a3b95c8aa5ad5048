"""What the dirty study computes of a text whose pairs are known, against sums over all that may lie between two survivors."""

from __future__ import annotations

import numpy as np
from studies import study


def test_neighbours_of_a_dirty_text_are_those_of_every_gap() -> None:
    script = study("dirty")
    chain = script.Chain.drawn(topics=2, words=4)
    survives = np.array([1.0, 1.0, 0.0, 0.0])
    step = chain.stay * np.eye(2) + (1 - chain.stay) / 2
    lost = np.diag(chain.emission @ (1 - survives))
    expected = np.zeros((4, 4))
    between = np.eye(2)
    for _ in range(200):  # a survivor i, so many lost words, a survivor j
        expected += (chain.emission * survives).T @ np.diag(chain.shares) @ between @ step @ (chain.emission * survives)
        between = between @ step @ lost
    device = {"rare": True, "removal": "dirty", "window": 1}
    np.testing.assert_allclose(chain.pairs(device, 1.0, 2), expected / expected.sum(), atol=1e-12)
    clean = chain.pairs({**device, "removal": "clean"}, 1.0, 2)
    apart = chain.emission.T @ np.diag(chain.shares) @ step @ chain.emission * np.outer(survives, survives)
    np.testing.assert_allclose(clean, apart / apart.sum(), atol=1e-12)
