"""What ends a run from outside: a signal, or the end of the process that started it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals of a scheduler's time limit and of a closed terminal."""
GRACE = 4.0
"""Seconds from such a signal, or of an orphan, to write what was learned; schedulers then kill."""
AGAIN = 0.05
"""Seconds after which a signal that came during an import is looked at again."""
LATE: dict[int, threading.Timer] = {}
"""Signals that came during an import, and what looks at each again."""
LAST_WORDS: list[Callable[[], None]] = []
"""What is called before a process ends whose grace is over."""


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Inside the block SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does; what nohup ignores stays ignored.

    `GRACE` seconds later the process ends, wherever it is: a library that computes for minutes lets no exception through.
    A signal that comes during an import waits until that has ended: half a module is mended by no later import.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    outside = _imports(sys._getframe())

    def interrupt(number: int, frame: FrameType | None) -> None:
        if number in LATE:
            LATE.pop(number).cancel()
        if _imports(frame) == outside:
            raise KeyboardInterrupt
        LATE[number] = threading.Timer(AGAIN, os.kill, (os.getpid(), number))
        LATE[number].daemon = True
        LATE[number].start()

    numbers = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    ctrl_c = [signal.SIGINT] if signal.getsignal(signal.SIGINT) is signal.default_int_handler else []
    before = {number: signal.signal(number, interrupt) for number in (*numbers, *ctrl_c)}
    try:
        with _ended_after_grace(numbers):
            yield
    finally:
        late = _taken()
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in late:
            signal.raise_signal(number)


def heed() -> None:
    """Raise the KeyboardInterrupt of a signal that came during an import: where these follow each other it would wait long."""
    if _taken():
        raise KeyboardInterrupt


def _taken() -> list[int]:
    """The signals that wait, which nothing looks at again."""
    late = list(LATE)
    for number in late:
        LATE.pop(number).cancel()
    return late


def _imports(frame: FrameType | None) -> int:
    """How many frames of the stack are Python's own that import modules."""
    found = 0
    while frame is not None:
        found += frame.f_code.co_filename.startswith("<frozen importlib")
        frame = frame.f_back
    return found


@contextmanager
def _ended_after_grace(numbers: list[int]) -> Iterator[None]:
    """Inside the block a thread of its own, to which the system itself hands each signal, counts the seconds."""
    earlier = signal.set_wakeup_fd(-1)
    if earlier != -1:  # an outer block, or an event loop, is told
        signal.set_wakeup_fd(earlier)
        yield
        return
    receiving, sending = os.pipe()
    os.set_blocking(sending, False)
    signal.set_wakeup_fd(sending, warn_on_full_buffer=False)
    over = threading.Event()

    def watch() -> None:
        while received := os.read(receiving, 1):
            if received[0] in numbers and not over.wait(GRACE):
                for say in LAST_WORDS:
                    with suppress(Exception):
                        say()
                os._exit(130)

    thread = threading.Thread(target=watch, name="sgns-pmi grace", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        over.set()
        os.close(sending)
        thread.join()
        os.close(receiving)


def end_with_parent(parent: int | None = None) -> None:
    """From here on this process ends, as by SIGTERM, when the one that started it has ended, be it before this call.

    Parameters
    ----------
    parent : int, optional
        The process that started this one; by default that of `multiprocessing`, and nothing is done where there is none.
    """
    if parent is None:
        # Not `os.getppid`, which has forgotten a parent that was killed while this process loaded its libraries.
        starter = multiprocessing.parent_process()
        if starter is None or starter.pid is None:
            return
        parent = starter.pid

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)

    threading.Thread(target=watch, name="sgns-pmi parent", daemon=True).start()


def joblib_ends_with_this() -> None:
    """From here on each worker that joblib starts ends with this process, from before it takes its first job.

    Without this a worker waits for ever for its first job if this process is killed while it starts another.
    """
    from joblib.parallel import LokyBackend, register_parallel_backend  # takes a tenth of a second to load

    register_parallel_backend("loky", partial(LokyBackend, initializer=end_with_parent))


__all__ = ["LAST_WORDS", "end_with_parent", "ended_as_by_ctrl_c", "heed", "joblib_ends_with_this"]
