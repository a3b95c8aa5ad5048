"""A sweep's jobs: all composed and checked before the first runs, those that are missing launched."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra._internal.callbacks import Callbacks
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from sgns_pmi import launching
from sgns_pmi.bulk import BulkLauncher
from sgns_pmi.config import Config
from sgns_pmi.configurations import Configurations
from sgns_pmi.errors import InputError, check_integer, check_seed
from sgns_pmi.results.chunks import complete_lines
from sgns_pmi.results.identity import job_key, same_configuration
from sgns_pmi.results.leftovers import SWEEP_FILES, clear
from sgns_pmi.results.plan import PlannedJob, finished_jobs, folder_name, write_plan
from sgns_pmi.results.status_file import begin_status
from sgns_pmi.results.sweep import typed_value
from sgns_pmi.results.tables import write_text

log = logging.getLogger("sgns_pmi")


class GridSweep(BaseException):
    """Leaves Hydra's own sweeper before it begins: the jobs of a grid are known ahead, so they can be checked and resumed.

    Parameters
    ----------
    config : DictConfig
        The sweep's configuration.
    """

    def __init__(self, config: DictConfig) -> None:
        super().__init__()
        self.config = config
        self._loader = GlobalHydra.instance().config_loader()

    @staticmethod
    def serves(config: DictConfig) -> bool:
        """Whether a sweep is a grid; a search, as optuna's, chooses its jobs while it goes on."""
        return config.hydra.sweeper.get("_target_") == f"{BasicSweeper.__module__}.{BasicSweeper.__name__}"

    def run(self, task: TaskFunction) -> None:
        """Check every job, then launch those that are not complete.

        Raises
        ------
        InputError
            For the first job that cannot be used, before any runs.
        """
        config, loader = self.config, self._loader
        parser = OverridesParser.create(config_loader=loader)
        asked = [f"{key}={values}" for key, values in (config.hydra.sweeper.params or {}).items()]
        overrides = parser.parse_overrides([*asked, *config.hydra.overrides.task])
        overrides += replicates(config, overrides, parser)
        # A value that is given twice is one job.
        batch = [list(own) for own in dict.fromkeys(tuple(own) for own in BasicSweeper.split_arguments(overrides, None)[0])]
        folder = Path(str(config.hydra.sweep.dir))
        finished = finished_jobs(folder)
        bulk = BulkLauncher.of(config)
        planned = plan(batch, Configurations(loader, config, parser), finished)
        jobs = [own.job for own in planned]

        clear(folder, SWEEP_FILES)
        write_text(OmegaConf.to_yaml(config), folder / "multirun.yaml")
        write_plan(jobs, folder, config.hydra.overrides.task)
        done = {*finished, *complete_lines(folder)} if config.resume else set()
        # Two of them may come to the same configuration, which then runs once.
        missing = {job.key: place for place, job in enumerate(jobs) if job.key not in done}
        # Those that share a problem follow each other, so that it is made once.
        firsts: dict[str, int] = {}
        for place in missing.values():
            firsts.setdefault(planned[place].sharing, place)
        missing = dict(sorted(missing.items(), key=lambda item: firsts[planned[item[1]].sharing]))
        keys = {job.key for job in jobs}
        begin_status(folder, jobs=len(keys), before=len(keys & done))
        if len(missing) < len(keys):
            log.info("%d of %d jobs are complete; resume=false runs them again", len(keys) - len(missing), len(keys))
        if not missing:
            return
        if bulk is not None:
            bulk.launch(folder, {key: planned[place].content for key, place in missing.items()})
            return
        launched = [[*batch[place], f"hydra.sweep.subdir='{jobs[place].folder}'"] for place in missing.values()]
        for result in self._launch(task, launched) or ():
            _ = result.return_value  # raises what a launcher has caught

    def _launch(self, task: TaskFunction, jobs: Sequence[Sequence[str]]) -> Sequence[JobReturn] | None:
        name = str(self.config.hydra.launcher._target_).rpartition(".")[2]
        if name == BasicLauncher.__name__:
            return launching.one_by_one(self._loader, self.config, task, jobs)
        context = HydraContext(self._loader, Callbacks(self.config))
        launcher: Any = Plugins.instance().instantiate_launcher(context, task, self.config)
        return launching.side_by_side(launcher, jobs) if name == "JoblibLauncher" else launcher.launch(jobs, initial_job_idx=0)


def replicates(config: DictConfig, overrides: Sequence[Override], parser: OverridesParser) -> list[Override]:
    """The axis of seeds that the key ``replicates`` asks for."""
    repeats = check_integer("replicates", config.replicates)
    given = [override for override in overrides if override.key_or_group in ("seed", "replicates")]
    if any(override.is_sweep_override() for override in given):
        if repeats > 1 or any(override.key_or_group == "replicates" for override in given):
            raise InputError("replicates", repeats, "are seeds, and so is a swept seed; give one of the two, as one number")
        return []
    if repeats == 1:
        return []
    first = check_seed(config.seed)
    return parser.parse_overrides([f"seed={','.join(str(first + repeat) for repeat in range(repeats))}"])


class Planned(NamedTuple):
    """A job with its configuration, as nested dicts, and what it has in common with jobs of the same problem."""

    job: PlannedJob
    content: dict[str, Any]
    sharing: str


def plan(batch: Sequence[list[str]], compose: Configurations, finished: Mapping[str, str]) -> list[Planned]:
    """Every job of a sweep with its configuration, composed and checked.

    Parameters
    ----------
    batch : sequence of list of str
        The overrides of each job.
    compose : Configurations
    finished : mapping of str to str
        The folders of jobs that are complete, by what each is known by: they stay where they are.

    Raises
    ------
    InputError
        For the first job that cannot be used.
    """
    texts = [dict(override.lstrip("+").split("=", 1) for override in own) for own in batch]
    swept = [key for key in texts[0] if len({own.get(key) for own in texts}) > 1]
    places = {folder: key for key, folder in finished.items()}
    jobs: dict[str, PlannedJob] = {}
    planned = []
    for number, (own, text) in enumerate(zip(batch, texts, strict=True)):
        content, choices = compose(own)
        config = Config.from_tree(content)
        config.check_ahead()
        key = job_key(content)
        name = folder_name({at: text[at] for at in swept}, key) or str(number)
        # What another configuration has found there stays.
        if name in places and not same_configuration(key, places[name]):
            name = f"{name}-{key[:8]}"
        name = jobs[key].folder if key in jobs else finished.get(key, name)
        job = PlannedJob(number, name, key, {at: typed_value(at, value, content, choices) for at, value in text.items()})
        places[name] = key
        jobs.setdefault(key, job)
        planned.append(Planned(job, content, config.sharing))
    return planned


__all__ = ["GridSweep"]
