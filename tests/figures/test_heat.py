"""Heat maps: a colour for each finite cell, a text in each, the first row on top."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import LogNorm, to_hex
from matplotlib.figure import Figure

from sgns_pmi.figures.heat import HEAT_COLOURS, draw_heatmap
from sgns_pmi.figures.style import decades, power


def test_cells_have_the_colour_of_their_value_and_their_text():
    ax = Figure().subplots()
    table = np.array([[1.0, np.inf, 100.0], [np.nan, 10.0, 1.0]])
    norm = LogNorm(1, 100)
    texts = np.array([["a", "b", "c"], ["", "e", "f"]], dtype=object)
    draw_heatmap(ax, table, texts, norm, ["up", "down"], ["x", "y", "z"])
    (mesh,) = ax.collections
    drawn = mesh.get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn), ~np.isfinite(table))
    np.testing.assert_array_equal(drawn.compressed(), table[np.isfinite(table)])
    assert mesh.norm is norm
    written = {text.get_position(): text for text in ax.texts}
    assert written[0.5, 0.5].get_text() == "a"
    assert written[1.5, 0.5].get_text() == "b"
    assert written[1.5, 1.5].get_text() == "e"
    assert ax.yaxis_inverted()
    # White where the cell is dark: the scale goes from light to dark.
    assert HEAT_COLOURS(0.0)[1] > HEAT_COLOURS(1.0)[1]
    assert to_hex(written[2.5, 0.5].get_color()) == "#ffffff"
    assert to_hex(written[0.5, 0.5].get_color()) != "#ffffff"


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "10⁰"), (1e-12, "10⁻¹²"), (-100.0, "−10²"), (0.0, "0"), (20.0, "20"), (0.05, "0.05")]
)
def test_ticks_of_log_scales(value, text):
    assert power(value) == text


@pytest.mark.parametrize(("low", "high", "between"), [(1.0, 1e4, False), (1.0, 30.0, True)])
def test_a_log_scale_of_decades_has_no_ticks_between(low, high, between):
    ax = Figure().subplots()
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    decades(ax.yaxis)
    assert (len(ax.yaxis.get_minorticklocs()) > 0) is between
    assert "10⁰" in [label.get_text() for label in ax.get_yticklabels()]
