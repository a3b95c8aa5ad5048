"""What a command says at its end."""

from __future__ import annotations

import pytest

import sgns_pmi.inference as command
from sgns_pmi.factorise import METHODS
from sgns_pmi.output import lasting_output
from sgns_pmi.run import main as run_main


def test_ctrl_c_ends_a_command_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end, lasting_output():
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_intervals_of_an_interrupted_fit_are_none(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    keys = ["data.words=20", "dim=2", "method=[sgns_expected]", "figures=false", "hydra.run.dir=out"]
    monkeypatch.setattr("sys.argv", ["run", *keys])
    with pytest.raises(SystemExit) as end:
        run_main()
    assert end.value.code == 0
    capsys.readouterr()
    real = METHODS["sgns_expected"].fit

    def interrupted(estimator, problem):
        fitted = real(estimator, problem)
        fitted.status_ = "interrupted"
        return fitted

    monkeypatch.setattr(type(METHODS["sgns_expected"]), "fit", lambda _, *given: interrupted(*given))
    with pytest.raises(SystemExit) as end:
        command.main(["out", "0"])
    assert end.value.code == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"
    assert not (tmp_path / "out" / "intervals.csv").exists()
