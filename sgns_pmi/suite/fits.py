"""One fit after the other: each judged against the truth, and kept in a file of its own, so that none is made twice."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sgns_pmi.errors import InputError
from sgns_pmi.lazily import sklearn, torch
from sgns_pmi.problems import Problem, softmax_problem
from sgns_pmi.results.identity import code_version, job_key
from sgns_pmi.results.record import forget_peak_memory, peak_memory_mb
from sgns_pmi.results.tables import write_json
from sgns_pmi.suite.contenders import Contender, Model
from sgns_pmi.suite.tasks import Task

Float = NDArray[np.float64]
FITS = "fits"
FAILED, LEFT_OUT = "failed", "left out"


@dataclass(frozen=True)
class Fit:
    """What is kept of one fit.

    Parameters
    ----------
    task, method, seed
    key : str
        Of the task, the method, their files and the code: `job_key`.
    code : str
        `code_version`.
    status, note : str
        How the fit ended, by the method's own word; "failed", or "left out", as the task has nothing for the method or is too
        large for it, and why.
    model : {"free", "effects"}, optional
        As `Contender.build` returns it.
    metrics : dict of str to float
        As `scores` returns them; empty where there is no estimate.
    seconds, memory_mb : float
        What the fit took: processor time, as fits run beside each other; memory beyond what the process had before.
    """

    task: str
    method: str
    seed: int
    key: str
    code: str
    status: str
    note: str
    model: Model | None
    metrics: dict[str, float]
    seconds: float
    memory_mb: float

    @classmethod
    def read(cls, file: Path) -> Fit | None:
        """What a file keeps; None where there is none, or another program's."""
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def file_of(folder: Path, task: Task, method: str, seed: int) -> Path:
    """Where a fit is kept."""
    return folder / FITS / task.name / f"{method.replace(':', '.')}-{seed}.json"


def key_of(task: Task, contender: Contender, seed: int) -> str:
    """What a fit is known by: if it is the same, the fit is."""
    files = {"path": task.data.get("path"), "class": contender.source}
    taken = {"task": [task.generator, task.own], "method": contender.name, "fit": seed}
    return job_key({**taken, "sits out": contender.sits_out(task.words), "data": files})


def scores(estimate: Float, problem: Problem) -> dict[str, float]:
    """How far an estimate of the PMI is from the truth.

    Parameters
    ----------
    estimate : ndarray, (words, contexts)
    problem : Problem
        With its truth.

    Returns
    -------
    dict of str to float
        rmse over all cells; rmse_seen over those with n_ij > 0; weighted_rmse, √(Σ P e²) with e = estimate − PMI; and kl, the
        nats a pair that P̂ ∝ p q exp(estimate) loses on pairs never seen, drawn from P:
        KL(P‖P̂) = log Σ P exp(e) − Σ P e.
    """
    assert problem.pmi is not None
    assert problem.joint is not None
    with np.errstate(over="ignore", invalid="ignore"):
        error = estimate - problem.pmi
        squares = np.square(error)
        return {
            "rmse": float(np.sqrt(squares.mean())),
            "rmse_seen": float(np.sqrt(squares[problem.counts.seen].mean())),
            "weighted_rmse": float(np.sqrt((problem.joint * squares).sum())),
            "kl": float(np.log((problem.joint * np.exp(error)).sum()) - (problem.joint * error).sum()),
        }


