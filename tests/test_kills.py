"""Runs and sweeps that are killed: real processes, and what they leave."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

import sgns_pmi as sp
from sgns_pmi import signals
from sgns_pmi.files import is_temporary
from sgns_pmi.results.lock import FolderLock
from sgns_pmi.signals import ended_as_by_ctrl_c

LONG = ("data=toy", "method=[sppmi_svd,sgns_sampled]", "dim=2", "solver.sampled.epochs=100000000", "figures=false")
"""Training that no test waits for; SPPMI-SVD, before it, takes no time."""
TWELVE = ("data=toy", "method=[sppmi_svd,sgns_sampled]", "dim=1,2", "k=1,2", "seed=0,1,2", "solver.sampled.epochs=200")
TABLES = ("sweep.csv", "summary.csv")
GOES_ON = "what is there is whole, and the same command goes on"
KILLS = 50
"""Of each launcher, in the study."""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "sgns_pmi.run", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(sp.__file__).parents[1]), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(seen: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something has happened, but no longer than a loaded machine could need."""
    last = time.monotonic() + 300
    while not seen():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < last
        time.sleep(0.05)


def training(folder: Path) -> bool:
    """Whether the first method of a run has ended, hence the second is about to train."""
    return (folder / "vectors" / "sppmi_svd.npz").is_file()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_sigterm_ends_a_run_as_ctrl_c_does(tmp_path: Path) -> None:
    process = start(tmp_path, *LONG, "hydra.run.dir=out")
    wait_for(lambda: training(tmp_path / "out"), process)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["status"], summary["pid"]) == ("running", process.pid)
    assert sp.Run.open(tmp_path / "out").status == "running"
    with pytest.raises(sp.InputError, match=f"is in use by process {process.pid} "):
        FolderLock(tmp_path / "out", "hydra.run.dir").__enter__()
    process.terminate()
    assert process.wait(60) == 130
    process.stderr.close()
    run = sp.Run.open(tmp_path / "out")
    assert run.status == "interrupted"
    assert run.reason.startswith("was ended by Ctrl-C or a signal")
    assert "sppmi_svd" in set(run.metrics["method"])
    assert run.vectors("sppmi_svd").matrix.shape[1] == 2
    assert not (tmp_path / "out" / ".lock").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_are_ctrl_c(number: signal.Signals) -> None:
    ours = signal.signal(number, signal.SIG_DFL)  # nohup has these tests ignore it
    try:
        with pytest.raises(KeyboardInterrupt), ended_as_by_ctrl_c():
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, ours)


def test_a_signal_waits_until_an_import_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "disturbed_inner.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nwhole = True\n")
    (tmp_path / "disturbed.py").write_text("import disturbed_inner\nwhole = True\n")

    def load_and_wait() -> None:
        import_module("disturbed")
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt), ended_as_by_ctrl_c():
        load_and_wait()
    assert sys.modules["disturbed"].whole
    assert sys.modules["disturbed_inner"].whole


def test_a_signal_in_an_import_is_heard_where_it_is_heeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it would wait, and once."""
    monkeypatch.setattr(signals, "AGAIN", 60.0)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "disturbed_heeded.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    with ended_as_by_ctrl_c():
        signals.heed()
        import_module("disturbed_heeded")
        with pytest.raises(KeyboardInterrupt):
            signals.heed()
        signals.heed()


def test_a_signal_in_an_import_is_in_time_when_the_block_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there before is told then."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "disturbed_late.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    told = []
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        with ended_as_by_ctrl_c():
            import_module("disturbed_late")
        assert told == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_run_that_is_ended_while_it_loads_a_library(tmp_path: Path) -> None:
    code = """
import os, signal, sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "pandas._libs.tslibs":
            sys.meta_path.remove(Finder)
            os.kill(os.getpid(), signal.SIGTERM)
