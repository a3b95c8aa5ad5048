"""What each setting of the text8 lab is worth, and gensim beside it: the table and the figure of the text8 study.

    python experiments/text8/study.py data.path=TEXT 'eval.similarity=[FOLDER]' 'eval.analogies=[FILE]'

trains every setting below, each as a run of its own, and writes runs.csv, table.csv (means) and figure.png beside this
file. What is finished lies in outputs/text8_study and is not done again.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from sgns_pmi.command_line import as_dict, conf_folder
from sgns_pmi.compare import Evaluation
from sgns_pmi.compare.words.analogies import analogies
from sgns_pmi.compare.words.neighbours import neighbours
from sgns_pmi.compare.words.similarity import similarity
from sgns_pmi.config import Config
from sgns_pmi.errors import InputError, missing_extra
from sgns_pmi.figures import save
from sgns_pmi.figures.style import TARGET, colour, plain, set_title, styled
from sgns_pmi.files import atomic_path
from sgns_pmi.problems.corpus.sources import find_sources, read_blocks
from sgns_pmi.results.record import RunRecord
from sgns_pmi.results.run import Run

HERE = Path(__file__).parent
RESULTS = Path("outputs/text8_study")
RESTRICT = 30_000  # words that analogies know, as in gensim's own evaluation
WORD, WANTED, BAR = "king", "queen", 5

# The lab's settings, said in full: they stay, whatever becomes the default of +experiment=text8.
LAB = [
    "methods=[sgns_sampled]",
    "k=5",
    "dim=100",
    "noise=unigram075",
    "bias=false",
    "drop_positive=false",
    "data.min_count=5",
    "ridge=0",
    "data.subsample=1e-4",
    "data.subsample_formula=mikolov",
    "data.removal=dirty",
    "data.window=5",
    "data.window_type=expected",
    "solver.sampled.epochs=10",
]
SVD = "methods=[sppmi_svd]"
MATCHED = "gensim's settings, bias"
CHANGES = {
    MATCHED: ["data.subsample_formula=word2vec_c", "bias=true"],
    "5 epochs": ["solver.sampled.epochs=5"],
    "8 epochs": ["solver.sampled.epochs=8"],
    "12 epochs": ["solver.sampled.epochs=12"],
    "bias": ["bias=true"],
    "drop_positive": ["drop_positive=true"],
    "K = 15": ["k=15"],
    "noise exponent 1": ["noise=unigram"],
    "window 2": ["data.window=2"],
    "window 10": ["data.window=10"],
    "no subsampling": ["data.subsample=0"],
    "subsampling 1e-5": ["data.subsample=1e-5"],
    "word2vec.c's subsampling": ["data.subsample_formula=word2vec_c"],
    "window 10 and word2vec.c's subsampling": ["data.window=10", "data.subsample_formula=word2vec_c"],
    "clean": ["data.removal=clean"],
    "SPPMI-SVD, power 0.5": [SVD],
    "SPPMI-SVD, power 0": [SVD, "method.sppmi_svd.power=0"],
    "SPPMI-SVD, power 1": [SVD, "method.sppmi_svd.power=1"],
    "SPPMI-SVD, power 0, K = 1": [SVD, "method.sppmi_svd.power=0", "k=1"],
}
BASE, DEFAULT, GENSIM = "lab", "default", "gensim"
SEEDS = (0, 1, 2)
SETS = {
    "EN-WS-353-ALL": "WordSim-353",
    "EN-MEN-TR-3k": "MEN",
    "EN-SIMLEX-999": "SimLex-999",
    "EN-RW-STANFORD": "rare words",
    "questions-words": "Google analogies",
    "questions-words 3CosMul": "analogies, 3CosMul",
}
SEVERAL = (BASE, MATCHED, DEFAULT, GENSIM)
JOBS = [(name, seed) for name in SEVERAL for seed in SEEDS] + [(name, 0) for name in CHANGES if name not in SEVERAL]


def settings(name: str, seed: int, given: list[str]) -> list[str]:
    """What the command is asked: the committed configuration of text8, or the lab's with one change."""
    own = ["methods=[sgns_sampled]"] if name == DEFAULT else [*LAB, *CHANGES.get(name, [])]
    return ["+experiment=text8", *own, f"seed={seed}", "data.cache=false", *given]


