"""What generators have in common: their seeds, the order and the margins of their words, and the draw of counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError, check_choice, check_flag, check_integer, check_real, check_seed
from sgns_pmi.memory import check_memory
from sgns_pmi.problems.problem import Problem, Truth
from sgns_pmi.problems.sampling import SAMPLINGS, sample_counts
from sgns_pmi.problems.scaling import zipf_marginal
from sgns_pmi.problems.transform import permuted, with_margins
from sgns_pmi.streams import stream

FACTORS = 4
"""Arrays of (words, columns) that a generator holds: V₀ and U₀, and both factors of the PMI."""


@dataclass
class Drawing:
    """How a generator's truth is arranged, and how counts are drawn from it; checked when made.

    Parameters
    ----------
    name : str
        The generator's; its streams are its own.
    pairs : int
        N.
    sampling : {"multinomial", "poisson", "population"}
    seed : int
        Of the truth.
    draw_seed : int, optional
        Of the counts, so that one truth can be drawn from again and again; the same as `seed` by default.
    zipf : float, optional
        Marginals p_i ∝ 1 / i^zipf on both sides in place of the generator's own; PMI then gains a row and a column term.
    permute : bool
        Words are put into a random order first, the same on both sides: frequency has then nothing to do with structure.
    """

    name: str
    pairs: int
    sampling: str
    seed: int
    draw_seed: int | None = None
    zipf: float | None = None
    permute: bool = False

    def __post_init__(self) -> None:
        self.pairs, self.seed = check_integer("pairs", self.pairs), check_seed(self.seed)
        check_choice("sampling", self.sampling, SAMPLINGS)
        self.draw_seed = self.seed if self.draw_seed is None else check_integer("draw_seed", self.draw_seed, 0)
        if self.zipf is not None:
            self.zipf = check_real("zipf", self.zipf)
        check_flag("permute", self.permute)

    def truth_stream(self, *purpose: str) -> np.random.Generator:
        """Randomness of the truth."""
        return stream(self.seed, "truth", self.name, *purpose)

    def draw_stream(self) -> np.random.Generator:
        """Randomness of the counts, given the truth."""
        assert self.draw_seed is not None
        return stream(self.draw_seed, "draws", self.name)

    def order(self, words: int) -> NDArray[np.intp]:
        """The place, in the generator's own order, of each word."""
        return self.truth_stream("order").permutation(words) if self.permute else np.arange(words)

    def problem(self, what: str, truth: Truth, vocab: Sequence[str] | None = None) -> Problem:
        """Counts drawn from a square truth, its words permuted and its margins replaced where that is asked for.

        Parameters
        ----------
        what : str
            What the truth is, for the title.
        truth : Truth
        vocab : sequence of str, optional
            Names of the truth's words.
        """
        order = self.order(len(truth.row_marginal))
        if self.permute:
            truth = permuted(truth, order, order)
        if self.zipf is not None:
            margins = zipf_marginal(len(order), self.zipf)
            try:
                truth = with_margins(truth, margins, margins)
            except InputError as error:
                raise InputError("zipf", self.zipf, f"cannot be laid on this truth: {error.remedy}") from None
        counts = sample_counts(truth, self.pairs, self.sampling, self.draw_stream())
        if vocab is not None:
            names = [vocab[place] for place in order]
            counts = CooccurrenceCounts.from_matrix(counts.matrix, names, names)
        return Problem(counts, self.title(what), truth)

    def title(self, what: str) -> str:
        """What the counts are, as a sentence begins."""
        margins = "" if self.zipf is None else f", Zipf {self.zipf:g}" if self.zipf else ", uniform margins"
        order = ", permuted" if self.permute else ""
        return f"{self.name} generator, {what}{order}{margins}, {describe(self.pairs, self.sampling)}"


def check_factors(words: object, columns: object, name: str = "rank", least: int = 2) -> tuple[int, int]:
    """`words` from `least` and the `columns` of their factors as whole numbers, for which there is room.

    Raises
    ------
    InputError
        Names ``words``, or the columns' key `name`.
    """
    words, columns = check_integer("words", words, least), check_integer(name, columns)
    field, value = ("words", words) if words >= columns else (name, columns)
    remedy = "choose a smaller rank" if field == "rank" else f"choose fewer {field}"
    check_memory(field, value, FACTORS * 8.0 * words * columns, remedy)
    return words, columns


def describe(pairs: int, sampling: str) -> str:
    """The number of pairs and how they were drawn, for titles."""
    how = {"multinomial": "", "poisson": " (Poisson)", "population": " without sampling noise"}
    return f"{pairs:,} pairs{how[sampling]}"


__all__ = ["Drawing", "check_factors", "describe"]
