"""(words) What vectors of text are worth, and what they cost: sgns-pmi, gensim and fastText on the text8 prefix.

    python -m benchmarks words
    python -m benchmarks.words FOLDER [seeds=0,1,2] [programs=NAME;...]

Each program trains with each seed in a process of its own, from the text to vectors: vocabulary, dim 100, window 5, K = 5,
P_n ∝ unigram^0.75, subsampling 1e-4. Ours is `+experiment=text8` as it is committed; gensim and fastText have five epochs
from a rate of 0.05, their own windows, and fastText its n-grams. Seconds of training leave reading and counting the text, or
its vocabulary, out; seconds in all do not. Then all answer the same questions: similarity over all words, analogies
(3CosAdd) over the 30,000 most frequent. What is finished lies in FOLDER and is not done again.

Needs ../shared/data (text, similarity, analogy) and the extra `benchmark`.
"""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import sgns_pmi as sp
from benchmarks.measure import peak_memory
from benchmarks.texts import TEXT8
from sgns_pmi.errors import missing_extra
from sgns_pmi.files import atomic_path

FOLDER = Path(__file__).resolve().parents[1] / "outputs" / "benchmarks" / "words"
DATA = TEXT8.parents[1]
SETS = {
    "WordSim-353": "similarity/EN-WS-353-ALL.txt",
    "MEN": "similarity/EN-MEN-TR-3k.txt",
    "SimLex-999": "similarity/EN-SIMLEX-999.txt",
    "rare words": "similarity/EN-RW-STANFORD.txt",
    "analogies": "analogy/questions-words.txt",
}
RESTRICT = 30_000  # words that analogies know, as in gensim's own evaluation
DIM, WINDOW, K, EXPONENT, SUBSAMPLE, MIN_COUNT, RATE, EPOCHS = 100, 5, 5, 0.75, 1e-4, 5, 0.05, 5
SEEDS = (0, 1, 2)


class Trained(NamedTuple):
    """Vectors of both sides in the order of `words`, and what they took."""

    words: list[str]
    V: np.ndarray
    U: np.ndarray
    seconds: float  # of training
    epochs: float


def read_words() -> list[str]:
    """The words of the text."""
    with lzma.open(TEXT8, "rt") as file:
        return file.read().split()


def cut(words: list[str], size: int) -> list[list[str]]:
    """The words in lines of so many."""
    return [words[low : low + size] for low in range(0, len(words), size)]


def gensim(workers: int, epochs: int, skip_gram: bool = True) -> Callable[[int], Trained]:
    """gensim's Word2Vec, skip-gram or CBOW."""

    def train(seed: int) -> Trained:
        try:
            from gensim.models import Word2Vec
        except ImportError:
            raise missing_extra("gensim", "benchmark", "as the program to compare with") from None
        words = read_words()
        sentences = cut(words, 10_000)  # gensim's longest
        model = Word2Vec(
            vector_size=DIM, window=WINDOW, min_count=MIN_COUNT, sample=SUBSAMPLE, negative=K, ns_exponent=EXPONENT,
            alpha=RATE, sg=int(skip_gram), workers=workers, seed=seed, epochs=epochs,
        )  # fmt: skip
        model.build_vocab(sentences)
        begin = time.perf_counter()
        model.train(sentences, total_examples=model.corpus_count, epochs=epochs)
        seconds = time.perf_counter() - begin
        return Trained(model.wv.index_to_key, model.wv.vectors, model.syn1neg, seconds, epochs)

    return train


def fasttext(threads: int, epochs: int) -> Callable[[int], Trained]:
    """fastText's skipgram with its n-grams; it has no seed of its own, and each run is another."""

    def train(seed: int) -> Trained:
        try:
            import fasttext as program
        except ImportError:
            raise missing_extra("fasttext", "benchmark", "as the program to compare with") from None
        words = read_words()
        with tempfile.TemporaryDirectory() as folder:
            (text := Path(folder) / "text").write_text("\n".join(map(" ".join, cut(words, 1000))))
            # fastText cuts lines at 1,024 words.
            begin = time.perf_counter()
            model = program.train_unsupervised(
                str(text), model="skipgram", dim=DIM, ws=WINDOW, neg=K, minCount=MIN_COUNT, t=SUBSAMPLE, epoch=epochs,
                lr=RATE, thread=threads, verbose=0,
            )  # fmt: skip
            seconds = time.perf_counter() - begin
        names = [word for word in model.words if word != "</s>"]
        rows = [model.words.index("</s>")] if "</s>" in model.words else []
        U = np.delete(model.get_output_matrix(), rows, axis=0)
        return Trained(names, np.stack([model.get_word_vector(word) for word in names]), U, seconds, epochs)

    return train


def ours(seed: int) -> Trained:
    """`+experiment=text8`, its problem and its estimator, as the command would make them."""
    from hydra import compose, initialize_config_dir

    from sgns_pmi.command_line import as_dict, conf_folder
    from sgns_pmi.config import Config

    own = ["+experiment=text8", "method=[sgns_sampled]", f"data.path={TEXT8}", "data.cache=false", f"seed={seed}"]
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = Config.from_tree(as_dict(compose("config", own)))
    problem = config.problem()
    begin = time.perf_counter()
    fitted: Any = config.estimators(problem)[0]["sgns_sampled"].fit(problem.counts)
    seconds = time.perf_counter() - begin
    epochs = float(fitted.history_["epoch"].iloc[-1])
    return Trained(list(problem.counts.vocab or ()), fitted.V_, fitted.U_, seconds, epochs)