from sgns_pmi.run import main
sys.meta_path.insert(0, Finder)
main()
"""
    command = [sys.executable, "-c", code, "data=toy", "method=[sppmi_svd]", "dim=2", "figures=false", "hydra.run.dir=out"]
    path = os.environ | {"PYTHONPATH": str(Path(sp.__file__).parents[1])}
    process = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True)
    assert process.returncode == 130
    assert "Traceback" not in process.stderr
    assert "interrupted: out\n" in process.stdout
    assert sp.Run.open(tmp_path / "out").status == "interrupted"


def test_a_library_that_hears_nothing_is_ended_all_the_same(tmp_path: Path) -> None:
    code = """
import contextlib, hashlib, sys
from pathlib import Path
from sgns_pmi import signals
from sgns_pmi.results.record import RunRecord
signals.GRACE = 0.2
with signals.ended_as_by_ctrl_c(), RunRecord(Path(sys.argv[1]), {}):
    for said in ("begun\\n", ""):  # the signal may come before the first computation
        with contextlib.suppress(KeyboardInterrupt):
            print(said, end="", flush=True)
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # half an hour, in which no handler of Python's is called
"""
    path = os.environ | {"PYTHONPATH": str(Path(sp.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=path, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    process.terminate()
    assert process.wait(60) == 130
    process.stdout.close()
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["status"], len(summary["warnings"])) == ("interrupted", 1)


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_as_by_ctrl_c():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="needs the extra sgns-pmi[parallel]")
    parallel = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=out", "--multirun")
    process = start(tmp_path, *LONG, "k=1,2", *parallel)
    folders = [tmp_path / "out" / f"k={k}" for k in (1, 2)]
    wait_for(lambda: all(map(training, folders)), process)
    workers = [json.loads((folder / "summary.json").read_text())["pid"] for folder in folders]
    assert all(map(alive, workers))
    assert process.pid not in workers
    process.kill()
    process.wait(60)
    process.stderr.close()
    last = time.monotonic() + 60
    while any(map(alive, workers)):
        assert time.monotonic() < last
        time.sleep(0.05)
    # The system may take a moment to forget a process.
    while any(sp.Run.open(folder).status == "running" for folder in folders):
        assert time.monotonic() < last
        time.sleep(0.05)
    for folder in folders:
        run = sp.Run.open(folder)
        assert run.status == "interrupted"
        assert run.vectors("sppmi_svd").matrix.shape[1] == 2  # written when the method ended
    assert not list((tmp_path / "out").rglob(".*-*"))


def test_workers_end_with_a_parent_that_was_killed_before_they_began(tmp_path: Path) -> None:
    code = """
import multiprocessing, os, signal, sys, time
from pathlib import Path
def work(begun):
    begun.touch()
    while os.getppid() == multiprocessing.parent_process().pid:
        time.sleep(0.01)
    from sgns_pmi.signals import end_with_parent
    end_with_parent()
    time.sleep(600)
if __name__ == "__main__":
    worker = multiprocessing.get_context("fork").Process(target=work, args=[Path(sys.argv[1])])
    worker.start()
    print(worker.pid, flush=True)
    while not Path(sys.argv[1]).exists():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    path = os.environ | {"PYTHONPATH": str(Path(sp.__file__).parents[1])}
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "begun")], env=path, stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    parent.wait(60)
    last = time.monotonic() + 60
    while alive(worker):
        assert time.monotonic() < last
        time.sleep(0.05)
    parent.stdout.close()


@pytest.mark.parametrize("moment", ["fork_exec.fork_exec", "popen_loky_posix.Popen._launch"])
def test_workers_end_with_a_parent_that_was_killed_while_it_started_them(tmp_path: Path, moment: str) -> None:
    """Before the first worker was told anything, and when it had been told all but its first job."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="needs the extra sgns-pmi[parallel]")
    code = f"""
