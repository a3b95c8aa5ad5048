"""sgns-pmi: how well does a factorisation recover the PMI behind co-occurrence counts?"""

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.pmi import noise_distribution, pmi_matrix, sppmi_matrix

__all__ = ["CooccurrenceCounts", "InputError", "noise_distribution", "pmi_matrix", "sppmi_matrix"]
