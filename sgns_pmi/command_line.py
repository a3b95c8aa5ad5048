"""The command line's side of Hydra: where the configuration lies, and its errors in one line."""

from __future__ import annotations

import copy
import errno
import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, NoReturn

import hydra._internal.hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.utils import get_args_parser
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import Container, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sgns_pmi.config import unknown_key
from sgns_pmi.defaults import conf_folder
from sgns_pmi.errors import InputError, check_choice, missing_extra
from sgns_pmi.factorise import METHODS
from sgns_pmi.version import __version__


def register_help() -> None:
    """Let the help text of conf/hydra/help name every method."""
    OmegaConf.register_new_resolver(
        "sgns_pmi_methods",
        lambda: "\n".join(f"  {method.name:<14} {method.summary}" for method in METHODS.values()),
        replace=True,
    )


PLUGINS = {
    ("hydra/launcher", "joblib"): ("hydra-joblib-launcher", "parallel"),
    ("hydra/launcher", "ray"): ("hydra-ray-launcher", "ray"),
    ("hydra/launcher", "submitit_local"): ("hydra-submitit-launcher", "slurm"),
    ("hydra/launcher", "submitit_slurm"): ("hydra-submitit-launcher", "slurm"),
    ("hydra/sweeper", "optuna"): ("hydra-optuna-sweeper", "search"),
}
"""Options that a package brings, and the extra that brings the package."""
INSTANTIATED = {
    "hydra.callbacks": r"sgns_pmi\.folders\.Folders",
    "hydra.launcher": r"hydra\._internal\.core_plugins\.basic_launcher\.BasicLauncher|hydra_plugins\.[\w.]+Launcher"
    r"|sgns_pmi\.bulk\.BulkLauncher",
    "hydra.sweeper": r"hydra\._internal\.core_plugins\.basic_sweeper\.BasicSweeper|hydra_plugins\.[\w.]+Sweeper"
    r"|optuna\.samplers\.\w+Sampler",
}
"""What a configuration may have made of its `_target_`, by the group that it stands in; elsewhere nothing."""
COMPOSED: dict[tuple[str, ...], DictConfig] = {}
"""What this process has composed of groups and files alone, by what was asked of them: many jobs of a sweep share it."""
PARSED: dict[str, Override] = {}
"""Overrides by what was typed, as most jobs of a sweep have them in common."""
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
"""Errors of a disk that takes nothing."""
LOGGING = re.compile(r"logging\.(Formatter|(Stream|File|Null)Handler)|logging\.handlers\.\w+Handler|colorlog\.ColoredFormatter")
"""What a configuration of logging may make of its `class` and `()`."""


