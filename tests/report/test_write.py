"""report.html of whatever a folder holds."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from report_folders import EVIL, write_run

import sgns_pmi as sp
from sgns_pmi.gather import finish_sweep
from sgns_pmi.report import write_report
from sgns_pmi.report.__main__ import main
from sgns_pmi.report.charts import LETTER, MAP_WIDTHS, rooms, sweep_chart
from sgns_pmi.report.sweep import jobs_table
from sgns_pmi.sweep import main as sweep_main


class Reader(HTMLParser):
    """What a browser would see: the text, what is asked of elsewhere, and the scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.addresses, self.scripts = "", [], []
        self._inside: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        self.addresses += [value for name, value in attrs if name in ("href", "src")]
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self._inside:
            self.scripts[-1] += data
        elif "style" not in self._inside:
            self.text += data


def page_of(folder: Path) -> Reader:
    return Reader(write_report(folder).read_text(encoding="utf-8"))


def data_of(page: Reader) -> dict[str, Any]:
    return json.loads(page.scripts[0])


def test_the_page_of_a_run_answers_with_its_numbers(run_folder: Path) -> None:
    page = page_of(run_folder)
    assert "SGNS (expected) comes closest to the true PMI: its RMSE is 0.1 nats over all cells" in page.text
    assert "Next is SGNS (sampled) (0.3)." in page.text  # the oracle is no competitor
    for fact in ("a-host", "2026-01-31 12:00:00+01:00", "0123abc", "methods 7", "100 MB", "6.0"):
        assert fact in page.text
    assert {"metrics.csv", "summary.json", "shown.npz"} <= set(page.addresses)
    assert all(":" not in address and not address.startswith("//") for address in page.addresses)
    data = data_of(page)
    assert data["names"][0] == "recovery"
    assert list(data["cells"]["jobs"][0]["estimates"]) == ["SGNS (expected)", "SGNS (sampled)", "Oracle"]
    assert len(data["cells"]["jobs"][0]["target"]) == 144


