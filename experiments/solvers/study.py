"""What each solver of SGNS reaches in which time: problems, fits, the tables and the figure of the solvers study.

What is finished of a seed lies in outputs/solvers and is not done again.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from torch.nn.functional import softplus

import sgns_pmi as sp
from sgns_pmi.factorise import Factorisation, solvers
from sgns_pmi.factorise.methods.numpy_sgns import NumpySGNS
from sgns_pmi.factorise.methods.ro_sgns import ROSGNS
from sgns_pmi.factorise.methods.sgns_stream import SGNSStream
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.sampled import Sampled
from sgns_pmi.factorise.solvers.solution import History
from sgns_pmi.figures import save
from sgns_pmi.figures.style import TARGET, plain, power, set_title, styled
from sgns_pmi.problems import Problem
from sgns_pmi.results.replicates import mean_interval

HERE = Path(__file__).parent
RESULTS = Path("outputs/solvers")
COLUMNS = ["case", "solver", "budget", "seed", "seconds", "objective", "weighted_rmse", "status"]
TARGETS = (1e-2, 1e-4, 1e-6)
"""Gaps (ℓ − ℓ°)/ℓ° that the time to is asked for."""
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
EPOCHS = (3, 10, 30, 100)


@dataclass(frozen=True)
class Case:
    """A problem with the dim and K that it is solved at.

    Parameters
    ----------
    problem : Problem
    joint, pmi : ndarray, (words, contexts)
        The truth in the order of the counts' words.
    dim, k : int
    """

    problem: Problem
    joint: np.ndarray
    pmi: np.ndarray
    dim: int
    k: int


def r_experiment(seed: int) -> Case:
    """The R script's problem."""
    problem = sp.softmax_problem(seed=seed)
    assert problem.joint is not None
    assert problem.pmi is not None
    return Case(problem, problem.joint, problem.pmi, 4, 20)


def mid_size(seed: int) -> Case:
    """150 words in Zipf's law, as a text of two-word sentences, so that what trains on text has the same pairs."""
    truth = sp.marginal_problem(words=150, rank=3, symmetric=True, pairs=200_000, sampling="population", seed=seed)
    assert truth.joint is not None
    assert truth.pmi is not None
    rng = np.random.default_rng(seed)
    drawn = rng.choice(truth.joint.size, 100_000, p=truth.joint.ravel() / truth.joint.sum())
    sentences = [[str(word) for word in pair] for pair in zip(*np.unravel_index(drawn, truth.joint.shape), strict=True)]
    problem = sp.text_problem(sentences, window=1, window_type="fixed", cache=False)
    assert problem.counts.vocab is not None
    own = np.array([int(word) for word in problem.counts.vocab])
    return Case(problem, truth.joint[np.ix_(own, own)], truth.pmi[np.ix_(own, own)], 5, 5)


CASES = {
    "R experiment: 100 words, dim 4, K 20": (r_experiment, range(10)),
    "150 words, Zipf 1, dim 5, K 5": (mid_size, range(10)),
}
"""Each problem with its seeds."""


class QuasiNewton(Expected):
    """The exact solver by its engine for large problems, whatever the size, and by it alone."""

    tells = False

    def engine(self, counts: sp.CooccurrenceCounts, dim: int) -> type[solvers.Newton] | type[solvers.QuasiNewton]:
        return solvers.QuasiNewton


class Autograd(sp.SGNS):
    """What a page of PyTorch has: the dense ℓ, autograd and torch's L-BFGS with 10 pairs and strong Wolfe, from N(0, 0.1²)."""

    steps = 1

    def fit(self, X: Any, y: Any = None, *, units: object = None) -> Self:
        self.check()
        counts, history = self._remember(X), History()
        negatives = self.negatives_of(counts)
        self._scores_of(counts, negatives)
        n = torch.tensor(counts.matrix.toarray())
        weight = negatives.k * torch.tensor(np.outer(counts.row_sums, negatives.noise))
        generator = torch.Generator().manual_seed(self.seed)
        V, U = (0.1 * torch.randn(size, self.dim, generator=generator, dtype=torch.float64) for size in counts.shape)
        optimizer = torch.optim.LBFGS(
            [V.requires_grad_(), U.requires_grad_()],
            max_iter=self.steps,
            max_eval=10**9,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            history_size=10,
            line_search_fn="strong_wolfe",
        )

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            X = V @ U.T
            loss = (n * softplus(-X) + weight * softplus(X)).sum() / counts.total
            loss.backward()
            return loss

        optimizer.step(closure)
        history.add(self.steps, self.steps, float(closure().detach()))
        self.V_, self.U_ = V.detach().numpy(), U.detach().numpy()
        self.row_bias_ = self.col_bias_ = None
        self.history_ = history.frame()
        return self