def folder(name: str, seed: int) -> Path:
    """Where the run of a job lies."""
    return RESULTS / f"{''.join(letter if letter.isalnum() else '_' for letter in name)}_{seed}"


def done(name: str, seed: int) -> Run | None:
    """The finished run of a job, if there is one."""
    run = Run(folder(name, seed))
    return run if run.status == "complete" else None


def do(name: str, seed: int, given: list[str]) -> None:
    """Do one job, in a process of its own, or train gensim; its run holds what was measured."""
    if name == GENSIM:
        gensims(seed, given)
    else:
        place = f"hydra.run.dir={folder(name, seed)}"
        subprocess.run([sys.executable, "-m", "sgns_pmi.run", *settings(name, seed, given), place], check=True)


def gensims(seed: int, given: list[str]) -> None:
    """gensim on the same words, with the settings of the lab: 5 epochs, start rate 0.05, 2 workers."""
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise missing_extra("gensim", "benchmark", "as the program to compare with") from None
    sources = find_sources(configuration(settings(GENSIM, seed, given)).data["path"])
    words = [word for source in sources for block in read_blocks(source, 1 << 24) for word in block.text.decode().split()]
    sentences = [words[low : low + 10_000] for low in range(0, len(words), 10_000)]  # gensim's longest
    with RunRecord(folder(GENSIM, seed), {"methods": seed}) as record, record.step(GENSIM):
        model = Word2Vec(
            sentences,
            vector_size=100,
            window=5,
            min_count=5,
            sample=1e-4,
            negative=5,
            ns_exponent=0.75,
            alpha=0.05,
            sg=1,
            epochs=5,
            workers=2,
            seed=seed,
        )
        # In the order of our vocabulary: by frequency, equal ones by code point.
        vocab = sorted(model.wv.index_to_key, key=lambda word: (-model.wv.get_vecattr(word, "count"), word))
        rows = [model.wv.key_to_index[word] for word in vocab]
        words_of = np.array(vocab, dtype=np.str_)
        with atomic_path(folder(GENSIM, seed) / "vectors" / f"{GENSIM}.npz") as beside:
            np.savez(beside, V=model.wv.vectors[rows], U=model.syn1neg[rows], vocab=words_of, context_vocab=words_of)


def configuration(overrides: list[str]) -> Config:
    """What the command would be asked, checked."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return Config.from_tree(as_dict(compose("config", overrides)))


def answers(run: Run, method: str, evaluation: Evaluation) -> list[dict[str, Any]]:
    """A row for V, and one for V + U: similarity over all words, analogies over the most frequent, the neighbours of a word."""
    rows = []
    for kind in ("V", "V+U"):
        vectors = run.vectors(method, kind)
        row: dict[str, Any] = {"vectors": kind}
        for name, pairs in evaluation.asked.get("similarity", {}).items():
            found = similarity(vectors, pairs).set_index("metric")["value"]
            row |= {name: found["spearman"], f"{name} covered": found["covered"]}
        for name, questions in evaluation.asked.get("analogy", {}).items():
            frame = analogies(vectors, questions, RESTRICT).query("section == 'all'").set_index("metric")["value"]
            row |= {name: frame["accuracy_3cosadd"], f"{name} 3CosMul": frame["accuracy_3cosmul"]}
            row[f"{name} asked"] = frame["asked"]
        near = neighbours(vectors, [WORD], len(vectors))
        row["rank of queen"] = int(near.loc[near["neighbour"] == WANTED, "rank"].iloc[0])
        row["nearest to king"] = " ".join(near["neighbour"][:BAR])
        rows.append(row)
    return rows


def gather(evaluation: Evaluation) -> pd.DataFrame:
    """What was measured, a row for each job and kind of vectors, in the order of the jobs."""
    rows = []
    for name, seed in JOBS:
        if (run := done(name, seed)) is not None:
            (method,) = run.vector_files
            learned = run.summary["methods"].get(method, {})
            memory = run.steps["peak_memory_mb"].reindex(["problem", method]).max() * 2**20 / 1e9
            facts = {"setting": name, "seed": seed, "objective": learned.get("objective"), "peak memory, GB": memory}
            rows += [facts | row for row in answers(run, method, evaluation)]
    frame = pd.DataFrame(rows).rename(columns=SETS)
    measured = [*(name for name in SETS.values() if name in frame), "rank of queen", "nearest to king", "objective"]
    return frame[["setting", "seed", "vectors", *measured, "peak memory, GB"]]


def averaged(frame: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds, with the standard deviation where there are several; the rank of queen for each seed."""
    groups = frame.groupby(["setting", "vectors"], sort=False)
    table = groups.agg({"seed": "size"}).rename(columns={"seed": "seeds"})
    for name in [name for name in SETS.values() if name in frame]:
        table[name] = groups[name].mean()
        table[f"{name} ±"] = groups[name].std()
    table["rank of queen"] = groups["rank of queen"].agg(lambda ranks: " ".join(map(str, ranks)))
    table["nearest to king"] = groups["nearest to king"].first()
    table[["objective", "peak memory, GB"]] = groups[["objective", "peak memory, GB"]].mean()
    return table.reset_index()


