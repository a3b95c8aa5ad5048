"""Counts as data sets, and factors of them, on any number of machines: ``python -m sgns_pmi.shards count|merge|factorise``."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from sgns_pmi.arrays import pack_words
from sgns_pmi.command_line import as_dict, as_input_error, conf_folder, guard_configuration
from sgns_pmi.config import Config, keys_given
from sgns_pmi.errors import InputError, check_choice, check_dim, check_integer, check_real
from sgns_pmi.files import atomic_path, check_folder
from sgns_pmi.lazily import torch
from sgns_pmi.output import arguments_or_usage, lasting_output
from sgns_pmi.problems.corpus.settings import parse_memory
from sgns_pmi.problems.data_sets import DataSet, Manifest
from sgns_pmi.problems.first_passes import words_into
from sgns_pmi.problems.merging import merge
from sgns_pmi.problems.stored import count_into, row_blocks, rows_kept
from sgns_pmi.problems.text import TextTask, text_task
from sgns_pmi.results.lock import FolderLock
from sgns_pmi.signals import ended_as_by_ctrl_c

if TYPE_CHECKING:
    from sgns_pmi.factorise.solvers.sharded import Processes

USAGE = """\
Counts a text into a folder of Parquet files, whole or shard by shard, and adds such folders up.

  python -m sgns_pmi.shards count OUT data.path=TEXT shard=3/7   the third of seven shards; without shard, the whole text
  python -m sgns_pmi.shards merge OUT A B ...                    the sum of data sets: as if all had been counted at once
  python -m sgns_pmi.shards hash DIR                             one line, equal for equal counts and settings
  python -m sgns_pmi.shards factorise DIR OUT.npz dim=100 k=5    SGNS by its exact objective; method=sgns_sampled, sppmi_svd;
                                                                 for several processes
                                                                 torchrun --nproc-per-node 4 -m sgns_pmi.shards factorise ...
  python -m sgns_pmi.shards words DIR data.path=TEXT shard=3/7   the words of a shard, for count with words=DIR and shard=3/7

