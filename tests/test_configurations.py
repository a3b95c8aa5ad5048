"""Configurations of jobs without Hydra: those that it composes."""

from __future__ import annotations

from collections.abc import Iterator

import hydra
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from sgns_pmi.command_line import GuardedLoader, as_dict, guard_configuration
from sgns_pmi.configurations import Configurations
from sgns_pmi.defaults import conf_folder


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[GuardedLoader, DictConfig]]:
    monkeypatch.setattr("hydra._internal.hydra.ConfigLoaderImpl", hydra._internal.hydra.ConfigLoaderImpl)
    guard_configuration()
    with hydra.initialize_config_dir(str(conf_folder()), version_base="1.3"):
        master = hydra.compose("config", return_hydra_config=True)
        master.hydra.job.config_name, master.hydra.sweep.dir = "config", "out"
        yield GlobalHydra.instance().config_loader(), master


PLAIN = (
    ["k=3", "dim=7"],
    ["method=[sppmi_svd,sppmi]", "k=3", "method.sppmi.k=4", "exponent=0.5"],
    ["data=toy", "data.window=3", "eval.words=[apple,dog]", "eval.maps=[]", "eval.words=[]"],
    ["data.words=20", "data.seed=5", "draw_seed=null", "eval.vectors='V+U'", "bias=true", "ridge=1e-3"],
    ["method=[oracle]", "methods=[oracle]"],
    ["solver.sampled.lr=0.5", "hydra.sweep.subdir='k=3'"],
)
HYDRAS = (
    ["+data.seed=3", "k=1"],
    ["~eval.words", "k=2"],
    ["method.sppmi_svd={k: 4}", "k=3"],
    ["dim=${k}", "k=3"],
    ["noise=file", "noise_file=a.csv"],
    ["method=[sppmi_svd]", "method.sppmi_svd.power=1.0"],  # methods names the group
)


@pytest.mark.parametrize("overrides", PLAIN + HYDRAS, ids=" ".join)
def test_they_are_those_that_hydra_composes(composed: tuple[GuardedLoader, DictConfig], overrides: list[str]) -> None:
    loader, master = composed
    make = Configurations(loader, master, OverridesParser.create(config_loader=loader))
    before = make(["data=toy", "k=9"])
    try:
        tree = loader.load_sweep_config(master, overrides)
    except Exception as error:
        with pytest.raises(type(error)):
            make(overrides)
        return
    content, choices = make(overrides)
    assert content == as_dict(tree)
    assert choices == dict(tree.hydra.runtime.choices)
    assert make(["data=toy", "k=9"]) == before  # what is shared stays


def test_most_need_no_hydra(composed: tuple[GuardedLoader, DictConfig], monkeypatch: pytest.MonkeyPatch) -> None:
    loader, master = composed
    make = Configurations(loader, master, OverridesParser.create(config_loader=loader))
    make(["data=toy", "k=3"])
    monkeypatch.setattr(loader, "load_sweep_config", None)
    assert [make(["data=toy", f"k={k}", "data.window=1"])[0]["k"] for k in (3, 4)] == [3, 4]


@pytest.mark.parametrize("overrides", [*PLAIN[:3], ["+experiment=text8", "data.path=x"]], ids=" ".join)
def test_what_hydra_composes_for_its_mode_is_the_jobs_own(
    composed: tuple[GuardedLoader, DictConfig], overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loader, _ = composed
    given = [*overrides, "hydra.mode=RUN"]
    expected = ConfigLoaderImpl.load_configuration(loader, "config", given, RunMode.RUN)
    assert loader.load_configuration("config", overrides, RunMode.MULTIRUN, validate_sweep_overrides=False).hydra.mode is None
    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", None)  # nothing is composed again
    assert OmegaConf.to_container(loader.load_configuration("config", given, RunMode.RUN)) == OmegaConf.to_container(expected)


@pytest.mark.parametrize("overrides", [["k=1,2"], ["data=toy,softmax"], ["+experiment=levy_goldberg"]], ids=" ".join)
def test_sweeps_are_composed_as_hydra_does(composed: tuple[GuardedLoader, DictConfig], overrides: list[str]) -> None:
    loader, _ = composed
    ways = [
        own(loader, "config", overrides, RunMode.MULTIRUN, validate_sweep_overrides=False)
        for own in (ConfigLoaderImpl.load_configuration, GuardedLoader.load_configuration)
    ]
    assert OmegaConf.to_container(ways[0]) == OmegaConf.to_container(ways[1])
    assert loader.load_configuration("config", ["k=3", "hydra.mode=RUN"], RunMode.RUN).k == 3
