"""How figures are to look, for a screen or a paper: what the keys under ``figure.`` say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any, Self

from sgns_pmi.errors import InputError, check_choice, check_flag, check_real

FORMATS = ("png", "svg", "pdf")
LEAST, MOST = 1, 100
"""Inches and points with which there is something to see."""


@dataclass(frozen=True)
class Look:
    """How figures look; the fields are the keys under ``figure.``.

    Parameters
    ----------
    format : tuple of str, default ("png",)
        Of png, svg and pdf; .png is written in any case, as reports show it.
    width : float, optional
        Inches, as 3.3 for a column of a paper; by default each figure has the width that its panels need.
    font_size : float, default 9
        Points, of the text; titles and ticks go with it.
    parameters : bool, default True
        Whether titles say the problem, k, dim and noise, or their subject alone.
    """

    format: tuple[str, ...] = ("png",)
    width: float | None = None
    font_size: float = 9.0
    parameters: bool = True

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Check the options of the group ``figure``.

        Raises
        ------
        InputError
            For a key that does not exist, or a value that cannot be.
        """
        known = [field.name for field in fields(cls)]
        for key in options:
            if key not in known:
                raise InputError(
                    f"figure.{key}", options[key], f"no such key; there are {', '.join(f'figure.{k}' for k in known)}"
                )
        given = options.get("format", "png")
        formats = [check_choice("figure.format", own, FORMATS) for own in (given if isinstance(given, list | tuple) else [given])]
        width = options.get("width")
        return cls(
            tuple(dict.fromkeys(("png", *formats))),
            None if width is None else _size("figure.width", width),
            _size("figure.font_size", options.get("font_size", 9.0)),
            check_flag("figure.parameters", options.get("parameters", True)),
        )


def _size(key: str, value: object) -> float:
    size = check_real(key, value, above=True)
    if not LEAST <= size <= MOST:
        raise InputError(key, value, f"must be from {LEAST} to {MOST}")
    return size


_LOOK: ContextVar[Look | None] = ContextVar("look", default=None)


def look() -> Look:
    """That of the figures that are drawn now."""
    return _LOOK.get() or Look()


@contextmanager
def drawn_as(own: Look) -> Iterator[None]:
    """Inside the block figures look so."""
    before = _LOOK.set(own)
    try:
        yield
    finally:
        _LOOK.reset(before)


__all__ = ["FORMATS", "Look", "drawn_as", "look"]
