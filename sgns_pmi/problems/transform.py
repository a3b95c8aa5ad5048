"""Truths from truths: transformations under which a joint distribution and its PMI stay exactly known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.problems.problem import ALL, Rows, Truth
from sgns_pmi.problems.sampling import row_blocks
from sgns_pmi.problems.scaling import sinkhorn

Float = NDArray[np.float64]
Index = NDArray[np.intp]


def joint_truth(joint: Float) -> Truth:
    """The truth of a dense joint distribution, all of whose cells are above 0; normalised to sum 1."""
    joint = joint / joint.sum()
    p, q = joint.sum(axis=1), joint.sum(axis=0)
    pmi = np.log(joint, out=joint)
    pmi -= np.log(p)[:, None]
    pmi -= np.log(q)
    return Truth(p, q, pmi)


def permuted(truth: Truth, rows: Rows, columns: Rows) -> Truth:
    """The same distribution, its centres and contexts in another order; singular values stay."""
    return Truth(
        truth.row_marginal[rows],
        truth.col_marginal[columns],
        truth.left[rows] if truth.right is not None else truth.left[rows][:, columns],
        None if truth.right is None else truth.right[columns],
        None if truth.nominal_left is None else truth.nominal_left[rows],
        None if truth.nominal_right is None else truth.nominal_right[columns],
    )


def plus_margins(truth: Truth, a: Float, b: Float, p: Float, q: Float, rows: Rows, columns: Rows) -> Truth:
    """The truth whose PMI is that of the given rows and columns plus a_i + b_j, and whose marginals are p and q."""
    part = permuted(truth, rows, columns)
    if part.right is None:
        return replace(part, row_marginal=p, col_marginal=q, left=part.left + a[:, None] + b)
    left = np.column_stack([part.left, a, np.ones(len(p))])
    right = np.column_stack([part.right, np.ones(len(q)), b])
    return replace(part, row_marginal=p, col_marginal=q, left=left, right=right)


def with_margins(truth: Truth, p: Float, q: Float) -> Truth:
    """The distribution of the form a_i b_j exp(PMI_ij) with marginals p and q: other frequencies, the same odds ratios.

    Its PMI is the given one plus a row and a column term: of rank + 2 at most.

    Raises
    ------
    InputError
        As `sinkhorn`.
    """
    a, b = sinkhorn(truth.left, truth.right, p, q)
    return plus_margins(truth, a - np.log(p), b - np.log(q), p, q, ALL, ALL)


def restricted(truth: Truth, rows: Index, columns: Index) -> Truth:
    """The distribution of a pair given that its centre is in `rows` and its context in `columns`.

    With Z the probability of that and p', q' the marginals of P / Z there, PMI' = PMI + log(p_i / p'_i) + log(q_j / q'_j)
    − log Z: of rank + 2 at most.
    """
    p, q = np.empty(len(rows)), np.zeros(len(columns))
    for block in row_blocks(len(rows), len(truth.col_marginal)):
        joint = truth.joint(rows[block])[:, columns]
        p[block] = joint.sum(axis=1)
        q += joint.sum(axis=0)
    total = p.sum()
    p, q = p / total, q / total
    a = np.log(truth.row_marginal[rows] / p) - np.log(total)
    return plus_margins(truth, a, np.log(truth.col_marginal[columns] / q), p, q, rows, columns)


def symmetrised(truth: Truth) -> Truth:
    """(P + Pᵀ) / 2: which of the two words is the centre is tossed for each pair; dense."""
    joint = truth.joint()
    return joint_truth(joint + joint.T)


__all__ = ["joint_truth", "permuted", "restricted", "symmetrised", "with_margins"]