class GuardedLoader(ConfigLoaderImpl):
    """Hydra's composer of configurations, which refuses those that would have foreign code run before any job begins.

    Hydra calls what stands under `_target_` in callbacks, launchers and sweepers, and Python's logging what stands under
    `class` and `()`: a file of settings that someone passed on, or one override, could have any command run.
    """

    _asked: tuple[object, DictConfig] | None = None

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Compose, and raise `InputError` for what must not be made.

        Hydra composes twice, the first time for its mode alone, in a way that sweeps need. Where nothing is swept that is the
        job's own composition already.
        """
        single = not any(own.is_sweep_override() for own in self._check_choices(overrides))
        if self._asked is not None and self._asked[0] == (config_name, *overrides, run_mode):
            composed, self._asked = self._asked[1], None
            composed.hydra.mode = run_mode
            composed.hydra.overrides.hydra.append(overrides[-1])
            return composed
        for_mode = single and not validate_sweep_overrides
        composed = super().load_configuration(
            config_name, overrides, RunMode.RUN if for_mode else run_mode, from_shell, validate_sweep_overrides
        )
        check_instantiated(composed)
        if for_mode and composed.hydra.mode is None:  # Hydra asks again with one override more
            self._asked = (config_name, *overrides, f"hydra.mode={RunMode.RUN.name}", RunMode.RUN), composed
        return composed

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Compose a job of a sweep, in the folder that the sweep has; files are read once for all jobs that choose the same."""
        parsed = self._check_choices(sweep_overrides)
        values = [own for own in parsed if not self.chooses(own)]
        groups = [str(own.input_line) for own in parsed if self.chooses(own)]
        master = master_config.hydra
        shared = (os.getcwd(), str(master.job.config_name), *master.overrides.hydra, *groups)
        if shared not in COMPOSED:
            COMPOSED[shared] = super().load_sweep_config(master_config, groups)
        tree = copy.deepcopy(COMPOSED[shared])
        self._apply_overrides_to_config(values, tree)
        check_instantiated(tree)
        OmegaConf.copy_cache(from_config=master_config, to_config=tree)
        own, task = tree.hydra, [one for one in parsed if not one.is_hydra_override()]
        own.sweep.dir = str(master.sweep.dir)
        own.overrides.hydra = [*master.overrides.hydra, *(one.input_line for one in parsed if one.is_hydra_override())]
        own.overrides.task = [one.input_line for one in task]
        names = own.job.config.override_dirname
        own.job.override_dirname = get_overrides_dirname(
            task, exclude_keys=names.exclude_keys, item_sep=names.item_sep, kv_sep=names.kv_sep
        )
        return tree

    def _check_choices(self, overrides: list[str]) -> list[Override]:
        """The overrides parsed; an `InputError` for one that chooses by a number or null, of which Hydra says no key."""
        if new := [text for text in overrides if text not in PARSED]:
            PARSED.update(zip(new, OverridesParser.create(config_loader=self).parse_overrides(new), strict=True))
        parsed = [PARSED[text] for text in overrides]
        for own in parsed:
            key, _, text = str(own.input_line).lstrip("+").partition("=")
            if key == "":
                raise InputError("command line", own.input_line, "is not of the form key=value")
            if own.is_delete() or own.is_sweep_override() or not self.repository.group_exists(own.key_or_group):
                continue
            value = own.value()
            names = value if isinstance(value, list) else [value]
            if not all(isinstance(name, str | dict) for name in names):
                options = ", ".join(self.get_group_options(own.key_or_group))
                raise InputError(key, text, f"must be {'some' if isinstance(value, list) else 'one'} of {options}")
        return parsed

    def chooses(self, override: Override) -> bool:
        """Whether an override chooses a file of a group, or says how to compose; others change a value."""
        hydras = override.is_hydra_override() and override.key_or_group != "hydra.sweep.subdir"
        return hydras or override.package is not None or self.repository.group_exists(override.key_or_group)

    def get_group_options(
        self,
        group_name: str,
        results_filter: ObjectType | None = ObjectType.CONFIG,
        config_name: str | None = None,
        overrides: list[str] | None = None,
    ) -> list[str]:
        """The options of a group; where nothing is overridden without the copy of everything that Hydra makes for each."""
        if config_name is None and not overrides:
            return self.repository.get_group_options(group_name, results_filter)
        return super().get_group_options(group_name, results_filter, config_name, overrides)


def guard_configuration() -> None:
    """Let Hydra compose by `GuardedLoader`, here and in the processes of parallel jobs, which receive it."""
    COMPOSED.clear()
    PARSED.clear()
    hydra._internal.hydra.ConfigLoaderImpl = GuardedLoader  # type: ignore[attr-defined]


def check_instantiated(composed: DictConfig) -> None:
    """Refuse a composed configuration that names something to call which is not this project's, Hydra's or logging's own.

    Raises
    ------
    InputError
        Names the key and what stands there.
    """
    # Resolved too: an interpolation may stand for a whole group.
    trees = {"": OmegaConf.to_container(composed)} | {group: _contained(composed, group, resolve=True) for group in INSTANTIATED}
    for place, tree in trees.items():
        for key, target in _named(tree, {"_target_"}, place):
            if not re.fullmatch(INSTANTIATED.get(".".join(key.split(".")[:2]), ""), str(target)):
                raise InputError(key, target, "nothing but this project's own callback is called by name; remove the key")
    for group in ("hydra.job_logging", "hydra.hydra_logging"):
        for key, value in _named(_contained(composed, group, resolve=False), None, group):
            name, text = key.rpartition(".")[2], str(value)
            called = name in ("class", "()") and not LOGGING.fullmatch(text)
            reached = name == "." or re.match(r"(ext|cfg)://(?!sys\.std(out|err)$)", text)
            if called or reached or ("${" in text and name != "filename"):
                raise InputError(key, value, "logging may use Python's own handlers and formatters only")


def _contained(composed: DictConfig, group: str, resolve: bool) -> Any:
    found = OmegaConf.select(composed, group)
    return OmegaConf.to_container(found, resolve=resolve) if isinstance(found, Container) else found


