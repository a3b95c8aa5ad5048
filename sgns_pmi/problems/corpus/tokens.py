"""From bytes to tokens: what is a word, and where a sentence ends."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.errors import InputError, check_choice
from sgns_pmi.problems.corpus.sources import Block

TOKENS = ("whitespace", "words", "regex")
ERRORS = ("strict", "replace")
ASCII_WORD = re.compile(r"\w+(?:'\w+)*", re.ASCII)
MARK, MARK_BYTE = "\udcff", 0xFF
"""Stands between matches: a byte that UTF-8 never contains, and what Python makes of it."""
SPACES = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
"""All white space of Unicode, as `str.split` takes it."""
WIDE_SPACE = re.compile(f"[{''.join(character for character in SPACES if not character.isascii())}]")
MOST_REPLACED = 0.2
"""Share of letters that are not UTF-8, beyond which a block is of another encoding, or no text."""
TOKEN, SEPARATOR, NEWLINE = 0, 1, 2
"""What a byte can be to `kernels.tokenise`."""


@cache
def _unicode_word() -> re.Pattern[str]:
    # Marks (categories Mn, Mc, Me) and joiners are part of a word, and no letters to Python's \w.
    marks = "".join(character for character in map(chr, range(sys.maxunicode + 1)) if category(character)[0] == "M")
    run = rf"\w[\w{marks}\u200c\u200d]*"
    return re.compile(rf"{run}(?:['’]{run})*")


def words_of(line: str) -> list[str]:
    """Letters and digits with their combining marks, and apostrophes inside: don't, नमस्ते.

    Examples
    --------
    >>> words_of("We don't, नमस्ते!")
    ['We', "don't", 'नमस्ते']
    """
    return (ASCII_WORD if line.isascii() else _unicode_word()).findall(line)


@dataclass(frozen=True)
class Tokenizer:
    """Prepares blocks of text, so that tokens are what stands between certain bytes.

    Parameters
    ----------
    tokens : {"whitespace", "words", "regex"}
        What stands between white space (as ``str.split``); lower-cased `words_of`; or matches of `pattern`, which does not reach
        over a line end.
    pattern : str, optional
        A regular expression, with one group at most; the group, where there is one, is the token.
    errors : {"strict", "replace"}
        Refuse invalid UTF-8, or put U+FFFD in its place.
    """

    tokens: str = "whitespace"
    pattern: str | None = None
    errors: str = "strict"

    def check(self) -> None:
        """Raise InputError for a field that cannot be used."""
        check_choice("tokens", self.tokens, TOKENS)
        check_choice("errors", self.errors, ERRORS)
        if (self.pattern is not None) != (self.tokens == "regex"):
            raise InputError("pattern", self.pattern, "is the regular expression of data.tokens=regex; give both or neither")
        if self.pattern is None:
            return
        try:
            groups = re.compile(self.pattern).groups
            if not isinstance(self.pattern, str):
                raise TypeError("must be text")
        except (re.error, TypeError, OverflowError, RecursionError) as error:
            raise InputError("pattern", self.pattern, f"is not a regular expression: {error}") from None
        if groups > 1:
            raise InputError("pattern", self.pattern, f"has {groups} groups; at most one can be the token, write others (?:...)")

    @cached_property
    def kind(self) -> NDArray[np.uint8]:
        """TOKEN, SEPARATOR or NEWLINE for each byte of a prepared block, (256,)."""
        kind = np.full(256, TOKEN, np.uint8)
        separators = [ord(space) for space in SPACES if space.isascii()]
        kind[separators if self.tokens == "whitespace" else MARK_BYTE] = SEPARATOR
        kind[ord("\n")] = NEWLINE
        return kind

    def prepare(self, block: Block) -> bytes:
        """The block's text with separators between the tokens and the line ends as they were.

        Raises
        ------
        InputError
            For invalid UTF-8, with its place.
        """
        if self.tokens == "whitespace":
            if block.text.isascii():
                return block.text
            return WIDE_SPACE.sub(" ", self._decoded(block)).encode()
        find = words_of if self.pattern is None else re.compile(self.pattern).findall
        marked = "\n".join(MARK.join(find(line)) for line in self._decoded(block).split("\n"))
        return (marked.lower() if self.pattern is None else marked).encode(errors="surrogateescape")

    def _decoded(self, block: Block) -> str:
        try:
            return block.text.decode("utf-8")
        except UnicodeDecodeError as error:
            replaced = block.text.decode("utf-8", "replace")
            some = replaced.count("\ufffd") <= MOST_REPLACED * len(replaced)
            if some and self.errors == "replace":
                return replaced
            place = f"is not UTF-8 at byte {block.offset + error.start:,} ({error.reason})"
            remedy = "convert it, or set data.errors=replace" if some else "is of another encoding, or no text: iconv"
            raise InputError("path", block.source.name, f"{place}; {remedy}") from None
