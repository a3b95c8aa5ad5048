"""The manual: what is cited exists, and what is linked is there."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import sgns_pmi

ROOT = Path(__file__).resolve().parents[1]
CITING = sorted(
    file
    for folder in ("sgns_pmi", "conf", "tests", "experiments", "benchmarks")
    for file in (ROOT / folder).rglob("*")
    if file.suffix in (".py", ".yaml", ".md")
)
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "experiments").glob("*/*.md"), ROOT / "benchmarks/README.md"]
)
CITED = re.compile(r'\b(math|design)\.md(?:,\s+(?:#\s+)?"([^"]+)")?', re.IGNORECASE)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def sections(page: str) -> set[str]:
    return set(re.findall(r"^## (.+)$", (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"), flags=re.MULTILINE))


def citations(text: str) -> list[tuple[str, str]]:
    """Every mention of a page of the law in a text, with the section that it names, if it names one."""
    return CITED.findall(text)


def test_a_citation_is_read_with_its_section() -> None:
    text = 'see docs/math.md, "Limits", and docs/design.md,\n# "Rules of the house"; MATH.md'
    assert citations(text) == [("math", "Limits"), ("design", "Rules of the house"), ("MATH", "")]


def test_the_code_cites_sections_that_exist() -> None:
    cited = [
        (str(file.relative_to(ROOT)), page, section)
        for file in CITING
        if file != Path(__file__).resolve()
        for page, section in citations(file.read_text(encoding="utf-8"))
    ]
    known = {page: sections(page) for page in ("math", "design")}
    assert len(cited) >= 8
    assert [citation for citation in cited if citation[2] not in known.get(citation[1], ())] == []


@pytest.mark.parametrize("page", ["math", "design"])
def test_pages_of_the_law_point_to_their_own_sections(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    pointed = re.findall(r'\bsee(?: also)? "([^"]+)"', text)
    pointed += [section for _, section in citations(text) if section]
    assert set(pointed) <= sections("math") | sections("design")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    linked = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in linked if not (page.parent / target).exists()] == []


def test_every_public_name_is_in_the_manual() -> None:
    page = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    named = re.findall(r"^::: sgns_pmi\.(\w+)$", page, flags=re.MULTILINE)
    assert sorted(named) == sorted(set(sgns_pmi.__all__) - {"__version__"})


def test_every_figure_is_in_the_manual() -> None:
    page = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    named = re.findall(r"^::: sgns_pmi\.figures\.\S+\.(\w+)$", page, flags=re.MULTILINE)
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in (ROOT / "sgns_pmi/figures").rglob("*.py")]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    drawn = [own.name for own in functions if own.returns and ast.unparse(own.returns) == "Figure" and own.name[0] != "_"]
    assert len(drawn) > 10
    assert sorted(named) == sorted([*drawn, "save"])


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs mkdocs (extra docs)")
def test_what_the_manual_includes_is_there() -> None:
    spec = spec_from_file_location("hooks", ROOT / "docs/hooks.py")
    assert spec is not None
    assert spec.loader is not None
    hooks = module_from_spec(spec)
    spec.loader.exec_module(hooks)
    places = hooks.included()
    assert places["experiments/toy/README.md"] == "studies/toy/index.md"
    assert [file for file in places if not (ROOT / file).is_file()] == []
    assert len(set(places.values())) == len(places)


def test_every_command_says_in_the_manual_what_it_does() -> None:
    page = (ROOT / "docs/reference/command_line.md").read_text(encoding="utf-8")
    files = [file for file in (ROOT / "sgns_pmi").rglob("*.py") if "\nUSAGE = " in file.read_text(encoding="utf-8")]
    modules = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__") for file in files]
    assert sorted(re.findall(r"^\{help (\S+)\}$", page, flags=re.MULTILINE)) == sorted(modules)
