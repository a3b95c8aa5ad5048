"""What one job was asked to do: typed settings, checked before any work."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import cached_property
from glob import glob
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sgns_pmi.compare.room import check_room
from sgns_pmi.compare.words.evaluation import Evaluation
from sgns_pmi.errors import (
    RIDGE_WEIGHTS,
    InputError,
    check_choice,
    check_dim,
    check_flag,
    check_integer,
    check_real,
    check_ridge,
    check_seed,
    check_share,
)
from sgns_pmi.factorise import METHODS, Composes, Factorisation
from sgns_pmi.factorise.devices import resolve_device
from sgns_pmi.factorise.methods.sgns import SOLVERS
from sgns_pmi.factorise.registry import SHARED, Parameters
from sgns_pmi.figures.paper import Look
from sgns_pmi.loggers import check_loggers
from sgns_pmi.pmi import NOISES, noise_distribution
from sgns_pmi.problems import PROBLEMS, Problem
from sgns_pmi.problems.tables import read_column

Float = NDArray[np.float64]
FIGURES = ("sweep", "all")
"""Which figures are drawn, if any are: of a sweep those of its own, or also those of each job."""


@dataclass(frozen=True)
class Config:
    """The composed configuration of one job, checked; field names are the configuration's keys.

    Parameters
    ----------
    k, dim, seed, device, exponent, bias, drop_positive, ridge, ridge_weights
    held_out, intervals, level, dynamics, svg, word2vec, figures, resume, checkpoint, replicates, objective, loggers
        As in conf/config.yaml.
    noise : str or ndarray, (contexts,)
        Name of the noise distribution, or the weights that `noise_file` holds.
    figure : Look
        How figures look.
    methods : tuple of str
        Names in `METHODS`, in the order in which they run.
    data : mapping
        `name`, of the problem in `PROBLEMS`, and that problem's options.
    method, solver : mapping of str to mapping
        The options of each method and of each solver.
    eval : Evaluation
        What is asked about words.
    noise_file : str, optional
        Where an array of noise came from.
    draw_seed : int, optional
        Of the counts, given the truth; by default the seed of the data.
    """

    k: int
    dim: int
    seed: int
    device: str
    noise: str | Float
    exponent: float
    bias: bool
    drop_positive: bool
    ridge: float | str
    ridge_weights: str
    held_out: float
    intervals: bool
    level: float
    dynamics: bool
    svg: bool
    word2vec: bool
    figures: str | bool
    resume: bool
    checkpoint: float
    replicates: int
    objective: str | None
    loggers: tuple[str, ...]
    figure: Look
    methods: tuple[str, ...]
    data: Mapping[str, Any]
    method: Mapping[str, Mapping[str, Any]]
    solver: Mapping[str, Mapping[str, Any]]
    eval: Evaluation
    noise_file: str | None = None
    draw_seed: int | None = None

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> Self:
        """Check a composed configuration, given as nested dicts.

        Raises
        ------
        InputError
            For the first key, type, value or combination that cannot be used.
        """
        allowed = [field.name for field in fields(cls)]
        for key in tree:
            if key not in allowed:
                raise unknown_key(key, tree[key], allowed)
        for field in fields(cls):
            if field.default is MISSING and field.name not in tree:
                raise InputError(field.name, "", "is missing; every key of conf/config.yaml needs a value")
        device = str(tree["device"])
        resolve_device(device)
        file = tree.get("noise_file")
        config = cls(
            k=check_integer("k", tree["k"]),
            dim=check_integer("dim", tree["dim"]),
            seed=check_seed(tree["seed"]),
            device=device,
            noise=read_noise(file) if file is not None else check_choice("noise", tree["noise"], NOISES),
            exponent=check_real("exponent", tree["exponent"]),
            bias=check_flag("bias", tree["bias"]),
            drop_positive=check_flag("drop_positive", tree["drop_positive"]),
            ridge=check_ridge(tree["ridge"]),
            ridge_weights=check_choice("ridge_weights", tree["ridge_weights"], RIDGE_WEIGHTS),
            held_out=_held_out(tree["held_out"]),
            intervals=check_flag("intervals", tree["intervals"]),
            level=check_share("level", tree["level"]),
            dynamics=check_flag("dynamics", tree["dynamics"]),
            svg=check_flag("svg", tree["svg"]),
            word2vec=check_flag("word2vec", tree["word2vec"]),
            figures=tree["figures"] is not False and check_choice("figures", tree["figures"], FIGURES),
            resume=check_flag("resume", tree["resume"]),
            checkpoint=check_real("checkpoint", tree["checkpoint"]),
            replicates=check_integer("replicates", tree["replicates"]),
            objective=_objective(tree["objective"], tree["methods"]),
            loggers=check_loggers(tree["loggers"]),
            figure=Look.of(_options("figure", tree["figure"], [own.name for own in fields(Look)])),
            methods=_methods(tree["methods"]),
            data=_data(tree["data"]),
            method=_options("method", tree["method"], METHODS),
            solver=_solvers(tree["solver"]),
            eval=_evaluation(tree["eval"]),
            noise_file=file,
            draw_seed=tree.get("draw_seed"),
        )
        config._check_draw_seed()
        config._check_methods()
        return config

    def _check_draw_seed(self) -> None:
        if self.draw_seed is not None:
            check_integer("draw_seed", self.draw_seed, 0)
            if not draws_counts(self.data["name"]):
                remedy = f"data={self.data['name']} draws no counts from a known truth; leave draw_seed out"
                raise InputError("draw_seed", self.draw_seed, remedy)

    @cached_property
    def _built(self) -> dict[str, Factorisation]:
        """The unfitted estimators, by method: made once, to be checked before any work and then fitted."""
        return {name: self._build(name) for name in {**dict.fromkeys(self.methods), **self.method}}

    def _build(self, name: str) -> Factorisation:
        method = METHODS[name]
        types = _annotations(method.estimator)
        options = _typed(f"method.{name}", self.method.get(name, {}), {name: types.get(name, "") for name in method.options})
        shared = Parameters(**{key: getattr(self, key) for key in SHARED if key != "verbose"})
        return method.build(shared, options, self.solver)

    def _check_methods(self) -> None:
        for name, estimator in self._built.items():
            try:
                estimator.check()
            except InputError as error:
                raise error.under(f"method.{name}") if error.field in METHODS[name].options else error from None

    @property
    def noise_name(self) -> str:
        """The noise's name, for titles."""
        return self.noise if isinstance(self.noise, str) else "file"

    @property
    def seeds(self) -> dict[str, int]:
        """Every seed of the job: that of the methods, of the data, and of the counts that are drawn where a truth is known."""
        data = self.data.get("seed", self.seed)
        if not draws_counts(self.data["name"]):
            return {"methods": self.seed, "data": data}
        draws = next((seed for seed in (self.data.get("draw_seed"), self.draw_seed) if seed is not None), data)
        return {"methods": self.seed, "data": data, "draws": draws}

    @property
    def sharing(self) -> str:
        """What jobs have in common that have the same problem."""
        return json.dumps([self.data, self.seeds["data"], self.seeds.get("draws")], default=str)

    def problem(self) -> Problem:
        """The counts, and their truth where one is known; an `InputError` names the key under ``data.``."""
        seeds = self.seeds
        options = {**self.data, "seed": seeds["data"]}
        if "draws" in seeds:
            options["draw_seed"] = seeds["draws"]
        try:
            build = PROBLEMS[options.pop("name")]
            if "draws" in seeds:
                words = options.get("words", 0)
                if isinstance(digits := options.get("attributes"), int) and 0 < digits < 64:
                    words = 2**digits
                check_room((words, words) if isinstance(words, int) else (0, 0))
            return build(**options)
        except InputError as error:
            raise error.under("data") from None

    def check_ahead(self) -> None:
        """Refuse what can be seen to be wrong before the data are made or read: a missing file, a dim above the words."""
        if (path := self.data.get("path")) not in (None, "-"):
            for file in path if isinstance(path, list | tuple) else [path]:
                if not glob(str(file)):
                    raise InputError("data.path", file, "no such file; paths are relative to the current folder")
        words = self.data.get("words")
        if isinstance(words, int):
            for name in self.methods:
                check_dim(self._built[name].get_params(deep=False).get("dim", self.dim), (words, words))

    def check_eval(self, problem: Problem) -> None:
        """Refuse questions that this problem's words cannot answer; an `InputError` names the key under ``eval.``."""
        try:
            composed = any(issubclass(METHODS[name].estimator, Composes) for name in self.methods)
            self.eval.check_counts(problem.counts, composed)
        except InputError as error:
            raise error.under("eval") from None

    def noise_for(self, problem: Problem) -> Float:
        """P_n over the problem's contexts; refused where it is zero at a context that occurs."""
        try:
            return noise_distribution(problem.counts, self.noise, self.exponent)
        except InputError as error:
            if self.noise_file is None:
                raise
            raise InputError("noise_file", self.noise_file, error.remedy) from None

    def estimators(self, problem: Problem, verbose: bool = False) -> tuple[dict[str, Factorisation], dict[str, str]]:
        """The unfitted estimators that this problem admits, by method; and why each other method is left out."""
        chosen, left_out = {}, {}
        for name in self.methods:
            skipped, reason = METHODS[name].skip(problem.offers)
            if skipped:
                left_out[name] = reason
                continue
            chosen[name] = self._built[name]
            own = chosen[name].get_params(deep=False)
            if "verbose" in own:
                chosen[name].set_params(verbose=verbose)
            # A method without factors, as the empirical PMI, has no dim.
            if "dim" in own:
                check_dim(own["dim"], problem.counts.shape)
        if not chosen:
            raise InputError("methods", ",".join(self.methods), f"{left_out[self.methods[0]]}; choose another method")
        return chosen, left_out


