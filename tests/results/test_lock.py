"""A folder has one owner, whichever way the owner ends; and no run finds what another has left."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import sgns_pmi as sp
from sgns_pmi.files import atomic_path, is_temporary
from sgns_pmi.results.leftovers import clear
from sgns_pmi.results.lock import FolderLock, new_folder

HOLD = """
import sys, time
from pathlib import Path
from sgns_pmi.results.lock import FolderLock
with FolderLock(Path(sys.argv[1]), "folder"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "a", "hydra.run.dir"):
        with pytest.raises(sp.InputError, match=f"is in use by process {os.getpid()} on .*another folder") as refused:
            FolderLock(tmp_path / "a", "hydra.run.dir").__enter__()
        assert refused.value.field == "hydra.run.dir"
        with FolderLock(tmp_path / "b", "hydra.run.dir"):
            pass
    with FolderLock(tmp_path / "a", "hydra.run.dir"):
        pass
    assert list((tmp_path / "a").iterdir()) == []


def test_a_killed_owner_lets_go(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout.readline() == "held\n"
    with pytest.raises(sp.InputError, match=f"process {owner.pid} "):
        FolderLock(tmp_path, "folder").__enter__()
    owner.kill()
    with FolderLock(tmp_path, "folder", patience=10):
        pass
    owner.wait()
    owner.stdout.close()
    assert list(tmp_path.iterdir()) == []


def test_new_folders_are_nobodys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda _: new_folder(tmp_path / "outputs" / "12-00-00"), range(20)))
    names = ["12-00-00", *(f"12-00-00-{number}" for number in range(2, 21))]
    assert sorted(place.name for place in places) == sorted(names)


def test_old_results_go_and_the_users_files_stay(tmp_path: Path) -> None:
    for name in ("summary.json", "metrics.csv", "vectors/qwem.npz", "vectors/qwem.txt", "figures/recovery.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("old")
    for name in ("notes.txt", "figures/mine.docx", ".hidden"):
        (tmp_path / name).write_text("the user's")
    clear(tmp_path)
    left = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file())
    assert left == [".hidden", "figures/mine.docx", "notes.txt"]
    assert not (tmp_path / "vectors").exists()


def test_half_written_files_of_killed_runs_go(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "vectors" / "a.b.npz") as beside:
        beside.write_text("half")
        assert is_temporary(beside)
        (tmp_path / beside.name).write_text("half")  # as if the writer had been killed
        (tmp_path / "vectors" / f"{beside.stem}").write_text("half")  # of a file without a suffix
    (tmp_path / "vectors" / ".a.npz").write_text("the user's")
    assert not is_temporary(tmp_path / "vectors" / "a.b.npz")
    clear(tmp_path, ())
    assert sorted(file.name for file in tmp_path.rglob("*") if file.is_file()) == [".a.npz", "a.b.npz"]
