"""A method declares itself at its class; one from outside is run as those of the package are."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

import sgns_pmi as sp
from sgns_pmi.command_line import conf_folder
from sgns_pmi.config import Config
from sgns_pmi.counts import as_counts
from sgns_pmi.factorise import METHODS, Factorisation, Parameters, method
from sgns_pmi.factorise.base import Float
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.sampled import Sampled
from sgns_pmi.run import as_dict, run


class Margins(Factorisation):
    """PMI is the same constant everywhere: as invented a method as there can be."""

    def __init__(self, dim: int = 4, level: float = 0.0, k: int = 5, seed: int = 0) -> None:
        self.dim, self.level, self.k, self.seed = dim, level, k, seed

    def check(self) -> None:
        if self.level < 0:
            raise sp.InputError("level", self.level, "must not be negative")

    def fit(self, X: Any, y: Any = None) -> Margins:
        self.check()
        words, contexts = as_counts(X).shape
        self.V_, self.U_ = np.full((words, 1), self.level), np.ones((contexts, 1))
        return self

    def product(self, corrected: bool = True) -> tuple[Float, Float]:
        return self.V_, self.U_


@pytest.fixture
def margins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(METHODS):  # sets each anew at the end of the test, so that the invented one is gone
        monkeypatch.setitem(METHODS, name, METHODS[name])
    monkeypatch.setitem(METHODS, "margins", METHODS["qwem"])
    method("margins", "an invention")(Margins)


def tree(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return as_dict(compose("config", ["data.words=12", "data.pairs=3000", *overrides]))


@pytest.mark.usefixtures("margins")
def test_a_method_from_outside_is_checked_and_run(tmp_path: Path) -> None:
    config = Config.from_tree(tree("methods=[margins]", "k=7", "seed=3", "+method.margins.level=0.5"))
    (estimator,) = config.estimators(config.problem())[0].values()
    assert estimator.get_params() == {"dim": 4, "level": 0.5, "k": 7, "seed": 3}
    assert run(config, tmp_path).status == "complete"
    assert set(pd.read_csv(tmp_path / "metrics.csv")["method"]) == {"margins"}
    np.testing.assert_array_equal(np.load(tmp_path / "vectors" / "margins.npz")["V"], np.full((12, 1), 0.5))
    assert list(json.loads((tmp_path / "summary.json").read_text())["methods"]) == ["margins"]


@pytest.mark.usefixtures("margins")
def test_options_of_a_method_from_outside_are_refused_by_name() -> None:
    with pytest.raises(sp.InputError, match=r"method.margins.levl=1: no such key; did you mean method.margins.level\?"):
        Config.from_tree(tree("+method.margins.levl=1"))
    with pytest.raises(sp.InputError, match=r"^method.margins.level=-1: must not be negative"):
        Config.from_tree(tree("+method.margins.level=-1"))


def test_shared_parameters_reach_every_method_that_has_them() -> None:
    values = {"dim": 3, "k": 7, "exponent": 0.75, "seed": 11, "verbose": True, "bias": True, "drop_positive": True}
    for name, declared in METHODS.items():
        params = declared.build(Parameters(**values)).get_params()
        assert {key: params[key] for key in values if key in params} == {key: values[key] for key in values if key in params}, (
            name
        )
        # And a parameter that a method has by another's name is not mistaken for it.
        defaults = {key: p.default for key, p in inspect.signature(declared.estimator).parameters.items()}
        own = set(params) - set(values) - {"solver", "noise", "device"} - set(declared.presets)
        assert {key: params[key] for key in own} == {key: defaults[key] for key in own}, name


def test_two_names_of_one_class_differ_by_their_solver() -> None:
    solvers = {"expected": {"starts": 3}, "sampled": {"epochs": 2}}
    expected, sampled = (METHODS[name].build(solvers=solvers) for name in ("sgns_expected", "sgns_sampled"))
    assert (type(expected), type(sampled)) == (sp.SGNS, sp.SGNS)
    assert expected.get_params()["solver"] == Expected(starts=3)
    assert sampled.get_params()["solver"] == Sampled(epochs=2)


@pytest.mark.parametrize(
    ("name", "without", "reason"),
    [("oracle", "truth", "needs the true PMI"), ("cbow", "text", "needs a text"), ("fasttext", "words", "needs words")],
)
def test_a_method_says_why_it_is_left_out(name: str, without: str, reason: str) -> None:
    everything = {"counts", "words", "truth", "text"}
    assert METHODS[name].skip(everything) == (False, "")
    skipped, why = METHODS[name].skip(everything - {without})
    assert skipped
    assert why.startswith(reason)


def test_methods_are_listed_by_name() -> None:
    assert list(METHODS) == sorted(METHODS)