import os, signal
from joblib.externals.loky.backend import fork_exec, popen_loky_posix
from sgns_pmi.run import main
start = {moment}
def started_and_killed(*own, **named):
    start(*own, **named)
    os.kill(os.getpid(), signal.SIGKILL)
{moment} = started_and_killed
main()
"""
    parallel = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=out", "--multirun")
    path = os.environ | {"PYTHONPATH": str(Path(sp.__file__).parents[1])}
    command, quiet = [sys.executable, "-c", code, *LONG, "k=1,2", *parallel], subprocess.DEVNULL
    assert subprocess.run(command, cwd=tmp_path, env=path, stdout=quiet, stderr=quiet).returncode == -signal.SIGKILL
    last = time.monotonic() + 60
    while working_in(tmp_path):  # the worker, and what keeps watch over its resources
        assert time.monotonic() < last
        time.sleep(0.05)


@pytest.mark.study
@pytest.mark.parametrize("launcher", ["basic", "joblib", "bulk"])
def test_killed_and_resumed_again_and_again(tmp_path: Path, launcher: str) -> None:
    """50 kills at random moments: the tables of an undisturbed sweep, no other file, no process left."""
    own = (*TWELVE, "figures=false", f"hydra/launcher={launcher}")
    own += ("hydra.launcher.n_jobs=2",) if launcher != "basic" else ()
    for _ in range(2):  # the first may have compiled
        begun = time.monotonic()
        whole = start(tmp_path, *own, "hydra.sweep.dir=whole", "--multirun", "resume=false")
        whole.stderr.read()
        assert whole.wait() == 0
        lasts = time.monotonic() - begun
    draws = random.Random(0)
    kills, rounds = 0, 0
    while kills < KILLS:
        rounds += 1
        folder = tmp_path / f"killed{rounds}"
        code = None
        while code != 0:
            begun = time.monotonic()
            process = start(tmp_path, *own, f"hydra.sweep.dir={folder.name}", "--multirun")
            try:
                code = process.wait(draws.uniform(0, lasts))
                lasts = min(lasts, 2 * (time.monotonic() - begun))  # of a machine that was busier before
            except subprocess.TimeoutExpired:
                kills += 1
                lasts *= 1.1  # on a machine that has become busier nothing would come to its end
                process.send_signal(draws.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
                process.wait(600)  # some seconds, where nothing else runs
            else:
                assert code == 0, process.stderr.read()
            process.stderr.close()
        for name in TABLES:
            assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        assert files(folder) == files(tmp_path / "whole")
    time.sleep(6)
    assert not working_in(tmp_path)


@pytest.mark.study
@pytest.mark.parametrize("launcher", ["basic", "joblib", "bulk"])
@pytest.mark.parametrize("room", ["40k", "100k"])
def test_a_full_and_a_read_only_disk(tmp_path: Path, launcher: str, room: str) -> None:
    """One line; with room again the tables of an undisturbed sweep, from the jobs that are there and those that are not."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    own = ("data=toy", "method=[sppmi_svd]", "dim=1,2", "k=1,2", "seed=0,1,2", "eval.maps=[]", "figures=false", "--multirun")
    own += (f"hydra/launcher={launcher}", *(("hydra.launcher.n_jobs=2",) if launcher != "basic" else ()))

    def ended(*arguments: str) -> tuple[int, str]:
        process = start(tmp_path, *own, *arguments)
        text = process.stderr.read()
        process.stderr.close()
        return process.wait(), text.rstrip().rpartition("\n")[2]

    try:
        code, line = ended("hydra.sweep.dir=disk/out")
        assert (code, line) == (2, f"folder={line[7:].partition(':')[0]}: No space left on device; {GOES_ON}")
        assert not [file for file in disk.rglob("*") if is_temporary(file)]
        subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
        assert ended("hydra.sweep.dir=disk/out")[0] == ended("hydra.sweep.dir=whole")[0] == 0
        for name in TABLES:
            assert (disk / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        code, line = ended("hydra.sweep.dir=disk/out", "resume=false")
        assert (code, line.partition(": ")[2]) == (2, "cannot be written: Read-only file system; give another")
        assert (disk / "out" / "sweep.csv").read_bytes() == (tmp_path / "whole" / "sweep.csv").read_bytes()
    finally:
        subprocess.run(["umount", disk], check=True)


def files(folder: Path) -> set[Path]:
    """Everything under a folder; of lines of jobs only that there are some."""
    return {file.relative_to(folder) for file in folder.rglob("*") if file.suffix != ".jsonl"}


def working_in(folder: Path) -> list[str]:
    """The processes whose working directory is in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if Path(os.readlink(process / "cwd")).is_relative_to(folder):
                found.append(process.name)
    return found
