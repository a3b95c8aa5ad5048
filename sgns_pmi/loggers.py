"""What a run found, for programs that show many runs side by side: ``loggers=[tensorboard,mlflow]``.

A logger is a class with the three methods of `Logger`; one more is a class and a line of `LOGGERS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from sgns_pmi.defaults import flat
from sgns_pmi.errors import InputError, check_choice, missing_extra
from sgns_pmi.lazily import pd

COLUMNS = ["method", "target", "cells", "metric", "value"]
CURVE = "objective"
"""The name of what a method minimises, step by step."""


class Logger(Protocol):
    """Told of one run, given its folder and its settings by dotted key."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None: ...

    def number(self, name: str, value: float, step: int = 0) -> None:
        """One number, as sgns_expected/rmse; `step` of a curve."""

    def close(self) -> None:
        """The run has ended."""


class TensorBoard:
    """Event files in the run's folder: ``tensorboard --logdir FOLDER`` shows all runs below."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        for earlier in (folder / "tensorboard").glob("events.*"):  # of a run that went on here
            earlier.unlink()
        self._writer: Any = SummaryWriter(str(folder / "tensorboard"))
        self._writer.add_text("settings", "\n".join(f"    {key}: {value}" for key, value in settings.items()))

    def number(self, name: str, value: float, step: int = 0) -> None:
        self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class MLflow:
    """A run of the experiment sgns-pmi, in a local store that the runs of a sweep share: ``mlflow.db`` beside their folders."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        from mlflow.tracking import MlflowClient

        place = folder.absolute().parent
        self._client: Any = MlflowClient(tracking_uri=f"sqlite:///{place / 'mlflow.db'}")
        known = self._client.get_experiment_by_name("sgns-pmi")
        own = known.experiment_id if known else self._client.create_experiment("sgns-pmi", (place / "mlruns").as_uri())
        self._run = self._client.create_run(own, run_name=folder.name).info.run_id
        for key, value in settings.items():
            self._client.log_param(self._run, key, str(value)[:500])

    def number(self, name: str, value: float, step: int = 0) -> None:
        self._client.log_metric(self._run, name, value, step=step)

    def close(self) -> None:
        self._client.set_terminated(self._run)


class Known(NamedTuple):
    """A logger, and the package and the extra that it needs."""

    make: type[Logger]
    package: str
    extra: str


LOGGERS = {"tensorboard": Known(TensorBoard, "tensorboard", "tensorboard"), "mlflow": Known(MLflow, "mlflow", "mlflow")}


def check_loggers(names: object) -> tuple[str, ...]:
    """The names of loggers; an `InputError` for one that does not exist, or whose package is not installed."""
    if not isinstance(names, list | tuple):
        raise InputError("loggers", names, "must be a list, as loggers=[tensorboard]")
    for name in names:
        known = LOGGERS[check_choice("loggers", name, LOGGERS)]
        if find_spec(known.package) is None:
            raise missing_extra(known.package, known.extra, f"for loggers=[{name}]")
    return tuple(names)


def log_run(names: Iterable[str], folder: Path, config: Mapping[str, Any], metrics: pd.DataFrame, history: pd.DataFrame) -> None:
    """Tell loggers of a run: metrics of corrected estimates as METHOD/TARGET/CELLS/METRIC, ℓ step by step as METHOD/objective.

    Parameters
    ----------
    names : iterable of str
        Of `LOGGERS`.
    folder : Path
        The run's.
    config : mapping
        Its configuration, as nested dicts.
    metrics, history : DataFrame
        Rows of metrics.csv and of history.csv.
    """
    rows = metrics[(metrics["estimate"] == "corrected") & np.isfinite(metrics["value"])]
    for name in names:
        logger = LOGGERS[name].make(folder, dict(flat(config)))
        for method, target, cells, metric, value in rows[COLUMNS].itertuples(index=False):
            logger.number(f"{method}/{target}/{cells}/{metric}", float(value))
        for method, step, value in history[["method", "step", "objective"]].itertuples(index=False):
            logger.number(f"{method}/{CURVE}", float(value), int(step))
        logger.close()


__all__ = ["LOGGERS", "Logger", "check_loggers", "log_run"]
