"""Memory before work: what an array would take, held against what is free."""

from __future__ import annotations

import math
from pathlib import Path

from sgns_pmi.errors import InputError

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]

GIB = 2**30
LIMITS = (  # what a control group may use, and uses: versions 2 and 1
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def free_bytes() -> float:
    """Bytes that this process may still take: of the machine, of its control group and of its address space; ∞ if unknown."""
    free = [math.inf, *_available()]
    free += [
        float(most - used) for limit, current in LIMITS if (most := _number(limit)) and (used := _number(current)) is not None
    ]
    if resource is not None:
        allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
        if allowed != resource.RLIM_INFINITY:
            free.append(float(allowed - _address_space()))
    return max(min(free), 0.0)


def check_memory(field: str, value: object, needed: float, remedy: str) -> None:
    """Refuse, before it is begun, what needs more bytes than are free.

    Parameters
    ----------
    field, value : str, object
        What is to be changed.
    needed : float
        Bytes of the largest arrays together.
    remedy : str
        What to change.

    Raises
    ------
    InputError
        Names what is needed, what is free and what to change.
    """
    free = free_bytes()
    if needed > free:
        raise InputError(field, value, f"needs {needed / GIB:.1f} GiB of memory, and {free / GIB:.1f} GiB are free; {remedy}")


def check_dense(shape: tuple[int, int], matrices: int, remedy: str = "choose fewer words") -> None:
    """Refuse, before it is begun, what holds so many dense matrices (words, contexts) of float64 at once.

    Raises
    ------
    InputError
        As `check_memory`; names ``words``.
    """
    check_memory("words", shape[0], 8.0 * matrices * shape[0] * shape[1], remedy)


def _available() -> list[float]:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    return [1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]


def _number(file: Path) -> int | None:
    """What a file of one number says; None where there is none, as where nothing is limited."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _address_space() -> int:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 0


__all__ = ["check_dense", "check_memory", "free_bytes"]
