"""What windows, subsampling, smoothing and deleted neighbours do to PMI: the table and the figure of the dirty study.

    python experiments/dirty/study.py TEXT

takes the ten stretches of real text from TEXT (plain or .xz), the first 12 million words of text8 here.
"""

from __future__ import annotations

import lzma
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

import sgns_pmi as sp
from sgns_pmi.figures import save
from sgns_pmi.figures.style import set_title, styled

Float = NDArray[np.float64]
Texts = list[list[str]]

HERE = Path(__file__).parent
BLOCKS = 10
FEWEST = 30
"""Pairs that a cell must have under every device to be looked at."""
CLEAN = {"window": 5, "window_type": "fixed", "removal": "clean", "min_count": 1}
SUBSAMPLE, RARE, SMOOTHING = "subsample", "rare", "exponent"
DEVICES: dict[str, dict[str, Any]] = {
    "window 2": {"window": 2},
    "window 10": {"window": 10},
    "dynamic, expected": {"window_type": "expected"},
    "dynamic, drawn": {"window_type": "drawn"},
    "subsampling, clean": {SUBSAMPLE: True},
    "subsampling, dirty": {SUBSAMPLE: True, "removal": "dirty"},
    "rare deleted, clean": {RARE: True},
    "rare deleted, dirty": {RARE: True, "removal": "dirty"},
    "smoothing 0.75": {SMOOTHING: 0.75},
    "all of word2vec's": {"window_type": "expected", SUBSAMPLE: True, RARE: True, "removal": "dirty", SMOOTHING: 0.75},
}
"""Each device as changes of the clean table: windows of 5 that all count 1, no word left out, exponent 1."""


@dataclass(frozen=True)
class Source:
    """Texts that are alike.

    Parameters
    ----------
    name : str
    texts : list of lists of words
    words : sequence of str
        Between which PMI is looked at.
    subsample : float
        The threshold t.
    rare : dict
        What leaves rare words out, an option of `text_problem`.
    truth : Chain, optional
    """

    name: str
    texts: Texts
    words: Sequence[str]
    subsample: float
    rare: dict[str, int]
    truth: Chain | None = None


