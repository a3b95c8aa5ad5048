"""README and manual, typed from top to bottom: every block of a page runs, in a folder with what its reader has.

What is long is made short (two replicates, one task of the suite); what installs, downloads or opens a window does nothing;
Slurm and HyperQueue are played by scripts that run their tasks one after the other.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from manual import BLOCK, PAGES, ROOT

pytestmark = pytest.mark.study

MANUAL = [page for page in PAGES if page.parent.parent != ROOT / "experiments" and page.parent != ROOT / "benchmarks"]
SHORTER = (
    (r"replicates=\d+", "replicates=2"),
    (r"n_trials=\d+", "n_trials=2"),
    (r"suite small", "suite softmax_30"),
    (r"python -m pytest.*|python experiments/download\.py \w+", "true"),
    (r"outputs/RUN", "$(ls -td outputs/2*/*/ | head -n 1)"),
    (r"\bTEXT\b", "corpus.txt"),
    (r"\bPAIRS\b", "wordsim353.txt"),
    (r"\b(WAR|MUSIC)\b", r"\1.txt"),
)
TASKS = """#!{python}
import os, re, subprocess, sys
words = sys.argv[1:]
array = re.search(r"--array=(\\d+)-(\\d+)", " ".join(words))
numbers = range(int(array[1]), int(array[2]) + 1) if array else [0]
task = ["bash", "-c", words[words.index("--wrap") + 1]] if "--wrap" in words else words[words.index("bash"):]
for number in map(str, numbers):
    subprocess.run(task, check=True, stdout=sys.stderr, env=os.environ | {{"SLURM_ARRAY_TASK_ID": number, "HQ_TASK_ID": number}})
print(1)
"""
"""sbatch and hq, as far as the manual knows them."""
HAD_IN_R = """
set.seed(1)
pairs <- data.frame(center = sample(letters, 3000, TRUE), context = sample(letters, 3000, TRUE))
m <- matrix(rpois(400, 3), 20)
joint <- matrix(1 / 400, 20, 20)
"""
TOPICS = (
    ["king", "queen", "man", "woman", "prince", "princess", "france", "three", "hamlet", "queene", "ophelia", "father"],
    ["apple", "banana", "orange", "fruit", "juice", "water", "tree", "dog", "music", "loue", "death", "philosophy"],
)


def text_of(sentences: int) -> str:
    """Sentences of two topics, among 200 words that belong to neither."""
    draws = np.random.default_rng(0)
    other = [f"word{letter}{digit}" for letter in "abcdefghijklmnopqrst" for digit in "abcdefghij"]
    lines = []
    for _ in range(sentences):
        topic = TOPICS[draws.integers(2)]
        lines.append(" ".join([*draws.choice(topic, 5), *draws.choice(other, 7)]))
    return "\n".join(lines) + "\n"


@pytest.fixture
def had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the manual's reader has, and programs that play a cluster's."""
    monkeypatch.chdir(tmp_path)
    text = text_of(3000)
    for name in ("corpus.txt", "outputs/data/text8", "outputs/data/hamlet.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in ("WAR.txt", "MUSIC.txt"):
        (tmp_path / name).write_text(text_of(60))
    (tmp_path / "wordsim353.txt").write_text("king\tqueen\t9\napple\tbanana\t8\nking\tapple\t1\ndog\tprince\t2\n")
    (tmp_path / "questions-words.txt").write_text(": family\nking queen man woman\nprince princess man woman\n")
    cells = np.random.default_rng(0).poisson(2, (20, 20)) + 1
    i, j = np.indices(cells.shape).reshape(2, -1)
    triples = pd.DataFrame({"center": i + 1, "context": j + 1, "count": cells.ravel()})
    triples.to_csv("triples.csv", index=False)
    triples.to_csv("counts.csv", index=False)
    (tmp_path / "counts").mkdir()
    triples.to_parquet("counts/part-00000.parquet")
    for name in ("v_true.csv", "u_true.csv"):
        np.savetxt(name, np.random.default_rng(1).normal(size=(20, 2)), delimiter=",")
    (tmp_path / "mine.py").write_text(blocks_of(ROOT / "docs/howto/method.md", "python")[0])
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("pip", "xdg-open"):
        (programs / name).write_text("#!/bin/sh\n")
    for name in ("sbatch", "hq"):
        (programs / name).write_text(TASKS.format(python=sys.executable))
    for program in programs.iterdir():
        program.chmod(0o755)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/activate").touch()
    path = [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
    for key, value in {
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]),
        "SLURM_ARRAY_TASK_ID": "1",
        "OMP_NUM_THREADS": "1",
    }.items():
        monkeypatch.setenv(key, value)
    return tmp_path


def blocks_of(page: Path, language: str) -> list[str]:
    """The blocks of a page that are run, in one language."""
    return [text for kind, text in runnable(page) if kind == language]


def runnable(page: Path) -> list[tuple[str, str]]:
    """Language and text of the blocks of a page that are run, in their order."""
    return [(kind, text) for aside, kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if not aside]


def shorter(text: str) -> str:
    """A shell block whose commands take seconds."""
    for long, short in SHORTER:
        text = re.sub(long, short, text)
    return text


def typed(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


PREPARED = {
    "docs/howto/r.md": [
        "python -m sgns_pmi.run data.words=20 hydra.run.dir=outputs/mine method=[sgns_expected] intervals=true figures=false",
        "python -m sgns_pmi.run data.words=20 dim=2,4 hydra.sweep.dir=outputs/dims method=[oracle] figures=false --multirun",
    ],
    "docs/counts.md": [
        "rm -r counts; for n in 1 2 4 5 6 7; do"
        " python -m sgns_pmi.shards count s$n data.path=corpus.txt data.window=5 shard=$n/7; done",
        "for n in 1 2 4 5 6 7; do python -m sgns_pmi.shards words words data.path=corpus.txt shard=$n/7; done",
    ],
}
"""What the reader of a page has done before, on another page or on other machines."""
AFRESH = {"docs/howto/machines.md": "rm -rf counts words s?"}
"""Pages that show several ways to one thing: what goes before each block."""


@pytest.mark.parametrize("page", [page for page in MANUAL if runnable(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_typed_from_top_to_bottom(page: Path, had: Path) -> None:
    name = str(page.relative_to(ROOT))
    for command in PREPARED.get(name, []):
        typed(had, "bash", "-ec", command)
    names = {"__name__": "manual"}
    for language, text in runnable(page):
        match language:
            case "python":
                exec(compile(text, str(page), "exec"), names)
            case "sh":
                typed(had, "bash", "-euc", f"{AFRESH.get(name, ':')}\n{shorter(text)}")
            case "r" if shutil.which("Rscript"):
                typed(had, "Rscript", "-e", HAD_IN_R + text)
