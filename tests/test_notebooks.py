"""The notebooks of the manual run from their first cell to their last, and are kept without what they print."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbformat (extra notebooks)")
nbclient = pytest.importorskip("nbclient", reason="needs nbclient (extra notebooks)")

FOLDER = Path(__file__).resolve().parents[1] / "docs/notebooks"
TEXT = "outputs/data/text8"


def run(name: str, folder: Path, **stand_ins: str) -> None:
    """Run a notebook in a folder, with other texts in place of some; a cell that fails raises."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        for text, other in stand_ins.items():
            cell.source = cell.source.replace(text, other)
    nbclient.NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(folder)}}).execute()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.ipynb")), ids=lambda file: file.stem)
def test_a_notebook_is_kept_without_outputs(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.outputs] == []


@pytest.mark.study
def test_the_tutorial_runs(tmp_path: Path) -> None:
    run("tutorial", tmp_path)


@pytest.mark.study
def test_the_text8_lab_runs(published: Path, tmp_path: Path) -> None:
    text = str(published / "text/text8_prefix.txt.xz")
    assert TEXT in (FOLDER / "text8.ipynb").read_text(encoding="utf-8")
    run("text8", tmp_path, **{TEXT: text})
