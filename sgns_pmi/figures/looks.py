"""One colour, marker and readable name a method, in every figure and in the report."""

from __future__ import annotations

from zlib import crc32

LONGEST_LABEL = 40
"""Letters of a word that a figure shows."""

# The methods of a plain run have the colours of Okabe & Ito ("Color Universal Design", 2008); the rest those of
# Paul Tol's "muted" scheme, darkened where too pale for a line on white.
COLOURS = {
    "sgns_expected": "#0072B2",
    "sgns_sampled": "#D55E00",
    "sppmi_svd": "#009E73",
    "pmi_svd": "#56B4E9",
    "oracle": "#000000",
    "empirical": "#E69F00",
    "qwem": "#CC79A7",
    "sppmi": "#44AA99",
    "numpy_sgns": "#332288",
    "cbow": "#B39A2E",
    "glove": "#882255",
    "fasttext": "#CC6677",
    "softmax_mle": "#117733",
    "ro_sgns": "#AA4499",
    "swivel": "#7F7F19",
    "sgns_stream": "#8A3800",
    "sgns_ridge": "#5E60CE",
    "infonce": "#005D5D",
}
"""Colour of each method, in every figure."""

LABELS = {
    "sgns_expected": "SGNS (expected)",
    "sgns_sampled": "SGNS (sampled)",
    "sppmi_svd": "SPPMI-SVD",
    "pmi_svd": "PMI-SVD",
    "oracle": "Oracle",
    "empirical": "Empirical PMI",
    "qwem": "QWEM",
    "sppmi": "SPPMI",
    "numpy_sgns": "SGNS (NumPy)",
    "cbow": "CBOW",
    "glove": "GloVe",
    "fasttext": "fastText",
    "softmax_mle": "Softmax MLE",
    "ro_sgns": "RO-SGNS",
    "swivel": "Swivel",
    "sgns_stream": "SGNS (stream)",
    "sgns_ridge": "SGNS (ridge)",
    "infonce": "InfoNCE",
}
"""Readable name of each method."""

EXACT = 1e-9
"""RMSE up to which there is no error to speak of, but rounding."""
TERMS = {
    "optimisation": ("training stopped short", "#CCBB44"),
    "sampling": ("noise of the counts", "#4477AA"),
    "overfit": ("no finite optimum, noise unbounded", "#EE6677"),
    "shrinkage": ("penalty", "#66CCEE"),
    "rank": ("dim too small, or weighting", "#777777"),
}
"""What each term of an error budget is called in a legend, and its colour."""

_SPARE_COLOURS = ("#6929C4", "#9F1853", "#198038", "#B28600", "#570408", "#002D9C", "#A56EFF")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*", "d", "H", "8", "x", "+", "1")


def colour(method: str) -> str:
    """Colour of a method; one that is not listed gets a fixed colour chosen by its name."""
    return COLOURS.get(method, _SPARE_COLOURS[crc32(method.encode()) % len(_SPARE_COLOURS)])


def label(method: str) -> str:
    """Readable name of a method; one that is not listed keeps its own."""
    return LABELS.get(method, method)


def marker(method: str) -> str:
    """Marker of a method, so that lines differ without colour too."""
    if method in COLOURS:
        return _MARKERS[list(COLOURS).index(method)]
    return _MARKERS[crc32(method.encode()) % len(_MARKERS)]


__all__ = ["COLOURS", "EXACT", "LABELS", "TERMS", "colour", "label", "marker"]
