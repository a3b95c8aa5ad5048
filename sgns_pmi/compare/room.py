"""Whether a comparison has room, asked before any work; nothing slow is imported for it."""

from __future__ import annotations

from sgns_pmi.memory import check_dense

DENSE = 6
"""Matrices of all cells that are held at once where a truth is known: PMI true and empirical, joint, estimate, two at work."""


def check_room(shape: tuple[int, int]) -> None:
    """Refuse a problem with a known truth, of this shape, whose matrices have no room.

    Raises
    ------
    InputError
        Names ``words``.
    """
    check_dense(shape, DENSE, "choose fewer words: a comparison with a known truth is one of all cells")
