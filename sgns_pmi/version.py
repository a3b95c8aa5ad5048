"""The version: of the package that is installed, from its metadata; and of its source."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

try:
    __version__ = version("sgns-pmi")
except PackageNotFoundError:  # a checkout that is only on the path
    __version__ = "0+unknown"


@cache
def code_version() -> str:
    """The version, and a hash of the package's own source: a checkout changes between versions."""
    source = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        source.update(f"{file.relative_to(PACKAGE)}\0".encode() + file.read_bytes())
    return f"{__version__} {source.hexdigest()}"


__all__ = ["__version__", "code_version"]
