"""What keeps vectors of rare words poor, and what mends them: the tables and the figures of the rare_words study.

    python experiments/rare_words/study.py TEXT SIMILARITY ANALOGIES

TEXT is one line of words, as text8 (.xz too), SIMILARITY a folder with the sets below, ANALOGIES Google's. A tenth of the
blocks of 10,000 words is held out; every fit is to the rest, asked how well it predicts them, and asked the questions.
table.csv has what was measured, rows for each fit, norms.csv how long the vectors are; what is there is not done again.

Needs the extra `benchmark` (gensim).
"""

from __future__ import annotations

import lzma
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

import sgns_pmi as sp
from sgns_pmi.factorise.linalg import balanced
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.solvers.blocks import Side
from sgns_pmi.figures import save
from sgns_pmi.figures.style import TARGET, set_title, styled
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems.units import Held, hold_out, units_of
from sgns_pmi.streams import stream

HERE = Path(__file__).parent
DIM, K, EXPONENT, WINDOW, SUBSAMPLE, MIN_COUNT = 100, 5, 0.75, 5, 1e-4, 5
RESTRICT, BLOCK, SHARE = 30_000, 10_000, 0.1
ALL_WORDS = 60_230
SETS = {
    "WordSim-353": "EN-WS-353-ALL.txt",
    "MEN": "EN-MEN-TR-3k.txt",
    "SimLex-999": "EN-SIMLEX-999.txt",
    "rare words": "EN-RW-STANFORD.txt",
}
HELD, QUEEN = "held-out ℓ", "rank of queen"
ANSWERS = [*SETS, "analogies"]
POWERS = {"uniform": 0.0, "between": 0.5, "margins": 1.0}
BINS = np.geomspace(5, 500_000, 16)


class Setting(NamedTuple):
    """One fit, and the key of its rows."""

    program: str = "blocks"  # or exact, or gensim
    words: int = ALL_WORDS
    readings: int = 3
    weights: str = "uniform"
    ridge: float = 0.0
    epochs: int = 10  # of exact fits the most steps; 0: to the end
    seed: int = 0


KEY = list(Setting._fields)
NORMS = [Setting(ridge=0.0), Setting(ridge=2e-7), Setting(ridge=1e-6), Setting("gensim", epochs=5)]


def settings() -> list[Setting]:
    """Every fit, in the order in which they are done."""
    seeds, few = (0, 1, 2), (0.0, 1e-7, 2e-7, 4e-7)
    every = [Setting(ridge=ridge, seed=seed) for seed in seeds for ridge in (*few, 1e-6)]
    every += [Setting("gensim", epochs=5, seed=seed) for seed in seeds]
    every += [Setting(weights=weights, ridge=ridge) for weights in ("between", "margins") for ridge in few[2:]]
    every += [Setting(epochs=epochs) for epochs in (1, 3)]
    every += [Setting("gensim", epochs=epochs) for epochs in (1, 20)]
    every += [Setting(readings=1, ridge=ridge) for ridge in few]
    every += [Setting(words=words, ridge=ridge) for words in (30_000, 8_000) for ridge in few]
    every += [Setting("exact", 8_000, ridge=ridge, epochs=0) for ridge in (0.0, *few[2:])]
    return [*every, Setting("exact", 30_000, ridge=4e-7, epochs=50)]


@lru_cache(maxsize=1)
def parted(text: Path, words: int, readings: int, seed: int) -> Held:
    """The counts of nine tenths of the blocks, and of the rest, which is another for each seed."""
    problem = sp.text_problem(
        text, boundary="none", min_count=MIN_COUNT, max_size=words, window=WINDOW, subsample=SUBSAMPLE, readings=readings,
        unit=f"block:{BLOCK}", seed=seed,
    )  # fmt: skip
    assert problem.units is not None
    return hold_out(problem.counts, units_of(problem.units, problem.counts), SHARE, stream(seed, "rare_words", "held out"))


