"""One colour a method, names, and files that are whole or absent."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from sgns_pmi import factorise
from sgns_pmi.figures import style
from sgns_pmi.files import atomic_path

METHODS = [
    "sgns_expected",
    "sgns_sampled",
    "sppmi_svd",
    "pmi_svd",
    "oracle",
    "empirical",
    "qwem",
    "sppmi",
    "numpy_sgns",
    "cbow",
    "glove",
    "fasttext",
    "softmax_mle",
    "ro_sgns",
    "swivel",
    "sgns_stream",
    "sgns_ridge",
    "infonce",
]

# Machado, Oliveira & Fernandes (2009): what a person without red (protan) or green (deutan) cones sees, linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deutan": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
}


def lab(colours, deficiency):
    """CIE L*a*b* (D65) of hexadecimal colours as seen with a deficiency."""
    rgb = np.array([to_rgb(c) for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ DEFICIENCIES[deficiency].T, 0, 1)
    xyz = linear @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
    ratio = xyz / [0.9505, 1.0, 1.089]
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def test_every_method_has_its_own_colour_name_and_marker():
    assert list(style.COLOURS) == METHODS == list(style.LABELS)
    assert set(METHODS) == set(factorise.METHODS)
    for given in (style.colour, style.label, style.marker):
        assert len({given(method) for method in METHODS}) == len(METHODS)
    assert style.label("sgns_expected") == "SGNS (expected)"


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_methods_of_a_plain_run_can_be_told_apart_by_the_colour_blind(deficiency):
    seen = lab([style.COLOURS[m] for m in METHODS[:7]], deficiency)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2)[np.triu_indices(7, 1)]
    assert apart.min() > 10  # CIE76; 2.3 is just noticeable side by side
    assert lab(style.COLOURS.values(), deficiency)[:, 0].max() < 80  # dark enough for a line on white (100)


def test_unknown_method_gets_the_same_colour_each_time_and_keeps_its_name():
    assert style.colour("mine") == style.colour("mine") != style.colour("another one")
    assert style.label("mine") == "mine"
    assert style.marker("mine") == style.marker("mine")


@pytest.mark.parametrize(
    ("value", "text"),
    [(np.inf, "∞"), (-np.inf, "−∞"), (0.5, "0.500"), (2.0, "2.00"), (123.0, "123"), (-0.0123, "−0.0123"), (1.5e-15, "1.50e−15")],
)
def test_number(value, text):
    assert style.number(value) == text


@pytest.mark.parametrize(("panels", "columns"), [(1, 1), (4, 4), (5, 3), (7, 4), (9, 3)])
def test_balanced(panels, columns):
    assert style.balanced(panels, most=4) == columns


def test_save_writes_png_and_svg_only_on_request(tmp_path):
    figure = Figure()
    figure.subplots().plot([0, 1])
    assert style.save(figure, tmp_path / "new" / "dim_0.5") == [tmp_path / "new" / "dim_0.5.png"]
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["dim_0.5.png"]
    assert style.save(figure, tmp_path / "both", svg=True) == [tmp_path / "both.png", tmp_path / "both.svg"]
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
    first = (tmp_path / "both.svg").read_bytes()
    style.save(figure, tmp_path / "both", svg=True)
    assert (tmp_path / "both.svg").read_bytes() == first  # no dates or random names within


def test_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.png").write_text("old")

    class Broken(Figure):
        def savefig(self, fname, **kwargs):
            fname.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        style.save(Broken(), tmp_path / "a")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.png", "old")]


def test_atomic_path_shows_the_file_only_when_whole(tmp_path):
    target = tmp_path / "deep" / "rows.csv.gz"
    with atomic_path(target) as beside:
        assert beside.parent == target.parent
        assert beside.suffix == ".gz"
        beside.write_text("rows")
        assert not target.exists()
    assert target.read_text() == "rows"
    assert list(target.parent.iterdir()) == [target]


def test_styled_figures_need_no_window(run):
    import matplotlib.pyplot as plt

    from sgns_pmi.figures import convergence_figure

    open_before = plt.get_fignums()
    figure = convergence_figure(run.data["history"], best=2.0, title="t")
    assert plt.get_fignums() == open_before
    assert isinstance(figure, Figure)


def test_large_whole_numbers_are_written_out():
    assert [style.plain(value) for value in (100_000, 10_000_000, -3.0, 1e-7, 0.25)] == [
        "100000",
        "10000000",
        "−3",
        "1e−07",
        "0.25",
    ]
