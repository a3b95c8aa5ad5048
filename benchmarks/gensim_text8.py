"""(d) The sampled solver against gensim on the text8 prefix: time to gensim's own ℓ, throughput, memory.

gensim trains 5 epochs with 2 workers; its vectors (`wv`, `syn1neg`) are then scored with the exact ℓ on the triples that
the solver trains on, at gensim's own noise (unigram^0.75 of the whole text) and with `drop_positive`, as gensim does.
Counting is left out for both, as are evaluations of ℓ. Each trains in its own process, so that memory is its own.

    python -m benchmarks.gensim_text8 [FOLDER]

FOLDER keeps counts, gensim's vectors and ours. Needs ../shared/data/text/text8_prefix.txt.xz and the extra `benchmark`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

import sgns_pmi as sp
from benchmarks.measure import peak_memory, seconds_to
from benchmarks.texts import TEXT8 as TEXT
from benchmarks.words import DIM, EXPONENT, MIN_COUNT, SUBSAMPLE, WINDOW, K, gensim, read_words
from benchmarks.words import EPOCHS as GENSIM_EPOCHS
from sgns_pmi.factorise.losses.sgns import ExactObjective
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems.text import text_problem

FOLDER = Path(__file__).resolve().parents[1] / "outputs" / "benchmarks" / "text8"
WORKERS = 2
EPOCHS = 8  # of ours: enough to pass gensim's ℓ
SPEED_TARGET, MEMORY_TARGET = "≥ 3", "< 4"


def train_gensim(folder: Path) -> dict[str, Any]:
    """Train gensim and keep its vectors, in the order of its vocabulary."""
    trained = gensim(WORKERS, GENSIM_EPOCHS)(1)
    frequencies = Counter(read_words())
    frequency = np.array([frequencies[word] for word in trained.words], dtype=np.float64)
    np.savez(folder / "gensim.npz", V=trained.V, U=trained.U, vocab=np.array(trained.words), frequency=frequency)
    return {"seconds": trained.seconds, "memory": peak_memory()}


def count(folder: Path) -> sp.CooccurrenceCounts:
    """The counts of one subsampled reading, by gensim's formula, with expected dynamic windows."""
    return text_problem(
        TEXT,
        boundary="none",
        min_count=MIN_COUNT,
        subsample=SUBSAMPLE,
        subsample_formula="word2vec_c",
        window=WINDOW,
        window_type="expected",
        cache=folder,
    ).counts


def gensim_noise(folder: Path, vocab: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """gensim's P_n, V and U for a vocabulary."""
    with np.load(folder / "gensim.npz", allow_pickle=False) as file:
        place = {word: row for row, word in enumerate(file["vocab"])}
        order = [place[word] for word in vocab]
        weight = file["frequency"][order] ** EXPONENT
        return weight / weight.sum(), file["V"][order], file["U"][order]


def train_sampled(folder: Path, epochs: int = EPOCHS) -> dict[str, Any]:
    """Train the sampled solver and keep its vectors and its history."""
    counts = count(folder)
    assert counts.vocab is not None
    noise, _, _ = gensim_noise(folder, counts.vocab)
    fit = sp.Sampled(negatives="block", epochs=epochs).solve(counts, DIM, Negatives(K, noise, drops=True))
    np.savez(folder / "sampled.npz", V=fit.V, U=fit.U, vocab=np.array(counts.vocab))
    fit.history.to_csv(folder / "sampled_history.csv", index=False)
    return {"memory": peak_memory(), "objective": fit.objective}


def in_own_process(step: str, folder: Path, *options: object) -> dict[str, Any]:
    """What a training function returns, run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.gensim_text8", str(folder), step, *map(str, options)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]).stdout
    return json.loads(output.splitlines()[-1])


def rows(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Time to gensim's ℓ, pairs x (1 + K) a second, and peak memory; empty where the text is absent."""
    import pandas as pd

    if not TEXT.is_file():
        return []
    folder.mkdir(parents=True, exist_ok=True)
    counts = count(folder)
    gensim = in_own_process("gensim", folder)
    assert counts.vocab is not None
    noise, V, U = gensim_noise(folder, counts.vocab)
    exact = ExactObjective(counts, Negatives(K, noise, drops=True), dtype=torch.float32)
    peer_objective = exact.value(torch.from_numpy(V), torch.from_numpy(U))
    del exact
    ours = in_own_process("sampled", folder)
    history = pd.read_csv(folder / "sampled_history.csv")
    seconds = seconds_to(history, peer_objective)
    reached = history[history["objective"] <= peer_objective].iloc[0]
    # The history's ℓ is estimated but for the last: the run that ends at the crossing has it exactly, and its time again.
    again = in_own_process("sampled", folder, int(reached["epoch"]))
    last = pd.read_csv(folder / "sampled_history.csv").iloc[-1]
    seconds = (seconds + float(last["seconds"])) / 2
    case = f"text8 prefix, {counts.shape[0]:,} words, {counts.nnz:,} triples, dim {DIM}"
    common = {"part": "d", "ours": "sampled", "peer": f"gensim, {WORKERS} workers, {GENSIM_EPOCHS} epochs"}
    pairs = counts.total * (1 + K)
    rate, peer_rate = pairs * float(last["epoch"]) / float(last["seconds"]), pairs * GENSIM_EPOCHS / gensim["seconds"]
    return [
        {
            **common,
            "case": f"{case}: time to gensim's ℓ",
            "seconds": seconds,
            "peer_seconds": gensim["seconds"],
            "ratio": gensim["seconds"] / seconds,
            "target": SPEED_TARGET,
            "objective": again["objective"],
            "peer_objective": peer_objective,
            "epochs": int(last["epoch"]),
        },
        {**common, "case": f"{case}: pairs x (1 + K) a second", "rate": rate, "peer_rate": peer_rate, "ratio": rate / peer_rate},
        {
            **common,
            "case": f"{case}: peak memory, GB",
            "memory": max(ours["memory"], again["memory"]),
            "peer_memory": gensim["memory"],
            "target": MEMORY_TARGET,
        },
    ]


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER).resolve()
    if len(sys.argv) > 2:
        step = {"gensim": train_gensim, "sampled": train_sampled}[sys.argv[2]]
        print(json.dumps(step(folder, *map(int, sys.argv[3:]))))
        return
    for row in rows(folder):
        print(row)


if __name__ == "__main__":
    main()
