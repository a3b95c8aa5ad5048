"""The configuration's defaults: where they are, and what of a run's configuration differs from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

PACKAGE = Path(__file__).resolve().parent


def conf_folder() -> Path:
    """The configuration: inside the package where that was installed from a wheel, beside it in a checkout."""
    installed = PACKAGE / "conf"
    return installed if installed.is_dir() else PACKAGE.parent / "conf"


def differences(config: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What a run was asked beyond the defaults.

    Parameters
    ----------
    config : mapping
        A composed configuration as nested dicts, not resolved.

    Returns
    -------
    dict of str to (default, value)
        Each key whose value is not its default, in the order of the configuration. Keys of a group's choice, as ``data.words``,
        are held against the defaults of that choice; which one it is stands under the name of the group.
    """
    top = _read("config")
    choices = {group: choice for entry in top.pop("defaults") if isinstance(entry, dict) for group, choice in entry.items()}
    defaults = top | _read(f"noise/{choices['noise']}")
    found: dict[str, tuple[Any, Any]] = {}
    data = config.get("data", {})
    for key, default, value in (
        ("data", choices["data"], data.get("name", choices["data"])),
        ("method", choices["method"], list(config.get("method", choices["method"]))),
    ):
        if value != default:
            found[key] = default, value
    groups = {"data": _read(f"data/{data.get('name')}")}
    groups |= {f"{group}.{name}": _read(f"{group}/{name}") for group in ("solver", "method") for name in config.get(group, {})}
    for group, own in groups.items():
        defaults |= {f"{group}.{key}": value for key, value in flat(own)}
    known = dict(flat(defaults))
    for key, value in flat(config):
        if known.get(key) != value:
            found[key] = known.get(key), value
    return found


def _read(name: str) -> dict[str, Any]:
    file = conf_folder() / f"{name}.yaml"
    content: Any = OmegaConf.to_container(OmegaConf.load(file)) if file.is_file() else {}
    return content


def flat(tree: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted keys of nested dicts, with their values."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


__all__ = ["conf_folder", "differences", "flat"]