def autograd(case: Case, seed: int, budget: int) -> Autograd:
    """`Autograd` with a budget of steps."""
    method = Autograd(dim=case.dim, k=case.k, seed=seed)
    method.steps = budget
    return method


def sgns(solver: type[Expected] | type[Sampled], per: str, **own: Any) -> Callable[[Case, int, int], Factorisation]:
    """SGNS by a solver, whose option `per` is the budget."""
    return lambda case, seed, budget: sp.SGNS(dim=case.dim, k=case.k, seed=seed, solver=solver(**own | {per: budget}))


R_SCRIPT = {"negatives": "pair", "lr": 1e-3, "decay": "none", "batch_size": 64, "normalization": "batch", "init": "normal"}
SOLVERS: dict[str, tuple[Callable[[Case, int, int], Factorisation], tuple[int, ...], str]] = {
    "second order": (sgns(Expected, "max_steps", starts=1), STEPS[:6], "#0072B2"),
    "L-BFGS in the metric of ℓ": (
        sgns(QuasiNewton, "max_steps", starts=1, tolerance=1e-12, precision="float64"),
        STEPS,
        "#56B4E9",
    ),
    "autograd + L-BFGS": (autograd, STEPS, "#000000"),
    "Riemannian steps": (
        lambda case, seed, budget: ROSGNS(dim=case.dim, k=case.k, seed=seed, max_steps=budget, tolerance=0.0),
        STEPS,
        "#AA4499",
    ),
    "sampled, blocks": (sgns(Sampled, "epochs", negatives="block"), EPOCHS, "#D55E00"),
    "sampled, pairs (Adam)": (sgns(Sampled, "epochs", negatives="pair"), EPOCHS, "#CC6677"),
    "sampled, as the R script": (sgns(Sampled, "epochs", **R_SCRIPT), EPOCHS[:3], "#7F7F19"),
    "pairs in NumPy": (lambda case, seed, budget: NumpySGNS(dim=case.dim, k=case.k, seed=seed, epochs=budget), EPOCHS, "#332288"),
    "stream of text": (
        lambda case, seed, budget: SGNSStream(dim=case.dim, k=case.k, seed=seed, epochs=budget),
        EPOCHS,
        "#8A3800",
    ),
}
"""Each solver with its budgets: steps, or passes over the counts or the text."""
MOST_VISITS = 1_000_000
"""Triples, or pairs of the text, that one fit by pairs may visit."""


def affordable(name: str, case: Case, budget: int) -> bool:
    """Whether the study can wait for it."""
    counts = case.problem.counts
    if name == "stream of text":
        return case.problem.corpus is not None and budget * counts.total <= MOST_VISITS
    return not ("pairs" in name or "script" in name) or budget * counts.nnz <= MOST_VISITS


def timed(method: Factorisation, given: Any) -> float:
    """Processor seconds of training: those of its own clock, by the share of the time that it had a processor."""
    wall, processor = time.perf_counter(), time.process_time()
    method.fit(given)
    share = (time.process_time() - processor) / (time.perf_counter() - wall)
    assert hasattr(method, "history_")
    return share * float(method.history_["seconds"].iloc[-1])


def runs(name: str, case: Case, seed: int) -> Iterator[tuple[Any, ...]]:
    """A row for each solver and budget: a fit of its own, with the schedule that it has for that budget."""
    counts = case.problem.counts
    noise = sp.noise_distribution(counts)
    best = sp.SGNS(dim=case.dim, k=case.k, seed=seed, solver=Expected(starts=4)).fit(counts)
    yield name, "optimum", 0, seed, np.nan, best.objective_, weighted_rmse(best, case), best.status_
    for solver, (build, budgets, _) in SOLVERS.items():
        for budget in budgets:
            if not affordable(solver, case, budget):
                continue
            method = build(case, seed, budget)
            seconds = timed(method, case.problem.corpus if solver == "stream of text" else counts)
            objective = sp.sgns_objective(method.V_.astype(float), method.U_.astype(float), counts, case.k, noise)
            yield name, solver, budget, seed, seconds, objective, weighted_rmse(method, case), ""


def weighted_rmse(method: Factorisation, case: Case) -> float:
    """√(Σ P (estimate − PMI)²), of the corrected estimate."""
    return float(np.sqrt((case.joint * (method.estimate_pmi() - case.pmi) ** 2).sum()))


def time_to(rows: pd.DataFrame) -> pd.DataFrame:
    """Case, solver, target: the seconds of the quickest fit within the gap, over the seeds; and how many of them got there."""
    tables = []
    for target in TARGETS:
        within = rows.assign(seconds=rows["seconds"].where(rows["gap"] <= target))
        first = within.groupby(["case", "solver", "seed"], sort=False)["seconds"].min()
        found = mean_interval(first.groupby(["case", "solver"], sort=False)).reset_index()
        tables.append(found.assign(target=target)[["case", "solver", "target", "mean", "se", "n"]])
    return pd.concat(tables, ignore_index=True)


