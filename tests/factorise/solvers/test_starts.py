"""Which starts need not be followed: those that lie in the bowl of an optimum that is known."""

from __future__ import annotations

from copy import copy

import numpy as np
import pytest
import scipy.special
import torch
from numpy.typing import NDArray

import sgns_pmi as sp
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.factorise.solvers import Newton, random_start, spectral_start, starts
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.factorise.solvers.starts import Bowl
from sgns_pmi.negatives import Negatives
from sgns_pmi.progress import Progress

Float = NDArray[np.float64]
K, DIM = 20, 4
TABLE = np.exp(0.5 * np.random.default_rng(3).standard_normal((30, 25))) * 20  # no cell is unseen


def at_its_end(n: Float, bias: bool, start: int | None = None) -> Newton:
    """A descent from the spectral start, or from a random one, to its optimum."""
    counts = sp.CooccurrenceCounts.from_matrix(n)
    negatives = Negatives.of(counts, K)
    first = spectral_start(counts, DIM, negatives)
    if start is not None:
        first = random_start(counts, DIM, negatives, np.random.default_rng(start))
    descent = Newton(ExactObjective(counts, negatives), [first], bias, History())
    descent.approach()
    descent.converge(1e-15, 500, Progress("", 0, shown=False))
    assert descent.converged
    return descent


@pytest.fixture(scope="module", params=[False, True])
def optimum(request: pytest.FixtureRequest) -> Newton:
    return at_its_end(TABLE, bias=request.param)


@pytest.mark.parametrize("seed", range(10))
def test_near_an_optimum_all_is_its_bowl(optimum: Newton, seed: int) -> None:
    """Whatever moves: ℓ there is known to second order, of which the gradient's part is as large as the curvature's."""
    generator = torch.Generator().manual_seed(seed)
    moves = [1e-3 * torch.randn(factor.shape, generator=generator, dtype=factor.dtype) for factor in optimum.factors]
    moved = [factor.clone() for factor in optimum.factors]
    for factor, move, free in zip(moved, moves, optimum.free, strict=True):
        factor[:, free] += move[:, free]
    objective = optimum.exact.value(*moved)
    assert objective > optimum.objective
    bowl = Bowl(optimum)
    assert has(bowl, moved, objective, optimum)
    assert not has(bowl, moved, optimum.objective + 2 * (objective - optimum.objective), optimum)
    assert not has(bowl, moved, optimum.objective + 0.5 * (objective - optimum.objective), optimum)


def test_far_from_an_optimum_is_outside_its_bowl(optimum: Newton) -> None:
    generator = torch.Generator().manual_seed(0)
    moved = [factor + torch.randn(factor.shape, generator=generator, dtype=factor.dtype) for factor in optimum.factors]
    assert not has(Bowl(optimum), moved, optimum.exact.value(*moved), optimum)


def has(bowl: Bowl, factors: list[torch.Tensor], objective: float, optimum: Newton) -> bool:
    """Whether a descent that is at these factors has come into it."""
    other = copy(optimum)
    other.begin_at(factors, objective)
    return bowl.has(other)


def told(optimum: Newton, moved: list[torch.Tensor]) -> float:
    """ℓ by its second order in the scores: gradient (w σ(x) − n σ(−x)) / N, curvature (n + w) σ(x) σ(−x) / N."""
    n = TABLE
    x, y = ((factors[0] @ factors[1].T).numpy() for factors in (optimum.factors, moved))
    w = K * np.outer(n.sum(1), n.sum(0)) / n.sum()
    sigma = scipy.special.expit(x)
    gradient, curvature = w * sigma - n * (1 - sigma), (n + w) * sigma * (1 - sigma)
    return optimum.objective + float((gradient * (y - x) + curvature * (y - x) ** 2 / 2).sum() / n.sum())


def least(optimum: Newton) -> torch.Tensor:
    """The direction (dim,) in which V and U are smallest, so that moves of both along it meet each other before the factors."""
    return torch.linalg.eigh(sum(factor[:, :DIM].T @ factor[:, :DIM] for factor in optimum.factors))[1][:, 0]