def on_the_text(method: Any) -> Callable[[int], Trained]:
    """A method of ours that reads the text itself, by its defaults, with gensim's passes and its formula of subsampling."""

    def train(seed: int) -> Trained:
        subsampled = {"subsample": SUBSAMPLE, "subsample_formula": "word2vec_c"}
        problem = sp.text_problem(TEXT8, boundary="none", min_count=MIN_COUNT, window=WINDOW, seed=seed, **subsampled)
        corpus = problem.corpus
        assert corpus is not None
        fitted = method(dim=DIM, k=K, noise="unigram", exponent=EXPONENT, epochs=EPOCHS, seed=seed)
        begin = time.perf_counter()
        fitted.fit(corpus)
        seconds = time.perf_counter() - begin
        return Trained(list(corpus.counts.vocab or ()), fitted.V_, fitted.U_, seconds, EPOCHS)

    return train


PROGRAMS: dict[str, Callable[[int], Trained]] = {
    "sgns-pmi": ours,
    "sgns-pmi, streamed": on_the_text(sp.SGNSStream),
    "gensim, 2 workers": gensim(2, EPOCHS),
    "gensim, 1 worker": gensim(1, EPOCHS),
    "fastText, 2 threads": fasttext(2, EPOCHS),
    "sgns-pmi, CBOW": on_the_text(partial(sp.CBOW, combine="word2vec")),
    "gensim, CBOW, 2 workers": gensim(2, EPOCHS, skip_gram=False),
    "gensim, 2 workers, 1 epoch": gensim(2, 1),
    "gensim, 2 workers, 20 epochs": gensim(2, 20),
}
TABLE = tuple(PROGRAMS)[:7]
BESIDE = "gensim, 2 workers"


def answers(words: list[str], matrix: np.ndarray) -> dict[str, float]:
    """Spearman's ρ with each similarity set, the share of analogies, and where queen stands among king's neighbours."""
    vectors = sp.WordVectors(tuple(words), np.asarray(matrix, dtype=np.float32))
    found: dict[str, float] = {}
    for name, file in SETS.items():
        if file.startswith("similarity"):
            found[name] = sp.similarity(vectors, DATA / file).set_index("metric")["value"]["spearman"]
        else:
            rows = sp.analogies(vectors, DATA / file, RESTRICT)
            found[name] = rows[rows["section"] == "all"].set_index("metric")["value"]["accuracy_3cosadd"]
    near = sp.neighbours(vectors, ["king"], len(words))
    return found | {"rank of queen": int(near.loc[near["neighbour"] == "queen", "rank"].iloc[0])}


def one(program: str, seed: int) -> list[dict[str, Any]]:
    """Rows of V and of V + U of one training."""
    begin = time.perf_counter()
    trained = PROGRAMS[program](seed)
    cost = {
        "words": len(trained.words),
        "seconds": trained.seconds,
        "seconds in all": time.perf_counter() - begin,
        "memory, GB": peak_memory(),
    }
    cost["words a second"] = len(read_words()) * trained.epochs / trained.seconds
    kinds = {"V": trained.V, "V+U": trained.V + trained.U}
    return [
        {"program": program, "seed": seed, "vectors": kind, **answers(trained.words, matrix), **cost}
        for kind, matrix in kinds.items()
    ]


def rows(folder: Path = FOLDER, seeds: tuple[int, ...] = SEEDS, programs: tuple[str, ...] = TABLE) -> list[dict[str, Any]]:
    """Means over the seeds, standard errors beside them, least times, and the median share of gensim's time in the same turn.

    Empty where the text is absent.
    """
    if not TEXT8.is_file():
        return []
    found = pd.concat([pd.DataFrame(_once(folder, program, seed)) for seed in seeds for program in programs])
    beside = found[found["program"] == BESIDE].groupby("seed")["seconds"].first()
    table = []
    for (program, kind), own in found.groupby(["program", "vectors"], sort=False):
        row: dict[str, Any] = {"part": "words", "program": program, "vectors": kind, "seeds": len(own)}
        for name in SETS:
            row[name] = own[name].mean()
            row[f"{name} ±"] = own[name].std() / len(own) ** 0.5
        row["rank of queen"] = " ".join(own["rank of queen"].astype(str))
        cost: dict[str, Any] = {name: own[name].min() for name in ("seconds", "seconds in all", "memory, GB")}
        cost[f"of the time of {BESIDE}"] = (own["seconds"] / own["seed"].map(beside)).median()
        table.append(row | cost | {"words a second": own["words a second"].max()})
    return table


def _once(folder: Path, program: str, seed: int) -> list[dict[str, Any]]:
    """What a process of its own has found, now or before."""
    name = "".join(letter if letter.isalnum() else "_" for letter in program)
    kept = folder / f"{name}_{seed}.json"
    if not kept.is_file():
        command = [sys.executable, "-m", "benchmarks.words", str(folder), f"one={program}", f"seeds={seed}"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as path:
            path.write_text(done.stdout.splitlines()[-1])
    found: list[dict[str, Any]] = json.loads(kept.read_text())
    return found


def main() -> None:
    folder, *words = sys.argv[1:]
    keys = dict(word.split("=", 1) for word in words)
    seeds = tuple(map(int, keys.get("seeds", ",".join(map(str, SEEDS))).split(",")))
    if "one" in keys:
        print(json.dumps(one(keys["one"], seeds[0])))
    else:
        programs = tuple(keys["programs"].split(";")) if "programs" in keys else TABLE
        print(pd.DataFrame(rows(Path(folder).resolve(), seeds, programs)).to_string(float_format="%.4g"))


if __name__ == "__main__":
    main()