def unknown_key(key: str, value: object, allowed: Collection[str]) -> InputError:
    """The error for a key that does not exist beside those in `allowed`: names the closest, or where there is one, or all."""
    group, _, name = key.rpartition(".")
    names = [f"{group}.{other}" if group else other for other in allowed]
    near = get_close_matches(name, list(allowed), n=1)
    if near:
        return InputError(key, value, f"no such key; did you mean {names[list(allowed).index(near[0])]}?")
    places = {"": {field.name for field in fields(Config)}} | {
        f"solver.{solver}.": {field.name for field in fields(options)} for solver, options in SOLVERS.items()
    }
    if elsewhere := [place + name for place, there in places.items() if name in there]:
        return InputError(key, value, f"no such key; set {' or '.join(elsewhere)} instead")
    return InputError(key, value, f"no such key; there are {', '.join(names)}" if names else "no such key; there are none here")


def keys_given(given: Iterable[str], choices: type[Any]) -> dict[str, str]:
    """The ``key=value`` arguments of a command, whose keys are the fields of `choices`; an `InputError` for any other."""
    known = [field.name for field in fields(choices)]
    chosen = {}
    for key, _, value in (argument.partition("=") for argument in given):
        if key not in known:
            raise unknown_key(key, value, known)
        chosen[key] = value
    return chosen