def learned(setting: Setting, held: Held) -> tuple[np.ndarray, np.ndarray, float]:
    """V and U (words, dim) of nine tenths of the text, and their ℓ."""
    negatives = Negatives.of(held.kept, K, exponent=EXPONENT)
    solver = (
        sp.Expected(max_steps=setting.epochs or 500)
        if setting.program == "exact"
        else sp.Sampled(negatives="block", epochs=setting.epochs)
    )
    ridge = None
    if setting.ridge:  # ω = η = (n · share)^power, whose mean is 1 for powers 0 and 1, and less between
        margins = (len(side) * side / side.sum() for side in (held.kept.row_sums, held.kept.col_sums))
        ridge = Ridge(setting.ridge, *(own ** POWERS[setting.weights] for own in margins))
    found = solver.solve(held.kept, DIM, negatives, ridge=ridge, seed=setting.seed)
    if setting.program == "blocks":
        return found.V, found.U, found.objective
    return *balanced(found.V, found.U, held.kept.row_sums / held.kept.total, negatives.noise), found.objective


def by_gensim(text: Path, setting: Setting, held: Held) -> tuple[np.ndarray, np.ndarray, float]:
    """gensim's V and U of the blocks that are kept, in the order of our words; zero of words that they do not have. Also ℓ."""
    from gensim.models import Word2Vec

    vocab, out = held.kept.vocab or (), set(held.units)
    with lzma.open(text, "rt") if text.suffix == ".xz" else open(text) as file:
        tokens = file.read().split()
    known = set(vocab)
    blocks = (tokens[low : low + BLOCK] for low in range(0, len(tokens), BLOCK))  # of all tokens, as the units are
    sentences = [[token for token in block if token in known] for number, block in enumerate(blocks) if number not in out]
    model = Word2Vec(
        sentences, vector_size=DIM, window=WINDOW, min_count=1, sample=SUBSAMPLE, negative=K, ns_exponent=EXPONENT,
        alpha=0.05, sg=1, workers=2, seed=setting.seed, epochs=setting.epochs,
    )  # fmt: skip
    rows = [model.wv.key_to_index.get(word, -1) for word in vocab]
    V, U = (np.vstack([side, np.zeros(DIM, side.dtype)])[rows] for side in (model.wv.vectors, model.syn1neg))
    return V, U, exact(V, U, held.kept, held.kept)


def exact(V: np.ndarray, U: np.ndarray, counts: sp.CooccurrenceCounts, kept: sp.CooccurrenceCounts) -> float:
    """ℓ of some counts, with the noise of those that are kept; in tiles, a third of the time of `sgns_objective` at this size."""
    side = Side(counts, Negatives.of(kept, K, exponent=EXPONENT), transposed=False, device="cpu")
    left, right = (torch.from_numpy(np.ascontiguousarray(factor, dtype=np.float32)) for factor in (V, U))
    return side.objective(left, right, len(U), torch.Generator())


def answers(vectors: sp.WordVectors, similarity: Path, analogies: Path) -> dict[str, float]:
    """Spearman's ρ with each set, the share of analogies (3CosAdd), and where queen stands among king's neighbours."""
    found: dict[str, float] = {}
    for name, file in SETS.items():
        found[name] = sp.similarity(vectors, similarity / file).set_index("metric")["value"]["spearman"]
    rows = sp.analogies(vectors, analogies, RESTRICT)
    found["analogies"] = rows[rows["section"] == "all"].set_index("metric")["value"]["accuracy_3cosadd"]
    near = sp.neighbours(vectors, ["king"], len(vectors.words))
    return found | {QUEEN: int(near.loc[near["neighbour"] == "queen", "rank"].iloc[0])}