Keys of count and words: data.* and seed, those of a run with data=text. Of merge: memory=2GB, beyond which DuckDB goes to disk.
Of factorise: method, dim, k, exponent, seed, max_steps (of sgns_sampled epochs, of sppmi_svd readings of
the counts), tolerance, of sgns_sampled blocks=8, into which it cuts V and U, and of sgns_expected precision=float32 and
memory=4GB, beyond which a process has its counts on disk.
count reads the whole text for its words, unless words=DIR has those of all shards. Each shard has a folder of its own;
counting it again finishes what was not finished. A run takes the counts by data=counts data.path=DIR. docs/counts.md
describes the files.
"""


def count(out: Path, keys: Sequence[str]) -> str:
    """Count one shard of a text; what there is to say."""
    words, left = own_key("words", keys)
    with shard_task(left) as (task, number, of), claimed(out):
        manifest = count_into(out, task, number, of, None if words is None else Path(words), shown=True)
    return f"{out}: shard {number}/{of}, {in_words(manifest)}"


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
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= of:
        raise InputError("shard", text, "must be the number of a shard, from 1, and how many there are, as 3/7")
    return number, of


def data_options(keys: Sequence[str]) -> dict[str, Any]:
    """The options of `text_problem`, from keys as a run takes them."""
    for key in keys:
        name, _, value = key.partition("=")
        if (not name.startswith("data.") and name != "seed") or name == "data.unit":
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
    return f"{out}: {in_words(manifest)}{missing}"


def in_words(manifest: Manifest) -> str:
    """A data set in one line."""
    return f"{manifest.words:,} words, {manifest.cells:,} cells, {manifest.total:,.10g} pairs, hash {manifest.hash}"


def hash_of(folder: Path, given: Sequence[str]) -> str:
    """The hash of a data set, which is read whole."""
    if given:
        raise InputError("command line", " ".join(given), "give one folder: hash DIR")
    return DataSet(folder).hash()


@dataclass(frozen=True)
class Choices:
    """The keys of factorise: the method, those that it has in runs too, and those of its solver."""

    method: str = "sgns_expected"
    dim: int = 4
    k: float = 5
    exponent: float = 1.0
    seed: int = 0
    max_steps: int | None = None
    tolerance: float | None = None
    blocks: int | None = None
    memory: int | None = None
    precision: str = "float64"

    @classmethod
    def from_keys(cls, keys: Sequence[str]) -> Choices:
        """Choices from ``key=value``; an `InputError` for an unknown key or a value that it cannot have."""
        types = {field.name: str(field.type) for field in fields(cls)}
        chosen: dict[str, Any] = keys_given(keys, cls)
        for key, value in chosen.items():
            if key in WORDS:
                check_choice(key, value, WORDS[key])
                continue
            if key == "memory":
                chosen[key] = parse_memory(value)
                continue
            try:
                chosen[key] = float(value)
            except ValueError:
                raise InputError(key, value, "must be a number") from None
            if types[key].startswith("int"):
                chosen[key] = check_integer(key, chosen[key], 0 if key == "seed" else 1)
            else:
                check_real(key, chosen[key], 1.0 if key == "k" else 0.0, above=key == "tolerance")
        choices = cls(**chosen)
        for alien in METHODS[choices.method].lacks:
            if alien in chosen:
                raise InputError(alien, chosen[alien], f"is no key of method={choices.method}; leave it out")
        return choices

    @property
    def solver(self) -> dict[str, Any]:
        """What a solver is asked, but for what it decides where nothing is given."""
        asked = {name: getattr(self, name) for name in ("seed", "max_steps", "tolerance", "blocks")}
        return {name: value for name, value in asked.items() if value is not None}


def factorise(folder: Path, given: Sequence[str]) -> str:
    """Factorise a data set, with the other processes that torchrun has started; what there is to say, by the first of them."""
    import torch.distributed as dist

    from sgns_pmi.factorise.solvers.sharded import Processes

    if not given or "=" in given[0] or not given[0].endswith(".npz"):
        raise InputError("command line", " ".join(given), "give a file for the vectors: factorise DIR OUT.npz dim=100")
    out, choices = Path(given[0]), Choices.from_keys(given[1:])
    check_folder("out", out.parent)
    stored = DataSet(folder)
    stored.manifest.check_whole(folder)
    check_dim(choices.dim, (stored.manifest.words, stored.manifest.words))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("gloo")
    try:
        processes = Processes(stored.manifest.words)
        own, arrays, said = METHODS[choices.method].fit(stored, choices, processes)
        arrays |= {name: processes.collect(torch.tensor(array)).numpy() for name, array in own.items()}
        if processes.number:
            return ""
        names, _ = stored.words()
        arrays |= pack_words("vocab", names) | pack_words("context_vocab", names)
        with atomic_path(out) as beside:
            np.savez(beside, **arrays)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    return f"{out}: {said}, processes: {processes.all}"


Found = tuple[dict[str, Any], dict[str, Any], str]
"""What each process has its own rows of, what all have, and what there is to say."""


def expected(stored: DataSet, choices: Choices, processes: Processes) -> Found:
    """SGNS by its exact objective."""
    from sgns_pmi.factorise.solvers.sharded import room, solve_sharded

    dtype = getattr(torch, choices.precision)
    pairs, left = room(choices.memory, processes, choices.dim, dtype)
    with rows_kept(stored, processes.own, left) as read:
        fit, row_sums, col_sums = solve_sharded(
            read,
            choices.dim,
            choices.k,
            choices.exponent,
            processes,
            pairs=pairs,
            dtype=dtype,
            verbose=processes.number == 0,
            **choices.solver,
        )
    own = {"V": fit.V, "U": fit.U, "row_sums": row_sums}
    steps, seconds = len(fit.history) - 1, fit.history["seconds"].iloc[-1]
    return own, {"col_sums": col_sums}, f"objective {fit.objective:.15g} after {steps} steps in {seconds:.3f} s, {fit.status}"


def sppmi_svd(stored: DataSet, choices: Choices, processes: Processes) -> Found:
    """The truncated SVD of SPPMI."""
    from sgns_pmi.factorise.solvers.streamed import StreamedSPPMI, streamed_svd

    shape = processes.own.stop - processes.own.start, stored.manifest.words
    matrix = StreamedSPPMI(lambda: row_blocks(stored, processes.own), shape, choices.k, choices.exponent, processes)
    V, U, found = streamed_svd(matrix, choices.dim, processes, **choices.solver)
    own = {"V": V, "U": U, "row_sums": matrix.row_sums}
    arrays = {"col_sums": matrix.col_sums, "singular_values": found.values, "bounds": found.bounds}
    first, last = (f"{found.values[at]:.6g} ± {found.bounds[at]:.1g}" for at in (0, -1))
    return own, arrays, f"singular values {first} to {last} after {found.passes} readings"


def sampled(stored: DataSet, choices: Choices, processes: Processes) -> Found:
    """SGNS with drawn negatives, bucket by bucket."""
    from sgns_pmi.factorise.solvers.buckets import solve_buckets
    from sgns_pmi.factorise.solvers.sharded import streamed_sums

    shape = processes.own.stop - processes.own.start, stored.manifest.words
    row_sums, col_sums = streamed_sums(row_blocks(stored, processes.own), shape, processes)
    V, U, losses = solve_buckets(
        lambda rows: row_blocks(stored, rows),
        row_sums,
        col_sums,
        choices.dim,
        choices.k,
        choices.exponent,
        processes,
        verbose=processes.number == 0,
        **choices.solver,
    )
    said = f"objective about {losses[-1]:.6g} after {len(losses)} epochs"
    return {"row_sums": row_sums}, {"V": V, "U": U, "col_sums": col_sums}, said


@dataclass(frozen=True)
class Method:
    """How a data set is factorised, and which keys that does not have."""

    fit: Callable[[DataSet, Choices, Processes], Found]
    lacks: tuple[str, ...]


METHODS = {
    "sgns_expected": Method(expected, ("blocks",)),
    "sgns_sampled": Method(sampled, ("tolerance", "memory", "precision")),
    "sppmi_svd": Method(sppmi_svd, ("blocks", "memory", "precision")),
}
WORDS = {"method": tuple(METHODS), "precision": ("float64", "float32")}
"""Keys of factorise whose values are words, and which they may be."""
COMMANDS = {"count": count, "factorise": factorise, "merge": merge_folders, "hash": hash_of, "words": words}


@lasting_output()
def main(arguments: Sequence[str] | None = None) -> None:
    """The command; bad input ends it with one line and exit code 2."""
    given = arguments_or_usage(arguments, USAGE)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    guard_configuration()
    try:
        command = COMMANDS[check_choice("command", given[0], COMMANDS)]
        if len(given) < 2 or given[1].startswith(("data.", "shard=")):
            raise InputError(
                "command line", " ".join(given), f"give a folder: {given[0]} {'DIR' if given[0] == 'hash' else 'OUT'}"
            )
        with ended_as_by_ctrl_c():
            said = command(Path(given[1]), given[2:])
            if said:
                print(said)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (InputError, HydraException, OmegaConfBaseException, OSError) as error:
        print(error if isinstance(error, OSError) else as_input_error(error), file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
