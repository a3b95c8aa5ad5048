"""What a command says, which may end before its work does: a reader goes away, a disk is full."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import IO, Any, cast


class _Output:
    """A stream that a reader may leave, or a full disk end, without ending the program: the rest is said to nobody."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, and go on where that fails."""
        try:
            self._stream.write(text)
        except OSError:
            self._to_nobody()
        return len(text)

    def flush(self) -> None:
        """Flush, and go on where that fails."""
        try:
            self._stream.flush()
        except OSError:
            self._to_nobody()

    def _to_nobody(self) -> None:
        # What the stream still holds would fail again when Python ends, and change the exit code.
        with suppress(OSError, ValueError), open(os.devnull, "w") as nobody:
            os.dup2(nobody.fileno(), self._stream.fileno())


@contextmanager
def lasting_output() -> Iterator[None]:
    """Exit codes tell how the work ended, whether or not anybody could be told on the way (``| head``, a full disk).

    Ctrl-C that nobody else has heeded ends a command in one line, with exit code 130.
    """
    streams = [_Output(stream) for stream in (sys.stdout, sys.stderr) if stream is not None]  # None: closed by the shell
    if len(streams) < 2:
        yield
        return
    with redirect_stdout(cast(IO[str], streams[0])), redirect_stderr(cast(IO[str], streams[1])):
        try:
            yield
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise SystemExit(130) from None
        finally:
            for stream in streams:
                stream.flush()


def arguments_or_usage(arguments: Sequence[str] | None, usage: str) -> list[str]:
    """What a command was given; one asked for help, or given nothing, says how it is used and ends, with exit code 0 or 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or {"-h", "--help"} & set(given):
        print(usage, end="", file=sys.stdout if given else sys.stderr)
        raise SystemExit(0 if given else 2)
    return given


__all__ = ["arguments_or_usage", "lasting_output"]
