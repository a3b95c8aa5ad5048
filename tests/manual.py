"""The pages of README and manual, and their blocks of code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "benchmarks/README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "experiments").glob("*/README.md"),
    ]
)
BLOCK = re.compile(r"(<!-- not run: [^\n]+ -->\n+)?^```(python|sh|r)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str, run: bool = True) -> list[str]:
    """The blocks of a page in one language: those that are run, or those that say why they are not."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for aside, kind, text in found if kind == language and run == (not aside)]