def _named(tree: Any, names: set[str] | None, place: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted keys with such a last part (None: any), and their values, anywhere in nested dicts and lists."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in items:
        key = f"{place}.{name}" if place else str(name)
        if (names is None and not isinstance(value, dict | list)) or (names is not None and name in names):
            yield key, value
        yield from _named(value, names, key)


def check_arguments() -> None:
    """Answer ``--version``; refuse, in one line, an option that Hydra's command line does not have; put the keys together."""
    if "--version" in sys.argv[1:]:  # to which Hydra would answer with its own
        print(f"sgns-pmi {__version__}")
        raise SystemExit(0)
    parser: ArgumentParser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise InputError("command line", " ".join(sys.argv[1:]), f"{message}; keys are given as key=value, without dashes")

    parser.error = refuse  # type: ignore[method-assign]
    keys = list(parser.parse_intermixed_args().overrides)
    sys.argv[1:] = [*keys, *(argument for argument in sys.argv[1:] if argument not in keys)]


def as_dict(tree: DictConfig) -> dict[str, Any]:
    """The composed configuration of a job as nested dicts."""
    if "method" not in tree:
        raise InputError("method", "[]", f"must name one or more of {', '.join(METHODS)}")
    # Hydra's own part, which a job's configuration no longer has, is large to copy.
    own = OmegaConf.masked_copy(tree, [str(key) for key in tree if key != "hydra"]) if "hydra" in tree else tree
    content: Any = OmegaConf.to_container(own, resolve=True, throw_on_missing=True)
    return content


def as_input_error(error: Exception) -> InputError:
    """What Hydra or OmegaConf says in several lines, as one that names key, value and remedy."""
    if isinstance(error, InputError):
        return error
    if isinstance(error, MissingConfigException):
        return _missing_config(error)
    if isinstance(error, OverrideParseException):
        return InputError("command line", error.override, "is not of the form key=value; quote what has spaces or brackets")
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        place = os.path.dirname(error.filename or "") or "results"
        return InputError("folder", place, f"{error.strerror}; what is there is whole, and the same command goes on")
    text = str(error) or str(error.__cause__)
    if found := re.search(r"Ambiguous value for argument '(.+?)=(.*)'|Sweep parameters '(.+?)=(.*)' requires", text):
        key, values = (group for group in found.groups() if group is not None)
        return InputError(key, values, f"is several values; add --multirun to sweep over them, or write the list {key}=[...]")
    if found := re.search(r"Missing mandatory value: (\S+)", text):
        return InputError(found[1], "???", f"must be given: {found[1]}=...")
    if found := re.search(r"Could not delete (?:from config\. )?'(.+?)'", text):
        return InputError("command line", f"~{found[1]}", "cannot be left out: it is no key that is there, or is needed")
    if found := re.search(r"Could not override '(.+?)'", text):
        return _unknown_override(found[1], text, error.__cause__)
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        said = str(cause.msg or cause).splitlines()[0]
        said = "is a list where keys are wanted, or keys where a list is" if said.startswith("Cannot merge") else said
        return InputError(cause.full_key or "configuration", _value(text), said)
    return InputError("command line", " ".join(sys.argv[1:]), " ".join(text.split()))


def _missing_config(error: MissingConfigException) -> InputError:
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    if (group, option) in PLUGINS:
        return missing_extra(*PLUGINS[group, option], f"for {group}={option}")
    if error.missing_cfg_file is None:
        return InputError("command line", " ".join(sys.argv[1:]), str(error).splitlines()[0])
    options = error.options or sorted(file.stem for file in (conf_folder() / group).glob("*.yaml") if group)
    if options:
        try:
            check_choice(group, option, options)
        except InputError as named:
            return named
    return InputError(group or "command line", option, "no such configuration file")


def _unknown_override(key: str, text: str, cause: BaseException | None) -> InputError:
    value = _value(text)
    if (conf_folder() / key).is_dir():
        return InputError(key, value, f"is not part of the defaults; put a plus before it: +{key}={value}")
    parent = getattr(cause, "parent_node", None)
    known = [str(name) for name in parent] if isinstance(parent, Container) else []
    # Hydra's own error names the key as typed; the cause names the part of it that does not exist.
    part = str(getattr(cause, "full_key", None) or key)
    return InputError(key, value, unknown_key(part, value, [name for name in known if name != "hydra"]).remedy)


def _value(text: str) -> str:
    found = re.search(r"(?:use \+|override )\S+?=(.*)", text)
    return found[1].strip() if found else ""


__all__ = [
    "GuardedLoader",
    "as_dict",
    "as_input_error",
    "check_arguments",
    "check_instantiated",
    "conf_folder",
    "guard_configuration",
    "register_help",
]