def measured(text: Path, similarity: Path, analogies: Path, setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of table.csv, for V, V + U and V in another gauge, and of norms.csv."""
    held = parted(text, setting.words, setting.readings, setting.seed)
    begin = time.process_time()
    V, U, objective = by_gensim(text, setting, held) if setting.program == "gensim" else learned(setting, held)
    cost = {"processor seconds": time.process_time() - begin, "ℓ": objective, HELD: exact(V, U, held.held, held.kept)}
    words = tuple(held.kept.vocab or ())
    kinds = {"V": V, "V+U": V + U}
    if setting.program != "gensim" and setting.seed == 0:
        kinds["V, evenly balanced"] = balanced(V, U, *map(np.ones, held.kept.shape))[0]
    rows = [
        setting._asdict() | {"vectors": kind} | cost | answers(sp.WordVectors(words, matrix), similarity, analogies)
        for kind, matrix in kinds.items()
    ]
    return pd.DataFrame(rows), lengths(setting, V, held) if setting in NORMS else pd.DataFrame()


def lengths(setting: Setting, V: np.ndarray, held: Held) -> pd.DataFrame:
    """The quartiles of |v| in bins of how often a word is a centre."""
    norms = pd.Series(np.linalg.norm(V, axis=1)).groupby(np.digitize(held.kept.row_sums, BINS))
    found = norms.quantile(np.array([0.25, 0.5, 0.75])).unstack().set_axis(["lower", "median", "upper"], axis=1)
    found = found[(norms.size() >= 10) & (found.index > 0)]
    return found.assign(**setting._asdict(), pairs=np.sqrt(BINS[found.index - 1] * BINS[np.minimum(found.index, len(BINS) - 1)]))


@styled
def figure(table: pd.DataFrame, norms: pd.DataFrame) -> Figure:
    """A panel for each set and for the held-out ℓ, against λ, a line for each number of readings; lengths; dashed gensim."""
    drawn = Figure(figsize=(11, 5.4), layout="constrained")
    panels = drawn.subplots(2, 4).ravel()
    own = table.query("vectors == 'V' and words == @ALL_WORDS")
    fits = own.query("program == 'blocks' and epochs == 10 and weights == 'uniform'")
    peers = own.query("program == 'gensim' and epochs == 5")
    for ax, name in zip(panels, [*ANSWERS, HELD], strict=False):
        for readings, some in fits.groupby("readings"):
            mean = some.groupby("ridge")[name].agg(["mean", "sem"])
            label = "one subsample, one seed" if readings == 1 else f"mean of {readings} subsamples"
            ax.errorbar(mean.index, mean["mean"], mean["sem"], marker="o", markersize=4, label=label)
        ax.axhline(peers[name].mean(), color=TARGET, linestyle="--", linewidth=0.9, label="gensim, 5 epochs")
        ax.set_xscale("symlog", linthresh=1e-7)
        ax.set(title=name, xlabel="λ", xlim=(-1e-8, 1.2e-6))
    for key, some in norms.groupby(["program", "ridge"]):
        label = "gensim" if key[0] == "gensim" else f"λ = {key[1]:g}"
        panels[6].plot(some["pairs"], some["median"], marker="o", markersize=3, label=label)
    panels[6].set(title="|v|, median", xlabel="pairs of the word", xscale="log", yscale="log")
    panels[6].set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    panels[6].yaxis.set_minor_locator(NullLocator())
    panels[6].legend(fontsize="small")
    panels[7].set_axis_off()
    panels[7].legend(*panels[0].get_legend_handles_labels(), loc="center")
    set_title(drawn, "Word vectors against the penalty\ntext8 prefix less a tenth, 60,230 words, dim 100, K = 5; three seeds")
    return drawn


def main(text: str, similarity: str, analogies: str) -> None:
    """Do what is not done yet, and then the figure."""
    files = HERE / "table.csv", HERE / "norms.csv"
    kept = [pd.read_csv(file) if file.is_file() else pd.DataFrame(columns=KEY) for file in files]
    for setting in settings():
        if len(kept[0].merge(pd.DataFrame([setting]), on=KEY)):
            continue
        rows = measured(Path(text), Path(similarity), Path(analogies), setting)
        kept = [pd.concat([old, new], ignore_index=True) if len(old) else new for old, new in zip(kept, rows, strict=True)]
        for file, table in zip(files, kept, strict=True):
            if len(table):
                table.to_csv(file, index=False, float_format="%.5g")
    print(kept[0].to_string(index=False, float_format="%.4g"))
    save(figure(*kept), HERE / "figure")


if __name__ == "__main__":
    main(*sys.argv[1:])
