"""What ends a run from outside: a signal, or the end of the process that started it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals of a scheduler's time limit and of a closed terminal."""
GRACE = 5.0
"""Seconds that an orphan has to write what it has learned."""


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Inside the block SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does; what nohup ignores stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with(parent: int) -> None:
    """From here on this process ends, as by SIGTERM, when the process `parent` that started it has ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)

    if not any(thread.name == "sgns-pmi parent" for thread in threading.enumerate()):
        threading.Thread(target=watch, name="sgns-pmi parent", daemon=True).start()


__all__ = ["end_with", "ended_as_by_ctrl_c"]
