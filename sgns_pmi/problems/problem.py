"""Problem: counts, and the truth behind them where it is known."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.lazily import sp
from sgns_pmi.memory import check_rows
from sgns_pmi.progress import beating

if TYPE_CHECKING:
    from sgns_pmi.problems.corpus.stream import Corpus
    from sgns_pmi.problems.text_units import TextUnits

Float = NDArray[np.float64]
Rows = slice | NDArray[np.intp]
ALL = slice(None)


@dataclass(frozen=True)
class Truth:
    """A joint distribution known through its PMI: P_ij = p_i q_j exp(PMI_ij), PMI = left · rightᵀ.

    Kept as factors, so that 20,000 x 20,000 words need no dense matrix.

    Parameters
    ----------
    row_marginal, col_marginal : ndarray, (words,) and (contexts,)
        p and q, each summing to 1.
    left, right : ndarray, (words, m) and (contexts, m)
        Factors of the PMI. `right` is None when `left` is the dense PMI itself.
    nominal_left, nominal_right : ndarray, (words, r) and (contexts, r), optional
        V₀ and U₀, whose product M the problem was drawn from.
    """

    row_marginal: Float
    col_marginal: Float
    left: Float
    right: Float | None = None
    nominal_left: Float | None = None
    nominal_right: Float | None = None

    def __repr__(self) -> str:
        return f"Truth({len(self.row_marginal)} x {len(self.col_marginal)}, PMI of rank {self.left.shape[1]} at most)"

    def pmi(self, rows: Rows = ALL) -> Float:
        """True PMI of the given rows, dense (rows, contexts)."""
        left = self.left[rows]
        if self.right is None:
            return left
        check_rows(len(left), len(self.right))
        return left @ self.right.T

    def joint(self, rows: Rows = ALL) -> Float:
        """Joint distribution P of the given rows, dense (rows, contexts)."""
        return self.joint_of(self.pmi(rows), rows)

    def joint_of(self, pmi: Float, rows: Rows = ALL) -> Float:
        """The same, given the PMI of those rows."""
        return np.exp(pmi) * self.row_marginal[rows][:, None] * self.col_marginal

    def nominal(self, rows: Rows = ALL) -> Float | None:
        """M = V₀ U₀ᵀ of the given rows, dense; None where the problem has no such matrix."""
        if self.nominal_left is None or self.nominal_right is None:
            return None
        return self.nominal_left[rows] @ self.nominal_right.T

    def pmi_rank(self) -> int:
        """Numerical rank of the true PMI."""
        if self.right is None:
            return int(np.linalg.matrix_rank(self.left))
        # rank(A Bᵀ) = rank(R_A R_Bᵀ) for the triangular factors of A and B.
        r_left = np.asarray(np.linalg.qr(self.left, mode="r"))
        r_right = np.asarray(np.linalg.qr(self.right, mode="r"))
        core = r_left @ r_right.T
        # NumPy 1.26 has no `rtol`.
        return int(np.linalg.matrix_rank(core, tol=1e-10 * np.linalg.norm(core, 2)))


@dataclass(frozen=True)
class Units:
    """What was drawn together: the counts of each unit (a document, a site), which sum to the counts of the whole.

    Parallel arrays, in the order of the units.

    Parameters
    ----------
    unit : ndarray of int32, (cells,)
        Which unit, from 0.
    center, context : ndarray of int32, (cells,)
    count : ndarray of float64, (cells,)
    what : str, default "units of the data"
        What a unit is, in the plural.
    """

    unit: NDArray[np.int32]
    center: NDArray[np.int32]
    context: NDArray[np.int32]
    count: Float
    what: str = "units of the data"

    @classmethod
    def of(cls, counts: Sequence[sp.coo_array], what: str) -> Units:
        """Units from the counts of each, (words, contexts)."""
        unit = np.repeat(np.arange(len(counts), dtype=np.int32), [part.nnz for part in counts])
        center, context = (np.concatenate([part.coords[side] for part in counts]).astype(np.int32) for side in (0, 1))
        return cls(unit, center, context, np.concatenate([part.data for part in counts]).astype(np.float64), what)

    def pooled(self, shape: tuple[int, int]) -> CooccurrenceCounts:
        """The counts of all units together."""
        return CooccurrenceCounts.from_triples(self.center, self.context, self.count, shape)


class Analogy(NamedTuple):
    """One question: `a` is to `b` as `c` is to `expected`."""

    section: str
    a: str
    b: str
    c: str
    expected: str


@dataclass(frozen=True)
class Problem:
    """Counts to factorise and, where it is known, the truth that they were drawn from.

    Parameters
    ----------
    counts : CooccurrenceCounts
    title : str
        What the counts are, for figures and logs: "softmax, 100 words, rank 2, 200,000 pairs".
    truth : Truth, optional
    corpus : Corpus, optional
        The text that was counted, for methods that read it again and again.
    units : Units or TextUnits, optional
        Where pairs were not drawn one by one: which of them were drawn together.
    questions : tuple of Analogy
        Analogies that the truth answers; a run asks its word vectors.
    """

    counts: CooccurrenceCounts
    title: str
    truth: Truth | None = None
    corpus: Corpus | None = None
    units: Units | TextUnits | None = None
    questions: tuple[Analogy, ...] = ()

    def __repr__(self) -> str:
        return f"Problem({self.title!r}, {self.counts!r}, offers {', '.join(sorted(self.offers))})"

    @cached_property
    def pmi(self) -> Float | None:
        """True PMI, dense (words, contexts), natural log; None without a truth."""
        return None if self.truth is None else self.truth.pmi()

    @cached_property
    def joint(self) -> Float | None:
        """Joint distribution, dense (words, contexts), summing to 1; None without a truth."""
        return None if self.truth is None or self.pmi is None else self.truth.joint_of(self.pmi)

    @cached_property
    def nominal(self) -> Float | None:
        """M = V₀U₀ᵀ, which is not the PMI of its softmax; None where there is no such matrix."""
        return None if self.truth is None else self.truth.nominal()

    @property
    def offers(self) -> frozenset[str]:
        """What methods find here: "counts"; where they are, "words" (named), "draws" (from a known P), "truth" and "text"."""
        there = {"words": self.counts.vocab, "draws": self.truth, "truth": self.truth, "text": self.corpus}
        return frozenset({"counts", *(what for what, value in there.items() if value is not None)})

    def give(self, what: str) -> Any:
        """What a method that needs this fits: the counts, the dense true PMI, or the text."""
        return {"truth": lambda: self.pmi, "text": lambda: self.corpus}.get(what, lambda: self.counts)()

    @cached_property
    def pmi_rank(self) -> int | None:
        """Rank of the true PMI; None without a truth."""
        return None if self.truth is None else self.truth.pmi_rank()


PROBLEMS: dict[str, Callable[..., Problem]] = {}
"""Where counts come from, by the name that ``data=`` has; keyword arguments are the keys under ``data.``."""


def register_problem(name: str) -> Callable[[Callable[..., Problem]], Callable[..., Problem]]:
    """Make a function that returns a Problem available as ``data=name``, and say now and then that it runs."""

    def register(build: Callable[..., Problem]) -> Callable[..., Problem]:
        @wraps(build)
        def told(*args: Any, **options: Any) -> Problem:
            # Jobs that run in parallel would all say so.
            with beating(f"{name} problem", shown=multiprocessing.parent_process() is None):
                return build(*args, **options)

        PROBLEMS[name] = told
        return told

    return register