def keys_among(given: Iterable[str], choices: type[Any]) -> tuple[list[str], list[str]]:
    """The arguments of a command that give its keys, the fields of `choices`, and the others: words, which may have an = too."""
    known = [field.name for field in fields(choices)]
    keys = [argument for argument in given if "=" in argument and argument.partition("=")[0] in known]
    return keys, [argument for argument in given if argument not in keys]


def check_no_key(word: str, choices: type[Any]) -> None:
    """Raise `InputError` for a word that looks like a key which `choices` do not have."""
    key, equals, value = word.strip("=").partition("=")
    if equals:
        raise unknown_key(key, value, [field.name for field in fields(choices)])


def draws_counts(problem: str) -> bool:
    """Whether counts of this problem, a name in `PROBLEMS`, are drawn from a truth, with a seed of their own."""
    return "draw_seed" in inspect.signature(PROBLEMS[problem]).parameters


def read_noise(path: str | Path) -> Float:
    """One weight for each context from a .csv, .tsv or .txt file of one column (a heading is allowed) or a .npy array.

    Raises
    ------
    InputError
        For a missing file, another suffix, several columns, or something that is not a number.
    """
    return read_column(path, "noise_file")


def _data(options: object) -> Mapping[str, Any]:
    name = check_choice("data.name", options.get("name") if isinstance(options, Mapping) else options, PROBLEMS)
    return _typed("data", options, {"name": "str", **_annotations(PROBLEMS[name])})


def _solvers(options: object) -> Mapping[str, Mapping[str, Any]]:
    checked = {}
    for name, own in _options("solver", options, SOLVERS).items():
        group = f"solver.{name}"
        try:
            checked[name] = _typed(group, own, _annotations(SOLVERS[name]))
            SOLVERS[name](**checked[name]).check()
        except InputError as error:
            raise error if error.field.startswith(group) else error.under(group) from None
    return checked


def _evaluation(options: object) -> Evaluation:
    whole = dict.fromkeys(("restrict", "neighbours", "map_words"), "int")
    evaluation = Evaluation(**_typed("eval", options, dict.fromkeys(Evaluation.keys(), "") | whole))
    try:
        evaluation.check()
    except InputError as error:
        raise error.under("eval") from None
    return evaluation


def _methods(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError("methods", value, "must be a list, as methods=[sgns_expected,oracle]")
    if not value:
        raise InputError("methods", "[]", f"must name one or more of {', '.join(METHODS)}")
    for name in value:
        check_choice("methods", name, METHODS)
        if value.count(name) > 1:
            raise InputError("methods", name, "must be named once")
    return tuple(value)


def _held_out(value: object) -> float:
    return 0.0 if value == 0 and not isinstance(value, bool) else check_share("held_out", value)


def _objective(value: object, methods: object) -> str | None:
    if value is None:
        return None
    method, _, metric = str(value).partition("/")
    check_choice("objective", method, _methods(methods))
    if not metric:
        raise InputError("objective", value, f"must name a method and a metric, as {method}/rmse")
    return str(value)


def _annotations(target: Callable[..., Any]) -> dict[str, str]:
    """The parameters of a function or class, with their types as written."""
    return {name: str(parameter.annotation) for name, parameter in inspect.signature(target).parameters.items()}


def _typed(group: str, options: object, types: Mapping[str, str]) -> Mapping[str, Any]:
    """The options of a group, keys known; 1e4 and 3.0 become whole numbers where the type asks for these."""
    known = _options(group, options, types)
    return {key: _whole(value) if "int" in types[key].split(" | ") else value for key, value in known.items()}


def _options(group: str, options: object, allowed: Collection[str]) -> Mapping[str, Any]:
    if not isinstance(options, Mapping):
        raise InputError(group, options, f"must be a group of keys, as {group}.{next(iter(allowed), 'key')}=...")
    for key in options:
        if key not in allowed:
            raise unknown_key(f"{group}.{key}", options[key], allowed)
    return options


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


__all__ = ["Config", "check_no_key", "keys_among", "keys_given", "read_noise", "unknown_key"]
