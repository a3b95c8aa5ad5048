"""What the manual includes from the rest of the repository, and how links between the two are kept.

Pages and figures are included, not copied. A link is written as the repository needs it, from file to file; where the
file that it leads to is a page of the manual under another name, the link is turned towards that page. A line of its own that
reads ``{help MODULE}`` becomes what that command says of itself, and ``{file PATH}`` the content of a file.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from posixpath import dirname, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(\]\()(?!https?://|#)([^)#\s]+)")
INSERT = re.compile(r"^\{(help|file) (\S+)\}$", re.MULTILINE)


def included() -> dict[str, str]:
    """The repository's files that the manual shows, and their places in it."""
    places = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
    for folder, place in (("experiments", "studies"), ("benchmarks", "benchmarks")):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in (".md", ".png", ".csv"):
                name = file.relative_to(ROOT / folder).as_posix()
                places[f"{folder}/{name}"] = f"{place}/{name.replace('README.md', 'index.md')}"
    return places


def usage(module: str) -> str:
    """The text `USAGE` of a command's module, without loading it."""
    path = ROOT / module.replace(".", "/")
    source = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "USAGE":
            return str(ast.literal_eval(node.value))
    raise ValueError(f"{source} has no USAGE")


def inserted(found: re.Match[str]) -> str:
    """The block that stands for a line of ``{help MODULE}`` or ``{file PATH}``."""
    kind, name = found.groups()
    text = usage(name) if kind == "help" else (ROOT / name).read_text(encoding="utf-8")
    return f"```{'text' if kind == 'help' else Path(name).suffix[1:]}\n{text.rstrip()}\n```"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is included."""
    for source, place in included().items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the repository towards their places in the manual, and insert what a page asks for."""
    places = included()
    source = Path(page.file.abs_src_path or "")

    def turned(found: re.Match[str]) -> str:
        target = (source.parent / found[2]).resolve()
        name = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else found[2]
        place = places.get(name, name.removeprefix("docs/") if name.startswith("docs/") else None)
        return found[0] if place is None else found[1] + relpath(place, dirname(page.file.src_uri) or ".")

    return INSERT.sub(inserted, LINK.sub(turned, markdown))
