"""Whether counts fit a distribution."""

from __future__ import annotations

import numpy as np
from scipy import stats


def goodness_of_fit(counts: np.ndarray, expected: np.ndarray) -> float:
    """p-value of Pearson's χ²; cells that expect fewer than five pairs are one cell together."""
    rare = expected < 5
    observed, fitted = counts[~rare], expected[~rare]
    if rare.any():
        observed, fitted = np.append(observed, counts[rare].sum()), np.append(fitted, expected[rare].sum())
    return float(stats.chi2.sf(((observed - fitted) ** 2 / fitted).sum(), len(fitted) - 1))


def check_p_values(values: list[float]) -> None:
    """As uniform as p-values have to be: neither too small nor, in a fit that is too good, too large."""
    assert len(values) >= 10
    assert min(values) > 1e-4 / len(values)
    assert stats.kstest(values, "uniform").pvalue > 1e-3
