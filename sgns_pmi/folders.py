"""Where the files of a run or a sweep go: a folder that no other process writes into."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, read_write

from sgns_pmi.bulk import BulkLauncher
from sgns_pmi.errors import InputError
from sgns_pmi.results.lock import FolderLock, new_folder
from sgns_pmi.results.plan import PLAN_FILE, same_sweeps
from sgns_pmi.signals import joblib_ends_with_this
from sgns_pmi.sweeper import GridSweep

log = logging.getLogger("sgns_pmi")


class Folders(Callback):
    """Hydra's callback that claims the folder of a run or a sweep before Hydra writes into it.

    A folder with the time in its name is made anew, with a suffix where another run began in the same second, unless it is
    a sweep's that the same command has begun: that one goes on. One that the user names is locked.
    Hydra turns errors of callbacks into warnings, so a refusal ends the program here.
    """

    sweep: ClassVar[Path | None] = None
    """The folder of the sweep that has begun. Hydra's own callback at the end of a sweep is not called after Ctrl-C."""
    dated: ClassVar[Path | None] = None
    """The folder that was made anew for this command, with the time in its name."""
    _held: ClassVar[ExitStack] = ExitStack()

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim a run's folder."""
        self._claim(config, "run")

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim a sweep's folder, and note it."""
        Folders.sweep = self._claim(config, "sweep")
        if str(config.hydra.launcher._target_).endswith(".JoblibLauncher"):
            joblib_ends_with_this()
        if GridSweep.serves(config):
            raise GridSweep(config)

    def _claim(self, config: DictConfig, kind: str) -> Path:
        try:
            place = Path(str(config.hydra[kind].dir)).absolute()
            asked = str(OmegaConf.to_container(config.hydra[kind], resolve=False)["dir"])  # type: ignore[index,call-overload]
            if kind == "sweep" and not GridSweep.serves(config) and BulkLauncher.of(config):
                raise InputError("hydra/launcher", "bulk", "is for grids; choose another launcher for a search")
            if "${now:" in asked:
                earlier = self._earlier(config, asked) if kind == "sweep" and config.resume else None
                place = earlier or new_folder(place)
                Folders.dated = None if earlier else place
                with read_write(config.hydra):
                    config.hydra[kind].dir = str(place)
                if earlier:
                    return earlier
            self._held.enter_context(FolderLock(place, f"hydra.{kind}.dir"))
        except (InputError, OSError) as error:
            print(error, file=sys.stderr)
            raise SystemExit(2) from None
        return place

    def _earlier(self, config: DictConfig, asked: str) -> Path | None:
        """The folder of a sweep that the same command has begun and that no process is busy with, locked; else None."""
        root, _, dated = asked.partition("${now:")
        plans = Path(root or ".").absolute().glob("/".join(["*"] * (dated.count("/") + 1) + [PLAN_FILE]))
        for folder in same_sweeps(plans, config.hydra.overrides.task) if GridSweep.serves(config) else ():
            with suppress(InputError):
                self._held.enter_context(FolderLock(folder, "hydra.sweep.dir"))
                log.info("goes on with %s; resume=false begins anew", os.path.relpath(folder))
                return folder
        return None

    @classmethod
    def discard(cls, folder: Path) -> None:
        """Remove the folder of a run that was refused, if its name is the time: nothing has come of it."""
        if folder == cls.dated:
            shutil.rmtree(folder)
            with suppress(OSError):  # other runs of the day
                folder.parent.rmdir()

    @classmethod
    @contextmanager
    def released(cls) -> Iterator[None]:
        """Let go of the folder when the block ends; a sweep's is removed where nothing was written into it."""
        cls.sweep = cls.dated = None
        try:
            yield
        finally:
            cls._held.close()
            if cls.sweep is not None:
                with suppress(OSError):
                    cls.sweep.rmdir()
                    if cls.sweep == cls.dated:
                        cls.sweep.parent.rmdir()  # unless the day has others


__all__ = ["Folders"]
