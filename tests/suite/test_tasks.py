"""The tasks say of themselves what is true of them."""

from __future__ import annotations

import numpy as np
import pytest

from sgns_pmi.errors import InputError
from sgns_pmi.problems import PROBLEMS
from sgns_pmi.suite.tasks import SIZES, TASKS, Task, choose

CHECKED = [task for task in TASKS if task.exact and task.words <= 60]


def test_there_are_tasks_of_every_generator_and_size() -> None:
    assert len(TASKS) >= 40
    assert len({task.name for task in TASKS}) == len(TASKS)
    assert {task.generator for task in TASKS} == set(PROBLEMS) - {"text", "triples", "counts", "toy"}
    assert (min(task.words for task in TASKS), max(task.words for task in TASKS)) == (30, 5000)
    assert all(task.why and len(f"{task.why}.") < 60 for task in TASKS)


@pytest.mark.parametrize("task", CHECKED, ids=lambda task: task.name)
def test_ranks_are_those_of_the_truth(task: Task) -> None:
    pmi = task.problem(seed=0).pmi
    centred = pmi - pmi.mean(0) - pmi.mean(1, keepdims=True) + pmi.mean()
    assert pmi.shape == (task.words, task.words)
    assert np.linalg.matrix_rank(pmi, tol=1e-8) == task.rank
    assert np.linalg.matrix_rank(centred, tol=1e-8) == task.interaction


@pytest.mark.parametrize("name", ["attributes_128_zipf", "circulant_120_zipf"])
def test_margins_add_a_term_for_rows_and_columns(name: str) -> None:
    (task,) = choose(name)
    assert task.problem(seed=0).pmi_rank == task.rank


def test_full_rank_is_full() -> None:
    for task in choose("small"):
        if not task.exact:
            assert task.problem(seed=0).pmi_rank > task.rank


def test_seeds_draw_anew_from_one_truth() -> None:
    (task,) = choose("softmax_30")
    first, second, again = (task.problem(seed) for seed in (0, 1, 1))
    assert np.array_equal(first.pmi, second.pmi)
    assert first.counts.digest != second.counts.digest == again.counts.digest


def test_patterns() -> None:
    assert choose(None) == list(TASKS)
    assert [task.name for task in choose("softmax_1000")] == ["softmax_1000"]
    assert {task.generator for task in choose("marginal_*")} == {"marginal"}
    for name, most in SIZES.items():
        assert choose(name) == [task for task in TASKS if task.words <= most]
    assert len(choose("medium")) >= 40
    with pytest.raises(InputError, match="did you mean softmax_30") as refused:
        choose("softmax_3")
    assert "\n" not in str(refused.value)
