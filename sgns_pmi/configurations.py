"""The configurations of many jobs that differ in some values: composed once, and changed where they differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sgns_pmi.command_line import as_dict
from sgns_pmi.defaults import flat


class Configurations:
    """Configurations as nested dicts, which share what their overrides leave as it is.

    Hydra and OmegaConf take 15 ms for each. Here it is a tenth for overrides that put a value in another's place; all others
    they compose.

    Parameters
    ----------
    loader : GuardedLoader
    master : DictConfig
        The sweep's own configuration.
    parser : OverridesParser
    """

    def __init__(self, loader: Any, master: DictConfig, parser: OverridesParser) -> None:
        self._loader, self._master, self._parser = loader, master, parser
        self._parsed: dict[str, tuple[Override, bool]] = {}
        self._shared: dict[tuple[str, ...], _Shared | None] = {}

    def __call__(self, overrides: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The configuration that these overrides compose, and which option it has chosen of each group."""
        parsed = [self._parse(text) for text in overrides]
        groups = tuple(str(own.input_line) for own, chooses in parsed if chooses)
        if groups not in self._shared:
            self._shared[groups] = self._share(list(groups))
        others, shared = [own for own, chooses in parsed if not chooses], self._shared[groups]
        if shared is None or not all(shared.leaves_others(own) and _plain(own.value()) for own in others):
            tree = self._compose(overrides)
            return as_dict(tree), choices_of(tree)
        values = {own.key_or_group: own.value() for own in others}
        content = shared.content
        following = {key: value for other, value in values.items() for key in shared.followers.get(other, ())}
        for key, value in {**following, **values}.items():
            content = _changed(content, key.split("."), value)
        return content, shared.choices

    def _parse(self, text: str) -> tuple[Override, bool]:
        """An override, and whether it chooses a file; many jobs have the same."""
        if text not in self._parsed:
            (own,) = self._parser.parse_overrides([text])
            self._parsed[text] = own, self._loader.chooses(own)
        return self._parsed[text]

    def _share(self, groups: list[str]) -> _Shared | None:
        try:
            return _Shared(self._compose(groups))
        except OmegaConfBaseException:  # a file asks for values that each job has of its own
            return None

    def _compose(self, overrides: list[str]) -> DictConfig:
        return self._loader.load_sweep_config(self._master, overrides)


class _Shared:
    """What jobs share that choose the same files.

    Attributes
    ----------
    content : dict
        The configuration.
    choices : dict
        Which option it has of each group.
    followers : dict of str to list of str
        Of a key those whose value is ${key}.
    """

    def __init__(self, tree: DictConfig) -> None:
        self.content, self.choices = as_dict(tree), choices_of(tree)
        raw: Any = OmegaConf.to_container(tree)
        self._raw = {key: value for key, value in flat(raw) if not key.startswith("hydra.")}
        self.followers: dict[str, list[str]] = {}
        self._named: set[str] = set()
        for key, value in self._raw.items():
            if same := re.fullmatch(r"\$\{([\w.]+)\}", str(value)):
                self.followers.setdefault(same[1], []).append(key)
            elif "${" in str(value):
                self._named.update(re.findall(r"\w+", str(value)))

    def leaves_others(self, override: Override) -> bool:
        """Whether it puts a value in another's place, on which no others depend but followers."""
        key = override.key_or_group
        chained = any(follower in self.followers for follower in self.followers.get(key, ()))
        return override.type is OverrideType.CHANGE and key in self._raw and key.split(".")[0] not in self._named and not chained


def choices_of(tree: DictConfig) -> dict[str, Any]:
    """Which option a composed configuration has of each group."""
    choices: Any = OmegaConf.to_container(tree.hydra.runtime.choices)
    return choices


def _plain(value: Any) -> bool:
    """Whether a value is set as it stands: no mapping, which would be merged, and no interpolation."""
    if isinstance(value, list):
        return all(map(_plain, value))
    return value is None or isinstance(value, int | float) or (isinstance(value, str) and "${" not in value)


def _changed(content: dict[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """Nested dicts with another value at a key; all others are shared."""
    name, *rest = path
    return content | {name: _changed(content[name], rest, value) if rest else value}


__all__ = ["Configurations"]
