"""The command line, run inside the test's own process (importing PyTorch takes seconds)."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sgns_pmi import shards
from sgns_pmi.run import main

TINY = ("data.words=12", "data.pairs=3000", "solver.sampled.epochs=2")


@dataclass(frozen=True)
class Outcome:
    """How the command ended: its exit code and what it said."""

    code: int
    stdout: str
    stderr: str


class Command:
    """Runs the command in a folder of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys

    def __call__(self, *arguments: str) -> Outcome:
        self._monkeypatch.setattr(sys, "argv", ["sgns-pmi", *arguments])
        self._capsys.readouterr()
        root = logging.getLogger()
        before = list(root.handlers)
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            # Hydra leaves handlers that write to this test's captured streams and log files.
            for handler in set(root.handlers) - set(before):
                root.removeHandler(handler)
                handler.close()
            root.handlers[:] = before
        said = self._capsys.readouterr()
        return Outcome(int(ended.value.code or 0), said.out, said.err)


def written(folder: Path) -> list[str]:
    """The files under a folder, but for the log and what Hydra notes of the request."""
    files = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return sorted(str(file) for file in files if file.suffix != ".log" and ".hydra" not in file.parts)


def count_zipf(folder: Path, seed: int, tokens: int, words: int) -> Path:
    """Counts on disk of a text of so many words by Zipf's law, twenty a line, which is written beside them."""
    text = [f"w{rank}" for rank in np.minimum(np.random.default_rng(seed).zipf(1.3, tokens), words)]
    (folder / "text").write_text("\n".join(" ".join(text[at : at + 20]) for at in range(0, tokens, 20)))
    shards.main(["count", str(folder / "counts"), f"data.path={folder / 'text'}", "data.min_count=1"])
    return folder / "counts"


def two_processes(*arguments: str) -> str:
    """What ``python -m sgns_pmi.shards`` says, started by torchrun as two processes."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "sgns_pmi.shards"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*torchrun, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