@dataclass(frozen=True)
class Chain:
    """A text whose pairs are known at every distance: words of topics, which stay with probability `stay` from word to word.

    Parameters
    ----------
    emission : ndarray, (topics, words)
    stay : float
    """

    emission: Float
    stay: float = 0.9
    shares: Float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", np.full(len(self.emission), 1 / len(self.emission)))

    @classmethod
    def drawn(cls, seed: int = 0, topics: int = 8, words: int = 100) -> Chain:
        """Zipf's law, the second half four times as rare, and topics that differ by a normal of 1.2 in log a_zw."""
        p = 1 / np.arange(1.0, words + 1)
        p[words // 2 :] /= 4
        emission = p * np.exp(np.random.default_rng(seed).normal(scale=1.2, size=(topics, words)))
        emission *= p / emission.mean(0)  # on the average over topics the law itself
        return cls(emission / emission.sum(1, keepdims=True))

    def text(self, tokens: int, rng: np.random.Generator) -> list[str]:
        """That many words."""
        fresh = rng.random(tokens) >= self.stay
        fresh[0] = True
        topics = rng.choice(len(self.shares), fresh.sum(), p=self.shares)[np.cumsum(fresh) - 1]
        below = np.cumsum(self.emission, 1)[topics] < rng.random((tokens, 1))
        return [str(word) for word in np.minimum(below.sum(1), self.emission.shape[1] - 1)]

    def pairs(self, device: dict[str, Any], subsample: float, kept_words: int) -> Float:
        """P under a device, exactly.

        A word w survives with probability κ_w. Clean, P_ij of the window's distances becomes κ_i κ_j P_ij. Dirty, survivors are a
        chain of topics too: from one to the next goes N = (I − T (I − D))⁻¹ T D, D = diag(Σ_w a_zw κ_w), and they
        emit a_zw κ_w / D_z.
        """
        own, p = {**CLEAN, **device}, self.shares @ self.emission
        window = own["window"]
        weights = np.ones(window) if own["window_type"] == "fixed" else np.arange(window, 0, -1) / window
        survives = np.ones(len(p))
        if own.get(RARE):
            survives[kept_words:] = 0.0
        if own.get(SUBSAMPLE):
            survives *= np.minimum(1.0, np.sqrt(subsample * (p @ survives) / p))
        step: NDArray[np.floating[Any]] = self.stay * np.eye(len(self.shares)) + (1 - self.stay) * self.shares
        emission, shares = self.emission, self.shares
        if own["removal"] == "dirty":
            lives = emission @ survives
            step = np.linalg.solve(np.eye(len(shares)) - step * (1 - lives), step * lives)
            emission, shares = emission * survives / lives[:, None], shares * lives / (shares @ lives)
        P, power = np.zeros((len(p), len(p))), np.eye(len(shares))
        for weight in weights:
            power = power @ step
            P += weight * emission.T @ (shares[:, None] * power) @ emission
        if own["removal"] == "clean":
            P *= np.outer(survives, survives)
        return P / P.sum()


def known(seed: int = 0, tokens: int = 100_000) -> Source:
    """Ten texts of a `Chain`."""
    chain, rng = Chain.drawn(seed), np.random.default_rng(seed)
    texts = [chain.text(tokens, rng) for _ in range(BLOCKS)]
    half = chain.emission.shape[1] // 2
    return Source("known truth", texts, [str(word) for word in range(half)], 0.01, {"max_size": half}, chain)


def real(path: Path, tokens: int = 300_000, words: int = 200) -> Source:
    """Ten stretches of a text, far from each other, and its most frequent words."""
    with (lzma.open if path.suffix == ".xz" else open)(path, "rt") as file:
        every = file.read()
    apart = len(every) // BLOCKS
    texts = [every[at : at + apart].split(maxsplit=tokens + 1)[1:-1] for at in range(0, BLOCKS * apart, apart)]
    frequent = pd.Series([word for text in texts for word in text]).value_counts().index[:words]
    return Source("text8", texts, list(frequent), 1e-4, {"min_count": 20})


@dataclass(frozen=True)
class Table:
    """Counts between the words that are looked at.

    Parameters
    ----------
    n : ndarray, (words, words)
    rows, cols : ndarray, (words,)
        Their sums over all words that are left.
    total : float
    level : float
        log Σ q^α over all words that are left.
    """

    n: Float
    rows: Float
    cols: Float
    total: float
    level: float

    def pmi(self, exponent: float) -> Float:
        """log P − log p − log (q^α / Σ q^α)."""
        with np.errstate(divide="ignore"):
            p, q = self.rows / self.total, self.cols / self.total
            return np.log(self.n / self.total) - np.log(p)[:, None] - exponent * np.log(q) + self.level

    @classmethod
    def of(cls, tables: Sequence[Table]) -> Table:
        """All of them together."""
        n, rows, cols, total = (sum(getattr(table, name) for table in tables) for name in ("n", "rows", "cols", "total"))
        return cls(n, rows, cols, total, float(np.mean([table.level for table in tables])))


def counted(source: Source, device: dict[str, Any]) -> list[Table]:
    """The table of each text under a device."""
    options = {key: value for key, value in {**CLEAN, **device}.items() if key not in (SUBSAMPLE, RARE, SMOOTHING)}
    options |= ({"subsample": source.subsample} if device.get(SUBSAMPLE) else {}) | (source.rare if device.get(RARE) else {})
    tables = []
    for number, text in enumerate(source.texts):
        counts = sp.text_problem([text], cache=False, seed=number, **options).counts
        assert counts.vocab is not None
        place = {word: at for at, word in enumerate(counts.vocab)}
        at = np.array([place[word] for word in source.words])
        level = np.log(((counts.col_sums / counts.total) ** device.get(SMOOTHING, 1.0)).sum())
        n = counts.matrix[at][:, at].toarray()
        tables.append(Table(n, counts.row_sums[at], counts.col_sums[at], counts.total, float(level)))
    return tables


def exact(source: Source, device: dict[str, Any]) -> Float:
    """The PMI that the device's counts come to, of a text whose pairs are known."""
    assert source.truth is not None
    size, exponent = len(source.words), device.get(SMOOTHING, 1.0)
    P = source.truth.pairs(device, source.subsample, size)
    level = float(np.log((P.sum(0)[P.sum(0) > 0] ** exponent).sum()))
    return Table(P[:size, :size], P.sum(1)[:size], P.sum(0)[:size], 1.0, level).pmi(exponent)


def parts(shift: Float, clean: Float, weight: Float) -> tuple[dict[str, Float], float]:
    """What a shift of the PMI consists of in each cell (0 where the weight is), and the slope of its interaction.

    level is the weighted mean, effects those of rows and of columns, interaction what is left of both; the slope is that of the
    PMI less its effects on the clean one less its own.
    """
    at, weight = weight > 0, weight / weight.sum()
    values = np.stack([np.where(at, shift, 0.0), np.where(at, clean, 0.0)])
    whole, level = values[0].copy(), np.where(at, (values[0] * weight).sum(), 0.0)
    for _ in range(30):  # weighted means of rows and of columns, in turn
        for axis in (1, 2):
            sums = weight.sum(axis - 1, keepdims=True)
            values -= np.where(at, (values * weight).sum(axis, keepdims=True) / np.where(sums > 0, sums, 1.0), 0.0)
    moved, own = values
    slope = 1.0 + float((weight * moved * own).sum() / (weight * own**2).sum())
    return {"all": whole, "level": level, "effects": whole - level - moved, "interaction": moved}, slope


def jackknife(values: Sequence[Any]) -> Any:
    """Variance of a figure of all texts, from those of all but one."""
    array = np.asarray(values)
    return (len(array) - 1) / len(array) * ((array - array.mean(0)) ** 2).sum(0)


def sizes(found: tuple[dict[str, Float], float], others: list[tuple[dict[str, Float], float]], weight: Float) -> Iterator[Any]:
    """Part, its root mean square over cells without what sampling noise adds to it, and the standard error of that."""
    weight = weight / weight.sum()
    for part, values in found[0].items():
        noise = float((weight * jackknife([other[0][part] for other in others])).sum())
        square = float((weight * values**2).sum())
        error = jackknife([np.sqrt((weight * other[0][part] ** 2).sum()) for other in others])
        yield part, np.sqrt(max(0.0, square - noise)), np.sqrt(error)
    yield "slope", found[1], np.sqrt(jackknife([other[1] for other in others]))


def rows_of(source: Source) -> Iterator[tuple[Any, ...]]:
    """Source, device, part, its size, standard error, and what it comes to where that is known."""
    tables = {"clean": counted(source, {})} | {name: counted(source, device) for name, device in DEVICES.items()}
    pooled = {name: Table.of(own) for name, own in tables.items()}
    looked_at = np.min([table.n for table in pooled.values()], axis=0) >= FEWEST
    looked_at &= np.min([own.n for own in leave_one_out(tables)], axis=0) > 0
    weight = np.where(looked_at, pooled["clean"].n, 0.0)
    yield source.name, "clean", "cells", float(looked_at.sum()), np.nan, np.nan
    clean, clean_out = pooled["clean"].pmi(1.0), [table.pmi(1.0) for table in out(tables["clean"])]
    noise = {"clean": spread(clean_out, weight)}
    for name, device in DEVICES.items():
        exponent = device.get(SMOOTHING, 1.0)
        own_out = [table.pmi(exponent) for table in out(tables[name])]
        found = parts(pooled[name].pmi(exponent) - clean, clean, weight)
        others = [parts(own - other, other, weight) for own, other in zip(own_out, clean_out, strict=True)]
        known = {}
        if source.truth is not None:
            truth = exact(source, {})
            known = {
                part: value for part, value, _ in sizes(parts(exact(source, device) - truth, truth, weight), others[:1], weight)
            }
        for part, value, error in sizes(found, others, weight):
            yield source.name, name, part, value, float(error), known.get(part, np.nan)
        noise[name] = spread(own_out, weight)
    for name, value in noise.items():
        yield source.name, name, "standard error", value, np.nan, np.nan
        yield source.name, name, "worth in text", (noise["clean"] / value) ** 2, np.nan, np.nan


def out(tables: Sequence[Table]) -> list[Table]:
    """All texts but one, for each."""
    return [Table.of([*tables[:at], *tables[at + 1 :]]) for at in range(len(tables))]


def leave_one_out(tables: dict[str, list[Table]]) -> Iterator[Table]:
    """Those of every device."""
    for own in tables.values():
        yield from out(own)


def spread(estimates: Sequence[Float], weight: Float) -> float:
    """Root mean square over the cells of the standard error of the PMI, its effects and level among it."""
    at = weight > 0
    return float(np.sqrt((weight[at] * jackknife([own[at] for own in estimates])).sum() / weight.sum()))


@styled
def bars(rows: pd.DataFrame) -> Figure:
    """A panel a source: for each device the parts of its shift, with standard errors, and what is known of them."""
    colours = {"level": "#BBBBBB", "effects": "#E69F00", "interaction": "#0072B2"}
    names = list(dict.fromkeys(rows["source"]))
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    axes = figure.subplots(1, len(names), sharey=True)
    for ax, name in zip(axes, names, strict=True):
        own = rows[rows["source"] == name].set_index(["device", "part"])
        for shift, (part, colour) in enumerate(colours.items()):
            at = np.arange(len(DEVICES)) + 0.27 * (shift - 1)
            chosen = own.loc[[(device, part) for device in DEVICES]]
            ax.barh(at, chosen["value"], 0.25, xerr=chosen["se"], color=colour, label=part, error_kw={"linewidth": 1})
            if chosen["known"].notna().any():
                ax.plot(chosen["known"], at, "kd", markersize=3.5, label="known" if part == "level" else None)
        ax.set(title=name, xlabel="root mean square shift of PMI (nats)")
        ax.set_yticks(range(len(DEVICES)), DEVICES)
        ax.grid(True, axis="x")
    axes[0].invert_yaxis()
    axes[0].legend(loc="upper right")
    set_title(figure, "What each device does to PMI, against windows of 5 that all count 1 and no word left out")
    return figure


def main(path: str) -> None:
    """Write table.csv and figure.png beside this file."""
    warnings.simplefilter("ignore")
    sources = [known(), real(Path(path))]
    rows = [row for source in sources for row in rows_of(source)]
    table = pd.DataFrame(rows, columns=["source", "device", "part", "value", "se", "known"])
    table.to_csv(HERE / "table.csv", index=False, float_format="%.4g")
    print(table.pivot_table(["value", "se", "known"], ["source", "device"], "part", sort=False).round(4).to_string())
    save(bars(table), HERE / "figure")


if __name__ == "__main__":
    main(sys.argv[1])
