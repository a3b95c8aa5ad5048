"""Fits that are killed and go on: the same numbers as undisturbed ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from letters import letters_problem

import sgns_pmi as sp
from sgns_pmi.factorise.checkpoints import Checkpoint, kept_in
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.sampled import Sampled


class Killed(BaseException):
    """Like SIGKILL: no solver catches it."""


class Killing(Checkpoint):
    """Keeps a state at the first questions, and kills at the next."""

    def __init__(self, file: Path, saves: int) -> None:
        super().__init__(file, "job", every=0.0)
        self._left = saves

    @property
    def due(self) -> bool:
        if self._left == 0:
            raise Killed
        self._left -= 1
        return True


TEXT = letters_problem(words=12, tokens=600)
COUNTS = sp.softmax_problem(words=30, rank=2, pairs=3000, seed=0).counts
FULL = sp.CooccurrenceCounts.from_matrix(np.random.default_rng(0).poisson(40, (12, 12)) + 1.0)
"""Counts without zeros, whose optimum is found in some steps."""

FITS: dict[str, tuple[Callable[[], Any], Any]] = {
    "pairs": (lambda: sp.SGNS(dim=3, bias=True, solver=Sampled(negatives="pair", epochs=12, batch_size=100)), COUNTS),
    "sgd": (lambda: sp.SGNS(dim=3, solver=Sampled(optimizer="sgd", decay="none", epochs=4, batch_size=100)), COUNTS),
    "blocks": (lambda: sp.SGNS(dim=3, solver=Sampled(negatives="block", epochs=5)), COUNTS),
    "infonce": (lambda: sp.InfoNCE(dim=2, batch=32, epochs=2), COUNTS),
    "newton": (lambda: sp.SGNS(dim=2, bias=True, solver=Expected(starts=1)), FULL),
    "starts": (lambda: sp.SGNS(dim=2, solver=Expected(starts=3)), FULL),
    "quasi_newton": (lambda: sp.SGNS(dim=3, solver=Expected(precision="float32", max_steps=40)), FULL),
    "ridge": (lambda: sp.SGNS(dim=3, bias=True, ridge="auto"), COUNTS),
    "large_ridge": (lambda: sp.SGNS(dim=3, ridge=1e-3, solver=Expected(precision="float32")), FULL),
    "stream": (lambda: sp.SGNSStream(dim=2, epochs=2), TEXT.corpus),
    "glove": (lambda: sp.GloVe(dim=2, epochs=6), COUNTS),
    "glove_adagrad": (lambda: sp.GloVe(dim=2, solver="adagrad", epochs=6), COUNTS),
    "cbow": (lambda: sp.CBOW(dim=2, epochs=6), TEXT.corpus),
    "numpy_sgns": (lambda: sp.NumpySGNS(dim=2, bias=True, epochs=60, batch_size=300), COUNTS),
    "ro_sgns": (lambda: sp.ROSGNS(dim=2, max_steps=40), FULL),
    "fasttext": (lambda: sp.FastText(dim=2, epochs=3), TEXT.counts),
}


SAVES = {"ridge": 20}
"""States before each death, where there are hundreds of them; elsewhere one."""


def learned(fit: Any) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(own) for name, own in vars(fit).items() if name in ("V_", "U_", "row_bias_", "objective_")}
    frames = {name: own.to_numpy() for name in ("path_", "dims_") if (own := getattr(fit, name, None)) is not None}
    return arrays | frames | {"history": fit.history_.drop(columns="seconds").to_numpy()}


@pytest.mark.parametrize("name", FITS)
def test_a_killed_fit_goes_on_to_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("sgns_pmi.factorise.solvers.blocks.BLOCK_ROWS", 5)  # several steps an epoch
    monkeypatch.setattr("sgns_pmi.factorise.solvers.quasi_newton.QuasiNewton.renewed", 2)
    make, data = FITS[name]
    whole = make().fit(data)
    deaths, resumed = 0, None
    while resumed is None:
        try:
            with kept_in(Killing(tmp_path / "state.npz", SAVES.get(name, 1))):
                resumed = make().fit(data)
        except Killed:
            deaths += 1
    assert deaths >= 2
    again = learned(resumed)
    for key, own in learned(whole).items():
        np.testing.assert_array_equal(again[key], own, err_msg=key)
    assert resumed.status_ == whole.status_


def test_what_was_kept_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, data = FITS["pairs"]
    with pytest.raises(Killed), kept_in(Killing(tmp_path / "state.npz", 20)):
        make().fit(data)
    taken = []
    real = sp.factorise.solvers.sampled._Pairs._take_step
    monkeypatch.setattr("sgns_pmi.factorise.solvers.sampled._Pairs._take_step", lambda *own: [taken.append(0), real(*own)])
    with kept_in(Checkpoint(tmp_path / "state.npz", "job")):
        fit = make().fit(data)
    assert len(taken) == fit.history_["step"].iloc[-1] - 20


def test_a_state_of_another_job_or_a_broken_file_is_no_state(tmp_path: Path) -> None:
    file = tmp_path / "state.npz"
    Checkpoint(file, "one").save({"x": np.arange(3)})
    assert Checkpoint(file, "two").load() is None
    assert Checkpoint(file, "one").load()["x"].tolist() == [0, 1, 2]
    file.write_bytes(file.read_bytes()[:50])
    assert Checkpoint(file, "one").load() is None
    np.savez(file, job=np.array("one"), x=np.array([{}], dtype=object))  # a pickle
    assert Checkpoint(file, "one").load() is None
    assert Checkpoint().load() is None
    assert not Checkpoint().due
