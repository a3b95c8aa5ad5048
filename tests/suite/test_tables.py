"""Scores, means and ranks against closed forms."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import rel_entr

import sgns_pmi as sp
from sgns_pmi.factorise import METHODS
from sgns_pmi.suite.bounds import compute
from sgns_pmi.suite.contenders import Contender, contenders, everyone
from sgns_pmi.suite.fits import LEFT_OUT, Fit, key_of, scores
from sgns_pmi.suite.fits import fit as suite_fit
from sgns_pmi.suite.page import page, sentence
from sgns_pmi.suite.tables import better, markdown, means, overall, ranked, result_rows, shown, text
from sgns_pmi.suite.tasks import TASKS, choose


def fit(task: str, method: str, seed: int, error: float, status: str = "optimum") -> Fit:
    metrics = {"rmse": error, "rmse_seen": error, "weighted_rmse": error, "kl": error}
    return Fit(task, method, seed, "", "", status, "", "free", metrics if status != "failed" else {}, 1.0, 2.0)


def test_scores_are_those_of_recovery_and_of_the_definition_of_kl() -> None:
    problem = sp.softmax_problem(words=20, rank=2, pairs=20_000)
    estimate = sp.PMISVD(dim=4).fit(problem.counts).estimate_pmi()
    found = scores(estimate, problem)
    rows = sp.recovery(estimate, problem.pmi, problem.joint, problem.counts.seen).set_index(["cells", "metric"])["value"]
    assert found["rmse"] == pytest.approx(rows["all", "rmse"], rel=1e-12)
    assert found["rmse_seen"] == pytest.approx(rows["seen", "rmse"], rel=1e-12)
    assert found["weighted_rmse"] == pytest.approx(rows["all", "weighted_rmse"], rel=1e-12)
    guess = np.outer(problem.joint.sum(1), problem.joint.sum(0)) * np.exp(estimate)
    assert found["kl"] == pytest.approx(rel_entr(problem.joint, guess / guess.sum()).sum(), rel=1e-9)


def test_an_infinite_estimate_has_infinite_error() -> None:
    problem = sp.softmax_problem(words=20, rank=1, pairs=100)
    found = scores(sp.Empirical().fit(problem.counts).estimate_pmi(), problem)
    assert [np.isinf(found[metric]) for metric in ("rmse", "rmse_seen", "weighted_rmse", "kl")] == [True, False, True, True]


def test_bounds_do_not_depend_on_the_factors() -> None:
    (task,) = choose("softmax_30")
    problem = task.problem(seed=0)
    found = compute(task)
    assert found["effects"] == pytest.approx(
        sp.cramer_rao_rmse(problem.truth.nominal_left, problem.truth.nominal_right, problem.joint, 20_000), rel=1e-6
    )
    assert found["effects"] < found["free"]


def test_quotients_are_to_the_bound_of_the_own_model() -> None:
    fits = [fit("t", "a", 0, 0.6), replace(fit("t", "b", 0, 0.6), model="effects"), replace(fit("t", "c", 0, 0.6), model=None)]
    rows = result_rows(fits, {"t": {"free": 0.3, "effects": 0.2}})
    quotient = rows[rows["metric"] == "bound_quotient"].set_index("method")["value"]
    assert quotient.to_dict() == pytest.approx({"a": 2.0, "b": 3.0})


def test_better_beyond_doubt_is_a_question_of_paired_differences() -> None:
    counts = pd.Series([1.0, 5.0, 3.0])
    assert better(counts, counts.add([0.1, 0.11, 0.09]))  # noise of the counts, which both share, is no doubt
    assert not better(counts, counts.add([0.1, -0.2, 0.3]))
    assert not better(counts, counts)
    assert better(counts, pd.Series([1.0, np.inf, 1.0]))
    assert not better(pd.Series([1.0, np.inf, 1.0]), counts)
    assert not better(counts[:1], counts[:1] + 1)
    # Student's t by hand: 4.3027 · s/√3 of (0, 1, 2) is 2.484.
    assert better(counts, counts.add([1.5, 2.5, 3.5])) is True
    assert better(counts, counts.add([1.48, 2.48, 3.48])) is False


def test_ranks_are_shared_where_error_bars_do_not_part() -> None:
    errors = {"a": (1.0, 1.2, 1.1), "b": (1.1, 1.1, 1.1), "c": (2.0, 2.1, 2.2), "oracle": (0, 0, 0)}
    fits = [fit("t", method, seed, error) for method, own in errors.items() for seed, error in enumerate(own)]
    fits += [fit("t", "none", seed, 0.0, "no finite optimum") for seed in range(3)]
    ranks = ranked(result_rows(fits, {}))
    assert set(ranks["metric"]) == {"rmse", "weighted_rmse", "kl"}
    assert ranks[ranks["metric"] == "rmse"].set_index("method")["rank"].to_dict() == {"a": 1, "b": 1, "c": 3}
    table = overall(ranks).set_index("method")
    assert table.loc["c", "mean rank, RMSE"] == 3
    assert table["first, held-out KL"].to_dict() == {"a": 1, "b": 1, "c": 0}


def test_one_seed_has_no_ranks() -> None:
    rows = result_rows([fit("t", "a", 0, 1.0), fit("t", "b", 0, 2.0)], {})
    assert len(ranked(rows)) == len(overall(ranked(rows))) == 0
    assert list(shown(means(rows), ranked(rows))["rank"]) == ["", ""]


def test_fits_without_optimum_are_counted_and_not_averaged() -> None:
    fits = [
        fit("t", "a", 0, 1.0),
        fit("t", "a", 1, 3.0),
        fit("t", "a", 2, 99.0, "no finite optimum"),
        fit("t", "b", 0, 1, "failed"),
    ]
    summary = means(result_rows(fits, {}))
    own = summary[(summary["metric"] == "rmse")].set_index("method")
    assert own.loc["a", ["mean", "se", "n", "without_optimum"]].tolist() == [2.0, 1.0, 2, 1]
    table = shown(summary, ranked(result_rows(fits, {}))).set_index("method")
    assert table.loc["a", "RMSE"] == "2 ± 1 (1 without optimum)"
    assert table.loc["b", "RMSE"] == "failed"


def test_numbers_are_written_as_people_read_them() -> None:
    assert text(0.13742, 0.0041, 3, 0) == "0.137 ± 0.004"
    assert text(np.inf, np.nan, 3, 0) == "∞"
    assert text(0.5, 1e-17, 3, 0) == "0.5 ± 0"
    assert text(np.nan, np.nan, 0, 3) == "(3 without optimum)"
    assert markdown(pd.DataFrame({"a": ["x|y"], "b": [0.12345]})) == "| a | b |\n| --- | --- |\n| x\\|y | 0.123 |\n"


def test_the_page_shows_names_and_does_not_obey_them(tmp_path) -> None:
    picture = tmp_path / "figure.png"
    picture.write_bytes(b"")
    whole = pd.DataFrame({"task": ["softmax_30"], "method": ["<script>alert(1)</script>"]})
    made = page({"<i>": whole}, choose("softmax_30"), whole, ["<b>failed</b>"], picture)
    assert "<script>" not in made
    assert "<i>" not in made
    assert "<b>" not in made
    assert "http" not in made.replace("http-equiv", "")
    assert sentence(choose("softmax_30")[0]) in made


def test_a_task_is_a_sentence() -> None:
    assert sentence(choose("marginal_60_steep")[0]) == (
        "marginal, 60 × 60, rank 4, N = 200,000, Zipf 1.5: one word has a third of all pairs."
    )
    assert all(json.dumps(sentence(task)) for task in TASKS if not task.needs_text)


def test_methods_get_the_least_dim_that_holds_the_truth() -> None:
    dims = {name: Contender(name).build(rank=5, interaction=3, seed=0) for name in ("sgns_expected", "sgns_ridge", "softmax_mle")}
    assert {name: (estimator.dim, model) for name, (estimator, model) in dims.items()} == {
        "sgns_expected": (5, "free"),
        "sgns_ridge": (3, "effects"),
        "softmax_mle": (5, "effects"),
    }
    assert Contender("glove").build(5, 3, 0)[0].dim == 3
    assert Contender("oracle").build(5, 3, 0)[1] is Contender("empirical").build(5, 3, 0)[1] is None


def test_what_a_method_refuses_it_is_left_out_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ridge=auto` tries some fifteen fits, and says where these are too many."""
    monkeypatch.setattr("sgns_pmi.factorise.solvers.expected.NEWTON_WORK", 1.0)
    (task,) = choose("softmax_30")
    (contender,) = contenders(["sgns_ridge"])
    found = suite_fit(task, contender, task.problem(0), 0)
    assert found.status == LEFT_OUT
    assert found.note.startswith("says ridge=auto: tries some ")
    assert not found.metrics


def test_a_slow_method_sits_out_large_tasks_unless_it_is_named() -> None:
    unasked = {contender.name: contender for contender in everyone()}
    assert set(unasked) == set(METHODS)
    offers = {"counts", "truth"}
    assert unasked["infonce"].skip(offers, words=2000) == (False, "")
    assert unasked["infonce"].skip(offers, words=2001) == (
        True,
        "takes part up to 2,000 words, as a fit of more takes long; method=[infonce] asks for it",
    )
    (asked,) = contenders(["infonce"])
    assert asked.skip(offers, words=5000) == unasked["swivel"].skip(offers, words=5000) == (False, "")
    large, small = choose("marginal_5000")[0], choose("marginal_2000")[0]
    assert key_of(large, asked, 0) != key_of(large, unasked["infonce"], 0)  # what was left out is fitted when it is asked for
    assert key_of(small, asked, 0) == key_of(small, unasked["infonce"], 0)
