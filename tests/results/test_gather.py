"""The jobs of a sweep, gathered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from sgns_pmi.results.sweep import Job, gather, questions_table, sweep_table, swept_keys

COLUMNS = ["method", "estimate", "target", "cells", "metric", "value"]


def job(folder: Path, number: int, asked: dict[str, Any], *rmse: float) -> Job:
    place = folder / str(number)
    place.mkdir()
    if rmse:
        rows = [(f"m{i}", "corrected", "true", "all", "rmse", value) for i, value in enumerate(rmse)]
        pd.DataFrame(rows, columns=COLUMNS).to_csv(place / "metrics.csv", index=False)
        (place / "summary.json").write_text(json.dumps({"status": "complete"}))
    return Job(place, number, asked)


def test_swept_keys_are_those_that_differ(tmp_path: Path) -> None:
    jobs = [
        job(tmp_path, 0, {"seed": 1, "k": 5, "methods": ["a"]}),
        job(tmp_path, 1, {"seed": 1, "k": 5.0, "methods": ["a", "b"]}),
        job(tmp_path, 2, {"seed": 1, "k": 5, "methods": ["a"], "extra": 2}),
    ]
    assert swept_keys(jobs) == ["k", "methods", "extra"]
    assert swept_keys(jobs[:1]) == []


def test_gathering(tmp_path: Path) -> None:
    jobs = [job(tmp_path, 0, {"k": 5}, 1 / 3, 2.0), job(tmp_path, 1, {"k": 6}), job(tmp_path, 2, {"k": 7}, 0.1)]
    frame = gather(jobs, "metrics")
    assert frame.columns.tolist() == ["k", "job", *COLUMNS]
    assert frame[["k", "job", "method", "value"]].to_numpy().tolist() == [
        [5, 0, "m0", 1 / 3],
        [5, 0, "m1", 2.0],
        [7, 2, "m0", 0.1],
    ]
    table = sweep_table(frame, ["k"])
    assert table.index.tolist() == [(5, 0), (7, 2)]
    assert table["m0"].tolist() == [1 / 3, 0.1]


def test_the_table_has_one_kind_of_row(tmp_path: Path) -> None:
    """RMSE of the corrected estimate over the cells asked for, against the true PMI rather than another target."""
    wanted = [
        ("m1", "corrected", "true", "all", "rmse", 1.0),
        ("m0", "corrected", "true", "seen", "rmse", 2.0),
        ("m1", "corrected", "true", "seen", "rmse", 3.0),
    ]
    others = [
        ("m0", "raw", "true", "seen", "rmse", 4.0),
        ("m0", "corrected", "nominal", "seen", "rmse", 5.0),
        ("m0", "corrected", "true", "unseen", "rmse", 6.0),
        ("m0", "corrected", "true", "seen", "mae", 7.0),
    ]
    frame = pd.DataFrame(wanted + others, columns=COLUMNS)
    frame.insert(0, "k", 5)
    frame.insert(1, "job", 0)
    seen = sweep_table(frame, ["k"], "seen")
    assert seen.columns.tolist() == ["m1", "m0"]  # as the methods ran
    assert seen.to_numpy().tolist() == [[3.0, 2.0]]
    assert sweep_table(frame, ["k"]).to_dict("list") == {"m1": [1.0]}


def test_the_table_follows_the_jobs(tmp_path: Path) -> None:
    jobs = [job(tmp_path, number, {"noise": name}, number) for number, name in enumerate(["z", "a", "m"])]
    assert sweep_table(gather(jobs, "metrics"), ["noise"]).index.tolist() == [("z", 0), ("a", 1), ("m", 2)]


def test_answers_are_gathered_beside_the_metrics(tmp_path: Path) -> None:
    jobs = [job(tmp_path, number, {"dim": dim}) for number, dim in enumerate([50, 2, 9])]
    columns = ["method", "task", "set", "section", "metric", "value"]
    for asked, scale in ((jobs[0], 1.0), (jobs[1], 0.1)):  # of the third nothing was asked
        rows = [
            (method, *question, scale * value)
            for method, value in (("b", 1 / 3), ("a", 0.5))
            for question in (
                ("similarity", "pairs", "all", "spearman"),
                ("similarity", "pairs", "all", "covered"),
                ("analogy", "null", "family", "accuracy_3cosadd"),
                ("analogy", "null", "all", "accuracy_3cosadd"),
                ("analogy", "null", "all", "accuracy_3cosmul"),
                ("sentiment", "films", "sif", "accuracy"),
                ("sentiment", "films", "sif", "accuracy_std"),
            )
            # Where rows are not normalised there is no 3CosMul.
            if (method, question[-1]) != ("a", "accuracy_3cosmul")
        ]
        pd.DataFrame(rows, columns=columns).to_csv(asked.folder / "evaluation.csv", index=False)
    frame = gather(jobs, "evaluation")
    assert frame.columns.tolist() == ["dim", "job", *columns]
    assert len(frame) == 26
    assert frame["value"].iloc[0] == 1 / 3
    table = questions_table(frame, ["dim"])
    assert table.index.tolist() == [(50, 0, "b"), (50, 0, "a"), (2, 1, "b"), (2, 1, "a")]
    assert table.columns.tolist() == [
        "pairs: spearman",
        "null: accuracy_3cosadd",
        "null: accuracy_3cosmul",
        "films: accuracy (sif)",
    ]
    assert table.loc[(2, 1, "b")].tolist() == [0.1 / 3] * 4
    assert table.loc[(50, 0, "a")].isna().tolist() == [False, False, True, False]
    assert gather(jobs[2:], "evaluation").empty


def test_nothing_to_gather(tmp_path: Path) -> None:
    assert gather([job(tmp_path, 0, {"k": 5})], "metrics").empty
    assert gather([], "metrics").empty
