"""The toy study's claim: in the plane the two groups of words are apart, whatever the seed."""

from __future__ import annotations

from collections import Counter

from hydra import compose, initialize_config_dir

from sgns_pmi.command_line import conf_folder
from sgns_pmi.compare import evaluate, method_vectors
from sgns_pmi.compare.words.evaluation import Evaluation
from sgns_pmi.config import Config
from sgns_pmi.run import as_dict

FRUIT = {"apple", "banana", "orange", "fruit"}
ANIMALS = {"cat", "dog", "monkey", "animal"}


def test_every_words_nearest_neighbour_is_of_its_own_group() -> None:
    apart: Counter[str] = Counter()
    for seed in range(10):
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            config = Config.from_tree(as_dict(compose("config", ["+experiment=toy", "method=sgns_sampled", f"seed={seed}"])))
        problem = config.problem()
        estimators, _ = config.estimators(problem)
        fitted = {name: estimator.fit(problem.counts) for name, estimator in estimators.items()}
        for kind in ("V", "U", "mean"):
            asked = Evaluation(vectors=kind, words=sorted(FRUIT | ANIMALS))
            near = evaluate(method_vectors(fitted, problem.counts, asked), asked)["neighbours"]
            first = dict(near.loc[near["rank"] == 1, ["word", "neighbour"]].to_numpy())
            assert set(first) == FRUIT | ANIMALS
            apart[kind] += all((word in FRUIT) == (neighbour in FRUIT) for word, neighbour in first.items())
    assert min(apart.values()) >= 9
