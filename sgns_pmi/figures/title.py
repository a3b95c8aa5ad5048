"""What a run was, as its figures say it above their panels."""

from __future__ import annotations

from dataclasses import dataclass

from sgns_pmi.figures.paper import look


@dataclass(frozen=True)
class RunTitle:
    """What a run was, for the titles of its figures.

    Parameters
    ----------
    problem : str
        ``Problem.title``: "softmax, 100 words, rank 2, 200,000 pairs".
    k, dim : int
        Number of negatives and dimension of the factors.
    noise : str
        Name of the noise distribution.
    exponent : float, default 1
        The noise's smoothing power; shown for the two unigram noises where it is not 1.
    pmi_rank : int, optional
        Rank of the true PMI, where there is a truth.
    """

    problem: str
    k: int
    dim: int
    noise: str
    exponent: float = 1.0
    pmi_rank: int | None = None

    def of(self, subject: str) -> str:
        """Two lines: the subject and the problem; then k, dim, rank and noise. Or the subject alone, by the `look`."""
        if not look().parameters:
            return subject
        return f"{subject}: {self.problem}\n{settings(self.k, self.dim, self.pmi_rank, self.noise, self.exponent)}"


def settings(
    k: int | None = None,
    dim: int | None = None,
    pmi_rank: int | None = None,
    noise: str | None = None,
    exponent: float | None = None,
) -> str:
    """k, dim, rank and noise as a line of a title; what is None is left out."""
    if exponent not in (None, 1) and noise in ("unigram", "center_unigram"):
        noise = f"{noise}^{exponent:g}"
    facts = {"k": k, "dim": dim, "rank of true PMI": pmi_rank, "noise": noise}
    return ", ".join(f"{name} = {value}" for name, value in facts.items() if value is not None)
