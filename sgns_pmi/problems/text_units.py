"""Units of a text: stretches of it whose counts are taken as independent of each other's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError
from sgns_pmi.lazily import sp

if TYPE_CHECKING:
    from sgns_pmi.problems.corpus.stream import Corpus

BOUNDARIES = {"document": "file", "paragraph": "paragraph", "line": "line"}
"""What ends a unit, as the boundaries of windows are named."""
BLOCK = 10_000
"""Tokens beyond which a text has mostly forgotten what it was about."""
FEWEST = 20
"""Units below which a variance between them says little."""
Kind = str | int
"""A key of `BOUNDARIES`, or the tokens of a block."""


@dataclass(frozen=True)
class TextUnits:
    """What the counts of a text are the sum of; the text is read again for them, so that they are never held together.

    Parameters
    ----------
    corpus : Corpus
    kind : {"document", "paragraph", "line"} or int
        Where a unit ends, or how many tokens it has. A pair is of the unit in which its centre stands.
    """

    corpus: Corpus
    kind: Kind

    @property
    def what(self) -> str:
        """What a unit is, in the plural."""
        return f"{self.kind}s" if isinstance(self.kind, str) else f"blocks of {self.kind:,} tokens"

    def __iter__(self) -> Iterator[sp.csr_array]:
        """The counts of some units after others, (units, seen cells of the corpus' counts, in CSR order)."""
        if isinstance(self.kind, int):
            size = self.kind
            return self.corpus.counts_by_unit(lambda places: (places // size).astype(np.int32))
        ends = self.corpus.ends(BOUNDARIES[self.kind])

        def unit_of(places: NDArray[np.int64]) -> NDArray[np.int32]:
            return np.asarray(np.searchsorted(ends, places, side="right"), dtype=np.int32)

        return self.corpus.counts_by_unit(unit_of)


def parse_unit(unit: object) -> Kind | None:
    """The unit that a name or ``block:10000`` stands for; None for "auto".

    Raises
    ------
    InputError
        For another value.
    """
    if unit == "auto":
        return None
    if isinstance(unit, str) and unit in BOUNDARIES:
        return unit
    found = re.fullmatch("block:([1-9][0-9]{0,17})", str(unit))
    if found is None:
        raise InputError("unit", unit, f"must be auto, {', '.join(BOUNDARIES)}, or block:N of N tokens, as block:{BLOCK}")
    return int(found[1])


def choose_unit(kind: Kind | None, tokens: int, documents: int) -> Kind:
    """The unit of a text of so many tokens: `kind`, or for None its documents if there are 20, and else blocks.

    Blocks of 10,000 tokens, or of a twentieth of a shorter text.

    Raises
    ------
    InputError
        For a unit that is the whole text.
    """
    if kind is None:
        return "document" if documents >= FEWEST else max(1, min(BLOCK, tokens // FEWEST))
    if (documents if kind == "document" else tokens // kind if isinstance(kind, int) else FEWEST) < 2:
        given = f"block:{kind}" if isinstance(kind, int) else kind
        raise InputError(
            "unit", given, f"is the whole text, of {tokens:,} tokens; give smaller units, as block:{tokens // FEWEST}"
        )
    return kind


__all__ = ["TextUnits", "choose_unit", "parse_unit"]