@styled
def figure(frame: pd.DataFrame) -> Figure:
    """A line a setting, a panel a question: V filled, V + U open, a mark for each seed; gensim's mean as a line."""
    settings = list(frame["setting"].unique())
    panels = [name for name in ("WordSim-353", "MEN", "SimLex-999", "Google analogies") if name in frame] + ["rank of queen"]
    drawn = Figure(figsize=(2.3 * len(panels) + 1.8, 1.5 + 0.24 * len(settings)), layout="constrained")
    for ax, name in zip(drawn.subplots(1, len(panels), sharey=True), panels, strict=True):
        for place, setting in enumerate(settings):
            method = "sppmi_svd" if setting.startswith("SPPMI") else "sgns_sampled"
            shade = TARGET if setting == GENSIM else colour(method)
            for kind, face, lift in (("V", shade, -0.13), ("V+U", "none", 0.13)):
                values = frame.loc[(frame["setting"] == setting) & (frame["vectors"] == kind), name]
                ax.plot(values, [place + lift] * len(values), "o", color=shade, markerfacecolor=face, markersize=4.5)
        if name == "rank of queen":
            ax.axvspan(0.8, BAR + 0.5, color="#DDF0E6", zorder=0)
            ax.set(xscale="log", title="rank of queen\namong king's neighbours", xlim=(0.8, None))
            ax.xaxis.set(major_locator=FixedLocator([1, 5, 10, 100, 1000, 10_000]), minor_locator=NullLocator())
            ax.xaxis.set_major_formatter(plain)
        else:
            for kind, line in (("V", "--"), ("V+U", ":")):
                mean = frame.loc[(frame["setting"] == GENSIM) & (frame["vectors"] == kind), name].mean()
                ax.axvline(mean, color=TARGET, linestyle=line, linewidth=0.9, zorder=1)
            ax.xaxis.set_major_locator(MaxNLocator(4))
            ax.set_title(f"{name}\n{'3CosAdd, accuracy' if name == 'Google analogies' else 'Spearman'}")
        ax.set_yticks(range(len(settings)), settings)
        ax.set_ylim(len(settings) - 0.4, -0.6)
        ax.grid(True, axis="both")
        ax.tick_params(axis="y", length=0)
        ax.axhline(len(SEVERAL) - 0.5, color=TARGET, linewidth=0.8)
    marks = [
        Line2D([], [], color=TARGET, linestyle="--", marker="o", label="V (dashed line: gensim)"),
        Line2D([], [], color=TARGET, linestyle=":", marker="o", markerfacecolor="none", label="V + U (dotted line: gensim)"),
    ]
    drawn.legend(handles=marks, loc="outside lower center", ncols=2)
    set_title(
        drawn,
        "What the settings of the text8 lab are worth\n"
        "the lab, the lab with gensim's subsampling and biases, the best (the default) and gensim, a mark for each seed;\n"
        "then the lab with one change. "
        "12.6 million words of text8, 60,230 words of vocabulary, dim 100; analogies among the 30,000 most frequent words",
    )
    return drawn


def main() -> None:
    """Do the jobs that are not done yet, and then the table and the figure."""
    given = sys.argv[1:]
    evaluation = configuration(settings(BASE, 0, given)).eval
    for name, seed in JOBS:
        if done(name, seed) is None:
            do(name, seed, given)
    frame = gather(evaluation)
    frame.to_csv(HERE / "runs.csv", index=False, float_format="%.4g")
    table = averaged(frame)
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    print(table.drop(columns="nearest to king").to_string(index=False, float_format="%.4g"))
    save(figure(frame), HERE / "figure")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
