"""The downloader of texts, against a server on this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from sgns_pmi.errors import InputError

SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "download.py"
TEXT = b" anarchism originated as a term of abuse"
SUM = hashlib.md5(TEXT).hexdigest()


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("download", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["download"] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """An archive of a text8 of one line, served for the length of a test."""
    (tmp_path / "served").mkdir()
    with zipfile.ZipFile(tmp_path / "served" / "text8.zip", "w") as archive:
        archive.writestr("text8", TEXT)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/text8.zip"
        server.shutdown()


def test_it_downloads_once(script: ModuleType, url: str, tmp_path: Path) -> None:
    target = tmp_path / "data" / "text8"
    assert script.download(script.Text(url, "text8", SUM, target), target) == target
    assert target.read_bytes() == TEXT
    assert [file.name for file in target.parent.iterdir()] == ["text8"]
    (tmp_path / "served" / "text8.zip").unlink()
    assert script.download(script.Text(url, "text8", SUM, target), target) == target  # nothing is asked of the server again
    target.write_bytes(TEXT[:10])  # damaged: it is
    with pytest.raises(OSError, match="404"):
        script.download(script.Text(url, "text8", SUM, target), target)


def test_another_text_is_refused(script: ModuleType, url: str, tmp_path: Path) -> None:
    target = tmp_path / "data" / "text8"
    with pytest.raises(InputError, match=f"md5={SUM}.* must be {script.TEXTS['text8'].md5}"):
        script.download(script.Text(url, "text8", script.TEXTS["text8"].md5, target), target)
    assert list(target.parent.iterdir()) == []


def test_the_sum_is_that_of_text8(script: ModuleType) -> None:
    assert script.TEXTS["text8"].url == "http://mattmahoney.net/dc/text8.zip"
    assert script.TEXTS["text8"].md5 == "3bea1919949baf155f99411df5fada7e"


def test_the_sum_is_that_of_hamlet(script: ModuleType, published: Path) -> None:
    text = (published / "text" / "hamlet.txt").read_bytes()
    assert script.TEXTS["hamlet"].md5 == hashlib.md5(text).hexdigest()
