"""What README and manual print is true: every block of Python or R runs, every command is one that the program takes."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
from functools import cache
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from manual import PAGES, ROOT, blocks

import sgns_pmi as sp
from sgns_pmi.command_line import conf_folder
from sgns_pmi.config import Config
from sgns_pmi.run import as_dict
from sgns_pmi.shards import COMMANDS, Choices, data_options, own_key, parse_shard

FILES = re.compile(r"^(eval\.(similarity|analogies|sentiment))=.*")
"""Keys whose files a reader has, and this test has not."""


def commands(page: Path) -> list[list[str]]:
    """The commands of a page's shell blocks, as words."""
    lines = [line for text in blocks(page, "sh") for line in text.replace("\\\n", " ").splitlines()]
    words = [shlex.split(command, comments=True) for line in lines for command in line.split(" && ")]
    return [command for command in words if command]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "manual"}
    for text in blocks(page, "python"):
        exec(compile(text, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_not_run_names_what_there_is(page: Path) -> None:
    for text in blocks(page, "python", run=False):
        for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            if re.fullmatch(r"sp(\.\w+)+", name):
                signature = inspect.signature(attrgetter(name.removeprefix("sp."))(sp))
                signature.bind(*call.args, **{keyword.arg: None for keyword in call.keywords})


def overrides_of(words: list[str]) -> list[str]:
    """The keys of a run's command; of one that sweeps, those of its first job."""
    keys = [FILES.sub(r"\1=[]", word) for word in words if "=" in word and not word.startswith(("hydra.", "hydra/"))]
    first = []
    for key, parsed in zip(keys, OverridesParser.create().parse_overrides(keys), strict=True):
        swept = parsed.is_sweep_override()
        first.append(f"{key.partition('=')[0]}={next(iter(parsed.sweep_string_iterator()))}" if swept else key)
    return first


def check_shards(name: str, words: list[str]) -> None:
    """Read the keys of a command of `sgns_pmi.shards`, all but its folders."""
    assert name in COMMANDS
    if name in ("count", "words"):
        shard, keys = own_key("shard", own_key("words", words)[1])
        parse_shard(shard or "1/1")
        data_options(keys)
    elif name == "factorise":
        Choices.from_keys(words[1:])


def handed_on(command: list[str]) -> list[list[str]]:
    """A command, or those that it hands to a launcher, as its last words or in quotes."""
    quoted = [part for word in command for part in re.findall(r"python -m [^'\")]+", word)]
    if quoted:
        return [shlex.split(text) for text in quoted]
    if command[0] == "torchrun" and "-m" in command:
        return [["python", *command[command.index("-m") :]]]
    return [command[command.index("python") :]] if "python" in command else [command]


@cache
def check(*command: str) -> None:
    """Compose and check what a command asks of the program; of others see that their module or script is there."""
    match command:
        case ["python", "-m", "sgns_pmi.run", *words]:
            with initialize_config_dir(str(conf_folder()), version_base="1.3"):
                asked = compose("config", overrides_of([os.path.expandvars(word) for word in words]))
            assert Config.from_tree(as_dict(asked)).methods
        case ["python", "-m", "sgns_pmi.shards", name, _, *words]:
            check_shards(name, [os.path.expandvars(word).replace("{}", "1") for word in words])
        case ["python", "-m", module, *_]:
            assert find_spec(module) is not None, command
        case ["python", script, *_]:
            assert (ROOT / script).is_file(), command


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_one_that_the_program_takes(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    monkeypatch.setenv("HQ_TASK_ID", "1")
    for command in commands(page):
        for inner in handed_on(command):
            check(*inner)


def test_what_is_handed_to_a_launcher_is_found() -> None:
    count = ["python", "-m", "sgns_pmi.shards", "count", "s{}", "shard={}/7"]
    assert handed_on(["seq", "7", "|", "xargs", "-I{}", *count]) == [count]
    assert handed_on(["sbatch", "--wrap", " ".join(count)]) == [count]
    assert handed_on(["torchrun", "--nproc-per-node", "4", "-m", "sgns_pmi.shards", "hash"]) == [[*count[:3], "hash"]]
    assert handed_on(["mkdocs", "build"]) == [["mkdocs", "build"]]
    with pytest.raises(HydraException, match=r"data\.windw"):
        check(*count, "data.windw=2")
