"""Brings the pictures of docs/gallery.md, made small, from where its commands left them: python docs/gallery.py."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
RUNS = Path("outputs/gallery")
PICTURE = re.compile(r"\]\((gallery/(\w+)/([\w+]+)\.png)\)")
WIDTH, COLOURS = 900, 64


def main() -> None:
    """Write every picture that the page shows."""
    shutil.rmtree(HERE / "gallery", ignore_errors=True)
    for place, run, figure in PICTURE.findall((HERE / "gallery.md").read_text(encoding="utf-8")):
        with Image.open(RUNS / run / "figures" / f"{figure}.png") as picture:
            height = round(picture.height * WIDTH / picture.width)
            small = picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
        (HERE / place).parent.mkdir(parents=True, exist_ok=True)
        small.quantize(COLOURS).save(HERE / place, optimize=True)


if __name__ == "__main__":
    main()
