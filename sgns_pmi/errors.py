"""One-line errors, and the checks that raise them.

Every refusal of the package names the field, the value and the remedy, so that a person who reads only
the last line of a terminal knows what to change.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any


class InputError(ValueError):
    """Input that cannot be used, said in one line: ``field=value: remedy``.

    Parameters
    ----------
    field : str
        The name the user knows: a configuration key, an argument or a column.
    value : object
        What was given; shortened when its text is long.
    remedy : str
        What is allowed, or what to do.
    """

    def __init__(self, field: str, value: object, remedy: str) -> None:
        self.field, self.value, self.remedy = field, value, remedy
        # Of a long path the end tells more.
        shortened = _short(value, end=field.endswith("path"))
        # A key that nobody knows is the user's, too.
        super().__init__(f"{shown(field)}={shortened}: {_one_line(remedy)}")

    def __reduce__(self) -> tuple[Any, ...]:
        # The default rebuilds an exception from its message alone, which fails across processes (joblib).
        return type(self), (self.field, self.value, self.remedy)

    def under(self, group: str) -> InputError:
        """The same error with its field named inside a configuration group, as in ``data.words``."""
        return type(self)(f"{group}.{self.field}", self.value, self.remedy)


LONGEST_PIECE = 300
"""Letters without white space that a line shows whole: paths are shorter, the tokens of what is no text are not."""


def printable(text: str) -> str:
    r"""`text` without what would command a terminal: controls and marks that turn the direction of writing, as escapes.

    Examples
    --------
    >>> printable("\x1b[31mred")
    '\\x1b[31mred'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def shown(word: str, most: int = LONGEST_PIECE) -> str:
    """A word as a console or a picture has it: `printable`, and cut where it is too long to be one, as data are."""
    return printable(_cut(word, most))


def _escaped(character: str) -> str:
    harmless = (
        unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp") and unicodedata.bidirectional(character) not in TURNS
    )
    return character if harmless else ascii(character)[1:-1]


TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""Unicode's embeddings, overrides and isolates of the direction of writing."""


def _one_line(value: object) -> str:
    shortened = re.sub(rf"\S{{{LONGEST_PIECE},}}", lambda piece: _cut(piece[0], LONGEST_PIECE), str(value))
    return printable(" ".join(shortened.split()))


def _cut(text: str, limit: int, end: bool = False) -> str:
    if len(text) <= limit:
        return text
    return "…" + text[1 - limit :] if end else text[: limit - 1] + "…"


def _short(value: object, limit: int = 80, end: bool = False) -> str:
    return _cut(printable(" ".join(str(value).split())), limit, end)


def check_integer(field: str, value: object, minimum: int = 1) -> int:
    """Return `value` as an int, or raise `InputError` unless it is a whole number ≥ `minimum`."""
    # Integers are not sent through float, which holds them to 2⁵³ only.
    if isinstance(value, Real) and not isinstance(value, bool) and (isinstance(value, Integral) or float(value).is_integer()):
        number = int(value if isinstance(value, Integral) else float(value))
        if number >= minimum:
            return number
    raise InputError(field, value, f"must be a whole number, {minimum} or more")


def check_real(field: str, value: object, minimum: float = 0.0, *, above: bool = False) -> float:
    """Return `value` as a float, or raise `InputError` unless it is finite and ≥ (with `above`: >) `minimum`."""
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        number = float(value)
        if number > minimum or (number == minimum and not above):
            return number
    raise InputError(field, value, f"must be a number {'above' if above else 'not below'} {minimum:g}")


RIDGE_WEIGHTS = ("uniform", "margins")


def check_ridge(value: object) -> float | str:
    """Return a penalty's λ ≥ 0 as a float, or "auto"; raise `InputError` for anything else."""
    if isinstance(value, str) and value != "auto":
        raise InputError("ridge", value, "must be a number from 0, or auto")
    return "auto" if isinstance(value, str) else check_real("ridge", value)


def check_share(field: str, value: object) -> float:
    """Return `value` as a float, or raise `InputError` unless it is above 0 and below 1."""
    share = check_real(field, value, above=True)
    if share < 1:
        return share
    raise InputError(field, value, "must be a number above 0 and below 1")


def check_choice(field: str, value: object, allowed: Collection[str]) -> str:
    """Return `value`, or raise `InputError` with the allowed names and the closest of them."""
    if isinstance(value, str) and value in allowed:
        return value
    near = get_close_matches(str(value), list(allowed), n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise InputError(field, value, f"must be one of {', '.join(allowed)}{hint}")


def check_flag(field: str, value: object) -> bool:
    """Return `value`, or raise `InputError` unless it is true or false."""
    if isinstance(value, bool):
        return value
    raise InputError(field, value, "must be true or false")


def check_dim(dim: object, shape: tuple[int, int]) -> int:
    """Return `dim`, or raise `InputError` unless 1 ≤ dim ≤ min(words, contexts)."""
    number = check_integer("dim", dim)
    if number > min(shape):
        raise InputError("dim", dim, f"must be at most {min(shape)}, the smaller side of the {shape[0]} x {shape[1]} counts")
    return number


def missing_extra(package: str, extra: str, purpose: str) -> InputError:
    """The error for an optional package that is not installed: names the extra to install."""
    return InputError("package", package, f"is needed {purpose}; install it with: pip install 'sgns-pmi[{extra}]'")


def check_seed(seed: object) -> int:
    """Return `seed`, or raise `InputError` unless it is a whole number ≥ 0."""
    return check_integer("seed", seed, minimum=0)


__all__ = [
    "InputError",
    "check_choice",
    "check_dim",
    "check_flag",
    "check_integer",
    "check_real",
    "check_seed",
    "check_share",
    "missing_extra",
    "printable",
    "shown",
]
