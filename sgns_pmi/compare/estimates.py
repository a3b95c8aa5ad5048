"""What methods estimate, made once for all that asks for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.factorise.base import Factorisation

Float = NDArray[np.float64]


class Estimates(dict[Factorisation, Float]):
    """The corrected estimate (words, contexts) of each fitted method that is asked for, made once."""

    def __missing__(self, estimator: Factorisation) -> Float:
        self[estimator] = estimate = np.asarray(estimator.estimate_pmi(), dtype=np.float64)
        return estimate


__all__ = ["Estimates"]