def test_words_of_a_user_are_escaped(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", {EVIL: 0.1, "oracle": 0.0}, problem=EVIL, left_out={EVIL: EVIL})
    page = page_of(folder)
    assert EVIL in page.text
    assert len(page.scripts) == 5  # the data, three libraries, the page's own
    assert EVIL in data_of(page)["cells"]["jobs"][0]["estimates"]


def test_the_page_of_a_sweep_has_means_over_seeds(sweep_folder: Path) -> None:
    page = page_of(sweep_folder)
    assert "4 of 5 jobs have a result (1 failed)." in page.text
    assert "SGNS (expected) at dim = 4 comes closest to the true PMI: its RMSE is 0.260 ± 0.010 nats" in page.text
    assert "it is 0.510 ± 0.010 at dim = 2 and 0.260 ± 0.010 at dim = 4" in page.text
    assert f"job 4 failed {EVIL}" in page.text
    data = data_of(page)
    assert data["cells"]["settings"] == [{"dim": 2}, {"dim": 4}]  # of one seed each
    assert "dim%3D2%2Cseed%3D0/" in page.addresses
    assert "Means of 2 seeds ± standard error." in page.text


def test_the_page_of_a_sweep_has_the_parts_of_each_error(sweep_folder: Path) -> None:
    for dim, total in ((2, 0.5), (4, 0.25)):
        rows = [
            ("sgns_expected", term, "all", metric, value)
            for term, share in (("sampling", 1.25), ("rank", -0.25), ("total", 1.0))
            for metric, value in (("share", share), ("rmse", total if term == "total" else 0.0))
        ]
        for seed in (0, 1):
            budget = pd.DataFrame(rows, columns=["method", "term", "cells", "metric", "value"])
            budget.to_csv(sweep_folder / f"dim={dim},seed={seed}" / "budget.csv", index=False)
    data = data_of(page_of(sweep_folder))
    values = data["charts"][data["names"].index("budget")]["data"]["values"]
    found = {(row["setting"], row["term"].split(":")[0]): row["height"] for row in values}
    assert found == {
        ("dim = 2", "sampling"): 0.625,
        ("dim = 2", "rank"): -0.125,
        ("dim = 4", "sampling"): 0.3125,
        ("dim = 4", "rank"): -0.0625,
    }


def test_labels_of_a_map_have_room_at_each_width() -> None:
    generator = np.random.default_rng(0)
    places = pd.DataFrame({"word": [f"word{n}" for n in range(200)], "x": generator.normal(size=200), "y": 3.0})
    places.loc[100:, "y"] = 4.0  # two lines
    free = pd.Series(rooms(places))
    assert free[0] == MAP_WIDTHS[0]  # the most frequent word is always written
    x = (places["x"] - places["x"].min()) / np.ptp(places["x"])
    for width in MAP_WIDTHS:
        written = free.notna() & (free <= width)
        for line in (places.index < 100, places.index >= 100):
            left = np.sort(width * x[written & line])
            assert np.diff(left).min() >= LETTER * len("word0")
    assert free.notna().sum() > (free <= MAP_WIDTHS[0]).sum()  # wider maps have more


def test_questions_are_answered_a_row_a_set(run_folder: Path) -> None:
    rows = [
        (method, "similarity", name, "all", metric, value)
        for method, name, spearman in (("sgns_expected", "men", 0.5), ("glove", "men", 0.4), ("glove", "rw", 0.25))
        for metric, value in (("pairs", 200), ("covered", 150), ("spearman", spearman))
    ]
    columns = ["method", "task", "set", "section", "metric", "value"]
    pd.DataFrame(rows, columns=columns).to_csv(run_folder / "evaluation.csv", index=False)
    page = page_of(run_folder)
    assert "By Spearman's correlation the vectors of SGNS (expected) are the best on men (0.5)." in page.text
    assert "the vectors of GloVe are the best on rw (0.25)." in page.text
    assert "150/200" in page.text
    assert "0.400" in page.text


def test_a_mean_of_one_seed_has_no_whiskers() -> None:
    summary = pd.DataFrame({"dim": [2, 4], "method": "qwem", "mean": [1.0, 2.0], "se": [np.nan, 1.9]})
    chart = sweep_chart(summary, ["dim"], "all", "true")
    assert chart is not None
    ends = [(row["lower"], row["upper"]) for row in chart.spec["data"]["values"]]
    assert ends == [(1.0, 1.0), (0.2, 3.9)]  # a log scale ends above 0


def test_fits_without_an_optimum_do_not_win(tmp_path: Path) -> None:
    methods = {"sgns_expected": {"status": "no finite optimum"}, "sgns_sampled": {"status": "step limit"}, "oracle": {}}
    page = page_of(write_run(tmp_path / "run", methods=methods))
    assert "SGNS (sampled) comes closest" in page.text
    assert "SGNS (expected) has no finite optimum" in page.text
    assert "SGNS (sampled) stopped before an optimum" in page.text


def test_a_budget_says_what_the_error_is_made_of(run_folder: Path) -> None:
    page = page_of(run_folder)
    assert "Of the squared error of SGNS (expected), 85 % is sampling noise, 10 % is optimisation and 5 % is rank" in page.text
    assert data_of(page)["names"] == ["recovery", "budget", "convergence", "losses", "spectrum", "map-0"]


def test_a_method_without_error_has_no_bar(run_folder: Path) -> None:
    budget = pd.read_csv(run_folder / "budget.csv")
    budget.loc[(budget["method"] == "oracle") & (budget["metric"] == "rmse"), "value"] = 1e-15
    budget.to_csv(run_folder / "budget.csv", index=False)
    page = page_of(run_folder)
    data = data_of(page)
    values = data["charts"][data["names"].index("budget")]["data"]["values"]
    assert {row["method"] for row in values} == {"SGNS (expected)", "SGNS (sampled)"}
    assert "Without error: Oracle." in page.text


@pytest.mark.parametrize("status", ["running", "failed", "interrupted", "refused"])
def test_runs_that_did_not_come_to_an_end(tmp_path: Path, status: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps({"status": status, "warnings": ["dim=0: must be at least 1"]}))
    page = page_of(folder)
    why = "was ended by Ctrl-C or a signal; " if status == "interrupted" else ""
    assert f"{status.capitalize()}: {why}dim=0: must be at least 1" in page.text
    assert "Nothing has been compared yet." in page.text
    assert len(page.scripts) == 1  # no chart, no library


@pytest.mark.parametrize("lost", ["metrics.csv", "shown.npz", "summary.json"])
def test_a_missing_file_leaves_the_rest(run_folder: Path, lost: str) -> None:
    (run_folder / lost).unlink()
    page = page_of(run_folder)
    assert ("comes closest" in page.text) == (lost != "metrics.csv")
    assert ("a-host" in page.text) == (lost != "summary.json")
    assert ("recovery" in data_of(page)["names"]) == (lost != "shown.npz") if len(page.scripts) > 1 else lost == "shown.npz"


@pytest.mark.parametrize("broken", ["summary.json", "metrics.csv", "shown.npz"])
def test_a_damaged_file_is_one_line(run_folder: Path, broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    (run_folder / broken).write_text("{a,b\n1,2\n")
    with pytest.raises(SystemExit) as ended:
        main([str(run_folder)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("file=")
    assert said.count("\n") == 1


def test_folders_that_hold_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(SystemExit) as ended:
            main([str(folder)])
        assert ended.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(sp.InputError, match="no such folder"):
        write_report(tmp_path / "absent")


def test_a_sweep_of_200_jobs_takes_2_mb(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", {f"sgns_{name}": 0.1 for name in ("expected", "sampled", "ridge", "a", "b")})
    folder = tmp_path / "sweep"
    jobs = []
    for number in range(200):
        jobs.append(
            {"number": number, "folder": str(number), "key": "", "asked": {"dim": 1 + number % 20, "k": 1 + number // 20}}
        )
        shutil.copytree(one, folder / str(number))
    (folder / "jobs.json").write_text(json.dumps({"jobs": jobs}))
    page = write_report(folder)
    assert page.stat().st_size <= 2_000_000
    assert len(data_of(Reader(page.read_text(encoding="utf-8")))["cells"]["jobs"]) == 200


def test_a_sweep_of_thousands_shows_some_and_all_that_failed(tmp_path: Path) -> None:
    jobs = [{"number": number, "folder": str(number), "key": "", "asked": {"dim": number}} for number in range(1000)]
    write_run(tmp_path / "999", {"sgns_expected": 0.1})
    (tmp_path / "jobs.json").write_text(json.dumps({"jobs": jobs}))
    for number in range(999):
        (tmp_path / str(number)).mkdir()
        status = "failed" if number == 700 else "complete"
        (tmp_path / str(number) / "summary.json").write_text(json.dumps({"status": status, "warnings": [f"of {number}"]}))
    shown = jobs_table(sp.Sweep.open(tmp_path))
    assert len(shown.rows) == 500
    assert shown.title == "1,000 jobs"
    assert "sweep.csv has all" in shown.note
    assert [cell.text for cell in shown.rows[-1]][-1] == "of 700"


def test_a_console_has_room_for_a_hundred_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write_run(tmp_path / "0", {"sgns_expected": 0.1})
    for number in range(1, 130):
        (tmp_path / str(number)).mkdir()
        for name in ("metrics.csv", "summary.json"):
            shutil.copy(one / name, tmp_path / str(number) / name)
    (one / "summary.json").write_text(json.dumps({"status": "failed"}))
    jobs = [{"number": number, "folder": str(number), "key": "", "asked": {"dim": number}} for number in range(130)]
    (tmp_path / "jobs.json").write_text(json.dumps({"jobs": jobs}))
    assert finish_sweep(tmp_path, figures=False) == {"complete", "failed"}
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("and 30 more lines: see summary.csv and evaluation.csv") == 2
    assert len([line for line in lines if line.startswith("job 0 failed")]) == 1
    assert len(lines) < 220
    with pytest.raises(SystemExit):
        sweep_main(["status", str(tmp_path)])
    assert len(capsys.readouterr().out.splitlines()) == 3
