"""The notebooks of the manual run from their first cell to their last, and are kept without what they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs/notebooks"
TEXT = "outputs/data/text8"


def run(name: str, folder: Path, text: str = TEXT) -> None:
    """Run a notebook in a folder, on another text if one is given; a cell that fails raises."""
    nbformat = pytest.importorskip("nbformat", reason="needs the extra notebooks")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra notebooks")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(TEXT, text)
    nbclient.NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(folder)}}).execute()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.ipynb")), ids=lambda file: file.stem)
def test_a_notebook_is_kept_without_outputs(file: Path) -> None:
    cells = [cell for cell in json.loads(file.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 4
    assert [cell["source"] for cell in cells if cell["outputs"] or cell["execution_count"]] == []


@pytest.mark.study
def test_the_tutorial_runs(tmp_path: Path) -> None:
    run("tutorial", tmp_path)


@pytest.mark.study
def test_the_text8_lab_runs(published: Path, tmp_path: Path) -> None:
    run("text8", tmp_path, str(published / "text/text8_prefix.txt.xz"))
