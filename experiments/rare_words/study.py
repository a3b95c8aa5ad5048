"""What keeps vectors of rare words poor, and what mends them: the table and the figure of the rare_words study.

    python experiments/rare_words/study.py TEXT SIMILARITY ANALOGIES

TEXT is one line of words, as text8 (.xz too), SIMILARITY a folder with the sets below, ANALOGIES Google's. A tenth of the
blocks of 10,000 words is held out; every fit is to the rest, asked how well it predicts them, and asked the questions.
table.csv has what was measured, a row for each fit, and what is there is not done again.
"""

from __future__ import annotations

import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

import sgns_pmi as sp
from sgns_pmi.figures import save
from sgns_pmi.figures.style import TARGET, set_title, styled
from sgns_pmi.problems.units import Held, hold_out, units_of
from sgns_pmi.streams import stream

HERE = Path(__file__).parent
PEERS = HERE.parents[1] / "benchmarks" / "results" / "words.csv"
DIM, K, EXPONENT, RESTRICT, BLOCK, SHARE = 100, 5, 0.75, 30_000, 10_000, 0.1
RIDGES = (0.0, 5e-8, 1e-7, 2e-7, 4e-7)
READINGS = (1, 3)
EPOCHS, SEED = 10, 0
SETS = {
    "WordSim-353": "EN-WS-353-ALL.txt",
    "MEN": "EN-MEN-TR-3k.txt",
    "SimLex-999": "EN-SIMLEX-999.txt",
    "rare words": "EN-RW-STANFORD.txt",
}
HELD, KEY = "held-out ℓ", ["readings", "ridge"]


@cache
def parted(text: Path, readings: int) -> Held:
    """The counts of nine tenths of the blocks, and of the rest."""
    problem = sp.text_problem(text, boundary="none", subsample=1e-4, readings=readings, unit=f"block:{BLOCK}", seed=SEED)
    assert problem.units is not None
    return hold_out(problem.counts, units_of(problem.units, problem.counts), SHARE, stream(SEED, "rare_words", "held out"))


def measured(text: Path, similarity: Path, analogies: Path, setting: dict[str, Any]) -> dict[str, Any]:
    """A row of table.csv."""
    held = parted(text, setting["readings"])
    solver = sp.Sampled(negatives="block", epochs=EPOCHS)
    fit = sp.SGNS(DIM, K, exponent=EXPONENT, solver=solver, ridge=setting["ridge"], seed=SEED)
    begin = time.process_time()
    fit.fit(held.kept)
    row: dict[str, Any] = {**setting, "processor seconds": time.process_time() - begin, "ℓ": fit.objective_}
    noise = sp.noise_distribution(held.kept, exponent=EXPONENT)
    row[HELD] = float(sp.sgns_objective(fit.V_, fit.U_, held.held, K, noise))
    vectors = sp.WordVectors(tuple(held.kept.vocab or ()), fit.V_)
    for name, file in SETS.items():
        row[name] = sp.similarity(vectors, similarity / file).set_index("metric").loc["spearman", "value"]
    found = sp.analogies(vectors, analogies, RESTRICT)
    row["analogies"] = found[found["section"] == "all"].set_index("metric").loc["accuracy_3cosadd", "value"]
    return row


def settings() -> list[dict[str, Any]]:
    """Every fit, in the order in which they are done."""
    return [{"readings": readings, "ridge": ridge} for readings in READINGS for ridge in RIDGES]


@styled
def figure(table: pd.DataFrame) -> Figure:
    """A panel for each set and for the held-out ℓ, against λ; a line for each number of readings, dashed gensim."""
    names = [*SETS, "analogies", HELD]
    drawn = Figure(figsize=(9.5, 5.2), layout="constrained")
    peers = pd.read_csv(PEERS).query("vectors == 'V'").set_index("program") if PEERS.is_file() else pd.DataFrame()
    for ax, name in zip(drawn.subplots(2, 3).ravel(), names, strict=True):
        for readings, own in table.groupby("readings"):
            own = own.sort_values("ridge")
            label = "one subsample" if readings == 1 else f"mean of {readings} subsamples"
            ax.plot(own["ridge"], own[name], marker="o", markersize=4, label=label)
        if name in peers and "gensim, 2 workers" in peers.index:
            ax.axhline(
                peers.loc["gensim, 2 workers", name], color=TARGET, linestyle="--", linewidth=0.9, label="gensim (whole text)"
            )
        ax.set_xscale("symlog", linthresh=RIDGES[1])
        ax.set(title=name, xlabel="λ", xlim=(0, None))
    drawn.axes[0].legend(fontsize="small")
    set_title(drawn, "Word vectors against the penalty\ntext8 prefix less a tenth, 60,230 words, dim 100, K = 5; one seed")
    return drawn


def main(text: str, similarity: str, analogies: str) -> None:
    """Do what is not done yet, and then the figure."""
    file = HERE / "table.csv"
    table = pd.read_csv(file) if file.is_file() else pd.DataFrame(columns=KEY)
    for setting in settings():
        if len(table.merge(pd.DataFrame([setting]), on=KEY)):
            continue
        row = pd.DataFrame([measured(Path(text), Path(similarity), Path(analogies), setting)])
        table = pd.concat([table, row], ignore_index=True) if len(table) else row
        table.to_csv(file, index=False, float_format="%.5g")
    print(table.to_string(index=False, float_format="%.4g"))
    save(figure(table), HERE / "figure")


if __name__ == "__main__":
    main(*sys.argv[1:])
