"""The report in a browser: nothing on its console, tables that sort and filter, charts that answer, at every width."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sgns_pmi.report import write_report

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Opens the report of a folder; at the end nothing may have been said on the console, nor asked of a network."""
    said: list[str] = []
    pages = []

    def opened(folder: Path, width: int = 1280, **options: Any) -> Any:
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        pages.append(page)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or said.append(request.url))
        page.goto(write_report(folder).as_uri())
        page.wait_for_function("document.querySelectorAll('.chart:not([data-drawn])').length === 0")
        return page

    yield opened
    for page in pages:
        page.close()
    assert said == []


PLOTTED = "[...document.querySelectorAll('#recovery .mark-symbol path')].map((mark) => mark.getAttribute('transform')).join()"
CHANGED = f"before => {PLOTTED} !== before"


def first_column(page: Any) -> list[str]:
    return page.locator(".grid").first.locator("tbody tr:visible td:first-child").all_inner_texts()


def test_tables_sort_and_filter(visit: Any, run_folder: Path) -> None:
    page = visit(run_folder)
    grid = page.locator(".grid").first
    assert first_column(page) == ["SGNS (expected)", "SGNS (sampled)", "Oracle"]
    heading = grid.locator("th").nth(1)
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert first_column(page) == ["Oracle", "SGNS (expected)", "SGNS (sampled)"]
    assert heading.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert first_column(page) == ["SGNS (sampled)", "SGNS (expected)", "Oracle"]
    assert heading.get_attribute("aria-sort") == "descending"
    grid.locator("input").fill("sgns ex")
    assert first_column(page) == ["SGNS (expected)"]
    assert grid.locator(".said").inner_text() == "1 of 3 rows"


def test_a_table_is_copied_as_csv(visit: Any, run_folder: Path) -> None:
    page = visit(run_folder)
    page.evaluate("navigator.clipboard.writeText = (text) => { window.written = text; return Promise.resolve(); }")
    grid = page.locator(".grid").first
    grid.locator("input").fill("sampled")
    grid.locator(".copy").click()
    page.wait_for_function("window.written")
    lines = page.evaluate("window.written").splitlines()
    assert len(lines) == 2
    assert lines[0].startswith('method,"RMSE, all cells"')
    assert lines[1].startswith("SGNS (sampled),0.3,")


def test_points_say_what_they_are_and_the_plot_is_enlarged(visit: Any, run_folder: Path) -> None:
    page = visit(run_folder)
    assert page.locator("#recovery .mark-symbol path").count() == 3 * 144
    before = page.evaluate(PLOTTED)
    page.locator('#recovery [data-zoom="0.6"]').click()
    page.wait_for_function(CHANGED, arg=before)
    page.locator('#recovery [data-zoom="0"]').click()
    page.wait_for_function(f"before => {PLOTTED} === before", arg=before)
    page.locator("#recovery .mark-symbol path").nth(70).hover(force=True)
    tooltip = page.locator("#vg-tooltip-element")
    tooltip.wait_for(state="visible")
    assert {"center", "context", "count", "estimate", "true PMI"} <= set(tooltip.inner_text().replace("\t", "\n").splitlines())


def test_a_map_is_searched(visit: Any, run_folder: Path) -> None:
    page = visit(run_folder)
    words = "[...document.querySelectorAll('#map-0 .mark-text text')].filter((own) => /^word\\d$/.test(own.textContent))"
    shown = f"{words}.filter((own) => own.getAttribute('opacity') !== '0').map((own) => own.textContent).join()"
    assert page.evaluate(shown).count("word") == 8
    page.locator("#map-0 input[type=search]").fill("ORD7")
    page.wait_for_function(f"{shown} === 'word7'")


def test_a_slider_goes_through_a_swept_key(visit: Any, sweep_folder: Path) -> None:
    page = visit(sweep_folder)
    slider = page.locator("#recovery input[type=range]")
    assert (slider.count(), slider.get_attribute("aria-valuetext")) == (1, "2")
    before = page.evaluate(PLOTTED)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "4"
    page.wait_for_function(CHANGED, arg=before)


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark"), (2560, "light")])
def test_nothing_is_wider_than_the_page(visit: Any, sweep_folder: Path, width: int, scheme: str) -> None:
    page = visit(sweep_folder, width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for plot in page.locator(".plot").all():
        assert plot.evaluate("element => element.scrollWidth <= element.clientWidth")


BANDS = """[...document.querySelectorAll('.plot svg')].map((svg) => {
  const [, , width, height] = svg.getAttribute('viewBox').split(' ').map(Number), at = svg.getBoundingClientRect();
  return at.height - at.width * height / width;
})"""


def test_printed_charts_have_no_empty_bands(visit: Any, run_folder: Path) -> None:
    page = visit(run_folder)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 900})  # a chart has the width that it was drawn for, or less
    bands = page.evaluate(BANDS)
    assert bands
    assert max(map(abs, bands)) < 2
