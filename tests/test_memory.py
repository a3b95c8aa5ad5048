"""What would not fit into memory is refused before it is begun, with what to change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import sgns_pmi as sp
from sgns_pmi import InputError, memory
from sgns_pmi.command_line import as_dict, conf_folder
from sgns_pmi.compare.comparison import Comparing
from sgns_pmi.config import Config
from sgns_pmi.memory import check_memory, free_bytes
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems import PROBLEMS, Problem
from sgns_pmi.problems.problem import Truth


@pytest.mark.parametrize(
    ("own", "folder", "files"),
    [
        ("0::/a/b\n", "a/b", ("memory.max", "memory.current", "inactive_file")),
        ("0::/\n", "", ("memory.max", "memory.current", "inactive_file")),
        ("0::/a/b\n", "a", ("memory.max", "memory.current", "inactive_file")),  # of what the group is part of
        ("5:cpu:/x\n4:memory,pids:/a\n", "memory/a", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")),
    ],
)
def test_what_is_free_is_the_least_of_what_limits(
    own: str, folder: str, files: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").write_text(own)
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    assert free_bytes() > 0
    group = tmp_path / "groups" / folder
    group.mkdir(parents=True)
    limit, used = (group / name for name in files[:2])
    used.write_text("1000\n")
    limit.write_text("max\n")
    assert free_bytes() > 10**6
    limit.write_text("5000\n")
    assert free_bytes() == 4000
    (group / "memory.stat").write_text(f"anon 7\n{files[2]} 300\n")
    assert free_bytes() == 4300
    used.write_text("6000\n")
    assert free_bytes() == 0


def test_a_refusal_names_need_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 2.0 * 2**30)
    check_memory("words", 5, 2.0 * 2**30, "take fewer")
    with pytest.raises(InputError, match=r"^words=5: needs 2\.5 GiB of memory, and 2\.0 GiB are free; take fewer$"):
        check_memory("words", 5, 2.5 * 2**30, "take fewer")


def test_a_dense_estimate_is_refused_at_once_and_some_rows_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    svd = sp.PMISVD(dim=1).fit(np.eye(3) + 1)
    svd.V_, svd.U_, svd._offset = np.zeros((60_000, 1)), np.zeros((60_000, 1)), np.zeros(60_000)
    monkeypatch.setattr(memory, "free_bytes", lambda: 4.0 * 2**30)
    with pytest.raises(InputError, match=r"needs 26\.8 GiB of memory, .*rows=.*estimate_cells"):
        svd.estimate_pmi()
    assert svd.estimate_pmi(rows=slice(0, 5)).shape == (5, 60_000)
    assert svd.estimate_pmi(rows=np.array([1, 7])).shape == (2, 60_000)


@pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("softmax", {"rank": 10**9}, "rank"),
        ("softmax", {"words": 10**20}, "words"),
        ("marginal", {"rank": 10**9}, "rank"),
        ("marginal", {"words": 10**20}, "words"),
        ("heavy", {"rank": 10**9}, "rank"),
        ("walk", {"rank": 10**9}, "rank"),
        ("walk", {"points": 10**12}, "points"),
        ("sites", {"rank": 10**9}, "rank"),
        ("circulant", {"harmonics": 10**12}, "harmonics"),
        ("topics", {"topics": 10**9}, "topics"),
        ("topics", {"words": 10**7}, "words"),
        ("documents", {"topics": 10**9}, "topics"),
        ("documents", {"words": 10**7}, "words"),
        ("documents", {"documents": 10**12}, "documents"),
        ("documents", {"pairs": 2**53}, "pairs"),
        ("independent", {"words": 10**20}, "words"),
    ],
)
def test_generators_without_room_say_what_to_change(name: str, options: dict[str, int], field: str) -> None:
    with pytest.raises(InputError, match=r"GiB of memory, and .* GiB are free; choose") as caught:
        PROBLEMS[name](**options)
    assert caught.value.field == field


def test_matrices_of_all_cells_are_refused_at_once_and_some_rows_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = sp.CooccurrenceCounts.from_triples([0, 1], [1, 0], [1, 1], shape=(60_000, 60_000))
    truth = Truth(np.ones(60_000), np.ones(60_000), np.zeros((60_000, 1)), np.zeros((60_000, 1)))
    monkeypatch.setattr(memory, "free_bytes", lambda: 4.0 * 2**30)
    for make in (truth.pmi, truth.joint, lambda rows=slice(None): sp.pmi_matrix(counts, rows)):
        with pytest.raises(InputError, match=r"^rows=60000 x 60000 contexts: needs .* GiB of memory, .*rows=slice"):
            make()
        assert make(slice(0, 5)).shape == (5, 60_000)


@pytest.mark.parametrize("data", ["softmax", "marginal", "walk"])
def test_a_job_whose_comparison_has_no_room_is_refused_before_its_data_are_made(
    data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        tree = as_dict(compose("config", [f"data={data}", "data.words=30000"]))
    monkeypatch.setattr(memory, "free_bytes", lambda: 4.0 * 2**30)
    with pytest.raises(InputError, match=r"^data\.words=30000: needs 40\.2 GiB of memory, and 4\.0 GiB are free; choose fewer"):
        Config.from_tree(tree).problem()


def test_attributes_say_how_many_words_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        tree = as_dict(compose("config", ["data=attributes", "data.attributes=14"]))
    monkeypatch.setattr(memory, "free_bytes", lambda: 4.0 * 2**30)
    with pytest.raises(InputError, match=r"^data\.words=16384: needs 12\.0 GiB of memory"):
        Config.from_tree(tree).problem()


def test_a_comparison_of_all_cells_needs_room_only_where_a_truth_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    known = sp.softmax_problem(words=20, pairs=1000)
    negatives = Negatives.of(known.counts, 5)
    monkeypatch.setattr(memory, "free_bytes", lambda: 4000.0)
    Comparing(Problem(known.counts, "counts alone"), negatives)
    with pytest.raises(InputError, match=r"words=20: needs .* GiB"):
        Comparing(known, negatives)
