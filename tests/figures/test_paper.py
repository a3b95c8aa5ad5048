"""Figures for a paper: PDF, a width, a font size, titles without parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from sgns_pmi.errors import InputError
from sgns_pmi.figures import Look, RunTitle, drawn_as, save
from sgns_pmi.figures.style import panel_axes, set_title, styled


@styled
def drawn() -> Figure:
    figure, (ax,) = panel_axes(1, 1, 3, 2)
    ax.plot([0, 1])
    set_title(figure, RunTitle("softmax, 100 words", 5, 4, "unigram").of("Recovery"))
    return figure


def test_formats_and_width(tmp_path: Path) -> None:
    with drawn_as(Look.of({"format": ["pdf", "svg"], "width": 3.3})):
        figure = drawn()
        wide, high = figure.get_size_inches()
        written = save(figure, tmp_path / "f")
        first = [file.read_bytes() for file in written]
        assert [file.name for file in written] == ["f.png", "f.pdf", "f.svg"]
        assert first[1].startswith(b"%PDF")
        assert tuple(figure.get_size_inches()) == pytest.approx((3.3, high * 3.3 / wide))
        assert [file.read_bytes() for file in save(drawn(), tmp_path / "f")] == first  # nothing in it is of the hour
    assert [file.name for file in save(drawn(), tmp_path / "g")] == ["g.png"]


def test_fonts_and_titles() -> None:
    def sizes(figure: Figure) -> tuple[float, float]:
        return figure.get_suptitle() != "" and figure._suptitle.get_fontsize(), figure.axes[0].xaxis.label.get_fontsize()

    plain = sizes(drawn())
    with drawn_as(Look(font_size=18, parameters=False)):
        figure = drawn()
        assert sizes(figure) == tuple(2 * size for size in plain)
        assert figure.get_suptitle() == "Recovery"
    assert drawn().get_suptitle().startswith("Recovery: softmax, 100 words\nk = 5")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"format": "jpg"}, "figure.format=jpg: must be one of png, svg, pdf"),
        ({"width": -1}, "figure.width=-1: must be a number above 0"),
        ({"font_size": "big"}, "figure.font_size=big: must be a number above 0"),
        ({"parameters": "no"}, "figure.parameters=no: must be true or false"),
        ({"size": 3}, "figure.size=3: no such key; there are figure.format, figure.width, figure.font_size, figure.parameters"),
    ],
)
def test_what_cannot_be(options: dict[str, object], line: str) -> None:
    with pytest.raises(InputError) as refused:
        Look.of(options)
    assert str(refused.value).startswith(line)
