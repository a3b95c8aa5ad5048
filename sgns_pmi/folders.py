"""Where the files of a run or a sweep go: a folder that no other process writes into."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, read_write

from sgns_pmi.errors import InputError
from sgns_pmi.results.lock import FolderLock, new_folder
from sgns_pmi.sweeper import GridSweep


class Folders(Callback):
    """Hydra's callback that claims the folder of a run or a sweep before Hydra writes into it.

    A folder with the time in its name is made anew, with a suffix where another run began in the same second; one that
    the user names is locked. Hydra turns errors of callbacks into warnings, so a refusal ends the program here.
    """

    sweep: ClassVar[Path | None] = None
    """The folder of the sweep that has begun. Hydra's own callback at the end of a sweep is not called after Ctrl-C."""
    _held: ClassVar[ExitStack] = ExitStack()

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim a run's folder."""
        self._claim(config, "run")

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim a sweep's folder, and note it."""
        Folders.sweep = self._claim(config, "sweep")
        if GridSweep.serves(config):
            raise GridSweep(config)

    def _claim(self, config: DictConfig, kind: str) -> Path:
        try:
            place = Path(str(config.hydra[kind].dir)).absolute()
            if "${now:" in OmegaConf.to_container(config.hydra[kind], resolve=False)["dir"]:  # type: ignore[index,call-overload]
                place = new_folder(place)
                with read_write(config.hydra):
                    config.hydra[kind].dir = str(place)
            self._held.enter_context(FolderLock(place, f"hydra.{kind}.dir"))
        except (InputError, OSError) as error:
            print(error, file=sys.stderr)
            raise SystemExit(2) from None
        return place

    @classmethod
    @contextmanager
    def released(cls) -> Iterator[None]:
        """Let go of the folder when the block ends; a sweep's is removed where nothing was written into it."""
        cls.sweep = None
        try:
            yield
        finally:
            cls._held.close()
            if cls.sweep is not None:
                with suppress(OSError):
                    cls.sweep.rmdir()


__all__ = ["Folders"]
