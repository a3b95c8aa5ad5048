"""What a batch costs InfoNCE, and at which dim it is at its bound: the fits, the table and the figure of the infonce study."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import sgns_pmi as sp
from sgns_pmi.factorise import Factorisation
from sgns_pmi.factorise.linalg import truncated_svd
from sgns_pmi.factorise.methods.infonce import InfoNCE
from sgns_pmi.figures import save
from sgns_pmi.figures.style import TARGET, plain, set_title, styled
from sgns_pmi.problems import Problem
from sgns_pmi.results.replicates import mean_interval

Float = NDArray[np.float64]

HERE = Path(__file__).parent
SEEDS = range(10)
WORDS, PAIRS, RANK = 40, 45_000, 4
BATCHES = (64, 256, 1024, 4096, 32768)
DIMS = (2, 3, 4, 6)
EPOCHS, LONG, STEPS = 10, 100, 1000
DRAWS, GRID = 1000, 60
"""Batches, and values of what is added to their sums, by which a mean over batches is found."""
COLOURS = {"InfoNCE, one direction": "#E69F00", "InfoNCE, both directions": "#D55E00", "SGNS, K = 5": "#0072B2"}


def problem_of(seed: int) -> Problem:
    """The R experiment at 40 words, some 28 pairs a cell."""
    return sp.softmax_problem(words=WORDS, pairs=PAIRS, seed=seed)


def crowding(P: Float, batch: float, rng: np.random.Generator) -> Float:
    """F_ikj = E[π_k π_j] / (P(k|i) P(j|i)) at x = PMI, π a batch's guess of i's context; (words, contexts, contexts).

    Let t_k be how often context k is in the batch, e_k = exp(PMI_ik) and S = Σ t_k e_k / B, so that π_k = t_k e_k / (B S).
    Batches with a context of i's own and B − 1 others from q are multinomial ones, tilted by S. Hence E[π_k] = P(k|i) and

        E[π_k π_j] = E₀[t_k t_j e_k e_j / (B² S)],      t ~ multinomial(B, q),

    where a factor t_k is q_k B and one more k in the batch: all that is left to simulate is a mean of 1/S, smooth in what was
    added. F is 1 for infinite batches.
    """
    if np.isinf(batch):
        return np.ones((*P.shape, P.shape[1]))
    q = P.sum(0)
    ratio = P / np.outer(P.sum(1), q)
    others, more = (rng.multinomial(size, q, size=DRAWS) @ ratio.T for size in (int(batch) - 2, 1))
    F = np.empty((*P.shape, P.shape[1]))
    for i, e in enumerate(ratio):
        grid = np.geomspace(e.min(), 2 * e.max(), GRID)
        inverse = np.interp(np.add.outer(e, e), grid, (batch / (grid[:, None] + others[:, i])).mean(1))
        once = np.interp(e, grid, (batch / (grid[:, None] + (others + more)[:, i])).mean(1))
        F[i] = (1 - 1 / batch) * inverse + np.diag(once / (batch * q))
    return F


def one_side(P: Float, V: Float, U: Float, F: Float) -> tuple[Float, Float]:
    """Curvature A (parameters, parameters) and influence φ (words, contexts, parameters) where centres guess contexts.

    The loss of batches from the counts is a U-statistic in the pairs. At x = PMI, with J_ij = ∂x_ij/∂(V, U),

        A = Σ_i p_i J_iᵀ (diag P(·|i) − E[π πᵀ]) J_i,
        φ_ij = −J_ij + Σ_k P(k|i) F_ikj J_ik + Σ_h p_h exp(x_hj) [J_hj − Σ_k P(k|h) F_hkj J_hk] + a constant:

    what a pair says as its own centre's, and as a context that other centres do not have.
    """
    (words, contexts), dim, p = P.shape, V.shape[1], P.sum(1)
    given = P / p[:, None]
    ratio = given / P.sum(0)
    weight = given[:, :, None] * F  # E[π_k π_j] / P(j|i), (words, k, j)
    mean = np.einsum("ikj,kd->ijd", weight, U)
    phi = np.zeros((words, contexts, words + contexts, dim))
    rows, cols = np.arange(words), np.arange(contexts)
    phi[rows, :, rows] += mean - U
    phi[:, :, words:] += np.einsum("ikj,id->ijkd", weight, V)
    phi[:, cols, words + cols] -= V[:, None]
    other = np.zeros((contexts, words + contexts, dim))
    scaled = p[:, None] * ratio
    other[:, :words] = (scaled[:, :, None] * (U - mean)).transpose(1, 0, 2)
    other[cols, words + cols] += scaled.T @ V
    other[:, words:] -= np.einsum("ij,ikj,id->jkd", scaled, weight, V)
    phi += other
    A = np.zeros((words + contexts, dim, words + contexts, dim))
    for i in range(words):
        inner = p[i] * (np.diag(given[i]) - weight[i] * given[i])
        half = inner @ U
        A[i, :, i] += U.T @ half
        cross = np.einsum("kd,e->dke", half, V[i])
        A[i][:, words:] += cross
        A[words:, :, i] += cross.transpose(1, 2, 0)
        A[words:, :, words:] += np.einsum("kj,d,e->kdje", inner, V[i], V[i])
    size = (words + contexts) * dim
    return A.reshape(size, size), phi.reshape(words, contexts, size)


def predicted(problem: Problem, batch: float, symmetric: bool, seed: int) -> float:
    """P-weighted RMSE of the corrected estimate at dim = rank, of first order in 1/N: the least of the loss over all batches.

    Cov(V, U) = A⁺ Cov(φ) A⁺ / N. What is estimated, x less a normaliser, moves with K_ij = J_ij − E[J | row] (or less E[J], of
    both directions); one direction's normaliser also moves with the counts of contexts, by χ²(P(·|i), q) / N, and not with K.
    """
    assert problem.joint is not None
    assert problem.pmi is not None
    P, words = problem.joint, WORDS
    V, U = factors(problem.pmi, RANK)
    rng = np.random.default_rng(seed)
    A, phi = one_side(P, V, U, crowding(P, batch, rng))
    size = len(A)
    if symmetric:
        other, back = one_side(P.T, U, V, crowding(P.T, batch, rng))
        swap = np.concatenate([np.arange(words * RANK, size), np.arange(words * RANK)])
        A, phi = (A + other[np.ix_(swap, swap)]) / 2, (phi + back.transpose(1, 0, 2)[:, :, swap]) / 2
    phi = phi - np.einsum("ij,ijs->s", P, phi)
    spread = np.einsum("ijs,ijt->st", P[:, :, None] * phi, phi, optimize=True)
    J: Float = np.zeros((words, words, 2 * words, RANK))
    each = np.arange(words)
    J[each, :, each] += U
    J[:, each, words + each] += V[:, None]
    J = J.reshape(words, words, size)
    own = np.einsum("ij,ijs->s", P, J) if symmetric else np.einsum("ij,ijs->is", P / P.sum(1, keepdims=True), J)[:, None]
    K = J - own
    if symmetric:
        A = A + np.outer(own, own)  # the term that holds the constant, which drawn batches leave next to no curvature
    inverse = np.linalg.pinv(A, rcond=1e-9, hermitian=True)
    moved = np.einsum("ijs,ijt->st", P[:, :, None] * K, K, optimize=True)
    variance = float(((inverse @ spread @ inverse) * moved).sum())
    if not symmetric:
        variance += float((P**2 / np.outer(P.sum(1), P.sum(0))).sum() - 1)
    return float(np.sqrt(variance / problem.counts.total))


def weighted_rmse(method: Factorisation, problem: Problem) -> float:
    """√(Σ P (estimate − PMI)²), of the corrected estimate."""
    assert problem.joint is not None
    assert problem.pmi is not None
    return float(np.sqrt((problem.joint * (method.estimate_pmi() - problem.pmi) ** 2).sum()))


def factors(matrix: Float, rank: int) -> tuple[Float, Float]:
    """V and U with V Uᵀ the matrix, of that rank."""
    left, values, right = truncated_svd(matrix, rank)
    return left * np.sqrt(values), right * np.sqrt(values)


def by_dim(problem: Problem, seed: int) -> Iterator[tuple[Any, ...]]:
    """The optimum of each loss at each dim, and the bounds of both models."""
    assert problem.joint is not None
    assert problem.pmi is not None
    assert problem.nominal is not None
    for name, matrix, rank in (("free", problem.pmi, RANK), ("effects", problem.nominal, RANK - 2)):
        bound = sp.cramer_rao_rmse(*factors(matrix, rank), problem.joint, problem.counts.total, name)
        yield "bound", name, RANK, np.inf, seed, bound, ""
    for dim in DIMS:
        for name, method in {
            "InfoNCE, one direction": InfoNCE(dim=dim, symmetric=False, seed=seed),
            "InfoNCE, both directions": InfoNCE(dim=dim, seed=seed),
            "SGNS, K = 5": sp.SGNS(dim=dim, seed=seed, solver=sp.Expected(starts=1)),
        }.items():
            yield "optimum", name, dim, np.inf, seed, weighted_rmse(method.fit(problem.counts), problem), method.status_


def by_batch(problem: Problem, seed: int) -> Iterator[tuple[Any, ...]]:
    """What batches of each size are predicted to reach and do: in `EPOCHS` passes, and in `LONG` or `STEPS` steps, the more."""
    for symmetric, name in ((True, "InfoNCE, both directions"), (False, "InfoNCE, one direction")):
        for batch in (*BATCHES, np.inf):
            yield "predicted", name, RANK, batch, seed, predicted(problem, batch, symmetric, seed), ""
    for batch in BATCHES:
        longer = max(LONG, math.ceil(STEPS * batch / PAIRS))
        for what, epochs in (("short", EPOCHS), ("long", longer)):
            if what == "short" or batch > BATCHES[0]:
                method = InfoNCE(dim=RANK, batch=batch, epochs=epochs, seed=seed).fit(problem.counts)
                yield what, "InfoNCE, both directions", RANK, batch, seed, weighted_rmse(method, problem), method.status_


@styled
def panels(rows: pd.DataFrame) -> Figure:
    """Left: P-weighted RMSE of the optimum against dim; right: of batches against their size."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for (name, colour), mark in zip(COLOURS.items(), "s^o", strict=True):
        draw(left, rows[(rows["what"] == "optimum") & (rows["method"] == name)], "dim", colour, mark, name)
    for ax, labelled in ((left, True), (right, False)):
        for name, style in (("free", "--"), ("effects", ":")):
            level = rows[(rows["what"] == "bound") & (rows["method"] == name)]["value"].mean()
            ax.axhline(level, color=TARGET, linestyle=style, linewidth=1, label=f"bound, {name}" if labelled else None, zorder=1)
    both = rows[rows["method"] == "InfoNCE, both directions"]
    for what, text, colour, mark in (
        ("short", f"measured, {EPOCHS} passes", "#CC6677", "v"),
        ("long", f"measured, {LONG} passes, {STEPS:,} steps or more", "#882255", "D"),
        ("predicted", "predicted: the optimum of batches", "#D55E00", "^"),
    ):
        draw(right, both[(both["what"] == what) & np.isfinite(both["batch"])], "batch", colour, mark, text)
    left.set(xlabel="dim", ylabel="P-weighted RMSE (nats)", title="infinite batch, against dim", yscale="log", xticks=DIMS)
    right.set(xlabel="pairs in a batch (log scale)", title=f"both directions, dim {RANK}, against batch", xscale="log")
    right.set_xticks(BATCHES, [f"{batch:,}" for batch in BATCHES])
    right.minorticks_off()
    left.yaxis.set_major_formatter(plain)
    left.yaxis.set_minor_formatter(plain)
    for ax, place in ((left, "upper right"), (right, "upper left")):
        ax.grid(True)
        ax.legend(loc=place, title=f"mean and 95 % interval, {len(SEEDS)} seeds")
    set_title(figure, f"InfoNCE: recovery of the true PMI\nsoftmax generator, {WORDS} words, {PAIRS:,} pairs, rank of PMI {RANK}")
    return figure


