"""Launches a sweep's jobs, one after the other or by joblib.

Hydra's own way copies the whole configuration four times for each job, keeps two of the copies until the sweep ends, and hands
its state to joblib's workers with every job: such a worker then looks for Hydra's plugins, and makes the functions of
``python -m sgns_pmi.run`` with what they remember, for each job anew, which takes as long as a small fit.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import pickle
from collections.abc import Sequence
from contextlib import chdir, nullcontext
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, env_override, filter_overrides, setup_globals
from hydra.types import TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

log = logging.getLogger("sgns_pmi")


def one_by_one(loader: Any, config: DictConfig, task: TaskFunction, jobs: Sequence[Sequence[str]]) -> list[JobReturn]:
    """Run jobs one after the other, here.

    Parameters
    ----------
    loader : GuardedLoader
    config : DictConfig
        The sweep's own configuration.
    task : callable
        What runs a composed configuration.
    jobs : sequence of sequence of str
        The overrides of each job.

    Returns
    -------
    list of JobReturn
        What became of each, without its configurations.
    """
    ended = []
    for number, overrides in enumerate(jobs):
        configure_log(config.hydra.hydra_logging, config.hydra.verbose)
        if number == 0:
            log.info("%d jobs, one after the other", len(jobs))
        log.info("\t#%d : %s", number, " ".join(filter_overrides(overrides)))
        ended.append(_run(loader, config, task, overrides, number, str(number)))
    configure_log(config.hydra.hydra_logging, config.hydra.verbose)
    return ended


def side_by_side(launcher: Any, jobs: Sequence[Sequence[str]]) -> list[JobReturn]:
    """Run jobs by joblib, each of whose workers is told once what all jobs share, and return when all have ended.

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
    ended: list[JobReturn] = Parallel(**arguments)(delayed(_run_in_worker)(shared, *job) for job in enumerate(jobs))
    return ended


def _run_in_worker(shared: bytes, number: int, overrides: Sequence[str]) -> JobReturn:
    context, config, task = _received(shared)
    ended = _run(context.config_loader, config, task, overrides, number, f"{config.hydra.job.name}_{number}")
    _settle()
    return ended


def _run(loader: Any, config: DictConfig, task: TaskFunction, overrides: Sequence[str], number: int, identity: str) -> JobReturn:
    """One job, composed and run in its folder: what Hydra's `run_job` does, for a callback that does nothing in a job."""
    tree: DictConfig = loader.load_sweep_config(config, list(overrides))
    folder = os.path.abspath(os.path.join(str(tree.hydra.sweep.dir), str(tree.hydra.sweep.subdir)))
    with read_write(tree.hydra), open_dict(tree.hydra):
        tree.hydra.job.id, tree.hydra.job.num, tree.hydra.runtime.output_dir = identity, number, folder
    OmegaConf.set_readonly(tree.hydra, True)
    instance: Any = HydraConfig.instance()
    ended = JobReturn(overrides=list(tree.hydra.overrides.task))
    instance.cfg, before = tree, instance.cfg
    try:
        os.makedirs(folder, exist_ok=True)
        configure_log(tree.hydra.job_logging, tree.hydra.verbose)
        if tree.hydra.output_subdir is not None:
            _write_asked(tree, Path(folder, tree.hydra.output_subdir))
        with env_override(tree.hydra.job.env_set), chdir(folder) if tree.hydra.job.chdir else nullcontext():
            try:
                ended.return_value, ended.status = task(tree), JobStatus.COMPLETED
            except Exception as error:
                ended.return_value, ended.status = error, JobStatus.FAILED
        return ended
    finally:
        instance.cfg = before


def _write_asked(tree: DictConfig, folder: Path) -> None:
    """Hydra's own three files of a job, whose parts most jobs of a sweep share."""
    content: Any = OmegaConf.to_container(tree, enum_to_str=True)
    hydra = content.pop("hydra")
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "config": "".join(_as_yaml(json.dumps({key: part})) for key, part in content.items()),
        "hydra": "hydra:\n"
        + "".join(_as_yaml(json.dumps({"hydra": {key: part}})).partition("\n")[2] for key, part in hydra.items()),
        "overrides": OmegaConf.to_yaml(tree.hydra.overrides.task),
    }
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


@lru_cache(maxsize=256)
def _as_yaml(part: str) -> str:
    """What OmegaConf writes of a container, given as JSON."""
    return OmegaConf.to_yaml(OmegaConf.create(json.loads(part)))


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


__all__ = ["one_by_one", "side_by_side"]
