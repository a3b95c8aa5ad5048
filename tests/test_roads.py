"""Imports run down the road only, and in no circle: the rooms stand in the order in which a run goes through them."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import sgns_pmi

ROOT = Path(sgns_pmi.__file__).parent
ROAD = (
    {"problems"},
    {"factorise"},
    {"compare"},
    {"results"},
    {"figures"},
    {"report"},
    {
        "config",
        "command_line",
        "configurations",
        "folders",
        "gather",
        "launching",
        "sweeper",
        "sweep",
        "bulk",
        "worker",
        "query",
        "export",
        "inference",
        "shards",
        "run",
        "suite",
    },
)
"""Before all of them stand the single modules that are not named here: errors, files, counts, pmi, ..."""


def place(name: str) -> int:
    """Where on the road a module stands."""
    return next((at for at, rooms in enumerate(ROAD, 1) if name.split(".")[1] in rooms), 0)


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name; a package by that of its folder."""
    return {
        ".".join(("sgns_pmi", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): file
        for file in sorted(ROOT.rglob("*.py"))
    }


def imports(file: Path, whole: bool = True) -> set[str]:
    """What a file imports by absolute names, wherever it does; with `whole` off, only what loading it imports."""
    found: set[str] = set()
    parts: list[ast.AST] = list(ast.parse(file.read_text(encoding="utf-8")).body)
    while parts:
        part = parts.pop()
        if isinstance(part, ast.Import):
            found |= {alias.name for alias in part.names}
        elif isinstance(part, ast.ImportFrom):
            assert part.level == 0, f"{file} imports by a relative name"
            found |= {f"{part.module}.{alias.name}" for alias in part.names}
        elif whole or not (
            isinstance(part, ast.FunctionDef) or (isinstance(part, ast.If) and "TYPE_CHECKING" in ast.dump(part.test))
        ):
            parts += ast.iter_child_nodes(part)
    return found


def own(names: set[str], known: dict[str, Path]) -> set[str]:
    """The modules of the package among imported names: ``from module import name`` may mean either."""
    return {name if name in known else name.rpartition(".")[0] for name in names if name.startswith("sgns_pmi")} & set(known)


def up_the_road(known: dict[str, Path]) -> list[str]:
    """Each import of a room by one that stands before it."""
    wrong = []
    for name, file in known.items():
        for other in own(imports(file), known) - {"sgns_pmi"}:
            if name != "sgns_pmi" and place(name) < place(other):
                wrong.append(f"{name} imports {other}")
    return wrong


def test_imports_run_down_the_road() -> None:
    assert up_the_road(modules()) == []


def test_an_import_up_the_road_is_found(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text("def later():\n    from sgns_pmi.figures import save\n")
    assert up_the_road(modules() | {"sgns_pmi.compare.wrong": file}) == ["sgns_pmi.compare.wrong imports sgns_pmi.figures"]


def test_imports_have_no_circle() -> None:
    known = modules()
    graph = {name: own(imports(file, whole=False), known) - {name, "sgns_pmi"} for name, file in known.items()}
    for name, file in known.items():
        # A package loads the modules of its folder; that they in turn load it first is no circle.
        if file.name == "__init__.py":
            graph[name] = {other for other in graph[name] if not other.startswith(f"{name}.")}
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError


def test_nobody_imports_the_front_door() -> None:
    """sgns_pmi/__init__.py is for users: inside, a thing is imported from where it is defined."""
    known = modules()
    for name in known.keys() - {"sgns_pmi"}:
        assert not {other for other in imports(known[name]) - known.keys() if other.rpartition(".")[0] == "sgns_pmi"}, name