@styled
def curves(rows: pd.DataFrame, best: pd.DataFrame) -> Figure:
    """Gap (above) and P-weighted RMSE (below) against processor seconds, a column a case."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    axes = figure.subplots(2, len(CASES), sharex="col", sharey="row")
    for column, case in enumerate(CASES):
        own = rows[rows["case"] == case]
        for solver, (_, _, colour) in SOLVERS.items():
            points = own[own["solver"] == solver]
            if not len(points):
                continue
            at = np.exp(points.groupby("budget")["seconds"].agg(lambda values: np.log(values).mean()))
            for row, (metric, least) in enumerate({"gap": 1e-10, "weighted_rmse": 0.0}.items()):
                logs = points[metric].clip(lower=least).transform(np.log)
                spread = mean_interval(logs.groupby(points["budget"]))
                ax = axes[row, column]
                ax.plot(at, np.exp(spread["mean"]), color=colour, marker="o", markersize=3, label=solver)
                ax.fill_between(at, np.exp(spread["lower"]), np.exp(spread["upper"]), color=colour, alpha=0.2, linewidth=0)
        level = best[best["case"] == case]["weighted_rmse"].mean()
        axes[1, column].axhline(level, color=TARGET, linestyle="--", linewidth=1, label="the optimum", zorder=1)
        axes[0, column].set(title=f"{case}; {own['seed'].nunique()} seeds", xscale="log", yscale="log", ylim=(0.7e-10, 1.5))
        axes[1, column].set(xlabel="processor seconds of training (log scale)", yscale="log")
        axes[1, column].xaxis.set_major_formatter(power)
    axes[0, 0].yaxis.set_major_formatter(power)
    axes[1, 0].yaxis.set_major_formatter(plain)
    axes[0, 0].set_ylabel("gap (ℓ − ℓ°) / ℓ°, 10⁻¹⁰ or less at the edge")
    axes[1, 0].set_ylabel("P-weighted RMSE (nats)")
    for ax in axes.flat:
        ax.grid(True)
    handles, labels = axes[1, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", title="geometric mean\nand 95 % interval")
    set_title(figure, "What each solver of SGNS reaches in which time; each point is a fit of its own")
    return figure


def file_of(case: int, seed: int) -> Path:
    """Where the rows of a seed are kept."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    return RESULTS / f"{case}_{seed}.csv"


def warm_up(case: Case) -> None:
    """Load and compile what each solver needs at its first use, which is in nobody's seconds."""
    for solver, (build, budgets, _) in SOLVERS.items():
        if affordable(solver, case, budgets[0]):
            build(case, 0, budgets[0]).fit(case.problem.corpus if solver == "stream of text" else case.problem.counts)


def main() -> None:
    """Write runs.csv, table.csv, times.csv and figure.png beside this file."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    torch.set_num_threads(1)
    threadpool_limits(1)
    found = []
    for number, (name, (case, seeds)) in enumerate(CASES.items()):
        if not all(file_of(number, seed).is_file() for seed in seeds):
            warm_up(case(0))
        for seed in seeds:
            file = file_of(number, seed)
            if not file.is_file():
                pd.DataFrame(runs(name, case(seed), seed), columns=COLUMNS).to_csv(file, index=False)
                print(f"{name}, seed {seed}", flush=True)
            found.append(pd.read_csv(file, keep_default_na=False, na_values=[""]))
    every = pd.concat(found, ignore_index=True)
    lowest = every.groupby(["case", "seed"])["objective"].transform("min")
    every["gap"] = every["objective"] / lowest - 1
    every.to_csv(HERE / "runs.csv", index=False, float_format="%.6g")
    best, rows = (every[(every["solver"] == "optimum") == chosen] for chosen in (True, False))
    print(best.to_string(index=False))
    grouped = rows.groupby(["case", "solver", "budget"], sort=False)
    parts = [mean_interval(grouped[metric]).assign(metric=metric).reset_index() for metric in ("seconds", "gap", "weighted_rmse")]
    pd.concat(parts).to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    times = time_to(rows)
    times.to_csv(HERE / "times.csv", index=False, float_format="%.4g")
    texts = times.assign(
        text=[f"{m:.3g} ± {s:.1g} ({n})" for m, s, n in zip(times["mean"], times["se"], times["n"], strict=True)]
    )
    print(texts.pivot_table("text", ["case", "solver"], "target", aggfunc="first", sort=False).to_string())
    save(curves(rows, best), HERE / "figure")


if __name__ == "__main__":
    main()
