"""Launches a sweep's jobs by joblib, each of whose workers is told once what all jobs share.

Hydra's own launcher hands its state over with every job. A worker then looks for Hydra's plugins, and makes the functions of
``python -m sgns_pmi.run`` with what they remember, for each job anew, which takes as long as a small fit.
"""

from __future__ import annotations

import gc
import logging
import pickle
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, filter_overrides, run_job, setup_globals
from omegaconf import open_dict

log = logging.getLogger("sgns_pmi")


def launch(launcher: Any, jobs: Sequence[Sequence[str]]) -> list[JobReturn]:
    """Run jobs side by side, and return when all have ended.

    Parameters
    ----------
    launcher : JoblibLauncher
        Hydra's, set up for the sweep, with the arguments for `joblib.Parallel`.
    jobs : sequence of sequence of str
        The overrides of each job.

    Returns
    -------
    list of JobReturn
        What became of each, without its configurations.
    """
    from hydra_plugins.hydra_joblib_launcher._core import process_joblib_cfg  # of an extra
    from joblib import Parallel, delayed
    from joblib.externals.loky.backend.reduction import dumps

    arguments = dict(launcher.joblib) | {"backend": "loky"}
    process_joblib_cfg(arguments)
    log.info("%d jobs, joblib's n_jobs is %s", len(jobs), arguments["n_jobs"])
    for number, overrides in enumerate(jobs):
        log.info("\t#%d : %s", number, " ".join(filter_overrides(overrides)))
    shared = bytes(dumps((launcher.hydra_context, launcher.config, launcher.task_function, Singleton.get_state())))
    ended: list[JobReturn] = Parallel(**arguments)(delayed(_run)(shared, *job) for job in enumerate(jobs))
    return ended


def _run(shared: bytes, number: int, overrides: Sequence[str]) -> JobReturn:
    """One job, in a worker."""
    context, config, task = _received(shared)
    tree = context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(tree):
        tree.hydra.job.id, tree.hydra.job.num = f"{tree.hydra.job.name}_{number}", number
    ended = run_job(task, tree, "hydra.sweep.dir", "hydra.sweep.subdir", context)
    ended.cfg = ended.hydra_cfg = None  # the sweep has them, and they are large to send
    _settle()
    return ended


@lru_cache(maxsize=1)
def _received(shared: bytes) -> tuple[Any, ...]:
    """What all jobs share; a worker makes it once, and has Hydra's state from then on."""
    *received, state = pickle.loads(shared)
    setup_globals()
    Singleton.set_state(state)
    return tuple(received)


@cache
def _settle() -> None:
    """Take for lasting what the first job has loaded: joblib collects garbage every second, and would look through all of it."""
    gc.collect()
    gc.freeze()


__all__ = ["launch"]
