"""What is quick stays quick: neither the package, nor help, nor a refusal loads the libraries that take seconds."""

from __future__ import annotations

import gc
import json
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sgns_pmi as sp
from sgns_pmi import lazily

SLOW = ("matplotlib", "numba", "pandas", "sklearn", "torch")
DOORS = (
    "sgns_pmi",
    "sgns_pmi.compare",
    "sgns_pmi.factorise.kernels",
    "sgns_pmi.factorise.losses",
    "sgns_pmi.factorise.solvers",
    "sgns_pmi.figures",
    "sgns_pmi.problems.corpus",
)
QUICK = {
    "help": ["--help"],
    "version": ["--version"],
    "unknown key": ["dimm=3"],
    "wrong value": ["k=0"],
    "wrong device": ["device=gpu"],
    "solver's wrong value": ["solver.sampled.optimizer=adan"],
    "exact solver's wrong value": ["solver.expected.precision=half"],
    "method's unknown key": ["method=glove", "+method.glove.xmax=3"],
    "method's wrong value": ["method=glove", "method.glove.x_max=-1"],
    "question's wrong value": ["eval.vectors=W"],
    "data's unknown key": ["data=marginal", "data.zip=1"],
    "data's wrong value": ["data.words=-3"],
    "words for text": ["data=text"],
}
ASK = """
import json, sys
from sgns_pmi.run import main
found = {}
for name, arguments in json.loads(sys.argv[1]).items():
    sys.argv[1:] = arguments + ["hydra.output_subdir=null"]
    if arguments[0].startswith("--"):
        sys.argv[2:] = []
    try:
        main()
    except SystemExit as end:
        found[name] = [end.code, [module for module in json.loads(SLOW) if module in sys.modules]]
print("FOUND", json.dumps(found))
"""


def python(code: str, *arguments: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_loads_nothing_slow(tmp_path: Path) -> None:
    code = "import sys, sgns_pmi; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = python(code, cwd=tmp_path)
    assert "sgns_pmi" in loaded
    assert [name for name in (*SLOW, "numpy", "scipy", "hydra") if f"'{name}'" in loaded] == []


def test_answers_and_refusals_load_nothing_slow(tmp_path: Path) -> None:
    out = python(f"SLOW = {json.dumps(json.dumps(SLOW))}\n{ASK}", json.dumps(QUICK), cwd=tmp_path)
    found: dict[str, Any] = json.loads(out.rpartition("FOUND ")[2])
    assert {name: code for name, (code, _) in found.items()} == {
        name: 0 if arguments[0].startswith("--") else 2 for name, arguments in QUICK.items()
    }
    assert {name: slow for name, (_, slow) in found.items() if slow} == {}
    assert f"sgns-pmi {sp.__version__}\n" in out


@pytest.mark.parametrize("package", DOORS)
def test_a_door_opens_to_each_of_its_names(package: str) -> None:
    door = import_module(package)
    folder = Path(str(door.__file__)).parent
    modules = {file.stem for file in folder.iterdir() if file.suffix == ".py" or (file / "__init__.py").is_file()}
    for name in door.__all__:
        assert getattr(door, name) is getattr(door, name)
        # Loading a module puts it into its package, in the place of what the door would have brought; the command
        # `inference` answers calls as the function does.
        assert name not in modules - {"inference"}
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        _ = door.nonsense


def test_functions_that_name_a_library_can_go_to_another_process() -> None:
    """As joblib sends those of `python -m sgns_pmi.run`, by value."""
    assert pickle.loads(pickle.dumps(lazily.pd)).DataFrame is pd.DataFrame


def test_what_the_first_fit_would_load_is_loaded_before_its_clock_runs(tmp_path: Path) -> None:
    code = """
import sys
import sgns_pmi as sp
from sgns_pmi.factorise.start_up import start_up
counts = sp.CooccurrenceCounts.from_matrix([[3, 1], [1, 2]])
methods = [sp.SGNS(dim=1, solver=sp.Expected(starts=1)), sp.SGNS(dim=1, solver=sp.Sampled(epochs=1))]
start_up(methods)
known = set(sys.modules)
for method in methods:
    method.fit(counts)
slow = {"matplotlib", "numba", "pandas", "scipy", "sklearn", "torch"}
new = {name.split(".")[0] for name in set(sys.modules) - known}
print(*(new & slow))
"""
    assert python(code, cwd=tmp_path).split() == []


def test_dead_objects_are_sought_seldom_while_a_command_runs() -> None:
    before = gc.get_threshold()
    with lazily.seldom_collecting():
        assert gc.isenabled()
        assert gc.get_threshold() == (lazily.YOUNG, *before[1:])
    assert gc.get_threshold() == before
