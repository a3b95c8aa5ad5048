"""The suite's command: what it writes, what it does not make twice, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import platformdirs
import pytest

from sgns_pmi.suite.__main__ import main

FAST = "method=[sppmi_svd,pmi_svd,empirical,fasttext]"
OWN = """
import numpy as np

class Zero:
    def fit(self, counts):
        self.shape = counts.shape
        return self

    def estimate_pmi(self):
        return np.zeros(self.shape)

class Sized(Zero):
    def __init__(self, dim, seed):
        self.dim = dim

class Breaks(Zero):
    def estimate_pmi(self):
        raise RuntimeError("<b>boom</b>")

class Half:
    def fit(self, counts):
        return self

thing = 3
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the user's module `suite_own`, importable."""
    (tmp_path / "suite_own.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def run(*arguments: object, code: int = 0) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == code


def fits(folder: Path) -> dict[str, int]:
    return {str(file.relative_to(folder)): file.stat().st_mtime_ns for file in sorted(folder.glob("fits/*/*.json"))}


def test_files_of_a_suite_and_what_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    run("softmax_30", FAST, "seeds=2", f"folder={first}")
    assert "2 of 2: softmax_30, seed 1" in capsys.readouterr().out
    rows = pd.read_csv(first / "results.csv")
    assert list(rows.columns) == ["task", "method", "seed", "metric", "value", "status"]
    assert set(rows["method"]) == {"sppmi_svd", "pmi_svd", "empirical"}
    assert set(rows["seed"]) == {0, 1}
    assert not {"seconds", "memory_mb"} & set(rows["metric"])
    assert set(pd.read_csv(first / "costs.csv")["metric"]) == {"seconds", "memory_mb"}
    assert {"table.csv", "table.md", "ranks.csv", "figure.png", "report.html"} <= {file.name for file in first.iterdir()}
    assert "fasttext is left out of some tasks: it needs words" in (first / "report.html").read_text()

    run("softmax_30", FAST, "seeds=2", f"folder={second}")
    for name in ("results.csv", "ranks.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes()

    made, table = fits(first), (first / "results.csv").read_bytes()
    assert len(made) == 8
    victim, torn = sorted(made)[:2]
    (first / victim).unlink()
    (first / torn).write_text("{")
    run("softmax_30", FAST, "seeds=2", f"folder={first}")
    again = fits(first)
    assert {name for name in made if again[name] != made[name]} == {victim, torn}
    assert (first / "results.csv").read_bytes() == table
    assert list(first.rglob(".*")) == []


def test_a_method_of_ones_own_joins(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("softmax_30", "method=[pmi_svd]", "seeds=2", f"folder={own}/out")
    run("softmax_30", "method=[suite_own:Zero,suite_own:Sized]", "seeds=2", f"folder={own}/out")
    rows = pd.read_csv(own / "out" / "results.csv")
    assert set(rows["method"]) == {"pmi_svd", "suite_own:Zero", "suite_own:Sized"}
    kinds = rows.groupby("method")["metric"].agg(set)
    assert "bound_quotient" in kinds["suite_own:Sized"]  # it has a dim, hence a model with a bound
    assert "bound_quotient" not in kinds["suite_own:Zero"]
    assert "suite_own:Zero" in capsys.readouterr().out

    made = fits(own / "out")
    (own / "suite_own.py").write_text(OWN + "# changed\n")
    run("softmax_30", "method=[suite_own:Zero,pmi_svd]", "seeds=2", f"folder={own}/out")
    again = fits(own / "out")
    assert all((again[name] != made[name]) == ("Zero" in name) for name in made)


def test_a_method_that_breaks_is_reported(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("softmax_30", "method=[suite_own:Breaks,pmi_svd]", "seeds=1", f"folder={own}/out", code=1)
    assert "suite_own:Breaks failed on softmax_30, seed 0: RuntimeError: <b>boom</b>" in capsys.readouterr().err
    page = (own / "out" / "report.html").read_text()
    assert "&lt;b&gt;boom" in page
    assert "<b>boom" not in page
    rows = pd.read_csv(own / "out" / "results.csv").set_index("method")
    assert rows.loc["suite_own:Breaks", "value"].isna().all()
    assert set(rows.loc["suite_own:Breaks", "status"]) == {"failed"}
    assert rows.loc["pmi_svd", "value"].notna().all()


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--list", "small"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["task", "generator", "words", "×", "contexts", "rank", "N", "Zipf", "why"]
    assert lines[1].startswith(" ")
    assert "the least there is" in lines[1]
    assert lines[-1].endswith("tasks")
    main(["--help"])
    assert "seeds=3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["softmx_30"], "pattern=softmx_30: no such task; did you mean softmax_30?"),
        (["a", "b"], "pattern=a b: give one"),
        (["method=[sgns_expcted]"], "method=sgns_expcted: must be one of"),
        (["method=[]"], "method=[]: must name one or more"),
        (["method=[pmi_svd,pmi_svd]"], "method=pmi_svd: must be named once"),
        (["method=[nowhere:A]"], "method=nowhere:A: its module cannot be imported"),
        (["method=[suite_own:Nobody]"], "method=suite_own:Nobody: the module suite_own has no such class"),
        (["method=[suite_own:thing]"], "method=suite_own:thing: the module suite_own has no such class"),
        (["method=[suite_own:Half]"], "method=suite_own:Half: has no estimate_pmi"),
        (["seeds=-1"], "seeds=-1: must be a whole number, 1 or more"),
        (["seeds=0"], "seeds=0: must be a whole number, 1 or more"),
        (["jobs=two"], "jobs=two: must be a whole number, 1 or more"),
        (["sedes=3"], "sedes=3: no such key; did you mean seeds?"),
        (["--lst"], "command line=--lst: no such option"),
        (["corpus_*"], "text=: must name a file"),
        (["text=nowhere.txt"], "text=nowhere.txt: no such file"),
    ],
)
def test_refusals_take_one_line(own: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    run(*arguments, f"folder={own}/out", code=2)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(said)
    assert shown.err.count("\n") == 1
    assert not (own / "out").exists()


def test_a_text_becomes_a_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / name)
    words = [f"w{number}" for number in range(12)]
    lines = [" ".join(words[shift:] + words[:shift]) for shift in range(12)] * 5
    (tmp_path / "text.txt").write_text("\n".join(lines))
    run("corpus_500", "method=[pmi_svd,fasttext]", "seeds=1", f"folder={tmp_path}/out", f"text={tmp_path}/text.txt")
    rows = pd.read_csv(tmp_path / "out" / "results.csv")
    assert set(rows["task"]) == {"corpus_500"}
    assert set(rows["method"]) == {"pmi_svd", "fasttext"}


@pytest.mark.study
def test_results_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    for jobs in (1, 2):
        methods = "method=[sgns_expected,sgns_ridge,softmax_mle,glove,ro_sgns,swivel,sgns_sampled,numpy_sgns]"
        run("*_3[02]*", methods, "seeds=2", f"jobs={jobs}", f"folder={tmp_path}/{jobs}")
    assert (tmp_path / "1" / "results.csv").read_bytes() == (tmp_path / "2" / "results.csv").read_bytes()