def draw(ax: Any, rows: pd.DataFrame, x: str, colour: str, mark: str, text: str) -> None:
    """A line with the 95 % interval of its means."""
    spread = mean_interval(rows.groupby(x)["value"])
    ax.plot(spread.index, spread["mean"], color=colour, marker=mark, label=text)
    ax.fill_between(spread.index, spread["lower"], spread["upper"], color=colour, alpha=0.2, linewidth=0)


def report(found: list[tuple[Any, ...]]) -> None:
    """Write table.csv and figure.png beside this file."""
    rows = pd.DataFrame(found, columns=["what", "method", "dim", "batch", "seed", "value", "status"])
    endless = rows["status"].isin(["no finite optimum", "diverged"])
    rows["value"] = rows["value"].where(~endless)
    bound = rows[(rows["what"] == "bound") & (rows["method"] == "free")].set_index("seed")["value"]
    rows["over_bound"] = rows["value"] / rows["seed"].map(bound)
    groups = rows.groupby(["what", "method", "dim", "batch"], sort=False)
    without = endless.groupby([rows[key] for key in ("what", "method", "dim", "batch")], sort=False).sum()
    parts = [
        mean_interval(groups[metric]).assign(without_optimum=without, metric=metric).reset_index()
        for metric in ("value", "over_bound")
    ]
    table = pd.concat(parts)
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    print(table.to_string(index=False))
    save(panels(rows), HERE / "figure")


def main() -> None:
    """Fit what is asked of each seed, and report it."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    torch.set_num_threads(1)
    threadpool_limits(1)
    found: list[tuple[Any, ...]] = []
    for seed in SEEDS:
        problem = problem_of(seed)
        found += [*by_dim(problem, seed), *by_batch(problem, seed)]
        print(f"seed {seed}", flush=True)
    report(found)


if __name__ == "__main__":
    main()
