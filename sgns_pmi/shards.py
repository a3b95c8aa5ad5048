"""Counts as data sets, shard by shard on any number of machines: ``python -m sgns_pmi.shards count|merge|hash``."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from sgns_pmi.command_line import as_dict, as_input_error, conf_folder, guard_configuration
from sgns_pmi.config import Config
from sgns_pmi.errors import InputError, check_choice
from sgns_pmi.output import lasting_output
from sgns_pmi.problems.corpus.settings import parse_memory
from sgns_pmi.problems.data_sets import DataSet, Manifest
from sgns_pmi.problems.first_passes import words_into
from sgns_pmi.problems.merging import merge
from sgns_pmi.problems.stored import count_into
from sgns_pmi.problems.text import TextTask, text_task
from sgns_pmi.results.lock import FolderLock
from sgns_pmi.signals import ended_as_by_ctrl_c

USAGE = """\
Counts a text into a folder of Parquet files, whole or shard by shard, and adds such folders up.

  python -m sgns_pmi.shards count OUT data.path=TEXT shard=3/7   the third of seven shards; without shard, the whole text
  python -m sgns_pmi.shards merge OUT A B ...                    the sum of data sets: as if all had been counted at once
  python -m sgns_pmi.shards hash DIR                             one line, equal for equal counts and settings
  python -m sgns_pmi.shards words DIR data.path=TEXT shard=3/7   the words of a shard, for count with words=DIR and shard=3/7

Keys of count and words: data.* and seed, those of a run with data=text. Of merge: memory=2GB, beyond which DuckDB goes to disk.
count reads the whole text for its words, unless words=DIR has those of all shards. Each shard has a folder of its own;
counting it again finishes what was not finished. A run takes the counts by data=counts data.path=DIR. docs/counts.md
describes the files.
"""


def count(out: Path, keys: Sequence[str]) -> str:
    """Count one shard of a text; what there is to say."""
    words, left = own_key("words", keys)
    with shard_task(left) as (task, number, of), claimed(out):
        manifest = count_into(out, task, number, of, None if words is None else Path(words), shown=True)
    return f"{out}: shard {number}/{of}, {said(manifest)}"


def words(folder: Path, keys: Sequence[str]) -> str:
    """Read the words of one shard of a text; what there is to say."""
    with shard_task(keys) as (task, number, of):
        tokens = words_into(folder, task, number, of, shown=True)
    return f"{folder}: shard {number}/{of}, {tokens:,} tokens"


def own_key(name: str, keys: Sequence[str]) -> tuple[str | None, list[str]]:
    """The last value of a key, None where it is not given; and all other keys."""
    values = [key.partition("=")[2] for key in keys if key.startswith(f"{name}=")]
    return values[-1] if values else None, [key for key in keys if not key.startswith(f"{name}=")]


@contextmanager
def shard_task(keys: Sequence[str]) -> Iterator[tuple[TextTask, int, int]]:
    """What is to be counted, and which shard of how many; refusals within the block name keys under ``data.``."""
    shard, left = own_key("shard", keys)
    number, of = parse_shard("1/1" if shard is None else shard)
    options = data_options(left)
    try:
        yield text_task(**options), number, of
    except InputError as error:
        raise error.under("data") if error.field in options else error from None


@contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Hold the folder while the block runs; where nothing was written, none is left."""
    try:
        with FolderLock(out, "out"):
            yield
    finally:
        with suppress(OSError):
            out.rmdir()


def parse_shard(text: str) -> tuple[int, int]:
    """Number, from 1, and how many there are: 3/7."""
    found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= of:
        raise InputError("shard", text, "must be the number of a shard, from 1, and how many there are, as 3/7")
    return number, of


def data_options(keys: Sequence[str]) -> dict[str, Any]:
    """The options of `text_problem`, from keys as a run takes them."""
    for key in keys:
        name, _, value = key.partition("=")
        if not name.startswith("data.") and name != "seed":
            raise InputError(
                name, value, "no such key of counting; there are shard, words, seed and, as in a run with data=text, data.*"
            )
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = Config.from_tree(as_dict(compose("config", overrides=["data=text", *keys])))
    options = {**config.data, "seed": config.seeds["data"]}
    del options["name"]
    return options


def merge_folders(out: Path, given: Sequence[str]) -> str:
    """Add data sets up; what there is to say."""
    memory, parts = own_key("memory", given)
    if not parts:
        raise InputError("command line", f"merge {out}", "give the folders to add up: merge OUT A B")
    size = parse_memory("2GB" if memory is None else memory)
    with claimed(out):
        manifest = merge(out, parts, size)
    missing = "".join(f"; missing of a text: shard {part.named_missing}" for part in manifest.texts if part.missing)
    return f"{out}: {said(manifest)}{missing}"


def said(manifest: Manifest) -> str:
    """A data set in one line."""
    return f"{manifest.words:,} words, {manifest.cells:,} cells, {manifest.total:,.10g} pairs, hash {manifest.hash}"


def hash_of(folder: Path, given: Sequence[str]) -> str:
    """The hash of a data set, which is read whole."""
    if given:
        raise InputError("command line", " ".join(given), "give one folder: hash DIR")
    return DataSet(folder).hash()


COMMANDS = {"count": count, "merge": merge_folders, "hash": hash_of, "words": words}


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in ([], ["--help"], ["-h"]):
        print(USAGE, end="", file=sys.stdout if given else sys.stderr)
        raise SystemExit(0 if given else 2)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    guard_configuration()
    try:
        command = COMMANDS[check_choice("command", given[0], COMMANDS)]
        if len(given) < 2 or given[1].startswith(("data.", "shard=")):
            raise InputError(
                "command line", " ".join(given), f"give a folder: {given[0]} {'DIR' if given[0] == 'hash' else 'OUT'}"
            )
        with ended_as_by_ctrl_c():
            print(command(Path(given[1]), given[2:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (InputError, HydraException, OmegaConfBaseException, OSError) as error:
        print(error if isinstance(error, OSError) else as_input_error(error), file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
