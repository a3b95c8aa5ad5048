"""Where the numbers of a page come from: the command, configuration, versions, commit, date, host, seeds, seconds and memory."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from sgns_pmi.defaults import differences
from sgns_pmi.lazily import pd
from sgns_pmi.report.tables import Table, frame_table
from sgns_pmi.results.run import Run
from sgns_pmi.results.sweep import Sweep

COMMAND = "python -m sgns_pmi.run"


def run_command(run: Run) -> str:
    """The command that asked for a run; empty where it does not say."""
    return _command(run.folder / ".hydra" / "overrides.yaml")


def sweep_command(sweep: Sweep) -> str:
    """The command that asked for a sweep; empty where it does not say."""
    asked = sweep.config.get("hydra", {}).get("overrides", {}).get("task")
    return "" if asked is None else shlex.join([*COMMAND.split(), *asked, "--multirun"])


def _command(overrides: Path) -> str:
    if not overrides.is_file():
        return ""
    return shlex.join([*COMMAND.split(), *map(str, OmegaConf.load(overrides))])


def configuration(config: Mapping[str, Any]) -> str:
    """A configuration as YAML."""
    return OmegaConf.to_yaml(OmegaConf.create(dict(config))) if config else ""


def changed(config: Mapping[str, Any]) -> Table | None:
    """The keys that have another value than by default; None where there are none."""
    rows = [(key, _text(value), _text(default)) for key, (default, value) in differences(config).items()]
    return (
        frame_table("Keys that differ from the defaults", pd.DataFrame(rows, columns=["key", "value", "default"]))
        if rows
        else None
    )


def facts(summary: Mapping[str, Any], command: str, folder: Path) -> list[tuple[str, str]]:
    """What a summary.json says of how a run came about, each with its name."""
    found = [
        ("command", command),
        ("folder", str(folder.absolute())),
        ("began", _time(summary.get("start"))),
        ("ended", _time(summary.get("updated"))),
        ("host", summary.get("host")),
        ("commit", summary.get("commit")),
        ("versions", _pairs(summary.get("versions"))),
        ("seeds", _pairs(summary.get("seeds"))),
        ("threads", summary.get("threads")),
        *_totals(summary.get("steps", [])),
    ]
    return [(name, str(value)) for name, value in found if value not in (None, "")]


def _totals(steps: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    seconds = sum(step["seconds"] for step in steps)
    peaks = [step["peak_memory_mb"] for step in steps if step.get("peak_memory_mb")]
    return [("seconds", f"{seconds:.1f}" if steps else ""), ("peak memory", f"{max(peaks):,.0f} MB" if peaks else "")]


def steps_table(run: Run) -> Table | None:
    """Seconds and memory of each step of a run."""
    steps = run.steps.reset_index().rename(columns={"peak_memory_mb": "peak memory (MB)"})
    return frame_table("Steps", steps) if len(steps) else None


def _time(text: str | None) -> str:
    """As 2026-01-31 12:00:00+01:00, from what summary.json has."""
    return "" if not text else pd.Timestamp(text).isoformat(sep=" ", timespec="seconds")


def _pairs(content: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (content or {}).items() if value is not None)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


__all__ = ["changed", "configuration", "facts", "run_command", "steps_table", "sweep_command"]
