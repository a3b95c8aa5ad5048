"""Memory before work: what an array would take, held against what is free."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from sgns_pmi.errors import InputError

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]

GIB = 2**30
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
OWN_GROUPS, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
"""The control groups of this process, and where all of them are described."""
FILES = {"": ("memory.max", "memory.current"), "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes")}
"""What a control group may use and uses, by its controller: in version 2 none is named."""


def free_bytes() -> float:
    """Bytes that this process may still take: of the machine, of its control group and of its address space; ∞ if unknown."""
    free = [math.inf, *_available(), *_left_to_groups()]
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


def parse_size(field: str, size: object, least: int = 0) -> int:
    """Bytes from a text as ``500MB`` or ``2GB`` (powers of ten).

    Raises
    ------
    InputError
        For another form, or fewer bytes than `least`; it names `field`.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]B)", str(size).strip(), re.IGNORECASE)
    parsed = float(found[1]) * UNITS[found[2].upper()] if found else -1.0
    if not least <= parsed < math.inf:
        more = f", {least // 10**6}MB or more" if least else ""
        raise InputError(field, size, f"must be a size as 500MB or 2GB{more}")
    return int(parsed)


def check_rows(rows: int, contexts: int, matrices: int = 1) -> None:
    """Refuse, before it is begun, what makes so many dense matrices of these rows.

    Raises
    ------
    InputError
        As `check_memory`; names ``rows``.
    """
    remedy = "ask for some rows at a time, as rows=slice(0, 1000)"
    check_memory("rows", f"{rows} x {contexts} contexts", 8.0 * matrices * rows * contexts, remedy)


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


def _left_to_groups() -> Iterator[float]:
    """What the control groups of this process, and those that they are part of, may still take."""
    try:
        lines = OWN_GROUPS.read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in FILES.keys() & controllers.split(","):
            top, own = GROUPS / controller, GROUPS / controller / path.strip("/")
            for group in (own, *own.parents[: len(own.parts) - len(top.parts)]):
                limit, used = (_number(group / name) for name in FILES[controller])
                if limit is not None and used is not None:
                    yield float(limit - used + _dropped_at_need(group / "memory.stat"))


def _dropped_at_need(statistics: Path) -> int:
    """Bytes of files that a group counts as used, and gives back: those read long ago."""
    try:
        lines = statistics.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "total_inactive_file ")))


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


__all__ = ["check_dense", "check_memory", "check_rows", "free_bytes", "parse_size"]
