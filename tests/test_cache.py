"""What is kept between runs: found again, whole or absent, made by one process at a time, and bounded."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

import sgns_pmi as sp
from sgns_pmi import cache as module
from sgns_pmi.cache import Cache, hash_of, main, prune
from sgns_pmi.compare import floors
from sgns_pmi.problems import scaling


def once(folder: Path, name: str, value: float, always: bool = True, made: Path | None = None) -> float:
    """A number that is kept; `made` has a letter for each time that it was made."""

    def make() -> float:
        if made is not None:
            with made.open("a") as stream:
                stream.write("x")
            time.sleep(0.3)
        return value

    return Cache(folder).once(name, make, lambda number: {"n": np.array(number)}, lambda kept: float(kept["n"]), always)


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    name = hash_of("a", 1)
    assert once(tmp_path, name, 0.1) == 0.1
    assert once(tmp_path, name, 0.2) == 0.1
    assert once(tmp_path, hash_of("a", 2), 0.2) == 0.2
    assert once(tmp_path, hash_of("a", 3), 0.3, always=False) == 0.3  # was made in no time
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_names_tell_apart_what_things_are_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = np.zeros(4)
    names = [
        hash_of(zeros),
        hash_of(zeros.reshape(2, 2)),
        hash_of(zeros.astype(np.float32)),
        hash_of(zeros, 1),
        hash_of(zeros, "1"),
    ]
    assert len(set(names)) == 5
    assert hash_of(zeros) == names[0]
    monkeypatch.setattr(module, "code_version", lambda: "another")
    assert hash_of(zeros) != names[0]


def test_what_is_damaged_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    once(tmp_path, "00000000", 1.0)
    (tmp_path / "00000000.npz").write_bytes(b"PK")
    assert once(tmp_path, "00000000", 2.0) == 2.0
    assert "made again" in caplog.text
    assert once(tmp_path, "00000000", 3.0) == 2.0


def test_what_cannot_be_written_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert once(tmp_path / "file", "00000000", 1.0) == 1.0


def test_of_several_processes_one_makes_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    given = tmp_path / "cache", "00000000", 1.0, True, tmp_path / "made"
    workers = [context.Process(target=once, args=given) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (tmp_path / "made").read_text() == "x"


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    for place in range(4):
        once(tmp_path, f"0000000{place}", 1.0)
        os.utime(tmp_path / f"0000000{place}.npz", (place, place))
    once(tmp_path, "00000000", 1.0)  # is used again
    files = sorted(tmp_path.glob("*.npz"))
    size = files[0].stat().st_size
    assert prune(files, 3 * size) == 1
    assert sorted(file.stem[-1] for file in tmp_path.glob("*.npz")) == ["0", "2", "3"]
    Cache(tmp_path, limit=2 * size).once("00000009", lambda: 1.0, lambda n: {"n": np.array(n)}, lambda kept: 0.0, always=True)
    assert sorted(file.stem[-1] for file in tmp_path.glob("*.npz")) == ["0", "9"]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SGNS_PMI_CACHE", str(tmp_path))

    def said(*arguments: str) -> tuple[int | None, str]:
        code = None
        try:
            main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    assert said("show") == (None, f"{tmp_path}\n")
    once(tmp_path / "truths", "00000000", 1.0)
    assert said("show")[1].startswith("truths: 1 files, 0.0 MB, last used 20")
    assert said("prune", "2GB")[1].startswith("0 of 1 files removed\n")
    assert said("prune") == (None, f"1 of 1 files removed\n{tmp_path}\n")
    assert said("prune", "much") == (2, "size=much: must be a size as 500MB or 2GB\n")
    assert said("show", "all")[0] == said("drop")[0] == 2


def test_truths_are_the_same_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scaling of a generator, and the floors and bounds of its truth, to the last bit."""
    monkeypatch.setattr(module, "WORTH", 0.0)

    def computed() -> list[object]:
        monkeypatch.setattr(floors, "KNOWN", {})
        problem = sp.marginal_problem(words=20, rank=1, pairs=5000)
        bounds = floors._Bounds(problem)
        assert problem.truth is not None
        return [problem.truth.left.tobytes(), problem.truth.right.tobytes(), bounds.of_rank(2), bounds.cramer_rao(False)]

    monkeypatch.setenv("SGNS_PMI_CACHE", str(tmp_path))
    first = computed()
    assert len(list((tmp_path / "truths").glob("*.npz"))) == 3
    with monkeypatch.context() as patch:
        for place, name in ((scaling, "_scaled"), (floors, "low_rank"), (floors, "_bound")):
            patch.setattr(place, name, None)
        assert computed() == first
    monkeypatch.setenv("SGNS_PMI_CACHE", str(tmp_path / "another"))
    assert computed() == first