@pytest.mark.parametrize("sides", [(0,), (1,), (0, 1)])
def test_a_move_of_one_side_is_a_tangent_and_one_of_both_is_not(optimum: Newton, sides: tuple[int, ...]) -> None:
    moved = [factor.clone() for factor in optimum.factors]
    for side in sides:
        move = torch.randn(len(moved[side]), generator=torch.Generator().manual_seed(side), dtype=torch.float64)
        moved[side][:, :DIM] += torch.outer(move, least(optimum))
    assert (moved[0] @ moved[1].T - optimum.factors[0] @ optimum.factors[1].T).abs().max() < 10
    assert has(Bowl(optimum), moved, told(optimum, moved), optimum) == (len(sides) == 1)


def test_where_all_is_flat_second_order_tells_nothing(optimum: Newton) -> None:
    moved = [factor.clone() for factor in optimum.factors]
    moved[0][0, :DIM] += 12 * optimum.factors[1][0, :DIM] / optimum.factors[1][0, :DIM].square().sum()
    assert not has(Bowl(optimum), moved, told(optimum, moved), optimum)


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_gradient_counts_beyond_the_tangents(optimum: Newton, sign: int) -> None:
    """Along ±(a wᵀ, b wᵀ), with a bᵀ the largest part of the gradient and w where V and U are smallest, ℓ bends by both."""
    V, U = optimum.factors
    a, _, b = torch.linalg.svd(optimum.exact.scores_gradient(V, U))
    moved = [V.clone(), U.clone()]
    moved[0][:, :DIM] += 1e-3 * torch.outer(a[:, 0], least(optimum))
    moved[1][:, :DIM] += sign * 1e-3 * torch.outer(b[0], least(optimum))
    objective = optimum.exact.value(*moved)
    assert told(optimum, moved) - optimum.objective == pytest.approx(objective - optimum.objective, rel=0.1)
    assert has(Bowl(optimum), moved, objective, optimum)


def test_another_gauge_is_the_same_place(optimum: Newton) -> None:
    """Where the factors differ and the scores do not, by rounding alone, there is nothing to follow."""
    turn = torch.linalg.qr(torch.randn(DIM, DIM, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    turned = [torch.cat([factor[:, :DIM] @ turn, factor[:, DIM:]], dim=1) for factor in optimum.factors]
    turned[0][:, 0] += 1e-4
    assert has(Bowl(optimum), turned, optimum.exact.value(*turned), optimum)


def test_another_optimum_is_outside_the_bowl() -> None:
    """The table of `test_local_optima_are_seen_and_the_best_is_kept`."""
    n = np.exp(1.5 * np.random.default_rng(28).standard_normal((26, 20)))
    ends = [at_its_end(n, bias=False), *(at_its_end(n, bias=False, start=seed) for seed in range(6))]
    best, *others = sorted(ends, key=lambda end: end.objective)
    apart = [end for end in others if end.objective > best.objective * (1 + 1e-7)]
    assert len(apart) >= 2
    assert not any(has(Bowl(best), end.factors, end.objective, best) for end in apart)
    assert not any(has(Bowl(end), best.factors, best.objective, end) for end in apart)


def test_to_stop_in_a_bowl_spares_steps_and_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    short = sp.SGNS(dim=DIM, k=K).fit(TABLE)
    monkeypatch.setattr(starts, "SHALLOW", 0.0)  # no start is ever in a bowl
    long = sp.SGNS(dim=DIM, k=K).fit(TABLE)
    assert len(short.history_) < len(long.history_) - 10
    assert short.objective_ == pytest.approx(long.objective_, rel=1e-12)
    assert short.starts_ is not None
    assert long.starts_ is not None
    assert short.starts_.agree
    assert (short.starts_.tried, short.starts_.reached) == (long.starts_.tried, long.starts_.reached)


def test_more_columns_than_words_have_a_tangent_space() -> None:
    n = np.random.default_rng(0).poisson(1.0, (DIM, 9)) + np.eye(DIM, 9)
    assert sp.SGNS(dim=DIM, k=2, bias=True).fit(n).status_ == "no finite optimum"