def fit(task: Task, contender: Contender, problem: Problem, seed: int) -> Fit:
    """Fit one contender to one problem and judge it; that a fit fails, or has nothing to fit, is kept too."""
    model: Model | None = None
    metrics: dict[str, float] = {}
    left_out, note = contender.skip(problem.offers, task.words)
    status = LEFT_OUT
    forget_peak_memory()
    before, start = peak_memory_mb() or 0.0, time.process_time()
    seconds, memory = 0.0, 0.0
    try:
        if not left_out:
            estimator, model = contender.build(max(1, task.rank), max(1, task.interaction), seed)
            with quiet(), _refusals(contender):
                estimator.fit(contender.given(problem))
            seconds, memory = time.process_time() - start, max(0.0, (peak_memory_mb() or 0.0) - before)
            status, note = str(getattr(estimator, "status_", None) or "fitted"), str(getattr(estimator, "note_", ""))
            if status == "interrupted":
                raise KeyboardInterrupt
            metrics = scores(_estimate(estimator, problem), problem)
    except _Refused as refusal:
        status, note = LEFT_OUT, f"says {refusal}"
    except Exception as error:  # whatever a method of the user's raises is its result
        status, note = FAILED, f"{type(error).__name__}: {' '.join(str(error).split())}"
    key = key_of(task, contender, seed)
    return Fit(task.name, contender.name, seed, key, code_version(), status, note, model, metrics, seconds, memory)


class _Refused(Exception):
    """A method of this package cannot fit a task."""


@contextmanager
def _refusals(contender: Contender) -> Iterator[None]:
    """Inside the block a method of this package refuses what it cannot fit; a user's class fails."""
    try:
        yield
    except InputError as error:
        if contender.own is not None:
            raise
        raise _Refused(str(error)) from None


def _estimate(estimator: Any, problem: Problem) -> Float:
    estimate = np.asarray(estimator.estimate_pmi(), dtype=np.float64)
    if estimate.shape != problem.counts.shape:
        raise InputError("estimate_pmi", f"array of shape {estimate.shape}", f"must be of shape {problem.counts.shape}")
    if np.isnan(estimate).any():
        raise InputError("estimate_pmi", "nan", "must be numbers")
    return estimate


@contextmanager
def quiet() -> Iterator[None]:
    """Inside the block a fit that has not converged, or had nothing to learn, does not say so: its status and note do."""
    log = logging.getLogger("sgns_pmi")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
            yield
    finally:
        log.setLevel(level)


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside the block sums run in one order, whatever the number of cores: results are the same to the last bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def missing(folder: Path, task: Task, seed: int, chosen: Sequence[Contender]) -> list[Contender]:
    """The contenders whose fit to this task and seed is not there yet; a failed one is tried again."""

    def there(contender: Contender) -> bool:
        kept = Fit.read(file_of(folder, task, contender.name, seed))
        return kept is not None and kept.key == key_of(task, contender, seed) and kept.status != FAILED

    return [contender for contender in chosen if not there(contender)]


@cache
def warm(contender: Contender) -> None:
    """A first, tiny fit: what a method loads and compiles in each process is in nobody's seconds."""
    problem = softmax_problem(words=8, rank=1, pairs=1000)
    if not contender.skip(problem.offers, words=8)[0]:
        with suppress(Exception), quiet():  # what fails here fails where it is reported
            contender.build(2, 1, seed=0)[0].fit(contender.given(problem))


def run(folder: Path, task: Task, seed: int, chosen: Sequence[Contender]) -> list[Fit]:
    """Make and keep the fits that are missing of one task and seed."""
    wanted = missing(folder, task, seed, chosen)
    if not wanted:
        return []
    made = []
    with one_thread():
        problem = task.problem(seed)
        for contender in wanted:
            warm(contender)
            made.append(fit(task, contender, problem, seed))
            write_json(asdict(made[-1]), file_of(folder, task, contender.name, seed))
    return made


def kept(folder: Path, tasks: Sequence[Task]) -> list[Fit]:
    """Every fit in the folder that this code has made, by task, method and seed."""
    found = []
    for task in tasks:
        own = [Fit.read(file) for file in (folder / FITS / task.name).glob("*.json")]
        current = [fit for fit in own if fit is not None and fit.code == code_version()]
        found += sorted(current, key=lambda fit: (":" in fit.method, fit.method, fit.seed))
    return found


__all__ = ["FAILED", "LEFT_OUT", "Fit", "file_of", "fit", "kept", "missing", "run", "scores"]
