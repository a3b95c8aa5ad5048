"""Loops compiled by Numba. Names load with what they need at first use."""

from typing import TYPE_CHECKING

from sgns_pmi.lazily import door

if TYPE_CHECKING:
    from sgns_pmi.factorise.kernels.blocks import add_softplus, columns_by_row, rows_by_column, sum_bends, sum_losses, sum_slopes
    from sgns_pmi.factorise.kernels.cbow import visit_windows
    from sgns_pmi.factorise.kernels.glove import visit_triples, weighted_squares
    from sgns_pmi.factorise.kernels.pairs import visit_pairs

__getattr__ = door(__name__)

__all__ = [
    "add_softplus",
    "columns_by_row",
    "rows_by_column",
    "sum_bends",
    "sum_losses",
    "sum_slopes",
    "visit_pairs",
    "visit_triples",
    "visit_windows",
    "weighted_squares",
]
